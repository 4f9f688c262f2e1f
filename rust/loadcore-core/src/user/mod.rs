//! Users: each walks its flow, one request at a time, with variables, connections and chance of its own.

mod again;
mod allowance;
mod capture;
mod connection;
mod cookie;
mod flight;
mod hints;
mod identify;
mod link;
mod outbox;
mod perform;
mod rendered;
mod resend;
mod sample;
mod send;
mod token;
mod visit;
mod worker;

pub(crate) use allowance::{Allowance, Quota};
pub(crate) use worker::Worker;

use std::future::poll_fn;
use std::rc::Rc;

use crate::aggregate::ScenarioEvent;
use crate::driver::flow::{IDLE_STEPS, Walk, duration};
use crate::exchange::{Exchange, Stack};
use crate::plan::{Cookies, Reuse};
use crate::program::{Flow, ScenarioProgram};
use crate::random::Random;
use crate::record::Phase;
use crate::step::{Builtins, Evaluation, Variables};
use crate::timer::{Interrupted, Seat};
use connection::Connections;
use flight::Flight;
use link::Links;
use perform::{Current, Cut, Next};
use rendered::Rendered;
use send::HeldRow;
use visit::Left;

/// A user whose iteration took no time rests this long: it did nothing, and would go on doing nothing without an end.
const IDLE_NS: u64 = 1_000_000;
/// A user that goes through step after step without sending anything rests this long each time: a thousand of them leave
/// time for those that do send.
const REST_NS: u64 = 10_000_000;
/// A user whose iterations fail rests, at first this long …
const BACK_OFF_NS: u64 = 10_000_000;
/// … and twice as long with each further failure, up to this. A login that failed once is not tried a million times.
const LONGEST_BACK_OFF_NS: u64 = 1_000_000_000;

/// A virtual user.
pub(crate) struct User<T: Stack> {
    worker: Rc<Worker<T>>,
    seat: Seat,
    /// Counted over all workers.
    number: u32,
    iteration: u32,
    /// The arrival that it serves, counted over all workers; users of closed models serve none.
    arrival: Option<u64>,
    variables: Variables,
    random: Random,
    walk: Walk,
    exchange: T::Exchange,
    connections: Connections<T::Connection>,
    /// Its message that is under way.
    flight: Flight<T::Connection>,
    /// The row of a 401, until it is known whether its request is sent again. Boxed: it is seldom there.
    withheld: Option<Box<HeldRow>>,
    /// The request step it is at.
    current: Option<Current>,
    /// When what it does now, or does next, is due.
    due_ns: u64,
    /// When its iteration was due.
    iteration_due_ns: u64,
    /// Which part of the run its iteration belongs to.
    phase: Phase,
    cookies: Option<Box<crate::cookies::Jar>>,
    /// What its start left; boxed, since few have one.
    left: Option<Box<Left>>,
    /// Where the links lead that it has found; boxed, since few follow any.
    links: Option<Box<Links>>,
    /// Its current request.
    rendered: Rendered,
    /// What authenticates its current request, where that is known only when it is rendered; kept to be filled again.
    credential: Vec<u8>,
    /// Whether the next iteration's rows have been drawn already.
    fed: bool,
    /// Failed iterations in a row.
    failures: u32,
    /// What it may begin by itself.
    pub(crate) allowance: Allowance,
}

/// What the steps of a flow are part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// A user's start.
    Start,
    /// Its iterations.
    Iteration,
}

/// What became of a user's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// It was done at this time.
    Ready(u64),
    /// A step failed.
    Failed,
    /// A feeder had no row for it.
    NoRow,
    /// The end of the run cut it short.
    Interrupted,
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

impl<T: Stack> User<T> {
    pub(crate) fn new(worker: Rc<Worker<T>>, scenario: &ScenarioProgram, number: u32, seat: Seat) -> Self {
        let seed = Random::new(worker.program.seed, &scenario.name, u64::from(number));
        let cookies = (worker.program.http.cookies != Cookies::Off).then(Box::default);
        Self {
            exchange: T::Exchange::new(worker.program.http.limits),
            worker,
            seat,
            number,
            iteration: 0,
            arrival: None,
            variables: Variables::new(&scenario.names),
            random: seed,
            walk: Walk::default(),
            connections: Connections::default(),
            flight: Flight::default(),
            withheld: None,
            current: None,
            due_ns: 0,
            iteration_due_ns: 0,
            phase: Phase::WarmUp,
            cookies,
            left: None,
            links: None,
            rendered: Rendered::default(),
            credential: Vec::new(),
            fed: false,
            failures: 0,
            allowance: Allowance::default(),
        }
    }

    pub(crate) fn seat(&self) -> &Seat {
        &self.seat
    }

    /// Waits between iterations; a stop of the run ends the wait.
    pub(crate) async fn rest_until(&self, due_ns: u64) -> Result<(), Interrupted> {
        self.seat.sleep_until_or(due_ns, || self.worker.is_stopping()).await
    }

    /// What a user does once, before its first iteration: (re)authenticates by steps of its own, say.
    pub(crate) async fn start(&mut self, scenario: &ScenarioProgram, due_ns: u64) -> Start {
        if scenario.on_start.ops.is_empty() {
            return Start::Ready(due_ns);
        }
        if !self.feed(scenario) {
            return Start::NoRow;
        }
        self.fed = true;
        self.due_ns = due_ns;
        let end = self.walk_flow(scenario, &scenario.on_start, Part::Start).await;
        match end {
            IterationEnd::Completed => {
                if self.arrival.is_some() || self.worker.program.http.cookies == Cookies::Iteration {
                    self.keep_what_start_left(scenario);
                }
                Start::Ready(self.due_ns)
            }
            IterationEnd::Failed => Start::Failed,
            IterationEnd::Interrupted => Start::Interrupted,
        }
    }

    /// Draws the next row of each feeder of the scenario. False: a feeder has no more rows. The first iteration has the row
    /// that the user's start had: who logged in is who goes on.
    #[inline]
    pub(crate) fn feed(&mut self, scenario: &ScenarioProgram) -> bool {
        scenario.feeds.is_empty() || std::mem::take(&mut self.fed) || self.draw_rows(scenario)
    }

    fn draw_rows(&mut self, scenario: &ScenarioProgram) -> bool {
        if self.links.is_some() {
            self.forget_links(scenario);
        }
        self.worker.feed(scenario, self.number, self.chance(scenario).state(), &mut self.variables)
    }

    /// The user's next iteration is that of an arrival, by its number over all workers.
    pub(crate) fn serve(&mut self, scenario: &ScenarioProgram, arrival: u64) {
        if self.arrival.replace(arrival).is_some() {
            self.begin_visit(scenario);
        }
    }

    /// Where the next iteration's chance begins. It is the same whatever other users do, and what this one did before: that
    /// of an arrival, whoever serves it, or else of this user's iteration of this number.
    #[inline]
    fn chance(&self, scenario: &ScenarioProgram) -> Random {
        let own = u64::from(self.number) << 32 | u64::from(self.iteration);
        Random::keyed(scenario.seed, self.arrival.unwrap_or(own))
    }

    /// When its next iteration is due.
    pub(crate) fn due_ns(&self) -> u64 {
        self.due_ns
    }

    /// Whether the user may begin an iteration that is due at `due_ns` by itself. If so, it has been taken from its allowance,
    /// and its rows have been drawn.
    pub(crate) fn may_begin(&mut self, scenario: &ScenarioProgram, due_ns: u64) -> bool {
        if self.worker.is_stopping() || !self.allowance.take(due_ns) {
            return false;
        }
        let has_rows = self.feed(scenario);
        if !has_rows {
            self.allowance.use_up();
        }
        has_rows
    }

    /// Runs an iteration, due at `due_ns`, and those after it for as long as each is due at once and allowed. Counts what
    /// becomes of them, and says it of the last.
    pub(crate) fn iterate(&mut self, scenario: &ScenarioProgram, due_ns: u64) -> impl Future<Output = IterationEnd> {
        self.begin_iteration(scenario, due_ns);
        self.walk_flow(scenario, &scenario.main, Part::Iteration)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a few stores")]
    fn begin_iteration(&mut self, scenario: &ScenarioProgram, due_ns: u64) {
        (self.due_ns, self.iteration_due_ns) = (due_ns, due_ns);
        self.phase = self.worker.phase(scenario, due_ns);
        self.random = self.chance(scenario);
        self.worker.count(scenario.id, self.phase, ScenarioEvent::IterationStarted);
        if self.worker.program.http.reuse == Reuse::Iteration {
            self.connections.drop_all();
        }
        if self.worker.program.http.cookies == Cookies::Iteration {
            self.renew_cookies();
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a few stores, if how it ended is known")]
    fn end_iteration(&mut self, scenario: &ScenarioProgram, end: IterationEnd) {
        self.iteration = self.iteration.wrapping_add(1);
        let event = match end {
            IterationEnd::Completed => ScenarioEvent::IterationCompleted,
            IterationEnd::Failed => ScenarioEvent::IterationFailed,
            IterationEnd::Interrupted => ScenarioEvent::IterationInterrupted,
        };
        self.worker.count(scenario.id, self.phase, event);
        self.failures = if end == IterationEnd::Failed { self.failures.saturating_add(1) } else { 0 };
        self.due_ns = self.next_due(scenario);
    }

    /// Ends an iteration that is complete, and begins the next one if that is to start at once.
    #[inline]
    fn turn(&mut self, scenario: &ScenarioProgram) -> bool {
        self.end_iteration(scenario, IterationEnd::Completed);
        let due_ns = self.due_ns;
        let begins = due_ns <= self.worker.timer.recent() && self.may_begin(scenario, due_ns);
        if begins {
            self.begin_iteration(scenario, due_ns);
        }
        begins
    }

    /// Takes the steps of a flow.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` keeps its arguments twice, and every user pays for that")]
    fn walk_flow(&mut self, scenario: &ScenarioProgram, flow: &Flow, part: Part) -> impl Future<Output = IterationEnd> {
        async move {
            self.walk.begin(flow);
            let cut = loop {
                // Boxed is what seldom happens: every user would carry room for it for ever.
                let done = match poll_fn(|cx| self.poll_walk(cx, scenario, flow, part)).await {
                    Next::Token(id, request) => Box::pin(self.approach_with_token(scenario, id, request)).await,
                    Next::Connection(request) => Box::pin(self.open_for(scenario, request.outgoing())).await,
                    Next::Another(request, answer) => Box::pin(self.answer_again(scenario, request, *answer)).await,
                    Next::Think(ns) => {
                        self.give_back_request();
                        let awake_ns = self.due_ns.saturating_add(ns);
                        // At the end of a run nobody waits for a user that only pauses.
                        let last = self.walk.only_pauses_left(flow);
                        let enough = || last && self.worker.is_over(scenario);
                        let slept = self.seat.sleep_until_or(awake_ns, enough).await;
                        match slept {
                            Ok(()) => {
                                self.due_ns = awake_ns;
                                Ok(())
                            }
                            // A pause at the end cut short leaves nothing undone.
                            Err(_) if last => Ok(()),
                            Err(_) => Err(Cut::Interrupted),
                        }
                    }
                    Next::Rest => Box::pin(self.rest(scenario)).await,
                    Next::End => {
                        self.give_back_request();
                        return IterationEnd::Completed;
                    }
                    Next::Cut(cut) => Err(cut),
                };
                if let Err(cut) = done {
                    break cut;
                }
            };
            self.give_back_request();
            while let Some((group, duration_ns)) = self.walk.cut_group(self.due_ns) {
                // One that the end of the run cut off has neither ended nor failed.
                if cut == Cut::Failed {
                    self.count_group(scenario, group, duration_ns, false);
                }
            }
            let end = if cut == Cut::Failed { IterationEnd::Failed } else { IterationEnd::Interrupted };
            if part == Part::Iteration {
                self.end_iteration(scenario, end);
            }
            end
        }
    }

    /// Lets others have their turn, after many steps in a row that sent nothing. At the end of a run nobody waits for a user
    /// that goes through nothing but such steps: it may do so for ever.
    async fn rest(&mut self, scenario: &ScenarioProgram) -> Result<(), Cut> {
        self.worker.count_times(scenario.id, self.phase, ScenarioEvent::IdleStep, u64::from(IDLE_STEPS));
        let awake_ns = self.worker.now().saturating_add(REST_NS);
        let over = || self.worker.is_over(scenario);
        if self.seat.sleep_until_or(awake_ns, over).await.is_err() || over() {
            self.seat.interrupt();
            return Err(Cut::Interrupted);
        }
        self.due_ns = self.due_ns.max(awake_ns);
        Ok(())
    }

    /// When the next iteration is due, now that one has ended: at once, or as the pacing says, or later if iterations fail.
    fn next_due(&mut self, scenario: &ScenarioProgram) -> u64 {
        let free_since_ns = self.due_ns;
        let mut due_ns = free_since_ns;
        if due_ns == self.iteration_due_ns {
            due_ns = due_ns.max(self.worker.timer.recent()).saturating_add(IDLE_NS);
            self.walk.rested();
        }
        if let Some(pacing) = scenario.pacing {
            due_ns = due_ns.max(self.iteration_due_ns.saturating_add(duration(pacing, &mut self.random)));
        }
        if self.failures > 0 {
            let longest = (BACK_OFF_NS << (self.failures - 1).min(10)).min(LONGEST_BACK_OFF_NS);
            due_ns = due_ns.max(free_since_ns.saturating_add(self.random.between(longest / 2, longest)));
        }
        due_ns
    }

    /// Does `work` with the walk, what all users share, and everything a template or a comparison may need.
    fn evaluate<R>(&mut self, work: impl FnOnce(&mut Walk, &Worker<T>, &mut Evaluation<'_, '_>) -> R) -> R {
        let (counter, scratch) = (&mut *self.worker.counter.borrow_mut(), &mut *self.worker.scratch.borrow_mut());
        let mut builtins = Builtins {
            user: self.number,
            iteration: self.iteration,
            unix_ns: self.worker.unix_ns(),
            random: &mut self.random,
            counter,
        };
        work(
            &mut self.walk,
            &self.worker,
            &mut Evaluation { variables: &self.variables, builtins: &mut builtins, scratch },
        )
    }
}
