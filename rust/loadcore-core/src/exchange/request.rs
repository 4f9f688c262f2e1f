//! Requests, whatever they are sent by.

use super::h1::encode;
use crate::http::Excerpt;

/// A header: its name and its value.
pub(crate) type Field<'a> = (&'a [u8], &'a [u8]);

/// How the body of a request comes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Framing<'a> {
    /// Not at all.
    None,
    /// All of it with the head.
    Whole(&'a [u8]),
    /// In pieces, after the head: each a [`Piece`].
    Pieces,
}

/// A piece of a body that follows its head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) is_last: bool,
}

impl Piece<'_> {
    /// Appends the piece to what is sent of the request.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        encode::append_piece(out, self.bytes, self.is_last);
    }
}

/// A request that has been made: a method, a target, a host, fields and a body.
///
/// It is kept as HTTP/1.1 writes it, which that sends with one copy. Others read its parts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a>(&'a [u8]);

impl<'a> Request<'a> {
    /// What has been written by [`encode`], whole.
    pub(crate) const fn written(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Appends a request to `out`.
    pub(crate) fn write(out: &mut Vec<u8>, method: &str, target: &str, host: &str, fields: &[Field<'_>], body: &[u8]) {
        encode::begin(
            out,
            method,
            |out| out.extend_from_slice(target.as_bytes()),
            |out| out.extend_from_slice(host.as_bytes()),
        );
        for (name, value) in fields {
            Self::add_field(out, name, value);
        }
        encode::end(out, body);
    }

    /// Begins a request that is written piece by piece: `target` and `host` write what they are called.
    pub(crate) fn begin<R>(
        out: &mut Vec<u8>,
        method: &str,
        target: impl FnOnce(&mut Vec<u8>) -> R,
        host: impl FnOnce(&mut Vec<u8>),
    ) -> R {
        encode::begin(out, method, target, host)
    }

    /// Adds a field whose value `value` writes.
    pub(crate) fn add_rendered<R>(out: &mut Vec<u8>, name: &[u8], value: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        encode::field(out, name, value)
    }

    /// Ends a request that has all its fields but those that tell how long its body is.
    pub(crate) fn end(out: &mut Vec<u8>, method: &str, framing: Framing<'_>) {
        match framing {
            Framing::None => out.extend_from_slice(encode::end_without_body(method)),
            Framing::Whole(body) => encode::append_body(out, body),
            Framing::Pieces => encode::end_before_pieces(out),
        }
    }

    /// Appends the request with one more field, before its others.
    pub(crate) fn write_with(self, field: Field<'_>, out: &mut Vec<u8>) {
        encode::append_with(self.0, field, out);
    }

    /// Adds a field to a request that is being written.
    pub(crate) fn add_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
        encode::field(out, name, |out| out.extend_from_slice(value));
    }

    /// As HTTP/1.1 writes it.
    pub(crate) const fn as_written(self) -> &'a [u8] {
        self.0
    }

    /// Whether it was not made.
    pub(crate) const fn is_nothing(self) -> bool {
        self.0.is_empty()
    }

    /// Whether it asks for a head only.
    #[inline]
    pub(crate) fn is_head(self) -> bool {
        matches!(self.0, [b'H', b'E', b'A', b'D', b' ', ..])
    }

    /// What is shown of it; of its body, this much at most.
    pub(crate) fn excerpt(self, most_body: usize) -> Excerpt {
        let host = (&b"Host"[..], self.host().as_bytes());
        let fields = std::iter::once(host).chain(self.fields());
        let body = self.body();
        Excerpt {
            line: encode::line(self.0).to_vec(),
            fields: fields.map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
            body: body[..body.len().min(most_body)].to_vec(),
        }
    }

    pub(crate) fn method(self) -> &'a str {
        encode::method(self.0)
    }

    /// Its path and query.
    pub(crate) fn target(self) -> &'a str {
        encode::target(self.0)
    }

    /// The host that it is for, with its port if it names one.
    pub(crate) fn host(self) -> &'a str {
        encode::host(self.0)
    }

    /// Names and values of all other fields, in their order.
    pub(crate) fn fields(self) -> impl Iterator<Item = Field<'a>> {
        encode::fields(self.0)
    }

    pub(crate) fn body(self) -> &'a [u8] {
        encode::body(self.0)
    }
}
