//! Messages as they went over the wire, made fit to be shown.

use super::secrets::is_sensitive_header;
use super::{RequestSample, ResponseSample, Secrets};
use crate::content::{Unreadable, decode};
use crate::exchange::Request;
use crate::exchange::h1::Decoder;
use crate::http::Sink;
use crate::plan::Limits;

/// As much of a body is shown.
const SHOWN: usize = 2048;
/// As much of it is looked at: a secret at the end of what is shown has to be recognised.
const LOOKED_AT: usize = 2 * SHOWN;
/// Most header lines that are shown, and most characters of one.
const MOST_LINES: usize = 64;
const MOST_OF_A_LINE: usize = 1024;

/// What is known of a response: what came, as it came, as far as it was kept.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Raw<'a> {
    /// From its first byte on.
    pub(crate) bytes: &'a [u8],
    /// Its status, if one came.
    pub(crate) status: Option<u16>,
    /// The body as it came, without chunk framing, and what `Content-Encoding` says of it, if it was kept.
    pub(crate) body: Option<(&'a [u8], &'a [u8])>,
    /// Bytes of body.
    pub(crate) body_bytes: u64,
    /// Whether it answers HEAD.
    pub(crate) is_head: bool,
}

/// Reads a request as it was rendered, and gathers its secrets.
pub(crate) fn request(origin: &str, request: Request<'_>, secrets: &mut Secrets) -> RequestSample {
    let host = (&b"Host"[..], request.host().as_bytes());
    let fields = std::iter::once(host).chain(request.fields()).take(MOST_LINES);
    let lines: Lines = fields.map(|(name, value)| (printable(name), printable(value))).collect();
    let (line, body) = (printable(request.line()), request.body());
    secrets.add_named(request.target());
    for (name, value) in &lines {
        if is_sensitive_header(name) {
            secrets.add_header(name, value);
        }
    }
    secrets.add_named(&printable(&body[..body.len().min(LOOKED_AT)]));
    RequestSample {
        origin: secrets.hide(origin),
        line: shortened(secrets.hide(&line), MOST_OF_A_LINE),
        headers: shown(&lines, secrets),
        body_bytes: body.len() as u64,
    }
}

/// Reads a response, and gathers the secrets that it gives away in its head. `None`: nothing came.
pub(crate) fn response(raw: &Raw<'_>, secrets: &mut Secrets) -> Option<ResponseSample> {
    if raw.bytes.is_empty() {
        let (body, encoding) = raw.body.unwrap_or_default();
        let body = shown_body(body, encoding, raw.body_bytes, secrets);
        return raw.status.map(|status| body.below(String::new(), Some(status), Vec::new()));
    }
    let mut body = Body::default();
    let bytes = final_head(raw.bytes);
    let is_http = bytes.starts_with(b"HTTP/");
    if is_http {
        let mut decoder = Decoder::new(Limits::default());
        decoder.start(raw.is_head);
        // Whatever is wrong with it: what came before that is shown.
        let _ = decoder.feed(bytes, &mut body);
    } else {
        body.0.extend_from_slice(&bytes[..bytes.len().min(LOOKED_AT)]);
    }
    let (line, lines) = if is_http {
        let (line, lines, _) = split(bytes);
        (line, lines)
    } else {
        Default::default()
    };
    for (name, value) in &lines {
        if is_sensitive_header(name) {
            secrets.add_header(name, value);
        }
    }
    let encodings = lines.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
    let encoding: Vec<&str> = encodings.map(|(_, value)| &**value).collect();
    let encoding = encoding.join(",");
    let (came, encoding) = raw.body.unwrap_or((&body.0, encoding.as_bytes()));
    let body = shown_body(came, encoding, raw.body_bytes, secrets);
    Some(body.below(shortened(secrets.hide(&line), MOST_OF_A_LINE), raw.status, shown(&lines, secrets)))
}

/// What is shown of a body.
struct ShownBody {
    text: String,
    unreadable: Option<String>,
    bytes: u64,
    cut: bool,
}

impl ShownBody {
    fn below(self, line: String, status: Option<u16>, headers: Lines) -> ResponseSample {
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

/// What follows the heads of interim responses.
fn final_head(mut bytes: &[u8]) -> &[u8] {
    while bytes.starts_with(b"HTTP/1.1 1") && !bytes.starts_with(b"HTTP/1.1 101") {
        let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else { break };
        if bytes.len() == end + 4 {
            break;
        }
        bytes = &bytes[end + 4..];
    }
    bytes
}

type Lines = Vec<(String, String)>;

/// First line, header lines, body.
fn split(bytes: &[u8]) -> (String, Lines, &[u8]) {
    let crlf = memchr::memmem::find(bytes, b"\r\n\r\n").map(|end| (end, end + 4));
    let lf = memchr::memmem::find(bytes, b"\n\n").map(|end| (end, end + 2));
    let (end, body) = [crlf, lf].into_iter().flatten().min().unwrap_or((bytes.len(), bytes.len()));
    let head = printable(&bytes[..end]);
    let mut lines = head.lines();
    let first = lines.next().unwrap_or("").to_owned();
    let named = |line: &str| {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        (name.to_owned(), value.trim().to_owned())
    };
    (first, lines.take(MOST_LINES).map(named).collect(), &bytes[body..])
}

fn shown(lines: &Lines, secrets: &Secrets) -> Lines {
    let show = |(name, value): &(String, String)| {
        (shortened(name.clone(), MOST_OF_A_LINE), shortened(secrets.header(name, value), MOST_OF_A_LINE))
    };
    lines.iter().map(show).collect()
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

/// Takes the beginning of a body.
#[derive(Default)]
struct Body(Vec<u8>);

impl Sink for Body {
    fn body(&mut self, piece: &[u8]) {
        let room = LOOKED_AT.saturating_sub(self.0.len());
        self.0.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    fn wants_body(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
