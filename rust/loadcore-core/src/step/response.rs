//! What a step sees of a response: only what its checks and extracts ask for.

use super::builtins::Builtins;
use super::variables::Variables;
pub(crate) use crate::content::Unreadable;

/// What a step's checks and extracts need of a response. What is not wanted is neither kept nor looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Names in lower case.
    headers: Vec<Box<[u8]>>,
    body: bool,
}

impl Wanted {
    /// Asks for the first header of a name, whatever its case.
    pub(crate) fn header(&mut self, name: &str) {
        let name = name.to_ascii_lowercase().into_bytes().into_boxed_slice();
        if !self.headers.contains(&name) {
            self.headers.push(name);
        }
    }

    /// Asks for the body.
    pub(crate) fn body(&mut self) {
        self.body = true;
    }

    /// Whether the body is asked for.
    #[must_use]
    pub(crate) const fn wants_body(&self) -> bool {
        self.body
    }

    /// Whether any header is asked for.
    #[must_use]
    pub(crate) fn wants_headers(&self) -> bool {
        !self.headers.is_empty()
    }
}

/// The headers of a response, or those of them that the step wants.
pub(crate) trait Headers {
    /// The value of the first header of this name, whatever its case; `None` if there is none.
    fn first(&self, name: &[u8]) -> Option<&[u8]>;
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> Headers for Vec<(N, V)> {
    fn first(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().find(|(found, _)| found.as_ref().eq_ignore_ascii_case(name)).map(|(_, value)| value.as_ref())
    }
}

/// A complete response, as checks and extracts look at it.
#[derive(Clone, Copy)]
pub(crate) struct Response<'a> {
    /// The status code.
    pub status: u16,
    /// The headers that the step wants.
    pub headers: &'a dyn Headers,
    /// The body, if the step wants it: as it was before it was compressed. Empty where it cannot be read.
    pub body: &'a [u8],
    /// Why the body cannot be read, if it cannot.
    pub unreadable: Option<&'a Unreadable>,
    /// The body's size as it came; known also where the body was not kept.
    pub body_bytes: u64,
    /// From send to the last byte.
    pub service_ns: u64,
}

impl Response<'_> {
    /// Why nothing is found in the body, as a clause, if it cannot be read.
    pub(super) fn why_unreadable(&self) -> Option<String> {
        self.unreadable.map(|unreadable| unreadable.reason(self.body_bytes))
    }
}

impl std::fmt::Debug for Response<'_> {
    /// Headers and body may hold secrets and are not shown.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Response({}, {} bytes, {} ns)", self.status, self.body_bytes, self.service_ns)
    }
}

/// What templates in comparisons are rendered with.
#[derive(Debug)]
pub(crate) struct Evaluation<'a, 'b> {
    /// The user's variables.
    pub variables: &'a Variables,
    /// What built-in slots draw from.
    pub builtins: &'a mut Builtins<'b>,
    /// The worker's scratch buffers.
    pub scratch: &'a mut Scratch,
}

/// Buffers that checks work in, one set for a worker. They grow to what is needed and stay.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(super) expected: Vec<u8>,
    pub(super) actual: Vec<u8>,
}

impl std::fmt::Debug for Scratch {
    /// Contents may be secrets and are not shown.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Scratch")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name is asked for once, and the first header of it counts, whatever its case.
    #[test]
    fn first_of_each_name() {
        let mut wanted = Wanted::default();
        for name in ["ETag", "x-request-id", "etag"] {
            wanted.header(name);
        }
        assert_eq!(wanted.headers.iter().map(|name| &**name).collect::<Vec<_>>(), [&b"etag"[..], b"x-request-id"]);
        let headers = vec![("Server", "x"), ("Etag", "1"), ("etag", "2")];
        assert_eq!(headers.first(b"etag"), Some(&b"1"[..]));
        assert_eq!(headers.first(b"x-request-id"), None);
    }
}
