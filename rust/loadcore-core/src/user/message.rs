//! What is sent at a time, and the response that comes back.

use super::capture::{Capture, Retained};
use crate::http::Complete;
use crate::program::{OriginId, Outgoing, Want};
use crate::record::StepId;
use crate::step::Response;

/// One message: what is sent where, and what is kept of the response.
pub(super) struct Message<'a> {
    /// The user's current request.
    pub(super) request: Outgoing<'a>,
    /// Its method, which a redirect may have changed.
    pub(super) method: &'a str,
    /// Where it goes, which a redirect or a link may have changed.
    pub(super) origin: OriginId,
    pub(super) want: Want,
    pub(super) withholds: Withheld,
}

/// The statuses whose rows are withheld until it is known whether they are errors; the first is higher than the second
/// if there are none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Withheld(u16, u16);

impl Withheld {
    /// All that are not followed: the answer is not decided yet.
    pub(super) const ALL: Self = Self(0, u16::MAX);
    /// Those that a script may follow.
    pub(super) const REDIRECTS: Self = Self(301, 308);

    /// A 401, if the request may be sent again with another token.
    #[inline(always)]
    pub(super) const fn unauthorized(is_replaceable: bool) -> Self {
        if is_replaceable { Self(401, 401) } else { Self(1, 0) }
    }

    pub(super) const fn is_all(self) -> bool {
        self.0 == 0
    }

    /// Whether an answer of this status is one of them.
    #[inline(always)]
    pub(super) const fn has(self, status: u16) -> bool {
        self.0 <= status && status <= self.1
    }

    /// Whether the row of an answer of this status waits for a script, and not for another token.
    pub(super) const fn is_decided_by_script(self, status: u16) -> bool {
        self.0 != 401 && self.has(status)
    }

    /// The same for the next of several messages, if these are all; otherwise a 401, if that may be replaced.
    pub(super) const fn or_unauthorized(self, is_replaceable: bool) -> Self {
        if self.is_all() { self } else { Self::unauthorized(is_replaceable) }
    }
}

impl Message<'_> {
    /// What it is counted under.
    #[inline]
    pub(super) fn step(&self) -> StepId {
        self.request.envelope.step
    }

    /// Whether an answer of this status is an error, if no other request takes its place.
    #[inline]
    pub(super) fn is_error(&self, status: u16) -> bool {
        !self.request.envelope.expects(status)
    }

    /// Whether an answer of this status is the last one, and not one that demands another request.
    pub(super) fn is_answered_by(&self, status: u16) -> bool {
        let may_replace = self.request.envelope.auth.is_some() && self.withholds.has(401);
        !(self.is_followed(status) || (status == 401 && may_replace))
    }

    /// Whether an answer of this status is a redirect that is followed.
    #[inline]
    pub(super) fn is_followed(&self, status: u16) -> bool {
        self.request.envelope.follows(status)
    }
}

/// A response that came, complete.
pub(super) struct Answer {
    pub(super) complete: Complete,
    pub(super) kept: Retained,
    pub(super) service_ns: u64,
    pub(super) ended_ns: u64,
}

impl Answer {
    /// The answer, of which nothing kept is left behind.
    pub(super) fn take(&mut self) -> Self {
        Self { kept: std::mem::take(&mut self.kept), ..*self }
    }

    /// What was kept of the response.
    pub(super) fn capture(&self) -> &Capture {
        self.kept.capture.as_deref().unwrap_or(Capture::NOTHING)
    }

    /// The response, as checks and extracts look at it, by what was `received` last.
    pub(super) fn response<'a>(&'a self, received: &'a [u8]) -> Response<'a> {
        Response {
            status: self.complete.status,
            headers: self.capture(),
            body: self.kept.body(received),
            unreadable: self.kept.unreadable(),
            body_bytes: self.complete.body_bytes,
            service_ns: self.service_ns,
        }
    }

    /// The same of an answer whose body has been kept.
    pub(super) fn kept_response(&self) -> Response<'_> {
        self.response(&[])
    }
}
