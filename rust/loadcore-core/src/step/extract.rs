//! Extracts: values taken from a response into the user's variables.

use std::sync::{Mutex, PoisonError};

use regex::bytes::{CaptureLocations, Regex};

use super::check::{RuleProblem, header_name, json_found, regex};
use super::jsonpath::{JsonPath, unescape};
use super::response::{Response, Wanted};
use super::variables::{Names, Slot, Variables};
use crate::plan::{Extract, ExtractFrom, Pick};
use crate::random::Random;

/// An extract ready to be made.
#[derive(Debug)]
pub(crate) struct CompiledExtract {
    slot: Slot,
    source: Source,
    default: Option<Box<str>>,
    optional: bool,
}

/// What became of an extract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extracted {
    /// The variable has the value from the response.
    Found,
    /// There was none, and the variable has the default, or no value where that is allowed.
    Default,
    /// There was none and there is no default: the variable has no value, and the iteration has failed.
    Missing,
}

#[derive(Debug)]
enum Source {
    Json(JsonPath),
    /// One of the values at the path, drawn each time.
    AnyJson(JsonPath),
    /// All values at the path.
    AllJson(JsonPath),
    /// The whole match.
    Match(Regex),
    /// Capture group 1. The locations are where the groups of the last match are written, to be used again.
    Group(Regex, Mutex<CaptureLocations>),
    Header(Box<[u8]>),
}

impl CompiledExtract {
    /// Compiles an extract and asks for what it needs of the response.
    pub(crate) fn compile(extract: &Extract, names: &mut Names, wanted: &mut Wanted) -> Result<Self, RuleProblem> {
        let source = match &extract.from {
            ExtractFrom::Json { path, pick } => {
                let parsed = JsonPath::parse(path).map_err(RuleProblem::Path)?;
                if *pick != Pick::First && parsed.is_singular() {
                    return Err(RuleProblem::OnePlace(path.clone()));
                }
                match pick {
                    Pick::First => Source::Json(parsed),
                    Pick::Random => Source::AnyJson(parsed),
                    Pick::All => Source::AllJson(parsed),
                }
            }
            ExtractFrom::Regex { pattern } => {
                let regex = regex(pattern)?;
                if regex.captures_len() > 1 {
                    let locations = Mutex::new(regex.capture_locations());
                    Source::Group(regex, locations)
                } else {
                    Source::Match(regex)
                }
            }
            ExtractFrom::Header { name } => Source::Header(header_name(name, wanted)?),
        };
        if !matches!(source, Source::Header(_)) {
            wanted.body();
        }
        let default = extract.default.as_deref().map(Into::into);
        Ok(Self { slot: names.slot(&extract.variable), source, default, optional: extract.optional })
    }

    /// Takes the value into its variable. A JSON `null` is not a value. Allocates nothing in steady state, except for
    /// JSONPaths that name several places.
    #[inline]
    pub(crate) fn apply(&self, response: &Response<'_>, variables: &mut Variables, random: &mut Random) -> Extracted {
        if self.take(response, variables, random).is_some() {
            return Extracted::Found;
        }
        if let Some(default) = &self.default {
            variables.set(self.slot, default.as_bytes());
            return Extracted::Default;
        }
        variables.clear(self.slot);
        if self.optional { Extracted::Default } else { Extracted::Missing }
    }

    /// Why there is no value, as a clause.
    #[must_use]
    pub(crate) fn missing(&self, response: &Response<'_>) -> String {
        match &self.source {
            Source::Json(path) | Source::AnyJson(path) | Source::AllJson(path) => json_found(path, response, true),
            Source::Match(_) | Source::Group(..) => response
                .why_unreadable()
                .unwrap_or_else(|| format!("no match in the {} bytes of the body", response.body.len())),
            Source::Header(name) => format!("the response has no header `{}`", String::from_utf8_lossy(name)),
        }
    }

    /// The variable that gets the value.
    #[must_use]
    pub(crate) const fn slot(&self) -> Slot {
        self.slot
    }

    #[inline]
    fn take(&self, response: &Response<'_>, variables: &mut Variables, random: &mut Random) -> Option<()> {
        match &self.source {
            Source::Json(path) => self.set_json(path.find(response.body).ok()??, variables),
            other => self.take_other(other, response, variables, random),
        }
    }

    /// The same for what costs more than a call, whatever it is.
    #[inline(never)]
    fn take_other(
        &self,
        source: &Source,
        response: &Response<'_>,
        variables: &mut Variables,
        random: &mut Random,
    ) -> Option<()> {
        // A JSONPath finds nothing in it anyway.
        if response.unreadable.is_some() && !matches!(source, Source::Header(_)) {
            return None;
        }
        let body = response.body;
        match source {
            Source::Json(path) => self.set_json(path.find(body).ok()??, variables)?,
            Source::AnyJson(path) => {
                let mut values = path.all(body).ok()?;
                values.retain(|value| *value != NULL);
                let drawn = usize::try_from(random.below(values.len() as u64)).ok()?;
                self.set_json(values.get(drawn)?, variables)?;
            }
            Source::AllJson(path) => {
                let values = path.all(body).ok()?;
                if values.is_empty() {
                    return None;
                }
                let list = variables.fill(self.slot)?;
                list.push(b'[');
                list.extend_from_slice(&values.join(&b','));
                list.push(b']');
            }
            Source::Match(regex) => variables.set(self.slot, regex.find(body)?.as_bytes()),
            Source::Group(regex, locations) => {
                let mut locations = locations.lock().unwrap_or_else(PoisonError::into_inner);
                regex.captures_read(&mut locations, body)?;
                let (start, end) = locations.get(1)?;
                variables.set(self.slot, &body[start..end]);
            }
            Source::Header(name) => variables.set(self.slot, response.headers.first(name)?),
        }
        Some(())
    }

    /// Sets the variable to a JSON value: of a string, what it says.
    #[inline]
    fn set_json(&self, json: &[u8], variables: &mut Variables) -> Option<()> {
        match json {
            NULL => return None,
            [b'"', text @ .., b'"'] => unescape(text, variables.fill_string(self.slot)?).ok()?,
            other => variables.set(self.slot, other),
        }
        Some(())
    }
}

/// What stands for a value that is not there.
const NULL: &[u8] = b"null";

#[cfg(test)]
mod tests {
    use super::*;

    fn extracted(from: ExtractFrom, default: Option<&str>, body: &str) -> (Extracted, Option<String>) {
        let (mut names, mut wanted) = (Names::new(), Wanted::default());
        let extract = Extract { variable: "v".to_owned(), from, default: default.map(str::to_owned), optional: false };
        let compiled = CompiledExtract::compile(&extract, &mut names, &mut wanted).unwrap();
        let headers = vec![("Location", "/orders/1")];
        let mut variables = Variables::new(&names);
        variables.set(compiled.slot(), b"value of an earlier response");
        let response = Response {
            status: 200,
            headers: &headers,
            body: body.as_bytes(),
            unreadable: None,
            body_bytes: body.len() as u64,
            service_ns: 1,
        };
        let result = compiled.apply(&response, &mut variables, &mut Random::new(1, "test", 0));
        (result, variables.get(compiled.slot()).map(|value| String::from_utf8(value.to_vec()).unwrap()))
    }

    fn json(path: &str) -> ExtractFrom {
        ExtractFrom::Json { path: path.to_owned(), pick: Pick::First }
    }

    fn pattern(pattern: &str) -> ExtractFrom {
        ExtractFrom::Regex { pattern: pattern.to_owned() }
    }

    fn value(text: &str) -> (Extracted, Option<String>) {
        (Extracted::Found, Some(text.to_owned()))
    }

    /// Strings come without quotes and escapes, all else as JSON text, whichever engine finds it.
    #[test]
    fn json_values() {
        let body = r#"{"id": 12.50, "name": "a\n\u00fc", "empty": "", "tags": ["x"], "none": null}"#;
        assert_eq!(extracted(json("$.id"), None, body), value("12.50"));
        assert_eq!(extracted(json("$.name"), None, body), value("a\nü"));
        assert_eq!(extracted(json("$.empty"), None, body), value(""));
        assert_eq!(extracted(json("$.tags"), None, body), value("[\"x\"]"));
        assert_eq!(extracted(json("$..name"), None, body), value("a\nü"));
        assert_eq!(extracted(json("$.tags[*]"), None, body), value("x"));
    }

    /// `null` is not a value: the default is taken, and without one the value is missing.
    #[test]
    fn null() {
        for path in ["$.next", "$..next", "$[*]"] {
            let body = r#"{"next": null}"#;
            assert_eq!(extracted(json(path), None, body), (Extracted::Missing, None));
            assert_eq!(extracted(json(path), Some(""), body), (Extracted::Default, Some(String::new())));
        }
        assert_eq!(extracted(json("$.next"), Some(""), r#"{"next": "null"}"#), value("null"));
    }

    /// All values of a path are a JSON array; a random one is any of them but `null`.
    #[test]
    fn several_values() {
        let pick = |path: &str, pick| ExtractFrom::Json { path: path.to_owned(), pick };
        let body = r#"{"items": [{"id": 1.50}, {"id": "a\"b"}, {"id": null}]}"#;
        assert_eq!(extracted(pick("$.items[*].id", Pick::All), None, body), value(r#"[1.50,"a\"b",null]"#));
        assert_eq!(extracted(pick("$.items[*].x", Pick::All), None, body), (Extracted::Missing, None));
        assert_eq!(extracted(pick("$.items[2:].id", Pick::Random), Some("d"), body).0, Extracted::Default);
        let extract = Extract {
            variable: "v".to_owned(),
            from: pick("$.items[*].id", Pick::Random),
            default: None,
            optional: false,
        };
        let mut names = Names::new();
        let compiled = CompiledExtract::compile(&extract, &mut names, &mut Wanted::default()).unwrap();
        let (mut variables, mut random) = (Variables::new(&names), Random::new(1, "test", 0));
        let headers: Vec<(&str, &str)> = Vec::new();
        let response = Response {
            status: 200,
            headers: &headers,
            body: body.as_bytes(),
            unreadable: None,
            body_bytes: 1,
            service_ns: 1,
        };
        let mut drawn = [0, 0];
        for _ in 0..200 {
            assert_eq!(compiled.apply(&response, &mut variables, &mut random), Extracted::Found);
            let value = variables.get(compiled.slot()).unwrap();
            assert_eq!(variables.is_string(compiled.slot()), value == b"a\"b");
            drawn[usize::from(value == b"1.50")] += 1;
        }
        assert!(drawn.iter().all(|times| *times > 60), "{drawn:?}");
        let extract = Extract { from: pick("$.items", Pick::Random), ..extract };
        let problem = CompiledExtract::compile(&extract, &mut names, &mut Wanted::default()).unwrap_err();
        assert!(problem.to_string().contains("`$.items[*]` names each item"), "{problem}");
    }

    /// Where a value may be missing, the iteration continues without one.
    #[test]
    fn optional() {
        let extract = Extract { variable: "v".to_owned(), from: json("$.next"), default: None, optional: true };
        let mut names = Names::new();
        let compiled = CompiledExtract::compile(&extract, &mut names, &mut Wanted::default()).unwrap();
        let mut variables = Variables::new(&names);
        let headers: Vec<(&str, &str)> = Vec::new();
        let response =
            Response { status: 200, headers: &headers, body: b"{}", unreadable: None, body_bytes: 2, service_ns: 1 };
        let result = compiled.apply(&response, &mut variables, &mut Random::new(1, "test", 0));
        assert_eq!((result, variables.get(compiled.slot())), (Extracted::Default, None));
    }

    /// Group 1 if there is a group, else the whole match.
    #[test]
    fn regular_expressions() {
        assert_eq!(extracted(pattern("csrf=([0-9a-f]+)"), None, "<csrf=12ab>"), value("12ab"));
        assert_eq!(extracted(pattern("[0-9]+"), None, "a 42 b"), value("42"));
        assert_eq!(extracted(pattern("a(b)?"), None, "a"), (Extracted::Missing, None));
    }

    /// The first header of the name.
    #[test]
    fn headers() {
        assert_eq!(extracted(ExtractFrom::Header { name: "location".to_owned() }, None, ""), value("/orders/1"));
    }

    /// Without a value the variable has the default, or none: never that of an earlier response.
    #[test]
    fn missing_values() {
        for from in [json("$.a"), json("$..a"), pattern("x"), ExtractFrom::Header { name: "etag".to_owned() }] {
            assert_eq!(extracted(from.clone(), None, "{}"), (Extracted::Missing, None));
            assert_eq!(extracted(from, Some("d"), "{}"), (Extracted::Default, Some("d".to_owned())));
        }
        assert_eq!(extracted(json("$.a"), None, "<html>"), (Extracted::Missing, None));
        assert_eq!(extracted(json("$.a"), None, r#"{"a": "x\ud800"}"#), (Extracted::Missing, None));
    }
}
