//! Names that are met at run time: of steps, checks and groups.

use std::sync::mpsc::TrySendError;

use super::{Event, Recorder};
use crate::record::{CheckId, CheckInfo, GroupId, GroupInfo, Name, Section, StepId, StepInfo};

/// The number of names of one kind that may be met at run time. Further ones are counted by pattern, and then as one: a
/// name that holds an id would fill the memory, and tell nothing.
const MOST_ADDED: usize = 500;
/// The number of patterns of steps.
const MOST_PATTERNS: usize = 100;
/// The name of all steps beyond that.
const OTHER_STEPS: &str = "(other steps)";
const OTHER_CHECKS: &str = "(other checks)";
const OTHER_GROUPS: &str = "(other groups)";

/// How many names of each kind were met at run time.
#[derive(Debug, Default)]
pub(super) struct Added {
    steps: usize,
    checks: usize,
    groups: usize,
}

impl Recorder {
    /// The step of this scenario with this name and method. A new one is reported to the reader; too many of them are
    /// counted under one name.
    pub(crate) fn step(&mut self, scenario: &str, name: &str, method: &str, section: Section) -> StepId {
        let is_same = |step: &StepInfo| {
            step.name == name && step.method == method && step.scenario == scenario && step.section == section
        };
        if let Some(known) = self.tables.steps.iter().position(is_same) {
            return StepId(index(known));
        }
        if self.added.steps >= MOST_ADDED && name != OTHER_STEPS {
            let pattern = pattern_of(name);
            let is_pattern = pattern == name;
            if !is_pattern {
                return self.step(scenario, &pattern, method, section);
            }
            if self.added.steps >= MOST_ADDED + MOST_PATTERNS || !name.contains(ANY) {
                return self.step(scenario, OTHER_STEPS, method, section);
            }
        }
        let (scenario, name, method) = (scenario.to_owned(), name.to_owned(), method.to_owned());
        let info = StepInfo { scenario, name, method, section };
        self.tables.steps.push(info.clone());
        self.added.steps += 1;
        self.new_names.push(Name::Step(info));
        StepId(index(self.tables.steps.len() - 1))
    }

    /// The check of this scenario and step with this name, likewise.
    pub(crate) fn check_id(&mut self, scenario: &str, step: &str, name: &str) -> CheckId {
        let is_same = |check: &CheckInfo| check.name == name && check.step == step && check.scenario == scenario;
        if let Some(known) = self.tables.checks.iter().position(is_same) {
            return CheckId(index(known));
        }
        if self.added.checks >= MOST_ADDED && name != OTHER_CHECKS {
            return self.check_id(scenario, "", OTHER_CHECKS);
        }
        let info = CheckInfo { scenario: scenario.to_owned(), step: step.to_owned(), name: name.to_owned() };
        self.tables.checks.push(info.clone());
        self.added.checks += 1;
        self.new_names.push(Name::Check(info));
        CheckId(index(self.tables.checks.len() - 1))
    }

    /// The group of this scenario with this name, likewise.
    pub(crate) fn group_id(&mut self, scenario: &str, name: &str) -> GroupId {
        let is_same = |group: &GroupInfo| group.name == name && group.scenario == scenario;
        if let Some(known) = self.tables.groups.iter().position(is_same) {
            return GroupId(index(known));
        }
        if self.added.groups >= MOST_ADDED && name != OTHER_GROUPS {
            return self.group_id(scenario, OTHER_GROUPS);
        }
        let info = GroupInfo { scenario: scenario.to_owned(), name: name.to_owned() };
        self.tables.groups.push(info.clone());
        self.added.groups += 1;
        self.new_names.push(Name::Group(info));
        GroupId(index(self.tables.groups.len() - 1))
    }

    /// Tells of names that were met at run time; returns whether all are reported.
    pub(super) fn hand_over_names(&mut self) -> bool {
        if self.new_names.is_empty() {
            return true;
        }
        match self.events.try_send(Event::Names(std::mem::take(&mut self.new_names))) {
            Ok(()) => true,
            Err(TrySendError::Full(event) | TrySendError::Disconnected(event)) => {
                if let Event::Names(names) = event {
                    self.new_names = names;
                }
                false
            }
        }
    }
}

/// Stands for a part of a path that looks like an id.
const ANY: char = '*';

/// A name with `*` for each part of its path that looks like an id: one that has a digit, and more than a version has.
fn pattern_of(name: &str) -> String {
    let looks_like_an_id = |part: &str| {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        let is_version = part.len() <= 3 && part.starts_with(['v', 'V']);
        digits > 0 && !is_version && !part.contains(' ')
    };
    let path = name.split_once('?').map_or(name, |(path, _)| path);
    let parts = path.split('/').map(|part| if looks_like_an_id(part) { ANY.to_string() } else { part.to_owned() });
    parts.collect::<Vec<_>>().join("/")
}

fn index(place: usize) -> u16 {
    u16::try_from(place).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Phase, Tables};

    /// However many names a second brings, they leave together, and cost the reader's queue one place: many that took one
    /// each kept rows and windows from finding room.
    #[test]
    fn names_leave_together() {
        let (mut recorder, events, _recycler) = Recorder::channel(Tables::default(), true);
        for number in 0..MOST_ADDED {
            recorder.step("shop", &format!("GET /items/{number}"), "GET", Section::Main);
            recorder.check_id("shop", "", &format!("check {number}"));
        }
        recorder.roll(0, Phase::Steady);
        recorder.roll(1, Phase::Steady);
        let events: Vec<_> = events.try_iter().collect();
        let [Event::Names(names), Event::Window(_), Event::Window(_)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(names.len(), 2 * MOST_ADDED);
    }
}
