//! What users do once, after their last iteration.

use super::*;

const STOP: &str = "bye";

fn with_stop(load: Value) -> Value {
    let mut plan = plan(load, json!([get("a"), think_ms(100)]));
    plan["scenarios"][0]["on_stop"] = json!([get(STOP)]);
    plan
}

fn stops(outcomes: &Outcomes) -> Vec<(i32, i64)> {
    outcomes.of(STOP).map(|row| (row.user, row.due_ms)).collect()
}

/// Each user stops once, when its load is over, in whichever load model; its iterations come before.
#[test]
fn every_user_stops_once() {
    let once = json!({"kind": "iterations", "users": 2, "iterations": 3, "scope": "per_user", "max_duration_ns": 60_000_000_000_u64});
    let stages = json!({"kind": "user_stages", "start": 2, "stages": [{"users": 0, "duration_ns": 1_000_000_000}, {"users": 2, "duration_ns": 1_000_000_000}]});
    let arrivals = json!({"kind": "arrival_rate", "rate": {"count": 10, "per_ns": 1_000_000_000}, "duration_ns": 500_000_000, "max_users": 2, "arrivals": "even"});
    for load in [users(2, 1_000), once, stages, arrivals] {
        let outcomes = simulate(&with_stop(load.clone()), answers_after(10));
        let mut found: Vec<i32> = stops(&outcomes).into_iter().map(|(user, _)| user).collect();
        found.sort_unstable();
        let mut active: Vec<i32> = outcomes.of("a").map(|row| row.user).collect();
        active.sort_unstable();
        active.dedup();
        assert_eq!(found, active, "{load}");
        for (user, due_ms) in stops(&outcomes) {
            let last = outcomes.of("a").filter(|row| row.user == user).map(|row| row.due_ms).max();
            assert!(last <= Some(due_ms), "{load}: user {user}");
        }
    }
}

/// A user that never iterated has nothing to stop: its start failed.
#[test]
fn a_user_whose_start_failed_does_not_stop() {
    let mut plan = with_stop(users(1, 1_000));
    plan["scenarios"][0]["on_start"] = json!([{"kind": "request", "name": "login", "method": "GET", "url": "/login",
        "checks": [{"name": "x", "claim": {"kind": "contains", "text": "x"}, "stop": true}]}]);
    let outcomes = simulate(&plan, answers_after(10));
    assert_eq!((outcomes.of("login").count(), stops(&outcomes)), (1, vec![]));
}

/// When the run is stopped, users stop within the grace; whatever exceeds it is cut off.
#[test]
fn a_stop_of_the_run() {
    let outcomes = simulate_share(&with_stop(users(1, 60_000)), answers_after(10), Share::WHOLE, |control| {
        tokio::task::spawn_local(async move {
            tokio::time::sleep(ms(350)).await;
            control.stop();
        });
    });
    assert_eq!(stops(&outcomes).len(), 1);
    assert!(outcomes.ended_ms < 1_000);

    let slow = FakeTransport::new(|request, _| (!request.starts_with(b"GET /bye")).then(|| Reply::ok(ms(10), "{}")));
    let mut plan = with_stop(users(1, 1_000));
    plan["graceful_stop_ns"] = json!(500_000_000);
    let outcomes = simulate(&plan, slow);
    let rows: Vec<_> = outcomes.of(STOP).map(|row| row.outcome).collect();
    assert_eq!((rows, outcomes.ended_ms), (vec![Outcome::Interrupted], 1_500));
}
