//! Tokens of all kinds on the wire: what a token call sends, and a login that is a request of the user's own.

use super::auth::{by_password, with_oauth};
use super::*;
use crate::transport::fake::Then;

type Log = Rc<std::cell::RefCell<Vec<String>>>;

/// A server that answers `POST` by this script, by the number of the call, and the API by another.
fn server(login: impl Fn(u64) -> Reply + 'static, api: impl Fn(&str) -> u16 + 'static) -> (FakeTransport, Log) {
    let log = Log::default();
    let (seen, calls) = (Rc::clone(&log), std::cell::Cell::new(0));
    let fake = FakeTransport::new(move |request, _| {
        let request = String::from_utf8_lossy(request).into_owned();
        seen.borrow_mut().push(request.clone());
        if request.starts_with("POST") {
            calls.set(calls.get() + 1);
            return Some(login(calls.get()));
        }
        Some(Reply::raw(
            ms(10),
            format!("HTTP/1.1 {} X\r\nContent-Length: 0\r\n\r\n", api(&request)).as_bytes(),
            Then::Keep,
        ))
    });
    (fake, log)
}

fn with_login(load: Value, change: &Value) -> Value {
    let mut plan = plan(load, json!([get("api")]));
    let mut way = json!({
        "kind": "login", "refresh_before_ns": 0, "header": "Authorization", "prefix": "Bearer",
        "token": {"kind": "json", "path": "$.data.token"},
        "request": {
            "name": "session", "method": "POST", "url": "/session",
            "body": {"kind": "json", "text": r#"{"name": "user {$user}"}"#},
        },
    });
    way.as_object_mut().expect("a map").extend(change.as_object().expect("a map").clone());
    plan["auth"] = json!([{"name": "login", "way": way}]);
    plan["scenarios"][0]["auth"] = json!("login");
    plan
}

fn granted(call: u64) -> Reply {
    Reply::ok(ms(50), &format!(r#"{{"data": {{"token": "t{call}"}}, "ttl": 1, "ends": 4000000000}}"#))
}

/// A token call has the scenario's headers and the user agent, its own headers instead where it has them, and nothing
/// that is for the API alone.
#[test]
fn headers_of_a_token_call() {
    let (fake, log) = server(|_| Reply::ok(ms(5), r#"{"access_token": "t"}"#), |_| 200);
    let mut plan = with_oauth(None, users(1, 20));
    plan["http"]["user_agent"] = json!("loadcore");
    plan["scenarios"][0]["headers"] = json!([["X-Key", "k1"], ["X-Other", "o1"], ["Content-Type", "application/json"]]);
    plan["auth"][0]["way"]["headers"] = json!([["X-Other", "o2"]]);
    plan["auth"][0]["way"]["grant"] = by_password("ann");
    simulate(&plan, fake);
    let log = log.borrow();
    assert_eq!(
        "POST /token HTTP/1.1\r\nHost: fake\r\nUser-Agent: loadcore\r\nX-Key: k1\r\nX-Other: o2\r\nAccept: application/json\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 59\r\n\r\n\
         grant_type=password&username=ann&password=secret&scope=read",
        log[0]
    );
    assert!(log[1].contains("X-Other: o1\r\n") && log[1].contains("Authorization: Bearer t\r\n"), "{}", log[1]);
}

/// Each user logs in before its first request, and its token is sent as the plan says.
#[test]
fn a_login_of_ones_own() {
    for (change, line) in [
        (json!({}), "Authorization: Bearer t1\r\n"),
        (json!({"prefix": "Token"}), "Authorization: Token t1\r\n"),
        (json!({"header": "X-Session", "prefix": ""}), "X-Session: t1\r\n"),
    ] {
        let (fake, log) = server(granted, |_| 200);
        let run = simulate(&with_login(users(1, 500), &change), fake);
        assert_eq!((1, 0), run.errors_of("session"));
        assert!(run.of("api").all(|row| row.due_ms >= 50 && row.lag_ms == 0 && row.service_ms == 10 && !row.error));
        let log = log.borrow();
        assert!(log[0].ends_with("\r\n\r\n{\"name\":\"user 0\"}") && !log[0].contains("Authorization"), "{}", log[0]);
        assert!(log[1..].iter().all(|request| request.contains(line)), "{}", log[1]);
    }
}

/// The response, the plan or a 401 says how long a token is valid.
#[test]
fn lifetimes_of_logins() {
    let ttl = |path: &str| json!({"expires_in": {"kind": "json", "path": path}, "refresh_before_ns": 1_000_000});
    for (change, logins) in [
        (ttl("$.ttl"), 4),
        (ttl("$.ends"), 1),
        (ttl("$.nowhere"), 1),
        (json!({"lifetime_ns": 2_000_000_000_u64, "refresh_before_ns": 1_000_000}), 2),
        (json!({}), 1),
    ] {
        let (fake, _) = server(granted, |_| 200);
        let run = simulate(&with_login(users(1, 3_900), &change), fake);
        assert_eq!((logins, 0), (run.of("session").count(), run.errors_of("api").1), "{change}");
    }
    let (fake, _) = server(granted, |request| if request.contains("Bearer t1\r\n") { 401 } else { 200 });
    let run = simulate(&with_login(users(1, 900), &json!({})), fake);
    assert_eq!((2, 0), (run.of("session").count(), run.errors_of("api").1));
}

/// One login for all who share its token.
#[test]
fn a_shared_login() {
    let (fake, _) = server(granted, |_| 200);
    let run = simulate(&with_login(users(20, 900), &json!({"shared": 1})), fake);
    assert_eq!((1, 0), (run.of("session").count(), run.errors_of("api").1));
}

/// A session's cookies come with its token, and the request that waited for it is the one that was drawn.
#[test]
fn cookies_of_a_login() {
    let (fake, log) = server(
        |_| {
            let body = r#"{"data": {"token": "t"}}"#;
            let head = format!("HTTP/1.1 200 OK\r\nSet-Cookie: sid=1\r\nContent-Length: {}\r\n\r\n", body.len());
            Reply::raw(ms(5), (head + body).as_bytes(), Then::Keep)
        },
        |request| if request.contains("?n=0") { 401 } else { 200 },
    );
    let mut plan = with_login(users(1, 60), &json!({}));
    plan["http"]["cookies"] = json!(true);
    plan["scenarios"][0]["steps"][0]["url"] = json!("/api?n={$counter}");
    simulate(&plan, fake);
    let log = log.borrow();
    let api: Vec<&str> = log.iter().filter(|request| request.starts_with("GET")).map(String::as_str).collect();
    assert!(api.iter().all(|request| request.contains("Cookie: sid=1\r\n")), "{api:?}");
    let targets: Vec<&str> = api.iter().filter_map(|request| request.split(' ').nth(1)).take(3).collect();
    assert_eq!(["/api?n=0", "/api?n=0", "/api?n=1"], *targets);
}

/// A login that fails is an error of its own step, whatever its status, and of the requests that waited for it.
#[test]
fn a_login_without_a_token() {
    for reply in [
        Reply::ok(ms(5), r#"{"token": "t"}"#),
        Reply::ok(ms(5), "<html>"),
        Reply::ok(ms(5), r#"{"data": {"token": ""}}"#),
    ] {
        let (fake, _) = server(move |_| reply.clone(), |_| 200);
        let run = simulate(&with_login(users(2, 900), &json!({})), fake);
        assert_eq!((2, 2), run.errors_of("session"));
        assert!(run.of("api").all(|row| row.outcome == Outcome::AuthFailed || row.outcome == Outcome::Interrupted));
    }
}

/// A login cannot need a token itself: not even its own.
#[test]
fn a_login_that_logs_in() {
    let mut plan = with_login(users(1, 20), &json!({}));
    plan["auth"][0]["way"]["request"]["auth"] = json!("login");
    let plan: Plan = serde_json::from_value(plan).expect("a readable plan");
    let problems = Program::new(&plan).expect_err("a problem");
    assert!(problems.iter().any(|problem| problem.message.contains("cannot need a token itself")), "{problems:?}");
}
