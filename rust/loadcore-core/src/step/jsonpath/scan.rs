//! Reading JSON text without building anything.

use super::{reach, usual};
use crate::block::{self, Block};

/// The text is not JSON, as far as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::step) struct NotJson;

/// A place in a JSON text, in front of a value. Moves forward only and never calls itself, so that no depth of nesting
/// can exhaust the stack.
///
/// What is short is inlined, so that the place stays in a register from member to member; what is rare or long is a
/// call that takes the text and the place and gives another place.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    /// Whether the value stands within another one: then something must follow it.
    inside: bool,
}

impl<'a> Cursor<'a> {
    #[inline]
    pub(super) const fn new(text: &'a [u8]) -> Self {
        // Some servers begin with a byte order mark.
        let text = if let [0xef, 0xbb, 0xbf, text @ ..] = text { text } else { text };
        Self { text, at: 0, inside: false }
    }

    /// Moves in front of the value of the first member with this name. `false` if the value is not an object or has no
    /// such member.
    #[inline]
    pub(super) fn enter_member(&mut self, name: &Name) -> Result<bool, NotJson> {
        if !self.open(b'{')? {
            return Ok(false);
        }
        loop {
            match usual::pass_members(self.text, self.at, name) {
                Ok(at) => {
                    self.at = at;
                    return Ok(true);
                }
                Err(at) => self.at = at,
            }
            match self.peek()? {
                b'"' => {}
                b'}' => return Ok(false),
                _ => return Err(NotJson),
            }
            let key = self.string()?;
            if self.peek()? != b':' {
                return Err(NotJson);
            }
            self.at += 1;
            if key.is(name, self.text)? {
                return Ok(true);
            }
            self.skip()?;
            if !self.next_in(b'}')? {
                return Ok(false);
            }
        }
    }

    /// Moves in front of the element with this index. `false` if the value is not an array or is shorter.
    #[inline]
    pub(super) fn enter_element(&mut self, index: u64) -> Result<bool, NotJson> {
        if !self.open(b'[')? || self.peek()? == b']' {
            return Ok(false);
        }
        for _ in 0..index {
            self.skip()?;
            if !self.next_in(b']')? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// How many elements the array has; 0 if the value is none.
    pub(super) fn count_elements(mut self) -> Result<u64, NotJson> {
        if !self.open(b'[')? || self.peek()? == b']' {
            return Ok(0);
        }
        let mut count = 1;
        loop {
            self.skip()?;
            if !self.next_in(b']')? {
                return Ok(count);
            }
            count += 1;
        }
    }

    /// The text of the value, without space around it.
    pub(super) fn value(mut self) -> Result<&'a [u8], NotJson> {
        let first = self.peek()?;
        let start = self.at;
        self.skip_value(first)?;
        // A number may be cut short.
        if self.inside && self.at == self.text.len() { Err(NotJson) } else { Ok(&self.text[start..self.at]) }
    }

    /// Passes the bracket that opens the value, and the one that closes it if there is nothing between them: there is
    /// then nothing to read.
    pub(super) fn begin(&mut self, open: u8, close: u8) -> Result<bool, NotJson> {
        if !self.open(open)? {
            return Err(NotJson);
        }
        let more = self.peek()? != close;
        self.at += usize::from(!more);
        Ok(more)
    }

    /// Passes what follows a member or element: a comma, or the closing bracket, after which there are no more.
    pub(super) fn goes_on(&mut self, close: u8) -> Result<bool, NotJson> {
        let more = self.next_in(close)?;
        self.at += usize::from(!more);
        Ok(more)
    }

    /// Passes a member's name and the colon; gives what stands between the quotes.
    pub(super) fn name(&mut self) -> Result<&'a [u8], NotJson> {
        if self.peek()? != b'"' {
            return Err(NotJson);
        }
        let Quoted { begin, end, .. } = self.string()?;
        if self.peek()? != b':' {
            return Err(NotJson);
        }
        self.at += 1;
        Ok(&self.text[begin..end])
    }

    /// Passes a value; gives its text.
    pub(super) fn take(&mut self) -> Result<&'a [u8], NotJson> {
        let first = self.peek()?;
        let start = self.at;
        self.skip_value(first)?;
        Ok(&self.text[start..self.at])
    }

    /// The text from here to another place.
    pub(super) fn up_to(&self, end: &Self) -> &'a [u8] {
        &self.text[self.at..end.at]
    }

    /// Whether nothing but space follows.
    pub(super) fn is_at_end(&self) -> bool {
        reach::end_of_space(self.text, self.at) == self.text.len()
    }

    /// Passes the bracket that opens the value, if it is this one.
    #[inline]
    fn open(&mut self, bracket: u8) -> Result<bool, NotJson> {
        match self.peek()? {
            byte if byte == bracket => {
                self.at += 1;
                self.inside = true;
                Ok(true)
            }
            b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => Ok(false),
            _ => Err(NotJson),
        }
    }

    /// Passes the comma between two values; `false` at the closing bracket.
    #[inline]
    fn next_in(&mut self, close: u8) -> Result<bool, NotJson> {
        match self.peek()? {
            b',' => {
                self.at += 1;
                Ok(true)
            }
            byte if byte == close => Ok(false),
            _ => Err(NotJson),
        }
    }

    /// The next byte that is not a space.
    #[inline]
    pub(super) fn peek(&mut self) -> Result<u8, NotJson> {
        match self.text.get(self.at) {
            Some(byte) if *byte > b' ' => Ok(*byte),
            _ => {
                self.at = reach::end_of_space(self.text, self.at);
                self.text.get(self.at).copied().ok_or(NotJson)
            }
        }
    }

    /// Passes a string.
    #[expect(clippy::inline_always, reason = "as a call, it makes the place live in memory")]
    #[inline(always)]
    fn string(&mut self) -> Result<Quoted, NotJson> {
        let begin = self.at + 1;
        let mut end = reach::quote_or_backslash(self.text, begin).ok_or(NotJson)?;
        let escaped = self.text[end] == b'\\';
        if escaped {
            end = reach::end_of_escaped(self.text, end).ok_or(NotJson)?;
        }
        self.at = end + 1;
        Ok(Quoted { begin, end, escaped })
    }

    /// Passes a value.
    #[expect(clippy::inline_always, reason = "as a call, it makes the place live in memory")]
    #[inline(always)]
    fn skip(&mut self) -> Result<(), NotJson> {
        let first = self.peek()?;
        self.skip_value(first)
    }

    /// Passes a value that begins here, and with this byte.
    #[expect(clippy::inline_always, reason = "as a call, it makes the place live in memory")]
    #[inline(always)]
    fn skip_value(&mut self, first: u8) -> Result<(), NotJson> {
        self.at = match first {
            b'"' => return self.string().map(|_| ()),
            b'{' | b'[' => reach::end_of_nested(self.text, self.at).ok_or(NotJson)?,
            b'-' | b'0'..=b'9' => reach::end_of_scalar(self.text, self.at),
            b't' => reach::end_of_word(self.text, self.at, b"true").ok_or(NotJson)?,
            b'f' => reach::end_of_word(self.text, self.at, b"false").ok_or(NotJson)?,
            b'n' => reach::end_of_word(self.text, self.at, b"null").ok_or(NotJson)?,
            _ => return Err(NotJson),
        };
        Ok(())
    }
}

/// What stands between two quotes.
struct Quoted {
    begin: usize,
    end: usize,
    escaped: bool,
}

impl Quoted {
    /// Whether it is this name.
    #[inline]
    fn is(&self, name: &Name, text: &[u8]) -> Result<bool, NotJson> {
        if self.escaped {
            unescapes_to(&text[self.begin..self.end], &name.text)
        } else {
            Ok(self.end - self.begin == name.text.len() && name.begins(&text[self.begin..]))
        }
    }
}

/// A member's name, which has no backslash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::step) struct Name {
    text: Box<[u8]>,
    /// What the text begins with, and one bit for each byte of it.
    begin: (Block, u32),
}

impl Name {
    pub(super) fn new(text: &str) -> Self {
        let text = text.as_bytes();
        let length = text.len().min(block::SIZE);
        let block = block::padded(&text[..length]).unwrap_or_default();
        Self { text: text.into(), begin: (block, !(u32::MAX << length)) }
    }

    /// Whether it is the first `length` bytes of a block.
    #[inline]
    pub(super) fn is(&self, block: &Block, length: usize) -> bool {
        let (begin, begin_bits) = &self.begin;
        length == self.text.len() && block::same(block, begin) & begin_bits == *begin_bits
    }

    /// Whether this text begins with the name.
    #[inline]
    fn begins(&self, text: &[u8]) -> bool {
        let (begin, begin_bits) = &self.begin;
        match text.first_chunk() {
            Some(block) if self.text.len() <= block::SIZE => block::same(block, begin) & begin_bits == *begin_bits,
            _ => text.starts_with(&self.text),
        }
    }
}

#[cold]
fn unescapes_to(text: &[u8], name: &[u8]) -> Result<bool, NotJson> {
    let mut rest = name;
    let mut same = true;
    pieces(text, |piece| match rest.strip_prefix(piece) {
        Some(after) => rest = after,
        None => same = false,
    })?;
    Ok(same && rest.is_empty())
}

/// Appends the text that stands between the quotes of a string, its escapes replaced.
pub(in crate::step) fn unescape(text: &[u8], out: &mut Vec<u8>) -> Result<(), NotJson> {
    let backslashes = |block: &Block| block::bits(block, |block| block::is(block, b'\\'));
    if block::append_unless(text, backslashes, out) { Ok(()) } else { unescape_pieces(text, out) }
}

#[cold]
fn unescape_pieces(text: &[u8], out: &mut Vec<u8>) -> Result<(), NotJson> {
    pieces(text, |piece| out.extend_from_slice(piece))
}

/// Hands out a string's text in pieces: runs without escapes, and what each escape stands for.
#[inline]
fn pieces(mut text: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), NotJson> {
    while let Some(run) = memchr::memchr(b'\\', text) {
        each(&text[..run]);
        let (escape, rest) = text[run + 1..].split_first().ok_or(NotJson)?;
        text = rest;
        let byte = match escape {
            b'"' | b'\\' | b'/' => *escape,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let (character, rest) = unicode(text)?;
                each(character.encode_utf8(&mut [0; 4]).as_bytes());
                text = rest;
                continue;
            }
            _ => return Err(NotJson),
        };
        each(&[byte]);
    }
    each(text);
    Ok(())
}

/// The character of one `\u` escape, or of two that are a surrogate pair, and the text after it. The first `\u` has
/// been read. Half a pair stands for no character.
fn unicode(text: &[u8]) -> Result<(char, &[u8]), NotJson> {
    let (first, rest) = hex(text)?;
    if let Some(character) = char::from_u32(first) {
        return Ok((character, rest));
    }
    let (second, rest) = hex(rest.strip_prefix(b"\\u").ok_or(NotJson)?)?;
    if !(0xd800..0xdc00).contains(&first) || !(0xdc00..0xe000).contains(&second) {
        return Err(NotJson);
    }
    let character = char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)).ok_or(NotJson)?;
    Ok((character, rest))
}

fn hex(text: &[u8]) -> Result<(u32, &[u8]), NotJson> {
    let (digits, rest) = text.split_at_checked(4).ok_or(NotJson)?;
    let number = digits.iter().try_fold(0, |number, digit| Some(number * 16 + char::from(*digit).to_digit(16)?));
    Ok((number.ok_or(NotJson)?, rest))
}
