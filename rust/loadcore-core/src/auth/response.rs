//! What a token endpoint answers (RFC 6749 section 5), read as generously as its meaning allows.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::reason;
use crate::cookies::parse_date;
use crate::step::{Headers, Unreadable, forbidden_in_head};

pub(super) const SECOND_NS: u64 = 1_000_000_000;

/// Types of tokens that are good only with a proof that goes with each request.
const BOUND_TO_A_KEY: &[&str] = &["dpop", "mac", "pop", "hok"];

/// A token that was granted. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Granted {
    /// What is sent, without a prefix.
    pub access_token: String,
    /// How long it is good for; `None` if neither the server nor the token says.
    pub expires_in_ns: Option<u64>,
    /// What the next token can be got with.
    pub refresh_token: Option<String>,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Refusal {
    /// In words, for reports: `status 400: invalid_grant: the user is locked`. Without control characters, and short.
    pub reason: String,
    /// Whether the server refused what was asked (4xx), so that asking the same again will not help.
    pub by_server: bool,
    /// When to ask again, if the server says so.
    pub retry_after_ns: Option<u64>,
}

/// An answer to a request for a token.
#[derive(Clone, Copy)]
pub(crate) struct TokenAnswer<'a> {
    /// Its status.
    pub status: u16,
    /// Whether that is one of success.
    pub is_expected: bool,
    /// Its headers.
    pub headers: &'a dyn Headers,
    /// Its body; empty where it cannot be read.
    pub body: &'a [u8],
    /// Why the body cannot be read, if it cannot.
    pub unreadable: Option<&'a Unreadable>,
    /// The body's size as it came.
    pub body_bytes: u64,
    /// When it came, by the wall clock.
    pub unix_ns: u64,
}

impl TokenAnswer<'_> {
    /// The token of RFC 6749 in it.
    pub(crate) fn read(&self) -> Result<Granted, Refusal> {
        let object = serde_json::from_slice(without_mark(self.body)).ok();
        if !self.is_expected {
            return Err(self.refused(object.as_ref()));
        }
        let object: Map<String, Value> = object.ok_or_else(|| self.refusal(reason::of_no_object(self)))?;
        let access_token = match object.get("access_token") {
            Some(Value::String(token)) if !token.is_empty() => self.sendable("access_token", token, "Bearer")?,
            other => {
                let words = reason::server_words(&object);
                return Err(self.refusal(words.unwrap_or_else(|| reason::of_no_token(other, &object))));
            }
        };
        if let Some(error) = object.get("error").and_then(Value::as_str).filter(|error| !error.is_empty()) {
            return Err(self.refusal(reason::server_words(&object).unwrap_or_else(|| reason::plain(error))));
        }
        if let Some(kind) = object.get("token_type").and_then(Value::as_str)
            && BOUND_TO_A_KEY.iter().any(|bound| kind.eq_ignore_ascii_case(bound))
        {
            return Err(self.refusal(reason::of_bound_token(kind)));
        }
        let refresh_token = object.get("refresh_token").and_then(Value::as_str).filter(|token| !token.is_empty());
        let expires_in_ns = object.get("expires_in").and_then(nanoseconds);
        Ok(Granted {
            expires_in_ns: expires_in_ns.or_else(|| lifetime_of_jwt(&access_token, self.unix_ns)),
            access_token,
            refresh_token: refresh_token.map(str::to_owned),
        })
    }

    /// A token as it may appear in a header, without the prefix that is sent before it anyway.
    pub(super) fn sendable(&self, name: &str, token: &str, prefix: &str) -> Result<String, Refusal> {
        let token = token.trim();
        let token = match token.split_once(' ') {
            Some((own, rest)) if own.eq_ignore_ascii_case(prefix) => rest.trim_start(),
            _ => token,
        };
        if token.is_empty() || forbidden_in_head(token.as_bytes()) {
            return Err(self.refusal(format!("the {name} in the answer cannot be sent in a header")));
        }
        Ok(token.to_owned())
    }

    /// What a status beyond 2xx says.
    pub(super) fn refused(&self, object: Option<&Map<String, Value>>) -> Refusal {
        let words = object.and_then(reason::server_words).or_else(|| reason::of_redirect(self));
        let words = words.or_else(|| reason::of_unreadable(self));
        let status = self.status;
        self.refusal(words.map_or_else(|| format!("status {status}"), |words| format!("status {status}: {words}")))
    }

    pub(super) fn refusal(&self, reason: String) -> Refusal {
        let by_server = (400..500).contains(&self.status) && self.status != 429;
        Refusal { reason, by_server, retry_after_ns: self.retry_after_ns() }
    }

    /// `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3), of a server that has no room now.
    fn retry_after_ns(&self) -> Option<u64> {
        if !matches!(self.status, 429 | 500..=599) {
            return None;
        }
        let value = std::str::from_utf8(self.headers.first(b"retry-after")?).ok()?.trim();
        if let Ok(seconds) = value.parse::<u64>() {
            return Some(seconds.saturating_mul(SECOND_NS));
        }
        Some(parse_date(value)?.saturating_mul(SECOND_NS).saturating_sub(self.unix_ns))
    }
}

/// A body without the byte order mark that some servers begin it with.
pub(super) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// Seconds as a number, or, as some servers send them, as a string.
pub(super) fn nanoseconds(seconds: &Value) -> Option<u64> {
    let seconds = match seconds {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates at both ends")]
    seconds.filter(|seconds: &f64| seconds.is_finite()).map(|seconds| (seconds * 1e9) as u64)
}

/// How long a JSON Web Token (RFC 7519) is good for by its own word. A clock that differs from the server's may have it
/// end before it came: then it is what the token says of its whole life.
pub(super) fn lifetime_of_jwt(token: &str, unix_ns: u64) -> Option<u64> {
    let claims = token.split('.').nth(1).filter(|_| token.split('.').count() == 3)?;
    let claims: Map<String, Value> =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?).ok()?;
    let expires_at_ns = claims.get("exp").and_then(nanoseconds)?;
    let issued_at_ns = claims.get("iat").and_then(nanoseconds);
    let from_ns = if expires_at_ns > unix_ns { unix_ns } else { issued_at_ns? };
    Some(expires_at_ns.saturating_sub(from_ns))
}

impl fmt::Debug for Granted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refresh = if self.refresh_token.is_some() { ", with a refresh token" } else { "" };
        write!(formatter, "Granted(expires in {:?} ns{refresh})", self.expires_in_ns)
    }
}

#[cfg(test)]
mod tests;
