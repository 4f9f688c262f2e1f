//! What comes back of a call.

use crate::record::Outcome;
use crate::step::find_json;
use crate::user::capture::Capture;

/// What came back of a request, after redirects.
#[derive(Debug)]
pub struct Answer {
    /// `Ok` if a response arrived, whatever its status.
    pub outcome: Outcome,
    /// 0: none arrived.
    pub status: u16,
    /// Whether it counts as an error.
    pub is_error: bool,
    /// When the request was sent; when it was given up, if it never was.
    pub started_ns: u64,
    /// Send to the first byte.
    pub ttfb_ns: u64,
    /// Send to the last byte.
    pub service_ns: u64,
    /// Due to the last byte.
    pub response_ns: u64,
    /// When the last byte came, or the request was given up.
    pub ended_ns: u64,
    /// Where redirects led.
    pub moved_to: Option<Box<str>>,
    pub(super) capture: Option<Box<Capture>>,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            outcome: Outcome::Ok,
            status: 0,
            is_error: false,
            started_ns: 0,
            ttfb_ns: 0,
            service_ns: 0,
            response_ns: 0,
            ended_ns: 0,
            moved_to: None,
            capture: None,
        }
    }
}

impl Answer {
    /// Names and values of the response's headers, in the order they came in.
    pub fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.kept().headers()
    }

    /// The value of the first header of this name, however that is written.
    #[must_use]
    pub fn header(&self, wanted: &[u8]) -> Option<&[u8]> {
        self.headers().find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then_some(value))
    }

    /// Its body, decoded if it came compressed.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.kept().body()
    }

    /// The JSON of the first value at a path (RFC 9535) in its body; `None`: there is none.
    ///
    /// # Errors
    /// What is wrong with the path, or with the body.
    pub fn find(&self, path: &str) -> Result<Option<&[u8]>, String> {
        find_json(path, self.body())
    }

    fn kept(&self) -> &Capture {
        self.capture.as_deref().unwrap_or(Capture::NOTHING)
    }
}
