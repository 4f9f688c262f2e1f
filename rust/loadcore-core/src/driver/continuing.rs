//! The leave of a user whose code runs beside the engine to continue by itself: to begin its next iteration with the end of one.
//! To ask for each costs a way to the engine and back, which is as much as a short iteration.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The leave of a user to begin the next iteration with the end of one that is complete, by
/// [`Command::End`](super::script::Command::End), and the ones after that. Users have it that iterate one iteration after
/// the other for as long as they are on, where the engine has nothing to do between two of them.
#[derive(Debug, Clone)]
pub struct MayContinue {
    /// It ends with these loads: [`Script::edition`](super::script::Script::edition) says so.
    pub edition: u32,
    /// Iterations that begin before this.
    pub until_ns: u64,
    /// One of these for each, if they are not without number.
    pub left: Option<IterationsLeft>,
}

/// How many iterations are left to the users of a worker: the engine takes those that it begins, and code takes its own.
#[derive(Debug, Clone)]
pub struct IterationsLeft(Arc<AtomicU64>);

impl IterationsLeft {
    /// As many as this.
    #[must_use]
    pub fn new(iterations: u64) -> Self {
        Self(Arc::new(AtomicU64::new(iterations)))
    }

    /// Takes one, if one is left.
    #[must_use]
    pub fn take(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}
