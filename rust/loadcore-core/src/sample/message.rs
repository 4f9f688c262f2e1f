//! Messages as they went over the wire, made fit to be shown.

use super::secrets::is_sensitive_header;
use super::{RequestSample, ResponseSample, Secrets};
use crate::content::{Unreadable, decode};
use crate::http::Excerpt;

/// As much of a body is shown.
const SHOWN: usize = 2048;
/// As much of it is looked at: a secret at the end of what is shown has to be recognised.
pub(crate) const LOOKED_AT: usize = 2 * SHOWN;
/// Most header lines that are shown, and most characters of one.
const MOST_LINES: usize = 64;
const MOST_OF_A_LINE: usize = 1024;

/// What is known of a response.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Raw<'a> {
    /// What came, as far as it was kept.
    pub(crate) came: Option<&'a Excerpt>,
    /// Its status, if one came.
    pub(crate) status: Option<u16>,
    /// The body as it came, without framing, and what `Content-Encoding` says of it, if it was kept.
    pub(crate) body: Option<(&'a [u8], &'a [u8])>,
    /// Bytes of body.
    pub(crate) body_bytes: u64,
}

/// Reads a request that was made for a target and has a body of this number of bytes, and gathers its secrets.
pub(crate) fn request(
    origin: &str,
    target: &str,
    made: &Excerpt,
    body_bytes: u64,
    secrets: &mut Secrets,
) -> RequestSample {
    let headers = headers(made);
    secrets.add_named(target);
    for (name, value) in &headers {
        if is_sensitive_header(name) {
            secrets.add_header(name, value);
        }
    }
    secrets.add_named(&printable(&made.body));
    RequestSample {
        origin: secrets.hide(origin),
        line: shortened(secrets.hide(&printable(&made.line)), MOST_OF_A_LINE),
        headers: shown(&headers, secrets),
        body_bytes,
    }
}

/// Reads a response, and gathers the secrets that it gives away in its head. `None`: nothing came.
pub(crate) fn response(raw: &Raw<'_>, secrets: &mut Secrets) -> Option<ResponseSample> {
    let Some(came) = raw.came else {
        let (body, encoding) = raw.body.unwrap_or_default();
        let body = shown_body(body, encoding, raw.body_bytes, secrets);
        return raw.status.map(|status| body.below(String::new(), Some(status), Vec::new()));
    };
    let headers = headers(came);
    for (name, value) in &headers {
        if is_sensitive_header(name) {
            secrets.add_header(name, value);
        }
    }
    let encodings = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
    let encoding: Vec<&str> = encodings.map(|(_, value)| &**value).collect();
    let encoding = encoding.join(",");
    let (body, encoding) = raw.body.unwrap_or((&came.body, encoding.as_bytes()));
    let body = shown_body(body, encoding, raw.body_bytes, secrets);
    let line = shortened(secrets.hide(&printable(&came.line)), MOST_OF_A_LINE);
    Some(body.below(line, raw.status, shown(&headers, secrets)))
}

/// What is shown of a body.
struct ShownBody {
    text: String,
    unreadable: Option<String>,
    bytes: u64,
    cut: bool,
}

impl ShownBody {
    fn below(self, line: String, status: Option<u16>, headers: Headers) -> ResponseSample {
        let Self { text: body, unreadable, bytes: body_bytes, cut } = self;
        ResponseSample { line, status, headers, body, unreadable, body_bytes, cut }
    }
}

/// The beginning of a body of which so much is here, before it was coded and without secrets.
fn shown_body(came: &[u8], encoding: &[u8], body_bytes: u64, secrets: &Secrets) -> ShownBody {
    let bytes = body_bytes.max(came.len() as u64);
    let is_whole = bytes == came.len() as u64;
    let decoded = decode(encoding, came, LOOKED_AT);
    let unreadable = match decoded.problem {
        // There is more of it.
        Some(Unreadable::TooLarge(_)) => None,
        Some(Unreadable::Truncated(_)) if !is_whole => None,
        ref problem => problem.as_ref().map(|problem| secrets.hide_in_sentence(&problem.reason(bytes))),
    };
    let cut = !is_whole || decoded.problem.is_some() || decoded.bytes.len() > SHOWN;
    ShownBody { text: excerpt(&decoded.bytes, secrets), unreadable, bytes, cut }
}

type Headers = Vec<(String, String)>;

/// The headers of a message that may be shown.
fn headers(message: &Excerpt) -> Headers {
    message.fields.iter().take(MOST_LINES).map(|(name, value)| (printable(name), printable(value))).collect()
}

fn shown(headers: &Headers, secrets: &Secrets) -> Headers {
    let show = |(name, value): &(String, String)| {
        (shortened(name.clone(), MOST_OF_A_LINE), shortened(secrets.header(name, value), MOST_OF_A_LINE))
    };
    headers.iter().map(show).collect()
}

/// The beginning of a body without secrets.
fn excerpt(body: &[u8], secrets: &Secrets) -> String {
    shortened(secrets.hide(&printable(&body[..body.len().min(LOOKED_AT)])), SHOWN)
}

/// Text as it is; what is not UTF-8 as `\xNN`, but for a character that is cut off at the end.
fn printable(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len());
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        at += chunk.valid().len() + chunk.invalid().len();
        let is_cut_off = at == bytes.len() && chunk.invalid().first().is_some_and(|byte| *byte >= 0xc2);
        if !is_cut_off {
            for byte in chunk.invalid() {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text
}

pub(super) fn shortened(mut text: String, most: usize) -> String {
    if text.len() > most {
        let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests;
