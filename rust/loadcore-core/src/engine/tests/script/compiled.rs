//! Compares the requests of a script with those of compiled steps.

use super::*;

/// A request that is made at run time is sent like a compiled one, byte for byte, and has the same rows: with a token,
/// a new one after a 401, cookies, and redirects.
#[test]
fn a_request_like_a_compiled_one() {
    let once = json!({"kind": "iterations", "users": 1, "iterations": 1, "scope": "per_user", "max_duration_ns": 60_000_000_000_u64});
    let mut compiled = crate::engine::tests::auth::with_oauth(None, once);
    compiled["http"]["cookies"] = json!(true);
    compiled["http"]["max_redirects"] = json!(5);
    compiled["scenarios"][0]["headers"] = json!([["X-A", "1"]]);
    compiled["scenarios"][0]["steps"] = json!([
        {"kind": "request", "name": "there", "method": "POST", "url": "/there", "headers": [["Cookie", "own=1"]],
         "body": {"kind": "text", "text": "sent again"}},
        {"kind": "request", "name": "odd", "method": "GET", "url": "/odd", "expect": [[200, 299]]},
    ]);
    let mut scripted = compiled.clone();
    scripted["scenarios"][0]["steps"] = json!([]);
    scripted["scenarios"][0]["script"] = json!(true);

    let server = || {
        let log = Rc::new(RefCell::new(Vec::new()));
        let (seen, calls) = (Rc::clone(&log), Cell::new(0));
        let fake = FakeTransport::new(move |request, _| {
            let text = String::from_utf8_lossy(request).into_owned();
            let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
            seen.borrow_mut().push(text);
            calls.set(calls.get() + 1);
            let head = match (&*path, calls.get()) {
                ("/there", 2) => "401 X\r\nSet-Cookie: a=1\r\nContent-Length: 0",
                ("/there", _) => "307 X\r\nSet-Cookie: b=2\r\nLocation: /here?x\r\nContent-Length: 0",
                ("/here?x", _) => "200 X\r\nContent-Length: 0",
                ("/odd", _) => "304 X\r\nContent-Length: 0",
                _ => {
                    return Some(Reply::ok(
                        ms(10),
                        &format!(r#"{{"access_token": "t{}", "expires_in": 60}}"#, calls.get()),
                    ));
                }
            };
            Some(Reply::raw(ms(10), format!("HTTP/1.1 {head}\r\n\r\n").as_bytes(), crate::transport::fake::Then::Keep))
        });
        (fake, log)
    };
    let (fake, log) = server();
    let by_steps = simulate(&compiled, fake);
    let (fake, log_of_script) = server();
    let by_script = drive(&scripted, fake, async |code, _| {
        let (user, _) = code.iteration().await;
        let there = code.send(user, "/there", |call, form| {
            (form.name, form.method) = ("there".to_owned(), "POST".to_owned());
            call.headers.push(b"Cookie", b"own=1");
            (call.framing, call.body) = (BodyFraming::Whole, b"sent again".into());
        });
        assert_eq!(ended(there.1).await.expect("an answer").status, 200);
        let odd = code.send(user, "/odd", |_, form| {
            (form.name, form.expect) = ("odd".to_owned(), vec![(200, 299)]);
        });
        assert_eq!(ended(odd.1).await.expect("an answer").status, 304);
        code.complete(user);
        code.say(Command::Finish);
    });
    assert_eq!(*log_of_script.borrow(), *log.borrow());
    let shown = |outcomes: &Outcomes| {
        let rows = outcomes.rows.iter();
        let shown = rows.map(|row| {
            (
                row.step.clone(),
                row.status,
                row.error,
                row.superseded,
                row.due_ms,
                row.lag_ms,
                row.service_ms,
                row.reused,
            )
        });
        shown.collect::<Vec<_>>()
    };
    assert_eq!(shown(&by_script), shown(&by_steps));
    assert_eq!(by_steps.rows.len(), 6);
    assert_eq!(by_script.count(ScenarioEvent::IterationCompleted), 1);
}
