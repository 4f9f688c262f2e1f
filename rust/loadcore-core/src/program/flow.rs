//! Flows: the steps of an iteration as one flat list, so that walking them needs neither recursion nor memory.

use super::{RequestId, RequestProgram};
use crate::driver::script::ScriptChoice;
use crate::plan::Think;
use crate::record::GroupId;
use crate::step::{CompiledComparison, CompiledExtract, Slot};

/// Steps in the order of the plan, nesting resolved into jumps. It ends where the list does.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    pub(crate) ops: Vec<Op>,
    /// How many repeats are nested at most.
    pub(crate) depth: usize,
}

impl Flow {
    /// The variables that its responses give a value, each once.
    pub(crate) fn takes(&self, requests: &[RequestProgram]) -> Vec<Slot> {
        let of = |op: &Op| if let Op::Request(id) = op { requests.get(id.index()) } else { None };
        let mut slots: Vec<Slot> = self
            .ops
            .iter()
            .filter_map(of)
            .flat_map(|request| request.looks.extracts.iter().map(CompiledExtract::slot))
            .collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// Which script it is left to, if it is nothing else but a script, or a choice of scripts by weight.
    pub(crate) fn choice(&self, seed: u64) -> Option<ScriptChoice> {
        let scripts = match &self.ops[..] {
            [Op::Script(only)] => vec![(1, *only)],
            [Op::Choose(targets), options @ ..] => {
                // Each option is its script and the jump behind it.
                let are_scripts = options.chunks(2).all(|option| matches!(option, [Op::Script(_), Op::Jump(_)]));
                let script =
                    |target: usize| if let Op::Script(script) = self.ops[target] { Some(script) } else { None };
                if !are_scripts || options.len() != 2 * targets.len() {
                    return None;
                }
                targets.iter().map(|(weight, target)| Some((*weight, script(*target)?))).collect::<Option<_>>()?
            }
            _ => return None,
        };
        Some(ScriptChoice::new(seed, scripts))
    }
}

/// One operation of a flow. Targets are indexes into [`Flow::ops`].
#[derive(Debug)]
pub(crate) enum Op {
    Request(RequestId),
    Think(Think),
    GroupStart(GroupId),
    GroupEnd,
    /// One of the targets, by cumulated weight.
    Choose(Box<[(u64, usize)]>),
    /// The target of the iteration; the last one of all further iterations.
    Take(Box<[usize]>),
    Jump(usize),
    /// Sets the counter of a nesting level to 0.
    RepeatStart {
        level: usize,
    },
    /// Counts, and goes back while there are times left.
    RepeatEnd {
        level: usize,
        times: u32,
        back: usize,
    },
    /// Goes on if the test holds, else to `otherwise`.
    Branch {
        slot: Slot,
        test: BranchTest,
        otherwise: usize,
    },
    /// What this script of the plan does until it says that it is done.
    Script(u32),
}

#[derive(Debug)]
pub(crate) enum BranchTest {
    Exists,
    Compare(CompiledComparison),
}
