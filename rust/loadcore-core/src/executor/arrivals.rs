//! Open models: iterations start when they are due, whatever the target does.
//!
//! An arrival goes to a free user, or to a new one while there are fewer than allowed, or else is dropped and counted.
//! A user whose iteration ends at the very moment an arrival is due is free for it: the arrival waits one turn before
//! it is dropped.
//!
//! No arrival is forgotten: each one that was due is started or dropped, and each that was started has an end of its own.
//! A user that is interrupted that has an arrival has started it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::Active;
use crate::aggregate::ScenarioEvent;
use crate::exchange::Stack;
use crate::program::ScenarioProgram;
use crate::schedule::ArrivalTimes;
use crate::timer::{Task, TaskGroup};
use crate::user::{Crowd, IterationEnd, Start, User, Worker};

/// This number of arrivals is taken in before others have their turn, however fast they come.
const AT_A_TIME: usize = 4_096;

/// Hands arrivals to users.
struct Dispatcher<T: Stack> {
    worker: Rc<Worker<T>>,
    scenario: usize,
    max_users: usize,
    users: Crowd,
    /// How many users there are.
    started: Cell<usize>,
    /// Free users. The last one to become free is the first to be used: its connection is the warmest.
    free: RefCell<Vec<Rc<PooledUser>>>,
    /// Arrivals that users have and have not drawn rows for.
    undrawn: Cell<u64>,
    closed: Cell<bool>,
}

/// An iteration that is due.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    /// Counted over all workers.
    number: u64,
    due_ns: u64,
}

/// A user that takes arrivals.
#[derive(Debug)]
struct PooledUser {
    task: u32,
    arrival: Cell<Option<Arrival>>,
    /// Interrupted while it was free: it takes nothing more.
    is_gone: Cell<bool>,
}

pub(super) async fn execute<T: Stack>(worker: &Rc<Worker<T>>, scenario: usize) {
    let dispatcher = Rc::new(Dispatcher {
        worker: Rc::clone(worker),
        scenario,
        max_users: worker.program.scenarios[scenario].load.users_of(worker.share) as usize,
        users: Crowd::new(Rc::clone(&worker.timer)),
        started: Cell::new(0),
        free: RefCell::default(),
        undrawn: Cell::new(0),
        closed: Cell::new(false),
    });
    dispatcher.receive().await;
    dispatcher.close();
    dispatcher.users.end(worker).await;
}

impl<T: Stack> Dispatcher<T> {
    fn scenario(&self) -> &ScenarioProgram {
        &self.worker.program.scenarios[self.scenario]
    }

    fn count(&self, Arrival { due_ns, .. }: Arrival, event: ScenarioEvent) {
        let scenario = self.scenario();
        self.worker.count(scenario.id, self.worker.phase(scenario, due_ns), event);
    }

    /// Takes in arrivals as they become due, until the schedule, the rows or the run end. What an order changes is due as
    /// it says; what was taken in stays.
    async fn receive(self: &Rc<Self>) {
        let worker = &self.worker;
        let mut edition = worker.edition();
        let Some(schedule) = worker.loads[self.scenario].arrivals() else { return };
        let task = worker.timer.register(TaskGroup(self.scenario().id.0)).await;
        let mut arrivals = schedule.iter(worker.share);
        self.pass_over(&mut arrivals);
        let mut late = Vec::new();
        loop {
            let next = arrivals.peek().map(|next| self.arrival(next).due_ns);
            // Where nothing more is due, there is until the end if it is ordered.
            let next_ns = next.unwrap_or(self.scenario().planned_end_ns);
            let is_over = task.sleep_until_or(next_ns, || worker.edition() != edition).await.is_err();
            if worker.is_stopping() {
                return;
            }
            if is_over {
                return self.drop_all(arrivals).await;
            }
            if worker.edition() != edition {
                edition = worker.edition();
                let Some(schedule) = worker.loads[self.scenario].arrivals() else { return };
                arrivals.follow(&schedule);
                continue;
            }
            if next.is_none() {
                return;
            }
            let now = worker.timer.recent();
            let mut taken = 0;
            while taken < AT_A_TIME
                && self.has_a_row()
                && let Some(arrival) = arrivals.peek().map(|next| self.arrival(next))
                && arrival.due_ns <= now
            {
                arrivals.next();
                taken += 1;
                self.count(arrival, ScenarioEvent::IterationDue);
                if !self.assign(arrival) && !self.start_user(arrival) {
                    late.push(arrival);
                }
            }
            if !late.is_empty() || taken == AT_A_TIME {
                tokio::task::yield_now().await;
            }
            for arrival in late.drain(..) {
                if !self.assign(arrival) {
                    self.count(arrival, ScenarioEvent::IterationDropped);
                }
            }
            if !self.has_a_row() {
                return;
            }
        }
    }

    /// Passes over arrivals that were another worker's, and over the rows that it may have drawn for them.
    fn pass_over(&self, arrivals: &mut ArrivalTimes) {
        let mut passed = 0;
        while arrivals.peek().is_some_and(|next| self.arrival(next).due_ns < self.worker.program.begins_ns) {
            arrivals.next();
            passed += 1;
        }
        self.worker.pass_rows(self.scenario(), passed);
    }

    /// An arrival of the schedule, whose times count from the scenario's start.
    fn arrival(&self, (number, due_ns): (u64, u64)) -> Arrival {
        Arrival { number, due_ns: self.scenario().start_after_ns + due_ns }
    }

    /// Whether there is a row left for one more arrival.
    fn has_a_row(&self) -> bool {
        self.worker.rows_left(self.scenario()) > self.undrawn.get()
    }

    /// The run is over before all arrivals could be taken in: the worker was stopped, or they came too fast. They were
    /// due all the same.
    async fn drop_all(&self, arrivals: ArrivalTimes) {
        for (taken, arrival) in arrivals.map(|next| self.arrival(next)).enumerate() {
            if taken % AT_A_TIME == 0 {
                tokio::task::yield_now().await;
                if self.worker.is_stopping() {
                    return;
                }
            }
            self.count(arrival, ScenarioEvent::IterationDue);
            self.count(arrival, ScenarioEvent::IterationDropped);
        }
    }

    /// Assigns an arrival to a free user, if there is one.
    fn assign(&self, arrival: Arrival) -> bool {
        let mut free = self.free.borrow_mut();
        while let Some(pooled) = free.pop() {
            if pooled.is_gone.get() {
                continue;
            }
            pooled.arrival.set(Some(arrival));
            self.undrawn.set(self.undrawn.get() + 1);
            self.worker.timer.wake(pooled.task);
            return true;
        }
        false
    }

    /// Assigns an arrival to a new user, if there may be one more.
    fn start_user(self: &Rc<Self>, arrival: Arrival) -> bool {
        let position = self.started.get();
        if position >= self.max_users {
            return false;
        }
        self.undrawn.set(self.undrawn.get() + 1);
        self.started.set(position + 1);
        self.users.add(Rc::clone(self).serve(position as u64, arrival));
        true
    }

    fn close(&self) {
        self.closed.set(true);
        for pooled in self.free.borrow().iter() {
            self.worker.timer.wake(pooled.task);
        }
    }

    /// Waits for the next arrival. `None`: there will be none.
    async fn next(&self, pooled: &Rc<PooledUser>, task: &Task) -> Option<Arrival> {
        self.free.borrow_mut().push(Rc::clone(pooled));
        let given = || pooled.arrival.get().is_some() || self.closed.get();
        let waited = task.sleep_until_or(u64::MAX, given).await;
        let arrival = pooled.arrival.take();
        if waited.is_err() {
            pooled.is_gone.set(true);
            if let Some(arrival) = arrival {
                self.draw();
                self.cut_off(arrival);
            }
            return None;
        }
        arrival
    }

    /// A user has come to the rows of an arrival.
    fn draw(&self) {
        self.undrawn.set(self.undrawn.get() - 1);
    }

    /// All that one user does, from its first arrival on.
    async fn serve(self: Rc<Self>, position: u64, first: Arrival) {
        let worker = &self.worker;
        let scenario = self.scenario();
        let task = worker.timer.register(TaskGroup(scenario.id.0)).await;
        let pooled = Rc::new(PooledUser { task: task.index(), arrival: Cell::new(None), is_gone: Cell::new(false) });
        let number = u32::try_from(worker.share.nth(position)).unwrap_or(u32::MAX);
        let mut user = User::new(Rc::clone(worker), scenario, number, task);
        let _active = Active::new(worker, scenario.id);
        user.serve(scenario, first.number);
        self.draw();
        match user.start(scenario, first.due_ns).await {
            Start::Ready(_) => {}
            Start::NoRow => return self.count(first, ScenarioEvent::IterationDropped),
            Start::Interrupted => return self.cut_off(first),
            Start::Failed => return self.count_lost(first),
        }
        let mut arrival = first;
        loop {
            if !user.feed(scenario) {
                self.count(arrival, ScenarioEvent::IterationDropped);
                return Box::pin(user.stop(scenario)).await;
            }
            if user.iterate(scenario, arrival.due_ns).await == IterationEnd::Interrupted {
                return;
            }
            let free_ns = user.due_ns();
            if free_ns > worker.timer.recent() && user.rest_until(free_ns).await.is_err() {
                return;
            }
            let Some(next) = self.next(&pooled, user.task()).await else {
                if !pooled.is_gone.get() {
                    Box::pin(user.stop(scenario)).await;
                }
                return;
            };
            arrival = next;
            user.serve(scenario, arrival.number);
            self.draw();
        }
    }

    /// The start of a user failed, and with it the iteration it was started for.
    fn count_lost(&self, arrival: Arrival) {
        self.count(arrival, ScenarioEvent::IterationStarted);
        self.count(arrival, ScenarioEvent::UserLost);
        self.count(arrival, ScenarioEvent::IterationFailed);
    }

    /// The end of the run took an arrival from its user.
    fn cut_off(&self, arrival: Arrival) {
        self.count(arrival, ScenarioEvent::IterationStarted);
        self.count(arrival, ScenarioEvent::IterationInterrupted);
    }
}
