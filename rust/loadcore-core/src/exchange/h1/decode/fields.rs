//! The four fields that frame a message and govern its connection, and what they say together (RFC 9112, 6 and 9); and the one
//! that says how its content is coded, which is only noted.

use crate::record::Outcome;

/// Where the body of a response ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// After this many bytes.
    Length(u64),
    /// After the last chunk and the trailers.
    Chunked,
    /// With the connection.
    UntilClose,
}

/// What the fields of one head have said so far.
#[expect(clippy::struct_excessive_bools, reason = "each is something that a head may say")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) content_length: Option<u64>,
    pub(super) chunked: bool,
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) keep_alive_timeout: Option<u16>,
    /// It has a `Content-Encoding`.
    pub(super) encoded: bool,
    /// It has a `Set-Cookie`.
    pub(super) sets_cookies: bool,
}

impl Fields {
    /// Takes one field if it is one of these; `folded` says that its value went over several lines. A framing field is
    /// never folded by an honest server, and readers disagree on what it then means: refused.
    pub(super) fn take(&mut self, name: &[u8], value: &[u8], folded: bool) -> Result<(), Outcome> {
        match name.len() {
            10 if name.eq_ignore_ascii_case(b"connection") => self.take_connection(value),
            10 if name.eq_ignore_ascii_case(b"keep-alive") => self.take_keep_alive(value),
            10 if name.eq_ignore_ascii_case(b"set-cookie") => self.sets_cookies = true,
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                return if folded { Err(Outcome::ProtoContentLength) } else { self.take_content_length(value) };
            }
            16 if is_content_encoding(name) => self.encoded = true,
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                return if folded { Err(Outcome::ProtoTransferEncoding) } else { self.take_transfer_encoding(value) };
            }
            _ => {}
        }
        Ok(())
    }

    /// One decimal number below 2^63; the same number again, in a list or a second field, adds nothing (RFC 9110, 8.6).
    pub(super) fn take_content_length(&mut self, value: &[u8]) -> Result<(), Outcome> {
        for element in value.split(|byte| *byte == b',') {
            let length = decimal(trim(element)).ok_or(Outcome::ProtoContentLength)?;
            if *self.content_length.get_or_insert(length) != length {
                return Err(Outcome::ProtoContentLength);
            }
        }
        Ok(())
    }

    /// `chunked`, once, and nothing beside it: we send no `TE`, so no server may apply another coding. Empty list elements are
    /// skipped, as RFC 9110, 5.6.1.2 demands, but a field needs one that is not.
    pub(super) fn take_transfer_encoding(&mut self, value: &[u8]) -> Result<(), Outcome> {
        let mut codings = value.split(|byte| *byte == b',').map(trim).filter(|element| !element.is_empty());
        let is_chunked = codings.next().is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked"));
        if self.chunked || !is_chunked || codings.next().is_some() {
            return Err(Outcome::ProtoTransferEncoding);
        }
        self.chunked = true;
        Ok(())
    }

    /// The options `close` and `keep-alive`; others are not ours.
    pub(super) fn take_connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(trim) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// The `timeout` parameter, in seconds. A hint only, so what cannot be read is not there.
    pub(super) fn take_keep_alive(&mut self, value: &[u8]) {
        for parameter in value.split(|byte| matches!(byte, b',' | b';')) {
            let Some(equals) = memchr::memchr(b'=', parameter) else { continue };
            let (name, seconds) = (trim(&parameter[..equals]), trim(&parameter[equals + 1..]));
            if name.eq_ignore_ascii_case(b"timeout") {
                self.keep_alive_timeout = decimal(seconds).map(|seconds| u16::try_from(seconds).unwrap_or(u16::MAX));
            }
        }
    }

    /// Where the body ends, for a response that may have one.
    pub(super) fn framing(&self, http10: bool) -> Result<Framing, Outcome> {
        match (self.content_length, self.chunked) {
            (Some(_), true) => Err(Outcome::ProtoFramingConflict),
            (None, true) if http10 => Err(Outcome::ProtoTransferEncoding),
            (None, true) => Ok(Framing::Chunked),
            (Some(length), false) => Ok(Framing::Length(length)),
            (None, false) => Ok(Framing::UntilClose),
        }
    }

    /// Whether the connection outlives the response, as far as the head says.
    pub(super) fn persistent(&self, http10: bool) -> bool {
        !self.close && (self.keep_alive || !http10)
    }
}

/// Whether a field says how the content is coded.
pub(super) fn is_content_encoding(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"content-encoding")
}

/// A run of digits below 2^63.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits
        .iter()
        .try_fold(0_i64, |number, byte| {
            let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
            number.checked_mul(10)?.checked_add(digit)
        })?
        .try_into()
        .ok()
}

/// Without the spaces and tabs around it.
pub(super) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
