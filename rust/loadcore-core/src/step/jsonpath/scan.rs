//! Reading JSON text without building anything.

use super::word;

/// The text is not JSON, as far as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::step) struct NotJson;

/// What a byte means outside of strings, as far as nesting goes.
#[derive(Clone, Copy)]
enum Kind {
    Other,
    Quote,
    Open,
    Close,
}

static KINDS: [Kind; 256] = {
    let mut kinds = [Kind::Other; 256];
    kinds[b'"' as usize] = Kind::Quote;
    kinds[b'{' as usize] = Kind::Open;
    kinds[b'[' as usize] = Kind::Open;
    kinds[b'}' as usize] = Kind::Close;
    kinds[b']' as usize] = Kind::Close;
    kinds
};

/// A place in a JSON text, in front of a value. Moves forward only and never calls itself, so that no depth of nesting
/// can exhaust the stack.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    /// Whether the value stands within another one: then something must follow it.
    inside: bool,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, inside: false }
    }

    /// Moves in front of the value of the first member with this name. `false` if the value is no object or has no such
    /// member.
    pub(super) fn enter_member(&mut self, name: &str) -> Result<bool, NotJson> {
        if !self.open(b'{')? {
            return Ok(false);
        }
        loop {
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
            if is_name(key, name.as_bytes())? {
                return Ok(true);
            }
            self.skip()?;
            if !self.next_in(b'}')? {
                return Ok(false);
            }
        }
    }

    /// Moves in front of the element with this index. `false` if the value is no array or is shorter.
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
        self.peek()?;
        let start = self.at;
        self.skip()?;
        Ok(&self.text[start..self.at])
    }

    /// Passes the bracket that opens the value, if it is this one.
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

    /// The next byte that is no space.
    #[inline]
    fn peek(&mut self) -> Result<u8, NotJson> {
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(byte) => return Ok(*byte),
                None => return Err(NotJson),
            }
        }
    }

    /// Passes a string and returns what stands between its quotes.
    #[inline]
    fn string(&mut self) -> Result<&'a [u8], NotJson> {
        let start = self.at + 1;
        let end = end_of_string(self.text, start)?;
        self.at = end + 1;
        Ok(&self.text[start..end])
    }

    /// Passes a value.
    fn skip(&mut self) -> Result<(), NotJson> {
        match self.peek()? {
            b'"' => self.string().map(|_| ()),
            b'{' | b'[' => self.skip_nested(),
            _ => self.skip_scalar(),
        }
    }

    fn skip_nested(&mut self) -> Result<(), NotJson> {
        let (text, mut at, mut depth) = (self.text, self.at, 0_usize);
        while let Some(byte) = text.get(at) {
            at += 1;
            match KINDS[usize::from(*byte)] {
                Kind::Other => {}
                Kind::Quote => at = end_of_string(text, at)? + 1,
                Kind::Open => depth += 1,
                Kind::Close => {
                    depth -= 1;
                    if depth == 0 {
                        self.at = at;
                        return Ok(());
                    }
                }
            }
        }
        Err(NotJson)
    }

    fn skip_scalar(&mut self) -> Result<(), NotJson> {
        let rest = &self.text[self.at..];
        let scalar = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        let length = match rest.iter().position(|byte| !scalar(byte)) {
            Some(length) => length,
            None if self.inside => return Err(NotJson),
            None => rest.len(),
        };
        match &rest[..length] {
            b"true" | b"false" | b"null" | [b'-' | b'0'..=b'9', ..] => {
                self.at += length;
                Ok(())
            }
            _ => Err(NotJson),
        }
    }
}

/// Where the quote is that ends the string whose text begins at `at`.
#[inline]
fn end_of_string(text: &[u8], mut at: usize) -> Result<usize, NotJson> {
    loop {
        at = word::quote_or_backslash(text, at).ok_or(NotJson)?;
        if text[at] == b'"' {
            return Ok(at);
        }
        at += 2;
    }
}

/// Whether the text between the quotes of a member's name is this name.
#[inline]
fn is_name(key: &[u8], name: &[u8]) -> Result<bool, NotJson> {
    // Names that are looked for have no backslash, so what is equal has no escapes.
    if key == name {
        return Ok(true);
    }
    // An escape is longer than what it stands for.
    if key.len() <= name.len() || !key.contains(&b'\\') {
        return Ok(false);
    }
    let mut rest = name;
    let mut same = true;
    pieces(key, |piece| match rest.strip_prefix(piece) {
        Some(after) => rest = after,
        None => same = false,
    })?;
    Ok(same && rest.is_empty())
}

/// Appends the text that stands between the quotes of a string, its escapes replaced.
pub(in crate::step) fn unescape(text: &[u8], out: &mut Vec<u8>) -> Result<(), NotJson> {
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
