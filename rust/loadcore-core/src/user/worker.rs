//! What all users of one worker share. Single-threaded: cells instead of locks.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::sync::Semaphore;
use tokio::task::JoinError;

use super::capture::Capture;
use super::orders::OrderedLoad;
use super::outbox::Outbox;
use super::scripted::Scripted;
use super::trace::Tracing;
use crate::aggregate::ScenarioEvent;
use crate::auth::Pool;
use crate::driver::script::Scripts;
use crate::exchange::{Exchange, Stack};
use crate::feeder::{Dealer, Dealt};
use crate::plan::Samples;
use crate::program::{OriginId, PoolProgram, Program, ScenarioProgram};
use crate::record::{Phase, ScenarioId};
use crate::recorder::{EndReason, Recorder};
use crate::schedule::Share;
use crate::step::{Counter, Scratch, Variables};
use crate::timer::Timer;
use crate::transport::Origin;

/// Connection attempts under way at once, so that a thousand users starting together do not overflow the target's
/// accept queue: an attempt dropped there costs a second and would look like the target's own slowness.
const CONNECTS_AT_ONCE: usize = 256;

/// A buffer of a request that is larger than this is not kept for another one.
const LARGEST_SPARE_BUFFER: usize = 1 << 20;

/// A share of a program, and the scripts of its scenarios.
pub(crate) struct Work {
    pub(crate) program: Program,
    pub(crate) share: Share,
    pub(crate) scripts: Scripts,
}

/// One process' part of a run.
pub(crate) struct Worker<T: Stack> {
    pub(crate) program: Rc<Program>,
    pub(crate) share: Share,
    pub(crate) timer: Rc<Timer>,
    pub(crate) transport: T,
    pub(crate) outbox: Rc<Outbox<T::Connection>>,
    /// Turns to connect.
    pub(crate) connects: Semaphore,
    pub(crate) recorder: RefCell<Recorder>,
    pub(crate) exchanges: RefCell<<T::Exchange as Exchange>::Shared>,
    /// The head of the next response that does not come in one piece is kept, to be looked at.
    pub(crate) is_curious: Cell<bool>,
    /// The program's origins, and those that redirects led to.
    pub(crate) origins: RefCell<Vec<Rc<Origin>>>,
    pub(crate) pools: Vec<TokenPool>,
    dealers: RefCell<Vec<Dealer>>,
    /// What `{$counter}` counts with.
    pub(crate) counter: RefCell<Counter>,
    /// Where checks work.
    pub(crate) scratch: RefCell<Scratch>,
    /// Where bodies are rendered, since their length precedes them.
    pub(crate) body: RefCell<Vec<u8>>,
    #[expect(
        clippy::vec_box,
        reason = "a capture is boxed so that users' futures stay small; the box is what is kept"
    )]
    spare_captures: RefCell<Vec<Box<Capture>>>,
    /// Buffers of requests whose answers are final.
    spare_buffers: RefCell<Vec<Vec<u8>>>,
    /// Which requests carry a `traceparent`, if any do.
    pub(crate) tracing: Option<Tracing>,
    /// The wall clock at the run's start.
    started_unix_ns: u64,
    /// When it had to stop starting iterations; `u64::MAX` until then.
    stopped_at_ns: Cell<u64>,
    /// When the warm-up ends; `u64::MAX` until it is known.
    warm_up_ns: Cell<u64>,
    /// When a script began to wind up; `u64::MAX` until then.
    wound_up_ns: Cell<u64>,
    /// Changes with each order, and with a stop: who begins an iteration has looked at the load of this edition.
    edition: Cell<u32>,
    /// By scenario.
    pub(crate) loads: Vec<OrderedLoad>,
    end: RefCell<Option<(EndReason, Option<String>)>>,
    /// The scripts of scenarios that have one.
    scripts: Vec<Option<Rc<Scripted>>>,
}

/// Tokens, and those who wait for one.
#[derive(Debug)]
pub(crate) struct TokenPool {
    pub(crate) pool: RefCell<Pool>,
    /// Tasks of users that wait for a fetch of another.
    pub(crate) waiting: RefCell<Vec<u32>>,
    pub(crate) ended_fetches: Cell<u64>,
}

impl TokenPool {
    fn new(program: &PoolProgram, share: Share) -> Self {
        let PoolProgram { shared, refresh_before_ns, prefix, seed, .. } = program;
        Self {
            pool: RefCell::new(Pool::new(*shared, share, *refresh_before_ns, prefix, *seed)),
            waiting: RefCell::default(),
            ended_fetches: Cell::new(0),
        }
    }

    /// Lets those who wait ask again.
    pub(crate) fn end_fetch(&self, timer: &Timer) {
        self.ended_fetches.set(self.ended_fetches.get() + 1);
        for task in self.waiting.take() {
            timer.wake(task);
        }
    }
}

impl<T: Stack> Worker<T> {
    pub(crate) fn new(
        Work { program, share, scripts }: Work,
        timer: Rc<Timer>,
        transport: T,
        recorder: Recorder,
    ) -> Rc<Self> {
        let mut recorder = recorder;
        if program.samples == Samples::Everything {
            recorder.sample_everything();
        }
        let origins = program.origins.iter().cloned().map(Rc::new).collect();
        let dealers = program.dealers_of(share);
        let pools = program.pools.iter().map(|pool| TokenPool::new(pool, share)).collect();
        Rc::new(Self {
            outbox: Rc::new(Outbox::new(Rc::clone(&timer))),
            connects: Semaphore::new(CONNECTS_AT_ONCE),
            recorder: RefCell::new(recorder),
            exchanges: RefCell::default(),
            is_curious: Cell::new(false),
            origins: RefCell::new(origins),
            pools,
            dealers: RefCell::new(dealers),
            counter: RefCell::new(Counter::new(share, program.begins_ns)),
            scratch: RefCell::default(),
            body: RefCell::default(),
            spare_captures: RefCell::default(),
            spare_buffers: RefCell::default(),
            tracing: Tracing::new(&program),
            started_unix_ns: timer.clock().started_unix_ns(),
            stopped_at_ns: Cell::new(u64::MAX),
            wound_up_ns: Cell::new(u64::MAX),
            warm_up_ns: Cell::new(program.warm_up_ns.unwrap_or(u64::MAX)),
            edition: Cell::new(0),
            loads: program.scenarios.iter().map(|scenario| OrderedLoad::new(&scenario.load)).collect(),
            end: RefCell::new(None),
            scripts: scripts.into_iter().map(|script| script.map(Scripted::new)).collect(),
            program: Rc::new(program),
            share,
            timer,
            transport,
        })
    }

    /// The script of a scenario, if it has one.
    pub(crate) fn scripted(&self, scenario: usize) -> Option<Rc<Scripted>> {
        self.scripts.get(scenario)?.clone()
    }

    pub(crate) fn now(&self) -> u64 {
        self.timer.now()
    }

    /// The wall clock. Read at the start and carried on by the monotonic one, so that it never jumps.
    pub(crate) fn unix_ns(&self) -> u64 {
        self.started_unix_ns + self.timer.recent()
    }

    /// Which part of the run something due then belongs to.
    pub(crate) fn phase(&self, scenario: &ScenarioProgram, due_ns: u64) -> Phase {
        self.phase_until(scenario, due_ns).0
    }

    /// The same, and when that part ends; 0 for the last one.
    #[inline]
    pub(crate) fn phase_until(&self, scenario: &ScenarioProgram, due_ns: u64) -> (Phase, u64) {
        self.phase_at(due_ns, scenario.planned_end_ns)
    }

    /// Which part of the plan this time belongs to, also where the run was stopped before: rates cover what is served
    /// until all is over, which are of the time until then.
    #[cold]
    pub(crate) fn planned_phase(&self, scenario: &ScenarioProgram, time_ns: u64) -> Phase {
        if time_ns < self.warm_up_ns.get() {
            Phase::WarmUp
        } else if time_ns < scenario.planned_end_ns.min(self.wound_up_ns.get()) {
            Phase::Steady
        } else {
            Phase::RampDown
        }
    }

    /// The phase of a second: the one it begins in, while any scenario lasts. Windows carry it, so that no reader has
    /// to derive it.
    pub(crate) fn phase_of_second(&self, second: u32) -> Phase {
        let planned_end_ns = self.program.scenarios.iter().map(|scenario| scenario.planned_end_ns).max().unwrap_or(0);
        self.phase_at(u64::from(second) * 1_000_000_000, planned_end_ns).0
    }

    #[inline]
    fn phase_at(&self, time_ns: u64, planned_end_ns: u64) -> (Phase, u64) {
        let end_ns = planned_end_ns.min(self.stopped_at_ns.get());
        if time_ns < self.warm_up_ns.get() {
            (Phase::WarmUp, self.warm_up_ns.get())
        } else if time_ns >= end_ns {
            (Phase::RampDown, 0)
        } else {
            (Phase::Steady, end_ns)
        }
    }

    #[inline]
    pub(crate) fn count(&self, scenario: ScenarioId, phase: Phase, event: ScenarioEvent) {
        self.count_times(scenario, phase, event, 1);
    }

    #[inline]
    pub(crate) fn count_times(&self, scenario: ScenarioId, phase: Phase, event: ScenarioEvent, times: u64) {
        self.recorder.borrow_mut().scenario(scenario, phase, event, times);
    }

    /// Notes how long it took, or takes, to send a request that did not leave at once.
    #[cold]
    pub(crate) fn note_sending(&self, started_ns: u64) {
        self.recorder.borrow_mut().sending(self.now().saturating_sub(started_ns));
    }

    /// Whether every request is sampled.
    pub(crate) fn samples_everything(&self) -> bool {
        self.program.samples == Samples::Everything
    }

    /// Which edition the loads are of.
    #[inline]
    pub(crate) fn edition(&self) -> u32 {
        self.edition.get()
    }

    /// Has everyone who begins an iteration look at the load again.
    pub(super) fn next_edition(&self) {
        self.edition.set(self.edition.get().wrapping_add(1));
        for script in self.scripts.iter().flatten() {
            script.next_edition(self.edition.get());
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopped_at_ns.get() != u64::MAX
    }

    /// Whether no more iterations of the scenario start.
    pub(crate) fn is_over(&self, scenario: &ScenarioProgram) -> bool {
        self.is_stopping() || self.timer.recent() >= scenario.planned_end_ns
    }

    /// Takes the end of a task. One that panicked ends the run, saying so.
    pub(crate) fn join(&self, ended: Result<(), JoinError>) {
        if let Err(error) = ended {
            self.stop(EndReason::Aborted, Some(error.to_string()));
        }
    }

    /// Starts no more iterations from now on. The first reason given is the one that counts.
    pub(crate) fn stop(&self, reason: EndReason, error: Option<String>) {
        self.stop_from(self.now(), reason, error);
    }

    /// The same, but what is due from a moment that has passed already is ramp-down.
    pub(crate) fn stop_from(&self, from_ns: u64, reason: EndReason, error: Option<String>) {
        self.end.borrow_mut().get_or_insert((reason, error));
        if !self.is_stopping() {
            self.stopped_at_ns.set(from_ns.min(self.now()));
            self.next_edition();
            self.timer.wake_all();
        }
    }

    /// Ends a warm-up that a script is to end. Only the first end counts.
    pub(crate) fn end_warm_up(&self, at_ns: u64) {
        if self.program.warm_up_ns.is_none() && self.warm_up_ns.get() == u64::MAX {
            self.warm_up_ns.set(at_ns);
            self.recorder.borrow_mut().warm_up_ended(at_ns);
        }
    }

    /// Begins the ramp-down of a script, which is its planned end. Only the first one counts.
    pub(crate) fn wind_up(&self, from_ns: u64) {
        if !self.is_stopping() {
            let from_ns = from_ns.min(self.now());
            self.wound_up_ns.set(from_ns);
            self.recorder.borrow_mut().ramp_down_began(from_ns);
        }
        self.stop_from(from_ns, EndReason::Finished, None);
    }

    /// Draws a row of each of the scenario's feeders for a user. False: one has no more, and the user is to stop.
    pub(crate) fn feed(&self, scenario: &ScenarioProgram, user: u32, chance: u64, variables: &mut Variables) -> bool {
        let mut dealers = self.dealers.borrow_mut();
        for (feeder, binding) in &scenario.feeds {
            match dealers[*feeder].draw(user, chance) {
                Dealt::Row(row) => self.program.feeders[*feeder].table.fill(row, binding, variables),
                Dealt::Stop => return false,
                Dealt::Fail => {
                    let name = &self.program.feeders[*feeder].feeder.name;
                    self.stop(EndReason::FeederExhausted, Some(format!("the feeder `{name}` has no more rows")));
                    return false;
                }
            }
        }
        true
    }

    /// Passes over the rows that another worker of this share may have drawn.
    pub(crate) fn pass_rows(&self, scenario: &ScenarioProgram, draws: u64) {
        let mut dealers = self.dealers.borrow_mut();
        for (feeder, _) in &scenario.feeds {
            dealers[*feeder].pass(draws);
        }
    }

    /// How many times at least each feeder of the scenario still has a row for whoever asks.
    pub(crate) fn rows_left(&self, scenario: &ScenarioProgram) -> u64 {
        let dealers = self.dealers.borrow();
        scenario.feeds.iter().map(|(feeder, _)| dealers[*feeder].left()).min().unwrap_or(u64::MAX)
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

    /// A buffer for a request; one that was used before, if there is one.
    pub(crate) fn take_buffer(&self) -> Vec<u8> {
        self.spare_buffers.borrow_mut().pop().unwrap_or_else(|| Vec::with_capacity(512))
    }

    /// Takes back the buffer of a request whose answer is final, unless it has grown too large to be kept.
    pub(crate) fn give_back_buffer(&self, buffer: Vec<u8>) {
        if buffer.capacity() <= LARGEST_SPARE_BUFFER {
            self.spare_buffers.borrow_mut().push(buffer);
        }
    }

    /// An empty capture; one that was used before, if there is one.
    pub(crate) fn take_capture(&self) -> Box<Capture> {
        self.spare_captures.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes back a capture that has been looked at, if there is one.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "there is seldom one")]
    pub(crate) fn give_back(&self, capture: Option<Box<Capture>>) {
        if let Some(capture) = capture {
            self.keep_capture(capture);
        }
    }

    #[inline(never)]
    fn keep_capture(&self, mut capture: Box<Capture>) {
        if capture.clear() {
            self.spare_captures.borrow_mut().push(capture);
        }
    }
}
