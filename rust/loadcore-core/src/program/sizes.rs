//! How large a plan may be.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::Program;
use super::problems::Problems;
use crate::plan::{Load, Plan, Rate};
use crate::record::{CheckInfo, GroupInfo, StepInfo};

/// Ids of scenarios, steps, checks, groups and ways to authenticate are 16 bits wide.
const MOST_IDS: usize = u16::MAX as usize;
/// Redirects lead to more origins than a plan names.
const MOST_ORIGINS: usize = MOST_IDS / 2;
/// Result files number the names in windows with 15 bits.
const MOST_NAMES: usize = i16::MAX as usize;
/// A hundred nanoseconds for an arrival is more than a worker has, were it only to count it.
const MOST_ARRIVALS_PER_S: u64 = 10_000_000;

/// The ids of a scenario's names.
#[derive(Debug, Default)]
pub(super) struct Ids {
    pub(super) steps: Known<StepInfo>,
    pub(super) checks: Known<CheckInfo>,
    pub(super) groups: Known<GroupInfo>,
}

/// The ids of the entries of one scenario in a table.
#[derive(Debug)]
pub(super) struct Known<E>(HashMap<E, u16>);

impl<E> Default for Known<E> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<E: Clone + Eq + Hash> Known<E> {
    /// The id of an entry, appended to its table if it is new.
    pub(super) fn id_of(&mut self, entry: E, table: &mut Vec<E>) -> u16 {
        *self.0.entry(entry).or_insert_with_key(|entry| {
            table.push(entry.clone());
            id(table.len() - 1)
        })
    }
}

/// An index as an id. Too many are found by [`check`].
pub(super) fn id(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

/// Finds what there is too much of.
pub(super) fn check(plan: &Plan, program: &Program, problems: &mut Problems) {
    let tables = &program.tables;
    let sizes = [
        ("scenarios", plan.scenarios.len(), MOST_IDS),
        ("ways to authenticate", plan.auth.len(), MOST_IDS),
        ("steps by name", tables.steps.len(), MOST_IDS),
        ("checks by name", tables.checks.len(), MOST_IDS),
        ("groups by name", tables.groups.len(), MOST_IDS),
        ("origins", program.origins.len(), MOST_ORIGINS),
        ("names of scenarios, steps, checks and groups", distinct_names(program), MOST_NAMES),
    ];
    for (what, size, most) in sizes {
        if size > most {
            let message = format!("the plan has {size} {what}; there may be {most}");
            problems.add_with_hint(message, "give steps that do the same one name: `get(url, name=\"item\")`");
        }
    }
}

fn distinct_names(program: &Program) -> usize {
    let tables = &program.tables;
    let steps = tables.steps.iter().map(|step| &step.name);
    let checks = tables.checks.iter().map(|check| &check.name);
    let groups = tables.groups.iter().map(|group| &group.name);
    let scenarios = tables.scenarios.iter().map(|scenario| &scenario.name);
    steps.chain(checks).chain(groups).chain(scenarios).collect::<HashSet<_>>().len()
}

/// Finds rates that no machine can offer.
pub(super) fn check_rate(load: &Load, problems: &mut Problems) {
    let (at_start, stages) = match load {
        Load::ArrivalRate { rate, .. } => (Some(rate), &[][..]),
        Load::ArrivalStages { start, stages, .. } => (Some(start), &stages[..]),
        _ => (None, &[][..]),
    };
    if at_start.into_iter().chain(stages.iter().map(|stage| &stage.rate)).any(|rate| is_too_high(*rate)) {
        problems.enter("load", None);
        let message = format!("the rate is above {MOST_ARRIVALS_PER_S} arrivals a second, more than can be started");
        problems.add_with_hint(message, "one worker starts some 100,000 requests a second; see `loadcore doctor`");
        problems.leave();
    }
}

fn is_too_high(rate: Rate) -> bool {
    u128::from(rate.count) * 1_000_000_000 > u128::from(rate.per_ns) * u128::from(MOST_ARRIVALS_PER_S)
}
