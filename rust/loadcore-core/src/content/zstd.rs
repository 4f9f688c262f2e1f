//! `zstd` (RFC 8878), with the window that RFC 9659 allows for content.

use std::io::Read;

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{Fault, MOST_PARTS, Output, PIECE};

/// The largest window that a sender may ask for, unless the body may be larger anyway.
const WINDOW: usize = 8 << 20;

/// One frame after another, those without content skipped. What follows the last one is ignored.
pub(super) fn decode(input: &[u8], output: &mut Output) -> Result<(), Fault> {
    let mut source = Source { rest: input, ran_out: false };
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(output.most.max(WINDOW) as u64);
    for _ in 0..MOST_PARTS {
        decode_frame(&mut decoder, &mut source, output)?;
        if !begins_frame(source.rest) {
            return Ok(());
        }
    }
    Err(Fault::Costly)
}

fn decode_frame(decoder: &mut FrameDecoder, source: &mut Source<'_>, output: &mut Output) -> Result<(), Fault> {
    match decoder.reset(&mut *source) {
        Ok(()) => {}
        Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
            source.rest = source.rest.get(length as usize..).ok_or(Fault::Truncated)?;
            return Ok(());
        }
        Err(FrameDecoderError::WindowSizeTooBig { .. }) => return Err(Fault::Costly),
        Err(_) => return Err(source.fault()),
    }
    let mut piece = [0; PIECE];
    loop {
        let is_over = decoder.is_finished();
        if !is_over {
            let block = decoder.decode_blocks(&mut *source, BlockDecodingStrategy::UptoBlocks(1));
            if block.is_err() {
                // What came before it may be shown.
                drain(decoder, &mut piece, output)?;
                return Err(source.fault());
            }
        }
        drain(decoder, &mut piece, output)?;
        if is_over {
            break;
        }
    }
    let sum = decoder.get_checksum_from_data();
    if sum.is_some() && sum != decoder.get_calculated_checksum() { Err(Fault::Damaged) } else { Ok(()) }
}

/// Takes what the decoder gives away; the rest stays in its window.
fn drain(decoder: &mut FrameDecoder, piece: &mut [u8], output: &mut Output) -> Result<(), Fault> {
    loop {
        match decoder.read(piece) {
            Ok(0) => return Ok(()),
            Ok(length) => output.take(&piece[..length])?,
            Err(_) => return Err(Fault::Damaged),
        }
    }
}

/// Whether a frame follows, be it one that is skipped.
fn begins_frame(rest: &[u8]) -> bool {
    matches!(rest, [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// The input; knows whether more was asked for than there is.
struct Source<'a> {
    rest: &'a [u8],
    ran_out: bool,
}

impl Source<'_> {
    const fn fault(&self) -> Fault {
        if self.ran_out { Fault::Truncated } else { Fault::Damaged }
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.rest.read(buffer)?;
        self.ran_out |= length < buffer.len();
        Ok(length)
    }
}
