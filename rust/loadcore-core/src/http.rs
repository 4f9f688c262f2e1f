//! Messages, whatever protocol they came by: what is reported of an answer while it arrives ([`Sink`]) and once it is
//! complete ([`Complete`]), and what is shown of one ([`Excerpt`]).

use std::ops::Range;

/// Takes what a step wants of an answer. Everything is borrowed from the receiver's buffer and gone after the call.
///
/// Calls come in this order: `status`, `header` and `content_encoding` for each field, `final_head`, `body` as often as
/// pieces come. They tell of the final answer only; interim (1xx) heads are counted, not told. An answer may still fail
/// after any of these calls.
pub trait Sink {
    /// The status of the final answer, as soon as it is known.
    fn status(&mut self, _status: u16) {}

    /// One header field of the final answer: its name as sent, its value without the whitespace around it. A folded
    /// value comes in one piece, each fold as one space.
    fn header(&mut self, _name: &[u8], _value: &[u8]) {}

    /// All header fields of the final answer at once, in the place of a [`Sink::header`] for each: their `lines`, plain
    /// ones, each to its line end; and whether one of them sets a cookie.
    fn header_lines(&mut self, lines: &[u8], _sets_cookies: bool) {
        for (name, value) in fields(lines) {
            self.header(name, value);
        }
    }

    /// Whether to call [`Sink::header`]. Asked once a head or line, so the answer may depend on the status.
    fn wants_headers(&self) -> bool {
        false
    }

    /// The value of one `Content-Encoding` field of the final answer: its body comes as it is coded. Called only if the
    /// body is wanted, whether headers are or not.
    fn content_encoding(&mut self, _value: &[u8]) {}

    /// The head of the final answer is complete and its framing makes sense.
    fn final_head(&mut self) {}

    /// A piece of the body, without any framing. How a body is cut into pieces depends on how it came.
    fn body(&mut self, _piece: &[u8]) {}

    /// All of the body, in the place of a piece: it lies there in the bytes that have just been received, until the next
    /// receive.
    fn whole_body(&mut self, received: &[u8], place: Range<usize>) {
        if !place.is_empty() {
            self.body(&received[place]);
        }
    }

    /// Whether to call [`Sink::body`].
    fn wants_body(&self) -> bool {
        false
    }
}

/// Names and values of header lines, each of which ends with CRLF.
pub(crate) fn fields(lines: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut begin = 0;
    memchr::memchr_iter(b'\n', lines).filter_map(move |end| {
        let line = &lines[begin..end];
        begin = end + 1;
        let colon = memchr::memchr(b':', line)?;
        Some((&line[..colon], line[colon + 1..].trim_ascii()))
    })
}

/// Wants nothing: for answers of which only the outcome counts.
impl Sink for () {}

/// An answer that has ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Complete {
    /// Its status, 200 to 999.
    pub status: u16,
    /// Whether the next request may be sent on the connection: the end was framed, both sides keep the connection, and
    /// no surplus has come.
    pub reusable: bool,
    /// Bytes at the end of the input that belong to no request.
    pub surplus: usize,
    /// Bytes of body, without framing.
    pub body_bytes: u64,
    /// Interim (1xx) answers that came before.
    pub interim: u8,
    /// Seconds the server says it keeps the idle connection, if it says so.
    pub keep_alive_timeout: Option<u16>,
}

/// A message as it is shown, as far as it is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Excerpt {
    /// Its first line, if it has one.
    pub(crate) line: Vec<u8>,
    /// Names and values.
    pub(crate) fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// The beginning of its body.
    pub(crate) body: Vec<u8>,
}
