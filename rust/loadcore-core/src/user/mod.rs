//! Users: each walks its flow, one request at a time, with variables, connections and chance of its own.

#![expect(
    clippy::inline_always,
    reason = "on the path of every request: docs/decisions/013-one-walk-for-all-requests.md"
)]

mod again;
mod allowance;
mod capture;
mod conclude;
mod connection;
mod cookie;
mod crowd;
mod cursor;
mod drive;
mod flight;
mod hints;
mod identify;
mod iteration;
mod lane;
mod link;
mod message;
mod orders;
mod outbox;
mod rendered;
mod resend;
mod sample;
pub(crate) mod scripted;
mod send;
mod state;
mod token;
mod trace;
mod visit;
mod worker;

pub(crate) use allowance::{Allowance, Quota};
pub(crate) use crowd::Crowd;
pub(crate) use iteration::IterationEnd;
pub use scripted::Answer;
pub(crate) use worker::{Work, Worker};

use std::rc::Rc;

use crate::driver::flow::Walk;
use crate::exchange::Stack;
use crate::plan::Cookies;
use crate::program::ScenarioProgram;
use crate::step::Evaluation;
use crate::timer::{Interrupted, Task};
use cursor::Cursor;
use drive::Part;
use lane::Lane;
use state::State;

/// A virtual user.
pub(crate) struct User<T: Stack> {
    worker: Rc<Worker<T>>,
    /// Who it is.
    state: State,
    /// What it sends with.
    lane: Lane<T>,
    /// Where it is.
    cursor: Cursor,
}

/// What is left of a user that was taken off: its next iteration is the one after its last.
#[derive(Debug)]
pub(crate) struct Left {
    /// Up to when it has done what its schedule said.
    pub(crate) at_ns: u64,
    iteration: u32,
    allowance: Allowance,
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

impl<T: Stack> User<T> {
    pub(crate) fn new(worker: Rc<Worker<T>>, scenario: &ScenarioProgram, number: u32, task: Task) -> Self {
        Self {
            state: State::new(&worker.program, scenario, number),
            lane: Lane::new(task, worker.program.http.limits),
            cursor: Cursor::default(),
            worker,
        }
    }

    /// What it may begin by itself.
    pub(crate) fn allowance(&mut self) -> &mut Allowance {
        &mut self.cursor.allowance
    }

    /// Goes away, with what it needs to come back as the user that it was.
    pub(crate) fn leave(&self, at_ns: u64) -> Left {
        Left { at_ns, iteration: self.state.iteration, allowance: self.cursor.allowance.clone() }
    }

    /// Comes back.
    pub(crate) fn come_back(&mut self, left: Left) {
        (self.state.iteration, self.cursor.allowance) = (left.iteration, left.allowance);
    }

    /// Waits while the loads are of this edition, until `due_ns` at most.
    pub(crate) async fn rest_within(&self, edition: u32, due_ns: u64) -> Result<(), Interrupted> {
        self.lane.task.sleep_until_or(due_ns, || self.worker.edition() != edition).await
    }

    pub(crate) fn task(&self) -> &Task {
        &self.lane.task
    }

    /// Waits between iterations; a stop of the run ends the wait.
    pub(crate) async fn rest_until(&self, due_ns: u64) -> Result<(), Interrupted> {
        self.lane.task.sleep_until_or(due_ns, || self.worker.is_stopping()).await
    }

    /// What a user does once, before its first iteration: (re)authenticates by steps of its own, say.
    pub(crate) async fn start(&mut self, scenario: &ScenarioProgram, due_ns: u64) -> Start {
        if scenario.on_start.ops.is_empty() {
            return Start::Ready(due_ns);
        }
        if !self.feed(scenario) {
            return Start::NoRow;
        }
        self.cursor.fed = true;
        self.cursor.due_ns = due_ns;
        let end = self.walk_flow(scenario, &scenario.on_start, Part::Start).await;
        match end {
            IterationEnd::Completed => {
                if self.state.arrival.is_some() || self.worker.program.http.cookies == Cookies::Iteration {
                    self.state.keep_what_start_left(scenario);
                }
                Start::Ready(self.cursor.due_ns)
            }
            IterationEnd::Failed => Start::Failed,
            IterationEnd::Interrupted => Start::Interrupted,
        }
    }

    /// What a user does once, after its last iteration. However that ends, the user is done.
    pub(crate) async fn stop(&mut self, scenario: &ScenarioProgram) {
        if !scenario.on_stop.ops.is_empty() {
            self.cursor.due_ns = self.worker.now();
            self.walk_flow(scenario, &scenario.on_stop, Part::Stop).await;
        }
    }

    /// Does `work` with the walk, what all users share, and everything a template or a comparison may need.
    fn evaluate<R>(&mut self, work: impl FnOnce(&mut Walk, &Worker<T>, &mut Evaluation<'_, '_>) -> R) -> R {
        let (counter, scratch) = (&mut *self.worker.counter.borrow_mut(), &mut *self.worker.scratch.borrow_mut());
        let (variables, mut builtins) = self.state.builtins(self.worker.unix_ns(), counter);
        work(&mut self.cursor.walk, &self.worker, &mut Evaluation { variables, builtins: &mut builtins, scratch })
    }
}
