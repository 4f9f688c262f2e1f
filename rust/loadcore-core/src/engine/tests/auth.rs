//! Authentication in whole runs: tokens are got, kept, refreshed and replaced, and their time is not the API's.

use super::*;
use crate::transport::fake::Then;

pub(super) fn with_oauth(shared: Option<u32>, load: Value) -> Value {
    let mut plan = plan(load, json!([get("api")]));
    plan["auth"] = json!([{"name": "login", "way": {
        "kind": "oauth2", "token_url": "/token", "scope": "read", "shared": shared, "refresh_before_ns": 0, "step": "token",
        "grant": by_password("user {$user}"),
    }}]);
    plan["scenarios"][0]["auth"] = json!("login");
    plan
}

pub(super) fn by_password(username: &str) -> Value {
    json!({"grant": "password", "username": {"text": username}, "password": {"text": "secret"}})
}

/// A server that issues numbered tokens after 50 ms and answers the API after 10 ms, as `status` says.
pub(super) fn gateway(
    status: impl Fn(&str, u64) -> u16 + 'static,
) -> (FakeTransport, Rc<std::cell::RefCell<Vec<String>>>) {
    let log = Rc::new(std::cell::RefCell::new(Vec::new()));
    let seen = Rc::clone(&log);
    let tokens = std::cell::Cell::new(0);
    let fake = FakeTransport::new(move |request, number| {
        let request = String::from_utf8_lossy(request).into_owned();
        seen.borrow_mut().push(request.clone());
        if request.starts_with("POST /token") {
            tokens.set(tokens.get() + 1);
            let body = format!(r#"{{"access_token": "t{}", "token_type": "bearer", "expires_in": 1}}"#, tokens.get());
            return Some(Reply::ok(ms(50), &body));
        }
        let status = status(&request, number);
        Some(Reply::raw(ms(10), format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").as_bytes(), Then::Keep))
    });
    (fake, log)
}

/// Each user logs in once before its first request, and again when its token is about to expire; never in the API's time.
#[test]
fn a_token_for_each_user() {
    let (fake, log) = gateway(|_, _| 200);
    let run = simulate(&with_oauth(None, users(3, 1900)), fake);

    assert_eq!(6, run.of("token").count());
    assert!(run.of("api").all(|row| row.service_ms == 10 && row.lag_ms == 0 && !row.error));
    let log = log.borrow();
    assert!(log[0].ends_with("\r\n\r\ngrant_type=password&username=user+0&password=secret&scope=read"), "{}", log[0]);
    assert!(
        log.iter()
            .filter(|request| request.starts_with("GET"))
            .all(|request| request.contains("Authorization: Bearer t"))
    );
}

/// Users that share a token make one token request between them; the others wait for it.
#[test]
fn a_shared_token() {
    let (fake, _) = gateway(|_, _| 200);
    let run = simulate(&with_oauth(Some(1), users(20, 900)), fake);

    assert_eq!((1, 20), (run.of("token").count(), run.fake.connections()));
    assert!(run.of("api").all(|row| row.due_ms >= 50 && !row.error));
}

/// A 401 gets one new token and one more try; the 401 is a row, but no error.
#[test]
fn a_rejected_token_is_replaced_once() {
    let (fake, _) = gateway(|request, _| if request.contains("Bearer t1\r\n") { 401 } else { 200 });
    let load = json!({"kind": "iterations", "users": 1, "iterations": 1, "scope": "per_user", "max_duration_ns": 9_000_000_000_u64});
    let run = simulate(&with_oauth(None, load.clone()), fake);
    let statuses: Vec<(u16, bool)> = run.of("api").map(|row| (row.status, row.error)).collect();
    assert_eq!((2, vec![(401, false), (200, false)]), (run.of("token").count(), statuses));

    let (fake, _) = gateway(|_, _| 401);
    let run = simulate(&with_oauth(None, load), fake);
    let errors: Vec<bool> = run.of("api").map(|row| row.error).collect();
    assert_eq!((2, vec![false, true]), (run.of("token").count(), errors));
}

/// Without a token nothing is sent to the API: the row says so, and the iteration has failed.
#[test]
fn without_a_token_nothing_is_sent() {
    let fake =
        FakeTransport::new(|_, _| Some(Reply::raw(ms(1), b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", Then::Keep)));
    let run = simulate(&with_oauth(None, users(2, 10_000)), fake);

    // A user may wait for its next try when the run ends.
    let unsent = |row: &Row| matches!(row.outcome, Outcome::AuthFailed | Outcome::Interrupted) && row.attempts == 0;
    assert!(run.of("api").all(unsent));
    assert!(run.of("token").count() <= 20, "{}", run.of("token").count());
    assert_eq!(0, run.count(ScenarioEvent::IterationCompleted));
}

/// Basic credentials of a user's own, and a key in the query, are on the wire.
#[test]
fn basic_and_key() {
    let (fake, log) = gateway(|_, _| 200);
    let mut plan = plan(
        json!({"kind": "iterations", "users": 1, "iterations": 1, "scope": "per_user", "max_duration_ns": 9_000_000_000_u64}),
        json!([]),
    );
    plan["auth"] = json!([
        {"name": "basic", "way": {"kind": "basic", "username": {"text": "user{$user}"}, "password": {"text": "pw"}}},
        {"name": "key", "way": {"kind": "api_key", "key": {"text": "k 1"}, "name": "api_key", "place": "query"}},
    ]);
    let (mut basic, mut key) = (get("a"), get("b"));
    basic["auth"] = json!("basic");
    key["auth"] = json!("key");
    plan["scenarios"][0]["steps"] = json!([basic, key]);
    simulate(&plan, fake);

    let log = log.borrow();
    assert!(log[0].contains("Authorization: Basic dXNlcjA6cHc=\r\n"), "{}", log[0]);
    assert!(log[1].starts_with("GET /b?api_key=k%201 HTTP/1.1\r\n"), "{}", log[1]);
}

/// What is wrong with a plan whose scenario authenticates with `{jwt}`.
fn early_problems(on_start: &Value, steps: &Value) -> Vec<String> {
    let mut plan = plan(users(1, 20), steps.clone());
    plan["auth"] = json!([{"name": "jwt", "way": {"kind": "bearer", "token": {"text": "{jwt}"}}}]);
    plan["scenarios"][0]["auth"] = json!("jwt");
    plan["scenarios"][0]["on_start"] = on_start.clone();
    let plan: Plan = serde_json::from_value(plan).expect("a readable plan");
    let problems = Program::new(&plan).err().unwrap_or_default();
    problems.into_iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect()
}

/// A request that authenticates with what its own response, or a later one, brings can never be sent: said before the run.
#[test]
fn a_credential_that_comes_too_late() {
    let mut login = get("login");
    login["extracts"] = json!([{"variable": "jwt", "from": {"kind": "json", "path": "$.jwt"}}]);
    let mut anonymous = login.clone();
    anonymous["anonymous"] = json!(true);
    let said =
        |name: &str| format!("`{name}` authenticates with `{{jwt}}`, which has no value before this step has ended");

    assert_eq!(
        vec![format!("scenarios[0].on_start[0]: {}", said("login"))],
        early_problems(&json!([login]), &json!([get("api")]))
    );
    assert_eq!(
        vec![format!("scenarios[0].steps[0]: {}", said("api"))],
        early_problems(&json!([]), &json!([get("api"), anonymous]))
    );
    let branch =
        json!({"kind": "branch", "variable": "jwt", "test": "exists", "then": [get("api")], "otherwise": [anonymous]});
    for (on_start, steps) in [
        (json!([anonymous]), json!([get("api")])),
        (json!([]), json!([anonymous, get("api")])),
        (json!([]), json!([branch])),
    ] {
        assert_eq!(Vec::<String>::new(), early_problems(&on_start, &steps));
    }
}
