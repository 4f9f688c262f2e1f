//! How a scenario's load is offered, and what follows from it.

use crate::plan::{self, Load};
use crate::record::Model;
use crate::schedule::{ArrivalSchedule, Share, UserSchedule};

/// How a scenario's load is offered.
#[derive(Debug)]
pub(crate) enum LoadProgram {
    /// Users that loop while they are on.
    Users(UserSchedule),
    /// Users that loop for a number of iterations.
    Iterations { users: UserSchedule, iterations: u64, scope: plan::IterationScope },
    /// Arrivals served by users.
    Arrivals { schedule: ArrivalSchedule, max_users: u32 },
    /// Users that join and leave as a script says.
    Script,
}

impl LoadProgram {
    pub(super) fn model(&self) -> Model {
        match self {
            Self::Users(_) | Self::Iterations { .. } | Self::Script => Model::Closed,
            Self::Arrivals { .. } => Model::Open,
        }
    }

    /// When its schedule ends, from the scenario's start.
    pub(super) fn end_ns(&self) -> u64 {
        match self {
            Self::Users(schedule) | Self::Iterations { users: schedule, .. } => schedule.end_ns(),
            Self::Arrivals { schedule, .. } => schedule.end_ns(),
            Self::Script => u64::MAX,
        }
    }

    /// Most users at a time, over the whole run.
    pub(crate) fn users(&self) -> u32 {
        match self {
            Self::Users(schedule) | Self::Iterations { users: schedule, .. } => schedule.peak(),
            Self::Arrivals { max_users, .. } => *max_users,
            Self::Script => 0,
        }
    }

    /// Most users of one share at a time. Arrivals of every share find at least one.
    pub(crate) fn users_of(&self, share: Share) -> u32 {
        let users = share.users(self.users());
        if matches!(self, Self::Arrivals { .. }) { users.max(1) } else { users }
    }

    /// The share of what the users of one share take one after the other, such as a feeder's rows; `None` without a user.
    pub(crate) fn taking(&self, share: Share) -> Option<Share> {
        match self {
            Self::Users(schedule) | Self::Iterations { users: schedule, .. } => share.among_users(schedule.peak()),
            Self::Arrivals { .. } | Self::Script => Some(share),
        }
    }

    /// How many iterations one share starts, where that is known beforehand.
    pub(crate) fn iterations_of(&self, share: Share) -> Option<u64> {
        match self {
            Self::Users(_) | Self::Script => None,
            Self::Iterations { users, iterations, scope } => Some(match scope {
                plan::IterationScope::PerUser => iterations.saturating_mul(u64::from(share.users(users.peak()))),
                plan::IterationScope::Shared => share.part_of_users(*iterations, users.peak()),
            }),
            Self::Arrivals { schedule, .. } => schedule.planned_total().map(|total| share.part(total)),
        }
    }
}

/// Most users at a time, of a load as it is planned.
pub(super) fn peak_users(load: &Load) -> u32 {
    match load {
        Load::Users { users, .. } | Load::Iterations { users, .. } => *users,
        Load::UserStages { start, stages } => stages.iter().map(|stage| stage.users).max().unwrap_or(0).max(*start),
        Load::ArrivalRate { max_users, .. } | Load::ArrivalStages { max_users, .. } => *max_users,
        // Known only to the script.
        Load::Script {} => 0,
    }
}
