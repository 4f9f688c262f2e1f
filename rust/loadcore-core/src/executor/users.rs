//! Closed models: users that loop while they are on.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::Active;
use crate::aggregate::ScenarioEvent;
use crate::exchange::Stack;
use crate::program::ScenarioProgram;
use crate::schedule::Turn;
use crate::timer::{Task, TaskGroup};
use crate::user::{Allowance, Crowd, IterationEnd, Left, Quota, Start, User, Worker};

/// The users of a scenario.
struct Team<T: Stack> {
    worker: Rc<Worker<T>>,
    scenario: usize,
    quota: Quota,
    crowd: Crowd,
    /// By position in the share.
    places: RefCell<Vec<Place>>,
    /// How many users are here.
    here: Cell<usize>,
    /// Wakes whoever waits for the users.
    task: Task,
}

/// Where a user is.
#[derive(Debug)]
enum Place {
    /// It has not come yet, or its schedule took it off; it may come.
    Away(Option<Box<Left>>),
    Here,
    /// It does not come back: it has nothing more to do, or cannot do it.
    Done,
}

pub(super) async fn execute<T: Stack>(worker: &Rc<Worker<T>>, scenario: usize, quota: Quota) {
    let program = &worker.program.scenarios[scenario];
    let team = Rc::new(Team {
        worker: Rc::clone(worker),
        scenario,
        quota,
        crowd: Crowd::new(Rc::clone(&worker.timer)),
        places: RefCell::default(),
        here: Cell::new(0),
        task: worker.timer.register(TaskGroup(program.id.0)).await,
    });
    let mut since_ns = team.begins_ns();
    loop {
        let edition = worker.edition();
        team.call_up(since_ns);
        let enough = || worker.edition() != edition || team.is_done();
        let waited = team.task.sleep_until_or(program.planned_end_ns, enough).await;
        if waited.is_err() || worker.is_over(program) || team.is_done() {
            break;
        }
        since_ns = team.elapsed_ns();
    }
    team.crowd.end(worker).await;
}

impl<T: Stack> Team<T> {
    fn program(&self) -> &ScenarioProgram {
        &self.worker.program.scenarios[self.scenario]
    }

    fn number(&self, position: usize) -> u32 {
        u32::try_from(self.worker.share.nth(position as u64)).unwrap_or(u32::MAX)
    }

    /// Has all come who have something to do from a time on.
    fn call_up(self: &Rc<Self>, since_ns: u64) {
        let load = &self.worker.loads[self.scenario];
        let mut places = self.places.borrow_mut();
        let expected = self.worker.share.users(load.peak_from(since_ns)) as usize;
        if places.len() < expected {
            places.resize_with(expected, || Place::Away(None));
        }
        for (position, place) in places.iter_mut().enumerate() {
            let Place::Away(left) = place else { continue };
            let at_ns = left.as_ref().map_or(self.begins_ns(), |left| left.at_ns);
            if load.turn(self.number(position), at_ns).is_some() {
                let left = left.take();
                *place = Place::Here;
                self.here.set(self.here.get() + 1);
                self.crowd.add(take_turns(Seat { team: Rc::clone(self), position, place: Place::Done }, left));
            }
        }
    }

    /// Whether all who are expected are done.
    fn is_done(&self) -> bool {
        let are_done = || {
            let expected = self.worker.loads[self.scenario].peak_from(self.elapsed_ns());
            let places = self.places.borrow();
            let mut ours = places.iter().take(self.worker.share.users(expected) as usize);
            expected > 0 && ours.all(|place| matches!(place, Place::Done))
        };
        self.here.get() == 0 && are_done()
    }

    /// When this share begins here, since the scenario's start: before that, it was another worker's.
    fn begins_ns(&self) -> u64 {
        self.worker.program.begins_ns.saturating_sub(self.program().start_after_ns)
    }

    /// Since the scenario's start.
    fn elapsed_ns(&self) -> u64 {
        self.worker.timer.recent().saturating_sub(self.program().start_after_ns)
    }

    /// What a user does at a time of the scenario, in times of the run.
    fn turn(&self, number: u32, at_ns: u64) -> Option<Turn> {
        let start_ns = self.program().start_after_ns;
        Some(match self.worker.loads[self.scenario].turn(number, at_ns)? {
            Turn::Off { until_ns } => Turn::Off { until_ns: start_ns + until_ns },
            Turn::Held { until_ns } => Turn::Held { until_ns: start_ns + until_ns },
            Turn::On { from_ns, until_ns } => {
                Turn::On { from_ns: start_ns + from_ns.max(self.begins_ns()), until_ns: start_ns + until_ns }
            }
        })
    }
}

/// The place of a user that is here; dropped when it goes.
struct Seat<T: Stack> {
    team: Rc<Team<T>>,
    position: usize,
    /// What the place becomes.
    place: Place,
}

impl<T: Stack> Seat<T> {
    /// Keeps the place for a user that may come back.
    fn keep(&mut self, left: Left) {
        self.place = Place::Away(Some(Box::new(left)));
    }
}

impl<T: Stack> Drop for Seat<T> {
    fn drop(&mut self) {
        let team = &self.team;
        team.places.borrow_mut()[self.position] = std::mem::replace(&mut self.place, Place::Done);
        team.here.set(team.here.get() - 1);
        team.worker.timer.wake(team.task.index());
    }
}

/// All that one user does: iterates while it is on.
///
/// One future without further ones of its own, since every user has room for all of it.
#[expect(clippy::manual_async_fn, reason = "an `async fn` keeps its arguments twice, and every user pays for that")]
fn take_turns<T: Stack>(mut seat: Seat<T>, left: Option<Box<Left>>) -> impl Future<Output = ()> {
    async move {
        let program = Rc::clone(&seat.team.worker.program);
        let scenario = &program.scenarios[seat.team.scenario];
        let worker = Rc::clone(&seat.team.worker);
        let task = worker.timer.register(TaskGroup(scenario.id.0)).await;
        let number = seat.team.number(seat.position);
        let mut user = User::new(Rc::clone(&worker), scenario, number, task);
        *user.allowance() = Allowance::new(seat.team.quota.clone());
        // Up to when it has done what the schedule says, since the scenario's start.
        let mut at_ns = seat.team.begins_ns();
        if let Some(left) = left {
            at_ns = left.at_ns;
            user.come_back(*left);
        }
        let (mut is_new, mut free_ns) = (true, 0);
        let mut active = None;
        loop {
            let edition = worker.edition();
            if worker.is_stopping() {
                break;
            }
            let until_ns = match seat.team.turn(number, at_ns) {
                None => {
                    seat.keep(user.leave(at_ns));
                    break;
                }
                Some(Turn::Off { until_ns }) => {
                    active = None;
                    if user.rest_within(edition, until_ns).await.is_err() {
                        return;
                    }
                    until_ns
                }
                Some(Turn::Held { until_ns }) => {
                    active.get_or_insert_with(|| Active::new(&worker, scenario.id));
                    if user.rest_within(edition, until_ns).await.is_err() {
                        return;
                    }
                    until_ns
                }
                Some(Turn::On { from_ns, until_ns }) => {
                    if user.rest_within(edition, from_ns).await.is_err() {
                        return;
                    }
                    if worker.edition() != edition {
                        continue;
                    }
                    active.get_or_insert_with(|| Active::new(&worker, scenario.id));
                    let mut due_ns = from_ns.max(free_ns);
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
                    user.allowance().extend(until_ns, edition);
                    loop {
                        if due_ns > worker.timer.recent()
                            && user.rest_within(edition, due_ns.min(until_ns)).await.is_err()
                        {
                            return;
                        }
                        if !user.may_begin(scenario, due_ns) {
                            break;
                        }
                        if user.iterate(scenario, due_ns).await == IterationEnd::Interrupted {
                            return;
                        }
                        due_ns = user.due_ns();
                    }
                    free_ns = due_ns;
                    if user.allowance().is_used_up() {
                        break;
                    }
                    until_ns
                }
            };
            if worker.edition() == edition {
                at_ns = until_ns - scenario.start_after_ns;
            }
        }
        if !is_new {
            Box::pin(user.stop(scenario)).await;
        }
    }
}
