//! Answers that are held back: a queue by due time, a timer that rings for the first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::rc::Rc;

use loadcore_null::Asker;
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};

/// How many of the last delays are kept for the statistics.
const KEPT: usize = 1 << 20;

/// An answer on its way.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Held {
    pub(crate) due_ns: u64,
    pub(crate) came_ns: u64,
    pub(crate) asker: Asker,
    pub(crate) bytes: Rc<[u8]>,
}

/// All answers on their way.
pub(crate) struct Queue {
    held: BinaryHeap<Reverse<Held>>,
    timer: std::fs::File,
    armed_ns: Option<u64>,
    /// How long answers were really held, the last [`KEPT`] of them.
    delays_ns: Vec<u64>,
    count: usize,
}

impl Queue {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?;
        Ok(Self { held: BinaryHeap::new(), timer: timer.into(), armed_ns: None, delays_ns: Vec::new(), count: 0 })
    }

    pub(crate) fn register(&self, registry: &mio::Registry, token: mio::Token) -> io::Result<()> {
        registry.register(&mut mio::unix::SourceFd(&self.timer.as_raw_fd()), token, mio::Interest::READABLE)
    }

    pub(crate) fn push(&mut self, held: Held) -> io::Result<()> {
        self.held.push(Reverse(held));
        self.arm()
    }

    /// The timer has rung.
    pub(crate) fn rang(&mut self) {
        // How often it rang is of no interest.
        let _ = self.timer.read(&mut [0; 8]);
        self.armed_ns = None;
    }

    /// The next answer that is due, or the timer is set for it.
    pub(crate) fn pop_due(&mut self, now_ns: u64) -> io::Result<Option<Held>> {
        if self.held.peek().is_some_and(|Reverse(first)| first.due_ns <= now_ns) {
            return Ok(self.held.pop().map(|Reverse(held)| held));
        }
        self.arm()?;
        Ok(None)
    }

    /// Notes that an answer has been sent.
    pub(crate) fn sent(&mut self, delay_ns: u64) {
        if self.delays_ns.len() < KEPT {
            self.delays_ns.push(delay_ns);
        } else {
            self.delays_ns[self.count % KEPT] = delay_ns;
        }
        self.count += 1;
    }

    /// Real delays at these quantiles.
    pub(crate) fn quantiles(&self, quantiles: &[f64]) -> Vec<u64> {
        let mut sorted = self.delays_ns.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank"
        )]
        let rank = |quantile: f64| (quantile * last as f64).round() as usize;
        quantiles.iter().map(|&quantile| sorted.get(rank(quantile)).copied().unwrap_or(0)).collect()
    }

    fn arm(&mut self) -> io::Result<()> {
        let first = self.held.peek().map(|Reverse(held)| held.due_ns);
        let Some(due_ns) = first.filter(|&due_ns| self.armed_ns.is_none_or(|armed_ns| due_ns < armed_ns)) else {
            return Ok(());
        };
        #[expect(clippy::cast_possible_wrap, reason = "584 years")]
        let it_value = Timespec { tv_sec: (due_ns / 1_000_000_000) as i64, tv_nsec: (due_ns % 1_000_000_000) as i64 };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
        rustix::time::timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &once)?;
        self.armed_ns = Some(due_ns);
        Ok(())
    }
}
