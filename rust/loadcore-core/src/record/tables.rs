//! The tables that the ids in records and windows point into.

use serde::{Deserialize, Serialize};

/// Index of a scenario in [`Tables::scenarios`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScenarioId(pub u16);

/// Index of a check in [`Tables::checks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CheckId(pub u16);

/// Index of a group in [`Tables::groups`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub u16);

/// Everything a run has names for. Fixed when the plan has been compiled.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tables {
    /// What runs, side by side.
    pub scenarios: Vec<ScenarioInfo>,
    /// What requests are counted under; a record's `step` is an index into this.
    pub steps: Vec<StepInfo>,
    /// Claims about responses.
    pub checks: Vec<CheckInfo>,
    /// Steps timed together.
    pub groups: Vec<GroupInfo>,
}

/// A scenario, as far as this worker's share of it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioInfo {
    /// Its name.
    pub name: String,
    /// Whether its load is open (arrivals) or closed (users).
    pub model: Model,
    /// Offset from the run's start before which no iteration is started.
    pub planned_start_ns: u64,
    /// Offset from the run's start after which no more iterations are started; `None`: a script says when.
    pub planned_end_ns: Option<u64>,
    /// How many iterations this share starts, where that is known beforehand.
    pub planned_iterations: Option<u64>,
    /// Most users this share has at any time.
    pub users: u32,
}

/// Whose pace a load model follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// Iterations start when they are due, whatever the target does.
    Open,
    /// Each user starts its next iteration when its last has ended.
    Closed,
}

/// A step: what requests are counted under.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StepInfo {
    /// The scenario it belongs to.
    pub scenario: String,
    /// Its name, unique in the scenario and section.
    pub name: String,
    /// The method of its requests.
    pub method: String,
    /// Which part of the scenario it is in.
    pub section: Section,
}

/// A name that is met at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// Of a step.
    Step(StepInfo),
    /// Of a check.
    Check(CheckInfo),
    /// Of a group.
    Group(GroupInfo),
}

impl Tables {
    /// Adds a name to those of its kind.
    pub fn add(&mut self, name: Name) {
        match name {
            Name::Step(step) => self.steps.push(step),
            Name::Check(check) => self.checks.push(check),
            Name::Group(group) => self.groups.push(group),
        }
    }
}

/// The part of a scenario that a step is in. Headline numbers come from [`Section::Main`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// An iteration.
    Main,
    /// What a user does once, before its first iteration or after its last one.
    Start,
    /// A request for a token.
    Auth,
    /// What the code of users saw by itself: no request of the engine's.
    User,
}

impl Section {
    /// All sections, in the order of their codes.
    pub const ALL: &[Self] = &[Self::Main, Self::Start, Self::Auth, Self::User];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Start => "start",
            Self::Auth => "auth",
            Self::User => "user",
        }
    }
}

/// A claim about the responses of a step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CheckInfo {
    /// The scenario it belongs to.
    pub scenario: String,
    /// The step it is made about.
    pub step: String,
    /// What is claimed.
    pub name: String,
}

/// Steps timed together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GroupInfo {
    /// The scenario it belongs to.
    pub scenario: String,
    /// Its name.
    pub name: String,
}
