//! Names as Arrow writes them: once in a dictionary, then as numbers.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::{ArrowDictionaryKeyType, Int8Type, Int16Type};
use arrow_array::{ArrayRef, DictionaryArray, PrimitiveArray, StringArray};
use arrow_schema::ArrowError;
use loadcore_core::record::{Outcome, Phase, Section, Tables};

use crate::errors::BorderError;

/// The names of a run and of a worker. Most are known before it starts.
#[derive(Debug)]
pub(crate) struct Names {
    /// The share's number.
    pub(crate) worker: i16,
    /// What ids of traces begin with, where requests are traced.
    pub(crate) trace_prefix: Option<u64>,
    /// Names of scenarios.
    pub(crate) scenario: Values,
    /// Names of steps.
    pub(crate) step: Values,
    /// Methods.
    pub(crate) method: Values,
    /// Names of whatever windows have rows of.
    pub(crate) name: Values,
    /// Outcomes, in the order of their codes.
    pub(crate) outcome: Values,
    /// Phases, in the order of their codes.
    pub(crate) phase: Values,
    /// Sections, in the order of their codes.
    pub(crate) section: Values,
    /// Kinds of rows in windows, in the order of their codes.
    pub(crate) kind: Values,
    /// The keys of each step.
    pub(crate) steps: Vec<StepKeys>,
    /// The keys of each check.
    pub(crate) checks: Vec<CheckKeys>,
    /// The keys of each group.
    pub(crate) groups: Vec<NameKeys>,
    /// The keys of each scenario.
    pub(crate) scenarios: Vec<NameKeys>,
    words: Words,
}

/// Where each word is in its dictionary.
#[derive(Debug, Clone, Default)]
struct Words {
    scenario: HashMap<String, i16>,
    step: HashMap<String, i16>,
    method: HashMap<String, i16>,
    name: HashMap<String, i16>,
}

/// What a row of a window is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Step,
    Check,
    Group,
    Scenario,
    Worker,
}

impl Kind {
    /// The stable names, in the order of the codes.
    const NAMES: [&'static str; 5] = ["step", "check", "group", "scenario", "worker"];
}

/// The positions of a name and its scenario in the dictionaries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NameKeys {
    pub(crate) scenario: i16,
    pub(crate) name: i16,
}

/// The positions of a step's values in the dictionaries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepKeys {
    pub(crate) names: NameKeys,
    pub(crate) step: i16,
    pub(crate) method: i16,
    pub(crate) section: i8,
}

/// The positions of a check's values in the dictionaries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CheckKeys {
    pub(crate) names: NameKeys,
    pub(crate) step: i16,
}

impl Names {
    /// The names of these tables, for the worker with this share.
    pub(crate) fn new(tables: &Tables, worker: i16) -> Result<Self, BorderError> {
        Self::with(Words::default(), tables, worker)
    }

    /// The names of tables that have got more of them: words keep their places, since files take only words that are added
    /// at the end of a dictionary.
    pub(crate) fn extended(&self, tables: &Tables) -> Result<Self, BorderError> {
        Ok(Self::with(self.words.clone(), tables, self.worker)?.tracing(self.trace_prefix))
    }

    /// The same, where ids of traces begin with this.
    pub(crate) fn tracing(self, trace_prefix: Option<u64>) -> Self {
        Self { trace_prefix, ..self }
    }

    fn with(words: Words, tables: &Tables, worker: i16) -> Result<Self, BorderError> {
        let Words { mut scenario, mut step, mut method, mut name } = words;
        let steps = tables.steps.iter().map(|info| {
            let names = name_keys(&mut scenario, &info.scenario, &mut name, &info.name)?;
            let (step, method) = (intern(&mut step, &info.name)?, intern(&mut method, &info.method)?);
            Ok(StepKeys { names, step, method, section: code(Section::ALL, info.section) })
        });
        let steps = steps.collect::<Result<_, BorderError>>()?;
        let checks = tables.checks.iter().map(|info| {
            let names = name_keys(&mut scenario, &info.scenario, &mut name, &info.name)?;
            Ok(CheckKeys { names, step: intern(&mut step, &info.step)? })
        });
        let checks = checks.collect::<Result<_, BorderError>>()?;
        let groups = tables.groups.iter().map(|info| name_keys(&mut scenario, &info.scenario, &mut name, &info.name));
        let groups = groups.collect::<Result<_, BorderError>>()?;
        let scenarios = tables.scenarios.iter().map(|info| name_keys(&mut scenario, &info.name, &mut name, &info.name));
        let scenarios = scenarios.collect::<Result<_, BorderError>>()?;
        Ok(Self {
            worker,
            trace_prefix: None,
            scenario: Values::sorted(&scenario),
            step: Values::sorted(&step),
            method: Values::sorted(&method),
            name: Values::sorted(&name),
            outcome: Values::new(Outcome::ALL.iter().map(|outcome| outcome.name())),
            phase: Values::new(Phase::ALL.iter().map(|phase| phase.name())),
            section: Values::new(Section::ALL.iter().map(|section| section.name())),
            kind: Values::new(Kind::NAMES),
            steps,
            checks,
            groups,
            scenarios,
            words: Words { scenario, step, method, name },
        })
    }
}

/// The values of a dictionary, each once.
#[derive(Debug)]
pub(crate) struct Values(ArrayRef);

impl Values {
    fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        Self(Arc::new(StringArray::from_iter_values(values)))
    }

    fn sorted(keys: &HashMap<String, i16>) -> Self {
        let mut values: Vec<_> = keys.iter().collect();
        values.sort_unstable_by_key(|(_, key)| **key);
        Self::new(values.into_iter().map(|(value, _)| value.as_str()))
    }

    /// A column of keys into this dictionary with up to 127 values.
    pub(crate) fn small(&self, keys: PrimitiveArray<Int8Type>) -> Result<ArrayRef, ArrowError> {
        self.column(keys)
    }

    /// A column of keys into this dictionary.
    pub(crate) fn large(&self, keys: PrimitiveArray<Int16Type>) -> Result<ArrayRef, ArrowError> {
        self.column(keys)
    }

    fn column<K: ArrowDictionaryKeyType>(&self, keys: PrimitiveArray<K>) -> Result<ArrayRef, ArrowError> {
        Ok(Arc::new(DictionaryArray::try_new(keys, Arc::clone(&self.0))?))
    }
}

/// The key of one of a closed list of names: its place in the list.
pub(crate) fn code<T: Copy + PartialEq>(all: &[T], one: T) -> i8 {
    all.iter().position(|each| *each == one).and_then(|place| i8::try_from(place).ok()).unwrap_or_default()
}

fn intern(keys: &mut HashMap<String, i16>, value: &str) -> Result<i16, BorderError> {
    if let Some(key) = keys.get(value) {
        return Ok(*key);
    }
    let key = i16::try_from(keys.len()).map_err(|_| BorderError::TooManyNames)?;
    keys.insert(value.to_owned(), key);
    Ok(key)
}

fn name_keys(
    scenarios: &mut HashMap<String, i16>,
    scenario: &str,
    names: &mut HashMap<String, i16>,
    name: &str,
) -> Result<NameKeys, BorderError> {
    Ok(NameKeys { scenario: intern(scenarios, scenario)?, name: intern(names, name)? })
}
