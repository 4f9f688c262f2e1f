//! Why an answer holds no token, in words for the one who wrote the scenario. What is shown of a server's answer are
//! its own words about the error and the names of its keys, never a value.

use serde_json::{Map, Value};

use super::response::TokenAnswer;

/// Longest part of a server's own words in a reason.
pub(super) const MOST_WORDS: usize = 120;
/// Most keys that are named.
const MOST_KEYS: usize = 8;

/// The error of an answer in the server's words, if it has any: those of RFC 6749, or of RFC 9457 and its like.
pub(super) fn server_words(object: &Map<String, Value>) -> Option<String> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(plain);
    match (text("error"), text("error_description")) {
        (Some(error), Some(description)) => Some(format!("{error}: {description}")),
        (Some(words), None) | (None, Some(words)) => Some(words),
        (None, None) => ["detail", "message", "title"].into_iter().find_map(text),
    }
}

/// Of a body that is not a JSON object: what it is.
pub(super) fn of_no_object(answer: &TokenAnswer<'_>) -> String {
    if let Some(reason) = of_unreadable(answer) {
        return reason;
    }
    let body = answer.body.trim_ascii_start();
    if body.is_empty() {
        return format!("the answer (status {}) has no body", answer.status);
    }
    let is = if body.starts_with(&[0x1f, 0x8b]) {
        "compressed (gzip) without a Content-Encoding that says so"
    } else if body.starts_with(b"<") {
        "HTML or XML"
    } else if body.starts_with(b"access_token=") {
        "a form"
    } else {
        return "the answer is not a JSON object".to_owned();
    };
    format!("the answer is {is}, not JSON")
}

/// Of a body that cannot be read: why.
pub(super) fn of_unreadable(answer: &TokenAnswer<'_>) -> Option<String> {
    answer.unreadable.map(|unreadable| plain(&unreadable.reason(answer.body_bytes)))
}

/// Of a JSON object without a usable `access_token`: what is there in its place.
pub(super) fn of_no_token(found: Option<&Value>, object: &Map<String, Value>) -> String {
    let kind = match found {
        None if object.is_empty() => return "the response has no access_token: it is an empty object".to_owned(),
        None => return format!("the response has no access_token, only {}", keys(object)),
        Some(Value::String(_)) => return "the access_token in the answer is empty".to_owned(),
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "a boolean",
        Some(Value::Number(_)) => "a number",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "an object",
    };
    format!("the access_token in the answer is {kind}, not a string")
}

/// Of an answer that lacks what a login has to find.
pub(super) fn of_no_value(place: &str, answer: &TokenAnswer<'_>, object: Option<&Map<String, Value>>) -> String {
    let missing = format!("the response has no {place}");
    match object {
        Some(object) if !object.is_empty() => format!("{missing}, only {}", keys(object)),
        Some(_) => format!("{missing}: it is an empty object"),
        None if place.starts_with("header") => missing,
        None => format!("{missing}: {}", of_no_object(answer)),
    }
}

fn keys(object: &Map<String, Value>) -> String {
    let named: Vec<String> = object.keys().take(MOST_KEYS).map(|key| plain(key)).collect();
    let more = if object.len() > MOST_KEYS { ", …" } else { "" };
    format!("{}{more}", named.join(", "))
}

pub(super) fn of_bound_token(kind: &str) -> String {
    format!("the token is of type {}: it needs a proof with each request, which loadcore cannot make", plain(kind))
}

/// Of a redirect: where it leads, without query and credentials.
pub(super) fn of_redirect(answer: &TokenAnswer<'_>) -> Option<String> {
    if !(300..400).contains(&answer.status) {
        return None;
    }
    let to = String::from_utf8_lossy(answer.headers.first(b"location")?);
    let to = to.split(['?', '#']).next().unwrap_or("");
    let authority = to.find("//").map_or(0, |at| at + 2);
    let (scheme, rest) = to.split_at(authority);
    let end = rest.find('/').filter(|_| authority > 0).unwrap_or(rest.len());
    let user = rest[..end].rfind('@').filter(|_| authority > 0).map_or(0, |at| at + 1);
    Some(format!("a redirect to {}, which is not followed", plain(&format!("{scheme}{}", &rest[user..]))))
}

/// A server's text, fit for a terminal and not too long.
pub(super) fn plain(text: &str) -> String {
    // Direction marks can make a terminal show other text than there is.
    let marks =
        |character| matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|character| !character.is_control() && !marks(*character)).take(MOST_WORDS).collect()
}
