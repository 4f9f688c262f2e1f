//! Responses: bytes in, an outcome out.
//!
//! Two paths read a head. The usual one (complete in one slice, plain lines) is scanned where it lies ([`fast`]);
//! anything else goes line by line through [`strict`], which names every fault. Both mean the same: what comes out
//! never depends on how the bytes were cut. Where a caller keeps [`SeenHeads`], a head that is the same as one before
//! is not read again.
//!
//! What a reader may forgive without risking to read the next response from the wrong place is forgiven: bare LF as a
//! line end in heads, folded field values other than the framing fields' (each fold one space), a status line without
//! reason, any reason or value made of text, the same `Content-Length` twice, whitespace and leading zeros around a
//! chunk size. Everything else that RFC 9112 does not allow is an error with a name, and ends the connection.

mod chunked;
mod fast;
mod fields;
mod scan;
mod seen;
mod strict;
#[cfg(test)]
mod tests;

pub use seen::SeenHeads;

use crate::http::{Complete, Sink};
use crate::plan::Limits;
use crate::record::Outcome;
use chunked::Chunked;
use fields::{Fields, Framing};
use seen::Whole;

/// How far a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All of the input is taken and the response is not complete.
    NeedMore,
    /// The response is complete.
    Complete(Complete),
}

/// Where in a response the decoder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No response is expected.
    Idle,
    /// Before the end of a status line.
    StatusLine,
    /// Among the header lines.
    Fields,
    /// In a body of known length; this number of bytes remains.
    Length(u64),
    /// In a body that ends with the connection.
    UntilClose,
    /// In a chunked body.
    Chunked(Chunked),
}

/// Decodes the responses of one connection, one after the other.
///
/// Call [`start`](Self::start) when a request is sent, then [`feed`](Self::feed) what arrives until it says
/// [`Progress::Complete`] or fails. After a failure the connection is of no use. Heap memory is held only between the
/// reads of a head that came in pieces.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    state: State,
    /// The beginning of a head line whose end has not come yet.
    carry: Vec<u8>,
    fields: Fields,
    body_bytes: u64,
    head_left: u32,
    lines_left: u16,
    status: u16,
    interim: u8,
    http10: bool,
    head_request: bool,
}

impl Decoder {
    /// A decoder that expects no response yet. The limits hold for each response; those on heads for all its heads
    /// together, interim ones included.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Idle,
            carry: Vec::new(),
            fields: Fields::default(),
            body_bytes: 0,
            head_left: 0,
            lines_left: 0,
            status: 0,
            interim: 0,
            http10: false,
            head_request: false,
        }
    }

    /// Expects a response from here on; `head_request` says that it answers HEAD, so it has no body whatever its head
    /// says.
    #[inline]
    pub fn start(&mut self, head_request: bool) {
        self.state = State::StatusLine;
        self.carry.clear();
        self.fields = Fields::default();
        self.body_bytes = 0;
        self.head_left = self.limits.head_bytes;
        self.lines_left = self.limits.header_count;
        self.status = 0;
        self.interim = 0;
        self.head_request = head_request;
    }

    /// Takes the bytes that arrived next, in pieces of any size.
    ///
    /// # Errors
    /// What is wrong with the response. Bytes when none is expected are [`Outcome::ProtoSurplus`].
    #[inline]
    pub fn feed(&mut self, input: &[u8], sink: &mut impl Sink) -> Result<Progress, Outcome> {
        self.feed_either(None, input, sink)
    }

    /// The same, in fewer instructions if the server says much the same all the time.
    ///
    /// # Errors
    /// As [`feed`](Self::feed).
    #[inline]
    pub fn feed_seen(&mut self, input: &[u8], seen: &mut SeenHeads, sink: &mut impl Sink) -> Result<Progress, Outcome> {
        self.feed_either(Some(seen), input, sink)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "happens for every request, in one place")]
    fn feed_either(
        &mut self,
        seen: Option<&mut SeenHeads>,
        input: &[u8],
        sink: &mut impl Sink,
    ) -> Result<Progress, Outcome> {
        if let Some(seen) = &seen
            && self.state == State::StatusLine
            && let Some(complete) = self.whole(seen, input, sink)
        {
            return Ok(Progress::Complete(complete));
        }
        let result = self.advance(seen, input, sink);
        if result.is_err() {
            self.state = State::Idle;
        }
        result
    }

    /// Takes the end of the stream (FIN): it completes a body that ends with the connection.
    ///
    /// # Errors
    /// One of the `closed_…` outcomes, by how far the response was.
    pub fn eof(&mut self) -> Result<Complete, Outcome> {
        if self.state == State::UntilClose { Ok(self.complete(0, false)) } else { Err(self.truncated()) }
    }

    /// The outcome if the stream ends now in a way that proves nothing about the body's end, such as TLS without
    /// `close_notify`.
    #[must_use]
    pub fn truncated(&self) -> Outcome {
        match self.part() {
            Part::OtherProtocol => Outcome::ProtoNotHttp,
            Part::Nothing => Outcome::ClosedBeforeResponse,
            Part::Head => Outcome::ClosedInHeaders,
            Part::Body => Outcome::ClosedInBody,
        }
    }

    /// The outcome if the connection is reset now.
    #[must_use]
    pub fn reset(&self) -> Outcome {
        match self.part() {
            Part::OtherProtocol => Outcome::ProtoNotHttp,
            Part::Nothing => Outcome::ResetBeforeResponse,
            Part::Head => Outcome::ResetInHeaders,
            Part::Body => Outcome::ResetInBody,
        }
    }

    /// The outcome if the time is up now.
    #[must_use]
    pub fn timed_out(&self) -> Outcome {
        match self.part() {
            Part::OtherProtocol => Outcome::ProtoNotHttp,
            Part::Nothing | Part::Head => Outcome::TimeoutHeaders,
            Part::Body => Outcome::TimeoutBody,
        }
    }

    /// How many bytes of body are to come, if the head said so. That many may be dropped unread and given to
    /// [`skip_body`](Self::skip_body) instead.
    #[must_use]
    pub fn body_remaining(&self) -> Option<u64> {
        match self.state {
            State::Length(remaining) => Some(remaining),
            _ => None,
        }
    }

    /// Takes `count` bytes of body that were dropped unread: at most [`body_remaining`](Self::body_remaining), and of
    /// no effect without it. The sink does not see them.
    pub fn skip_body(&mut self, count: u64) -> Progress {
        let State::Length(remaining) = &mut self.state else { return Progress::NeedMore };
        let count = count.min(*remaining);
        *remaining -= count;
        self.body_bytes += count;
        if *remaining == 0 { Progress::Complete(self.complete(0, true)) } else { Progress::NeedMore }
    }

    /// The status of the current response as far as it is known, even if the response failed later.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        (self.status >= 200 || self.status == 101).then_some(self.status)
    }

    /// The same while its body comes.
    #[must_use]
    pub fn status_of_body(&self) -> Option<u16> {
        matches!(self.part(), Part::Body).then_some(self.status)
    }

    /// Bytes of body so far, without chunk framing.
    #[must_use]
    pub fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Interim (1xx) responses so far.
    #[must_use]
    pub fn interim(&self) -> u8 {
        self.interim
    }

    /// Bytes of heap memory held: none but between the reads of a head that came in pieces, and then no more than twice
    /// its possible size.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.carry.capacity()
    }

    #[inline]
    fn advance(
        &mut self,
        seen: Option<&mut SeenHeads>,
        input: &[u8],
        sink: &mut impl Sink,
    ) -> Result<Progress, Outcome> {
        match self.state {
            State::StatusLine | State::Fields => match self.head(seen, input, sink)? {
                Some(at) => self.body(&input[at..], sink),
                None => Ok(Progress::NeedMore),
            },
            _ => self.body(input, sink),
        }
    }

    /// A response that came whole, with a head that was seen before, by the short way. `None`: that is not what it is.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "happens for every request, in one place")]
    fn whole(&mut self, seen: &SeenHeads, input: &[u8], sink: &mut impl Sink) -> Option<Complete> {
        let Whole { status, persistent, keep_alive_timeout, sets_cookies, head_bytes, body_bytes } =
            seen.whole(input, self.lines_left)?;
        // Whether anything that came before, or was asked for, makes it another response than it was.
        let plain = self.carry.is_empty() && !self.fields.close && !self.head_request;
        if !plain || head_bytes > self.head_left as usize || body_bytes as u64 > self.limits.body_bytes {
            return None;
        }
        sink.status(status);
        if sink.wants_headers() {
            sink.header_lines(fast::header_lines(&input[..head_bytes]), sets_cookies);
        }
        sink.final_head();
        if sink.wants_body() {
            sink.whole_body(input, head_bytes..input.len());
        }
        self.status = status;
        self.body_bytes = body_bytes as u64;
        self.state = State::Idle;
        let (reusable, interim) = (persistent, self.interim);
        Some(Complete { status, reusable, surplus: 0, body_bytes: self.body_bytes, interim, keep_alive_timeout })
    }

    /// Reads on in the head. Gives where the body begins once the final head is complete.
    #[inline]
    fn head(
        &mut self,
        seen: Option<&mut SeenHeads>,
        input: &[u8],
        sink: &mut impl Sink,
    ) -> Result<Option<usize>, Outcome> {
        if self.state == State::StatusLine && self.carry.is_empty() {
            let window = &input[..input.len().min(self.head_left as usize)];
            let mut said = Fields::default();
            let usual = match seen {
                Some(seen) => seen.head(window, self.lines_left, &mut said),
                None => fast::head(window, self.lines_left, &mut said),
            };
            if let Some(head) = usual {
                // That the server will close was perhaps said by an interim head.
                said.close |= self.fields.close;
                self.fields = said;
                self.status = head.status;
                self.http10 = head.http10;
                sink.status(head.status);
                if sink.wants_headers() {
                    sink.header_lines(fast::header_lines(&window[..head.bytes as usize]), said.sets_cookies);
                }
                if said.encoded && sink.wants_body() {
                    fast::tell_content_encoding(&window[..head.bytes as usize], sink);
                }
                self.begin_body(sink)?;
                return Ok(Some(head.bytes as usize));
            }
        }
        self.strict_head(input, sink)
    }

    /// An interim head has ended: another one follows. What it said of the body is void, since it has none; that the
    /// server will close stands.
    fn next_head(&mut self) {
        self.fields = Fields { close: self.fields.close, ..Fields::default() };
        self.state = State::StatusLine;
    }

    /// The final head has ended: where does the body?
    #[inline]
    fn begin_body(&mut self, sink: &mut impl Sink) -> Result<(), Outcome> {
        let framing = self.fields.framing(self.http10)?;
        sink.final_head();
        self.state = match framing {
            _ if self.head_request || matches!(self.status, 204 | 304) => State::Length(0),
            Framing::Length(length) if length > self.limits.body_bytes => return Err(Outcome::BodyTooLarge),
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(Chunked::new(&self.limits)),
            Framing::UntilClose => State::UntilClose,
        };
        Ok(())
    }

    #[inline]
    fn body(&mut self, input: &[u8], sink: &mut impl Sink) -> Result<Progress, Outcome> {
        let used = if let State::Length(remaining) = &mut self.state {
            let piece = &input[..usize::try_from(*remaining).unwrap_or(usize::MAX).min(input.len())];
            if sink.wants_body() && !piece.is_empty() {
                sink.body(piece);
            }
            *remaining -= piece.len() as u64;
            self.body_bytes += piece.len() as u64;
            (*remaining == 0).then_some(piece.len())
        } else {
            self.body_of_unknown_length(input, sink)?
        };
        Ok(used.map_or(Progress::NeedMore, |used| Progress::Complete(self.complete(input.len() - used, true))))
    }

    fn body_of_unknown_length(&mut self, input: &[u8], sink: &mut impl Sink) -> Result<Option<usize>, Outcome> {
        match &mut self.state {
            State::Chunked(chunked) => chunked.feed(input, &self.limits, &mut self.body_bytes, sink),
            State::UntilClose => self.body_until_close(input, sink),
            State::Idle if !input.is_empty() => Err(Outcome::ProtoSurplus),
            _ => Ok(None),
        }
    }

    /// Never complete before the end of the stream.
    fn body_until_close(&mut self, input: &[u8], sink: &mut impl Sink) -> Result<Option<usize>, Outcome> {
        let allowed = self.limits.body_bytes - self.body_bytes;
        let piece = &input[..usize::try_from(allowed).unwrap_or(usize::MAX).min(input.len())];
        if sink.wants_body() && !piece.is_empty() {
            sink.body(piece);
        }
        self.body_bytes += piece.len() as u64;
        if piece.len() < input.len() { Err(Outcome::BodyTooLarge) } else { Ok(None) }
    }

    /// The response has ended well, `surplus` bytes before the end of the input.
    #[inline]
    fn complete(&mut self, surplus: usize, framed: bool) -> Complete {
        self.state = State::Idle;
        Complete {
            status: self.status,
            reusable: framed && surplus == 0 && self.fields.persistent(self.http10),
            surplus,
            body_bytes: self.body_bytes,
            interim: self.interim,
            keep_alive_timeout: self.fields.keep_alive_timeout,
        }
    }

    /// How far the current response has come.
    fn part(&self) -> Part {
        match self.state {
            State::Length(_) | State::Chunked(_) | State::UntilClose => Part::Body,
            State::StatusLine if self.is_other_protocol() => Part::OtherProtocol,
            State::StatusLine | State::Fields if self.head_left < self.limits.head_bytes => Part::Head,
            State::StatusLine | State::Fields | State::Idle => Part::Nothing,
        }
    }
}

/// How far a response has come.
enum Part {
    /// Not one byte.
    Nothing,
    /// Bytes that do not begin a response.
    OtherProtocol,
    /// Within its head or an interim one.
    Head,
    /// Within its body.
    Body,
}
