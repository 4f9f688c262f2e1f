//! What templates parse and render.

use proptest::prelude::*;

use super::*;
use crate::random::Random;
use crate::schedule::Share;
use crate::step::Counter;

/// Renders a string with the given variables.
fn rendered(text: &str, context: Context, values: &[(&str, &str)]) -> Result<String, RenderError> {
    let mut names = Names::new();
    let template = Template::parse(text, context, &mut names).unwrap();
    for (name, _) in values {
        names.slot(name);
    }
    let mut variables = Variables::new(&names);
    for (name, value) in values {
        variables.set(names.slot(name), value.as_bytes());
    }
    let mut out = Vec::new();
    with_builtins(|builtins| template.render(&variables, builtins, &mut out))?;
    Ok(String::from_utf8(out).unwrap())
}

fn with_builtins<T>(work: impl FnOnce(&mut Builtins<'_>) -> T) -> T {
    let (mut random, mut counter) = (Random::new(1, "test", 0), Counter::new(Share::WHOLE, 0));
    let unix_ns = 1_709_210_096_789_000_000;
    work(&mut Builtins { user: 7, iteration: 3, unix_ns, random: &mut random, counter: &mut counter })
}

fn problem(text: &str, context: Context) -> TemplateProblem {
    Template::parse(text, context, &mut Names::new()).unwrap_err()
}

/// Slots are filled and escaped for their position.
#[test]
fn contexts() {
    let values = [("id", "a b/\"ü\"")];
    let text = "x {id} y";
    assert_eq!(rendered(text, Context::Path, &values).unwrap(), "x%20a%20b%2F%22%C3%BC%22%20y");
    assert_eq!(rendered(text, Context::Query, &values).unwrap(), "x%20a%20b%2F%22%C3%BC%22%20y");
    assert_eq!(rendered(text, Context::Form, &values).unwrap(), "x+a+b%2F%22%C3%BC%22+y");
    assert_eq!(rendered(text, Context::Json, &values).unwrap(), "x a b/\\\"ü\\\" y");
    assert_eq!(rendered(text, Context::Header, &values).unwrap(), "x a b/\"ü\" y");
    assert_eq!(rendered(text, Context::Text, &values).unwrap(), "x a b/\"ü\" y");
}

/// A URL's text keeps its delimiters while a query value's does not.
#[test]
fn static_text_is_encoded_for_its_place() {
    assert_eq!(rendered("/a?b=c&d=ü", Context::Path, &[]).unwrap(), "/a?b=c&d=%C3%BC");
    assert_eq!(rendered("b=c&d", Context::Query, &[]).unwrap(), "b%3Dc%26d");
    assert_eq!(rendered("line\n", Context::Json, &[]).unwrap(), "line\\n");
}

/// Doubled braces are literal ones, beside slots too.
#[test]
fn literal_braces() {
    assert_eq!(rendered("{{{id}}} {{}} {{id}}", Context::Text, &[("id", "1")]).unwrap(), "{1} {} {id}");
    assert_eq!(rendered("{{", Context::Text, &[]).unwrap(), "{");
}

/// Built-ins are rendered, and encoded where it matters.
#[test]
fn builtins() {
    let text = "{$user}.{$iteration}.{$counter}.{$counter}.{$random(4,4)}.{$now_ms}";
    assert_eq!(rendered(text, Context::Path, &[]).unwrap(), "7.3.0.1.4.1709210096789");
    assert_eq!(rendered("{$now}", Context::Form, &[]).unwrap(), "2024-02-29T12%3A34%3A56.789Z");
    assert_eq!(rendered("{$uuid}", Context::Path, &[]).unwrap().len(), 36);
}

/// `:raw` leaves a value as it is in a URL, except where it would break the request line.
#[test]
fn raw() {
    assert_eq!(rendered("{path:raw}?x", Context::Path, &[("path", "/a/b%20c")]).unwrap(), "/a/b%20c?x");
    let split = rendered("{path:raw}", Context::Path, &[("path", "/ HTTP/1.1\r\nX: y")]);
    assert!(matches!(split, Err(RenderError::Refused(_))));
}

/// Test data cannot add header lines, and a missing value is not an empty one.
#[test]
fn render_errors_name_the_slot() {
    for bad in ["a\r\nX: y", "a\nb", "a\0"] {
        assert!(matches!(rendered("t={token}", Context::Header, &[("token", bad)]), Err(RenderError::Refused(_))));
    }
    let mut names = Names::new();
    let template = Template::parse("{a}{b}", Context::Text, &mut names).unwrap();
    let mut variables = Variables::new(&names);
    variables.set(names.slot("a"), b"1");
    let result = with_builtins(|builtins| template.render(&variables, builtins, &mut Vec::new()));
    assert_eq!(result.map_err(|error| names.name(error.slot()).to_owned()), Err("b".to_owned()));
}

/// Problems in a string are reported with their position.
#[test]
fn problems() {
    assert_eq!(problem("ab{id", Context::Text), TemplateProblem::NotClosed { at: 2 });
    assert_eq!(problem("{a{b}", Context::Text), TemplateProblem::NotClosed { at: 0 });
    assert_eq!(problem("ab}", Context::Text), TemplateProblem::NotOpened { at: 2 });
    for bad in ["{}", "{ id }", "{1a}", "{\"a\": 1}", "{:raw}"] {
        assert!(matches!(problem(bad, Context::Text), TemplateProblem::BadName { at: 0 }), "{bad}");
    }
    assert!(matches!(problem("{$nope}", Context::Text), TemplateProblem::UnknownBuiltin { .. }));
    for (bad, context) in [("{a:raw}", Context::Header), ("{a:json}", Context::Json), ("{a:up}", Context::Path)] {
        assert!(matches!(problem(bad, context), TemplateProblem::BadFilter { .. }), "{bad}");
    }
    assert_eq!(problem("/a\r\nX: y", Context::Path), TemplateProblem::LineEnd);
    assert_eq!(problem("a\0", Context::Header), TemplateProblem::LineEnd);
}

/// A message shows where the brace is and how to write it, and nothing of the text, which may be a password.
#[test]
fn messages() {
    assert_eq!(
        problem("ab{ id }", Context::Text).to_string(),
        "the `{` at position 2 does not begin a variable: a name has letters, digits, `_`, `-` and `.` only, or is a feeder's column; a literal brace is written `{{`"
    );
    for text in ["a{canary ss}b", "{canary", "canary}", "{$canary}", "{canary:canary}", "{canary!}"] {
        assert!(!problem(text, Context::Text).to_string().contains("canary"), "{text}");
    }
}

/// A string without slots is its bytes; pieces and templates put together are merged.
#[test]
fn static_templates() {
    let mut names = Names::new();
    let mut builder = TemplateBuilder::default();
    builder.literal(b"GET ");
    builder.append(&Template::parse("/a{{b}}", Context::Path, &mut names).unwrap());
    builder.literal(b"");
    builder.text(" x", Context::Text, &mut names).unwrap();
    assert_eq!(builder.build().is_static(), Some(&b"GET /a%7Bb%7D x"[..]));
    let template = Template::parse("{a}-{b}-{a}", Context::Text, &mut names).unwrap();
    assert_eq!(template.is_static(), None);
    assert_eq!(template.slots().map(|slot| names.name(slot)).collect::<Vec<_>>(), ["a", "b", "a"]);
    assert_eq!(Template::parse("", Context::Text, &mut names).unwrap().is_static(), Some(&b""[..]));
}

/// Rendering into a buffer with room does not move it: nothing is allocated.
#[test]
fn rendering_needs_no_allocation() {
    let mut names = Names::new();
    let template = Template::parse("/items/{id}?a={a}&b={$uuid}", Context::Path, &mut names).unwrap();
    let mut variables = Variables::new(&names);
    variables.set(names.slot("id"), b"a b");
    variables.set(names.slot("a"), b"1");
    let mut out = Vec::with_capacity(128);
    let buffer = out.as_ptr();
    with_builtins(|builtins| template.render(&variables, builtins, &mut out)).unwrap();
    assert!(out.starts_with(b"/items/a%20b?a=1&b="));
    assert_eq!(out.as_ptr(), buffer);
}

proptest! {
    /// Any text comes through with its braces doubled, and no text makes the parser panic.
    #[test]
    fn any_text(text: String) {
        let doubled = text.replace('{', "{{").replace('}', "}}");
        prop_assert_eq!(rendered(&doubled, Context::Text, &[]).unwrap(), text.clone());
        for context in [Context::Path, Context::Header, Context::Json] {
            let _ = Template::parse(&text, context, &mut Names::new());
        }
    }
}

/// A variable of the environment is part of the text, escaped for its place, and nothing in it is a slot.
#[test]
fn environment() {
    // Set for every test that cargo runs.
    let path = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    let text = "a {$env.CARGO_MANIFEST_DIR} b";
    let template = Template::parse(text, Context::Header, &mut Names::new()).unwrap();
    assert_eq!(template.is_static().unwrap(), format!("a {path} b").as_bytes());
    let query = rendered("{$env.CARGO_MANIFEST_DIR}", Context::Query, &[]).unwrap();
    assert_eq!(query, path.replace('/', "%2F"));
    let missing = TemplateProblem::NoVariable("NO_SUCH_ONE".to_owned());
    assert_eq!(problem("{$env.NO_SUCH_ONE}", Context::Text), missing);
    assert_eq!(problem("{$env.}", Context::Text), TemplateProblem::NoVariable(String::new()));
    assert_eq!(environment_variables("{$env.A} {{$env.B}} {$env.C").collect::<Vec<_>>(), ["A", "B"]);
}
