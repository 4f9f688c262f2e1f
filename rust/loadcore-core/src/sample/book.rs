//! Which failures have been sampled, and the samples that wait to be handed over.

use super::{Class, RequestSample, ResponseSample, Sample, What};
use crate::record::Tables;

/// Most samples of one worker.
const MOST: usize = 256;
/// Most samples of one step, so that a step that fails in ever new ways leaves room for the others.
const MOST_OF_A_STEP: usize = 16;

/// The samples of a worker.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    /// Every request is wanted, whether it failed or not.
    everything: bool,
    known: Vec<Class>,
    /// The first at the end.
    waiting: Vec<Sample>,
}

/// What is known of a failure besides its class.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) variable: Option<String>,
    pub(crate) reason: String,
    pub(crate) user: u32,
    pub(crate) iteration: u32,
    pub(crate) ended_ns: u64,
    pub(crate) request: Option<RequestSample>,
    pub(crate) response: Option<ResponseSample>,
}

impl Samples {
    /// `everything`: requests that do not fail are wanted as well.
    pub(crate) fn new(everything: bool) -> Self {
        Self { everything, ..Self::default() }
    }

    /// Whether a sample of this class would be kept.
    pub(crate) fn wants(&self, class: Class) -> bool {
        if self.known.len() >= MOST {
            return false;
        }
        if class.what == What::Nothing {
            return self.everything;
        }
        if self.everything {
            return true;
        }
        let mut of_the_step = 0;
        for known in self.known.iter().filter(|known| known.step == class.step) {
            if *known == class {
                return false;
            }
            of_the_step += 1;
        }
        of_the_step < MOST_OF_A_STEP
    }

    /// Keeps a sample that is wanted.
    pub(crate) fn keep(&mut self, class: Class, tables: &Tables, seen: Seen) {
        let Some(step) = tables.steps.get(usize::from(class.step.0)) else { return };
        self.known.push(class);
        let what = match class.what {
            What::Outcome(outcome) => outcome.name().to_owned(),
            What::Status(status) => status.to_string(),
            What::Check(check) => {
                tables.checks.get(usize::from(check.0)).map_or_else(String::new, |check| check.name.clone())
            }
            What::Extract(_) => seen.variable.unwrap_or_default(),
            What::Token => "access_token".to_owned(),
            What::Nothing => String::new(),
        };
        self.waiting.insert(
            0,
            Sample {
                scenario: step.scenario.clone(),
                section: step.section.name(),
                step: step.name.clone(),
                kind: class.what.kind(),
                what,
                reason: seen.reason,
                user: seen.user,
                iteration: seen.iteration,
                ended_ns: seen.ended_ns,
                request: seen.request,
                response: seen.response,
            },
        );
    }

    /// Those that have not been handed over, the first at the end. Whoever cannot pass one on puts it back.
    pub(crate) fn waiting(&mut self) -> &mut Vec<Sample> {
        &mut self.waiting
    }
}
