//! Tells [`Turns`] of a runtime's turns.

use std::sync::Arc;

use tokio::runtime::Builder;

use super::Turns;
use crate::clock::{Clock, wall_ns};
use crate::health::CoreWait;

/// What the hooks of an engine thread's runtime do.
#[derive(Debug)]
pub(crate) struct Watch {
    turns: Arc<Turns>,
    clock: Clock,
    core_wait: CoreWait,
}

impl Watch {
    /// A watch over the calling thread.
    #[must_use]
    pub(crate) fn new(turns: Arc<Turns>, clock: Clock) -> Self {
        Self { turns, clock, core_wait: CoreWait::of_this_thread() }
    }

    /// Sets the hooks of the runtime that this thread will run.
    pub(crate) fn over(self, runtime: &mut Builder) {
        let watch = Arc::new(self);
        let at_end = Arc::clone(&watch);
        runtime.on_thread_park(move || at_end.end());
        runtime.on_thread_unpark(move || watch.begin());
    }

    fn end(&self) {
        self.turns.end(|| self.core_wait.since_last_asked());
    }

    fn begin(&self) {
        let wall_ahead_ns = || wall_ns().saturating_sub(self.clock.now());
        self.turns.begin(self.clock.now(), || self.core_wait.since_last_asked(), wall_ahead_ns);
    }
}
