//! Heads that were read before, and what they said.
//!
//! A server says much the same all the time: its clock moves once a second, and lengths repeat. What a head means depends on its
//! bytes alone, so one that is, byte for byte, one that was read before is not read again. To compare it takes a fifth of the
//! instructions of reading it; for a server whose heads are all different, a look that finds nothing is added to each.

use super::fast::{self, Head};
use super::fields::{Fields, Framing};

/// Heads that are remembered. Few, since they are for a server that says much the same.
const PLACES: usize = 16;

/// A longer head is not remembered.
const LONGEST: usize = 256;

/// The heads that were read lately, for all connections of a worker. Takes about 5 KiB.
pub struct SeenHeads {
    places: Box<[Seen; PLACES]>,
}

/// One head and what it said; none yet if it has no bytes.
#[derive(Clone, Copy)]
struct Seen {
    bytes: [u8; LONGEST],
    head: Head,
    fields: Fields,
    /// It has no more header lines than this.
    most_lines: u16,
    /// Bytes of the response, if its head says how many there are and nothing else needs a closer look; else more than any
    /// slice has.
    whole_bytes: usize,
}

/// A response that came whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole {
    pub(super) status: u16,
    /// Whether the connection outlives it.
    pub(super) persistent: bool,
    pub(super) keep_alive_timeout: Option<u16>,
    pub(super) head_bytes: usize,
    pub(super) body_bytes: usize,
}

impl SeenHeads {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        let none = Seen {
            bytes: [0; LONGEST],
            head: Head { bytes: 0, status: 0, http10: false },
            fields: Fields::default(),
            most_lines: 0,
            whole_bytes: usize::MAX,
        };
        Self { places: Box::new([none; PLACES]) }
    }

    /// What a response is, if it is here to its last byte, its head was read before, and that said how long the body is.
    #[inline]
    pub(super) fn whole(&self, input: &[u8], most_lines: u16) -> Option<Whole> {
        let place = &self.places[input.len() % PLACES];
        let head_bytes = place.head.bytes as usize;
        if place.whole_bytes != input.len()
            || place.most_lines > most_lines
            || !input.starts_with(&place.bytes[..head_bytes])
        {
            return None;
        }
        Some(Whole {
            status: place.head.status,
            persistent: place.fields.persistent(place.head.http10),
            keep_alive_timeout: place.fields.keep_alive_timeout,
            head_bytes,
            body_bytes: input.len() - head_bytes,
        })
    }

    /// Does what [`fast::head`] does. Nothing may have been noted in `fields` before.
    #[inline]
    pub(super) fn head(&mut self, input: &[u8], most_lines: u16, fields: &mut Fields) -> Option<Head> {
        // Responses that are equally long mostly have the same head.
        let place = &mut self.places[input.len() % PLACES];
        let length = place.head.bytes as usize;
        if length > 0 && place.most_lines <= most_lines && input.starts_with(&place.bytes[..length]) {
            *fields = place.fields;
            return Some(place.head);
        }
        let head = fast::head(input, most_lines, fields)?;
        place.remember(input, head, most_lines, *fields);
        Some(head)
    }
}

impl Seen {
    #[inline(never)]
    fn remember(&mut self, input: &[u8], head: Head, most_lines: u16, fields: Fields) {
        let length = head.bytes as usize;
        if length <= LONGEST {
            self.bytes[..length].copy_from_slice(&input[..length]);
            (self.head, self.fields, self.most_lines) = (head, fields, most_lines);
            self.whole_bytes = match fields.framing(head.http10) {
                // Of a redirect headers may be wanted, once its status is told; two statuses have no body, whatever they say.
                Ok(Framing::Length(body)) if !matches!(head.status, 204 | 300..400) => {
                    usize::try_from(body).unwrap_or(usize::MAX).saturating_add(length)
                }
                _ => usize::MAX,
            };
        }
    }
}

impl Default for SeenHeads {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for SeenHeads {
    /// Heads may hold secrets and are not shown.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SeenHeads")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nDate: 1\r\nContent-Length: 7\r\nConnection: close\r\n\r\n";

    fn read(seen: &mut SeenHeads, input: &[u8], most_lines: u16) -> Option<(u32, u16, Fields)> {
        let mut fields = Fields::default();
        seen.head(input, most_lines, &mut fields).map(|head| (head.bytes, head.status, fields))
    }

    /// The second time, a head says what it said the first time, and a change anywhere is seen.
    #[test]
    fn a_change_anywhere_is_seen() {
        let mut seen = SeenHeads::new();
        let first = read(&mut seen, HEAD, 10);
        assert!(first.is_some());
        assert_eq!(read(&mut seen, HEAD, 10), first);
        for at in 0..HEAD.len() {
            for byte in [b'a', b'0', b'\r', b' '] {
                let mut other = HEAD.to_vec();
                other[at] = byte;
                assert_eq!(read(&mut seen, &other, 10), read(&mut SeenHeads::new(), &other, 10), "{at}");
                read(&mut seen, HEAD, 10);
            }
        }
    }

    /// A head that was cut off is none, even if what came of it was seen before.
    #[test]
    fn a_begin_is_no_head() {
        let mut seen = SeenHeads::new();
        // As long as the head, so that it comes to the same place.
        let longer = [HEAD, &[b' '; PLACES]].concat();
        assert!(read(&mut seen, &longer, 10).is_some());
        for length in 0..HEAD.len() {
            assert_eq!(read(&mut seen, &HEAD[..length], 10), None);
        }
        assert_eq!(read(&mut seen, HEAD, 10), read(&mut SeenHeads::new(), HEAD, 10));
    }

    /// A limit on lines holds for heads that were seen under a higher one.
    #[test]
    fn a_lower_limit_holds() {
        let mut seen = SeenHeads::new();
        assert!(read(&mut seen, HEAD, 3).is_some());
        assert!(read(&mut seen, HEAD, 3).is_some());
        assert_eq!(read(&mut seen, HEAD, 2), None);
        assert!(read(&mut seen, HEAD, 4).is_some());
    }

    /// A head that is too long to be remembered is read each time.
    #[test]
    fn long_heads_are_read() {
        let mut seen = SeenHeads::new();
        let long = [&HEAD[..HEAD.len() - 2], b"Long: ", &[b'x'; LONGEST], b"\r\n\r\n"].concat();
        let first = read(&mut seen, &long, 10);
        assert!(first.is_some());
        assert_eq!(read(&mut seen, &long, 10), first);
    }
}
