//! Just enough of HTTP to know where a request ends and what it asks for.

use memchr::memmem;

/// One request at the start of some bytes.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// What is asked for, without the query.
    pub(crate) path: &'a [u8],
    /// How many bytes it is long, with its body.
    pub(crate) length: usize,
}

/// The request at the start of these bytes, once all of it is there.
#[must_use]
pub(crate) fn first(bytes: &[u8]) -> Option<Request<'_>> {
    let head = memmem::find(bytes, b"\r\n\r\n")? + 4;
    let body = if bytes.starts_with(b"GET ") { 0 } else { content_length(&bytes[..head]) };
    let length = head + body;
    (length <= bytes.len()).then(|| Request { path: path(bytes), length })
}

fn path(bytes: &[u8]) -> &[u8] {
    let begin = memchr::memchr(b' ', bytes).map_or(0, |space| space + 1);
    let rest = &bytes[begin..];
    let end = memchr::memchr3(b' ', b'?', b'\r', rest).unwrap_or(rest.len());
    &rest[..end]
}

fn content_length(head: &[u8]) -> usize {
    let lines = head.split(|&byte| byte == b'\n');
    let mut values = lines.filter_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        line[..colon].eq_ignore_ascii_case(b"content-length").then_some(&line[colon + 1..])
    });
    values.next_back().and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok()).unwrap_or(0)
}
