//! Users: each walks its flow, one request at a time, with variables, connections and chance of its own.

mod capture;
mod connection;
mod cookie;
mod exchange;
mod identify;
mod outbox;
mod perform;
mod send;
mod token;
mod walk;
mod worker;

pub(crate) use worker::Worker;

use std::rc::Rc;

use crate::aggregate::ScenarioEvent;
use crate::h1::Decoder;
use crate::plan::Reuse;
use crate::program::{Flow, ScenarioProgram};
use crate::random::Random;
use crate::step::{Builtins, Evaluation, Variables};
use crate::timer::{Interrupted, Seat};
use crate::transport::Transport;
use connection::Connections;
use perform::Cut;
use walk::{Action, Walk};

/// A user whose iterations fail rests, at first this long …
const BACK_OFF_NS: u64 = 10_000_000;
/// … and twice as long with each further failure, up to this. A login that failed once is not tried a million times.
const LONGEST_BACK_OFF_NS: u64 = 1_000_000_000;

/// A virtual user.
pub(crate) struct User<T: Transport> {
    worker: Rc<Worker<T>>,
    seat: Seat,
    /// Counted over all workers.
    number: u32,
    iteration: u32,
    variables: Variables,
    random: Random,
    walk: Walk,
    decoder: Decoder,
    connections: Connections<T::Connection>,
    cookies: Option<Box<crate::cookies::Jar>>,
    /// Header lines that are known only when a request is sent; kept to be filled again.
    lines: Vec<u8>,
    /// Whether the next iteration's rows have been drawn already.
    fed: bool,
    /// Failed iterations in a row.
    failures: u32,
    /// When it had nothing left to do.
    free_since_ns: u64,
}

/// What became of an iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IterationEnd {
    /// All its steps were taken.
    Completed,
    /// A step cut it short.
    Failed,
    /// The end of the run cut it short.
    Interrupted,
}

impl<T: Transport> User<T> {
    pub(crate) fn new(worker: Rc<Worker<T>>, scenario: &ScenarioProgram, number: u32, seat: Seat) -> Self {
        let seed = Random::new(worker.program.seed, &scenario.name, u64::from(number));
        let cookies = worker.program.http.cookies.then(Box::default);
        Self {
            decoder: Decoder::new(worker.program.http.limits),
            worker,
            seat,
            number,
            iteration: 0,
            variables: Variables::new(&scenario.names),
            random: seed,
            walk: Walk::default(),
            connections: Connections::default(),
            cookies,
            lines: Vec::new(),
            fed: false,
            failures: 0,
            free_since_ns: 0,
        }
    }

    pub(crate) fn seat(&self) -> &Seat {
        &self.seat
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.seat.is_interrupted()
    }

    /// Waits between iterations; a stop of the run ends the wait.
    pub(crate) async fn rest_until(&self, due_ns: u64) -> Result<(), Interrupted> {
        self.seat.sleep_until_or(due_ns, || self.worker.is_stopping()).await
    }

    /// What a user does once, before its first iteration: (re)authenticates by steps of its own, say. Returns when it was
    /// done, or `None` if it failed.
    pub(crate) async fn start(&mut self, scenario: &ScenarioProgram, due_ns: u64) -> Option<u64> {
        if scenario.on_start.ops.is_empty() {
            return Some(due_ns);
        }
        if !self.feed(scenario) {
            return None;
        }
        self.fed = true;
        let end = self.walk_flow(scenario, &scenario.on_start, due_ns).await;
        (end == IterationEnd::Completed).then_some(self.free_since_ns)
    }

    /// Draws the next row of each feeder of the scenario. False: a feeder has no more rows. The first iteration has the row
    /// that the user's start had: who logged in is who goes on.
    pub(crate) fn feed(&mut self, scenario: &ScenarioProgram) -> bool {
        scenario.feeds.is_empty()
            || std::mem::take(&mut self.fed)
            || self.worker.feed(scenario, self.number, &mut self.variables)
    }

    /// Runs one iteration, due at `due_ns`, and counts what becomes of it.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` keeps its arguments twice, and every user pays for that")]
    pub(crate) fn iterate(&mut self, scenario: &ScenarioProgram, due_ns: u64) -> impl Future<Output = IterationEnd> {
        async move {
            let phase = self.worker.phase(scenario, due_ns);
            self.worker.count(scenario.id, phase, ScenarioEvent::IterationStarted);
            if self.worker.program.http.reuse == Reuse::Iteration {
                self.connections.drop_all();
            }
            let end = self.walk_flow(scenario, &scenario.main, due_ns).await;
            self.iteration = self.iteration.wrapping_add(1);
            self.failures = if end == IterationEnd::Failed { self.failures.saturating_add(1) } else { 0 };
            let event = match end {
                IterationEnd::Completed => ScenarioEvent::IterationCompleted,
                IterationEnd::Failed => ScenarioEvent::IterationFailed,
                IterationEnd::Interrupted => ScenarioEvent::IterationInterrupted,
            };
            self.worker.count(scenario.id, phase, event);
            end
        }
    }

    #[expect(clippy::manual_async_fn, reason = "an `async fn` keeps its arguments twice, and every user pays for that")]
    fn walk_flow(
        &mut self,
        scenario: &ScenarioProgram,
        flow: &Flow,
        due_ns: u64,
    ) -> impl Future<Output = IterationEnd> {
        async move {
            self.walk.begin(flow);
            let mut due_ns = due_ns;
            let end = loop {
                let action = match self.walk.next_request(flow) {
                    Some(id) => Action::Request(id),
                    None if self.walk.is_done(flow) => Action::End,
                    None => self.evaluate(|walk, evaluation| walk.next(flow, evaluation, due_ns)),
                };
                match action {
                    Action::Request(id) => {
                        let request = &scenario.requests[usize::from(id.0)];
                        match self.perform(scenario, request, due_ns).await {
                            Ok(ended_ns) => due_ns = ended_ns,
                            Err((cut, ended_ns)) => {
                                due_ns = ended_ns;
                                break if cut == Cut::Failed {
                                    IterationEnd::Failed
                                } else {
                                    IterationEnd::Interrupted
                                };
                            }
                        }
                    }
                    Action::Think(ns) => {
                        let awake_ns = due_ns.saturating_add(ns);
                        // At the end of a run nobody waits for a user that only pauses.
                        let last = self.walk.only_pauses_left(flow);
                        let enough = || last && self.worker.is_over(scenario);
                        if self.seat.sleep_until_or(awake_ns, enough).await.is_err() {
                            // A pause at the end cut short leaves nothing undone.
                            break if last { IterationEnd::Completed } else { IterationEnd::Interrupted };
                        }
                        due_ns = awake_ns;
                    }
                    Action::GroupEnded(group, duration_ns) => {
                        let phase = self.worker.phase(scenario, due_ns);
                        self.worker.recorder.borrow_mut().group(group, phase, duration_ns, true);
                    }
                    Action::End => break IterationEnd::Completed,
                }
            };
            while let Some((group, duration_ns)) = self.walk.cut_group(due_ns) {
                let phase = self.worker.phase(scenario, due_ns);
                self.worker.recorder.borrow_mut().group(group, phase, duration_ns, false);
            }
            self.free_since_ns = due_ns;
            end
        }
    }

    /// When the next iteration is due after one that was due at `last_due_ns`: at once, or as the pacing says, or later
    /// if iterations fail.
    pub(crate) fn next_due(&mut self, scenario: &ScenarioProgram, last_due_ns: u64) -> u64 {
        let mut due_ns = self.free_since_ns;
        if let Some(pacing) = scenario.pacing {
            due_ns = due_ns.max(last_due_ns.saturating_add(walk::duration(pacing, &mut self.random)));
        }
        if self.failures > 0 {
            let longest = (BACK_OFF_NS << (self.failures - 1).min(10)).min(LONGEST_BACK_OFF_NS);
            due_ns = due_ns.max(self.free_since_ns.saturating_add(self.random.between(longest / 2, longest)));
        }
        due_ns
    }

    /// Does `work` with the walk and everything a template or a comparison may need.
    fn evaluate<R>(&mut self, work: impl FnOnce(&mut Walk, &mut Evaluation<'_, '_>) -> R) -> R {
        let (counter, scratch) = (&mut *self.worker.counter.borrow_mut(), &mut *self.worker.scratch.borrow_mut());
        let mut builtins = Builtins {
            user: self.number,
            iteration: self.iteration,
            unix_ns: self.worker.unix_ns(),
            random: &mut self.random,
            counter,
        };
        work(&mut self.walk, &mut Evaluation { variables: &self.variables, builtins: &mut builtins, scratch })
    }
}
