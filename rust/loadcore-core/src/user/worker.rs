//! What all users of one worker share. Single-threaded: cells instead of locks.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::capture::Capture;
use super::outbox::Outbox;
use crate::aggregate::ScenarioEvent;
use crate::auth::Pool;
use crate::feeder::Feeder;
use crate::program::{Program, ScenarioProgram};
use crate::record::{EndReason, Phase, Recorder, ScenarioId};
use crate::schedule::Share;
use crate::timer::Timer;
use crate::transport::{Origin, Transport};

/// As much as one `recv` takes at most. One buffer serves all connections.
const RECEIVE_BUFFER: usize = 256 * 1024;

/// One process' part of a run.
pub(crate) struct Worker<T: Transport> {
    pub(crate) program: Rc<Program>,
    pub(crate) share: Share,
    pub(crate) timer: Rc<Timer>,
    pub(crate) transport: T,
    pub(crate) outbox: Rc<Outbox<T::Connection>>,
    pub(crate) recorder: RefCell<Recorder>,
    pub(crate) receive_buffer: RefCell<Box<[u8]>>,
    /// The program's origins, and those that redirects led to.
    pub(crate) origins: RefCell<Vec<Rc<Origin>>>,
    pub(crate) feeders: RefCell<Vec<Feeder>>,
    pub(crate) tokens: RefCell<Vec<Option<Pool>>>,
    spare_captures: RefCell<Vec<Box<Capture>>>,
    /// When it was told to start no more iterations; `u64::MAX` until then.
    stopped_at_ns: Cell<u64>,
    end: RefCell<Option<(EndReason, Option<String>)>>,
}

/// Index of an origin in [`Worker::origins`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OriginId(pub(crate) u16);

impl<T: Transport> Worker<T> {
    pub(crate) fn new(program: Rc<Program>, share: Share, timer: Rc<Timer>, transport: T, recorder: Recorder) -> Rc<Self> {
        let origins = program.origins.iter().cloned().map(Rc::new).collect();
        let feeders = program.feeders(share);
        let tokens = program.token_pools(share);
        Rc::new(Self {
            outbox: Rc::new(Outbox::new(Rc::clone(&timer))),
            recorder: RefCell::new(recorder),
            receive_buffer: RefCell::new(vec![0; RECEIVE_BUFFER].into()),
            origins: RefCell::new(origins),
            feeders: RefCell::new(feeders),
            tokens: RefCell::new(tokens),
            spare_captures: RefCell::default(),
            stopped_at_ns: Cell::new(u64::MAX),
            end: RefCell::new(None),
            program,
            share,
            timer,
            transport,
        })
    }

    pub(crate) fn now(&self) -> u64 {
        self.timer.clock().now()
    }

    /// Which part of the run something due then belongs to.
    pub(crate) fn phase(&self, scenario: &ScenarioProgram, due_ns: u64) -> Phase {
        if due_ns < self.program.warm_up_ns {
            Phase::WarmUp
        } else if due_ns >= scenario.planned_end_ns.min(self.stopped_at_ns.get()) {
            Phase::RampDown
        } else {
            Phase::Steady
        }
    }

    pub(crate) fn count(&self, scenario: ScenarioId, phase: Phase, event: ScenarioEvent) {
        self.recorder.borrow_mut().scenario(scenario, phase, event);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopped_at_ns.get() != u64::MAX
    }

    /// Starts no more iterations from now on. The first reason given is the one that counts.
    pub(crate) fn stop(&self, reason: EndReason, error: Option<String>) {
        self.end.borrow_mut().get_or_insert((reason, error));
        if !self.is_stopping() {
            self.stopped_at_ns.set(self.now());
            self.timer.wake_all();
        }
    }

    /// When running iterations have to end, for a scenario that is planned to end then.
    pub(crate) fn last_call_ns(&self, planned_end_ns: u64) -> u64 {
        planned_end_ns.min(self.stopped_at_ns.get()).saturating_add(self.program.graceful_stop_ns)
    }

    pub(crate) fn end(&self) -> (EndReason, Option<String>) {
        self.end.borrow().clone().unwrap_or((EndReason::Finished, None))
    }

    pub(crate) fn interrupt(&self) {
        *self.end.borrow_mut() = Some((EndReason::Interrupted, None));
        self.stop(EndReason::Interrupted, None);
        self.timer.interrupt_all();
    }

    pub(crate) fn origin(&self, id: OriginId) -> Rc<Origin> {
        Rc::clone(&self.origins.borrow()[usize::from(id.0)])
    }

    /// The id of an origin that may be new. `None`: there are too many.
    pub(crate) fn origin_id(&self, origin: Origin) -> Option<OriginId> {
        let mut origins = self.origins.borrow_mut();
        let known = origins.iter().position(|known| **known == origin);
        let index = known.unwrap_or(origins.len());
        let id = u16::try_from(index).ok().map(OriginId)?;
        if known.is_none() {
            origins.push(Rc::new(origin));
        }
        Some(id)
    }

    /// An empty capture; one that was used before, if there is one.
    pub(crate) fn take_capture(&self) -> Box<Capture> {
        self.spare_captures.borrow_mut().pop().unwrap_or_default()
    }

    pub(crate) fn give_back(&self, mut capture: Box<Capture>) {
        if capture.clear() {
            self.spare_captures.borrow_mut().push(capture);
        }
    }
}
