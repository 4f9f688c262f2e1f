//! What a step wants to keep of a response.

use crate::h1::Sink;
use crate::step::Headers;

/// A response larger than this is not kept in memory for the next one.
const KEEP: usize = 1 << 20;

/// Headers and body of one response, as far as a step asked for them.
#[derive(Debug, Default)]
pub(crate) struct Capture {
    want: Want,
    status: u16,
    /// Names and values, one after another.
    head: Vec<u8>,
    /// Lengths of each name and its value.
    headers: Vec<(u32, u32)>,
    body: Vec<u8>,
}

/// What to keep of a response.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is asked by itself")]
pub(crate) struct Want {
    pub(crate) headers: bool,
    /// `Set-Cookie`.
    pub(crate) cookies: bool,
    /// Headers of redirects (3xx).
    pub(crate) redirects: bool,
    pub(crate) body: bool,
}

impl Capture {
    pub(crate) fn want(&mut self, want: Want) {
        self.want = want;
    }

    /// The headers in the order they came in.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = &self.head[..];
        self.headers.iter().map(move |(name, value)| {
            let (header, after) = rest.split_at(*name as usize + *value as usize);
            rest = after;
            header.split_at(*name as usize)
        })
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    fn wants_all_headers(&self) -> bool {
        self.want.headers || (self.want.redirects && (300..400).contains(&self.status))
    }

    /// Forgets everything. False: it has grown too large to be kept.
    pub(crate) fn clear(&mut self) -> bool {
        self.want = Want::default();
        self.head.clear();
        self.headers.clear();
        self.body.clear();
        self.body.capacity() <= KEEP && self.head.capacity() <= KEEP
    }
}

impl Headers for Capture {
    fn first(&self, wanted: &[u8]) -> Option<&[u8]> {
        self.headers().find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then_some(value))
    }
}

impl Sink for Capture {
    fn status(&mut self, status: u16) {
        self.status = status;
    }

    fn header(&mut self, name: &[u8], value: &[u8]) {
        if !self.wants_all_headers() && !name.eq_ignore_ascii_case(b"set-cookie") {
            return;
        }
        self.head.extend_from_slice(name);
        self.head.extend_from_slice(value);
        let length = |part: &[u8]| u32::try_from(part.len()).unwrap_or(u32::MAX);
        self.headers.push((length(name), length(value)));
    }

    fn wants_headers(&self) -> bool {
        self.want.cookies || self.wants_all_headers()
    }

    fn body(&mut self, piece: &[u8]) {
        self.body.extend_from_slice(piece);
    }

    fn wants_body(&self) -> bool {
        self.want.body
    }
}
