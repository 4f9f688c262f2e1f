//! Responses read for people: as much as there is, whatever is wrong with it.

use super::Decoder;
use crate::http::{Excerpt, Sink};
use crate::plan::Limits;

/// What is shown of a response whose first bytes these are. What does not begin like one is shown as a body.
pub(super) fn excerpt(bytes: &[u8], is_head: bool, most_body: usize) -> Excerpt {
    let bytes = final_head(bytes);
    let mut beginning = Beginning { bytes: Vec::new(), most: most_body };
    if !bytes.starts_with(b"HTTP/") {
        beginning.body(bytes);
        return Excerpt { body: beginning.bytes, ..Excerpt::default() };
    }
    let mut decoder = Decoder::new(Limits::default());
    decoder.start(is_head);
    // Whatever is wrong with it: what came before that is shown.
    let _ = decoder.feed(bytes, &mut beginning);
    let line = lines(bytes).next().unwrap_or_default().to_vec();
    let fields = fields(bytes).map(|(name, value)| (name.to_vec(), value.to_vec()));
    Excerpt { line, fields: fields.collect(), body: beginning.bytes }
}

/// Names and values of the fields of a response whose first bytes these are.
pub(super) fn fields_of(bytes: &[u8], found: &mut dyn FnMut(&[u8], &[u8])) {
    fields(final_head(bytes)).for_each(|(name, value)| found(name, value));
}

fn fields(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines(bytes).skip(1).filter(|line| !line.is_empty()).map(|line| {
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        (&line[..colon], line.get(colon + 1..).unwrap_or_default().trim_ascii())
    })
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    head_of(bytes).split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// What follows the heads of interim responses.
fn final_head(mut bytes: &[u8]) -> &[u8] {
    while bytes.starts_with(b"HTTP/1.1 1") && !bytes.starts_with(b"HTTP/1.1 101") {
        let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else { break };
        if bytes.len() == end + 4 {
            break;
        }
        bytes = &bytes[end + 4..];
    }
    bytes
}

/// The head, without the line end that ends it.
fn head_of(bytes: &[u8]) -> &[u8] {
    let ends = [&b"\r\n\r\n"[..], b"\n\n"].into_iter().filter_map(|end| memchr::memmem::find(bytes, end));
    &bytes[..ends.min().unwrap_or(bytes.len())]
}

/// Takes the beginning of a body.
struct Beginning {
    bytes: Vec<u8>,
    most: usize,
}

impl Sink for Beginning {
    fn body(&mut self, piece: &[u8]) {
        let room = self.most.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    fn wants_body(&self) -> bool {
        true
    }
}
