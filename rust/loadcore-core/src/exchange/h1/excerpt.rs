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
    let mut lines = head_of(bytes).split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let line = lines.next().unwrap_or_default().to_vec();
    let fields = lines.filter(|line| !line.is_empty()).map(|line| {
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        (line[..colon].to_vec(), value.trim_ascii().to_vec())
    });
    Excerpt { line, fields: fields.collect(), body: beginning.bytes }
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
