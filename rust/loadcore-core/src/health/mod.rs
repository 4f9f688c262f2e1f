//! What the worker process reads about itself, so that a run can say whether the client was the bottleneck.
//!
//! Everything is read from `/proc`, and but for [`CoreWait`] by another thread than the engine's. Where a file is missing, or is not as expected,
//! the figure is `None`: health never fails a run.

mod core_wait;
mod figures;
mod probe;

use std::path::Path;

pub use core_wait::CoreWait;
pub use probe::{Health, Probe};

/// The calling thread's id in `/proc`; `None` where there is no such file system.
#[must_use]
pub fn this_thread() -> Option<u32> {
    let link = std::fs::read_link("/proc/thread-self").ok()?;
    link.file_name()?.to_str()?.parse().ok()
}

/// CPU time that the calling thread has used.
#[must_use]
pub fn this_thread_cpu() -> Option<u64> {
    probe::thread_cpu(Path::new("/proc/thread-self"))
}
