//! What one thread waits for and another rings: an eventfd where there is one, a pipe elsewhere.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A descriptor that is readable from when it is rung until it is heard.
#[derive(Debug)]
pub(crate) struct Bell {
    heard: OwnedFd,
    /// The end of a pipe that is written to; an eventfd is one descriptor.
    rung: Option<OwnedFd>,
}

impl Bell {
    /// A bell that is silent.
    pub(crate) fn new() -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        {
            use rustix::event::{EventfdFlags, eventfd};
            let heard = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
            Ok(Self { heard, rung: None })
        }
        #[cfg(not(target_os = "linux"))]
        Self::piped()
    }

    /// The same over a pipe.
    #[cfg(any(test, not(target_os = "linux")))]
    fn piped() -> io::Result<Self> {
        let (heard, rung) = std::io::pipe()?;
        let (heard, rung) = (OwnedFd::from(heard), OwnedFd::from(rung));
        for end in [&heard, &rung] {
            rustix::io::ioctl_fionbio(end, true)?;
        }
        Ok(Self { heard, rung: Some(rung) })
    }

    /// Rings. A bell that is full of rings is heard anyway.
    pub(crate) fn ring(&self) {
        let _ = rustix::io::write(self.rung.as_ref().unwrap_or(&self.heard), &1_u64.to_ne_bytes());
    }

    /// Makes it silent.
    pub(crate) fn hear(&self) {
        let mut rings = [0; 64];
        let _ = rustix::io::read(&self.heard, &mut rings);
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.heard.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, poll};

    use super::*;

    fn is_rung(bell: &Bell) -> bool {
        let mut waited = [PollFd::new(bell, PollFlags::IN)];
        poll(&mut waited, Some(&Duration::ZERO.try_into().unwrap())).unwrap() == 1
    }

    /// However often it was rung, it is heard once.
    #[test]
    fn a_bell_is_heard_once() {
        for bell in [Bell::new().unwrap(), Bell::piped().unwrap()] {
            assert!(!is_rung(&bell));
            bell.hear();
            for _ in 0..3 {
                bell.ring();
            }
            assert!(is_rung(&bell));
            bell.hear();
            assert!(!is_rung(&bell));
        }
    }
}
