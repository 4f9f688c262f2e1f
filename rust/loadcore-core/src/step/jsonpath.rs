//! JSONPath (RFC 9535) on the bytes of a body.
//!
//! A path that names one place, such as `$.items[0]['id']`, is walked over the bytes: nothing is built, allocated or
//! read beyond the value. So the text is checked only as far as it is read; where it is JSON, the value is the right
//! one. All other paths go to `serde_json_path`, over a parsed document. Either way the value is taken from the text
//! verbatim, and of a repeated name the first counts (RFC 8259 leaves that open).

mod document;
mod problem;
mod reach;
mod scan;
mod usual;

pub(super) use scan::{NotJson, unescape};

use document::Document;
use scan::{Cursor, Name};

/// A compiled path.
#[derive(Debug, Clone)]
pub(super) enum JsonPath {
    Singular(Box<[PathPart]>),
    General(Box<serde_json_path::JsonPath>),
}

/// One step of a singular path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PathPart {
    Name(Name),
    Index(i64),
}

impl JsonPath {
    /// Compiles a path; the error says what is wrong with it.
    pub(super) fn parse(path: &str) -> Result<Self, String> {
        problem::find(path).map_or(Ok(()), Err)?;
        let general = serde_json_path::JsonPath::parse(path).map_err(|error| problem::describe(path, &error))?;
        Ok(match singular(path) {
            Some(places) => Self::Singular(places.into()),
            None => Self::General(Box::new(general)),
        })
    }

    /// Whether it names one place.
    pub(super) const fn is_singular(&self) -> bool {
        matches!(self, Self::Singular(_))
    }

    /// The JSON text of the first value at the path; `None` if there is none. An error if the body, as far as it was
    /// read, is not JSON.
    pub(super) fn find<'a>(&self, body: &'a [u8]) -> Result<Option<&'a [u8]>, NotJson> {
        match self {
            Self::Singular(places) => walk(body, places),
            Self::General(path) => Ok(Document::parse(body)?.at(path, 1)?.first().copied()),
        }
    }

    /// The JSON of all values at the path, in the order in which it names them.
    pub(super) fn all<'a>(&self, body: &'a [u8]) -> Result<Vec<&'a [u8]>, NotJson> {
        match self {
            Self::Singular(_) => Ok(self.find(body)?.into_iter().collect()),
            Self::General(path) => Document::parse(body)?.at(path, usize::MAX),
        }
    }
}

/// The JSON of the first value at a path in a body; `None` if there is none.
///
/// # Errors
/// What is wrong with the path, or with the body.
pub(crate) fn find_json<'a>(path: &str, body: &'a [u8]) -> Result<Option<&'a [u8]>, String> {
    if let Some(places) = singular(path) {
        return walk(body, &places).map_err(not_json);
    }
    JsonPath::parse(path)?.find(body).map_err(not_json)
}

fn not_json(_: NotJson) -> String {
    "the body is not JSON".to_owned()
}

/// The text of the value at a singular path.
fn walk<'a>(body: &'a [u8], places: &[PathPart]) -> Result<Option<&'a [u8]>, NotJson> {
    let mut cursor = Cursor::new(body);
    for place in places {
        let found = match place {
            PathPart::Name(name) => cursor.enter_member(name)?,
            PathPart::Index(index) => match from_start(*index, &cursor)? {
                Some(index) => cursor.enter_element(index)?,
                None => false,
            },
        };
        if !found {
            return Ok(None);
        }
    }
    cursor.value().map(Some)
}

/// The index counted from the array's start; `None` if it is before it. A negative one costs a look at the whole array.
#[inline]
fn from_start(index: i64, cursor: &Cursor<'_>) -> Result<Option<u64>, NotJson> {
    match u64::try_from(index) {
        Ok(index) => Ok(Some(index)),
        Err(_) => Ok(cursor.clone().count_elements()?.checked_sub(index.unsigned_abs())),
    }
}

/// The steps of a valid path, if all of them are plain names and indexes. Names with escapes are left to the general
/// engine: they are rare.
fn singular(path: &str) -> Option<Vec<PathPart>> {
    let mut rest = path.strip_prefix('$')?;
    let mut places = Vec::new();
    while !rest.is_empty() {
        let place;
        (place, rest) =
            if let Some(after) = rest.strip_prefix('.') { dotted(after)? } else { bracketed(rest.strip_prefix('[')?)? };
        places.push(place);
    }
    Some(places)
}

fn dotted(rest: &str) -> Option<(PathPart, &str)> {
    let named = |character: char| character.is_ascii_alphanumeric() || character == '_' || !character.is_ascii();
    let end = rest.find(|character| !named(character)).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    (!name.is_empty()).then(|| (PathPart::Name(Name::new(name)), rest))
}

fn bracketed(rest: &str) -> Option<(PathPart, &str)> {
    for quote in ['\'', '"'] {
        if let Some(rest) = rest.strip_prefix(quote) {
            let (name, rest) = rest.split_once(quote)?;
            let rest = rest.strip_prefix(']')?;
            return (!name.contains('\\')).then(|| (PathPart::Name(Name::new(name)), rest));
        }
    }
    let (index, rest) = rest.split_once(']')?;
    Some((PathPart::Index(index.parse().ok()?), rest))
}

#[cfg(test)]
mod tests;
