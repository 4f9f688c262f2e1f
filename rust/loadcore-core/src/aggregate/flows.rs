//! When requests were asked for, sent and ended, where the second that counts them cannot tell alone.

use crate::record::{Phase, StepId};

/// What happened to the requests of a step in one second and one phase. Adds up over windows: the request that is asked for in
/// one second and answered in the next is counted in both, once as asked for and once as answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flow {
    /// Requests that were due.
    pub asked: u32,
    /// Requests that were sent, the first time.
    pub started: u32,
    /// Requests that ended with a whole response, whatever its status.
    pub answered: u32,
    /// Requests that ended without one; not those that the end of the run cut off.
    pub failed: u32,
}

/// A flow that belongs to another row than the one its requests are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elsewhere {
    /// The second, from the run's start; `None` if it is the window's own.
    pub second: Option<u32>,
    /// The phase at that time.
    pub phase: Phase,
    /// The step.
    pub step: StepId,
    /// What happened there.
    pub flow: Flow,
}

/// The flows of a window that belong elsewhere. Few: as many as there are seconds and steps that its requests come from.
#[derive(Debug, Default)]
pub(super) struct Flows(Vec<Elsewhere>);

impl Flows {
    /// The flow of that second, phase and step.
    pub(super) fn of(&mut self, second: Option<u32>, phase: Phase, step: StepId) -> &mut Flow {
        // Requests that end together mostly began together: the newest entries are looked at first.
        let known = self.0.iter().rposition(|one| one.second == second && one.phase == phase && one.step == step);
        let place = known.unwrap_or_else(|| {
            self.0.push(Elsewhere { second, phase, step, flow: Flow::default() });
            self.0.len() - 1
        });
        &mut self.0[place].flow
    }

    pub(super) fn all(&self) -> &[Elsewhere] {
        &self.0
    }

    /// Forgets everything and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
