//! How far parts of a JSON text reach, found a block at a time.

use wide::i8x16;

use crate::block::{self, SIZE, is, is_alphanumeric, is_below};

/// Where the first `"` or `\` is, from `at` on.
#[inline]
pub(super) fn quote_or_backslash(text: &[u8], at: usize) -> Option<usize> {
    first(text, at, is_quote_or_backslash)
}

#[expect(clippy::inline_always, reason = "a few instructions")]
#[inline(always)]
pub(super) fn is_quote_or_backslash(block: i8x16) -> i8x16 {
    is(block, b'"') | is(block, b'\\')
}

/// What numbers and words are made of.
#[expect(clippy::inline_always, reason = "a few instructions")]
#[inline(always)]
pub(super) fn is_of_scalar(block: i8x16) -> i8x16 {
    is_alphanumeric(block) | is(block, b'-') | is(block, b'+') | is(block, b'.')
}

/// What a number is made of, but for its exponent: the sign, the point, digits and what is between them.
#[expect(clippy::inline_always, reason = "a few instructions")]
#[inline(always)]
pub(super) fn is_of_usual_number(block: i8x16) -> i8x16 {
    is_below(block - i8x16::splat(b'-'.cast_signed()), b'9' - b'-' + 1)
}

/// Where the quote is that ends a string, whose text has its first backslash at `at`.
#[cold]
pub(super) fn end_of_escaped(text: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    while *text.get(end)? == b'\\' {
        // The escaped byte ends nothing, whatever it is.
        end = quote_or_backslash(text, end + 2)?;
    }
    Some(end)
}

/// Where the first quote, bracket or brace is, from `at` on.
#[inline]
fn quote_or_bracket(text: &[u8], at: usize) -> Option<usize> {
    first(text, at, |block| {
        // One bit parts brackets from braces.
        let brace = block | i8x16::splat(0x20);
        is(block, b'"') | is(brace, b'{') | is(brace, b'}')
    })
}

/// What follows the list or object that begins at `at`.
#[inline(never)]
pub(super) fn end_of_nested(text: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        let found = quote_or_bracket(text, at)?;
        at = found + 1;
        match text[found] {
            b'"' => {
                let end = quote_or_backslash(text, at)?;
                at = if text[end] == b'"' { end } else { end_of_escaped(text, end)? } + 1;
            }
            b'{' | b'[' => depth += 1,
            _ if depth == 1 => return Some(at),
            _ => depth -= 1,
        }
    }
}

/// Where the space ends that may be at `at`.
#[inline(never)]
pub(super) fn end_of_space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

/// Where the first byte is, from `at` on, that is in no number and no word; the text's end if there is none.
#[inline]
pub(super) fn end_of_scalar(text: &[u8], at: usize) -> usize {
    first(text, at, |block| !is_of_scalar(block)).unwrap_or(text.len())
}

/// Where a word ends that may be at `at`; `None` if it is not, or is the beginning of a longer one.
#[inline]
pub(super) fn end_of_word<const N: usize>(text: &[u8], at: usize, word: &[u8; N]) -> Option<usize> {
    let (found, rest) = text.get(at..)?.split_first_chunk()?;
    let is_longer = matches!(rest.first(), Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'+' | b'.'));
    (found == word && !is_longer).then_some(at + N)
}

/// Where the first byte of the class is, from `at` on. Mostly, the first block knows.
#[expect(clippy::inline_always, reason = "only inlined is a class a constant")]
#[inline(always)]
fn first(text: &[u8], at: usize, class: impl Fn(i8x16) -> i8x16) -> Option<usize> {
    let rest = text.get(at..)?;
    if let Some(block) = rest.first_chunk() {
        let bits = block::bits(block, &class);
        if bits != 0 {
            return Some(at + bits.trailing_zeros() as usize);
        }
    }
    first_of_many(text, at, class)
}

/// The same for any number of blocks, and for less than one.
#[inline(never)]
fn first_of_many(text: &[u8], at: usize, class: impl Fn(i8x16) -> i8x16) -> Option<usize> {
    let (blocks, rest) = text.get(at..)?.as_chunks::<SIZE>();
    for (index, block) in blocks.iter().enumerate() {
        let bits = block::bits(block, &class);
        if bits != 0 {
            return Some(at + index * SIZE + bits.trailing_zeros() as usize);
        }
    }
    let bits = block::bits(&block::padded(rest)?, &class);
    // Of the zeros behind the rest, nothing is found.
    let found = bits.trailing_zeros() as usize;
    (found < rest.len()).then_some(at + blocks.len() * SIZE + found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What is found is what a look at each byte finds.
        #[test]
        fn same_as_byte_by_byte(
            text in prop::collection::vec(prop_oneof![2 => any::<u8>(), 5 => Just(b'7'), 5 => Just(b'#')], 0..60),
            at in 0_usize..60,
        ) {
            let slow = |wanted: fn(u8) -> bool| (at..text.len()).find(|place| wanted(text[*place]));
            prop_assert_eq!(quote_or_backslash(&text, at), slow(|byte| b"\"\\".contains(&byte)));
            prop_assert_eq!(quote_or_bracket(&text, at), slow(|byte| b"\"[]{}".contains(&byte)));
            let scalar = slow(|byte| !(byte.is_ascii_alphanumeric() || b"-+.".contains(&byte)));
            prop_assert_eq!(end_of_scalar(&text, at), scalar.unwrap_or(text.len()));
        }
    }

    /// Every byte is distinguished, at every place of a block.
    #[test]
    fn each_byte() {
        for byte in 0..=u8::MAX {
            for at in 0..=SIZE {
                let mut text = [b'a'; SIZE + 1];
                text[at] = byte;
                assert_eq!(quote_or_backslash(&text, 0), b"\"\\".contains(&byte).then_some(at), "{byte:#x} at {at}");
                assert_eq!(quote_or_bracket(&text, 0), b"\"[]{}".contains(&byte).then_some(at), "{byte:#x} at {at}");
                let is_scalar = byte.is_ascii_alphanumeric() || b"-+.".contains(&byte);
                let end = if is_scalar { text.len() } else { at };
                assert_eq!(end_of_scalar(&text, 0), end, "{byte:#x} at {at}");
            }
        }
    }
}
