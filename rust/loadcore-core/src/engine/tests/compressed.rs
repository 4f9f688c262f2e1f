//! Bodies that come compressed: decoded for what looks into them, and for nothing else.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::auth::with_oauth;
use super::*;
use crate::transport::fake::Then;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn reply(status: u16, headers: &str, body: &[u8]) -> Reply {
    let head = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    Reply::raw(ms(1), &[head.as_bytes(), body].concat(), Then::Keep)
}

/// Makes every kind of check, takes two values, and sends one of them.
fn looking() -> Value {
    json!([
        {
            "kind": "request", "name": "item", "method": "GET", "url": "/item",
            "checks": [
                {"name": "has id", "claim": {"kind": "json", "path": "$.id"}},
                {"name": "not 8", "claim": {"kind": "json", "path": "$.id", "compare": {"operator": "!=", "value": 8}}},
                {"name": "text", "claim": {"kind": "contains", "text": "id"}},
                {"name": "pattern", "claim": {"kind": "regex", "pattern": "^.*$"}},
            ],
            "extracts": [{"variable": "id", "from": {"kind": "json", "path": "$.id"}}],
        },
        {"kind": "request", "name": "next", "method": "GET", "url": "/items/{id}"},
    ])
}

fn once(steps: Value) -> Value {
    plan(
        json!({"kind": "iterations", "users": 1, "iterations": 3, "scope": "per_user", "max_duration_ns": 60_000_000_000_u64}),
        steps,
    )
}

/// Checks hold and values are found, also from a head that was seen before, in pieces of any size and without a length;
/// the bytes that are counted are those on the wire.
#[test]
fn what_looks_into_a_body_sees_it() {
    let body = gzip(r#"{"id": 7}"#);
    let chunked = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
    let of_chunks =
        [&b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"[..], &chunked].concat();
    let folded = [
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nContent-Encoding:\r\n gzip\r\n\r\n", body.len()).as_bytes(),
        &body,
    ]
    .concat();
    let twice = "Content-Encoding: identity\r\nX-Other: 1\r\ncontent-ENCODING: gzip\r\n";
    for item in [
        reply(200, "Content-Encoding: gzip\r\n", &body),
        reply(200, twice, &body),
        Reply::raw(ms(1), &of_chunks, Then::Keep),
        Reply::raw(ms(1), &folded, Then::Keep),
    ] {
        let asked = Rc::new(std::cell::RefCell::new(Vec::new()));
        let seen = Rc::clone(&asked);
        let fake = FakeTransport::new(move |request, _| {
            let line = String::from_utf8_lossy(request).lines().next().unwrap_or_default().to_owned();
            seen.borrow_mut().push(line.clone());
            Some(if line.contains("/item ") { item.clone() } else { reply(200, "", b"") })
        });
        let mut steps = looking();
        let size = json!({"kind": "size", "compare": {"operator": "==", "value": body.len()}});
        steps[0]["checks"].as_array_mut().unwrap().push(json!({"name": "size", "claim": size}));
        let run = simulate(&once(steps), fake);
        assert_eq!(Vec::<Sample>::new(), run.samples);
        assert_eq!(["GET /item HTTP/1.1", "GET /items/7 HTTP/1.1"].repeat(3), *asked.borrow());
    }
}

/// No check holds and no value is found in what cannot be read, whatever is asked, and the reason is given.
#[test]
fn what_cannot_be_read() {
    let body = gzip(&format!(r#"{{"id": 7, "text": "{}"}}"#, "x".repeat(1_000)));
    let (cut, damaged) = (&body[..body.len() - 9], [&body[..20], b"xxxxxx", &body[26..]].concat());
    for (coding, body, reason) in [
        ("foo", &*body, "the body is compressed with 'foo', which loadcore cannot read"),
        ("gzip", cut, "the body is compressed with gzip and ends too early"),
        (
            "gzip",
            &damaged,
            "the body is damaged: its Content-Encoding says gzip, but it cannot be decompressed as such",
        ),
        (
            "br",
            br#"{"id": 7, "name": "seven"}"#,
            "the body is damaged: its Content-Encoding says br, but it cannot be decompressed as such",
        ),
    ] {
        let answer = reply(200, &format!("Content-Encoding: {coding}\r\n"), body);
        let run = simulate(&once(looking()), FakeTransport::new(move |_, _| Some(answer.clone())));
        let reasons: Vec<&str> = run.samples.iter().map(|sample| &*sample.reason).collect();
        let names = ["has id", "not 8", "text", "pattern"];
        let expected: Vec<String> =
            names.iter().map(|name| format!("the check `{name}` does not hold: {reason}")).collect();
        assert_eq!(expected, reasons[..4]);
        assert_eq!(Some(format!("no value for `id`: {reason}")), reasons.get(4).map(|&reason| reason.to_owned()));
        let shown = run.samples[0].response.as_ref().unwrap();
        assert_eq!(Some(reason), shown.unreadable.as_deref());
    }
}

/// A bomb is a body over the limit: it costs no more than that.
#[test]
fn a_bomb() {
    let bomb = gzip(&format!(r#"{{"id": 7, "text": "{}"}}"#, "x".repeat(1 << 20)));
    let length = bomb.len();
    let mut plan = once(looking());
    plan["http"]["limits"]["kept_body_bytes"] = json!(100_000);
    let answer = reply(200, "Content-Encoding: gzip\r\n", &bomb);
    let run = simulate(&plan, FakeTransport::new(move |_, _| Some(answer.clone())));
    let reason = format!(
        "the check `has id` does not hold: the body of {length} bytes is compressed with gzip; decompressed it is larger than \
         Limits(kept_body=…), the most that checks and extracts look at"
    );
    assert_eq!(reason, run.samples[0].reason);
    let shown = run.samples[0].response.as_ref().unwrap();
    assert_eq!((true, None, true), (shown.body.starts_with(r#"{"id": 7"#), shown.unreadable.as_deref(), shown.cut));
}

/// A failure is shown as it was before it was compressed, without its secrets, whether the step looks into bodies or
/// not.
#[test]
fn a_failure_is_shown() {
    let body = gzip(r#"{"detail": "no", "password": "canary-1", "mail": "canary-2"}"#);
    let mut looks = get("b");
    looks["checks"] = json!([{"name": "text", "claim": {"kind": "contains", "text": "no"}}]);
    for step in [get("a"), looks] {
        let headers = "Content-Encoding: gzip\r\nX-CSRF-Token: canary-2\r\n";
        let answer = reply(500, headers, &body);
        let run = simulate(&once(json!([step])), FakeTransport::new(move |_, _| Some(answer.clone())));
        let shown = run.samples[0].response.as_ref().unwrap();
        assert_eq!(r#"{"detail": "no", "password": "***", "mail": "***"}"#, shown.body);
        assert!(!format!("{:?}", run.samples).contains("canary"));
    }
}

/// An answer with a token may come compressed; the reason is given if one cannot be read.
#[test]
fn tokens() {
    let token = gzip(r#"{"access_token": "t1", "expires_in": 600}"#);
    for (coding, expected) in
        [("gzip", None), ("foo", Some("the body is compressed with 'foo', which loadcore cannot read"))]
    {
        let answer = reply(200, &format!("Content-Encoding: {coding}\r\n"), &token);
        let fake = FakeTransport::new(move |request, _| {
            let request = String::from_utf8_lossy(request);
            let is_identified = request.contains("Authorization: Bearer t1\r\n");
            Some(if request.starts_with("POST") {
                answer.clone()
            } else {
                reply(if is_identified { 200 } else { 401 }, "", b"")
            })
        });
        let run = simulate(&with_oauth(None, users(1, 50)), fake);
        assert_eq!(expected, run.samples.first().map(|sample| &*sample.reason));
        assert_eq!(expected.is_none(), run.outcomes().keys().all(|outcome| *outcome == "ok"), "{:?}", run.outcomes());
    }
}
