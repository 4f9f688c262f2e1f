//! What a decoder tells of a response, kept.

use loadcore_core::http::Sink;

/// A sink that wants everything, or all but the headers, and holds the decoder to the order of calls.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Whether it does not want the headers.
    pub(crate) wants_no_headers: bool,
    pub(crate) status: Option<u16>,
    pub(crate) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) encodings: Vec<Vec<u8>>,
    pub(crate) is_head_complete: bool,
    pub(crate) body: Vec<u8>,
}

impl Sink for Told {
    fn status(&mut self, status: u16) {
        assert_eq!(self.status.replace(status), None, "the status is reported once");
    }

    fn header(&mut self, name: &[u8], value: &[u8]) {
        assert!(self.status.is_some() && !self.is_head_complete, "headers come between status and end of the head");
        self.headers.push((name.to_vec(), value.to_vec()));
    }

    fn content_encoding(&mut self, value: &[u8]) {
        assert!(self.status.is_some() && !self.is_head_complete, "codings come between status and end of the head");
        self.encodings.push(value.to_vec());
    }

    fn wants_headers(&self) -> bool {
        !self.wants_no_headers
    }

    fn final_head(&mut self) {
        assert!(self.status.is_some() && !self.is_head_complete, "the head ends once");
        self.is_head_complete = true;
    }

    fn body(&mut self, piece: &[u8]) {
        assert!(self.is_head_complete && !piece.is_empty(), "a body follows a head, in pieces of something");
        self.body.extend_from_slice(piece);
    }

    fn wants_body(&self) -> bool {
        true
    }
}
