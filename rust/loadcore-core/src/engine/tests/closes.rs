//! Requests that say `Connection: close`: that is sent, and their connections are closed after the response.

use super::request::{OK, once, raw, sent};
use super::script::{drive, scripted};
use super::*;
use crate::driver::script::Command;

fn with_header(name: &str, value: &str) -> Value {
    json!({"kind": "request", "name": "a", "method": "GET", "url": "/a", "headers": [[name, value]]})
}

fn problem(plan: &Value) -> String {
    let plan: Plan = serde_json::from_value(plan.clone()).expect("a readable plan");
    let problems = Program::new(&plan).expect_err("a problem").into_iter();
    problems.map(|problem| problem.message).collect()
}

/// Of a step, also where the server says that it keeps the connection; others keep theirs.
#[test]
fn a_step_closes_its_connection() {
    let plan = once(json!([get("before"), with_header("connection", "Close"), get("after"), get("more")]));
    let (requests, run) = sent(&plan, |_| raw(OK));

    assert_eq!(requests[1], "GET /a HTTP/1.1\r\nHost: fake\r\nconnection: Close\r\n\r\n");
    let reused: Vec<_> = run.rows.iter().map(|row| row.reused).collect();
    assert_eq!(reused, [false, true, false, true]);
    assert_eq!(run.fake.connections(), 2);
}

/// Of all steps of a scenario, and of all requests of its script.
#[test]
fn a_scenario_closes_its_connections() {
    let headers = json!([["Connection", "close"]]);
    let mut plan = once(json!([get("a"), get("b")]));
    plan["scenarios"][0]["headers"] = headers.clone();
    assert_eq!(sent(&plan, |_| raw(OK)).1.fake.connections(), 2);

    let mut plan = scripted();
    plan["scenarios"][0]["headers"] = headers;
    let run = drive(&plan, FakeTransport::new(|_, _| Some(raw(OK))), async |code, _| {
        code.say(Command::Join { user: 0 });
        assert!(code.get(0, "/a").await.is_ok());
        assert!(code.get(0, "/b").await.is_ok());
        code.say(Command::Finish);
    });
    assert_eq!(run.fake.connections(), 2);
}

/// Of a call of a script, also of one that streams; others keep theirs.
#[test]
fn a_call_closes_its_connection() {
    for is_streamed in [false, true] {
        let seen = Rc::new(std::cell::RefCell::new(Vec::new()));
        let log = Rc::clone(&seen);
        let fake = FakeTransport::new(move |request, _| {
            log.borrow_mut().push(String::from_utf8_lossy(request).into_owned());
            Some(raw(OK))
        });
        let run = drive(&scripted(), fake, async move |code, _| {
            code.say(Command::Join { user: 0 });
            assert!(code.get(0, "/a").await.is_ok());
            let (_, closes) = code.send(0, "/b", |call, form| {
                call.headers.push(b"Connection", b"close");
                form.is_streamed = is_streamed;
            });
            assert!(super::script::ended(closes).await.is_ok());
            assert!(code.get(0, "/c").await.is_ok());
            code.say(Command::Finish);
        });
        assert_eq!(seen.borrow()[1], "GET /b HTTP/1.1\r\nHost: fake\r\nConnection: close\r\n\r\n");
        let reused: Vec<_> = run.rows.iter().map(|row| row.reused).collect();
        assert_eq!(reused, [false, true, false], "{is_streamed}");
    }
}

/// What else there is to say of a connection, and how long a body is, stays with the engine.
#[test]
fn nothing_else_is_for_users_to_say() {
    for (name, value) in [("Connection", "upgrade"), ("Transfer-Encoding", "chunked"), ("content-length", "3")] {
        let problem = problem(&once(json!([with_header(name, value)])));
        assert!(problem.contains(&format!("the header `{name}` is set by loadcore")), "{problem}");
        assert_eq!(problem.contains("`close`"), name == "Connection");
        let run = drive(&scripted(), FakeTransport::new(|_, _| Some(raw(OK))), async move |code, _| {
            code.say(Command::Join { user: 0 });
            let (_, call) = code.send(0, "/", |call, _| call.headers.push(name.as_bytes(), value.as_bytes()));
            assert_eq!(super::script::ended(call).await.expect_err(name), Outcome::RequestInvalid);
            code.say(Command::Finish);
        });
        assert_eq!(run.fake.connections(), 0);
    }
}
