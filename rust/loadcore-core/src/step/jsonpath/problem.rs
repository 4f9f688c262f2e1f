//! What is wrong with a JSONPath, in words, and how it is written right where that can be guessed.

use regex::Regex;
use serde_json_path::{JsonPath, ParseError};

/// What a path cannot do, though it may be a valid one.
pub(super) fn find(path: &str) -> Option<String> {
    if path.contains('{')
        && let Some(slot) = first(r"\{\$?[A-Za-z_][\w.-]*(\([^)]*\))?(:\w+)?\}", path)
    {
        let remedy = if slot.starts_with("{$random") {
            let all = replaced(r"\[\s*\{\$random[^\]]*\]", path, "[*]");
            format!("write response.json(\"{all}\").random() for a random one of several values")
        } else {
            "extract more than is needed, or use a filter with a fixed value".to_owned()
        };
        return Some(format!("`{path}`: `{slot}` does nothing here, as a path holds no variables; {remedy}"));
    }
    if !path.as_bytes().windows(16).any(|bytes| bytes.iter().all(u8::is_ascii_digit)) {
        return None;
    }
    let unquoted = replaced(r#""(\\.|[^"\\])*"|'(\\.|[^'\\])*'"#, path, "''");
    let number = first(r"[<>=]\s*-?\d{16,}|-?\d{16,}\s*[<>=]", &unquoted)?;
    let number = number.trim_matches(|character: char| !character.is_ascii_digit());
    Some(format!("`{path}`: filters compare numbers as floating-point, which cannot tell {number} from its neighbours"))
}

/// What keeps a path from being one.
pub(super) fn describe(path: &str, error: &ParseError) -> String {
    if path.is_empty() {
        return "it is empty; `$` is the whole document".to_owned();
    }
    if let Some(corrected) = corrected(path) {
        let begins = if path.starts_with('$') { "" } else { "a path begins with `$`: " };
        return format!("{begins}write `{corrected}` for `{path}`");
    }
    let position = error.position().min(path.len());
    let rest = path.get(position..).filter(|rest| !rest.is_empty());
    let place = rest.map_or_else(|| "its end".to_owned(), |rest| format!("`{rest}`"));
    match error.message() {
        "parser error" => format!("`{path}` cannot be read at {place}"),
        message => format!("`{path}` cannot be read at {place}: {message}"),
    }
}

/// The path as it was probably meant, if that is one.
fn corrected(path: &str) -> Option<String> {
    const SLIPS: &[(&str, &str)] = &[
        // items, .items, [0], $items
        (r"^([^$.\[])", "$.$1"),
        (r"^([.\[])", "$$$1"),
        (r"^\$([\w])", "$$.$1"),
        // items.0
        (r"\.(\d+)(\.|\[|$)", "[$1]$2"),
        // my-key
        (r"\.([A-Za-z_][\w]*(?:-[\w]+)+)(\.|\[|$)", "['$1']$2"),
        // [(@.length-1)]
        (r"\[\(@\.length\s*-\s*(\d+)\)\]", "[-$1]"),
        // [first]
        (r"\[([A-Za-z_][\w-]*)\]", "['$1']"),
        (r"===", "=="),
        (r"([^<>=!])=([^=~])", "$1==$2"),
    ];
    let mut meant = path.trim().to_owned();
    for (slip, right) in SLIPS {
        // Once more where two slips share a delimiter.
        meant = replaced(slip, &replaced(slip, &meant, right), right);
    }
    let closed = format!("{meant}]");
    [meant, closed].into_iter().find(|path| JsonPath::parse(path).is_ok())
}

fn replaced(pattern: &str, text: &str, by: &str) -> String {
    Regex::new(pattern).map_or_else(|_| text.to_owned(), |pattern| pattern.replace_all(text, by).into_owned())
}

fn first(pattern: &str, text: &str) -> Option<String> {
    Some(Regex::new(pattern).ok()?.find(text)?.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use crate::step::jsonpath::JsonPath;

    fn problem(path: &str) -> String {
        JsonPath::parse(path).unwrap_err()
    }

    /// Usual slips are named with the path that was meant.
    #[test]
    fn slips() {
        for (path, meant) in [
            ("items", "$.items"),
            (".items[0].id", "$.items[0].id"),
            ("[0].id", "$[0].id"),
            ("items[0].id", "$.items[0].id"),
            ("$items", "$.items"),
            ("$.items.0.id", "$.items[0].id"),
            ("$.rows.0.1", "$.rows[0][1]"),
            ("$.my-key.id", "$['my-key'].id"),
            ("$.items[(@.length-1)]", "$.items[-1]"),
            ("$.items[first]", "$.items['first']"),
            ("$[?@.a === 1]", "$[?@.a == 1]"),
            ("$.items[?@.a='b'].id", "$.items[?@.a=='b'].id"),
            ("$.items[0", "$.items[0]"),
            (" $.a ", "$.a"),
        ] {
            assert!(problem(path).ends_with(&format!("write `{meant}` for `{path}`")), "{}", problem(path));
        }
        assert!(problem("items").starts_with("a path begins with `$`"));
    }

    /// Other mistakes are reported with their place.
    #[test]
    fn places() {
        assert_eq!(problem(""), "it is empty; `$` is the whole document");
        assert_eq!(problem("$.items.length()"), "`$.items.length()` cannot be read at `()`");
        assert!(problem("$.items.").starts_with("`$.items.` cannot be read at its end: "), "{}", problem("$.items."));
        assert!(problem("$.ä[?@.b =~ /x/]").contains("cannot be read at"));
    }

    /// Variables do nothing in a path, and a filter cannot distinguish long numbers: neither is let through.
    #[test]
    fn misunderstandings() {
        let random = problem("$.items[{$random(0,9)}].id");
        assert!(random.contains("write response.json(\"$.items[*].id\").random()"), "{random}");
        assert!(problem("$.items[?@.name == '{name}']").contains("`{name}` does nothing here"));
        assert!(problem("$[?@.id == 9007199254740993]").contains("cannot tell 9007199254740993 from its neighbours"));
        assert!(JsonPath::parse("$[?@.id == '9007199254740993']").is_ok());
        assert!(JsonPath::parse("$[?@.id == 900719925474099].id").is_ok());
    }
}
