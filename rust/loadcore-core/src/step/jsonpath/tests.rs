//! The scanner against the general engine.
#![expect(clippy::format_push_string, reason = "speed does not matter here")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::random::Random;

fn found(path: &str, body: &str) -> Result<Option<String>, NotJson> {
    let found = JsonPath::parse(path).unwrap().find(body.as_bytes())?;
    Ok(found.map(|text| String::from_utf8(text.to_vec()).unwrap()))
}

fn value(path: &str, body: &str) -> Option<Value> {
    found(path, body).unwrap().map(|text| serde_json::from_str(&text).unwrap())
}

const BODY: &str = r#" { "a" : {"b":[10, "x\"]}", {"c d": null}, [ ]], "e":-1.5e3}, "a.b": true, "\u00e9\n": 1, "\u00e9x": 3, "a": 2} "#;

/// Names, indexes, quotes and negative indexes lead to their values, over everything that could be mistaken for
/// structure.
#[test]
fn singular_paths() {
    assert_eq!(value("$.a.b[0]", BODY), Some(json!(10)));
    assert_eq!(value("$.a.b[1]", BODY), Some(json!("x\"]}")));
    assert_eq!(value("$.a['b'][2][\"c d\"]", BODY), Some(json!(null)));
    assert_eq!(value("$.a.b[-1]", BODY), Some(json!([])));
    assert_eq!(value("$.a.b[-4]", BODY), Some(json!(10)));
    assert_eq!(found("$.a.e", BODY).unwrap().unwrap(), "-1.5e3");
    assert_eq!(value("$['a.b']", BODY), Some(json!(true)));
    assert_eq!(value("$", " 12 "), Some(json!(12)));
    assert_eq!(value("$", "\u{feff}[1]"), Some(json!([1])));
}

/// A path that leads nowhere is not an error.
#[test]
fn missing() {
    for path in
        ["$.b", "$.a.x", "$.a.b[4]", "$.a.b[-5]", "$.a.b.c", "$.a[0]", "$['a.b'].c", "$.a.b[3][0]", "$.a.b[3][-1]"]
    {
        assert_eq!(value(path, BODY), None, "{path}");
    }
}

/// Escapes in names are understood; of a repeated name the first counts.
#[test]
fn names() {
    assert_eq!(value("$.éx", BODY), Some(json!(3)));
    assert_eq!(value("$['é\\n']", BODY), Some(json!(1)));
    assert_eq!(value("$.a.e", BODY), Some(json!(-1500.0)));
    assert_eq!(value("$['\\u0041']", r#"{"A": 1}"#), Some(json!(1)));
    assert_eq!(value("$['a\\\\b']", r#"{"a\\b": 1}"#), Some(json!(1)));
    assert_eq!(value("$.ab", r#"{"a\b": 1}"#), None);
}

/// Which paths are walked over the bytes.
#[test]
fn which_engine() {
    let is_singular = |path| matches!(JsonPath::parse(path), Ok(JsonPath::Singular(_)));
    for path in ["$", "$.a", "$.a[0]", "$['a b'][-1]", "$.ü_1"] {
        assert!(is_singular(path), "{path}");
    }
    for path in ["$..a", "$.*", "$[*]", "$.a[0:2]", "$['a','b']", "$[?@.a > 1]", "$['\\'']"] {
        assert!(!is_singular(path), "{path}");
    }
    for path in ["", "a", "$.", "$a", "$.1", "$[01]", "$[-0]", "$['a'", "$.a b", "$[+1]", "$[9007199254740993]"] {
        assert!(JsonPath::parse(path).is_err(), "{path}");
    }
}

/// Paths that name several places give the first value.
#[test]
fn general_paths() {
    let body = r#"{"items":[{"id":1,"ok":false},{"id":2,"ok":true}]}"#;
    assert_eq!(value("$..id", body), Some(json!(1)));
    assert_eq!(value("$.items[?@.ok == true].id", body), Some(json!(2)));
    assert_eq!(value("$.items[?@.id > 5].id", body), None);
    assert_eq!(found("$..id", "{"), Err(NotJson));
}

/// All values of a path, in its order, each as it is written; of a repeated name the first.
#[test]
fn all_values() {
    let body = r#" {"items": [{"id": 12.50, "id": 1}, {"id":12345678901234567890123}, {"x": {"id": [1 , 1e400]}}], "id": "a"} "#;
    let all = |path: &str, body: &str| {
        let found = JsonPath::parse(path).unwrap().all(body.as_bytes())?;
        Ok(found.iter().map(|text| String::from_utf8(text.to_vec()).unwrap()).collect::<Vec<_>>())
    };
    assert_eq!(all("$.items[*].id", body).unwrap(), ["12.50", "12345678901234567890123"]);
    assert_eq!(all("$.items[::-1].id", body).unwrap(), ["12345678901234567890123", "12.50"]);
    assert_eq!(all("$..id", body).unwrap(), ["\"a\"", "12.50", "12345678901234567890123", "[1 , 1e400]"]);
    assert_eq!(all("$['id','id']", body).unwrap(), ["\"a\"", "\"a\""]);
    assert_eq!(all("$.items[-1:].x.id[*]", body).unwrap(), ["1", "1e400"]);
    assert_eq!(all("$.none[*]", body).unwrap(), [""; 0]);
    assert_eq!(all("$.id", body).unwrap(), ["\"a\""]);
    for bad in ["", "[1,]", "[1 2]", "{\"a\":1,}", "[1]x", "[007]", "[tru]", "[\"\\x\"]", &"[".repeat(100_000)] {
        assert_eq!(all("$[*]", bad), Err(NotJson), "{bad:.20}");
    }
}

/// Words and numbers end where they end: a longer one is not taken for it, and what follows is read.
#[test]
fn words_and_numbers() {
    for word in ["true", "false", "null"] {
        for (body, expected) in [
            (format!("{{\"a\":{word}}}"), Ok(Some(word.to_owned()))),
            (format!("{{\"a\": {word} , \"b\":1}}"), Ok(Some(word.to_owned()))),
            (format!("[{word}]"), Ok(None)),
            (word.to_owned(), Ok(None)),
            (format!("{{\"a\":{word}"), Err(NotJson)),
            (format!("{{\"a\":{word}s}}"), Err(NotJson)),
            (format!("{{\"a\":{word}-1}}"), Err(NotJson)),
            (format!("{{\"a\":{}}}", &word[1..]), Err(NotJson)),
            (format!("{{\"a\":{}}}", &word[..3].to_uppercase()), Err(NotJson)),
            (format!("{{\"a\":{}", &word[..3]), Err(NotJson)),
        ] {
            assert_eq!(found("$.a", &body), expected, "{body}");
        }
        assert_eq!(found("$", word), Ok(Some(word.to_owned())));
    }
    for number in ["0", "-1", "19.5", "1e5", "-2.5E-3", "123456789012345678901234567890"] {
        let body = format!("{{\"first\":{number},\"a\":7,\"nested\":{{\"b\":{number}}},\"last\":\"{number}\"}}");
        assert_eq!(found("$.first", &body), Ok(Some(number.to_owned())));
        assert_eq!(found("$.a", &body), Ok(Some("7".to_owned())), "{body}");
        assert_eq!(found("$.nested.b", &body), Ok(Some(number.to_owned())));
        assert_eq!(found("$.nested.last", &body), Ok(None), "{body}");
        assert_eq!(found("$.last", &body), Ok(Some(format!("\"{number}\""))));
    }
}

/// Input that is not JSON is refused, at any depth and without a panic.
#[test]
fn not_json() {
    for body in [
        "",
        "  ",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{a:1}",
        "{\"b\" 1}",
        "<html>",
        "{\"b\":1 \"a\":2}",
        "{\"a\":nul}",
        "{\"a\":\"x",
    ] {
        assert_eq!(found("$.a", body), Err(NotJson), "{body}");
    }
    assert_eq!(found("$.a", &"[".repeat(1_000_000)), Ok(None));
    assert_eq!(found("$[1]", &"[".repeat(1_000_000)), Err(NotJson));
}

/// Text with escapes comes out as it was meant; half a surrogate pair is refused.
#[test]
fn escapes() {
    let unescaped = |text: &str| {
        let mut out = Vec::new();
        unescape(text.as_bytes(), &mut out).map(|()| String::from_utf8(out).unwrap())
    };
    assert_eq!(unescaped(r#"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00z"#).unwrap(), "a\"\\/\u{8}\u{c}\n\r\té😀z");
    for bad in [r"\", r"\x", r"\u12", r"\u12g4", r"\ud83d", r"\ud83dx", r"\ud83d\u0041", r"\ude00\ud83d", r"\u+123"] {
        assert_eq!(unescaped(bad), Err(NotJson), "{bad}");
    }
}

/// Writes a value with random space and random escapes.
fn write(value: &Value, random: &mut Random, out: &mut String) {
    space(random, out);
    match value {
        Value::String(text) => write_string(text, random, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write(item, random, out);
            }
            space(random, out);
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (name, member)) in members.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                space(random, out);
                write_string(name, random, out);
                space(random, out);
                out.push(':');
                write(member, random, out);
            }
            space(random, out);
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
    space(random, out);
}

fn space(random: &mut Random, out: &mut String) {
    out.push_str(["", "", " ", "\r\n\t"][usize::try_from(random.below(4)).unwrap()]);
}

fn write_string(text: &str, random: &mut Random, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        if random.below(4) == 0 {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            let quoted = Value::from(character.to_string()).to_string();
            out.push_str(&quoted[1..quoted.len() - 1]);
        }
    }
    out.push('"');
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]", "[a-z_]{1,3}", "[^\\\\'\\x00-\\x1f]{0,4}"]
}

fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[\\[\\]{}\",:\\\\ a]{0,6}", any::<String>()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|quarters| Value::from(f64::from(quarters) / 4.0)),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any_name(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A path that follows the value's structure and may miss by a little.
fn some_path(mut value: &Value, random: &mut Random) -> String {
    let mut path = "$".to_owned();
    while random.below(8) > 0 {
        match value {
            Value::Array(items) => {
                let length = i64::try_from(items.len()).unwrap();
                let index = i64::try_from(random.below(items.len() as u64 * 2 + 2)).unwrap() - length - 1;
                path.push_str(&format!("[{index}]"));
                let place = if index < 0 { index + length } else { index };
                match usize::try_from(place).ok().and_then(|place| items.get(place)) {
                    Some(item) => value = item,
                    None => break,
                }
            }
            Value::Object(members) if !members.is_empty() => {
                let chosen = usize::try_from(random.below(members.len() as u64)).unwrap();
                let (name, member) = members.iter().nth(chosen).unwrap();
                path.push_str(&format!("['{name}']"));
                value = member;
            }
            _ => {
                path += [".a", "[0]", ""][usize::try_from(random.below(3)).unwrap()];
                break;
            }
        }
    }
    path
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// The scanner finds what the general engine finds, in any writing of any document.
    #[test]
    fn scanner_agrees_with_the_general_engine(document in any_json(), seed: u64) {
        let mut random = Random::new(seed, "test", 0);
        let path = some_path(&document, &mut random);
        let mut text = String::new();
        write(&document, &mut random, &mut text);
        let general = serde_json_path::JsonPath::parse(&path).unwrap();
        let expected = general.query(&document).first().cloned();
        let text_of_general = JsonPath::General(Box::new(general)).find(text.as_bytes());
        prop_assert_eq!(JsonPath::parse(&path).unwrap().find(text.as_bytes()), text_of_general);
        prop_assert!(matches!(JsonPath::parse(&path), Ok(JsonPath::Singular(_))), "{path}");
        prop_assert_eq!(value(&path, &text), expected, "{} in {}", path, text);
    }

    /// The same where documents are written as most servers do, and end anywhere.
    #[test]
    fn scanner_agrees_where_there_is_no_space(
        members in prop::collection::vec(("[ab\"\\\\é]{1,17}", any_json()), 1..6), chosen in 0_usize..6, cut in 0_usize..400,
    ) {
        let (name, _) = &members[chosen % members.len()];
        let written = |(name, value): &(String, Value)| format!("{}:{value}", json!(name));
        let text = format!("{{{}}}", members.iter().map(written).collect::<Vec<_>>().join(","));
        let expected = members.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let path = JsonPath::Singular([PathPart::Name(Name::new(name))].into());
        let found = path.find(text.as_bytes()).unwrap().map(|value| serde_json::from_slice(value).unwrap());
        prop_assert_eq!(&found, &expected, "{} in {}", name, text);
        let cut = cut.min(text.len());
        if let Ok(Some(value)) = path.find(&text.as_bytes()[..cut]) {
            prop_assert_eq!(serde_json::from_slice::<Value>(value).ok(), expected, "{} in {}", name, &text.as_bytes()[..cut].escape_ascii());
        }
    }

    /// Both engines find the same text, digits and repeated names included.
    #[test]
    fn engines_agree(members in prop::collection::vec(("[ab]", "-?[1-9][0-9]{0,30}(\\.[0-9]{1,20})?(e[0-9]{1,3})?"), 1..5)) {
        let text: Vec<String> = members.iter().map(|(name, number)| format!("\"{name}\" : [ {number} ]")).collect();
        let text = format!("{{\"a\": {{ {} }} }}", text.join(" , "));
        for path in ["$.a.a", "$.a.b", "$.a.a[0]", "$.a.b[-1]", "$.a", "$", "$.b"] {
            let general = JsonPath::General(Box::new(serde_json_path::JsonPath::parse(path).unwrap()));
            prop_assert_eq!(JsonPath::parse(path).unwrap().find(text.as_bytes()), general.find(text.as_bytes()), "{}", path);
        }
    }

    /// A document cut short gives the same value or none is given, never another.
    #[test]
    fn cut_documents_never_mislead(document in any_json(), seed: u64, cut: prop::sample::Index) {
        prop_assume!(document.is_object() || document.is_array());
        let mut random = Random::new(seed, "test", 0);
        let path = some_path(&document, &mut random);
        let mut text = String::new();
        write(&document, &mut random, &mut text);
        let path = JsonPath::parse(&path).unwrap();
        let whole = path.find(text.as_bytes()).unwrap();
        let cut = cut.index(text.len());
        if let Ok(found) = path.find(&text.as_bytes()[..cut]) {
            prop_assert_eq!(found, whole);
        }
    }

    /// No bytes make the scanner panic.
    #[test]
    fn any_bytes(body in "[\\[\\]{}\",:a0\\\\ ]{0,20}", seed: u64) {
        let path = some_path(&json!({"a": [{"": [1]}]}), &mut Random::new(seed, "test", 0));
        let _ = JsonPath::parse(&path).unwrap().find(body.as_bytes());
    }
}
