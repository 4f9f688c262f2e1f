//! Bodies: from the plan's description to a template and its `Content-Type`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::encode;
use super::template::{Context, Template, TemplateBuilder, TemplateProblem};
use super::variables::Names;
use crate::json::{Json, Members};
use crate::plan::{Body, Part};
use crate::random::Random;

/// A body ready to be rendered. Its `Content-Length` is the length of what is rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CompiledBody {
    /// Renders the body's bytes.
    pub template: Template,
    /// Its `Content-Type`, if one must be sent and the request has none itself.
    pub content_type: Option<String>,
}

/// Something wrong within a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BodyProblem {
    /// Where in the body: `value.items[0].name`, `fields[2]`, `parts[1].text`.
    pub path: String,
    /// What is wrong.
    pub fault: BodyFault,
}

/// What is wrong within a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyFault {
    /// A string is not a template.
    #[error(transparent)]
    Template(#[from] TemplateProblem),
    /// The text of a JSON body is not JSON, or is nested too deep.
    #[error("not JSON: {0}")]
    Json(String),
    /// Content is not base64.
    #[error("this is not base64")]
    Base64,
    /// A part has no content, or two.
    #[error("a part has either `text` or `base64`")]
    PartContent,
}

/// Compiles a body. `seed` decides the boundary of a multipart body. All problems are reported, not only the first.
pub(crate) fn compile_body(body: &Body, seed: u64, names: &mut Names) -> Result<CompiledBody, Vec<BodyProblem>> {
    let mut writer = Writer { builder: TemplateBuilder::default(), names, problems: Vec::new() };
    let content_type = match body {
        Body::Json { text } => {
            writer.json(text, "value");
            Some("application/json".to_owned())
        }
        Body::Form { fields } => {
            writer.form(fields);
            Some("application/x-www-form-urlencoded".to_owned())
        }
        Body::Text { text, content_type } => {
            writer.text(text, Context::Text, "text");
            writer.content_type(content_type.as_deref(), "content_type");
            content_type.clone()
        }
        Body::Bytes { base64, content_type } => {
            writer.base64(base64, "base64");
            writer.content_type(content_type.as_deref(), "content_type");
            content_type.clone()
        }
        Body::Multipart { parts } => {
            let boundary = boundary(parts, seed);
            writer.multipart(parts, &boundary);
            Some(format!("multipart/form-data; boundary={boundary}"))
        }
    };
    if writer.problems.is_empty() {
        Ok(CompiledBody { template: writer.builder.build(), content_type })
    } else {
        Err(writer.problems)
    }
}

/// Writes a body piece by piece and collects what is wrong with it.
struct Writer<'n> {
    builder: TemplateBuilder,
    names: &'n mut Names,
    problems: Vec<BodyProblem>,
}

impl Writer<'_> {
    fn json(&mut self, text: &str, path: &str) {
        match Json::parse(text) {
            Ok(Json::String(text)) => {
                if !self.builder.json_value(&text, self.names) {
                    self.quoted(&text, path);
                }
            }
            Ok(Json::Array(items)) => {
                self.builder.literal(b"[");
                for (index, item) in items.iter().enumerate() {
                    self.separator(index, b",");
                    self.json(item.get(), &format!("{path}[{index}]"));
                }
                self.builder.literal(b"]");
            }
            Ok(Json::Object(Members(members))) => {
                self.builder.literal(b"{");
                for (index, (name, member)) in members.iter().enumerate() {
                    self.separator(index, b",");
                    let path = format!("{path}.{name}");
                    self.quoted(name, &path);
                    self.builder.literal(b":");
                    self.json(member.get(), &path);
                }
                self.builder.literal(b"}");
            }
            Ok(Json::Plain(text)) => self.builder.literal(text.as_bytes()),
            Err(error) => self.problem(path, BodyFault::Json(error.to_string())),
        }
    }

    fn quoted(&mut self, text: &str, path: &str) {
        self.builder.literal(b"\"");
        self.text(text, Context::Json, path);
        self.builder.literal(b"\"");
    }

    fn form(&mut self, fields: &[(String, String)]) {
        for (index, (name, value)) in fields.iter().enumerate() {
            self.separator(index, b"&");
            let path = format!("fields[{index}]");
            self.text(name, Context::Form, &path);
            self.builder.literal(b"=");
            self.text(value, Context::Form, &path);
        }
    }

    fn multipart(&mut self, parts: &[Part], boundary: &str) {
        for (index, part) in parts.iter().enumerate() {
            let path = format!("parts[{index}]");
            self.part_head(part, boundary, &path);
            match (&part.text, &part.base64) {
                (Some(text), None) => self.text(text, Context::Text, &format!("{path}.text")),
                (None, Some(base64)) => self.base64(base64, &format!("{path}.base64")),
                (None, None) | (Some(_), Some(_)) => self.problem(&path, BodyFault::PartContent),
            }
            self.builder.literal(b"\r\n");
        }
        self.builder.literal(format!("--{boundary}--\r\n").as_bytes());
    }

    /// The lines before a part's content. Names are quoted as browsers do (RFC 7578 section 2 leaves it open).
    fn part_head(&mut self, part: &Part, boundary: &str, path: &str) {
        self.builder.literal(format!("--{boundary}\r\nContent-Disposition: form-data; name=\"").as_bytes());
        self.text(&part.name, Context::Quoted, &format!("{path}.name"));
        self.builder.literal(b"\"");
        if let Some(filename) = &part.filename {
            self.builder.literal(b"; filename=\"");
            self.text(filename, Context::Quoted, &format!("{path}.filename"));
            self.builder.literal(b"\"");
        }
        if let Some(content_type) = &part.content_type {
            self.builder.literal(b"\r\nContent-Type: ");
            self.text(content_type, Context::Header, &format!("{path}.content_type"));
        }
        self.builder.literal(b"\r\n\r\n");
    }

    fn text(&mut self, text: &str, context: Context, path: &str) {
        if let Err(problem) = self.builder.text(text, context, self.names) {
            self.problem(path, problem.into());
        }
    }

    fn base64(&mut self, base64: &str, path: &str) {
        match STANDARD.decode(base64) {
            Ok(bytes) => self.builder.literal(&bytes),
            Err(_) => self.problem(path, BodyFault::Base64),
        }
    }

    fn content_type(&mut self, value: Option<&str>, path: &str) {
        if value.is_some_and(|value| encode::forbidden_in_head(value.as_bytes())) {
            self.problem(path, TemplateProblem::LineEnd.into());
        }
    }

    fn separator(&mut self, index: usize, separator: &[u8]) {
        if index > 0 {
            self.builder.literal(separator);
        }
    }

    fn problem(&mut self, path: &str, fault: BodyFault) {
        self.problems.push(BodyProblem { path: path.to_owned(), fault });
    }
}

/// A boundary that occurs in no part. Values of slots are not known yet; that one of them holds these 128 random bits
/// is as good as impossible.
fn boundary(parts: &[Part], seed: u64) -> String {
    let mut random = Random::new(seed, "boundary", 0);
    loop {
        let boundary = format!("loadcore-{:016x}{:016x}", random.next_u64(), random.next_u64());
        let occurs = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains(&boundary));
        if !parts
            .iter()
            .any(|part| occurs(&part.text) || decoded(part).is_some_and(|bytes| contains(&bytes, &boundary)))
        {
            return boundary;
        }
    }
}

fn decoded(part: &Part) -> Option<Vec<u8>> {
    STANDARD.decode(part.base64.as_ref()?).ok()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::schedule::Share;
    use crate::step::{Builtins, Counter, Variables};

    fn rendered(body: &Body, values: &[(&str, &str)]) -> (String, Option<String>) {
        let mut names = Names::new();
        let compiled = compile_body(body, 1, &mut names).unwrap();
        let mut variables = Variables::new(&names);
        for (name, value) in values {
            variables.set(names.slot(name), value.as_bytes());
        }
        let (mut random, mut counter) = (Random::new(1, "test", 0), Counter::new(Share::WHOLE, 0));
        let mut builtins = Builtins { user: 0, iteration: 0, unix_ns: 0, random: &mut random, counter: &mut counter };
        let mut out = Vec::new();
        compiled.template.render(&variables, &mut builtins, &mut out).unwrap();
        (String::from_utf8(out).unwrap(), compiled.content_type)
    }

    fn part(name: &str) -> Part {
        Part { name: name.to_owned(), filename: None, content_type: None, text: None, base64: None }
    }

    /// Values of slots are escaped in JSON strings, and inserted as JSON where that is asked for.
    #[test]
    fn json_bodies() {
        let value = json!({"name": "say \"{word}\"", "n": [1, 2.5, null, true], "qty": "{qty:json}", "{{x}}": "{{}}"});
        let (body, content_type) =
            rendered(&Body::Json { text: value.to_string() }, &[("word", "a\"\n"), ("qty", "3")]);
        assert_eq!(body, r#"{"name":"say \"a\"\n\"","n":[1,2.5,null,true],"qty":3,"{x}":"{}"}"#);
        assert_eq!(content_type.as_deref(), Some("application/json"));
        let parsed: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(parsed["name"], "say \"a\"\n\"");
    }

    /// Names of members, fields, parts and files are strings like any other, and no value breaks out of them.
    #[test]
    fn names_hold_variables() {
        let values = [("x", "a\" b\r\n"), ("y", "1")];
        let json = rendered(&Body::Json { text: r#"{"{x}": {"n{y}": 1}}"#.to_owned() }, &values).0;
        assert_eq!(json, r#"{"a\" b\r\n":{"n1":1}}"#);
        let form = Body::Form { fields: vec![("{x}".to_owned(), "{y}".to_owned())] };
        assert_eq!(rendered(&form, &values).0, "a%22+b%0D%0A=1");
        let file = Part {
            filename: Some("{x}.txt".to_owned()),
            content_type: Some("text/{y}".to_owned()),
            text: Some(String::new()),
            ..part("{x}")
        };
        let head = "name=\"a%22 b%0D%0A\"; filename=\"a%22 b%0D%0A.txt\"\r\nContent-Type: text/1\r\n\r\n";
        assert!(rendered(&Body::Multipart { parts: vec![file] }, &values).0.contains(head));
    }

    /// A stray brace is reported with its place, in names, too.
    #[test]
    fn names_with_braces() {
        let places = |body: &Body| {
            let problems = compile_body(body, 1, &mut Names::new()).unwrap_err();
            problems.into_iter().map(|problem| problem.path).collect::<Vec<_>>()
        };
        assert_eq!(places(&Body::Json { text: r#"{"a": {"{b": 1}}"#.to_owned() }), ["value.a.{b"]);
        assert_eq!(places(&Body::Form { fields: vec![("}".to_owned(), String::new())] }), ["fields[0]"]);
        let file = Part { filename: Some("{ }".to_owned()), text: Some(String::new()), ..part("{") };
        assert_eq!(places(&Body::Multipart { parts: vec![file] }), ["parts[0].name", "parts[0].filename"]);
    }

    /// Numbers are sent as they are written, at any depth, and so is a name that comes twice.
    #[test]
    fn json_digits() {
        let text = r#"[12345678901234567890123, {"a": 19.90, "a": 1e400}, -0.0]"#;
        let body = rendered(&Body::Json { text: text.to_owned() }, &[]).0;
        assert_eq!(body, r#"[12345678901234567890123,{"a":19.90,"a":1e400},-0.0]"#);
        let problems = compile_body(&Body::Json { text: "[1,".to_owned() }, 1, &mut Names::new()).unwrap_err();
        assert!(matches!(problems[0].fault, BodyFault::Json(_)));
    }

    /// A value stays what it is: a string a string, a number a number. Text of which this is not known is a string
    /// unless it is JSON: no value breaks out of its place.
    #[test]
    fn values_keep_what_they_are() {
        let text = |value: &str| rendered(&Body::Json { text: r#"{"id": "{x:json}"}"#.to_owned() }, &[("x", value)]).0;
        for json in ["12345678901234567890123", "19.90", "true", "null", "{\"a\": [1]}", "\"a\""] {
            assert_eq!(text(json), format!("{{\"id\":{json}}}"));
        }
        for other in ["", "007", "a1b2", "1,\"admin\":true", "1}", "NaN", "1.", "say \"hi\"", " ", "0x10", "+1", "1\n2"]
        {
            let parsed: Value = serde_json::from_str(&text(other)).unwrap();
            assert_eq!(parsed, json!({"id": other}), "{other}");
        }
        let mut names = Names::new();
        let body = Body::Json { text: r#"["{x:json}"]"#.to_owned() };
        let template = compile_body(&body, 1, &mut names).unwrap().template;
        let mut variables = Variables::new(&names);
        let mut out = Vec::new();
        let (mut random, mut counter) = (Random::new(1, "test", 0), Counter::new(Share::WHOLE, 0));
        let mut builtins = Builtins { user: 0, iteration: 0, unix_ns: 0, random: &mut random, counter: &mut counter };
        variables.set_string(names.slot("x"), b"12");
        template.render(&variables, &mut builtins, &mut out).unwrap();
        assert_eq!(out, br#"["12"]"#);
        variables.set(names.slot("x"), b"\"\xff");
        assert!(template.render(&variables, &mut builtins, &mut out).is_err());
    }

    /// Built-ins are numbers where they are made of digits, and strings elsewhere.
    #[test]
    fn builtins_as_json() {
        let text = r#"["{$counter:json}", "{$random(7,7):json}", "{$now:json}", "{$counter}"]"#;
        let body = rendered(&Body::Json { text: text.to_owned() }, &[]).0;
        assert_eq!(body, r#"[0,7,"1970-01-01T00:00:00.000Z","1"]"#);
    }

    /// A value that is raw JSON must be alone: within a longer string it is refused.
    #[test]
    fn json_filter_only_as_a_whole() {
        let body = Body::Json { text: r#"{"a": ["x {qty:json}"]}"#.to_owned() };
        let problems = compile_body(&body, 1, &mut Names::new()).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].path, "value.a[0]");
        assert!(matches!(problems[0].fault, BodyFault::Template(TemplateProblem::BadFilter { .. })));
    }

    /// Names and values of a form are encoded.
    #[test]
    fn form_bodies() {
        let fields = vec![("a b".to_owned(), "c&{x}".to_owned()), ("d".to_owned(), String::new())];
        let (body, content_type) = rendered(&Body::Form { fields }, &[("x", "=ü")]);
        assert_eq!(body, "a+b=c%26%3D%C3%BC&d=");
        assert_eq!(content_type.as_deref(), Some("application/x-www-form-urlencoded"));
    }

    /// Text is rendered as it is, bytes have no slots.
    #[test]
    fn text_and_bytes() {
        let body = Body::Text { text: "<{x}>".to_owned(), content_type: Some("text/xml".to_owned()) };
        assert_eq!(rendered(&body, &[("x", "\r\n")]), ("<\r\n>".to_owned(), Some("text/xml".to_owned())));
        let body = Body::Bytes { base64: STANDARD.encode("{x}"), content_type: None };
        assert_eq!(rendered(&body, &[]), ("{x}".to_owned(), None));
    }

    /// A multipart body has the shape of RFC 7578 and its names cannot break out of their quotes.
    #[test]
    fn multipart_bodies() {
        let parts = vec![
            Part { text: Some("v {x}".to_owned()), ..part("a\"\r\nX: y") },
            Part {
                filename: Some("f.bin".to_owned()),
                content_type: Some("application/octet-stream".to_owned()),
                base64: Some(STANDARD.encode("raw")),
                ..part("file")
            },
        ];
        let (body, content_type) = rendered(&Body::Multipart { parts }, &[("x", "1")]);
        let content_type = content_type.unwrap();
        let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
        assert_eq!(
            body,
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"a%22%0D%0AX: y\"\r\n\r\nv 1\r\n\
                 --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f.bin\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\nraw\r\n--{boundary}--\r\n"
            )
        );
    }

    /// The boundary is another one if a part holds the first choice.
    #[test]
    fn boundary_avoids_the_parts() {
        let first = boundary(&[], 1);
        let text = Part { text: Some(format!("x{first}")), ..part("a") };
        let bytes = Part { base64: Some(STANDARD.encode(&first)), ..part("a") };
        assert_ne!(boundary(&[text], 1), first);
        assert_ne!(boundary(&[bytes], 1), first);
    }

    /// Every problem of a body is reported, with its place.
    #[test]
    fn all_problems_at_once() {
        let parts = vec![
            part("none"),
            Part { text: Some("{".to_owned()), base64: Some("!".to_owned()), ..part("both") },
            Part { text: Some("{".to_owned()), ..part("unclosed") },
            Part { base64: Some("!".to_owned()), content_type: Some("a\r\nb".to_owned()), ..part("bad") },
        ];
        let problems = compile_body(&Body::Multipart { parts }, 1, &mut Names::new()).unwrap_err();
        let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["parts[0]", "parts[1]", "parts[2].text", "parts[3].content_type", "parts[3].base64"]);
    }
}
