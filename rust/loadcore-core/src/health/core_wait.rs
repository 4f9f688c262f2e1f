//! For how long a thread was ready to run and had no core.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

use super::figures;

/// Asks the kernel for how long one thread has waited for a core. Unlike [`super::Probe`] it is used on the engine thread: a
/// question is one system call and takes no memory.
#[derive(Debug)]
pub struct CoreWait {
    /// `None` where there is no such file.
    schedstat: Option<File>,
    last_ns: AtomicU64,
}

impl CoreWait {
    /// Of the calling thread, from now on.
    #[must_use]
    pub fn of_this_thread() -> Self {
        let wait = Self { schedstat: File::open("/proc/thread-self/schedstat").ok(), last_ns: AtomicU64::new(0) };
        wait.since_last_asked();
        wait
    }

    /// Nanoseconds since the last time; 0 if they are not known.
    pub fn since_last_asked(&self) -> u64 {
        let Some(now_ns) = self.total_ns() else { return 0 };
        now_ns.saturating_sub(self.last_ns.swap(now_ns, Ordering::Relaxed))
    }

    fn total_ns(&self) -> Option<u64> {
        let mut text = [0; 64];
        let length = self.schedstat.as_ref()?.read_at(&mut text, 0).ok()?;
        figures::wait_of_schedstat(std::str::from_utf8(text.get(..length)?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// The wait is of the time that has passed, and told once.
    #[test]
    fn the_wait_for_a_core_is_told_once() {
        let wait = CoreWait::of_this_thread();
        let start = Instant::now();
        std::thread::sleep(Duration::from_millis(1));
        let told = wait.since_last_asked();
        assert!(told <= u64::try_from(start.elapsed().as_nanos()).unwrap(), "{told}");
    }
}
