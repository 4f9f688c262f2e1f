//! How a value is written where only some bytes may stand.
//!
//! Most values are an id, a word, a number: all of their bytes may stand as they are. That is found out a block at a
//! time, and such a value is copied whole; only others are looked at byte by byte.

use wide::i8x16;

use crate::block::{self, Block, is, is_alphanumeric, is_below};

/// How the bytes of a value are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As they are.
    Verbatim,
    /// As they are; CR, LF and NUL are refused.
    Head,
    /// As they are; controls and spaces are refused, which would end the request line's target.
    Target,
    /// Percent-encoded for a path segment or a query's name or value.
    Percent,
    /// As in `application/x-www-form-urlencoded`: percent-encoded with `+` for space.
    Form,
    /// Within a JSON string.
    Json,
    /// Within the quotes of a name in a multipart body, as browsers write it.
    Quoted,
}

impl Encoding {
    /// Appends the value. `false` if it is refused: what has been appended is then of no use.
    pub(super) fn append(self, value: &[u8], out: &mut Vec<u8>) -> bool {
        block::append_unless(value, |block| self.odd(block), out) || self.append_odd(value, out)
    }

    /// One bit for each byte that may not stand as it is.
    #[inline]
    fn odd(self, block: &Block) -> u32 {
        match self {
            Self::Verbatim => 0,
            Self::Head => block::bits(block, |block| is(block, b'\r') | is(block, b'\n') | is(block, 0)),
            Self::Target => block::bits(block, |block| is_below(block, b' ' + 1) | is(block, 0x7f)),
            Self::Percent => block::bits(block, |block| !(is_alphanumeric(block) | is_any(block, *b"-._~"))),
            Self::Form => block::bits(block, |block| !(is_alphanumeric(block) | is_any(block, *b"-._*"))),
            Self::Json => block::bits(block, |block| is_below(block, b' ') | is(block, b'"') | is(block, b'\\')),
            Self::Quoted => block::bits(block, |block| is(block, b'\r') | is(block, b'\n') | is(block, b'"')),
        }
    }

    /// Appends a value of which a byte may not stand as it is.
    #[cold]
    fn append_odd(self, value: &[u8], out: &mut Vec<u8>) -> bool {
        match self {
            Self::Head | Self::Target => return false,
            Self::Verbatim => out.extend_from_slice(value),
            Self::Percent => escape(value, out, &URL_SAFE, percent),
            Self::Form => escape(value, out, &FORM_SAFE, form),
            Self::Json => escape(value, out, &JSON_SAFE, json),
            Self::Quoted => escape(value, out, &QUOTED_SAFE, percent),
        }
        true
    }
}

/// The class of four bytes.
#[expect(clippy::inline_always, reason = "only inlined is a class a constant")]
#[inline(always)]
fn is_any(block: i8x16, [one, two, three, four]: [u8; 4]) -> i8x16 {
    is(block, one) | is(block, two) | is(block, three) | is(block, four)
}

/// Whether the value may not appear in the head of a request, because it has a CR, LF or NUL that could end its line
/// and begin another (request splitting by test data).
#[must_use]
pub(crate) fn forbidden_in_head(value: &[u8]) -> bool {
    memchr::memchr3(b'\r', b'\n', 0, value).is_some()
}

/// Appends a value as it is written in `application/x-www-form-urlencoded`.
pub(crate) fn append_form_value(value: &[u8], out: &mut Vec<u8>) {
    escape(value, out, &FORM_SAFE, form);
}

/// Appends the text of a URL as people write it: what may appear in a URL, delimiters and `%` included, is left alone,
/// and all else (spaces, quotes, letters beyond ASCII) is percent-encoded.
pub(crate) fn append_url_text(text: &[u8], out: &mut Vec<u8>) {
    escape(text, out, &URL_TEXT, percent);
}

/// Bytes that are copied as they are.
type Safe = [bool; 256];

const fn with(mut safe: Safe, bytes: &[u8]) -> Safe {
    let mut index = 0;
    while index < bytes.len() {
        safe[bytes[index] as usize] = true;
        index += 1;
    }
    safe
}

const ALPHANUMERIC: Safe = with([false; 256], b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");

/// Unreserved characters of RFC 3986.
static URL_SAFE: Safe = with(ALPHANUMERIC, b"-._~");

/// The WHATWG form set.
static FORM_SAFE: Safe = with(ALPHANUMERIC, b"-._*");

/// Unreserved and reserved characters of RFC 3986, and `%`.
static URL_TEXT: Safe = with(ALPHANUMERIC, b"-._~:/?#[]@!$&'()*+,;=%");

/// Everything but controls, `"` and `\`. Bytes beyond ASCII are left as they are: JSON is UTF-8.
static JSON_SAFE: Safe = {
    let mut safe = [true; 256];
    let mut byte = 0;
    while byte < 0x20 {
        safe[byte] = false;
        byte += 1;
    }
    safe[b'"' as usize] = false;
    safe[b'\\' as usize] = false;
    safe
};

/// Everything but `"`, CR and LF.
static QUOTED_SAFE: Safe = {
    let mut safe = [true; 256];
    safe[b'"' as usize] = false;
    safe[b'\r' as usize] = false;
    safe[b'\n' as usize] = false;
    safe
};

/// Appends runs of safe bytes whole, and other bytes by way of `write`.
fn escape(value: &[u8], out: &mut Vec<u8>, safe: &Safe, write: fn(u8, &mut Vec<u8>)) {
    let mut rest = value;
    while let Some(run) = rest.iter().position(|byte| !safe[usize::from(*byte)]) {
        out.extend_from_slice(&rest[..run]);
        write(rest[run], out);
        rest = &rest[run + 1..];
    }
    out.extend_from_slice(rest);
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

fn percent(byte: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
}

fn form(byte: u8, out: &mut Vec<u8>) {
    if byte == b' ' { out.push(b'+') } else { percent(byte, out) }
}

fn json(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(encoding: Encoding, value: &str) -> Option<String> {
        let mut out = Vec::new();
        encoding.append(value.as_bytes(), &mut out).then(|| String::from_utf8(out).unwrap())
    }

    /// A value in a path cannot leave its segment, nor one in a query its parameter.
    #[test]
    fn percent_keeps_values_in_their_place() {
        assert_eq!(encoded(Encoding::Percent, "a/b?c=d&e#f").unwrap(), "a%2Fb%3Fc%3Dd%26e%23f");
        assert_eq!(encoded(Encoding::Percent, "ü +~").unwrap(), "%C3%BC%20%2B~");
        assert_eq!(encoded(Encoding::Percent, "\r\n\0").unwrap(), "%0D%0A%00");
    }

    /// What may stand as it is is the same byte by byte and a block at a time.
    #[test]
    fn blocks_agree_with_the_tables() {
        let tables = [(Encoding::Percent, &URL_SAFE), (Encoding::Form, &FORM_SAFE), (Encoding::Json, &JSON_SAFE)];
        for (encoding, safe) in tables {
            for byte in 0..=u8::MAX {
                let mut out = Vec::new();
                assert!(encoding.append(&[byte], &mut out));
                assert_eq!(out == [byte], safe[usize::from(byte)], "{encoding:?} {byte:#x}");
            }
        }
    }

    /// A form has `+` for a space.
    #[test]
    fn form_fields() {
        assert_eq!(encoded(Encoding::Form, "a b&c=~*").unwrap(), "a+b%26c%3D%7E*");
    }

    /// In a head and in a raw URL slot, bytes that would end the line are refused rather than changed.
    #[test]
    fn heads_refuse_line_ends() {
        for bad in ["a\r\nHost: b", "a\nb", "a\0b", "a\rb"] {
            assert_eq!(encoded(Encoding::Head, bad), None);
            assert_eq!(encoded(Encoding::Target, bad), None);
        }
        assert_eq!(encoded(Encoding::Head, "a b\t").unwrap(), "a b\t");
        assert_eq!(encoded(Encoding::Target, "a b"), None);
        assert_eq!(encoded(Encoding::Target, "a/b%20?c").unwrap(), "a/b%20?c");
    }

    /// The text of a URL keeps its delimiters and escapes, and loses what no URL may have.
    #[test]
    fn url_text() {
        let mut out = Vec::new();
        append_url_text("/a b/%20?q=ä&r=<x>".as_bytes(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "/a%20b/%20?q=%C3%A4&r=%3Cx%3E");
    }

    proptest! {
        /// What is written into a JSON string is read back as the same text.
        #[test]
        fn json_round_trip(text: String) {
            let quoted = format!("\"{}\"", encoded(Encoding::Json, &text).unwrap());
            prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
        }

        /// A value with an odd byte anywhere is written as each of its bytes would be.
        #[test]
        fn bytes_are_written_as_each_alone(
            text in "[a-zA-Z0-9]{0,40}", odd in any::<u8>(), rest in "[a-zA-Z0-9]{0,40}",
        ) {
            let value = [text.as_bytes(), &[odd], rest.as_bytes()].concat();
            for encoding in [Encoding::Verbatim, Encoding::Percent, Encoding::Form, Encoding::Json] {
                let (mut whole, mut alone) = (b"before".to_vec(), b"before".to_vec());
                prop_assert!(encoding.append(&value, &mut whole));
                for byte in &value {
                    encoding.append(&[*byte], &mut alone);
                }
                prop_assert_eq!(whole, alone, "{:?}", encoding);
            }
            prop_assert_eq!(Encoding::Head.append(&value, &mut Vec::new()), !b"\r\n\0".contains(&odd));
            prop_assert_eq!(Encoding::Target.append(&value, &mut Vec::new()), odd > b' ' && odd != 0x7f);
        }

        /// Percent-encoding leaves only unreserved characters, and can be undone.
        #[test]
        fn percent_round_trip(value: Vec<u8>) {
            let mut out = Vec::new();
            prop_assert!(Encoding::Percent.append(&value, &mut out));
            prop_assert!(out.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(byte)));
            let mut decoded = Vec::new();
            let mut rest = &out[..];
            while let [first, tail @ ..] = rest {
                if *first == b'%' {
                    decoded.push(u8::from_str_radix(std::str::from_utf8(&tail[..2]).unwrap(), 16).unwrap());
                    rest = &tail[2..];
                } else {
                    decoded.push(*first);
                    rest = tail;
                }
            }
            prop_assert_eq!(decoded, value);
        }
    }
}
