//! The usual head, read in one go from the caller's slice: no copy, no state.
//!
//! Whatever is not usual gives `None`, and the strict path then says what it is. What is accepted here must mean
//! exactly what it means there; the wire suite holds the two against each other by cutting every case in two.

use std::ops::Range;

use super::fields::{Fields, is_content_encoding};
use super::scan;
use crate::http::{self, Sink};

/// A complete final head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Bytes up to and including the empty line.
    pub(super) bytes: u32,
    /// 200 to 999.
    pub(super) status: u16,
    /// The version is HTTP/1.0.
    pub(super) http10: bool,
}

/// A line end, in the lower half of four bytes.
const CRLF: u32 = u32::from_le_bytes(*b"\r\n\0\0");
/// A line end and an empty line.
const END: u32 = u32::from_le_bytes(*b"\r\n\r\n");

/// Reads a head with at most `most_lines` header lines and notes in `fields` what it says; without result, what is
/// noted is void.
// Not inlined: here it has the registers to itself, and a caller has only one call to make.
#[inline(never)]
pub(super) fn head(input: &[u8], most_lines: u16, fields: &mut Fields) -> Option<Head> {
    let (status, http10, mut rest) = status_line(input)?;
    let mut lines = 0_u32;
    loop {
        let end = u32::from_le_bytes(*rest.first_chunk()?);
        if end == END {
            let bytes = u32::try_from(input.len() - rest.len() + 4).ok()?;
            return (lines <= u32::from(most_lines)).then_some(Head { bytes, status, http10 });
        }
        let line = &rest[2..];
        let colon = scan::name(line);
        if end & 0xffff != CRLF || *line.get(colon)? != b':' {
            return None;
        }
        lines += 1;
        let value = &line[colon + 1..];
        let end = scan::printable(value);
        if is_looked_at(colon) {
            field(fields, &line[..colon], value.get(..end)?)?;
        }
        rest = value.get(end..)?;
    }
}

/// Whether the value of a field may matter, by the length of its name.
#[inline]
fn is_looked_at(name_bytes: usize) -> bool {
    matches!(name_bytes, 0 | 10 | 14 | 16 | 17)
}

/// Where in a head that [`head`] has accepted values lie that it has not looked at: any other text there means the
/// same.
pub(super) fn values_not_looked_at(head: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut begin = 0;
    memchr::memchr_iter(b'\n', head).filter_map(move |end| {
        let line = begin..end;
        begin = end + 1;
        let colon = memchr::memchr(b':', &head[line.clone()])?;
        let name = &head[line.start..line.start + colon];
        // Ids of requests often have names as long as this one.
        let is_looked_at = is_looked_at(colon) && (colon != 16 || is_content_encoding(name));
        // The status line may have a colon, too, and its end is a carriage return like that of the others.
        (line.start > 0 && !is_looked_at).then(|| line.start + colon + 1..line.end - 1)
    })
}

/// The status, whether the version is 1.0, and what follows the reason.
#[inline]
fn status_line(input: &[u8]) -> Option<(u16, bool, &[u8])> {
    const MOST: u128 = u128::from_le_bytes(*b"HTTP/1.1 200 OK\r");
    // No head is shorter than this.
    let begin = input.first_chunk::<16>()?;
    if u128::from_le_bytes(*begin) == MOST {
        return Some((200, false, &input[15..]));
    }
    let [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ (b'0' | b'1'), b' ', rest @ ..] = begin else { return None };
    let [hundreds @ b'2'..=b'9', tens @ b'0'..=b'9', ones @ b'0'..=b'9', b' ' | b'\r', ..] = rest else { return None };
    let status = u16::from(hundreds - b'0') * 100 + u16::from(tens - b'0') * 10 + u16::from(ones - b'0');
    let reason = &input[12..];
    Some((status, *minor == b'0', reason.get(scan::printable(reason)..)?))
}

/// Notes a field that frames the message or governs the connection. The name is made of letters and dashes, the value
/// holds no control character.
#[inline]
fn field(fields: &mut Fields, name: &[u8], value: &[u8]) -> Option<()> {
    match name.len() {
        0 => return None,
        14 if is_name(name, *b"content-", *b"t-length") => {
            if fields.content_length.is_some() {
                return None;
            }
            fields.content_length = Some(length(value)?);
        }
        10 if is_name(name, *b"connecti", *b"nnection") => match value {
            value if value == b" keep-alive" => fields.keep_alive = true,
            value if value == b" close" => fields.close = true,
            value => fields.take_connection(value),
        },
        10 if is_name(name, *b"keep-ali", *b"ep-alive") => fields.take_keep_alive(value),
        10 if is_name(name, *b"set-cook", *b"t-cookie") => fields.sets_cookies = true,
        16 if is_name(name, *b"content-", *b"encoding") => fields.encoded = true,
        17 if is_name(name, *b"transfer", *b"encoding") && name[8] == b'-' => {
            if fields.chunked || value != b" chunked" {
                return None;
            }
            fields.chunked = true;
        }
        _ => {}
    }
    Some(())
}

/// Whether a name made of letters and dashes has these first and last eight bytes, which are in lower case.
#[inline]
fn is_name(name: &[u8], first: [u8; 8], last: [u8; 8]) -> bool {
    // Lower case is one bit, which dashes have too.
    let lower = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes) | 0x2020_2020_2020_2020;
    name.first_chunk().is_some_and(|begin| lower(begin) == u64::from_le_bytes(first))
        && name.last_chunk().is_some_and(|end| lower(end) == u64::from_le_bytes(last))
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

/// The header lines of a head that [`head`] has accepted.
#[inline]
pub(super) fn header_lines(head: &[u8]) -> &[u8] {
    // The empty line at the end is none.
    let begin = memchr::memchr(b'\n', head).map_or(head.len(), |end| end + 1);
    head.get(begin..head.len() - 2).unwrap_or_default()
}

/// Tells `sink` how the content is coded, from a head that [`head`] has accepted.
#[cold]
pub(super) fn tell_content_encoding(head: &[u8], sink: &mut impl Sink) {
    for (_, value) in http::fields(header_lines(head)).filter(|(name, _)| is_content_encoding(name)) {
        sink.content_encoding(value);
    }
}
