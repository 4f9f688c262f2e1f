//! Members as most servers write them: no space, no escapes, a short name and a short string or number. They are passed in
//! half the instructions that it takes to be ready for anything.

use super::reach;
use super::scan::Name;
use crate::block::{self, SIZE};

/// What is looked at at once: a quote, a block, and what follows the string that ends in it.
type Window = [u8; SIZE + 2];

/// Passes members, from the one whose name begins at `at`, for as long as they are usual and not called `name`. Gives
/// where it has come to: the value of the member of that name, or a member that is not usual.
#[inline]
pub(super) fn pass_members(text: &[u8], mut at: usize, name: &Name) -> Result<usize, usize> {
    while let Some(window) = window(text, at)
        && let Some(quote) = end_of_string(window)
        && window[quote + 1] == b':'
    {
        let begin = at + quote + 2;
        let [_, block @ .., _] = window;
        if name.is(block, quote - 1) {
            return Ok(begin);
        }
        let Some(length) = length_of_value(text, begin) else { break };
        at = begin + length + 1;
    }
    Err(at)
}

#[inline]
fn window(text: &[u8], at: usize) -> Option<&Window> {
    text.get(at..)?.first_chunk()
}

/// The quote that ends the string that begins a window.
#[inline]
fn end_of_string(window: &Window) -> Option<usize> {
    let [b'"', block @ .., _] = window else { return None };
    let quote = 1 + first(block::bits(block, reach::is_quote_or_backslash))?;
    if window[quote] == b'"' { Some(quote) } else { None }
}

/// How long a usual value is that a comma follows.
#[inline]
fn length_of_value(text: &[u8], at: usize) -> Option<usize> {
    let window = window(text, at)?;
    let length = match window {
        [b'"', ..] => end_of_string(window)? + 1,
        [b'-' | b'0'..=b'9', ..] => {
            let [block @ .., _, _] = window;
            first(block::bits(block, |block| !reach::is_of_usual_number(block)))?
        }
        _ => return None,
    };
    if window[length] == b',' { Some(length) } else { None }
}

/// The place of the first bit that is set, within a block.
#[inline]
fn first(bits: u32) -> Option<usize> {
    if bits == 0 { None } else { Some(bits.trailing_zeros() as usize % SIZE) }
}
