//! Samples: what a failure looked like, kept once for each kind of failure.
//!
//! Counts say how often something failed; a sample says what it was: the request as it was sent, the head of the
//! response, the beginning of its body, and the reason in words. The first failure of a [`Class`] is kept and no other,
//! so a run in which everything fails keeps a handful. Nothing is done for a request that does not fail.
//!
//! No secret gets into a sample: `secrets` hides them.
//!
//! How to give a failure its reason, in `user`:
//!
//! | what failed | reason | where |
//! |---|---|---|
//! | a request that is not sent | `Unsent::because` with a clause | the caller of `User::refuse` |
//! | no usable response | the outcome's cause | `User::fail` |
//! | an unexpected status | `expected status 200, got 401` | `User::sample_status` |
//! | a check | `CompiledCheck::found` says what the response has instead | `User::look_at` |
//! | an extract | `CompiledExtract::missing` says what the response lacks | `User::look_at` |
//! | no token | the reason of the [`Refusal`](crate::auth::Refusal), which `Pool::reason` keeps | `User::fetch` |

mod book;
mod message;
mod secrets;

pub(crate) use book::{Samples, Seen};
pub(crate) use message::{LOOKED_AT, Raw, request, response};
pub(crate) use secrets::{HIDDEN, Secrets, is_sensitive};

use serde::Serialize;

use crate::record::{CheckId, Outcome, StepId};
use crate::step::Slot;

/// What failed. Failures of one class look alike: one of them is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) step: StepId,
    pub(crate) what: What,
}

/// How it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// The request was not sent, or got no usable response.
    Outcome(Outcome),
    /// The response has a status that the step does not expect.
    Status(u16),
    /// A check does not hold.
    Check(CheckId),
    /// The response lacks the value for this variable.
    Extract(Slot),
    /// The response of a token endpoint has no token that can be used.
    Token,
    /// Nothing failed: every request is wanted.
    Nothing,
}

/// One failure, as it is shown. Times are nanoseconds since the run's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// The scenario.
    pub scenario: String,
    /// The section of the step.
    pub section: &'static str,
    /// The step.
    pub step: String,
    /// How it failed: `outcome`, `status`, `check`, `extract` or `token`; `none` where every request is wanted.
    pub kind: &'static str,
    /// Which: the outcome's name, the status, the check's name, the variable.
    pub what: String,
    /// Why, in words.
    pub reason: String,
    /// The user, counted over all workers.
    pub user: u32,
    /// The user's iteration, from 0.
    pub iteration: u32,
    /// When the request ended.
    pub ended_ns: u64,
    /// What was sent, or should have been sent.
    pub request: Option<RequestSample>,
    /// What came back.
    pub response: Option<ResponseSample>,
}

/// What was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestSample {
    /// Scheme, host and port.
    pub origin: String,
    /// The request line.
    pub line: String,
    /// Names and values in their order.
    pub headers: Vec<(String, String)>,
    /// The bytes of the body.
    pub body_bytes: u64,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResponseSample {
    /// The status line; empty if what came is not HTTP, or if only the status is known of it.
    pub line: String,
    /// The status, if one came.
    pub status: Option<u16>,
    /// Names and values in their order.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body, without chunk framing and as it was before it was compressed. A byte that is not
    /// UTF-8 is written as `\xNN`.
    pub body: String,
    /// Why the body is not shown, or not further, if it came in a way that cannot be read.
    pub unreadable: Option<String>,
    /// The bytes of the whole body, as it came and as far as it came.
    pub body_bytes: u64,
    /// Whether the body continues after the part shown.
    pub cut: bool,
}

impl What {
    /// The stable name of the kind.
    const fn kind(self) -> &'static str {
        match self {
            Self::Outcome(_) => "outcome",
            Self::Status(_) => "status",
            Self::Check(_) => "check",
            Self::Extract(_) => "extract",
            Self::Token => "token",
            Self::Nothing => "none",
        }
    }
}
