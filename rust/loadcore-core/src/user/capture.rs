//! What a step wants to keep of a response.

use std::cell::Cell;
use std::ops::Range;

use crate::content::{Decoded, Unreadable, decode};
use crate::http::fields;
use crate::program::Want;
use crate::step::Headers;

/// A response larger than this is not kept in memory for the next one.
const KEEP: usize = 1 << 20;

/// As much of a response that does not come in one piece is kept as it came, where it may have to be shown.
const BEGINNING: usize = 8 * 1024;

/// What is kept of a response: nothing, most of the time.
#[derive(Debug, Default)]
pub(crate) struct Retained {
    want: Want,
    most_body: u32,
    in_place: InPlace,
    pub(super) capture: Option<Box<Capture>>,
}

/// Where in the receive buffer a body lies that came whole, to be looked at there. The next receive, whoever's it is,
/// overwrites it.
#[derive(Debug, Clone, Copy, Default)]
struct InPlace {
    begin: u32,
    end: u32,
}

/// Where captures come from.
pub(super) trait Spare: FnOnce() -> Box<Capture> {}

impl<F: FnOnce() -> Box<Capture>> Spare for F {}

impl Retained {
    /// Wants this of the next response.
    #[inline]
    pub(super) fn want(&mut self, want: Want, most_body: u32, spare: impl Spare) {
        (self.want, self.most_body, self.in_place) = (want, most_body, InPlace::default());
        if want.has(Want::HEADERS.and(Want::COOKIES)) {
            self.hold(spare);
        }
    }

    /// What the response is kept in, from now on if not before.
    #[inline(never)]
    fn hold(&mut self, spare: impl Spare) -> &mut Capture {
        let capture = self.capture.get_or_insert_with(spare);
        if capture.want == Want::NONE {
            (capture.want, capture.room) = (self.want, self.most_body as usize);
        }
        capture
    }

    /// Copies a body that lies in the receive buffer, which has what was `received` last.
    #[cold]
    pub(super) fn keep(&mut self, received: &[u8], spare: impl Spare) {
        if self.want.has(Want::BODY) {
            let InPlace { begin, end } = std::mem::take(&mut self.in_place);
            self.hold(spare).add_body(&received[begin as usize..end as usize]);
        }
    }

    /// The body as checks and extracts see it, by what was `received` last: nothing where it cannot be read.
    #[inline]
    pub(super) fn body<'a>(&'a self, received: &'a [u8]) -> &'a [u8] {
        match &self.capture {
            Some(capture) => capture.body(),
            None => &received[self.in_place.begin as usize..self.in_place.end as usize],
        }
    }

    /// Why the body cannot be read.
    #[inline]
    pub(super) fn unreadable(&self) -> Option<&Unreadable> {
        self.capture.as_ref().and_then(|capture| capture.unreadable())
    }

    /// A piece of a response has come that does not come in one. If it may have to be shown its beginning is kept as it
    /// is: of a status above 299, or one that is not known yet, of a step that looks at responses, and where the worker
    /// is curious about one.
    pub(super) fn piece(&mut self, piece: &[u8], status: Option<u16>, is_curious: &Cell<bool>, spare: impl Spare) {
        let began = self.capture.as_ref().is_some_and(|capture| !capture.beginning.is_empty());
        let is_looked_at = is_curious.get() && !began;
        if !(began || is_looked_at || self.want.has(Want::BEGINNING) || status.is_none_or(|status| status >= 300)) {
            return;
        }
        let capture = self.hold(spare);
        if is_looked_at {
            is_curious.set(false);
            capture.is_looked_at = true;
        }
        let room = BEGINNING - capture.beginning.len();
        capture.beginning.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// Whether more bytes of the response are wanted, be it for the body or for its beginning.
    #[inline]
    pub(super) fn wants_bytes(&self) -> bool {
        self.want.has(Want::BODY.and(Want::STREAMED))
            || self.capture.as_ref().is_some_and(|kept| (1..BEGINNING).contains(&kept.beginning.len()))
    }

    /// Takes in what a `Sink` does.
    #[inline]
    pub(super) fn status(&mut self, status: u16, spare: impl Spare) {
        if self.want.has(Want::REDIRECTS) && (300..400).contains(&status) {
            self.hold(spare);
        }
        if let Some(capture) = &mut self.capture {
            capture.status = status;
        }
    }

    pub(super) fn header(&mut self, name: &[u8], value: &[u8]) {
        if let Some(capture) = &mut self.capture {
            capture.header(name, value);
        }
    }

    pub(super) fn header_lines(&mut self, lines: &[u8], sets_cookies: bool) {
        if let Some(capture) = &mut self.capture {
            capture.header_lines(lines, sets_cookies);
        }
    }

    pub(super) fn content_encoding(&mut self, value: &[u8], spare: impl Spare) {
        let capture = self.hold(spare);
        capture.encoding.extend_from_slice(value);
        capture.encoding.push(b',');
    }

    #[inline]
    pub(super) fn wants_headers(&self) -> bool {
        self.capture.as_ref().is_some_and(|capture| capture.want.has(Want::COOKIES) || capture.wants_all_headers())
    }

    #[inline(never)]
    pub(super) fn piece_of_body(&mut self, piece: &[u8], spare: impl Spare) {
        self.hold(spare).add_body(piece);
    }

    /// A body that came whole is kept only with what else is kept.
    #[inline]
    pub(super) fn whole_body(&mut self, received: &[u8], place: Range<usize>, spare: impl Spare) {
        match (u32::try_from(place.start), u32::try_from(place.end)) {
            (Ok(begin), Ok(end)) if self.capture.is_none() && end - begin <= self.most_body => {
                self.in_place = InPlace { begin, end };
            }
            _ => self.piece_of_body(&received[place], spare),
        }
    }

    #[inline]
    pub(super) fn wants_body(&self) -> bool {
        self.want.has(Want::BODY.and(Want::STREAMED))
    }

    /// Whether a piece of body waits to be handed over before more comes.
    #[inline]
    pub(super) fn has_piece(&self) -> bool {
        self.want.has(Want::STREAMED) && self.capture.as_ref().is_some_and(|kept| !kept.body.is_empty())
    }

    /// Gives away what has come of a body since this was last asked.
    pub(super) fn take_piece(&mut self) -> Vec<u8> {
        self.capture.as_mut().map(|kept| std::mem::take(&mut kept.body)).unwrap_or_default()
    }
}

/// Headers and body of one response, as far as a step asked for them.
#[derive(Debug, Default)]
pub(crate) struct Capture {
    want: Want,
    status: u16,
    /// Header lines, which are read when something looks for one.
    head: Vec<u8>,
    /// Whether one of them sets a cookie.
    sets_cookies: bool,
    /// As it came.
    body: Vec<u8>,
    /// What `Content-Encoding` says of it, each line with a comma after it.
    encoding: Vec<u8>,
    /// The body as it was before, if it was coded and has been asked for; or why it cannot be read.
    decoded: Option<Decoded>,
    /// How many bytes of body may still be kept.
    room: usize,
    /// What came first, as it came, of a response that did not come in one piece. All of it, if there is room left.
    beginning: Vec<u8>,
    /// Whether that is kept to be looked at for hints.
    is_looked_at: bool,
}

impl Capture {
    /// Of a response of which nothing was kept.
    pub(crate) const NOTHING: &Self = &Self {
        want: Want::NONE,
        status: 0,
        head: Vec::new(),
        sets_cookies: false,
        body: Vec::new(),
        encoding: Vec::new(),
        decoded: None,
        room: 0,
        beginning: Vec::new(),
        is_looked_at: false,
    };

    /// Whether its beginning was kept to be looked at for hints.
    #[inline]
    pub(super) fn is_looked_at(&self) -> bool {
        self.is_looked_at
    }

    /// The headers in the order they came in.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        fields(&self.head)
    }

    /// Whether the response sets cookies.
    #[inline]
    pub(super) fn sets_cookies(&self) -> bool {
        self.sets_cookies
    }

    /// The cookies that it sets, as its headers say.
    pub(super) fn cookies(&self) -> impl Iterator<Item = &[u8]> {
        let lines = if self.sets_cookies { &self.head[..] } else { b"" };
        fields(lines).filter_map(|(name, value)| sets_cookie(name).then_some(value))
    }

    /// Keeps a piece of the body, as long as there is room.
    fn add_body(&mut self, piece: &[u8]) {
        if self.want.has(Want::STREAMED) {
            // It does not stay here.
            self.body.extend_from_slice(piece);
            return;
        }
        match self.room.checked_sub(piece.len()) {
            Some(room) => {
                self.room = room;
                self.body.extend_from_slice(piece);
            }
            None => self.give_up_body(),
        }
    }

    /// Keeps nothing of a body that is too large.
    #[cold]
    fn give_up_body(&mut self) {
        self.room = 0;
        self.body = Vec::new();
        self.decoded = Some(Decoded { bytes: Vec::new(), problem: Some(Unreadable::NotKept) });
    }

    /// Whether the body must be decoded before anything reads it.
    #[inline]
    pub(super) fn is_encoded(&self) -> bool {
        !self.encoding.is_empty() && self.decoded.is_none()
    }

    /// Decodes the body. Of one that is broken or too large nothing is seen.
    #[cold]
    pub(super) fn decode(&mut self, most: usize) {
        let mut decoded = decode(&self.encoding, &self.body, most);
        if decoded.problem.is_some() {
            decoded.bytes = Vec::new();
        }
        self.decoded = Some(decoded);
    }

    /// The body as checks and extracts see it: nothing where it cannot be read.
    #[inline]
    pub(crate) fn body(&self) -> &[u8] {
        self.decoded.as_ref().map_or(&self.body, |decoded| &decoded.bytes)
    }

    /// Why the body cannot be read.
    #[inline]
    pub(crate) fn unreadable(&self) -> Option<&Unreadable> {
        self.decoded.as_ref().and_then(|decoded| decoded.problem.as_ref())
    }

    /// The body as it came and what codings it has, if it was wanted and kept.
    pub(super) fn coded_body(&self) -> Option<(&[u8], &[u8])> {
        let is_kept = self.want.has(Want::BODY) && self.unreadable() != Some(&Unreadable::NotKept);
        is_kept.then_some((&*self.body, &*self.encoding))
    }

    /// What came first of a response in pieces, if it was kept, and whether it may be all there was until the last
    /// piece.
    pub(super) fn beginning(&self) -> Option<(&[u8], bool)> {
        (!self.beginning.is_empty()).then(|| (&*self.beginning, self.beginning.len() < BEGINNING))
    }

    fn wants_all_headers(&self) -> bool {
        self.want.has(Want::HEADERS) || (self.want.has(Want::REDIRECTS) && (300..400).contains(&self.status))
    }

    fn header(&mut self, name: &[u8], value: &[u8]) {
        let sets_cookie = sets_cookie(name);
        if sets_cookie || self.wants_all_headers() {
            self.sets_cookies |= sets_cookie;
            for part in [name, b":", value, b"\r\n"] {
                self.head.extend_from_slice(part);
            }
        }
    }

    fn header_lines(&mut self, lines: &[u8], sets_cookies: bool) {
        if self.wants_all_headers() {
            self.sets_cookies = sets_cookies;
            self.head.extend_from_slice(lines);
        } else if sets_cookies {
            for (name, value) in fields(lines) {
                self.header(name, value);
            }
        }
    }

    /// Forgets everything. False: it has grown too large to be kept.
    pub(crate) fn clear(&mut self) -> bool {
        self.want = Want::default();
        self.is_looked_at = false;
        self.head.clear();
        self.sets_cookies = false;
        self.body.clear();
        self.encoding.clear();
        self.decoded = None;
        self.beginning.clear();
        self.body.capacity() <= KEEP && self.head.capacity() <= KEEP
    }
}

/// Whether a header of this name sets a cookie.
fn sets_cookie(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"set-cookie")
}

impl Headers for Capture {
    fn first(&self, wanted: &[u8]) -> Option<&[u8]> {
        self.headers().find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then_some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body is kept up to the limit; of a larger one nothing is, however it is cut.
    #[test]
    fn bodies_have_a_limit() {
        for (pieces, expected) in [(&[4, 6][..], 10), (&[4, 6, 1], 0), (&[11], 0), (&[11, 2], 0), (&[], 0)] {
            let mut kept = Retained::default();
            kept.want(Want::BODY, 10, Box::default);
            for length in pieces {
                kept.piece_of_body(&vec![b'x'; *length], Box::default);
            }
            assert_eq!(kept.body(b"").len(), expected, "{pieces:?}");
            let is_larger = pieces.iter().sum::<usize>() > 10;
            assert_eq!(kept.unreadable(), is_larger.then_some(&Unreadable::NotKept), "{pieces:?}");
        }
    }

    /// Headers and cookies are the same whether lines come one by one or all at once. Where only cookies are wanted,
    /// nothing else is kept.
    #[test]
    fn lines_come_in_two_ways() {
        const FIELDS: [(&[u8], &[u8]); 4] =
            [(b"Server", b"x"), (b"set-cookie", b"a=b; c"), (b"Empty", b""), (b"Set-Cookie", b"d:e")];
        const LINES: &[u8] = b"Server: x\r\nset-cookie:a=b; c \r\nEmpty:\r\nSet-Cookie:\td:e\r\n";
        for (want, expected) in [(Want::HEADERS, &FIELDS[..]), (Want::COOKIES, &[FIELDS[1], FIELDS[3]])] {
            let [mut single, mut whole] = [Retained::default(), Retained::default()];
            for kept in [&mut single, &mut whole] {
                kept.want(want, 10, Box::default);
                kept.status(200, Box::default);
            }
            for (name, value) in FIELDS {
                single.header(name, value);
            }
            whole.header_lines(LINES, true);
            for kept in [single, whole] {
                let capture = kept.capture.expect("headers are wanted");
                assert_eq!(capture.headers().collect::<Vec<_>>(), expected);
                assert_eq!(capture.cookies().collect::<Vec<_>>(), [&b"a=b; c"[..], b"d:e"]);
            }
        }
    }

    /// A body that came whole is read where it lies, until it is kept. One that is too large is not read.
    #[test]
    fn whole_bodies_stay_in_place() {
        for (most, expected) in [(4, "body"), (3, "")] {
            let mut kept = Retained::default();
            kept.want(Want::BODY, most, Box::default);
            kept.whole_body(b"head:body", 5..9, Box::default);
            assert_eq!(kept.capture.is_none(), !expected.is_empty());
            assert_eq!(kept.body(b"head:body"), expected.as_bytes());
            kept.keep(b"head:body", Box::default);
            assert_eq!(kept.body(b"another's"), expected.as_bytes());
        }
    }
}
