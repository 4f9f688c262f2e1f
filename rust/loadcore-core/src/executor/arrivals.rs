//! Open models: iterations start when they are due, whatever the target does.
//!
//! An arrival goes to a free user, or to a new one while there are fewer than allowed, or else is dropped and counted. A
//! user whose iteration ends at the very moment an arrival is due is free for it: the arrival waits one turn before it is
//! dropped.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::task::JoinHandle;

use super::Active;
use crate::aggregate::ScenarioEvent;
use crate::program::ScenarioProgram;
use crate::schedule::ArrivalSchedule;
use crate::timer::{Party, Seat};
use crate::transport::Transport;
use crate::user::{IterationEnd, User, Worker};

/// Where arrivals meet users.
struct Desk<T: Transport> {
    worker: Rc<Worker<T>>,
    scenario: usize,
    max_users: usize,
    users: RefCell<Vec<JoinHandle<()>>>,
    /// Free users. The last one to become free is the first to be used: its connection is the warmest.
    free: RefCell<Vec<Rc<Clerk>>>,
    closed: Cell<bool>,
}

/// A user that takes arrivals.
#[derive(Debug)]
struct Clerk {
    seat: u32,
    arrival_ns: Cell<Option<u64>>,
}

pub(super) async fn execute<T: Transport>(worker: &Rc<Worker<T>>, scenario: usize, schedule: &ArrivalSchedule) {
    let desk = Rc::new(Desk {
        worker: Rc::clone(worker),
        scenario,
        max_users: worker.program.scenarios[scenario].load.users_of(worker.share) as usize,
        users: RefCell::default(),
        free: RefCell::default(),
        closed: Cell::new(false),
    });
    desk.receive(schedule).await;
    desk.close();
    for user in desk.users.take() {
        worker.join(user.await);
    }
}

impl<T: Transport> Desk<T> {
    fn scenario(&self) -> &ScenarioProgram {
        &self.worker.program.scenarios[self.scenario]
    }

    fn count(&self, due_ns: u64, event: ScenarioEvent) {
        let scenario = self.scenario();
        self.worker.count(scenario.id, self.worker.phase(scenario, due_ns), event);
    }

    /// Takes in arrivals as they become due, until the schedule or the run ends.
    async fn receive(self: &Rc<Self>, schedule: &ArrivalSchedule) {
        let worker = &self.worker;
        let start_after_ns = self.scenario().start_after_ns;
        let seat = worker.timer.take_seat(Party(self.scenario().id.0)).await;
        let mut arrivals = schedule.iter(worker.share).map(|(_, due_ns)| start_after_ns + due_ns).peekable();
        let mut late = Vec::new();
        while let Some(next_ns) = arrivals.peek().copied() {
            if seat.sleep_until_or(next_ns, || worker.is_stopping()).await.is_err() || worker.is_stopping() {
                return;
            }
            let now = worker.timer.recent();
            while let Some(due_ns) = arrivals.next_if(|due_ns| *due_ns <= now) {
                self.count(due_ns, ScenarioEvent::IterationDue);
                if !self.give(due_ns) && !self.hire(due_ns) {
                    late.push(due_ns);
                }
            }
            if late.is_empty() {
                continue;
            }
            tokio::task::yield_now().await;
            for due_ns in late.drain(..) {
                if !self.give(due_ns) {
                    self.count(due_ns, ScenarioEvent::IterationDropped);
                }
            }
        }
    }

    /// Gives an arrival to a free user, if there is one.
    fn give(&self, due_ns: u64) -> bool {
        let Some(clerk) = self.free.borrow_mut().pop() else { return false };
        clerk.arrival_ns.set(Some(due_ns));
        self.worker.timer.wake(clerk.seat);
        true
    }

    /// Gives an arrival to a new user, if there may be one more.
    fn hire(self: &Rc<Self>, due_ns: u64) -> bool {
        let mut users = self.users.borrow_mut();
        let position = users.len();
        if position >= self.max_users {
            return false;
        }
        users.push(tokio::task::spawn_local(Rc::clone(self).serve(position as u64, due_ns)));
        true
    }

    fn close(&self) {
        self.closed.set(true);
        for clerk in self.free.borrow().iter() {
            self.worker.timer.wake(clerk.seat);
        }
    }

    /// Waits for the next arrival. `None`: there will be none.
    async fn next(&self, clerk: &Rc<Clerk>, seat: &Seat) -> Option<u64> {
        self.free.borrow_mut().push(Rc::clone(clerk));
        let given = || clerk.arrival_ns.get().is_some() || self.closed.get();
        seat.sleep_until_or(u64::MAX, given).await.ok()?;
        clerk.arrival_ns.take()
    }

    /// All that one user does, from its first arrival on.
    async fn serve(self: Rc<Self>, position: u64, first_ns: u64) {
        let worker = &self.worker;
        let scenario = self.scenario();
        let seat = worker.timer.take_seat(Party(scenario.id.0)).await;
        let clerk = Rc::new(Clerk { seat: seat.index(), arrival_ns: Cell::new(None) });
        let number = u32::try_from(worker.share.nth(position)).unwrap_or(u32::MAX);
        let mut user = User::new(Rc::clone(worker), scenario, number, seat);
        let _active = Active::new(worker, scenario.id);
        if user.start(scenario, first_ns).await.is_some() {
            let mut arrival_ns = Some(first_ns);
            while let Some(due_ns) = arrival_ns {
                // Each iteration waits for its arrival.
                let goes_on = &mut |_: &mut User<T>, _| false;
                if !user.feed(scenario) || user.iterate(scenario, due_ns, goes_on).await == IterationEnd::Interrupted {
                    break;
                }
                let free_ns = user.due_ns();
                if free_ns > worker.timer.recent() && user.rest_until(free_ns).await.is_err() {
                    break;
                }
                arrival_ns = self.next(&clerk, user.seat()).await;
            }
        } else {
            self.lose(&user, first_ns);
        }
    }

    /// The start of a user failed, and with it the iteration it was hired for.
    fn lose(&self, user: &User<T>, due_ns: u64) {
        self.count(due_ns, ScenarioEvent::IterationStarted);
        if user.is_interrupted() {
            self.count(due_ns, ScenarioEvent::IterationInterrupted);
        } else {
            self.count(due_ns, ScenarioEvent::UserLost);
            self.count(due_ns, ScenarioEvent::IterationFailed);
        }
    }
}
