//! The load of each scenario as it is now: what was planned, and what was ordered since.

use std::cell::RefCell;

use super::Worker;
use crate::exchange::Stack;
use crate::program::LoadProgram;
use crate::schedule::{ArrivalSchedule, Order, ScheduleProblem, Turn, UserSchedule};
use crate::timer::TaskGroup;

/// The load of a scenario.
#[derive(Debug)]
pub(crate) struct OrderedLoad {
    /// All that there have been.
    orders: RefCell<Vec<Order>>,
    schedule: RefCell<Schedule>,
}

#[derive(Debug)]
enum Schedule {
    Users(UserSchedule),
    Arrivals(ArrivalSchedule),
    Script,
}

impl OrderedLoad {
    pub(super) fn new(load: &LoadProgram) -> Self {
        let schedule = match load {
            LoadProgram::Users(users) | LoadProgram::Iterations { users, .. } => Schedule::Users(users.clone()),
            LoadProgram::Arrivals { schedule, .. } => Schedule::Arrivals(schedule.clone()),
            LoadProgram::Script => Schedule::Script,
        };
        Self { orders: RefCell::default(), schedule: RefCell::new(schedule) }
    }

    /// What a user does at a time since the scenario's start.
    pub(crate) fn turn(&self, user: u32, at_ns: u64) -> Option<Turn> {
        match &*self.schedule.borrow() {
            Schedule::Users(users) => users.turn(user, at_ns),
            Schedule::Arrivals(_) | Schedule::Script => None,
        }
    }

    /// The most users that are on at one time from a time since the scenario's start on.
    pub(crate) fn peak_from(&self, at_ns: u64) -> u32 {
        match &*self.schedule.borrow() {
            Schedule::Users(users) => users.peak_from(at_ns),
            Schedule::Arrivals(_) | Schedule::Script => 0,
        }
    }

    /// The schedule of arrivals, in an open model.
    pub(crate) fn arrivals(&self) -> Option<ArrivalSchedule> {
        match &*self.schedule.borrow() {
            Schedule::Arrivals(schedule) => Some(schedule.clone()),
            Schedule::Users(_) | Schedule::Script => None,
        }
    }

    /// Takes an order. One that does not fit the load changes nothing.
    fn take(&self, order: Order, planned: &LoadProgram) -> Result<(), ScheduleProblem> {
        let mut orders = self.orders.borrow_mut();
        orders.push(order);
        let ordered = match planned {
            LoadProgram::Users(users) | LoadProgram::Iterations { users, .. } => {
                users.ordered(&orders).map(Schedule::Users)
            }
            LoadProgram::Arrivals { schedule, .. } => schedule.ordered(&orders).map(Schedule::Arrivals),
            LoadProgram::Script => Err(ScheduleProblem::OtherModel),
        };
        match ordered {
            Ok(ordered) => *self.schedule.borrow_mut() = ordered,
            Err(problem) => {
                orders.pop();
                return Err(problem);
            }
        }
        Ok(())
    }
}

impl<T: Stack> Worker<T> {
    /// Changes the load of a scenario; the order's time counts from the run's start.
    pub(crate) fn order(&self, scenario: usize, order: Order) {
        let (Some(program), Some(load)) = (self.program.scenarios.get(scenario), self.loads.get(scenario)) else {
            return;
        };
        let at_ns = order.at_ns.saturating_sub(program.start_after_ns);
        if load.take(Order { at_ns, ..order }, &program.load).is_ok() {
            self.next_edition();
            self.timer.wake_group(TaskGroup(program.id.0));
        }
    }
}
