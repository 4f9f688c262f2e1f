//! Load models: how load is offered.

use serde::{Deserialize, Serialize};

/// How a scenario's load is offered. Closed models keep users looping; open models start iterations when they are due,
/// whatever the target does.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Load {
    /// Closed: a constant number of users.
    Users {
        /// How many.
        users: u32,
        /// For how long iterations are started.
        duration_ns: u64,
    },
    /// Closed: the number of users follows straight lines from stage to stage.
    UserStages {
        /// Users at the start.
        start: u32,
        /// The lines, one after another.
        stages: Vec<UserStage>,
    },
    /// Open: iterations are started at a constant rate.
    ArrivalRate {
        /// Iterations started per period.
        rate: Rate,
        /// For how long.
        duration_ns: u64,
        /// An arrival that finds this many users busy is dropped and counted.
        max_users: u32,
        /// How arrivals are spread.
        arrivals: Arrivals,
    },
    /// Open: the rate follows straight lines from stage to stage.
    ArrivalStages {
        /// The rate at the start.
        start: Rate,
        /// The lines, one after another.
        stages: Vec<RateStage>,
        /// An arrival that finds this many users busy is dropped and counted.
        max_users: u32,
        /// How arrivals are spread.
        arrivals: Arrivals,
    },
    /// Closed: a fixed number of iterations.
    Iterations {
        /// How many users share the work.
        users: u32,
        /// How many iterations; of each user or of all together, see `scope`.
        iterations: u64,
        /// Whose iterations are counted.
        scope: IterationScope,
        /// Iterations not started by then are not started.
        max_duration_ns: u64,
    },
    /// Closed: the scenario's script says who joins, who leaves, and when the run is over.
    Script {},
}

/// A straight line of [`Load::UserStages`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UserStage {
    /// Users at the end of the stage.
    pub users: u32,
    /// Its length; 0 is a jump.
    pub duration_ns: u64,
}

/// A straight line of [`Load::ArrivalStages`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RateStage {
    /// The rate at the end of the stage.
    pub rate: Rate,
    /// Its length; 0 is a jump.
    pub duration_ns: u64,
}

/// `count` iterations every `per_ns`, a ratio of whole numbers so that schedules do not drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Iterations per period. May be 0 in a stage.
    pub count: u64,
    /// The period, above 0.
    pub per_ns: u64,
}

/// How arrivals are spread in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// As evenly as the rate allows.
    #[default]
    Even,
    /// With exponential gaps: independent clients.
    Poisson,
}

/// Whose iterations [`Load::Iterations`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IterationScope {
    /// Each user makes this many.
    PerUser,
    /// All users together make this many.
    Shared,
}
