//! How many iterations a user may begin by itself.

use std::cell::Cell;
use std::rc::Rc;

use crate::driver::script::{IterationsLeft, MayContinue, ScriptChoice};
use crate::plan::IterationScope;
use crate::program::ScenarioProgram;
use crate::schedule::Share;

/// How many iterations there are to make.
#[derive(Debug, Clone)]
pub(crate) enum Quota {
    /// As many as there is time for.
    Unlimited,
    /// This number for each user.
    PerUser(u64),
    /// This number for all users of this worker.
    Shared(Rc<Cell<u64>>),
    /// The same, where their code may begin iterations, too.
    WithCode(IterationsLeft),
}

impl Quota {
    /// `users` is the number of all workers' users.
    pub(crate) fn new(
        scope: IterationScope,
        iterations: u64,
        share: Share,
        users: u32,
        scenario: &ScenarioProgram,
    ) -> Self {
        let ours = share.part_of_users(iterations, users);
        match scope {
            IterationScope::PerUser => Self::PerUser(iterations),
            IterationScope::Shared if scenario.choice.is_some() => Self::WithCode(IterationsLeft::new(ours)),
            IterationScope::Shared => Self::Shared(Rc::new(Cell::new(ours))),
        }
    }

    /// Takes one iteration, if one is left.
    fn take(&mut self) -> bool {
        let left = match self {
            Self::Unlimited => return true,
            Self::PerUser(left) => std::mem::replace(left, left.saturating_sub(1)),
            Self::Shared(left) => left.replace(left.get().saturating_sub(1)),
            Self::WithCode(left) => return left.take(),
        };
        left > 0
    }
}

/// The iterations that a user may begin without being told to: those that are due before a time, up to a quota. Users
/// that serve arrivals have none.
#[derive(Debug, Clone)]
pub(crate) struct Allowance {
    until_ns: u64,
    quota: Quota,
    is_used_up: bool,
    /// Of the loads that it was given under: it ends with that.
    edition: u32,
}

impl Default for Allowance {
    fn default() -> Self {
        Self::new(Quota::Unlimited)
    }
}

impl Allowance {
    /// No iterations yet.
    pub(crate) fn new(quota: Quota) -> Self {
        Self { until_ns: 0, quota, is_used_up: false, edition: 0 }
    }

    /// Allows iterations that are due before `until_ns`, while the loads are of this edition.
    pub(crate) fn extend(&mut self, until_ns: u64, edition: u32) {
        (self.until_ns, self.edition) = (until_ns, edition);
    }

    /// Takes an iteration that is due at `due_ns`, if it is allowed.
    #[inline]
    pub(super) fn take(&mut self, due_ns: u64, edition: u32) -> bool {
        if self.edition != edition || self.is_used_up || due_ns >= self.until_ns {
            return false;
        }
        self.is_used_up = !self.quota.take();
        !self.is_used_up
    }

    /// What its code may begin by itself of what the user may.
    pub(super) fn may_continue(&self, edition: u32, choice: &ScriptChoice) -> Option<MayContinue> {
        if self.edition != edition || self.is_used_up {
            return None;
        }
        let left = match &self.quota {
            Quota::Unlimited => None,
            Quota::WithCode(left) => Some(left.clone()),
            Quota::PerUser(_) | Quota::Shared(_) => return None,
        };
        Some(MayContinue { edition, until_ns: self.until_ns, left, choice: choice.clone() })
    }

    /// Allows no more.
    pub(super) fn use_up(&mut self) {
        self.is_used_up = true;
    }

    /// Whether there will be no more, however far it is extended.
    pub(crate) fn is_used_up(&self) -> bool {
        self.is_used_up
    }
}
