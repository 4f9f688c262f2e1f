//! `gzip` (RFC 1952) and `deflate` (RFC 1950, or 1951 alone).

use std::io::{ErrorKind, Read as _};

use flate2::bufread::GzDecoder;
use flate2::{Decompress, FlushDecompress, Status};

use super::{Fault, MOST_PARTS, Output, PIECE};

/// What a member of gzip begins with.
const MAGIC: &[u8] = &[0x1f, 0x8b];

/// One member after another. What follows the last one is ignored, as gzip itself does.
pub(super) fn decode_gzip(mut input: &[u8], output: &mut Output) -> Result<(), Fault> {
    for _ in 0..MOST_PARTS {
        input = decode_member(input, output)?;
        if !input.starts_with(MAGIC) {
            return Ok(());
        }
    }
    Err(Fault::Costly)
}

/// Gives what follows the member.
fn decode_member<'a>(input: &'a [u8], output: &mut Output) -> Result<&'a [u8], Fault> {
    let mut member = GzDecoder::new(input);
    let mut piece = [0; PIECE];
    loop {
        match member.read(&mut piece) {
            Ok(0) => return Ok(member.into_inner()),
            Ok(length) => output.take(&piece[..length])?,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(Fault::Truncated),
            Err(_) => return Err(Fault::Damaged),
        }
    }
}

/// With the header and the sum of zlib, as it should be, or without, as some servers send it and browsers accept it.
pub(super) fn decode(input: &[u8], output: &mut Output) -> Result<(), Fault> {
    let before = output.bytes.len();
    let looks_like_zlib = match input {
        [method, flags, ..] => method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0,
        _ => false,
    };
    if looks_like_zlib {
        let result = inflate(Decompress::new(true), input, output);
        if result != Err(Fault::Damaged) {
            return result;
        }
        // Raw data can begin like that by chance.
        let mut other = Output { bytes: Vec::new(), most: output.most - before };
        if inflate(Decompress::new(false), input, &mut other).is_err() {
            return result;
        }
        output.bytes.truncate(before);
        return output.take(&other.bytes);
    }
    inflate(Decompress::new(false), input, output)
}

fn inflate(mut stream: Decompress, input: &[u8], output: &mut Output) -> Result<(), Fault> {
    let mut piece = [0; PIECE];
    loop {
        let taken = usize::try_from(stream.total_in()).unwrap_or(usize::MAX).min(input.len());
        let written = stream.total_out();
        let status = stream.decompress(&input[taken..], &mut piece, FlushDecompress::None);
        let length = usize::try_from(stream.total_out() - written).unwrap_or(0);
        output.take(&piece[..length])?;
        match status {
            Ok(Status::StreamEnd) => return Ok(()),
            Ok(_) if length == 0 && stream.total_in() == taken as u64 => return Err(Fault::Truncated),
            Ok(_) => {}
            Err(_) => return Err(Fault::Damaged),
        }
    }
}
