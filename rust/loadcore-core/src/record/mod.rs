//! The row: what is known of one request when it has ended, and the names it points to.

mod chunk;
mod outcome;
mod tables;

use std::num::NonZeroU64;

pub use chunk::{CHUNK_ROWS, Chunk, Columns, ERROR, SUPERSEDED};
pub use outcome::Outcome;
pub use tables::{
    CheckId, CheckInfo, GroupId, GroupInfo, Model, Name, ScenarioId, ScenarioInfo, Section, StepInfo, Tables,
};

/// Index of a step in the program's table of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepId(pub u16);

/// The trace of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    /// The second half of its id; the first half is the run's.
    pub id: NonZeroU64,
    /// The span of the request, which is the parent of what servers do for it.
    pub span: NonZeroU64,
}

/// A part of the run: warm-up is kept out of the summary, ramp-down out of rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Phase {
    /// Due before the end of the warm-up.
    WarmUp,
    /// Due in the measured part.
    Steady,
    /// Due after the scenario's planned end, while running iterations finish.
    RampDown,
}

impl Phase {
    /// All phases, in the order of their codes.
    pub const ALL: &[Self] = &[Self::WarmUp, Self::Steady, Self::RampDown];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WarmUp => "warm_up",
            Self::Steady => "steady",
            Self::RampDown => "ramp_down",
        }
    }
}

/// One request, built once when it has ended and never changed. Times are nanoseconds since the run's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Which step.
    pub step: StepId,
    /// What became of it.
    pub outcome: Outcome,
    /// Its status code; 0 if no status line arrived.
    pub status: u16,
    /// Whether it counts as an error: its outcome is neither `ok` nor `interrupted`, or its status is not what the step
    /// expects.
    pub error: bool,
    /// Whether another request took its place: a redirect that was followed, a 401 that was sent again with a new
    /// token. Such a request is not an answer of its step, and never an error.
    pub superseded: bool,
    /// Which part of the run it was due in.
    pub phase: Phase,
    /// Which part of the run it was sent in, the first time.
    pub started_in: Phase,
    /// Which part of the run it ended in.
    pub ended_in: Phase,
    /// How often it was sent; 0 if it never was. Such a row has no service time and is in no histogram.
    pub attempts: u8,
    /// Whether it went over a connection that had served a request before.
    pub reused: bool,
    /// The user, counted over all workers.
    pub user: u32,
    /// The user's iteration, from 0.
    pub iteration: u32,
    /// When it should have been sent.
    pub due_ns: u64,
    /// When it was sent, the first time; for a request never sent, when that was known.
    pub start_ns: u64,
    /// When the first byte of the final response's head came, if one did.
    pub first_byte_ns: Option<u64>,
    /// When it ended.
    pub end_ns: u64,
    /// For how long its answer may have been there before the client read it.
    pub unread_ns: u64,
    /// What it took to open its connection, if one was opened for it.
    pub connection: Option<ConnectTimings>,
    /// Bytes of request sent.
    pub bytes_sent: u64,
    /// Bytes of response received, head included.
    pub bytes_received: u64,
}

/// How long a request took, in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durations {
    /// Due to send.
    pub lag_ns: u64,
    /// The client's own part of the lag: without what it took to connect, which is the target's and the network's
    /// doing.
    pub own_lag_ns: u64,
    /// Due to last byte, less the client's own delay: the lag that is its own, and what it left the answer unread.
    pub undelayed_ns: u64,
    /// Send to first byte, if one came.
    pub ttfb_ns: Option<u64>,
    /// Send to last byte.
    pub service_ns: u64,
    /// Due to last byte.
    pub response_ns: u64,
}

impl Record {
    /// The differences of the record's times.
    #[inline]
    #[must_use]
    pub fn durations(&self) -> Durations {
        let lag_ns = self.start_ns.saturating_sub(self.due_ns);
        let connecting_ns = self.connection.map_or(0, |timings| timings.total_ns());
        let own_lag_ns = lag_ns.saturating_sub(connecting_ns);
        let response_ns = self.end_ns.saturating_sub(self.due_ns);
        Durations {
            lag_ns,
            own_lag_ns,
            undelayed_ns: response_ns.saturating_sub(own_lag_ns + self.unread_ns),
            ttfb_ns: self.first_byte_ns.map(|first_byte_ns| first_byte_ns.saturating_sub(self.start_ns)),
            service_ns: self.end_ns.saturating_sub(self.start_ns),
            response_ns,
        }
    }
}

/// What it took to open a connection. `None`: did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConnectTimings {
    /// Resolving the name.
    pub dns_ns: Option<u64>,
    /// The TCP handshake.
    pub connect_ns: Option<u64>,
    /// The TLS handshake.
    pub tls_ns: Option<u64>,
}

impl ConnectTimings {
    /// All of it.
    #[must_use]
    pub fn total_ns(&self) -> u64 {
        [self.dns_ns, self.connect_ns, self.tls_ns].iter().flatten().sum()
    }
}
