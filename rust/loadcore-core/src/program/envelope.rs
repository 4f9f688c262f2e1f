//! The envelope of a request: what decides over its way, whoever made it and however it is encoded. A request that is
//! made at run time has one like a compiled one, and with it redirects, authentication, cookies and a row.

use super::{AuthId, Want};
use crate::exchange::Request;
use crate::plan::Timeouts;
use crate::record::StepId;

/// Index of an origin: those of the program come first, those that are met at run time follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OriginId(pub(crate) u16);

/// What a request is, apart from its bytes and from what is looked at in its response.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    /// What it is counted under.
    pub(crate) step: StepId,
    pub(crate) method: Box<str>,
    pub(crate) origin: OriginId,
    /// Whether its `Host` is the user's, not the origin's.
    pub(crate) has_own_host: bool,
    pub(crate) timeouts: Timeouts,
    /// Inclusive ranges of status codes; empty is 0 to 399.
    pub(crate) expect: Box<[(u16, u16)]>,
    pub(crate) max_redirects: u8,
    /// What authenticates it, if that is known only when it is sent.
    pub(crate) auth: Option<AuthId>,
    /// The header that authenticates it.
    pub(crate) auth_header: Option<Box<str>>,
    /// What to keep of its responses, besides cookies.
    pub(crate) want: Want,
}

/// A request as it is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    pub(crate) envelope: &'a Envelope,
    /// All of it, if it never varies; otherwise its user has rendered it.
    pub(crate) whole: Option<Request<'a>>,
}

impl Envelope {
    /// Whether a response of this status is not an error.
    pub(crate) fn expects(&self, status: u16) -> bool {
        if self.expect.is_empty() {
            return status < 400;
        }
        self.says_it_expects(status)
    }

    /// Whether a response of this status is followed to where it redirects. A redirect that the step says it expects is
    /// the answer.
    pub(crate) fn follows(&self, status: u16) -> bool {
        let is_redirect = matches!(status, 301 | 302 | 303 | 307 | 308);
        is_redirect && self.max_redirects > 0 && !self.says_it_expects(status)
    }

    fn says_it_expects(&self, status: u16) -> bool {
        self.expect.iter().any(|(least, most)| (*least..=*most).contains(&status))
    }

    /// Whether a header of this name is for the request's own origin only: it authenticates the request, or its name
    /// says that it may.
    pub(crate) fn is_sensitive(&self, header: &[u8]) -> bool {
        let lower = header.to_ascii_lowercase();
        let is_secret = |word: &str| memchr::memmem::find(&lower, word.as_bytes()).is_some();
        SECRETS.iter().any(|word| is_secret(word))
            || self.auth_header.as_deref().is_some_and(|name| header.eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// What names of headers that hold secrets have in them.
const SECRETS: [&str; 9] = ["auth", "cookie", "token", "secret", "passw", "api-key", "apikey", "credential", "session"];

/// Whether sending it twice does no more than sending it once (RFC 9110 section 9.2.2).
pub(crate) fn is_idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE")
}
