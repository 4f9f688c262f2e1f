//! The leave of a user whose code runs beside the engine to continue by itself: to begin its next iteration with the end of one.
//! To ask for each costs a way to the engine and back, which is as much as a short iteration.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::random::Random;

/// The leave of a user to begin the next iteration with the end of one that is complete, by
/// [`Command::End`](super::script::Command::End), and the ones after that. Users have it that iterate one iteration after
/// the other for as long as they are on, where the engine has nothing to do between two of them.
#[derive(Debug, Clone)]
pub struct MayContinue {
    /// It ends with these loads: [`Script::edition`](super::script::Script::edition) says so.
    pub edition: u32,
    /// Iterations that begin before this.
    pub until_ns: u64,
    /// One of these for each, if they are not without number.
    pub left: Option<IterationsLeft>,
    /// Which script each is left to.
    pub choice: ScriptChoice,
}

/// Which script of the plan an iteration is left to: the same one, or one of several by weight.
#[derive(Debug, Clone)]
pub struct ScriptChoice {
    seed: u64,
    /// With cumulated weights.
    scripts: Arc<[(u64, u32)]>,
}

impl ScriptChoice {
    /// One of these, with cumulated weights, drawn as a flow's choice is from the chance of an iteration.
    pub(crate) fn new(seed: u64, scripts: Vec<(u64, u32)>) -> Self {
        Self { seed, scripts: scripts.into() }
    }

    /// That of an iteration of a user.
    #[must_use]
    pub fn script(&self, user: u32, iteration: u32) -> u32 {
        match *self.scripts {
            [(_, only)] => only,
            ref scripts => {
                let total = scripts.last().map_or(0, |(weight, _)| *weight);
                let drawn = Random::of_iteration(self.seed, user, iteration).below(total);
                scripts.iter().find(|(weight, _)| drawn < *weight).map_or(0, |(_, script)| *script)
            }
        }
    }
}

/// How many iterations are left to the users of a worker: the engine takes those that it begins, and code takes its own.
#[derive(Debug, Clone)]
pub struct IterationsLeft(Arc<AtomicU64>);

impl IterationsLeft {
    /// As many as this.
    #[must_use]
    pub fn new(iterations: u64) -> Self {
        Self(Arc::new(AtomicU64::new(iterations)))
    }

    /// Takes one, if one is left.
    #[must_use]
    pub fn take(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}
