//! The usual head, read in one go from the caller's slice: no copy, no state.
//!
//! Whatever is not usual gives `None`, and the strict path then says what it is. What is accepted here must mean exactly what it
//! means there; the wire suite holds the two against each other by cutting every case in two.

use super::fields::{Fields, trim};
use super::{Sink, scan};

/// A complete final head.
pub(super) struct Head {
    /// Bytes up to and including the empty line.
    pub(super) bytes: usize,
    /// 200 to 999.
    pub(super) status: u16,
    /// The version is HTTP/1.0.
    pub(super) http10: bool,
    /// What its fields say.
    pub(super) fields: Fields,
}

/// Reads a head with at most `most_lines` header lines.
#[inline]
pub(super) fn head(input: &[u8], most_lines: u16) -> Option<Head> {
    let (status, http10) = status_line(input)?;
    let mut fields = Fields::default();
    let mut lines = 0_u16;
    let mut at = scan::control(input, 12);
    loop {
        if !input.get(at..)?.starts_with(b"\r\n") {
            return None;
        }
        at += 2;
        if *input.get(at)? == b'\r' {
            return input[at..].starts_with(b"\r\n").then_some(Head { bytes: at + 2, status, http10, fields });
        }
        let colon = scan::name_end(input, at);
        if *input.get(colon)? != b':' || colon == at || lines == most_lines {
            return None;
        }
        lines += 1;
        let end = scan::control(input, colon + 1);
        field(&mut fields, input.get(at..colon)?, input.get(colon + 1..end)?)?;
        at = end;
    }
}

/// The status and whether the version is 1.0, if the line begins as most do.
#[inline]
fn status_line(input: &[u8]) -> Option<(u16, bool)> {
    let [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ (b'0' | b'1'), b' ', digits @ .., b' ' | b'\r'] =
        input.first_chunk::<13>()?
    else {
        return None;
    };
    let [hundreds @ b'2'..=b'9', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = digits else { return None };
    let status = u16::from(hundreds - b'0') * 100 + u16::from(tens - b'0') * 10 + u16::from(ones - b'0');
    Some((status, *minor == b'0'))
}

/// Notes a field that frames the message or governs the connection. The name is made of letters and dashes, the value holds no
/// control character.
#[inline]
fn field(fields: &mut Fields, name: &[u8], value: &[u8]) -> Option<()> {
    match (name.len(), name[0] | 0x20) {
        (14, b'c') if name.eq_ignore_ascii_case(b"content-length") => {
            if fields.content_length.is_some() {
                return None;
            }
            fields.content_length = Some(length(value)?);
        }
        (10, b'c') if name.eq_ignore_ascii_case(b"connection") => fields.take_connection(value),
        (10, b'k') if name.eq_ignore_ascii_case(b"keep-alive") => fields.take_keep_alive(value),
        (17, b't') if name.eq_ignore_ascii_case(b"transfer-encoding") => fields.take_transfer_encoding(value).ok()?,
        _ => {}
    }
    Some(())
}

/// A number written the usual way: one space, then digits that cannot overflow.
#[inline]
fn length(value: &[u8]) -> Option<u64> {
    let [b' ', digits @ ..] = value else { return None };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut number = 0_u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + u64::from(digit);
    }
    Some(number)
}

/// Tells `sink` the header lines of a head that [`head`] has accepted.
pub(super) fn tell_headers(head: &[u8], sink: &mut impl Sink) {
    let lines = head.split(|byte| *byte == b'\n').skip(1);
    for line in lines {
        if let Some(colon) = memchr::memchr(b':', line) {
            sink.header(&line[..colon], trim(&line[colon + 1..line.len() - 1]));
        }
    }
}
