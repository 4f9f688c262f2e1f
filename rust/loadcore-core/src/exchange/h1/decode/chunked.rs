//! The chunked coding (RFC 9112, 7.1), decoded in place and resumable at any byte.
//!
//! Nothing is forgiven here but whitespace and leading zeros around a size: a reader that guesses where a chunk ends reads the next
//! response from the wrong place.

use super::strict::{is_name, is_text};
use crate::http::Sink;
use crate::plan::Limits;
use crate::record::Outcome;

/// What the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expects {
    FirstDigit,
    Digit,
    Padding,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    FirstTrailer,
    Trailer,
    TrailerName,
    TrailerValue,
    TrailerLf,
    LastLf,
    Nothing,
}

/// A chunked body under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunked {
    expects: Expects,
    /// Of the size being read, its value so far; of the data, the bytes still to come.
    size: u64,
    /// Bytes of extension, then of trailer, that may still come.
    budget: u32,
}

impl Chunked {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { expects: Expects::FirstDigit, size: 0, budget: limits.chunk_extension_bytes }
    }

    /// Takes the next bytes. Gives how many belonged to the body once its end has come.
    pub(super) fn feed(
        &mut self,
        input: &[u8],
        limits: &Limits,
        body_bytes: &mut u64,
        sink: &mut impl Sink,
    ) -> Result<Option<usize>, Outcome> {
        let mut at = 0;
        while self.expects != Expects::Nothing {
            let Some(byte) = input.get(at) else { return Ok(None) };
            if self.expects == Expects::Data {
                let piece = &input[at..][..usize::try_from(self.size).unwrap_or(usize::MAX).min(input.len() - at)];
                if sink.wants_body() {
                    sink.body(piece);
                }
                *body_bytes += piece.len() as u64;
                self.size -= piece.len() as u64;
                at += piece.len();
                if self.size == 0 {
                    self.expects = Expects::DataCr;
                }
            } else {
                self.expects = self.after(*byte, limits, *body_bytes)?;
                at += 1;
            }
        }
        Ok(Some(at))
    }

    /// What follows a byte that is not data.
    fn after(&mut self, byte: u8, limits: &Limits, body_bytes: u64) -> Result<Expects, Outcome> {
        match self.expects {
            Expects::FirstDigit | Expects::Digit | Expects::Padding | Expects::Extension => self.after_size_line(byte),
            Expects::SizeLf if byte == b'\n' => self.begin_data(limits, body_bytes),
            Expects::DataCr if byte == b'\r' => Ok(Expects::DataLf),
            Expects::DataLf if byte == b'\n' => {
                self.size = 0;
                Ok(Expects::FirstDigit)
            }
            Expects::SizeLf | Expects::DataCr | Expects::DataLf => Err(Outcome::ProtoChunk),
            _ => self.after_trailer(byte),
        }
    }

    /// `1*HEXDIG [BWS ";" anything] CR`.
    fn after_size_line(&mut self, byte: u8) -> Result<Expects, Outcome> {
        let is_first = self.expects == Expects::FirstDigit;
        match (self.expects, byte) {
            (Expects::FirstDigit | Expects::Digit, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                if !is_first && self.size == 0 {
                    self.spend(Outcome::ProtoChunk)?;
                }
                if self.size > u64::MAX >> 4 {
                    return Err(Outcome::ProtoChunk);
                }
                let digit = if byte.is_ascii_digit() { byte - b'0' } else { (byte | 0x20) - b'a' + 10 };
                self.size = self.size << 4 | u64::from(digit);
                Ok(Expects::Digit)
            }
            (Expects::FirstDigit, _) => Err(Outcome::ProtoChunk),
            (_, b'\r') => Ok(Expects::SizeLf),
            (Expects::Digit | Expects::Padding, b' ' | b'\t') => {
                self.spend(Outcome::ProtoChunk)?;
                Ok(Expects::Padding)
            }
            (Expects::Digit | Expects::Padding, b';') => {
                self.spend(Outcome::ProtoChunk)?;
                Ok(Expects::Extension)
            }
            (Expects::Extension, byte) if is_text(byte) => {
                self.spend(Outcome::ProtoChunk)?;
                Ok(Expects::Extension)
            }
            _ => Err(Outcome::ProtoChunk),
        }
    }

    /// The size line has ended.
    fn begin_data(&mut self, limits: &Limits, body_bytes: u64) -> Result<Expects, Outcome> {
        if self.size == 0 {
            self.budget = limits.trailer_bytes;
            return Ok(Expects::FirstTrailer);
        }
        if self.size > limits.body_bytes.saturating_sub(body_bytes) {
            return Err(Outcome::BodyTooLarge);
        }
        Ok(Expects::Data)
    }

    /// `*(name ":" value CRLF) CRLF`. Trailers are read over: they must not change what is known of the message, least of all its
    /// framing (RFC 9110, 6.5.1).
    fn after_trailer(&mut self, byte: u8) -> Result<Expects, Outcome> {
        let next = match (self.expects, byte) {
            (Expects::FirstTrailer | Expects::Trailer, b'\r') => return Ok(Expects::LastLf),
            (Expects::LastLf, b'\n') => return Ok(Expects::Nothing),
            (Expects::FirstTrailer | Expects::Trailer | Expects::TrailerName, byte) if is_name(byte) => {
                Expects::TrailerName
            }
            (Expects::TrailerName, b':') | (Expects::Trailer, b' ' | b'\t') => Expects::TrailerValue,
            (Expects::TrailerValue, b'\r') => Expects::TrailerLf,
            (Expects::TrailerValue, byte) if is_text(byte) => Expects::TrailerValue,
            (Expects::TrailerLf, b'\n') => Expects::Trailer,
            _ => return Err(Outcome::ProtoTrailer),
        };
        self.spend(Outcome::ProtoTrailer)?;
        Ok(next)
    }

    /// Counts one byte that carries nothing.
    fn spend(&mut self, over: Outcome) -> Result<(), Outcome> {
        self.budget = self.budget.checked_sub(1).ok_or(over)?;
        Ok(())
    }
}
