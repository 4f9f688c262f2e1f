//! What must hold of the decoder for any input at all.
//!
//! An input is one byte of options, one byte that says how the rest is cut, and the rest: what a server sends before it
//! closes.

#![forbid(unsafe_code)]

use loadcore_core::exchange::h1::{Decoder, Progress};
use loadcore_core::http::{Complete, Sink};
use loadcore_core::plan::Limits;
use loadcore_core::record::Outcome;

/// Option: the request was HEAD.
pub const HEAD: u8 = 1;
/// Option: limits small enough to be met.
pub const SMALL_LIMITS: u8 = 2;

/// Decodes the input in several ways and panics if they differ or a bound is broken.
///
/// # Panics
/// If the decoder has a fault.
pub fn check(input: &[u8]) {
    let [options, cut, response @ ..] = input else { return };
    let case = Case { is_head: options & HEAD != 0, limits: limits(options & SMALL_LIMITS != 0) };
    let mut told = Told::default();
    let whole = case.decode([response].into_iter(), &mut told);
    let cut = usize::from(*cut);
    for size in [1, cut % 7 + 2, cut + 9] {
        let mut told_in_pieces = Told::default();
        let in_pieces = case.decode(response.chunks(size), &mut told_in_pieces);
        assert_eq!((in_pieces, &told_in_pieces), (whole, &told), "pieces of {size}");
    }
    let (begin, rest) = response.split_at(cut.min(response.len()));
    let in_two = case.decode([begin, rest].into_iter(), &mut ());
    assert_eq!(in_two, whole, "cut at {cut}, nothing wanted");
    assert_eq!(case.decode_skipping(response), whole, "body dropped unread");
    if told.is_head_complete && whole.interim == 0 {
        compare_with_httparse(response, &told);
    }
}

/// The result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    result: Result<Complete, Outcome>,
    status: Option<u16>,
    interim: u8,
}

/// How to decode.
struct Case {
    is_head: bool,
    limits: Limits,
}

impl Case {
    fn decode<'a>(&self, pieces: impl Iterator<Item = &'a [u8]>, sink: &mut impl Sink) -> Seen {
        let mut decoder = self.decoder();
        let mut result = None;
        let mut later = 0;
        for piece in pieces {
            if result.is_some() {
                later += piece.len();
                continue;
            }
            match decoder.feed(piece, sink) {
                Ok(Progress::NeedMore) => {}
                Ok(Progress::Complete(complete)) => result = Some(Ok(complete)),
                Err(outcome) => result = Some(Err(outcome)),
            }
            self.check_bounds(&decoder);
        }
        seen(&mut decoder, result, later)
    }

    /// Gives the response whole up to the body, and of a body of known length only its count.
    fn decode_skipping(&self, response: &[u8]) -> Seen {
        let mut decoder = self.decoder();
        let mut given = 0;
        let mut result = None;
        while given < response.len() && result.is_none() {
            let (count, progress) = match decoder.body_remaining() {
                Some(remaining) => {
                    let count = usize::try_from(remaining).unwrap_or(usize::MAX).min(response.len() - given);
                    (count, Ok(decoder.skip_body(count as u64)))
                }
                None => (1, decoder.feed(&response[given..=given], &mut ())),
            };
            given += count;
            result = match progress {
                Ok(Progress::NeedMore) => None,
                Ok(Progress::Complete(complete)) => Some(Ok(complete)),
                Err(outcome) => Some(Err(outcome)),
            };
        }
        let later = if matches!(result, Some(Ok(_))) { response.len() - given } else { 0 };
        seen(&mut decoder, result, later)
    }

    fn decoder(&self) -> Decoder {
        let mut decoder = Decoder::new(self.limits);
        decoder.start(self.is_head);
        decoder
    }

    fn check_bounds(&self, decoder: &Decoder) {
        assert!(decoder.held_bytes() <= 2 * self.limits.head_bytes as usize, "holds {} bytes", decoder.held_bytes());
        assert!(decoder.body_bytes() <= self.limits.body_bytes);
        assert!(decoder.interim() <= self.limits.interim_count);
    }
}

/// What a caller knows at the end, with what came `later` added to the surplus.
fn seen(decoder: &mut Decoder, result: Option<Result<Complete, Outcome>>, later: usize) -> Seen {
    let result = result.unwrap_or_else(|| decoder.eof()).map(|complete| Complete {
        surplus: complete.surplus + later,
        reusable: complete.reusable && later == 0,
        ..complete
    });
    Seen { result, status: decoder.status(), interim: decoder.interim() }
}

fn limits(small: bool) -> Limits {
    if !small {
        return Limits::default();
    }
    Limits {
        head_bytes: 300,
        header_count: 6,
        body_bytes: 40,
        kept_body_bytes: 40,
        chunk_extension_bytes: 12,
        trailer_bytes: 24,
        interim_count: 2,
    }
}

/// Of a head that we accept, httparse must read the same.
fn compare_with_httparse(response: &[u8], told: &Told) {
    let mut headers = [httparse::EMPTY_HEADER; 300];
    let mut parsed = httparse::Response::new(&mut headers);
    let mut config = httparse::ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    let status = config.parse_response(&mut parsed, response);
    assert!(matches!(status, Ok(httparse::Status::Complete(_))), "httparse says {status:?}");
    assert_eq!(parsed.code, told.status);
    assert_eq!(parsed.headers.len(), told.headers.len());
    for (theirs, ours) in parsed.headers.iter().zip(&told.headers) {
        assert_eq!((theirs.name.as_bytes(), unfolded(theirs.value)), (&ours.0[..], ours.1.clone()));
    }
}

/// A value as httparse gives it, with each fold as one space.
fn unfolded(value: &[u8]) -> Vec<u8> {
    let lines = value.split(|byte| *byte == b'\n').map(|line| trimmed(line.strip_suffix(b"\r").unwrap_or(line)));
    trimmed(&lines.collect::<Vec<_>>().join(&b' ')).to_vec()
}

fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// Everything the decoder tells.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    status: Option<u16>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    is_head_complete: bool,
    body: Vec<u8>,
}

impl Sink for Told {
    fn status(&mut self, status: u16) {
        assert_eq!(self.status.replace(status), None, "the status is reported once");
    }

    fn header(&mut self, name: &[u8], value: &[u8]) {
        assert!(self.status.is_some() && !self.is_head_complete);
        self.headers.push((name.to_vec(), value.to_vec()));
    }

    fn wants_headers(&self) -> bool {
        true
    }

    fn final_head(&mut self) {
        assert!(!self.is_head_complete, "the head ends once");
        self.is_head_complete = true;
    }

    fn body(&mut self, piece: &[u8]) {
        assert!(self.is_head_complete && !piece.is_empty());
        self.body.extend_from_slice(piece);
    }

    fn wants_body(&self) -> bool {
        true
    }
}
