//! What a token endpoint answers (RFC 6749 section 5).

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::step::forbidden_in_head;

/// A token that was granted. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Granted {
    /// What is sent as `Bearer`.
    pub access_token: String,
    /// How long it is good for; `None` if the server does not say.
    pub expires_in_ns: Option<u64>,
    /// What the next token can be got with.
    pub refresh_token: Option<String>,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// In words, for reports: `invalid_grant: the user is locked`. Without control characters, and short.
    pub reason: String,
    /// Whether the server refused what was asked (4xx), so that asking the same again will not help.
    pub by_server: bool,
}

#[derive(Deserialize)]
struct Answer {
    access_token: Option<Value>,
    token_type: Option<Value>,
    expires_in: Option<Value>,
    refresh_token: Option<Value>,
    error: Option<Value>,
    error_description: Option<Value>,
}

/// Longest part of a server's own words in a reason.
const MOST_WORDS: usize = 120;

/// Reads the answer of a token endpoint.
pub fn parse_token_response(status: u16, body: &[u8]) -> Result<Granted, Refusal> {
    let by_server = (400..500).contains(&status) && status != 429;
    let refusal = |reason: String| Refusal { reason, by_server };
    let answer: Option<Answer> = serde_json::from_slice(body).ok();
    if !(200..300).contains(&status) {
        let words = answer.as_ref().and_then(server_words);
        return Err(refusal(
            words.map_or_else(|| format!("status {status}"), |words| format!("status {status}: {words}")),
        ));
    }
    let answer = answer.ok_or_else(|| refusal("the answer is no JSON object".to_owned()))?;
    if let Some(words) = server_words(&answer) {
        return Err(refusal(words));
    }
    let Some(Value::String(access_token)) = answer.access_token else {
        return Err(refusal("the answer has no access_token".to_owned()));
    };
    if access_token.is_empty() || forbidden_in_head(access_token.as_bytes()) {
        return Err(refusal("the access_token cannot be sent in a header".to_owned()));
    }
    if let Some(kind) = answer.token_type.as_ref().and_then(Value::as_str)
        && !kind.eq_ignore_ascii_case("bearer")
    {
        return Err(refusal(format!("the token is of type {}, not Bearer", plain(kind))));
    }
    let refresh_token = match answer.refresh_token {
        Some(Value::String(token)) if !token.is_empty() => Some(token),
        _ => None,
    };
    Ok(Granted { access_token, expires_in_ns: answer.expires_in.as_ref().and_then(nanoseconds), refresh_token })
}

/// Seconds as a number, or, as some servers send them, as a string.
fn nanoseconds(seconds: &Value) -> Option<u64> {
    let seconds = match seconds {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates at both ends")]
    seconds.filter(|seconds: &f64| seconds.is_finite()).map(|seconds| (seconds * 1e9) as u64)
}

/// The error of an answer in words, if it has one.
fn server_words(answer: &Answer) -> Option<String> {
    let error = plain(answer.error.as_ref()?.as_str()?);
    Some(match answer.error_description.as_ref().and_then(Value::as_str) {
        Some(description) => format!("{error}: {}", plain(description)),
        None => error,
    })
}

/// A server's text, fit for a terminal and not too long.
fn plain(text: &str) -> String {
    // Direction marks can make a terminal show other text than there is.
    let marks =
        |character| matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|character| !character.is_control() && !marks(*character)).take(MOST_WORDS).collect()
}

impl fmt::Debug for Granted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refresh = if self.refresh_token.is_some() { ", with a refresh token" } else { "" };
        write!(formatter, "Granted(expires in {:?} ns{refresh})", self.expires_in_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(body: &str) -> Granted {
        parse_token_response(200, body.as_bytes()).unwrap()
    }

    fn refused(status: u16, body: &str) -> (String, bool) {
        let refusal = parse_token_response(status, body.as_bytes()).unwrap_err();
        (refusal.reason, refusal.by_server)
    }

    /// Lifetimes come as numbers, as strings, or not at all.
    #[test]
    fn lifetimes() {
        let lifetime = |text: &str| granted(&format!(r#"{{"access_token":"a","expires_in":{text}}}"#)).expires_in_ns;
        assert_eq!(lifetime("3600"), Some(3_600_000_000_000));
        assert_eq!(lifetime("\"60\""), Some(60_000_000_000));
        assert_eq!(lifetime("0.5"), Some(500_000_000));
        assert_eq!(lifetime("-5"), Some(0));
        assert_eq!(lifetime("1e300"), Some(u64::MAX));
        assert_eq!(lifetime("null"), None);
        assert_eq!(lifetime("\"soon\""), None);
        assert_eq!(granted(r#"{"access_token":"a"}"#).expires_in_ns, None);
    }

    /// All parts of an answer are taken; an empty refresh token is none.
    #[test]
    fn parts() {
        let answer =
            granted(r#"{"access_token":"abc","token_type":"bearer","refresh_token":"r1","scope":"x","extra":[1]}"#);
        assert_eq!((answer.access_token.as_str(), answer.refresh_token.as_deref()), ("abc", Some("r1")));
        assert_eq!(granted(r#"{"access_token":"abc","refresh_token":""}"#).refresh_token, None);
    }

    /// Errors of RFC 6749 are told in the server's words, without what could harm a terminal.
    #[test]
    fn errors() {
        let body = "{\"error\":\"invalid_grant\",\"error_description\":\"locked\\u001b[31m\\u202e\"}";
        assert_eq!(refused(400, body), ("status 400: invalid_grant: locked[31m".to_owned(), true));
        assert_eq!(refused(401, r#"{"error":"invalid_client"}"#), ("status 401: invalid_client".to_owned(), true));
        assert_eq!(refused(503, "<html>"), ("status 503".to_owned(), false));
        assert_eq!(refused(429, "{}"), ("status 429".to_owned(), false));
        assert_eq!(refused(200, r#"{"error":"slow_down"}"#), ("slow_down".to_owned(), false));
        let long = format!(r#"{{"error":"{}"}}"#, "x".repeat(1000));
        assert_eq!(refused(400, &long).0.len(), "status 400: ".len() + MOST_WORDS);
    }

    /// An answer without a usable token is a refusal, whatever its status says.
    #[test]
    fn unusable_answers() {
        for (body, reason) in [
            ("", "the answer is no JSON object"),
            ("[1]", "the answer is no JSON object"),
            ("{}", "the answer has no access_token"),
            (r#"{"access_token":5}"#, "the answer has no access_token"),
            (r#"{"access_token":""}"#, "the access_token cannot be sent in a header"),
            (r#"{"access_token":"a\r\nX: y"}"#, "the access_token cannot be sent in a header"),
            (r#"{"access_token":"a","token_type":"mac"}"#, "the token is of type mac, not Bearer"),
        ] {
            assert_eq!(refused(200, body), (reason.to_owned(), false), "{body}");
        }
    }

    /// Tokens are not shown.
    #[test]
    fn debug_shows_no_tokens() {
        let shown = format!("{:?}", granted(r#"{"access_token":"abc","refresh_token":"r1","expires_in":1}"#));
        assert_eq!(shown, "Granted(expires in Some(1000000000) ns, with a refresh token)");
    }
}
