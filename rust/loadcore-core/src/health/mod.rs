//! What the worker process reads about itself, so that a run can say whether the client was the limit.

use std::path::Path;

/// The calling thread's id in `/proc`; `None` where there is no such file system.
#[must_use]
pub fn this_thread() -> Option<u32> {
    let link = std::fs::read_link("/proc/thread-self").ok()?;
    Path::new(&link).file_name()?.to_str()?.parse().ok()
}
