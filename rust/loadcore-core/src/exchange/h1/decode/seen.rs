//! Heads that were read before, and what they said.
//!
//! A server says much the same all the time: its clock moves once a second, an id is another one in each response, and
//! everything else repeats. What a head means depends on few of its bytes: the status line, the names, the line ends,
//! and the values of the fields that frame the message or govern the connection. A head that has the same of these in
//! the same places means the same, if the values in the other places are text. To compare it takes a small part of the
//! instructions of reading it.

use wide::u8x16;

use super::fast::{self, Head};
use super::fields::{Fields, Framing};
use super::scan;
use crate::block::{Block, SIZE};

/// Heads that are remembered. Few, since they are for a server that says much the same.
const PLACES: usize = 16;

/// This number of heads are remembered in a row. Then only every n-th is, so that a server whose heads are never as
/// long as before costs nothing by it, and one that has changed is known again soon.
const LEARNING: u32 = 256;

/// A longer head is not remembered.
const LONGEST: usize = 1_024;

/// The heads that were read lately, for all connections of a worker. Takes about 33 KiB.
pub struct SeenHeads {
    places: Box<[Seen]>,
    /// Heads that had to be read.
    read: u32,
}

/// One head and what it said; none yet if it has no bytes.
#[derive(Clone, Copy)]
struct Seen {
    /// What means the same in the place of each of its blocks.
    blocks: [Allowed; LONGEST / SIZE],
    /// What means the same in the place of its last [`SIZE`] bytes, some of which may be in `blocks`, too.
    end: Allowed,
    head: Head,
    fields: Fields,
    /// It has no more header lines than this.
    most_lines: u16,
    /// Bytes of the response, if its head says how many there are and nothing else needs a closer look; else more than
    /// any slice has.
    whole_bytes: usize,
}

/// The bytes that are allowed in each place of a block: from `least` on, as many as `more` and one. Of a value that is not
/// looked at, any text; else the one byte that was there.
#[derive(Clone, Copy)]
struct Allowed {
    least: u8x16,
    more: u8x16,
}

impl Allowed {
    const NOTHING_YET: Self = Self { least: u8x16::ZERO, more: u8x16::ZERO };

    /// By how much each byte is beyond what is allowed: nothing but zeros if all are.
    #[expect(clippy::inline_always, reason = "two instructions, for each block of a head")]
    #[inline(always)]
    fn excess(&self, block: &Block) -> u8x16 {
        // A byte below the least comes out of the subtraction far above it.
        (u8x16::new(*block) - self.least).saturating_sub(self.more)
    }
}

/// A response that came whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole {
    pub(super) status: u16,
    /// Whether the connection outlives it.
    pub(super) persistent: bool,
    pub(super) keep_alive_timeout: Option<u16>,
    pub(super) sets_cookies: bool,
    pub(super) head_bytes: usize,
    pub(super) body_bytes: usize,
}

impl SeenHeads {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        let none = Seen {
            blocks: [Allowed::NOTHING_YET; LONGEST / SIZE],
            end: Allowed::NOTHING_YET,
            head: Head { bytes: 0, status: 0, http10: false },
            fields: Fields::default(),
            most_lines: 0,
            whole_bytes: usize::MAX,
        };
        Self { places: std::iter::repeat_n(none, PLACES).collect(), read: 0 }
    }

    /// What a response is, if it is here to its last byte, its head was read before, and that said how long the body
    /// is.
    #[inline]
    pub(super) fn whole(&self, input: &[u8], most_lines: u16) -> Option<Whole> {
        let place = &self.places[input.len() % PLACES];
        let head_bytes = place.head.bytes as usize;
        if place.whole_bytes != input.len() || place.most_lines > most_lines || !place.means(input) {
            return None;
        }
        Some(Whole {
            status: place.head.status,
            persistent: place.fields.persistent(place.head.http10),
            keep_alive_timeout: place.fields.keep_alive_timeout,
            sets_cookies: place.fields.sets_cookies,
            head_bytes,
            body_bytes: input.len() - head_bytes,
        })
    }

    /// Does what [`fast::head`] does. Nothing may have been noted in `fields` before.
    #[inline]
    pub(super) fn head(&mut self, input: &[u8], most_lines: u16, fields: &mut Fields) -> Option<Head> {
        // Responses that are equally long mostly have the same head.
        let place = &mut self.places[input.len() % PLACES];
        if place.head.bytes > 0 && place.most_lines <= most_lines && place.means(input) {
            *fields = place.fields;
            return Some(place.head);
        }
        let head = fast::head(input, most_lines, fields)?;
        self.read = self.read.wrapping_add(1);
        if self.read < LEARNING || self.read.is_multiple_of(LEARNING) {
            place.remember(input, head, most_lines, *fields);
        }
        Some(head)
    }
}

impl Seen {
    /// Whether the input begins with a head that means what this one does.
    #[inline]
    fn means(&self, input: &[u8]) -> bool {
        let Some(head) = input.get(..self.head.bytes as usize) else { return false };
        let Some(end) = head.last_chunk() else { return false };
        // A head that is not as long mostly differs there.
        let mut excess = self.end.excess(end);
        if excess != u8x16::ZERO {
            return false;
        }
        for (block, allowed) in head.as_chunks().0.iter().zip(&self.blocks) {
            excess |= allowed.excess(block);
        }
        excess == u8x16::ZERO
    }

    #[inline(never)]
    fn remember(&mut self, input: &[u8], head: Head, most_lines: u16, fields: Fields) {
        let length = head.bytes as usize;
        if length <= LONGEST {
            let (mut least, mut more) = ([0; LONGEST], [0; LONGEST]);
            least[..length].copy_from_slice(&input[..length]);
            for value in fast::values_not_looked_at(&input[..length]) {
                least[value.clone()].fill(*scan::PRINTABLE.start());
                more[value].fill(scan::PRINTABLE.end() - scan::PRINTABLE.start());
            }
            let allowed = |begin: usize| {
                let block = |bytes: &[u8; LONGEST]| u8x16::new(std::array::from_fn(|at| bytes[begin + at]));
                Allowed { least: block(&least), more: block(&more) }
            };
            self.blocks = std::array::from_fn(|index| allowed(index * SIZE));
            self.end = allowed(length.saturating_sub(SIZE));
            (self.head, self.fields, self.most_lines) = (head, fields, most_lines);
            self.whole_bytes = match fields.framing(head.http10) {
                // A redirect's headers may be wanted, once its status is known; two statuses have no body, whatever
                // they say. How a body is coded must be reported.
                Ok(Framing::Length(body)) if !matches!(head.status, 204 | 300..400) && !fields.encoded => {
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
            for byte in 0..=u8::MAX {
                let mut other = HEAD.to_vec();
                other[at] = byte;
                assert_eq!(read(&mut seen, &other, 10), read(&mut SeenHeads::new(), &other, 10), "{at}");
                read(&mut seen, HEAD, 10);
            }
        }
    }

    /// As behind a gateway; `id` and `date` differ from response to response.
    fn realistic(date: &str, id: &str, length: &str) -> Vec<u8> {
        format!(
            "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: {date}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nX-Request-Id: {id}\r\nVary: Accept-Encoding\r\nCache-Control: no-store\r\n\r\n"
        )
        .into_bytes()
    }

    /// Values that frame nothing may be any text: such a head is known. A length is not such a value.
    #[test]
    fn other_ids_and_dates_are_known() {
        let mut seen = SeenHeads::new();
        let first = read(&mut seen, &realistic("Tue, 24 Nov 2026 08:00:00 GMT", "a81f3c5e", "14"), 10);
        assert_eq!(seen.read, 1);
        for (date, id) in
            [("Tue, 24 Nov 2026 08:00:01 GMT", "00000000"), ("                             ", "~!@ :;,\"")]
        {
            assert_eq!(read(&mut seen, &realistic(date, id, "14"), 10), first);
        }
        assert_eq!(seen.read, 1);
        let (_, _, fields) =
            read(&mut seen, &realistic("Tue, 24 Nov 2026 08:00:00 GMT", "a81f3c5e", "15"), 10).unwrap();
        assert_eq!((fields.content_length, seen.read), (Some(15), 2));
    }

    /// How a body is coded is looked at; an id whose name is as long is not. Such a head is known, but not as one that
    /// needs no closer look.
    #[test]
    fn codings_are_looked_at() {
        let head = |name: &str, value: &str| {
            format!("HTTP/1.1 200 OK\r\n{name}: {value}\r\nContent-Length: 0\r\n\r\n").into_bytes()
        };
        let mut seen = SeenHeads::new();
        for (name, value, reads) in [
            ("X-Correlation-Id", "12ab", 1),
            ("X-Correlation-Id", "34cd", 1),
            ("Content-Encoding", "gzip", 2),
            ("Content-Encoding", "zstd", 3),
            ("Content-Encoding", "zstd", 3),
        ] {
            let head = head(name, value);
            let (_, _, fields) = read(&mut seen, &head, 10).unwrap();
            let is_encoded = name == "Content-Encoding";
            assert_eq!((fields.encoded, seen.read), (is_encoded, reads), "{name}: {value}");
            assert_eq!(seen.whole(&head, 10).is_none(), is_encoded);
        }
    }

    /// A control character, a line end or a byte beyond ASCII within a value is never taken for text.
    #[test]
    fn other_values_are_text() {
        let mut seen = SeenHeads::new();
        let head = realistic("Tue, 24 Nov 2026 08:00:00 GMT", "a81f3c5e", "14");
        read(&mut seen, &head, 10);
        for at in 0..head.len() {
            for byte in (0..0x20).chain(0x7f..=u8::MAX).filter(|byte| *byte != head[at]) {
                let mut other = head.clone();
                other[at] = byte;
                assert_eq!(read(&mut seen, &other, 10), read(&mut SeenHeads::new(), &other, 10), "{byte:#x} at {at}");
            }
        }
    }

    /// A server whose heads are never as long as before is not remembered each time; one that has changed is known
    /// again soon.
    #[test]
    fn what_does_not_repeat_is_seldom_remembered() {
        let mut seen = SeenHeads::new();
        // All come to the same place.
        for length in 0..2 * LEARNING as usize {
            let id = "i".repeat(1 + PLACES * (length % 20));
            assert!(read(&mut seen, &realistic("now", &id, "14"), 10).is_some());
        }
        let other = realistic("now", "i", "999");
        let reads = (0..2 * LEARNING).take_while(|_| {
            let before = seen.read;
            read(&mut seen, &other, 10);
            seen.read > before
        });
        assert!(reads.count() <= LEARNING as usize);
    }

    /// A head that was cut off is none, even if its result was seen before.
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
