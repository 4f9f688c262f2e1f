//! The strict path: a head read line by line, however it comes, with every fault named.
//!
//! A line is judged when it is known to be complete: a status line at its line feed, a header line at the byte after
//! it, because a space or tab there would continue it. What is judged never depends on how the bytes were cut.

use super::fields::{is_content_encoding, trim};
use super::{Decoder, State};
use crate::http::Sink;
use crate::record::Outcome;

/// What every response begins with.
const PROTOCOL: &[u8] = b"HTTP/";

impl Decoder {
    /// Reads on in the head. Gives where the body begins in `input` once the final head is complete.
    #[cold]
    pub(super) fn strict_head(&mut self, input: &[u8], sink: &mut impl Sink) -> Result<Option<usize>, Outcome> {
        let window = &input[..input.len().min(self.head_left as usize)];
        let mut at = 0;
        while let Some(end) = self.line_end(window, at) {
            let mut line = std::mem::take(&mut self.carry);
            let is_final_end = if line.is_empty() {
                self.take_line(&window[at..end], sink)?
            } else {
                line.extend_from_slice(&window[at..end]);
                let is_final_end = self.take_line(&line, sink)?;
                line.clear();
                self.carry = line;
                is_final_end
            };
            at = end;
            if is_final_end {
                self.carry = Vec::new();
                return Ok(Some(at));
            }
        }
        self.carry.extend_from_slice(&window[at..]);
        self.head_left -= u32::try_from(window.len()).unwrap_or(u32::MAX);
        let begins_like_protocol = self.carry.iter().zip(PROTOCOL).all(|(byte, expected)| byte == expected);
        if self.state == State::StatusLine && !begins_like_protocol {
            // Known before the line ends, which it may never do.
            if let Some(outcome) = self.not_a_status_line(&self.carry) {
                return Err(outcome);
            }
        }
        if window.len() < input.len() {
            return Err(Outcome::ProtoHeaderTooLarge);
        }
        Ok(None)
    }

    /// Where in `window` the line ends that begins in the carried bytes and continues at `at`, if that is known.
    fn line_end(&self, window: &[u8], at: usize) -> Option<usize> {
        let mut end = at;
        loop {
            let last = if end > at { window.get(end - 1) } else { self.carry.last() };
            if last == Some(&b'\n') {
                let can_continue = self.state == State::Fields && !self.is_empty_line(&window[at..end]);
                if !can_continue || !matches!(window.get(end)?, b' ' | b'\t') {
                    return Some(end);
                }
            }
            end += memchr::memchr(b'\n', &window[end..])? + 1;
        }
    }

    /// Whether the carried bytes and `rest` are nothing but a line end.
    fn is_empty_line(&self, rest: &[u8]) -> bool {
        matches!((self.carry.as_slice(), rest), ([], b"\n" | b"\r\n") | (b"\r", b"\n"))
    }

    /// Takes one line with its end. Says whether it was the end of the final head.
    fn take_line(&mut self, line: &[u8], sink: &mut impl Sink) -> Result<bool, Outcome> {
        let text = without_line_end(line);
        if self.state == State::StatusLine {
            self.take_status_line(text, sink)?;
            self.state = State::Fields;
            return Ok(false);
        }
        if !text.is_empty() {
            self.take_field_line(text, sink)?;
            return Ok(false);
        }
        if self.status < 200 {
            self.next_head();
            return Ok(false);
        }
        self.begin_body(sink)?;
        Ok(true)
    }

    /// Whether what has come is not HTTP, but might still become a protocol with a name.
    pub(super) fn is_other_protocol(&self) -> bool {
        self.state == State::StatusLine
            && self.interim == 0
            && !PROTOCOL.starts_with(&self.carry[..self.carry.len().min(PROTOCOL.len())])
    }

    /// The fault of what does not begin like a status line; `None` if the next bytes will tell.
    fn not_a_status_line(&self, bytes: &[u8]) -> Option<Outcome> {
        // Who sent an interim response does speak HTTP.
        if self.interim == 0 { other_protocol(bytes) } else { Some(Outcome::ProtoStatusLine) }
    }

    /// `HTTP/1.x SP 3DIGIT [SP reason]`. The second space may be missing with the reason: many servers leave it out.
    fn take_status_line(&mut self, text: &[u8], sink: &mut impl Sink) -> Result<(), Outcome> {
        let Some(rest) = text.strip_prefix(PROTOCOL) else {
            return Err(self.not_a_status_line(text).unwrap_or(Outcome::ProtoNotHttp));
        };
        let version_end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
        self.http10 = match &rest[..version_end] {
            b"1.1" => false,
            b"1.0" => true,
            _ => return Err(Outcome::ProtoVersion),
        };
        let [b' ', digits @ ..] = &rest[version_end..] else { return Err(Outcome::ProtoStatusLine) };
        let (digits, reason) = digits.split_at_checked(3).ok_or(Outcome::ProtoStatusLine)?;
        if !digits.iter().all(u8::is_ascii_digit)
            || !matches!(reason, [] | [b' ', ..])
            || !reason.iter().copied().all(is_text)
        {
            return Err(Outcome::ProtoStatusLine);
        }
        self.status = digits.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
        match self.status {
            // No class has these, and 0 means "none" in a record.
            0..100 => Err(Outcome::ProtoStatusLine),
            101 => {
                sink.status(101);
                Err(Outcome::ProtoUnexpected101)
            }
            100..200 if self.interim == self.limits.interim_count => Err(Outcome::ProtoTooMany1xx),
            100..200 => {
                self.interim += 1;
                Ok(())
            }
            _ => {
                sink.status(self.status);
                Ok(())
            }
        }
    }

    /// `name ":" OWS value OWS`, continued lines included.
    fn take_field_line(&mut self, text: &[u8], sink: &mut impl Sink) -> Result<(), Outcome> {
        self.lines_left = self.lines_left.checked_sub(1).ok_or(Outcome::ProtoTooManyHeaders)?;
        if matches!(text, [b' ' | b'\t', ..]) {
            // It continues a status line, which cannot be.
            return Err(Outcome::ProtoHeader);
        }
        let unfolded;
        let is_folded = memchr::memchr(b'\n', text).is_some();
        let text = if is_folded {
            unfolded = unfold(text);
            &unfolded
        } else {
            text
        };
        let colon = memchr::memchr(b':', text).ok_or(Outcome::ProtoHeader)?;
        let (name, value) = (&text[..colon], trim(&text[colon + 1..]));
        if name.is_empty() || !name.iter().copied().all(is_name) || !value.iter().copied().all(is_text) {
            return Err(Outcome::ProtoHeader);
        }
        self.fields.take(name, value, is_folded)?;
        if self.status >= 200 && sink.wants_headers() {
            sink.header(name, value);
        }
        if self.status >= 200 && sink.wants_body() && is_content_encoding(name) {
            sink.content_encoding(value);
        }
        Ok(())
    }
}

/// What the first bytes are that are not HTTP/1; `None` if the next bytes will tell.
///
/// An HTTP/2 server begins with a SETTINGS frame, or, if it does not wait to see what it was sent, ends with GOAWAY:
/// three bytes of length, the type, no flags, stream 0. TLS answers plain text with an alert, and some with a handshake
/// message.
fn other_protocol(bytes: &[u8]) -> Option<Outcome> {
    const SETTINGS: u8 = 4;
    const GOAWAY: u8 = 7;
    const ALERT: u8 = 0x15;
    const HANDSHAKE: u8 = 0x16;
    match bytes {
        [0, _, _, SETTINGS | GOAWAY, 0, 0, 0, 0, 0, ..] => Some(Outcome::ProtoHttp2),
        [ALERT | HANDSHAKE, 3, ..] => Some(Outcome::ProtoTls),
        [ALERT | HANDSHAKE | 0] | [0, _] | [0, _, _] => None,
        [0, _, _, SETTINGS | GOAWAY, rest @ ..] if rest.len() < 5 && rest.iter().all(|byte| *byte == 0) => None,
        _ => Some(Outcome::ProtoNotHttp),
    }
}

/// Without the CRLF, or the bare LF that RFC 9112, 2.2 lets stand for it.
fn without_line_end(line: &[u8]) -> &[u8] {
    let ([text @ .., b'\r', b'\n'] | [text @ .., b'\n'] | text) = line;
    text
}

/// Each line end and the whitespace around it as one space (RFC 9112, 5.2). The text has lost its own line end.
fn unfold(text: &[u8]) -> Vec<u8> {
    let mut unfolded = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        unfolded.extend_from_slice(trim(without_line_end(line)));
        if line.ends_with(b"\n") {
            unfolded.push(b' ');
        }
    }
    unfolded
}

/// What may appear in a field value or a reason phrase: anything but control characters, the tab excepted.
pub(super) fn is_text(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

/// What may appear in a field name (`tchar`).
pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
