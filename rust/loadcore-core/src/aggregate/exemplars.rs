//! The slowest of the requests that have a trace, which lead from a time to what the servers saw of it.

use crate::record::{Durations, Outcome, Record, Trace};

/// How many are kept of a step in a second.
const MOST: usize = 3;

/// A request that has a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exemplar {
    /// Its trace.
    pub trace: Trace,
    /// When it ended, since the run's start.
    pub end_ns: u64,
    /// Send to last byte.
    pub service_ns: u64,
    /// Due to last byte.
    pub response_ns: u64,
    /// Its status code; 0 if no status line arrived.
    pub status: u16,
    /// What became of it.
    pub outcome: Outcome,
}

impl Exemplar {
    pub(super) fn new(record: &Record, durations: &Durations, trace: Trace) -> Self {
        Self {
            trace,
            end_ns: record.end_ns,
            service_ns: durations.service_ns,
            response_ns: durations.response_ns,
            status: record.status,
            outcome: record.outcome,
        }
    }
}

/// Those of a step in a second, in no order.
#[derive(Debug, Default)]
pub(super) struct Exemplars(Vec<Exemplar>);

impl Exemplars {
    /// Adds one, in place of the quickest if there are enough.
    pub(super) fn add(&mut self, exemplar: &Exemplar) {
        if self.0.len() < MOST {
            return self.0.push(*exemplar);
        }
        if let Some(quickest) = self.0.iter_mut().min_by_key(|each| each.service_ns)
            && quickest.service_ns < exemplar.service_ns
        {
            *quickest = *exemplar;
        }
    }

    pub(super) fn as_slice(&self) -> &[Exemplar] {
        &self.0
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
