//! Executors: each carries out one kind of load model, by starting iterations when its schedule says so.

mod arrivals;
mod users;

use std::rc::Rc;

use crate::exchange::Stack;
use crate::program::LoadProgram;
use crate::record::ScenarioId;
use crate::timer::TaskGroup;
use crate::user::scripted::{self, CLEAN_UP_NS};
use crate::user::{Quota, Worker};

/// Carries out a scenario's load, to the end of its last iteration.
pub(crate) async fn execute<T: Stack>(worker: Rc<Worker<T>>, scenario: usize) {
    let program = Rc::clone(&worker.program);
    let last_call = tokio::task::spawn_local(last_call(Rc::clone(&worker), scenario));
    let script = worker.scripted(scenario);
    let obeying = script.as_ref().map(|_| tokio::task::spawn_local(scripted::obey(Rc::clone(&worker), scenario)));
    match &program.scenarios[scenario].load {
        LoadProgram::Users(_) => users::execute(&worker, scenario, Quota::Unlimited).await,
        LoadProgram::Iterations { users, iterations, scope } => {
            let quota = Quota::new(*scope, *iterations, worker.share, users.peak(), &program.scenarios[scenario]);
            users::execute(&worker, scenario, quota).await;
        }
        LoadProgram::Arrivals { .. } => arrivals::execute(&worker, scenario).await,
        // The script says itself when nothing more is to begin.
        LoadProgram::Script => {}
    }
    if let (Some(script), Some(obeying)) = (script, obeying) {
        if !matches!(program.scenarios[scenario].load, LoadProgram::Script) {
            script.close(&worker);
        }
        worker.join(obeying.await);
    }
    last_call.abort();
    worker.recorder.borrow_mut().scenario_ended(program.scenarios[scenario].id, worker.now());
}

/// At the scenario's planned end wakes those who have nothing left to do but to pause; when the grace after that, or after
/// a stop, is over, interrupts those who are not done.
async fn last_call<T: Stack>(worker: Rc<Worker<T>>, scenario: usize) {
    let task = worker.timer.register(TaskGroup::NONE).await;
    let scenario = &worker.program.scenarios[scenario];
    let group = TaskGroup(scenario.id.0);
    if task.sleep_until_or(scenario.planned_end_ns, || worker.is_stopping()).await.is_err() {
        return;
    }
    worker.timer.wake_group(group);
    // A script learns that nothing more begins.
    worker.timer.wake_group(TaskGroup::of_script(scenario.id));
    let last_call_ns = worker.last_call_ns(scenario.planned_end_ns);
    if task.sleep_until(last_call_ns).await.is_err() {
        return;
    }
    worker.timer.interrupt(group);
    if scenario.script.is_some() {
        let clean_up_ns = if matches!(scenario.load, LoadProgram::Script) { 0 } else { CLEAN_UP_NS };
        if task.sleep_until(last_call_ns.saturating_add(clean_up_ns)).await.is_ok() {
            worker.timer.interrupt(TaskGroup::of_script(scenario.id));
        }
    }
}

/// A user counts as active for as long as this is held.
struct Active<'a, T: Stack> {
    worker: &'a Worker<T>,
    scenario: ScenarioId,
}

impl<'a, T: Stack> Active<'a, T> {
    fn new(worker: &'a Worker<T>, scenario: ScenarioId) -> Self {
        worker.recorder.borrow_mut().users_mut(scenario).active += 1;
        Self { worker, scenario }
    }
}

impl<T: Stack> Drop for Active<'_, T> {
    fn drop(&mut self) {
        self.worker.recorder.borrow_mut().users_mut(self.scenario).active -= 1;
    }
}
