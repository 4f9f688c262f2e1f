//! One request: what is sent, what is taken from the response, and what is recorded.

use super::*;
use crate::transport::fake::Then;

pub(super) const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

pub(super) fn once(steps: Value) -> Value {
    plan(
        json!({"kind": "iterations", "users": 1, "iterations": 1, "scope": "per_user", "max_duration_ns": 60_000_000_000_u64}),
        steps,
    )
}

/// Runs a plan and returns the requests it sent, as text.
pub(super) fn sent(plan: &Value, reply: impl Fn(u64) -> Reply + 'static) -> (Vec<String>, Outcomes) {
    let log = Rc::new(std::cell::RefCell::new(Vec::new()));
    let seen = Rc::clone(&log);
    let fake = FakeTransport::new(move |request, number| {
        seen.borrow_mut().push(String::from_utf8_lossy(request).into_owned());
        Some(reply(number))
    });
    let run = simulate(plan, fake);
    (log.take(), run)
}

pub(super) fn raw(bytes: &[u8]) -> Reply {
    Reply::raw(ms(1), bytes, Then::Keep)
}

/// Path, query, headers and a JSON body are put on the wire as the plan says, with the length that they have.
#[test]
fn a_request_on_the_wire() {
    let mut plan = once(json!([{
        "kind": "request", "name": "order", "method": "POST", "url": "/orders?a=1", "query": [["b c", "{$user}"]],
        "headers": [["X-Run", "r{$iteration}"]], "body": {"kind": "json", "text": r#"{"user": "{$user}", "n": 3}"#},
    }]));
    plan["scenarios"][0]["headers"] = json!([["Accept", "*/*"], ["x-run", "lost"]]);
    plan["http"]["user_agent"] = json!("loadcore");
    let (requests, _) = sent(&plan, |_| raw(OK));

    let expected = "POST /orders?a=1&b%20c=0 HTTP/1.1\r\nHost: fake\r\nUser-Agent: loadcore\r\nAccept: */*\r\nX-Run: r0\r\n\
                    Content-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"user\":\"0\",\"n\":3}";
    assert_eq!(vec![expected.to_owned()], requests);
}

/// A value taken from one response is in the next request, and checks are counted.
#[test]
fn extract_and_check() {
    let plan = once(json!([
        {"kind": "request", "name": "list", "method": "GET", "url": "/items",
         "extracts": [{"variable": "id", "from": {"kind": "json", "path": "$.items[1].id"}}],
         "checks": [{"name": "two", "claim": {"kind": "json", "path": "$.items[1]"}},
                    {"name": "three", "claim": {"kind": "json", "path": "$.items[2]"}}]},
        {"kind": "request", "name": "item", "method": "GET", "url": "/items/{id}"},
    ]));
    let (requests, run) = sent(&plan, |_| Reply::ok(ms(1), r#"{"items":[{"id":1},{"id":"b/2"}]}"#));

    assert!(requests[1].starts_with("GET /items/b%2F2 HTTP/1.1\r\n"), "{}", requests[1]);
    assert_eq!((2, 1), run.checks);
    assert_eq!(1, run.count(ScenarioEvent::IterationCompleted));
}

/// A value that is not there, or a check that stops, ends the iteration as failed; its open group is counted as failed
/// too.
#[test]
fn a_missing_value_ends_the_iteration() {
    let list = json!({"kind": "request", "name": "list", "method": "GET", "url": "/items",
                      "extracts": [{"variable": "id", "from": {"kind": "json", "path": "$.none"}}]});
    let plan = once(json!([{"kind": "group", "name": "g", "steps": [list, get("after")]}]));
    let (requests, run) = sent(&plan, |_| Reply::ok(ms(1), "{}"));

    assert_eq!((1, 1), (requests.len(), run.count(ScenarioEvent::IterationFailed)));
    assert_eq!(vec![(1, 1)], run.groups);
}

/// Repeats nest, branches follow the variable, choices follow their weights.
#[test]
fn repeat_branch_and_choice() {
    let list = json!({"kind": "request", "name": "list", "method": "GET", "url": "/list",
                      "extracts": [{"variable": "n", "from": {"kind": "json", "path": "$.n"}}]});
    let branch = json!({"kind": "branch", "variable": "n", "test": {"compare": {"operator": ">", "value": 2}},
                        "then": [get("big")], "otherwise": [get("small")]});
    let choice = json!({"kind": "choice", "options": [[3, [get("often")]], [1, [get("seldom")]]]});
    let inner = json!({"kind": "repeat", "times": 50, "steps": [choice]});
    let plan = once(json!([{"kind": "repeat", "times": 4, "steps": [list, branch, inner]}]));
    let (_, run) = sent(&plan, |_| Reply::ok(ms(1), r#"{"n": 3}"#));

    assert_eq!((4, 4, 0), (run.of("list").count(), run.of("big").count(), run.of("small").count()));
    assert_eq!(200, run.of("often").count() + run.of("seldom").count());
    assert!((35..=65).contains(&run.of("seldom").count()), "{}", run.of("seldom").count());
}

/// A status is an error where the step does not expect it, and only there.
#[test]
fn expected_statuses() {
    let mut strict = get("strict");
    strict["expect"] = json!([[201, 201]]);
    let mut tolerant = get("tolerant");
    tolerant["expect"] = json!([[200, 299], [404, 404]]);
    let plan = once(json!([get("default"), strict, tolerant]));
    let (_, run) = sent(&plan, |_| raw(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));

    let errors: Vec<bool> = run.rows.iter().map(|row| row.error).collect();
    assert_eq!(vec![true, true, false], errors);
    assert!(run.rows.iter().all(|row| row.outcome == Outcome::Ok && row.status == 404));
}

/// A request that meets the close of its used connection is sent once more if that is safe; its clock keeps running.
#[test]
fn the_idle_close_race() {
    let plan = once(json!([get("first"), get("second")]));
    let reply = |number| match number {
        1 => Reply::raw(ms(5), b"", Then::Close),
        _ => raw(OK),
    };
    let (requests, run) = sent(&plan, reply);
    assert_eq!((3, 2), (requests.len(), run.rows.len()));
    assert_eq!((2, Outcome::Ok), (run.rows[1].attempts, run.rows[1].outcome));
    assert!(run.rows[1].service_ms >= 6);

    let post = json!({"kind": "request", "name": "second", "method": "POST", "url": "/second"});
    let (requests, run) = sent(&once(json!([get("first"), post])), reply);
    assert_eq!((2, Outcome::StaleConnection), (requests.len(), run.rows[1].outcome));
}

/// On a new connection, a close before the response is the answer, not a race: nothing is sent twice.
#[test]
fn a_close_on_a_new_connection_is_final() {
    let (requests, run) = sent(&once(json!([get("a")])), |_| Reply::raw(ms(1), b"", Then::Reset));

    assert_eq!((1, Outcome::ResetBeforeResponse), (requests.len(), run.rows[0].outcome));
}

/// A connection that got unasked bytes, or was closed, is replaced before it is used.
#[test]
fn useless_connections_are_replaced() {
    let plan = once(json!([get("a"), think_ms(100), get("b")]));
    let surplus = [OK, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"].concat();
    let (_, run) = sent(&plan, move |number| if number == 0 { raw(&surplus) } else { raw(OK) });
    assert_eq!((2, BTreeMap::from([("ok", 2)])), (run.fake.connections(), run.outcomes()));

    let (_, run) = sent(&plan, |_| raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
    assert_eq!((2, 0), (run.fake.connections(), run.rows.iter().filter(|row| row.reused).count()));
}

/// Timeouts are recorded with the time they took, by what was waited for.
#[test]
fn timeouts() {
    let mut plan = once(json!([get("a")]));
    plan["http"]["timeouts"] =
        json!({"connect_ns": 1_000_000_000, "first_byte_ns": 300_000_000, "total_ns": 1_000_000_000});
    let run = simulate(&plan, FakeTransport::new(|_, _| None));
    assert_eq!((Outcome::TimeoutHeaders, 300), (run.rows[0].outcome, run.rows[0].service_ms));

    let (_, run) = sent(&plan, |_| raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"));
    assert_eq!((Outcome::TimeoutBody, 200), (run.rows[0].outcome, run.rows[0].status));
    assert!((1000..=1001).contains(&run.rows[0].service_ms), "{}", run.rows[0].service_ms);
}

/// Connections are new for each iteration, or for each request, if the plan says so.
#[test]
fn reuse() {
    let connections = |reuse: &str| {
        let load = json!({"kind": "iterations", "users": 2, "iterations": 3, "scope": "per_user", "max_duration_ns": 60_000_000_000_u64});
        let mut plan = plan(load, json!([get("a"), get("b")]));
        plan["http"]["reuse"] = json!(reuse);
        simulate(&plan, answers_after(1)).fake.connections()
    };

    assert_eq!([2, 6, 12], [connections("user"), connections("iteration"), connections("request")]);
}

/// A value that may not appear in a head is not sent: no request can be smuggled in by test data.
#[test]
fn values_cannot_split_a_request() {
    let mut plan =
        once(json!([{"kind": "request", "name": "a", "method": "GET", "url": "/", "headers": [["X", "{v}"]]}]));
    plan["feeders"] = json!([{
        "name": "f", "source": {"kind": "rows", "columns": ["v"], "rows": [["a\r\nEvil: 1"]]}, "order": "sequential", "at_end": "recycle",
    }]);
    plan["scenarios"][0]["feeders"] = json!(["f"]);
    let (requests, run) = sent(&plan, |_| raw(OK));

    assert_eq!((0, Outcome::RequestInvalid, 0), (requests.len(), run.rows[0].outcome, run.rows[0].attempts));
}

/// Each user keeps the cookies it is given and sends them back.
#[test]
fn cookies() {
    let mut plan = once(json!([get("a"), get("b")]));
    plan["http"]["cookies"] = json!(true);
    let reply = |number| {
        raw(if number == 0 { b"HTTP/1.1 200 OK\r\nSet-Cookie: id=7; Path=/\r\nContent-Length: 0\r\n\r\n" } else { OK })
    };
    let (requests, _) = sent(&plan, reply);

    assert!(!requests[0].contains("Cookie") && requests[1].contains("\r\nCookie: id=7\r\n"), "{requests:?}");
}

/// Everything that is wrong with a plan is found at once, each with its place.
#[test]
fn all_problems_at_once() {
    let mut bad = json!({"kind": "request", "name": "a", "method": "get", "url": "items/{nope}", "at": "shop.py:7"});
    bad["checks"] = json!([{"name": "c", "claim": {"kind": "json", "path": "$["}}]);
    bad["headers"] = json!([["Connection", "x"]]);
    let mut plan = once(json!([bad]));
    plan["scenarios"][0]["feeders"] = json!(["none"]);
    let plan: Plan = serde_json::from_value(plan).expect("a readable plan");
    let problems = Program::new(&plan).expect_err("a bad plan");

    let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
    let step = "scenarios[0].steps[0]";
    let expected = [
        "scenarios[0].feeders[0]".to_owned(),
        format!("{step}.method"),
        format!("{step}.url"),
        format!("{step}.headers[0]"),
        format!("{step}.checks[0]"),
        step.to_owned(),
    ];
    assert_eq!(expected.each_ref().map(String::as_str).to_vec(), paths);
    assert!(problems[1..].iter().all(|problem| problem.at.as_deref() == Some("shop.py:7")));
}
