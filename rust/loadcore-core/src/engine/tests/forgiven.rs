//! Answers that are not errors because something follows them, over many iterations: a 401 only if that very request
//! was sent again with another token, a redirect because where it leads to, or that it leads nowhere, is a row.

use super::auth::{gateway, with_oauth};
use super::load::arrival_rate;
use super::*;
use crate::transport::fake::Then;

/// The API's answers that were 401 and count as no error. Each is followed by another row of the same request, and all
/// rows that are not among them are as they ought to be: errors, if `all_fail`.
fn forgiven(run: &Outcomes, all_fail: bool) -> u64 {
    let rows: Vec<&Row> = run.of("api").collect();
    let is_forgiven = |row: &Row| row.status == 401 && !row.error;
    assert!(
        rows.iter().all(|row| row.superseded == is_forgiven(row)),
        "what was sent again is not an answer of its step"
    );
    for (index, row) in rows.iter().enumerate().filter(|(_, row)| is_forgiven(row)) {
        let next = rows[index + 1..].iter().find(|next| next.user == row.user).expect("a row after a forgiven one");
        assert!(!is_forgiven(next) && next.due_ms >= row.due_ms, "{row:?} is followed by {next:?}");
    }
    let count = rows.iter().filter(|row| is_forgiven(row)).count() as u64;
    let (requests, errors) = run.errors_of("api");
    assert!(requests > 100, "{requests}");
    assert!(!all_fail || errors == requests - count, "{errors} errors, {count} forgiven, of {requests}");
    count
}

fn expecting(plan: Value, statuses: &Value) -> Value {
    let mut plan = plan;
    plan["scenarios"][0]["steps"][0]["expect"] = statuses.clone();
    plan
}

/// An API that answers 401 to everything: each answer is an error but those that a new token was tried for, whoever
/// owns the tokens, whatever the load model, and whatever the step expects beside.
#[test]
fn an_api_that_rejects_everything() {
    for shared in [None, Some(1), Some(2)] {
        for load in [users(1, 3_000), users(5, 3_000), arrival_rate(60, 8, 3_000)] {
            for expect in [json!([]), json!([[200, 200]])] {
                let (fake, _) = gateway(|_, _| 401);
                let run = simulate(&expecting(with_oauth(shared, load.clone()), &expect), fake);
                let (tokens, failures) = run.errors_of("token");
                assert_eq!(0, failures);
                // A second try for each token call at most, and a token lives a second.
                let forgiven = forgiven(&run, true);
                assert!(forgiven > 0 && forgiven <= 8 * 4, "{forgiven} forgiven, {tokens} token calls");
            }
        }
    }
}

/// Tokens that the API takes a dislike to in mid-run: what was repeated with success is not an error, and nothing else
/// is forgiven.
#[test]
fn tokens_rejected_once() {
    let (fake, _) =
        gateway(|request, number| if number > 100 && request.contains("Bearer t1\r\n") { 401 } else { 200 });
    let run = simulate(&with_oauth(Some(1), users(4, 900)), fake);
    // All four may have sent theirs with the old token; each sends it again with the same new one.
    assert_eq!((0, 2), (run.errors_of("api").1, run.of("token").count()));
    assert!((1..=4).contains(&forgiven(&run, false)));
}

/// One endpoint of two that always says 401.
#[test]
fn one_endpoint_that_rejects() {
    let (fake, _) = gateway(|request, _| if request.starts_with("GET /api") { 401 } else { 200 });
    let mut plan = with_oauth(None, users(3, 3_000));
    plan["scenarios"][0]["steps"] = json!([get("other"), get("api")]);
    let run = simulate(&plan, fake);
    assert!(forgiven(&run, true) <= 3 * 4);
    assert_eq!(0, run.errors_of("other").1);
}

/// A 401 whose new token cannot be had stands, whether the token endpoint refuses, fails or does not answer.
#[test]
fn no_replacement() {
    for reply in [
        Some(Reply::raw(ms(5), b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", Then::Keep)),
        Some(Reply::raw(ms(5), b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", Then::Keep)),
        Some(Reply::raw(ms(5), b"", Then::Close)),
        Some(Reply::ok(ms(5), "{}")),
        None,
    ] {
        let mut plan = with_oauth(None, users(2, 2_000));
        plan["http"]["timeouts"]["total_ns"] = json!(300_000_000);
        let tokens = std::cell::Cell::new(0);
        let fake = FakeTransport::new(move |request, _| {
            if !request.starts_with(b"POST /token") {
                return Some(Reply::raw(ms(10), b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", Then::Keep));
            }
            tokens.set(tokens.get() + 1);
            if tokens.get() <= 2 { Some(Reply::ok(ms(5), r#"{"access_token": "t"}"#)) } else { reply.clone() }
        });
        let run = simulate(&plan, fake);
        let (requests, errors) = run.errors_of("api");
        let cut_off = run.of("api").filter(|row| row.outcome == Outcome::Interrupted).count() as u64;
        assert_eq!(requests - cut_off, errors);
        assert_eq!(2, run.of("api").filter(|row| row.status == 401).count());
    }
}

/// A 401 whose replacement is cut off by the end of the run was not sent again.
#[test]
fn interrupted_replacement() {
    let mut plan = with_oauth(None, users(3, 1_000));
    plan["graceful_stop_ns"] = json!(0);
    let tokens = std::cell::Cell::new(0);
    let fake = FakeTransport::new(move |request, _| {
        if !request.starts_with(b"POST /token") {
            return Some(Reply::raw(ms(10), b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", Then::Keep));
        }
        tokens.set(tokens.get() + 1);
        (tokens.get() <= 3).then(|| Reply::ok(ms(5), r#"{"access_token": "t"}"#))
    });
    let run = simulate(&plan, fake);
    assert_eq!((3, 3), run.errors_of("api"));
    assert_eq!(3, run.count(ScenarioEvent::IterationInterrupted));
}

/// A 401 that the step expects is an answer like others: no token is replaced for it.
#[test]
fn an_expected_401() {
    let (fake, _) = gateway(|_, _| 401);
    let run = simulate(&expecting(with_oauth(None, users(2, 900)), &json!([[401, 401]])), fake);
    assert_eq!((0, 2), (run.errors_of("api").1, run.of("token").count()));
}

/// Redirects that lead nowhere, or never end: each iteration has an error of its own, however many hops are none.
#[test]
fn redirects_that_lead_nowhere() {
    for location in ["Location: http://\r\n", "Location: /api\r\n", ""] {
        let answer = format!("HTTP/1.1 302 Found\r\n{location}Content-Length: 0\r\n\r\n");
        let fake = FakeTransport::new(move |_, _| Some(Reply::raw(ms(2), answer.as_bytes(), Then::Keep)));
        let run = simulate(&plan(users(2, 2_000), json!([get("api")])), fake);
        let ended = run.count(ScenarioEvent::IterationFailed) + run.count(ScenarioEvent::IterationCompleted);
        assert_eq!(ended, run.errors_of("api").1, "{location}");
    }
}
