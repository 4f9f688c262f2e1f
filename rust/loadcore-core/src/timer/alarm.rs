//! One alarm clock.

use std::task::{Context, Poll};

use crate::clock::Clock;

/// Something that can be set to go off at a time.
#[derive(Debug)]
pub(crate) struct Alarm(Kind);

#[derive(Debug)]
enum Kind {
    #[cfg(target_os = "linux")]
    Timerfd(linux::Timerfd),
    #[cfg(any(test, not(target_os = "linux")))]
    Tokio(std::pin::Pin<Box<tokio::time::Sleep>>),
}

impl Alarm {
    /// The most exact alarm of this system. On Linux a timerfd: tens of microseconds late, where tokio's is a millisecond.
    pub(crate) fn system() -> std::io::Result<Self> {
        #[cfg(target_os = "linux")]
        return Ok(Self(Kind::Timerfd(linux::Timerfd::new()?)));
        #[cfg(not(target_os = "linux"))]
        return Ok(Self::tokio());
    }

    /// An alarm that goes by tokio's time, which tests can pause.
    #[cfg(any(test, not(target_os = "linux")))]
    #[must_use]
    pub(crate) fn tokio() -> Self {
        Self(Kind::Tokio(Box::pin(tokio::time::sleep_until(tokio::time::Instant::now()))))
    }

    /// Sets it to go off when `clock` shows `due`, and not at any time it was set to before.
    pub(super) fn set(&mut self, clock: &Clock, due: u64) {
        match &mut self.0 {
            #[cfg(target_os = "linux")]
            Kind::Timerfd(timerfd) => timerfd.set(due.saturating_sub(clock.now())),
            #[cfg(any(test, not(target_os = "linux")))]
            Kind::Tokio(sleep) => sleep.as_mut().reset(clock.instant(due)),
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            #[cfg(target_os = "linux")]
            Kind::Timerfd(timerfd) => timerfd.poll(cx),
            #[cfg(any(test, not(target_os = "linux")))]
            Kind::Tokio(sleep) => sleep.as_mut().poll(cx),
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::task::{Context, Poll, ready};

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::{Interest, unix::AsyncFd};

    #[derive(Debug)]
    pub(super) struct Timerfd(AsyncFd<OwnedFd>);

    impl Timerfd {
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let descriptor = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            #[expect(
                deprecated,
                reason = "its successor is unsafe for the sake of types that lose their descriptor; an OwnedFd does not"
            )]
            let registered = AsyncFd::with_interest(descriptor, Interest::READABLE)?;
            Ok(Self(registered))
        }

        pub(super) fn set(&mut self, in_ns: u64) {
            // A time of 0 would turn it off.
            let in_ns = i64::try_from(in_ns.max(1)).unwrap_or(i64::MAX);
            let time = Itimerspec {
                it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
                it_value: Timespec { tv_sec: in_ns / 1_000_000_000, tv_nsec: in_ns % 1_000_000_000 },
            };
            // Cannot fail: the descriptor is a timerfd and the time is valid.
            let _ = timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &time);
        }

        /// Never reads the descriptor: setting it takes back what it has to say, and edges are all that is waited for.
        pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
            match ready!(self.0.poll_read_ready(cx)) {
                Ok(mut guard) => guard.clear_ready(),
                Err(_) => return Poll::Pending,
            }
            Poll::Ready(())
        }
    }
}
