//! Checks: claims about one response.

use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::compare::{ComparisonProblem, CompiledComparison, Operand};
use super::jsonpath::JsonPath;
use super::response::{Evaluation, Response, Wanted};
use super::variables::Names;
use crate::plan::{Check, CheckKind, Comparison};
use crate::sample::{HIDDEN, is_sensitive};

/// Why a check or an extract cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RuleProblem {
    /// Not a JSONPath.
    #[error("not a JSONPath (RFC 9535): {0}")]
    Path(String),
    /// Not a regular expression, or too large a one.
    #[error("not a regular expression: {0}")]
    Regex(String),
    /// Not a header's name.
    #[error("`{0}` is not the name of a header")]
    HeaderName(String),
    /// One of several values is asked for where the path names one place.
    #[error("`{0}` names one place; `{0}[*]` names each item of a list there")]
    OnePlace(String),
    /// The comparison makes no sense.
    #[error(transparent)]
    Comparison(#[from] ComparisonProblem),
}

/// A check ready to be made.
#[derive(Debug, Clone)]
pub(crate) struct CompiledCheck {
    kind: Kind,
    stop: bool,
    /// Whether what it looks at is called like a secret.
    is_secret: bool,
}

#[derive(Debug, Clone)]
enum Kind {
    Status(Box<[(u16, u16)]>),
    Header(Box<[u8]>, Option<CompiledComparison>),
    Json(JsonPath, Option<CompiledComparison>),
    Contains(Box<Finder<'static>>),
    Regex(Regex),
    Size(CompiledComparison),
    ServiceTime(CompiledComparison),
}

impl CompiledCheck {
    /// Compiles a check and asks for what it needs of the response.
    pub(crate) fn compile(check: &Check, names: &mut Names, wanted: &mut Wanted) -> Result<Self, RuleProblem> {
        let mut optional = |compare: &Option<Comparison>| {
            compare.as_ref().map(|compare| CompiledComparison::compile(compare, names)).transpose()
        };
        let kind = match &check.kind {
            CheckKind::Status { ranges } => Kind::Status(ranges.clone().into()),
            CheckKind::Header { header, compare } => Kind::Header(header_name(header, wanted)?, optional(compare)?),
            CheckKind::Json { path, compare } => {
                let path = JsonPath::parse(path).map_err(RuleProblem::Path)?;
                Kind::Json(path, optional(compare)?)
            }
            CheckKind::Contains { text } => Kind::Contains(Box::new(Finder::new(text).into_owned())),
            CheckKind::Regex { pattern } => Kind::Regex(regex(pattern)?),
            CheckKind::Size { compare } => Kind::Size(CompiledComparison::compile(compare, names)?),
            CheckKind::ServiceTime { compare } => Kind::ServiceTime(CompiledComparison::compile(compare, names)?),
        };
        if matches!(kind, Kind::Json(..) | Kind::Contains(_) | Kind::Regex(_)) {
            wanted.body();
        }
        let is_secret = match &check.kind {
            CheckKind::Header { header: name, .. } | CheckKind::Json { path: name, .. } => is_sensitive(name),
            _ => is_sensitive(&check.name),
        };
        Ok(Self { kind, stop: check.stop, is_secret })
    }

    /// Whether the claim holds. Allocates nothing in steady state, except for JSONPaths that name several places.
    #[inline]
    pub(crate) fn holds(&self, response: &Response<'_>, evaluation: &mut Evaluation<'_, '_>) -> bool {
        match &self.kind {
            Kind::Status(ranges) => is_within(response.status, ranges),
            _ => self.holds_beyond_status(response, evaluation),
        }
    }

    /// The same for what costs more than a call, whatever it is.
    #[inline(never)]
    fn holds_beyond_status(&self, response: &Response<'_>, evaluation: &mut Evaluation<'_, '_>) -> bool {
        match &self.kind {
            Kind::Status(ranges) => is_within(response.status, ranges),
            Kind::Header(name, compare) => match (response.headers.first(name), compare) {
                (Some(value), Some(compare)) => compare.holds(Operand::Text(value), evaluation),
                (value, _) => value.is_some(),
            },
            Kind::Json(path, compare) => match (path.find(response.body), compare) {
                (Ok(Some(value)), Some(compare)) => compare.holds(Operand::Json(value), evaluation),
                (value, _) => matches!(value, Ok(Some(value)) if value != b"null"),
            },
            Kind::Contains(text) => response.unreadable.is_none() && text.find(response.body).is_some(),
            Kind::Regex(regex) => response.unreadable.is_none() && regex.is_match(response.body),
            Kind::Size(compare) => compare.holds(Operand::Integer(response.body_bytes), evaluation),
            Kind::ServiceTime(compare) => compare.holds(Operand::Integer(response.service_ns), evaluation),
        }
    }

    /// What the response has instead of what is claimed, as a clause: `found 3`.
    #[must_use]
    pub(crate) fn found(&self, response: &Response<'_>) -> String {
        match &self.kind {
            Kind::Status(_) => format!("found {}", response.status),
            Kind::Header(name, _) => match response.headers.first(name) {
                Some(_) if self.is_secret => format!("found {HIDDEN}"),
                Some(value) => format!("found {}", excerpt(value)),
                None => format!("the response has no header `{}`", String::from_utf8_lossy(name)),
            },
            Kind::Json(path, _) => json_found(path, response, self.is_secret),
            Kind::Contains(_) | Kind::Regex(_) => response.why_unreadable().unwrap_or_else(|| {
                let missing = if matches!(self.kind, Kind::Regex(_)) { "no match" } else { "not" };
                format!("{missing} in the {} bytes of the body", response.body.len())
            }),
            Kind::Size(_) => format!("found {} bytes", response.body_bytes),
            Kind::ServiceTime(_) => format!("found {:?}", std::time::Duration::from_nanos(response.service_ns)),
        }
    }

    /// Whether the iteration ends when the claim does not hold.
    #[must_use]
    pub(crate) const fn stops(&self) -> bool {
        self.stop
    }
}

#[inline]
fn is_within(status: u16, ranges: &[(u16, u16)]) -> bool {
    ranges.iter().any(|(least, most)| (least..=most).contains(&&status))
}

/// What a body has at a path, as a clause.
pub(super) fn json_found(path: &JsonPath, response: &Response<'_>, is_secret: bool) -> String {
    if let Some(reason) = response.why_unreadable() {
        return reason;
    }
    match path.find(response.body) {
        Ok(Some(b"null")) => "found null".to_owned(),
        Ok(Some(_)) if is_secret => format!("found {HIDDEN}"),
        Ok(Some(value)) => format!("found {}", excerpt(value)),
        Ok(None) => "the body has nothing there".to_owned(),
        Err(_) if response.body.is_empty() => "the body is empty".to_owned(),
        Err(_) => format!("the body is not JSON: it begins with {}", excerpt(response.body)),
    }
}

/// The beginning of a value.
fn excerpt(value: &[u8]) -> String {
    const MOST: usize = 80;
    let text = String::from_utf8_lossy(value);
    if text.chars().count() <= MOST { text.into_owned() } else { text.chars().take(MOST).chain(['…']).collect() }
}

/// Asks for a header, if the name is one (a token of RFC 9110 section 5.6.2).
pub(super) fn header_name(name: &str, wanted: &mut Wanted) -> Result<Box<[u8]>, RuleProblem> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(RuleProblem::HeaderName(name.to_owned()));
    }
    wanted.header(name);
    Ok(name.as_bytes().into())
}

/// Compiles a regular expression. The limits keep a hostile one from taking all memory; its time is linear anyway.
pub(super) fn regex(pattern: &str) -> Result<Regex, RuleProblem> {
    regex::bytes::RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .dfa_size_limit(1 << 20)
        .build()
        .map_err(|error| RuleProblem::Regex(error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::plan::Literal;
    use crate::random::Random;
    use crate::schedule::Share;
    use crate::step::{Builtins, Counter, Scratch, Unreadable, Variables};

    const BODY: &[u8] = br#"{"id": 7, "items": [{"price": 3}, {"price": 30}], "none": null}"#;

    /// Makes one check against a fixed response: 201, `ETag: "abc"`, the body above, 5 ms.
    fn holds(kind: &Value) -> bool {
        let check: Check = serde_json::from_value(json!({"name": "a claim", "claim": kind})).unwrap();
        let (mut names, mut wanted) = (Names::new(), Wanted::default());
        let compiled = CompiledCheck::compile(&check, &mut names, &mut wanted).unwrap();
        let headers = vec![("etag", "\"abc\"")];
        let id = names.slot("id");
        let mut variables = Variables::new(&names);
        variables.set(id, b"7");
        let body = if wanted.wants_body() { BODY } else { b"" };
        let response = Response {
            status: 201,
            headers: &headers,
            body,
            unreadable: None,
            body_bytes: BODY.len() as u64,
            service_ns: 5_000_000,
        };
        let (mut random, mut counter) = (Random::new(1, "test", 0), Counter::new(Share::WHOLE, 0));
        let mut builtins = Builtins { user: 0, iteration: 0, unix_ns: 0, random: &mut random, counter: &mut counter };
        let mut scratch = Scratch::default();
        let mut evaluation = Evaluation { variables: &variables, builtins: &mut builtins, scratch: &mut scratch };
        compiled.holds(&response, &mut evaluation)
    }

    fn problem(kind: &Value) -> RuleProblem {
        let check: Check = serde_json::from_value(json!({"name": "a claim", "claim": kind})).unwrap();
        CompiledCheck::compile(&check, &mut Names::new(), &mut Wanted::default()).unwrap_err()
    }

    /// The status is looked for in every range, ends included.
    #[test]
    fn status() {
        assert!(holds(&json!({"kind": "status", "ranges": [[200, 200], [201, 204]]})));
        assert!(!holds(&json!({"kind": "status", "ranges": [[200, 200], [202, 299]]})));
    }

    /// A header is there, and compares.
    #[test]
    fn header() {
        assert!(holds(&json!({"kind": "header", "header": "ETag"})));
        assert!(holds(&json!({"kind": "header", "header": "ETag", "compare": {"operator": "==", "value": "\"abc\""}})));
        assert!(!holds(&json!({"kind": "header", "header": "Location"})));
        assert!(!holds(&json!({"kind": "header", "header": "Location", "compare": {"operator": "!=", "value": "x"}})));
    }

    /// A JSON value is there, and compares, with variables too.
    #[test]
    fn json_value() {
        assert!(holds(&json!({"kind": "json", "path": "$.items[1]"})));
        assert!(!holds(&json!({"kind": "json", "path": "$.items[2]"})));
        assert!(!holds(&json!({"kind": "json", "path": "$.none"})));
        assert!(holds(&json!({"kind": "json", "path": "$.none", "compare": {"operator": "==", "value": null}})));
        assert!(!holds(&json!({"kind": "json", "path": "$.items[2]", "compare": {"operator": "==", "value": null}})));
        assert!(holds(&json!({"kind": "json", "path": "$.id", "compare": {"operator": "==", "value": "{id}"}})));
        assert!(holds(
            &json!({"kind": "json", "path": "$.items[?@.price > 5].price", "compare": {"operator": "==", "value": 30}})
        ));
        assert!(!holds(&json!({"kind": "json", "path": "$.id", "compare": {"operator": "<", "value": 7}})));
    }

    /// Text and expressions are looked for in the body.
    #[test]
    fn text() {
        assert!(holds(&json!({"kind": "contains", "text": "\"price\": 30"})));
        assert!(!holds(&json!({"kind": "contains", "text": "PRICE"})));
        assert!(holds(&json!({"kind": "regex", "pattern": "(?i)PRICE\": \\d+"})));
        assert!(!holds(&json!({"kind": "regex", "pattern": "^x"})));
    }

    /// In a body that cannot be read nothing is found, whatever is looked for, and the reason is given.
    #[test]
    fn unreadable() {
        let headers: Vec<(&str, &str)> = Vec::new();
        let reason =
            "the body of 5242880 bytes is larger than Limits(kept_body=…), the most that checks and extracts look at";
        let response = Response {
            status: 200,
            headers: &headers,
            body: b"",
            unreadable: Some(&Unreadable::NotKept),
            body_bytes: 5 << 20,
            service_ns: 1,
        };
        let (mut random, mut counter) = (Random::new(1, "test", 0), Counter::new(Share::WHOLE, 0));
        let mut builtins = Builtins { user: 0, iteration: 0, unix_ns: 0, random: &mut random, counter: &mut counter };
        let (names, mut scratch) = (Names::new(), Scratch::default());
        let variables = Variables::new(&names);
        let mut evaluation = Evaluation { variables: &variables, builtins: &mut builtins, scratch: &mut scratch };
        for claim in [
            json!({"kind": "json", "path": "$.id"}),
            json!({"kind": "json", "path": "$.id", "compare": {"operator": "!=", "value": 8}}),
            json!({"kind": "json", "path": "$..id", "compare": {"operator": "!=", "value": 8}}),
            json!({"kind": "json", "path": "$.id", "compare": {"operator": "==", "value": null}}),
            json!({"kind": "contains", "text": ""}),
            json!({"kind": "regex", "pattern": "^.*$"}),
        ] {
            let check: Check = serde_json::from_value(json!({"name": "a claim", "claim": claim})).unwrap();
            let check = CompiledCheck::compile(&check, &mut Names::new(), &mut Wanted::default()).unwrap();
            assert!(!check.holds(&response, &mut evaluation), "{claim}");
            assert_eq!(check.found(&response), reason, "{claim}");
        }
        let empty = Response { body_bytes: 0, unreadable: None, ..response };
        assert_eq!(json_found(&JsonPath::parse("$.id").unwrap(), &empty, false), "the body is empty");
    }

    /// Size and service time are known without the body.
    #[test]
    fn measures() {
        assert!(holds(&json!({"kind": "size", "compare": {"operator": "==", "value": BODY.len()}})));
        assert!(holds(&json!({"kind": "service_time", "compare": {"operator": "<", "value": 5_000_001}})));
        assert!(!holds(&json!({"kind": "service_time", "compare": {"operator": "<", "value": 5_000_000}})));
    }

    /// Only what looks into the body asks for it.
    #[test]
    fn wants() {
        let mut wanted = Wanted::default();
        let mut compile = |kind| {
            let check = Check { name: String::new(), kind, stop: true };
            CompiledCheck::compile(&check, &mut Names::new(), &mut wanted).map(|check| check.stops())
        };
        let compare = Comparison { operator: "<".to_owned(), value: Literal::Json("1".into()) };
        assert_eq!(compile(CheckKind::Size { compare }), Ok(true));
        assert_eq!(compile(CheckKind::Header { header: "A".to_owned(), compare: None }), Ok(true));
        assert!(!wanted.wants_body() && wanted.wants_headers());
        let text = "x".to_owned();
        let check = Check { name: String::new(), kind: CheckKind::Contains { text }, stop: false };
        CompiledCheck::compile(&check, &mut Names::new(), &mut wanted).unwrap();
        assert!(wanted.wants_body());
    }

    /// What cannot be checked is found when the plan is compiled; an expression cannot take all memory.
    #[test]
    fn problems() {
        assert!(matches!(problem(&json!({"kind": "json", "path": "items"})), RuleProblem::Path(_)));
        assert!(matches!(problem(&json!({"kind": "regex", "pattern": "("})), RuleProblem::Regex(_)));
        assert!(matches!(problem(&json!({"kind": "regex", "pattern": "\\w{1000}{1000}"})), RuleProblem::Regex(_)));
        assert!(matches!(problem(&json!({"kind": "header", "header": "a b"})), RuleProblem::HeaderName(_)));
    }
}
