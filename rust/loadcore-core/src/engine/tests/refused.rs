//! Token requests that fail: who waits, who fails, and how often.

use super::auth::{by_password, with_oauth};
use super::*;
use crate::transport::fake::Then;

fn refusing(status: u16, headers: &str) -> Reply {
    Reply::raw(ms(5), format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: 0\r\n\r\n").as_bytes(), Then::Keep)
}

/// A server whose token endpoint is a script, by the number of the token request, and whose API always answers after
/// 100 ms.
fn token_endpoint(script: impl Fn(&str, u64) -> Reply + 'static) -> FakeTransport {
    let calls = std::cell::Cell::new(0);
    FakeTransport::new(move |request, _| {
        if request.starts_with(b"POST /token") {
            calls.set(calls.get() + 1);
            return Some(script(&String::from_utf8_lossy(request), calls.get()));
        }
        Some(Reply::ok(ms(100), "{}"))
    })
}

/// An endpoint that has no room and says for how long is asked again then, and no user has failed: each with a token of
/// its own, and all with one.
#[test]
fn an_invitation_is_waited_for() {
    for (shared, refused) in [(None, 20), (Some(1), 1)] {
        let fake = token_endpoint(move |_, call| {
            if call <= refused {
                refusing(503, "Retry-After: 2\r\n")
            } else {
                Reply::ok(ms(5), r#"{"access_token": "t"}"#)
            }
        });
        let run = simulate(&with_oauth(shared, users(20, 5_000)), fake);
        assert_eq!((2 * refused, refused), run.errors_of("token"));
        assert_eq!(0, run.errors_of("api").1);
        assert!(run.of("api").all(|row| row.due_ms >= 2_000 && row.lag_ms == 0));
        assert_eq!(0, run.count(ScenarioEvent::IterationFailed));
    }
}

/// The wait for an endpoint that never has room is as long as for an answer: then the request has failed, once.
#[test]
fn patience_ends() {
    let fake = token_endpoint(|_, _| refusing(429, "Retry-After: 1\r\n"));
    let run = simulate(&with_oauth(None, users(2, 25_000)), fake);
    let failed: Vec<i64> =
        run.of("api").filter(|row| row.outcome == Outcome::AuthFailed).map(|row| row.due_ms / 1_000).collect();
    assert_eq!(vec![10, 10, 20, 20], failed);
    assert!(run.of("api").all(|row| matches!(row.outcome, Outcome::AuthFailed | Outcome::Interrupted)));
    assert_eq!((4, 2), (run.count(ScenarioEvent::IterationFailed), run.count(ScenarioEvent::IterationInterrupted)));
}

/// A login that is refused once fails one iteration, and one that is always refused fails one in a second or so.
#[test]
fn refusals_do_not_multiply() {
    for refusal in [refusing(400, ""), refusing(503, ""), Reply::ok(ms(5), "{}"), Reply::raw(ms(5), b"", Then::Reset)] {
        let (once, always) = (refusal.clone(), refusal.clone());
        let granted = || Reply::ok(ms(5), r#"{"access_token": "t"}"#);
        let fake = token_endpoint(move |_, call| if call <= 4 { once.clone() } else { granted() });
        let run = simulate(&with_oauth(None, users(4, 5_000)), fake);
        assert_eq!(4, run.errors_of("api").1, "{refusal:?}");

        let run = simulate(&with_oauth(None, users(4, 20_000)), token_endpoint(move |_, _| always.clone()));
        let (requests, errors) = run.errors_of("api");
        assert!((4 * 10..=4 * 20).contains(&errors) && requests <= errors + 4, "{errors} of {requests}");
    }
}

/// A refresh that fails charges nothing while the old token is good, and is tried again.
#[test]
fn a_failed_refresh_while_the_token_is_good() {
    for refusal in [refusing(503, ""), refusing(503, "Retry-After: 60\r\n"), Reply::raw(ms(5), b"", Then::Reset)] {
        let fake = token_endpoint(move |_, call| {
            if call == 2 {
                return refusal.clone();
            }
            Reply::ok(ms(5), r#"{"access_token": "t", "expires_in": 80, "refresh_token": "r"}"#)
        });
        let mut plan = with_oauth(Some(1), users(5, 100_000));
        plan["auth"][0]["way"]["refresh_before_ns"] = json!(40_000_000_000_u64);
        let run = simulate(&plan, fake);
        assert_eq!((0, 1), (run.errors_of("api").1, run.errors_of("token").1));
        assert!(run.of("token").count() >= 3);
    }
}

/// After a refresh token was refused the grant is used, for the same request.
#[test]
fn a_refused_refresh_token() {
    let fake = token_endpoint(|request, _| {
        if request.contains("grant_type=refresh_token") {
            return refusing(400, "");
        }
        Reply::ok(ms(5), r#"{"access_token": "t", "expires_in": 2, "refresh_token": "r"}"#)
    });
    let run = simulate(&with_oauth(None, users(2, 9_000)), fake);
    let (calls, refused) = run.errors_of("token");
    assert_eq!((0, 0), (run.errors_of("api").1, run.count(ScenarioEvent::IterationFailed)));
    assert!(refused >= 6 && calls == 2 * refused + 2, "{refused} of {calls}");
}

/// Users whose token cannot be asked for, since a variable has no value, fail once a second, and say so.
#[test]
fn a_token_request_without_its_variable() {
    let mut plan = with_oauth(None, users(2, 3_000));
    plan["auth"][0]["way"]["grant"] = by_password("{nobody}");
    plan["scenarios"][0]["steps"][0]["extracts"] =
        json!([{"variable": "nobody", "from": {"kind": "json", "path": "$.nobody"}, "default": ""}]);
    let run = simulate(&plan, token_endpoint(|_, _| refusing(400, "")));
    assert_eq!(0, run.of("token").count());
    let (_, errors) = run.errors_of("api");
    assert!((4..=8).contains(&errors), "{errors}");
}
