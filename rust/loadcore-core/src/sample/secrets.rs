//! What must not be shown: found by name and by value.
//!
//! By name: headers, parameters, members and fields that are called like secrets. By value: what the user authenticates
//! with, what its variables of such names hold, and what the request carries under such names is hidden wherever else
//! it stands, so that a target that echoes a password does not give it away.

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::{Captures, Regex};
use serde::Serialize;
use serde_json::Value;

use crate::plan;
use crate::step::environment_variables;

/// What stands where something was.
pub(crate) const HIDDEN: &str = "***";

/// A shorter value would be found by chance.
const LEAST_VALUE: usize = 4;

/// Headers that are called like secrets and hold none.
const OPEN: &[&str] = &["www-authenticate", "proxy-authenticate"];

/// Whether what bears this name is likely to be a secret: a header, a field, a parameter, a JSON path.
pub(crate) fn is_sensitive(name: &str) -> bool {
    static SENSITIVE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)auth(?:$|[^o]|o(?:$|[^r])|ori)|cookie|token|secret|passw|pwd|passphrase|(?:api|access|private|signing)[-_]?key|credential|signature|session|(?:^|[^a-z_])(?:code|key|pin|otp|jwt|sid|sig)(?:$|[^a-z_])",
        )
    });
    SENSITIVE.is_match(name)
}

/// A header whose value is not shown.
pub(super) fn is_sensitive_header(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    is_sensitive(name) && !OPEN.contains(&&*lower) && !lower.starts_with("access-control-")
}

/// Parts of an authentication that are not secrets, unless they come from the environment.
const OPEN_PARTS: &[&str] = &["username", "client_id", "scope", "audience", "resource", "grant_type"];

/// Values that are hidden wherever they stand.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    values: Vec<String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Secrets({})", self.values.len())
    }
}

impl Secrets {
    /// Those of a plan's ways to authenticate: what is written there, and what the environment holds.
    pub(crate) fn of_plan(auths: &[plan::Auth]) -> Self {
        let mut secrets = Self::default();
        secrets.add_parts("", &serde_json::to_value(auths).unwrap_or_default());
        secrets
    }

    /// Hides the variables of the environment that any string of these parts of a plan names.
    pub(crate) fn with_environment(mut self, parts: &impl Serialize) -> Self {
        // As a whole, whatever the strings are about: a name has nothing that JSON escapes.
        let texts = serde_json::to_string(parts).unwrap_or_default();
        for variable in environment_variables(&texts) {
            self.add(std::env::var(variable).unwrap_or_default().as_bytes());
        }
        self
    }

    fn add_parts(&mut self, name: &str, part: &Value) {
        match part {
            Value::Object(members) => {
                for (key, member) in members {
                    match (&**key, member) {
                        ("env", Value::String(variable)) => {
                            self.add(std::env::var(variable).unwrap_or_default().as_bytes());
                        }
                        ("text", Value::String(text)) if !text.contains('{') && !OPEN_PARTS.contains(&name) => {
                            self.add(text.as_bytes());
                        }
                        _ => self.add_parts(key, member),
                    }
                }
            }
            Value::Array(members) => {
                // A field and its value.
                let field = members.first().and_then(Value::as_str).unwrap_or(name);
                for member in members {
                    self.add_parts(field, member);
                }
            }
            _ => {}
        }
    }

    /// Hides this value from now on, however it is written.
    pub(crate) fn add(&mut self, value: &[u8]) {
        let Ok(value) = std::str::from_utf8(value) else { return };
        let value = value.trim();
        if value.len() < LEAST_VALUE || value == HIDDEN {
            return;
        }
        let mut encoded = Vec::new();
        crate::step::append_form_value(value.as_bytes(), &mut encoded);
        let encoded = String::from_utf8(encoded).unwrap_or_default();
        let forms = [
            value.to_owned(),
            encoded.replace('+', "%20"),
            encoded,
            percent_decoded(value).into_owned(),
            serde_json::to_string(value).unwrap_or_default().trim_matches('"').to_owned(),
            STANDARD.encode(value),
        ];
        for form in forms {
            if form.len() >= LEAST_VALUE && !self.values.contains(&form) {
                self.values.push(form);
            }
        }
    }

    /// Hides the value of a header: of credentials what comes after the scheme, of cookies what each holds.
    pub(crate) fn add_header(&mut self, name: &str, value: &str) {
        if name.eq_ignore_ascii_case("cookie") {
            for cookie in value.split(';') {
                self.add(cookie.split_once('=').map_or(cookie, |(_, value)| value).as_bytes());
            }
            return;
        }
        if name.eq_ignore_ascii_case("set-cookie") {
            let cookie = value.split(';').next().unwrap_or("");
            return self.add(cookie.split_once('=').map_or("", |(_, value)| value).as_bytes());
        }
        self.add(value.as_bytes());
        let Some((scheme, rest)) = value.split_once(' ') else { return };
        self.add(rest.as_bytes());
        if scheme.eq_ignore_ascii_case("basic")
            && let Ok(pair) = STANDARD.decode(rest.trim())
            && let Some(colon) = pair.iter().position(|byte| *byte == b':')
        {
            self.add(&pair);
            self.add(&pair[colon + 1..]);
        }
    }

    /// Hides what this text holds under the name of a secret: a query, a form, JSON.
    pub(crate) fn add_named(&mut self, text: &str) {
        let mut found = Vec::new();
        hide_named(text, |_, value| {
            found.push(value.to_owned());
            None
        });
        for value in found {
            self.add(value.as_bytes());
        }
    }

    /// The text without secrets.
    pub(crate) fn hide(&self, text: &str) -> String {
        self.hide_values(hide_tokens(&hide_fields(&hide_named(text, |_, _| Some(HIDDEN)))).into_owned())
    }

    /// A sentence of ours without secrets: what it says after a colon is not the value of a name.
    pub(crate) fn hide_in_sentence(&self, text: &str) -> String {
        let named = hide_named(text, |sign, _| sign.contains(['"', '\'', '=']).then_some(HIDDEN));
        self.hide_values(hide_tokens(&named).into_owned())
    }

    /// The text without the values that are known to be secrets.
    pub(super) fn hide_values(&self, mut text: String) -> String {
        // The longest first: one may be a part of another.
        let mut values: Vec<&String> = self.values.iter().filter(|value| text.contains(&***value)).collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        for value in values {
            text = text.replace(&**value, HIDDEN);
        }
        text
    }

    /// The value of a header, as it is shown.
    pub(super) fn header(&self, name: &str, value: &str) -> String {
        if name.eq_ignore_ascii_case("set-cookie") {
            let (cookie, attributes) = value.split_at(value.find(';').unwrap_or(value.len()));
            let name = cookie.split_once('=').map_or("", |(name, _)| name);
            return self.hide_values(format!("{name}={HIDDEN}{attributes}"));
        }
        if is_sensitive_header(name) {
            // The scheme helps to find what is wrong.
            let scheme = ["Bearer ", "Basic ", "Digest "].into_iter().find(|scheme| value.starts_with(scheme));
            return format!("{}{HIDDEN}", scheme.unwrap_or(""));
        }
        self.hide(value)
    }
}

/// Replaces the values with the name of a secret: `"password": "x"`, `token=x`, `secret: x`, also where a string
/// holds JSON or the text is cut off. `value` is given the sign between both
/// and the value, and gives what is shown instead, or `None` to leave it.
fn hide_named(text: &str, mut value: impl FnMut(&str, &str) -> Option<&'static str>) -> Cow<'_, str> {
    static NAMED: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"([A-Za-z0-9_.$\[\]%-]+)(\\*["']?[ \t\r\n]*[=:][ \t\r\n]*)"#));
    let mut shown = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = NAMED.captures_at(text, at) {
        let end = found.get(0).map_or(text.len(), |whole| whole.end());
        at = end;
        let part = |group| found.get(group).map_or("", |part| part.as_str());
        let (name, sign) = (part(1), part(2));
        if !is_sensitive(&percent_decoded(name)) {
            continue;
        }
        let (begin, length) = value_at(&text[end..]);
        let old = &text[end + begin..end + begin + length];
        if is_plain(name, sign, old) {
            continue;
        }
        if let Some(instead) = value(sign, old) {
            shown.push_str(&text[copied..end + begin]);
            shown.push_str(instead);
            copied = end + begin + length;
            at = end + begin + length;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    shown.push_str(&text[copied..]);
    Cow::Owned(shown)
}

/// The position and length of the value at the beginning of a string: a quoted string, a whole list or object, or up to
/// the next delimiter.
fn value_at(text: &str) -> (usize, usize) {
    let quote = text.trim_start_matches('\\');
    let escapes = text.len() - quote.len();
    match quote.chars().next() {
        Some(mark @ ('"' | '\'')) => {
            let begin = escapes + 1;
            let end = if escapes > 0 {
                text[begin..].find(&format!("\\{mark}")).unwrap_or(text.len() - begin)
            } else {
                string_end(&text[begin..], mark)
            };
            (begin, end)
        }
        Some('{' | '[') => (0, nested_end(text)),
        _ => (
            0,
            text.find([' ', '\t', '\r', '\n', '"', '\'', '&', ',', ';', '<', '>', '\\', '}', ']', ')'])
                .unwrap_or(text.len()),
        ),
    }
}

fn string_end(text: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == mark => return at,
            _ => {}
        }
    }
    text.len()
}

fn nested_end(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut rest = text.char_indices();
    while let Some((at, character)) = rest.next() {
        match character {
            '{' | '[' => depth += 1,
            '}' | ']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            '"' => {
                let length = string_end(&text[at + 1..], '"');
                while rest.offset() <= at + 1 + length && rest.next().is_some() {}
            }
            _ => {}
        }
    }
    text.len()
}

/// What tells nothing even under the name of a secret: nothing at all, a literal, the `code` of an error in JSON.
fn is_plain(name: &str, sign: &str, value: &str) -> bool {
    let is_word = |value: &str| value.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_.- ".contains(&byte));
    let is_status = |value: &str| value.len() <= 3 && value.bytes().all(|byte| byte.is_ascii_digit());
    matches!(value, "" | "null" | "true" | "false")
        || value == HIDDEN
        || (name.eq_ignore_ascii_case("code") && sign.contains(':') && (is_word(value) || is_status(value)))
}

/// Replaces what form fields and `meta` elements of HTML with the name of a secret hold.
fn hide_fields(text: &str) -> Cow<'_, str> {
    static ELEMENT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)<(?:input|meta)[ \t\r\n/][^>]*>?"));
    static NAME: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r#"(?i)[ \t\r\n](?:name|id|property|type)[ \t\r\n]*=[ \t\r\n]*["']?([^"' \t\r\n>]+)"#)
    });
    static CONTENT: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r#"(?i)([ \t\r\n]value|[ \t\r\n]content)([ \t\r\n]*=[ \t\r\n]*)("[^"]*"?|'[^']*'?|[^ \t\r\n>]+)"#)
    });
    ELEMENT.replace_all(text, |element: &Captures<'_>| {
        let element = &element[0];
        if NAME.captures_iter(element).any(|name| is_sensitive(&name[1])) {
            CONTENT.replace_all(element, format!("${{1}}${{2}}\"{HIDDEN}\"")).into_owned()
        } else {
            element.to_owned()
        }
    })
}

/// Replaces what is a credential by its form: the user part of a URL, `Bearer x`, a JWT.
fn hide_tokens(text: &str) -> Cow<'_, str> {
    static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?P<before>://)[^/?#@ \t\r\n]+@|(?P<scheme>(?i:bearer|basic)[ ]+)[A-Za-z0-9_.~+/=-]{8,}|(?-u:\b)eyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){0,4}",
        )
    });
    TOKEN.replace_all(text, |found: &Captures<'_>| {
        if found.name("before").is_some() {
            format!("://{HIDDEN}@")
        } else {
            format!("{}{HIDDEN}", found.name("scheme").map_or("", |scheme| scheme.as_str()))
        }
    })
}

pub(super) fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            decoded.push(byte);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

/// One of the expressions above, each of which a test uses.
fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|problem| unreachable!("{problem}"))
}

#[cfg(test)]
mod tests;
