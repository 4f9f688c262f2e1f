//! Finding the next byte of a class, sixteen bytes at a time.
//!
//! The classes are computed with plain array code that the compiler turns into vector instructions of the target; no `unsafe`, no
//! code per architecture.

/// Bytes looked at together.
const BLOCK: usize = 16;

/// Where the first control character (below 0x20, or 0x7f) at or after `from` stands; the length of `bytes` if there is none.
#[inline]
pub(super) fn control(bytes: &[u8], from: usize) -> usize {
    first(bytes, from, |byte| byte < 0x20 || byte == 0x7f)
}

/// Where the first byte at or after `from` stands that is neither a letter nor a dash; the length of `bytes` if there is none.
#[inline]
pub(super) fn name_end(bytes: &[u8], from: usize) -> usize {
    first(bytes, from, |byte| !((byte | 0x20).wrapping_sub(b'a') < 26 || byte == b'-'))
}

/// Where the first byte of the class at or after `from` stands.
#[expect(clippy::inline_always, reason = "only inlined does the class become vector code")]
#[inline(always)]
fn first(bytes: &[u8], from: usize, class: impl Fn(u8) -> bool + Copy) -> usize {
    let mut at = from;
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
        let found = u128::from_le_bytes(block.map(|byte| if class(byte) { 0xff } else { 0 }));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += BLOCK;
    }
    while bytes.get(at).is_some_and(|byte| !class(*byte)) {
        at += 1;
    }
    at.min(bytes.len())
}
