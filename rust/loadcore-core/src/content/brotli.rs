//! `br` (RFC 7932).

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::{Fault, Output, PIECE};

/// One stream. What follows it is ignored. Its window has 16 MiB at most, and grows with what comes out.
pub(super) fn decode(input: &[u8], output: &mut Output) -> Result<(), Fault> {
    let mut state = BrotliState::new(StandardAlloc::default(), StandardAlloc::default(), StandardAlloc::default());
    let mut piece = [0; PIECE];
    let (mut in_left, mut in_at, mut total) = (input.len(), 0, 0);
    loop {
        let (mut out_left, mut out_at) = (piece.len(), 0);
        let result = BrotliDecompressStream(
            &mut in_left,
            &mut in_at,
            input,
            &mut out_left,
            &mut out_at,
            &mut piece,
            &mut total,
            &mut state,
        );
        output.take(&piece[..out_at])?;
        match result {
            BrotliResult::ResultSuccess => return Ok(()),
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::NeedsMoreInput => return Err(Fault::Truncated),
            BrotliResult::ResultFailure => return Err(Fault::Damaged),
        }
    }
}
