//! Closed models: users that loop while they are on.

use std::rc::Rc;

use super::Active;
use crate::aggregate::ScenarioEvent;
use crate::exchange::Stack;
use crate::schedule::{Intervals, UserSchedule};
use crate::timer::TaskGroup;
use crate::user::{Allowance, Crowd, IterationEnd, Quota, Start, User, Worker};

pub(super) async fn execute<T: Stack>(worker: &Rc<Worker<T>>, scenario: usize, schedule: &UserSchedule, quota: Quota) {
    let users = Crowd::new(Rc::clone(&worker.timer));
    for position in 0..worker.share.users(schedule.peak()) {
        let number = u32::try_from(worker.share.nth(u64::from(position))).unwrap_or(u32::MAX);
        users.add(take_turns(Rc::clone(worker), scenario, number, quota.clone(), schedule.intervals(number)));
    }
    users.end(worker).await;
}

/// All that one user does: iterates while it is on.
///
/// One future without further ones of its own, since every user has room for all of it.
#[expect(clippy::manual_async_fn, reason = "an `async fn` keeps its arguments twice, and every user pays for that")]
fn take_turns<T: Stack>(
    worker: Rc<Worker<T>>,
    scenario: usize,
    number: u32,
    quota: Quota,
    intervals: Intervals,
) -> impl Future<Output = ()> {
    async move {
        let program = Rc::clone(&worker.program);
        let scenario = &program.scenarios[scenario];
        let task = worker.timer.register(TaskGroup(scenario.id.0)).await;
        let mut user = User::new(Rc::clone(&worker), scenario, number, task);
        *user.allowance() = Allowance::new(quota);
        let mut is_new = true;
        for (start_ns, stop_ns) in intervals {
            let (mut due_ns, stop_ns) = (scenario.start_after_ns + start_ns, scenario.start_after_ns + stop_ns);
            if user.rest_until(due_ns).await.is_err() {
                return;
            }
            if worker.is_stopping() {
                break;
            }
            let active = Active::new(&worker, scenario.id);
            if std::mem::take(&mut is_new) {
                match user.start(scenario, due_ns).await {
                    Start::Ready(ready_ns) => due_ns = ready_ns,
                    Start::NoRow | Start::Interrupted => return,
                    // It does not iterate: it would only measure that it is not logged in.
                    Start::Failed => {
                        let phase = worker.phase(scenario, due_ns);
                        return worker.count(scenario.id, phase, ScenarioEvent::UserLost);
                    }
                }
            }
            user.allowance().extend(stop_ns);
            while user.may_begin(scenario, due_ns) {
                if user.iterate(scenario, due_ns).await == IterationEnd::Interrupted {
                    return;
                }
                due_ns = user.due_ns();
                if due_ns > worker.timer.recent() && user.rest_until(due_ns.min(stop_ns)).await.is_err() {
                    return;
                }
            }
            if user.allowance().is_used_up() {
                break;
            }
            drop(active);
        }
        if !is_new {
            Box::pin(user.stop(scenario)).await;
        }
    }
}
