//! What is kept of failures: one sample for each class, with its reason, and without secrets.

use super::auth::{gateway, with_oauth};
use super::*;
use crate::transport::fake::Then;

fn raw(bytes: &str) -> Reply {
    Reply::raw(ms(1), bytes.as_bytes(), Then::Keep)
}

fn json_reply(status: &str, body: &str) -> Reply {
    raw(&format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

/// One user, one iteration.
fn once(steps: Value) -> Value {
    plan(
        json!({"kind": "iterations", "users": 1, "iterations": 1, "scope": "per_user", "max_duration_ns": 60_000_000_000_u64}),
        steps,
    )
}

fn samples(plan: &Value, reply: impl Fn(u64) -> Reply + 'static) -> Vec<Sample> {
    simulate(plan, FakeTransport::new(move |_, number| Some(reply(number)))).samples
}

fn reasons(samples: &[Sample]) -> Vec<(&str, &str, &str)> {
    samples.iter().map(|sample| (sample.kind, &*sample.what, &*sample.reason)).collect()
}

/// An unexpected status is kept once, with the request line, the head and the beginning of the body, however often it
/// comes.
#[test]
fn a_status() {
    let mut step = get("item");
    step["url"] = json!("/item?page=2&token=s3cret");
    step["expect"] = json!([[200, 200], [404, 404]]);
    let run = simulate(
        &plan(users(5, 500), json!([step])),
        FakeTransport::new(|_, number| {
            Some(json_reply(if number < 9 { "503 Busy" } else { "401 No" }, r#"{"detail": "later"}"#))
        }),
    );

    assert_eq!(
        vec![
            ("status", "503", "expected status 200 or 404, got 503"),
            ("status", "401", "expected status 200 or 404, got 401"),
        ],
        reasons(&run.samples)
    );
    let sample = &run.samples[0];
    let (request, response) = (sample.request.as_ref().unwrap(), sample.response.as_ref().unwrap());
    assert_eq!(("main", "main", "item"), (&*sample.scenario, sample.section, &*sample.step));
    assert_eq!(("http://fake", "GET /item?page=2&token=*** HTTP/1.1"), (&*request.origin, &*request.line));
    assert_eq!(("HTTP/1.1 503 Busy", Some(503)), (&*response.line, response.status));
    assert_eq!(("Content-Type".to_owned(), "application/json".to_owned()), response.headers[0]);
    assert_eq!((r#"{"detail": "later"}"#, 19, false), (&*response.body, response.body_bytes, response.cut));
    assert!(run.rows.len() > 20 && run.samples.len() == 2);
}

/// A run in which nothing fails keeps nothing.
#[test]
fn nothing() {
    assert_eq!(Vec::<Sample>::new(), simulate(&plan(users(3, 300), json!([get("a")])), answers_after(5)).samples);
}

/// A check says what it found instead, an extract what the response lacks; each has a sample of its own.
#[test]
fn checks_and_extracts() {
    let json_check = |name: &str, path: &str| json!({"name": name, "claim": {"kind": "json", "path": path, "compare": {"operator": "==", "value": 1}}});
    let steps = json!([{
        "kind": "request", "name": "list", "method": "GET", "url": "/list",
        "checks": [
            json_check("$.x == 1", "$.x"), json_check("$.y == 1", "$.y"), json_check("$.one == 1", "$.one"),
            {"name": "has ETag", "claim": {"kind": "header", "header": "ETag"}},
            {"name": "small", "claim": {"kind": "size", "compare": {"operator": "<", "value": 3}}},
            {"name": "status", "claim": {"kind": "status", "ranges": [[201, 201]]}},
            {"name": "contains no", "claim": {"kind": "contains", "text": "no"}},
        ],
        "extracts": [{"variable": "next", "from": {"kind": "json", "path": "$.next"}}],
    }]);
    let found = samples(&once(steps), |_| json_reply("200 OK", r#"{"x": 3, "one": 1}"#));
    assert_eq!(
        vec![
            ("check", "$.x == 1", "the check `$.x == 1` does not hold: found 3"),
            ("check", "$.y == 1", "the check `$.y == 1` does not hold: the body has nothing there"),
            ("check", "has ETag", "the check `has ETag` does not hold: the response has no header `ETag`"),
            ("check", "small", "the check `small` does not hold: found 18 bytes"),
            ("check", "status", "the check `status` does not hold: found 200"),
            ("check", "contains no", "the check `contains no` does not hold: not in the 18 bytes of the body"),
            ("extract", "next", "no value for `next`: the body has nothing there"),
        ],
        reasons(&found)
    );
    assert!(found.iter().all(|sample| sample.response.as_ref().unwrap().body == r#"{"x": 3, "one": 1}"#));
    assert!(found.iter().all(|sample| sample.response.as_ref().unwrap().line == "HTTP/1.1 200 OK"));
}

/// A request that cannot be made, and a target that cannot be reached, say why.
#[test]
fn not_sent() {
    let steps = json!([
        {"kind": "request", "name": "a", "method": "GET", "url": "/a",
         "extracts": [{"variable": "jwt", "from": {"kind": "json", "path": "$.jwt"}, "default": "x\r\ny"}]},
        {"kind": "request", "name": "b", "method": "GET", "url": "/b", "headers": [["X-Jwt", "{jwt}"]]},
    ]);
    let found = samples(&once(steps), |_| Reply::ok(ms(1), "{}"));
    assert_eq!(
        vec![(
            "outcome",
            "request_invalid",
            "the value of `jwt` cannot be sent there: it holds a line end, NUL or a space"
        )],
        reasons(&found)
    );
    assert_eq!((None, None), (found[0].request.clone(), found[0].response.clone()));

    let fake = answers_after(1);
    fake.refuse(Some(Outcome::ConnectRefused));
    let found = simulate(&once(json!([get("a")])), fake).samples;
    assert_eq!(vec![("outcome", "connect_refused", "nothing listens at the address")], reasons(&found));
    assert_eq!("GET /a HTTP/1.1", found[0].request.as_ref().unwrap().line);
    assert_eq!(None, found[0].response);
}

/// What came of a response that is not HTTP, or breaks off, is shown as it came.
#[test]
fn broken_responses() {
    let found = samples(&once(json!([get("a")])), |_| raw("SSH-2.0-OpenSSH_9.6\r\n"));
    assert_eq!("proto_not_http", found[0].what);
    assert_eq!("SSH-2.0-OpenSSH_9.6\r\n", found[0].response.as_ref().unwrap().body);

    let cut = "HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\nTraceback: ...";
    let found = samples(&once(json!([get("a")])), move |_| Reply::raw(ms(1), cut.as_bytes(), Then::Close));
    let response = found[0].response.as_ref().unwrap();
    assert_eq!(("closed_in_body", "HTTP/1.1 500 Oops"), (&*found[0].what, &*response.line));
    assert_eq!("Traceback: ...", response.body);
}

/// A redirect that cannot be followed shows the unusable `Location`.
#[test]
fn redirects() {
    let location = |url: &str| {
        let head = format!("HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n");
        samples(&once(json!([get("a")])), move |_| raw(&head))
    };
    let found = location("ftp://elsewhere/");
    assert_eq!("redirect_invalid", found[0].what);
    assert_eq!(
        "`Location: ftp://elsewhere/` cannot be followed: its scheme is `ftp`, not http or https",
        found[0].reason
    );
    let response = found[0].response.as_ref().unwrap();
    assert_eq!("ftp://elsewhere/", response.headers[0].1);

    let found = location("/a");
    assert_eq!("redirect_loop", found[0].what);
    assert_eq!("5 redirects were followed, and another one came: status 302", found[0].reason);
}

/// The reason for a missing token is with the token call and by the requests that go without one.
#[test]
fn no_token() {
    let load = json!({"kind": "iterations", "users": 1, "iterations": 1, "scope": "per_user", "max_duration_ns": 9_000_000_000_u64});
    let found = samples(&with_oauth(None, load.clone()), |_| {
        json_reply("400 Bad Request", r#"{"error": "invalid_grant", "error_description": "secret is not it"}"#)
    });
    assert_eq!(2, found.len());
    assert_eq!(("auth", "status", "400"), (found[0].section, found[0].kind, &*found[0].what));
    assert_eq!(("main", "outcome", "auth_failed"), (found[1].section, found[1].kind, &*found[1].what));
    assert!(found[1].reason.starts_with("no token: status 400: invalid_grant"), "{}", found[1].reason);
    assert!(!format!("{found:?}").contains("secret"), "{found:?}");

    let found = samples(&with_oauth(None, load), |_| json_reply("200 OK", r#"{"accessToken": "abcdefgh"}"#));
    assert_eq!(("auth", "token"), (found[0].section, found[0].kind));
    assert!(found[1].reason.starts_with("no token: "), "{}", found[1].reason);
    assert_eq!(r#"{"accessToken": "***"}"#, found[0].response.as_ref().unwrap().body);
}

/// A 401 is kept where it stands, and not where a new token helps.
#[test]
fn a_401() {
    let load = json!({"kind": "iterations", "users": 1, "iterations": 1, "scope": "per_user", "max_duration_ns": 9_000_000_000_u64});
    let (fake, _) = gateway(|request, _| if request.contains("Bearer t1\r\n") { 401 } else { 200 });
    assert_eq!(Vec::<Sample>::new(), simulate(&with_oauth(None, load.clone()), fake).samples);

    let (fake, _) = gateway(|_, _| 401);
    let found = simulate(&with_oauth(None, load), fake).samples;
    assert_eq!(vec![("status", "401", "expected a status below 400, got 401")], reasons(&found));
    let sent = &found[0].request.as_ref().unwrap().headers;
    assert!(sent.contains(&("Authorization".to_owned(), "Bearer ***".to_owned())), "{sent:?}");
}

/// What chance gives to later requests does not depend on whether a sample was made.
#[test]
fn chance_is_left_alone() {
    let targets = |status: &'static str| {
        let log = Rc::new(std::cell::RefCell::new(Vec::new()));
        let seen = Rc::clone(&log);
        let fake = FakeTransport::new(move |request, _| {
            seen.borrow_mut().push(String::from_utf8_lossy(request).lines().next().unwrap_or("").to_owned());
            Some(raw(&format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")))
        });
        let mut step = get("a");
        step["url"] = json!("/{$uuid}/{$counter}");
        simulate(&once(json!([step.clone(), step.clone(), step])), fake);
        log.take()
    };
    assert_eq!(targets("200 OK"), targets("500 Oops"));
}

/// Where all requests are wanted, each is there in its order, those that fail with the reason besides.
#[test]
fn everything() {
    let mut plan = once(json!([get("a"), get("b"), get("b")]));
    plan["samples"] = json!("everything");
    let found =
        samples(&plan, |number| if number == 2 { json_reply("500 Oops", "{}") } else { Reply::ok(ms(1), "{}") });
    let kinds: Vec<_> = found.iter().map(|sample| (&*sample.step, sample.kind)).collect();
    assert_eq!(vec![("a", "none"), ("b", "none"), ("b", "status"), ("b", "none")], kinds);
    assert_eq!(found[2].ended_ns, found[3].ended_ns);
    assert!(found.iter().all(|sample| sample.response.as_ref().unwrap().body == "{}"));
}

/// Classes are bounded, and a step that fails in ever new ways leaves room for the others.
#[test]
fn bounded() {
    let flow = json!([{"kind": "repeat", "times": 300, "steps": [get("a")]}, get("b")]);
    let found = samples(&once(flow), |number| {
        raw(&format!("HTTP/1.1 {} X\r\nContent-Length: 0\r\n\r\n", 400 + number.min(499)))
    });
    assert_eq!(
        (16, 1),
        (found.iter().filter(|s| s.step == "a").count(), found.iter().filter(|s| s.step == "b").count())
    );
}

/// A choice with turns takes the option of each iteration, and the last one from then on.
#[test]
fn turns() {
    let mut plan = plan(
        json!({"kind": "iterations", "users": 1, "iterations": 4, "scope": "per_user", "max_duration_ns": 60_000_000_000_u64}),
        json!([{"kind": "choice", "turns": [1, 0, 1], "options": [[1, [get("a")]], [99, [get("b")]]]}]),
    );
    let steps: Vec<_> = simulate(&plan, answers_after(1)).rows.iter().map(|row| row.step.clone()).collect();
    assert_eq!(vec!["b", "a", "b", "b"], steps);

    plan["scenarios"][0]["steps"][0]["turns"] = json!([2]);
    let plan: Plan = serde_json::from_value(plan).expect("a readable plan");
    let problems = Program::new(&plan).expect_err("an option that does not exist");
    assert!(problems[0].message.contains("does not exist"), "{problems:?}");
}
