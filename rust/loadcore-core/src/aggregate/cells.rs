//! What a window holds of each thing that has a name.

use super::exemplars::Exemplars;
use super::hints::Hints;
use super::{Counts, Exemplar, Flow, Hint};
use crate::record::{Durations, Outcome, Record};

/// One past the largest status code; a status line has three digits.
const STATUS_CODES: usize = 1_000;

/// What a second held of one name in one phase.
pub(super) trait Cell: Default {
    /// Whether nothing happened.
    fn is_empty(&self) -> bool;
    /// Forgets everything and keeps the memory.
    fn clear(&mut self);
}

/// The requests of a step.
#[derive(Debug)]
pub struct StepCell {
    /// Requests that ended.
    pub requests: u32,
    /// Those that count as errors.
    pub errors: u32,
    /// Those that were redirects, and followed.
    pub hops: u32,
    /// Those that were a 401, and sent again with a new token.
    pub repeats: u32,
    /// Those that were never sent.
    pub not_sent: u32,
    /// Connections opened for them.
    pub connections: u32,
    /// Of what happened to them, what did so in another second or phase.
    pub(super) elsewhere: Flow,
    /// How often they were sent.
    pub attempts: u64,
    /// Bytes of request sent.
    pub bytes_sent: u64,
    /// Bytes of response received, heads included.
    pub bytes_received: u64,
    /// Bytes received that belong to no response.
    pub surplus_bytes: u64,
    /// Interim (1xx) responses.
    pub interim: u64,
    /// Sum of the service times.
    pub service_sum_ns: u64,
    /// Sum of the response times of the same requests.
    pub response_sum_ns: u64,
    /// Send to last byte.
    pub service: Counts,
    /// Due to last byte.
    pub response: Counts,
    /// The same of the same requests, less the client's own delay.
    pub undelayed: Counts,
    /// Send to first byte, of those that got one.
    pub ttfb: Counts,
    /// What it took to connect, of those for which a connection was opened; `None` until one was.
    pub connect: Option<Counts>,
    /// Requests that were sent over a connection of their own opening, and got no answer.
    pub lost_on_new: u32,
    outcomes: [u32; Outcome::ALL.len()],
    statuses: Box<[u32]>,
    /// Few, so a list. What occurred in an earlier second stays, with a count of 0, for its memory.
    error_statuses: Vec<ErrorStatus>,
    hints: Hints,
    exemplars: Exemplars,
}

/// The answers whose status was an error, of one status.
#[derive(Debug)]
pub struct ErrorStatus {
    /// Which.
    pub status: u16,
    /// How many.
    pub count: u32,
    /// Send to last byte.
    pub service: Counts,
}

impl StepCell {
    /// Counts one request. One that was never sent is in no histogram; nor is one that the end of the run cut off,
    /// which says nothing about the target. Returns whether the response is one of the few that are looked at more
    /// closely: the 1st, 2nd, 4th, 8th and so on.
    #[inline(always)]
    pub fn record(&mut self, record: &Record, durations: &Durations) -> bool {
        let before = self.requests;
        self.requests = before + 1;
        if record.error || record.superseded {
            self.weigh(record, durations);
        }
        self.attempts += u64::from(record.attempts);
        self.bytes_sent += record.bytes_sent;
        self.bytes_received += record.bytes_received;
        self.outcomes[record.outcome as usize] += 1;
        // The status of a response that failed later is not a result: the failure is.
        if record.outcome.is_answered()
            && let Some(count) = self.statuses.get_mut(usize::from(record.status))
        {
            *count += 1;
        }
        if let Some(connect_ns) = record.connection.and_then(|connection| connection.connect_ns) {
            self.connected(connect_ns);
        }
        if record.attempts == 0 {
            self.not_sent += 1;
        } else if record.outcome != Outcome::Interrupted {
            self.service_sum_ns += durations.service_ns;
            self.response_sum_ns += durations.response_ns;
            self.service.record(durations.service_ns);
            self.response.record(durations.response_ns);
            self.undelayed.record(durations.undelayed_ns);
            if let Some(ttfb_ns) = durations.ttfb_ns {
                self.ttfb.record(ttfb_ns);
            }
        }
        self.requests & before == 0
    }

    #[cold]
    fn connected(&mut self, connect_ns: u64) {
        self.connections += 1;
        self.connect.get_or_insert_default().record(connect_ns);
    }

    /// Counts what makes a request other than an answer in due form.
    #[cold]
    fn weigh(&mut self, record: &Record, durations: &Durations) {
        if record.superseded {
            let count = if record.status == 401 { &mut self.repeats } else { &mut self.hops };
            *count += 1;
            return;
        }
        self.errors += 1;
        if !record.outcome.is_answered() {
            self.lost_on_new += u32::from(record.attempts > 0 && !record.reused);
            return;
        }
        let known = self.error_statuses.iter().position(|of| of.status == record.status);
        let index = known.unwrap_or_else(|| {
            self.error_statuses.push(ErrorStatus { status: record.status, count: 0, service: Counts::new() });
            self.error_statuses.len() - 1
        });
        self.error_statuses[index].count += 1;
        self.error_statuses[index].service.record(durations.service_ns);
    }

    /// What happened to requests in this second and phase, but for what windows of later seconds say of it.
    #[must_use]
    pub fn flow(&self) -> Flow {
        let answered = self.outcomes[Outcome::Ok as usize] + self.outcomes[Outcome::Cut as usize];
        let failed = self.requests - answered - self.outcomes[Outcome::Interrupted as usize];
        Flow {
            asked: self.requests - self.elsewhere.asked,
            started: self.requests - self.not_sent - self.elsewhere.started,
            answered: answered - self.elsewhere.answered,
            failed: failed - self.elsewhere.failed,
        }
    }

    /// The status codes that were errors.
    pub fn error_statuses(&self) -> impl Iterator<Item = &ErrorStatus> {
        self.error_statuses.iter().filter(|of| of.count > 0)
    }

    /// Adds what a response said about where its time went.
    pub(super) fn hint(&mut self, name: &str, time_ns: u64, ttfb_ns: u64) {
        self.hints.add(name, time_ns, ttfb_ns);
    }

    /// What the responses that were looked at said about where their time went.
    #[must_use]
    pub fn hints(&self) -> &[Hint] {
        self.hints.as_slice()
    }

    /// Keeps a request that has a trace, if it is one of the slowest.
    pub(super) fn exemplar(&mut self, exemplar: &Exemplar) {
        self.exemplars.add(exemplar);
    }

    /// The slowest of the requests that have a trace.
    #[must_use]
    pub fn exemplars(&self) -> &[Exemplar] {
        self.exemplars.as_slice()
    }

    /// The outcomes that occurred, with their counts.
    pub fn outcomes(&self) -> impl Iterator<Item = (Outcome, u32)> + '_ {
        Outcome::ALL.iter().copied().zip(self.outcomes.iter().copied()).filter(|(_, count)| *count > 0)
    }

    /// The status codes that arrived, ascending, with their counts.
    pub fn statuses(&self) -> impl Iterator<Item = (u16, u32)> + '_ {
        // Code 0 says that no status line arrived.
        (0_u16..).zip(self.statuses.iter().copied()).skip(1).filter(|(_, count)| *count > 0)
    }
}

impl Default for StepCell {
    fn default() -> Self {
        Self {
            requests: 0,
            errors: 0,
            hops: 0,
            repeats: 0,
            not_sent: 0,
            elsewhere: Flow::default(),
            connections: 0,
            attempts: 0,
            bytes_sent: 0,
            bytes_received: 0,
            surplus_bytes: 0,
            interim: 0,
            service_sum_ns: 0,
            response_sum_ns: 0,
            service: Counts::new(),
            response: Counts::new(),
            undelayed: Counts::new(),
            ttfb: Counts::new(),
            connect: None,
            lost_on_new: 0,
            outcomes: [0; Outcome::ALL.len()],
            statuses: vec![0; STATUS_CODES].into_boxed_slice(),
            error_statuses: Vec::new(),
            hints: Hints::default(),
            exemplars: Exemplars::default(),
        }
    }
}

impl Cell for StepCell {
    fn is_empty(&self) -> bool {
        // Surplus and interim responses may come in a second in which no request ends.
        self.requests == 0 && self.surplus_bytes == 0 && self.interim == 0
    }

    fn clear(&mut self) {
        if self.connections > 0 {
            self.connect.iter_mut().for_each(Counts::clear);
        }
        (self.requests, self.errors, self.connections, self.lost_on_new) = (0, 0, 0, 0);
        (self.hops, self.repeats, self.not_sent) = (0, 0, 0);
        (self.attempts, self.bytes_sent, self.bytes_received) = (0, 0, 0);
        (self.surplus_bytes, self.interim) = (0, 0);
        self.elsewhere = Flow::default();
        (self.service_sum_ns, self.response_sum_ns) = (0, 0);
        for counts in [&mut self.service, &mut self.response, &mut self.undelayed, &mut self.ttfb] {
            counts.clear();
        }
        self.outcomes.fill(0);
        self.statuses.fill(0);
        for of in self.error_statuses.iter_mut().filter(|of| of.count > 0) {
            of.count = 0;
            of.service.clear();
        }
        self.hints.clear();
        self.exemplars.clear();
    }
}

/// The evaluations of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CheckCell {
    /// How often it was evaluated.
    pub evaluated: u32,
    /// How often it did not hold.
    pub failed: u32,
}

impl Cell for CheckCell {
    fn is_empty(&self) -> bool {
        self.evaluated == 0
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The passes through a group.
#[derive(Debug, Default)]
pub struct GroupCell {
    /// How many ended.
    pub ended: u32,
    /// Those cut short by a failure.
    pub failed: u32,
    /// Sum of their durations.
    pub duration_sum_ns: u64,
    /// How long they took, think time included.
    pub durations: Counts,
}

impl Cell for GroupCell {
    fn is_empty(&self) -> bool {
        self.ended == 0
    }

    fn clear(&mut self) {
        (self.ended, self.failed, self.duration_sum_ns) = (0, 0, 0);
        self.durations.clear();
    }
}

/// What can happen in a scenario besides requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScenarioEvent {
    /// The schedule asked for an iteration.
    IterationDue,
    /// An iteration began.
    IterationStarted,
    /// An iteration reached its end.
    IterationCompleted,
    /// An iteration ended early, by a failure.
    IterationFailed,
    /// An arrival found no free user.
    IterationDropped,
    /// An iteration was cut short by the end of the run.
    IterationInterrupted,
    /// A user's start failed: it will never iterate.
    UserLost,
    /// A user went through a step in a loop that sends nothing.
    IdleStep,
}

/// The events of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScenarioCell {
    counts: [u64; ScenarioEvent::IdleStep as usize + 1],
}

impl ScenarioCell {
    /// Counts events of one kind.
    #[inline]
    pub fn record(&mut self, event: ScenarioEvent, times: u64) {
        self.counts[event as usize] += times;
    }

    /// How often this happened.
    #[must_use]
    pub fn count(&self, event: ScenarioEvent) -> u64 {
        self.counts[event as usize]
    }
}

impl Cell for ScenarioCell {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The state of a scenario's users at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Users {
    /// Users that iterate, or are making their start.
    pub active: u32,
    /// Of these, those that wait for a token or a connection.
    pub waiting: u32,
}
