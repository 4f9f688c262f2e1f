//! A server made of plain blocking sockets that does what a test tells it, and a run of the real engine against it.

pub(crate) mod child;
pub(crate) mod names;
pub(crate) mod plans;
pub(crate) mod run;
pub(crate) mod server;
pub(crate) mod tls;

use std::time::{Duration, Instant};

/// The longest that any test waits for something that is to happen at once.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until something has become true, and fails if it does not.
pub(crate) fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_true() {
        assert!(Instant::now() < deadline, "{what} never happened");
        std::thread::sleep(Duration::from_millis(1));
    }
}
