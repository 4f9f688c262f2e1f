//! Sixteen bytes at a time: what a vector register holds on every machine.
//!
//! Most of what a request is made of (an id, a header's name, a JSON key) fits one block. So where bytes are looked at or
//! copied for each request, it is done in blocks of fixed size, which take no call and no loop.

use wide::i8x16;

/// Bytes in a block.
pub(crate) const SIZE: usize = 16;

const HALF: usize = SIZE / 2;

/// A block.
pub(crate) type Block = [u8; SIZE];

/// The bytes with zeros behind them, if they fit a block.
#[inline]
pub(crate) fn padded(bytes: &[u8]) -> Option<Block> {
    if let Ok(block) = bytes.try_into() {
        return Some(block);
    }
    let length = bytes.len();
    // Of two reads that together cover all bytes, some bytes may be in both: there they agree.
    let word = if let (Some(begin), Some(end)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        if length > SIZE {
            return None;
        }
        u128::from(u64::from_le_bytes(*begin)) | u128::from(u64::from_le_bytes(*end)) << (8 * (length - 8))
    } else if let (Some(begin), Some(end)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let (begin, end) = (u32::from_le_bytes(*begin), u32::from_le_bytes(*end));
        u128::from(u64::from(begin) | u64::from(end) << (8 * (length - 4)))
    } else {
        match *bytes {
            [] => 0,
            [one] => u128::from(one),
            [one, two] => u128::from(u16::from_le_bytes([one, two])),
            [one, two, three, ..] => u128::from(u32::from_le_bytes([one, two, three, 0])),
        }
    };
    Some(word.to_le_bytes())
}

/// One bit for each byte of the class, the first byte's the lowest. A class gives all ones for each byte that is of it.
#[expect(clippy::inline_always, reason = "only inlined is a class a constant")]
#[inline(always)]
pub(crate) fn bits(block: &Block, class: impl Fn(i8x16) -> i8x16) -> u32 {
    class(i8x16::new(block.map(u8::cast_signed))).to_bitmask()
}

/// One bit for each byte that is the same in both.
#[inline]
pub(crate) fn same(left: &Block, right: &Block) -> u32 {
    let right = i8x16::new(right.map(u8::cast_signed));
    bits(left, |left| left.simd_eq(right))
}

/// The class of this byte.
#[expect(clippy::inline_always, reason = "only inlined is a class a constant")]
#[inline(always)]
pub(crate) fn is(block: i8x16, byte: u8) -> i8x16 {
    block.simd_eq(i8x16::splat(byte.cast_signed()))
}

/// The class of the bytes below this one, from 0 on.
#[expect(clippy::inline_always, reason = "only inlined is a class a constant")]
#[inline(always)]
pub(crate) fn is_below(block: i8x16, bound: u8) -> i8x16 {
    // There is no comparison without signs: the whole range is moved down to where the signed one begins.
    let shift = i8x16::splat(i8::MIN);
    (i8x16::splat(bound.cast_signed()) + shift).simd_gt(block + shift)
}

/// The class of ASCII letters and digits.
#[expect(clippy::inline_always, reason = "only inlined is a class a constant")]
#[inline(always)]
pub(crate) fn is_alphanumeric(block: i8x16) -> i8x16 {
    // Moved down to 0, a range is what lies below its length. One bit makes lower case, and no letter of anything else.
    let from = |block: i8x16, first: u8, count: u8| is_below(block - i8x16::splat(first.cast_signed()), count);
    from(block | i8x16::splat(0x20), b'a', 26) | from(block, b'0', 10)
}

/// Appends the first `length` bytes of the block.
#[inline]
pub(crate) fn append(block: &Block, length: usize, out: &mut Vec<u8>) {
    let end = out.len() + length;
    out.extend_from_slice(block);
    out.truncate(end);
}

/// Appends the bytes if none of them is odd, and says whether it did. `odd` gives one bit for each odd byte of a block.
#[expect(clippy::inline_always, reason = "only inlined is a class a constant")]
#[inline(always)]
pub(crate) fn append_unless(bytes: &[u8], odd: impl Fn(&Block) -> u32, out: &mut Vec<u8>) -> bool {
    if let (Some(begin), Some(end)) = (bytes.first_chunk::<HALF>(), bytes.last_chunk::<HALF>())
        && bytes.len() <= SIZE
    {
        let mut block = Block::default();
        block[..HALF].copy_from_slice(begin);
        block[HALF..].copy_from_slice(end);
        let has_odd = odd(&block) != 0;
        if !has_odd {
            // What is in both halves is written twice, and is the same.
            let shared = SIZE - bytes.len();
            out.extend_from_slice(begin);
            out.truncate(out.len() - shared);
            out.extend_from_slice(end);
        }
        return !has_odd;
    }
    if let Some(block) = padded(bytes) {
        // The zeros behind the bytes are not looked at.
        let has_odd = odd(&block) & !(u32::MAX << bytes.len()) != 0;
        if !has_odd {
            append(&block, bytes.len(), out);
        }
        return !has_odd;
    }
    let (blocks, _) = bytes.as_chunks();
    // The last block has what is left over, and some bytes again.
    let has_odd = blocks.iter().chain(bytes.last_chunk()).any(|block| odd(block) != 0);
    if !has_odd {
        out.extend_from_slice(bytes);
    }
    !has_odd
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is padded are the bytes and zeros; what is longer than a block is not padded.
    #[test]
    fn any_length_is_padded() {
        let bytes: Vec<u8> = (1..=20).collect();
        for length in 0..=bytes.len() {
            let mut expected = [0; SIZE];
            let fits = length <= SIZE;
            expected[..length.min(SIZE)].copy_from_slice(&bytes[..length.min(SIZE)]);
            assert_eq!(padded(&bytes[..length]), fits.then_some(expected), "{length}");
        }
    }

    /// Every byte has its own bit, at its own place, and is compared without a sign.
    #[test]
    fn each_byte_is_of_its_class() {
        for byte in 0..=u8::MAX {
            for at in 0..SIZE {
                let mut block = [byte ^ 0x55; SIZE];
                block[at] = byte;
                assert_eq!(bits(&block, |block| is(block, byte)), 1 << at);
                assert_eq!(same(&block, &[byte; SIZE]), 1 << at);
                let below = (0..SIZE).filter(|place| block[*place] < 0x80).fold(0, |bits, place| bits | 1 << place);
                assert_eq!(bits(&block, |block| is_below(block, 0x80)), below);
                let below = (0..SIZE).filter(|place| block[*place] < 0x20).fold(0, |bits, place| bits | 1 << place);
                assert_eq!(bits(&block, |block| is_below(block, 0x20)), below);
                block = [b'#'; SIZE];
                block[at] = byte;
                let alphanumeric = u32::from(byte.is_ascii_alphanumeric()) << at;
                assert_eq!(bits(&block, is_alphanumeric), alphanumeric, "{byte:#x}");
            }
        }
    }

    /// As many bytes are appended as were asked for, and nothing else changes.
    #[test]
    fn begins_are_appended() {
        let block: Block = *b"abcdefghijklmnop";
        for length in 0..=SIZE {
            let mut out = b"before ".to_vec();
            append(&block, length, &mut out);
            assert_eq!(out, [b"before ", &block[..length]].concat());
        }
    }

    /// An odd byte is found anywhere, and only within the bytes.
    #[test]
    fn odd_bytes_are_found() {
        let zeros = |block: &Block| bits(block, |block| is(block, 0));
        for length in 0..50 {
            let mut bytes = vec![b'a'; length];
            let mut out = b"before ".to_vec();
            assert!(append_unless(&bytes, zeros, &mut out));
            assert_eq!(out, [b"before ", &*bytes].concat());
            for at in 0..length {
                bytes[at] = 0;
                let before = out.clone();
                assert!(!append_unless(&bytes, zeros, &mut out), "{at} of {length}");
                assert_eq!(out, before);
                bytes[at] = b'a';
            }
        }
    }
}
