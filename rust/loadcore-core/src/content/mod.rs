//! Content codings (RFC 9110, 8.4): bodies that came compressed, as they were before.
//!
//! Only what looks into a body has it decoded. Whoever sends it decides how large it becomes, so everything here has a
//! bound: the bytes that come out, the windows of the decoders, and the parts that a body is made of.

mod brotli;
mod deflate;
mod zstd;

/// More codings, one in another, are not read.
const MOST_CODINGS: usize = 4;

/// More members of gzip or frames of zstd are not read: each of them has its cost, even if nothing comes out of it.
const MOST_PARTS: usize = 4096;

/// Longest part of the name of an unknown coding that is shown.
const MOST_OF_A_NAME: usize = 40;

/// Why nothing is found in a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It was too large to be kept.
    NotKept,
    /// It is too large once it is decoded.
    TooLarge(&'static str),
    /// It has a coding of this name.
    Unknown(String),
    /// It has a coding in another, too often.
    TooOften,
    /// It ends before its coding does.
    Truncated(&'static str),
    /// It breaks the rules of its coding.
    Damaged(&'static str),
    /// To decode it takes more memory or time than its size explains.
    Costly(&'static str),
}

impl Unreadable {
    /// Why, as a clause. `body_bytes` is the size of the body as it came.
    #[must_use]
    pub(crate) fn reason(&self, body_bytes: u64) -> String {
        const MOST: &str = "Limits(kept_body=…), the most that checks and extracts look at";
        match self {
            Self::NotKept => format!("the body of {body_bytes} bytes is larger than {MOST}"),
            Self::TooLarge(coding) => {
                format!(
                    "the body of {body_bytes} bytes is compressed with {coding}; decompressed it is larger than {MOST}"
                )
            }
            Self::Unknown(name) => format!("the body is compressed with '{name}', which loadcore cannot read"),
            Self::TooOften => {
                format!("the body is compressed more than {MOST_CODINGS} times, which loadcore does not read")
            }
            Self::Truncated(coding) => format!("the body is compressed with {coding} and ends too early"),
            Self::Damaged(coding) => {
                format!(
                    "the body is damaged: its Content-Encoding says {coding}, but it cannot be decompressed as such"
                )
            }
            Self::Costly(coding) => {
                format!("the body is compressed with {coding} in a way that takes too much memory or time to read")
            }
        }
    }
}

/// What a body was before it was coded, as far as it is known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) bytes: Vec<u8>,
    /// Why that is not all.
    pub(crate) problem: Option<Unreadable>,
}

/// Undoes the codings that a `Content-Encoding` names. Of several lines the values are joined by commas. The result has
/// at most `most` bytes, and none for an empty body, whatever coding it claims.
#[cold]
pub(crate) fn decode(encoding: &[u8], body: &[u8], most: usize) -> Decoded {
    let codings: Vec<Coding> = match codings(encoding) {
        Ok(codings) => codings,
        Err(problem) if !body.is_empty() => return Decoded { bytes: Vec::new(), problem: Some(problem) },
        Err(_) => Vec::new(),
    };
    let mut problem = None;
    let mut decoded: Option<Vec<u8>> = None;
    // The last one was applied last.
    for coding in codings.iter().rev() {
        let input = decoded.as_deref().unwrap_or(body);
        if input.is_empty() {
            break;
        }
        let mut output = Output { bytes: Vec::new(), most };
        if let Err(fault) = coding.decode(input, &mut output) {
            problem.get_or_insert(fault.of(coding.name()));
        }
        decoded = Some(output.bytes);
    }
    Decoded { bytes: decoded.unwrap_or_else(|| body[..body.len().min(most)].to_vec()), problem }
}

/// The codings of a list, in the order in which they were applied. `identity` is none.
fn codings(encoding: &[u8]) -> Result<Vec<Coding>, Unreadable> {
    let names = encoding.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let names = names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity"));
    let codings: Vec<Coding> = names.map(Coding::named).collect::<Result<_, _>>()?;
    if codings.len() > MOST_CODINGS { Err(Unreadable::TooOften) } else { Ok(codings) }
}

/// A coding that can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    fn named(name: &[u8]) -> Result<Self, Unreadable> {
        match &*name.to_ascii_lowercase() {
            b"gzip" | b"x-gzip" => Ok(Self::Gzip),
            b"deflate" => Ok(Self::Deflate),
            b"br" => Ok(Self::Brotli),
            b"zstd" => Ok(Self::Zstd),
            _ => {
                let name = String::from_utf8_lossy(name);
                Err(Unreadable::Unknown(
                    name.chars().filter(|letter| !letter.is_control()).take(MOST_OF_A_NAME).collect(),
                ))
            }
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    fn decode(self, input: &[u8], output: &mut Output) -> Result<(), Fault> {
        match self {
            Self::Gzip => deflate::decode_gzip(input, output),
            Self::Deflate => deflate::decode(input, output),
            Self::Brotli => brotli::decode(input, output),
            Self::Zstd => zstd::decode(input, output),
        }
    }
}

/// Why a decoder stopped before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Full,
    Truncated,
    Damaged,
    Costly,
}

impl Fault {
    const fn of(self, coding: &'static str) -> Unreadable {
        match self {
            Self::Full => Unreadable::TooLarge(coding),
            Self::Truncated => Unreadable::Truncated(coding),
            Self::Damaged => Unreadable::Damaged(coding),
            Self::Costly => Unreadable::Costly(coding),
        }
    }
}

/// What a decoder writes to.
struct Output {
    bytes: Vec<u8>,
    most: usize,
}

impl Output {
    /// Takes what was decoded, as far as there is room.
    fn take(&mut self, piece: &[u8]) -> Result<(), Fault> {
        let room = self.most - self.bytes.len();
        self.bytes.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room { Err(Fault::Full) } else { Ok(()) }
    }
}

/// The number of bytes that a decoder writes at once.
const PIECE: usize = 16 * 1024;

#[cfg(test)]
mod tests;
