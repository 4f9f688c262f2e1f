//! The engine: carries out one share of a plan on a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::Receiver;
use std::thread::{self, JoinHandle};

use serde::Serialize;

use crate::error::Problem;
use crate::plan::{self, Plan};
use crate::record::{EndReason, Phase, Recorder, Recycler, Tables};
use crate::schedule::Share;

pub use crate::record::{Event, RunEnd};

/// A share of a plan, checked and ready to start.
#[derive(Debug)]
pub struct Engine {
    description: Description,
}

/// What a share of a plan will do, before it does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description {
    /// Everything that has a name.
    #[serde(flatten)]
    pub tables: Tables,
    /// Most sockets that this share may hold open at a time.
    pub connections: u64,
}

/// A share of a plan while it is carried out.
#[derive(Debug)]
pub struct Running {
    /// What the engine thread hands over, up to [`Event::End`].
    pub events: Receiver<Event>,
    /// Brings back chunks and windows that have been read.
    pub recycler: Recycler,
    /// Stops it.
    pub control: Control,
    /// Ends after [`Event::End`] has been handed over.
    pub engine_thread: JoinHandle<()>,
}

/// Stops a running engine, from any thread. Asking more than once changes nothing; an interrupt outranks a stop.
#[derive(Debug, Clone, Default)]
pub struct Control {
    asked: Arc<AtomicU8>,
}

impl Control {
    const STOP: u8 = 1;
    const INTERRUPT: u8 = 2;

    /// Start no more iterations; let running ones finish for as long as the plan allows.
    pub fn stop(&self) {
        self.asked.fetch_max(Self::STOP, Ordering::Relaxed);
    }

    /// Stop now. Requests in flight are recorded as interrupted.
    pub fn interrupt(&self) {
        self.asked.fetch_max(Self::INTERRUPT, Ordering::Relaxed);
    }
}

impl Engine {
    /// Checks a plan and makes this share of it ready.
    ///
    /// # Errors
    /// Everything that is wrong with the plan.
    #[expect(clippy::needless_pass_by_value, reason = "the engine keeps what it needs of the plan")]
    pub fn new(plan: Plan, _share: Share) -> Result<Self, Vec<Problem>> {
        if plan.version != plan::VERSION {
            let message = format!("the plan has version {}; this engine reads version {}", plan.version, plan::VERSION);
            return Err(vec![Problem { path: "version".into(), at: None, message, hint: None }]);
        }
        Ok(Self { description: Description { tables: Tables::default(), connections: 0 } })
    }

    /// What this share will do.
    #[must_use]
    pub fn describe(&self) -> &Description {
        &self.description
    }

    /// Starts the engine thread; the run begins at this time of the monotonic clock.
    #[must_use]
    pub fn start(self, _start_at_ns: u64) -> Running {
        let (recorder, events, recycler) = Recorder::channel(self.description.tables, true);
        let engine_thread = thread::spawn(move || recorder.finish(0, Phase::Steady, EndReason::Finished, None));
        Running { events, recycler, control: Control::default(), engine_thread }
    }
}
