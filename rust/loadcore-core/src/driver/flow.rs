//! The driver of users whose steps are compiled: walks a flow. Pure: it is asked what to do next and told nothing but
//! the time.

use crate::plan::Think;
use crate::program::{BranchTest, Flow, Op, RequestId};
use crate::random::Random;
use crate::record::GroupId;
use crate::step::{Evaluation, Operand};

/// What a user does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send this request.
    Request(RequestId),
    /// Pause for this number of nanoseconds.
    Think(u64),
    /// Nothing, but say how long this group took.
    GroupEnded(GroupId, u64),
    /// Rest: [`IDLE_STEPS`] steps in a row have sent nothing, and nothing says that the next ones will.
    Idle,
    /// Leave it to this script of the plan.
    Script(u32),
    /// The iteration is complete.
    End,
}

/// After this number of steps without a request or a pause, a user lets others have their turn: it may be in a loop
/// that never sends anything, as long as the repeat around a branch that does not hold.
pub(crate) const IDLE_STEPS: u32 = 1_000;

/// A shorter pause is one more step: a loop may pause for a nanosecond, too.
const SHORTEST_PAUSE_NS: u64 = 1_000_000;

/// Where in its flow a user is.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    at: usize,
    /// Steps since the last request or pause, over all iterations.
    idle: u32,
    counters: Vec<u32>,
    groups: Vec<(GroupId, u64)>,
}

impl Walk {
    /// Begins a flow.
    pub(crate) fn begin(&mut self, flow: &Flow) {
        self.at = 0;
        if flow.depth > 0 {
            self.counters.clear();
            self.counters.resize(flow.depth, 0);
        }
        self.groups.clear();
    }

    /// The next action, if that is a request: what most steps are, and what needs nothing to be known.
    pub(crate) fn next_request(&mut self, flow: &Flow) -> Option<RequestId> {
        let Op::Request(id) = flow.ops.get(self.at)? else { return None };
        self.at += 1;
        self.idle = 0;
        Some(*id)
    }

    /// The user has paused.
    pub(crate) fn rested(&mut self) {
        self.idle = 0;
    }

    /// Whether the flow is done.
    pub(crate) fn is_done(&self, flow: &Flow) -> bool {
        self.at >= flow.ops.len()
    }

    /// The next action at `now`. Chance is drawn from the evaluation's generator.
    pub(crate) fn next(&mut self, flow: &Flow, evaluation: &mut Evaluation<'_, '_>, now: u64) -> Action {
        while let Some(op) = flow.ops.get(self.at) {
            if self.idle >= IDLE_STEPS {
                self.idle = 0;
                return Action::Idle;
            }
            self.at += 1;
            self.idle += 1;
            match op {
                Op::Request(id) => {
                    self.idle = 0;
                    return Action::Request(*id);
                }
                Op::Think(think) => {
                    let pause_ns = duration(*think, evaluation.builtins.random);
                    if pause_ns >= SHORTEST_PAUSE_NS {
                        self.idle = 0;
                    }
                    return Action::Think(pause_ns);
                }
                Op::GroupStart(group) => self.groups.push((*group, now)),
                Op::GroupEnd => {
                    if let Some((group, began)) = self.groups.pop() {
                        return Action::GroupEnded(group, now.saturating_sub(began));
                    }
                }
                Op::Choose(targets) => {
                    let total = targets.last().map_or(0, |(weight, _)| *weight);
                    let drawn = evaluation.builtins.random.below(total);
                    let chosen = targets.iter().find(|(weight, _)| drawn < *weight);
                    self.at = chosen.map_or(self.at, |(_, target)| *target);
                }
                Op::Take(targets) => {
                    let turn = (evaluation.builtins.iteration as usize).min(targets.len().saturating_sub(1));
                    self.at = targets.get(turn).map_or(self.at, |target| *target);
                }
                Op::Jump(target) => self.at = *target,
                Op::Script(script) => {
                    self.idle = 0;
                    return Action::Script(*script);
                }
                Op::RepeatStart { level } => self.counters[*level] = 0,
                Op::RepeatEnd { level, times, back } => {
                    self.counters[*level] += 1;
                    if self.counters[*level] < *times {
                        self.at = *back;
                    }
                }
                Op::Branch { slot, test, otherwise } => {
                    let holds = match (evaluation.variables.get(*slot), test) {
                        (Some(value), BranchTest::Compare(comparison)) => {
                            comparison.holds(Operand::Text(value), evaluation)
                        }
                        (value, _) => value.is_some(),
                    };
                    if !holds {
                        self.at = *otherwise;
                    }
                }
            }
        }
        Action::End
    }

    /// The group that the failure of an iteration cuts short, innermost first, and for how long it ran. None is left
    /// after.
    pub(crate) fn cut_group(&mut self, now: u64) -> Option<(GroupId, u64)> {
        self.groups.pop().map(|(group, began)| (group, now.saturating_sub(began)))
    }

    /// Whether all that is left to do is to pause: there is no use in waiting for that when the run ends.
    pub(crate) fn only_pauses_left(&self, flow: &Flow) -> bool {
        let mut at = self.at;
        while let Some(op) = flow.ops.get(at) {
            match op {
                Op::Think(_) => at += 1,
                Op::Jump(target) if *target > at => at = *target,
                _ => return false,
            }
        }
        true
    }
}

/// Draws the length of a pause.
pub(crate) fn duration(think: Think, random: &mut Random) -> u64 {
    match think {
        Think::Constant { ns } => ns,
        Think::Uniform { min_ns, max_ns } => random.between(min_ns, max_ns),
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a pause"
        )]
        Think::Exponential { mean_ns } => (random.exponential().min(10.0) * mean_ns as f64) as u64,
    }
}
