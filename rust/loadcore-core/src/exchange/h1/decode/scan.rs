//! How far the bytes of a class reach, found sixteen bytes at a time.

use std::ops::RangeInclusive;

use wide::i8x16;

use crate::block::{self, Block, SIZE};

/// Printable ASCII and the space: what values are made of.
pub(super) const PRINTABLE: RangeInclusive<u8> = b' '..=b'~';

/// How many bytes from the begin are printable ASCII or spaces.
#[inline]
pub(super) fn printable(bytes: &[u8]) -> usize {
    // One up, 0x7f and all beyond are negative.
    span(bytes, |block| (block + i8x16::splat(1)).simd_gt(i8x16::splat(PRINTABLE.start().cast_signed())))
}

/// How many bytes from the begin are letters or dashes.
#[inline]
pub(super) fn name(bytes: &[u8]) -> usize {
    span(bytes, |block| {
        // In lower case and moved up until `z` is the largest positive number, letters are the 26 largest.
        let shift = i8x16::splat(i8::MAX - b'z'.cast_signed());
        let is_letter = ((block | i8x16::splat(0x20)) + shift).simd_gt(i8x16::splat(i8::MAX - 26));
        is_letter | block::is(block, b'-')
    })
}

/// How many bytes from the begin are of the class. Mostly, the first block knows.
#[expect(clippy::inline_always, reason = "only inlined is a class a constant")]
#[inline(always)]
fn span(bytes: &[u8], class: impl Fn(i8x16) -> i8x16) -> usize {
    if let Some(block) = bytes.first_chunk() {
        let outside = outside(block, &class);
        if outside != 0 {
            return outside.trailing_zeros() as usize;
        }
    }
    span_of_many(bytes, class)
}

/// The same for any number of blocks, and for less than one.
#[inline(never)]
fn span_of_many(bytes: &[u8], class: impl Fn(i8x16) -> i8x16) -> usize {
    let (blocks, rest) = bytes.as_chunks::<SIZE>();
    for (index, block) in blocks.iter().enumerate() {
        let outside = outside(block, &class);
        if outside != 0 {
            return index * SIZE + outside.trailing_zeros() as usize;
        }
    }
    // Zeros are of no class, and the rest is less than a block.
    let beyond = block::padded(rest).map_or(0, |block| outside(&block, &class).trailing_zeros() as usize);
    blocks.len() * SIZE + beyond
}

/// One bit for each byte that is not of the class.
#[expect(clippy::inline_always, reason = "only inlined is a class a constant")]
#[inline(always)]
fn outside(block: &Block, class: &impl Fn(i8x16) -> i8x16) -> u32 {
    block::bits(block, class) ^ 0xffff
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The blocks find what a look at each byte finds, at any length.
        #[test]
        fn spans_are_what_a_slow_look_finds(
            text in "[a-zA-Z-]{0,40}", odd in any::<u8>(), rest in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let bytes = [text.as_bytes(), &[odd], &rest].concat();
            let slow = |class: fn(&u8) -> bool| bytes.iter().position(|byte| !class(byte)).unwrap_or(bytes.len());
            prop_assert_eq!(name(&bytes), slow(|byte| byte.is_ascii_alphabetic() || *byte == b'-'));
            prop_assert_eq!(printable(&bytes), slow(|byte| (0x20..0x7f).contains(byte)));
        }
    }

    /// Every byte is distinguished, at every place of a block.
    #[test]
    fn each_byte_is_of_its_class() {
        for byte in 0..=u8::MAX {
            for at in 0..2 * SIZE {
                let mut bytes = [b'a'; 3 * SIZE];
                bytes[at] = byte;
                let is_name = byte.is_ascii_alphabetic() || byte == b'-';
                assert_eq!(name(&bytes), if is_name { bytes.len() } else { at }, "{byte:#x} at {at}");
                let is_printable = (0x20..0x7f).contains(&byte);
                assert_eq!(printable(&bytes), if is_printable { bytes.len() } else { at }, "{byte:#x} at {at}");
            }
        }
    }
}
