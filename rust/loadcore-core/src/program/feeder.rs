//! A feeder's rows, loaded once for all scenarios that use them.

use super::Program;
use super::compiler::ScenarioCompiler;
use super::load::peak_users;
use super::problems::Problems;
use crate::feeder::{Dealer, FeederProblem, Table, load, missing_rows};
use crate::plan::{self, Plan, Source};
use crate::schedule::Share;
use crate::step::Slot;

/// A feeder ready to deal.
#[derive(Debug)]
pub(crate) struct FeederProgram {
    pub(crate) feeder: plan::Feeder,
    pub(crate) table: Table,
}

/// A feeder that could not be loaded.
#[derive(Debug)]
pub(super) struct Unusable {
    name: String,
    /// As far as they are known.
    columns: Vec<String>,
}

impl FeederProgram {
    fn load(feeder: &plan::Feeder) -> Result<Self, Box<FeederProblem>> {
        let table = load(&feeder.source)?;
        // The rows are in the table now.
        let columns = table.columns().to_vec();
        let source = Source::Rows { columns, rows: Vec::new() };
        Ok(Self { feeder: plan::Feeder { source, ..feeder.clone() }, table })
    }

    pub(crate) fn dealer(&self, share: Option<Share>, seed: u64) -> Dealer {
        Dealer::new(&self.feeder, &self.table, share, seed)
    }
}

/// Loads all feeders of a plan; gives those that cannot be, each of which is a problem.
pub(super) fn load_feeders(plan: &Plan, program: &mut Program, problems: &mut Problems) -> Vec<Unusable> {
    let mut unusable = Vec::new();
    for (index, feeder) in plan.feeders.iter().enumerate() {
        problems.enter(format!("feeders[{index}]"), feeder.at.as_ref());
        if plan.feeders[..index].iter().any(|other| other.name == feeder.name) {
            problems.add_in("name", format!("another feeder is called `{}` too", feeder.name));
        }
        match FeederProgram::load(feeder) {
            Ok(loaded) => program.feeders.push(loaded),
            Err(problem) => {
                problems.add_in("source", &problem);
                unusable.push(Unusable { name: feeder.name.clone(), columns: problem.columns });
            }
        }
        problems.leave();
    }
    unusable
}

impl<'p> ScenarioCompiler<'_, 'p> {
    /// The feeders of the scenario. Their columns are variables from now on.
    pub(super) fn feeds(&mut self) -> Vec<usize> {
        let mut feeds = Vec::new();
        for (index, name) in self.scenario.feeders.iter().enumerate() {
            let Some(feeder) = self.plan.feeders.iter().find(|feeder| feeder.name == *name) else {
                self.problems.add_in(format!("feeders[{index}]"), format!("unknown feeder `{name}`"));
                continue;
            };
            self.problems.enter(format!("feeders[{index}]"), feeder.at.as_ref());
            if self.scenario.feeders[..index].contains(name) {
                self.problems.add(format!("the feeder {} is listed twice", called(feeder)));
            } else if let Some(feed) = self.program.feeders.iter().position(|feed| feed.feeder.name == *name) {
                let table = &self.program.feeders[feed].table;
                let columns = table.columns().to_vec();
                if let Err(problem) = missing_rows(feeder.order, table, u64::from(peak_users(&self.scenario.load))) {
                    let hint = "add rows, run fewer users, or let users share rows with another order";
                    let message = format!("the feeder {} is too short: {problem}", called(feeder));
                    self.problems.add_with_hint(message, hint);
                }
                self.bind(feeder, &columns);
                feeds.push(feed);
            } else if let Some(Unusable { columns, .. }) = self.unusable.iter().find(|other| other.name == *name) {
                self.any_variable |= columns.is_empty();
                self.bind(feeder, columns);
            }
            self.problems.leave();
        }
        // Met here and set: nothing to complain about later.
        self.used.push((self.names.len(), self.problems.here()));
        feeds
    }

    /// Makes variables of a feeder's columns.
    fn bind(&mut self, feeder: &'p plan::Feeder, columns: &[String]) {
        for column in columns {
            let slot = self.names.slot(column);
            if let Some((_, other)) = self.columns.iter().find(|(known, _)| *known == slot) {
                let message = format!("{} and {} both have a column `{column}`", called(other), called(feeder));
                self.problems.add_with_hint(message, "rename one of the columns, so that each variable has one source");
            }
            self.columns.push((slot, feeder));
            self.set.push(slot);
        }
    }

    /// Refuses an extract of `on_start` that each iteration's row would undo.
    pub(super) fn look_for_column(&mut self, slot: Slot) {
        if let Some((_, feeder)) = self.columns.iter().find(|(column, _)| *column == slot) {
            let name = self.names.name(slot);
            let message = format!(
                "`{name}` is a column of {}, whose next row would replace what is extracted here",
                called(feeder)
            );
            self.problems.add_with_hint(message, "extract into a variable of another name");
        }
    }
}

/// What a feeder is called in messages: its file, if it has one.
fn called(feeder: &plan::Feeder) -> String {
    let path = match &feeder.source {
        Source::Csv { path, .. } | Source::Json { path } | Source::JsonLines { path } => Some(path),
        Source::Rows { .. } => None,
    };
    let file = path.and_then(|path| std::path::Path::new(path).file_name());
    file.map_or_else(|| format!("`{}`", feeder.name), |file| file.to_string_lossy().into_owned())
}
