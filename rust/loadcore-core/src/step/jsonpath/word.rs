//! Looking for the end of a string eight bytes at a time, in plain arithmetic.

/// `byte` in all eight places.
const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Has the top bit of every byte of `word` that is 0, up to the first of them; above it there may be others.
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(all(1)) & !word & all(0x80)
}

/// Where the first `"` or `\` is, from `at` on.
#[inline]
pub(super) fn quote_or_backslash(text: &[u8], mut at: usize) -> Option<usize> {
    while let Some(word) = text.get(at..)?.first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        let marked = zeros(word ^ all(b'"')) | zeros(word ^ all(b'\\'));
        if marked != 0 {
            return Some(at + (marked.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let rest = text.get(at..)?;
    rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).map(|found| at + found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What is found is what a look at each byte finds.
        #[test]
        fn same_as_byte_by_byte(
            text in prop::collection::vec(prop_oneof![3 => any::<u8>(), 3 => Just(b'#'), 1 => Just(b'"')], 0..40),
            at in 0_usize..40,
        ) {
            let expected = text.iter().enumerate().position(|(place, byte)| place >= at && b"\"\\".contains(byte));
            prop_assert_eq!(quote_or_backslash(&text, at), expected);
        }
    }
}
