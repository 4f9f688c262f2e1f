//! Requests, written and read back: the one place that knows their lines.
//!
//! What is known when the plan is compiled is written then ([`Encoding`]). What has been written keeps its parts: they are read
//! again where a request is shown, or sent once more to another place.

use crate::exchange::{Field, Request};
use crate::step::{Builtins, RenderError, Template, TemplateBuilder, Variables};

const LINE_END: &[u8] = b"\r\n";
const HEAD_END: &[u8] = b"\r\n\r\n";
const VERSION: &[u8] = b" HTTP/1.1\r\n";
const HOST: &[u8] = b"Host: ";
const COLON: &[u8] = b": ";

/// What a head is written to: bytes, or a template that renders to them.
pub(crate) trait Output {
    /// Appends bytes.
    fn literal(&mut self, bytes: &[u8]);
}

impl Output for Vec<u8> {
    #[inline]
    fn literal(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Output for TemplateBuilder {
    fn literal(&mut self, bytes: &[u8]) {
        self.literal(bytes);
    }
}

/// Begins a request. `target` and `host` write what they are called.
pub(crate) fn begin<O: Output, R>(
    out: &mut O,
    method: &str,
    target: impl FnOnce(&mut O) -> R,
    host: impl FnOnce(&mut O),
) -> R {
    out.literal(method.as_bytes());
    out.literal(b" ");
    let written = target(out);
    out.literal(VERSION);
    out.literal(HOST);
    host(out);
    out.literal(LINE_END);
    written
}

/// Writes a field, whose value `value` writes.
#[inline]
pub(crate) fn field<O: Output, R>(out: &mut O, name: &[u8], value: impl FnOnce(&mut O) -> R) -> R {
    out.literal(name);
    out.literal(COLON);
    let written = value(out);
    out.literal(LINE_END);
    written
}

/// Ends a head that has all its fields, and appends the body.
pub(crate) fn end(out: &mut Vec<u8>, body: &[u8]) {
    out.extend_from_slice(LINE_END);
    out.extend_from_slice(body);
}

/// The end of a head that no body follows: a request that usually has one says that it is empty (RFC 9110, 8.6).
pub(crate) fn end_without_body(method: &str) -> &'static [u8] {
    match method {
        "POST" | "PUT" | "PATCH" => b"Content-Length: 0\r\n\r\n",
        _ => LINE_END,
    }
}

/// Appends the end of a head and the body.
pub(crate) fn append_body(out: &mut Vec<u8>, body: &[u8]) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = body.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(b"Content-Length: ");
    out.extend_from_slice(&digits[at..]);
    out.extend_from_slice(HEAD_END);
    out.extend_from_slice(body);
}

/// Ends a head that the body follows in pieces.
pub(crate) fn end_before_pieces(out: &mut Vec<u8>) {
    out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
}

/// Appends a piece of a body as a chunk, and the last chunk if none follows. A chunk of no bytes would end the body.
pub(crate) fn append_piece(out: &mut Vec<u8>, piece: &[u8], is_last: bool) {
    if !piece.is_empty() {
        out.extend_from_slice(format!("{:x}", piece.len()).as_bytes());
        out.extend_from_slice(LINE_END);
        out.extend_from_slice(piece);
        out.extend_from_slice(LINE_END);
    }
    if is_last {
        out.extend_from_slice(b"0\r\n\r\n");
    }
}

/// A request of the plan in parts.
pub(crate) struct Parts<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a Template,
    pub(crate) host: &'a Template,
    /// Names and values, but for those of the body.
    pub(crate) fields: &'a [(String, Template)],
    /// The value of `Content-Type`, if the body has one of its own.
    pub(crate) content_type: Option<&'a str>,
    pub(crate) body: Option<&'a Template>,
    /// Whether that is all: no field is added when it is sent.
    pub(crate) is_all: bool,
}

/// A request of the plan, written as far as it is known when the plan is compiled.
#[derive(Debug)]
pub(crate) struct Encoding {
    /// All lines but those of the body.
    head: Template,
    /// The line of the body's type, or nothing.
    content_type: Box<[u8]>,
    /// What follows the head where there is no body.
    end: &'static [u8],
    /// All of it, if no part of it varies.
    whole: Option<Box<[u8]>>,
}

impl Encoding {
    /// Writes a request, as far as it is known.
    pub(crate) fn new(parts: &Parts<'_>) -> Self {
        let mut head = TemplateBuilder::default();
        begin(&mut head, parts.method, |out| out.append(parts.target), |out| out.append(parts.host));
        for (name, value) in parts.fields {
            field(&mut head, name.as_bytes(), |out| out.append(value));
        }
        let mut content_type = Vec::new();
        if let Some(value) = parts.content_type {
            field(&mut content_type, b"Content-Type", |out| out.literal(value.as_bytes()));
        }
        let head = head.build();
        let mut encoding =
            Self { head, content_type: content_type.into(), end: end_without_body(parts.method), whole: None };
        if parts.is_all {
            encoding.whole = encoding.written(parts.body);
        }
        encoding
    }

    fn written(&self, body: Option<&Template>) -> Option<Box<[u8]>> {
        let mut bytes = self.head.is_static()?.to_vec();
        match body {
            Some(body) => self.append_body(body.is_static()?, &mut bytes),
            None => self.append_end(&mut bytes),
        }
        Some(bytes.into())
    }

    /// All of the request, if no part of it varies.
    #[inline]
    pub(crate) fn whole(&self) -> Option<Request<'_>> {
        self.whole.as_deref().map(Request::written)
    }

    /// Appends the head, but for fields of the body and the empty line.
    #[inline]
    pub(crate) fn render_head(
        &self,
        variables: &Variables,
        builtins: &mut Builtins<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), RenderError> {
        self.head.render(variables, builtins, out)
    }

    /// Appends the end of a head that no body follows.
    #[inline]
    pub(crate) fn append_end(&self, out: &mut Vec<u8>) {
        // Nearly always an empty line, which is shorter to write than to look up.
        match self.end {
            LINE_END => out.extend_from_slice(LINE_END),
            end => out.extend_from_slice(end),
        }
    }

    /// Appends the end of a head and a body.
    pub(crate) fn append_body(&self, body: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&self.content_type);
        append_body(out, body);
    }
}

/// The first line of a request.
pub(crate) fn line(request: &[u8]) -> &[u8] {
    split_at(request, LINE_END).0
}

/// Its method.
pub(crate) fn method(request: &[u8]) -> &str {
    text(split_at(request, b" ").0)
}

/// Its target.
pub(crate) fn target(request: &[u8]) -> &str {
    let (_, rest) = split_at(line(request), b" ");
    text(split_at(rest, b" ").0)
}

/// The value of its `Host`.
pub(crate) fn host(request: &[u8]) -> &str {
    let (_, rest) = split_at(request, LINE_END);
    text(split_at(rest.strip_prefix(HOST).unwrap_or(rest), LINE_END).0)
}

/// Names and values of its fields after `Host`. A head that is not yet whole may have as many as have been written.
pub(crate) fn fields(request: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let (_, rest) = split_at(split_at(request, LINE_END).1, LINE_END);
    let mut rest = rest;
    std::iter::from_fn(move || {
        let (line, after) = split_at(rest, LINE_END);
        rest = after;
        (!line.is_empty()).then(|| split_at(line, COLON))
    })
}

/// Appends the request with one more field behind its `Host`.
pub(crate) fn append_with(request: &[u8], (name, value): Field<'_>, out: &mut Vec<u8>) {
    let (_, after_line) = split_at(request, LINE_END);
    let (_, rest) = split_at(after_line, LINE_END);
    out.extend_from_slice(&request[..request.len() - rest.len()]);
    field(out, name, |out| out.extend_from_slice(value));
    out.extend_from_slice(rest);
}

/// Its body.
pub(crate) fn body(request: &[u8]) -> &[u8] {
    split_at(request, HEAD_END).1
}

/// What is before a separator, and what is after it.
fn split_at<'a>(bytes: &'a [u8], separator: &[u8]) -> (&'a [u8], &'a [u8]) {
    match memchr::memmem::find(bytes, separator) {
        Some(at) => (&bytes[..at], &bytes[at + separator.len()..]),
        None => (bytes, &[]),
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::step::{Context, Names};

    proptest! {
        /// What has been written is read back in the same parts, whatever they hold that they may hold.
        #[test]
        fn parts_are_read_back(
            method in "[A-Z]{1,7}",
            target in "/[!-~]{0,20}",
            host in "[a-z0-9.:-]{1,20}",
            fields in prop::collection::vec(("[A-Za-z-]{1,12}", "([!-~]([ -~]{0,20}[!-~])?)?"), 0..5),
            body in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let written: Vec<_> = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
            let mut out = Vec::new();
            Request::write(&mut out, &method, &target, &host, &written, &body);
            let request = Request::written(&out);
            prop_assert_eq!((&*method, &*target, &*host), (request.method(), request.target(), request.host()));
            prop_assert_eq!(written, request.fields().collect::<Vec<_>>());
            prop_assert_eq!(&*body, request.body());
            prop_assert_eq!(method == "HEAD", request.is_head());
        }
    }

    /// A request that never varies is written whole; one that varies, or gets a field when it is sent, is not.
    #[test]
    fn what_is_written_beforehand() {
        let mut names = Names::new();
        let fixed = Template::fixed("/a");
        let varying = Template::parse("/{$user}", Context::Path, &mut names).unwrap();
        let (host, body) = (Template::fixed("h"), Template::fixed("b"));
        let whole = |method, target, body, is_all| {
            let content_type = Some("text/plain").filter(|_| body == Some(&Template::fixed("b")));
            let fields = [("X".to_owned(), Template::fixed("1"))];
            let encoding =
                Encoding::new(&Parts { method, target, host: &host, fields: &fields, content_type, body, is_all });
            encoding.whole().map(|request| String::from_utf8_lossy(request.as_written()).into_owned())
        };
        let head = "/a HTTP/1.1\r\nHost: h\r\nX: 1\r\n";
        assert_eq!(Some(format!("GET {head}\r\n")), whole("GET", &fixed, None, true));
        assert_eq!(Some(format!("POST {head}Content-Length: 0\r\n\r\n")), whole("POST", &fixed, None, true));
        let typed = "Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nb";
        assert_eq!(Some(format!("PUT {head}{typed}")), whole("PUT", &fixed, Some(&body), true));
        assert_eq!((None, None), (whole("GET", &varying, None, true), whole("GET", &fixed, None, false)));
    }
}
