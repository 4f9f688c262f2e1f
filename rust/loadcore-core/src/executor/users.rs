//! Closed models: users that loop while they are on.

use std::cell::Cell;
use std::rc::Rc;

use crate::aggregate::ScenarioEvent;
use crate::plan::IterationScope;
use crate::program::ScenarioProgram;
use crate::schedule::{Share, UserSchedule};
use crate::timer::Party;
use crate::transport::Transport;
use crate::user::{IterationEnd, User, Worker};

/// How many iterations there are to make.
#[derive(Debug, Clone)]
pub(super) enum Quota {
    /// As many as there is time for.
    Unlimited,
    /// So many for each user.
    PerUser(u64),
    /// So many for all users of this worker.
    Shared(Rc<Cell<u64>>),
}

impl Quota {
    pub(super) fn new(scope: IterationScope, iterations: u64, share: Share) -> Self {
        match scope {
            IterationScope::PerUser => Self::PerUser(iterations),
            IterationScope::Shared => Self::Shared(Rc::new(Cell::new(share.part(iterations)))),
        }
    }

    /// Takes one iteration, if one is left.
    fn take(&mut self) -> bool {
        let left = match self {
            Self::Unlimited => return true,
            Self::PerUser(left) => std::mem::replace(left, left.saturating_sub(1)),
            Self::Shared(left) => left.replace(left.get().saturating_sub(1)),
        };
        left > 0
    }
}

pub(super) async fn execute<T: Transport>(
    worker: &Rc<Worker<T>>,
    scenario: usize,
    schedule: &UserSchedule,
    quota: Quota,
) {
    let users: Vec<_> = (0..worker.share.users(schedule.peak()))
        .map(|position| {
            let number = u32::try_from(worker.share.nth(u64::from(position))).unwrap_or(u32::MAX);
            let turn = Turn { worker: Rc::clone(worker), scenario, number, quota: quota.clone() };
            tokio::task::spawn_local(turn.take(schedule.clone()))
        })
        .collect();
    for user in users {
        worker.join(user.await);
    }
}

/// All that one user does.
struct Turn<T: Transport> {
    worker: Rc<Worker<T>>,
    scenario: usize,
    number: u32,
    quota: Quota,
}

impl<T: Transport> Turn<T> {
    async fn take(mut self, schedule: UserSchedule) {
        let program = Rc::clone(&self.worker.program);
        let scenario = &program.scenarios[self.scenario];
        let seat = self.worker.timer.take_seat(Party(scenario.id.0)).await;
        let mut user = User::new(Rc::clone(&self.worker), scenario, self.number, seat);
        let mut started = false;
        for (start_ns, stop_ns) in schedule.intervals(self.number) {
            let (start_ns, stop_ns) = (scenario.start_after_ns + start_ns, scenario.start_after_ns + stop_ns);
            if user.rest_until(start_ns).await.is_err() || self.worker.is_stopping() {
                return;
            }
            self.worker.recorder.borrow_mut().users_mut(scenario.id).active += 1;
            let goes_on = self.iterate_between(&mut user, scenario, &mut started, start_ns, stop_ns).await;
            self.worker.recorder.borrow_mut().users_mut(scenario.id).active -= 1;
            if !goes_on {
                return;
            }
        }
    }

    /// Iterates from one time to another. False: the user iterates no more.
    async fn iterate_between(
        &mut self,
        user: &mut User<T>,
        scenario: &ScenarioProgram,
        started: &mut bool,
        start_ns: u64,
        stop_ns: u64,
    ) -> bool {
        let mut due_ns = start_ns;
        if !*started {
            *started = true;
            match user.start(scenario, due_ns).await {
                Some(ready_ns) => due_ns = ready_ns,
                None => return self.lose(user, scenario, due_ns),
            }
        }
        while due_ns < stop_ns && !self.worker.is_stopping() {
            if !self.quota.take()
                || !user.feed(scenario)
                || user.iterate(scenario, due_ns).await == IterationEnd::Interrupted
            {
                return false;
            }
            due_ns = user.next_due(scenario, due_ns);
            if due_ns > self.worker.timer.recent() && user.rest_until(due_ns.min(stop_ns)).await.is_err() {
                return false;
            }
        }
        true
    }

    /// A user whose start failed does not iterate: it would only measure that it is not logged in.
    fn lose(&self, user: &User<T>, scenario: &ScenarioProgram, due_ns: u64) -> bool {
        if !user.is_interrupted() {
            self.worker.count(scenario.id, self.worker.phase(scenario, due_ns), ScenarioEvent::UserLost);
        }
        false
    }
}
