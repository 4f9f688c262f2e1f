//! The books balance: nothing that was due or begun is forgotten, whenever and however a run ends.

use proptest::prelude::*;

use super::*;

/// How a run is disturbed.
#[derive(Debug, Clone, Copy)]
enum Disturbance {
    Nothing,
    Stop,
    Interrupt,
    /// A stop, and an interrupt this number of milliseconds later.
    Both(u64),
    /// The process stands still for this number of milliseconds.
    Freeze(u64),
}

fn disturbances() -> impl Strategy<Value = Disturbance> {
    prop_oneof![
        Just(Disturbance::Nothing),
        Just(Disturbance::Stop),
        Just(Disturbance::Interrupt),
        (0_u64..50).prop_map(Disturbance::Both),
        (1_u64..3000).prop_map(Disturbance::Freeze),
    ]
}

async fn disturb(control: Control, disturbance: Disturbance, after_us: u64) {
    tokio::time::sleep(Duration::from_micros(after_us)).await;
    match disturbance {
        Disturbance::Nothing => {}
        Disturbance::Stop => control.stop(),
        Disturbance::Interrupt => control.interrupt(),
        Disturbance::Both(later_ms) => {
            control.stop();
            tokio::time::sleep(ms(later_ms)).await;
            control.interrupt();
        }
        Disturbance::Freeze(for_ms) => tokio::time::advance(ms(for_ms)).await,
    }
}

/// What is due is started or dropped, what is started ends in one of three ways, and there is a row for every request.
pub(super) fn assert_balanced(run: &Outcomes) {
    let [due, started, completed, failed, dropped, interrupted] = [
        ScenarioEvent::IterationDue,
        ScenarioEvent::IterationStarted,
        ScenarioEvent::IterationCompleted,
        ScenarioEvent::IterationFailed,
        ScenarioEvent::IterationDropped,
        ScenarioEvent::IterationInterrupted,
    ]
    .map(|event| run.count(event));
    if due > 0 || dropped > 0 {
        assert_eq!(due, started + dropped);
    }
    assert_eq!(started, completed + failed + interrupted);
    assert_eq!(run.requests, run.rows.len() as u64);
}

fn graceful(mut plan: Value, graceful_ms: u64) -> Value {
    plan["graceful_stop_ns"] = json!(graceful_ms * 1_000_000);
    plan
}

fn arrivals(per_second: u64, max_users: u32, poisson: bool) -> Value {
    json!({
        "kind": "arrival_rate", "rate": {"count": per_second, "per_ns": 1_000_000_000}, "duration_ns": 1_000_000_000,
        "max_users": max_users, "arrivals": if poisson { "poisson" } else { "even" },
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Open models: whatever the rate, the users, the target, the grace and the end.
    #[test]
    fn arrivals_balance(
        per_second in 1_u64..400, max_users in 1_u32..12, poisson: bool, answer_ms in 0_u64..80, start: bool,
        graceful_ms in prop_oneof![Just(0), 1_u64..200], disturbance in disturbances(), after_us in 0_u64..1_100_000,
    ) {
        let mut plan = graceful(plan(arrivals(per_second, max_users, poisson), json!([get("a"), get("b")])), graceful_ms);
        if start {
            plan["scenarios"][0]["on_start"] = json!([get("login")]);
        }
        let run = simulate_share(&plan, answers_after(answer_ms), Share::WHOLE, move |control| {
            spawn_local(disturb(control, disturbance, after_us));
        });
        assert_balanced(&run);
        if !poisson && matches!(disturbance, Disturbance::Nothing | Disturbance::Freeze(_)) {
            prop_assert_eq!(per_second, run.count(ScenarioEvent::IterationDue));
        }
    }

    /// Closed models: the same.
    #[test]
    fn iterations_balance(
        count in 1_u32..12, think in 0_u64..30, answer_ms in 1_u64..80, graceful_ms in prop_oneof![Just(0), 1_u64..200],
        disturbance in disturbances(), after_us in 0_u64..1_100_000,
    ) {
        let steps = json!([get("a"), think_ms(think), get("b")]);
        let plan = graceful(plan(users(count, 1000), steps), graceful_ms);
        let run = simulate_share(&plan, answers_after(answer_ms), Share::WHOLE, move |control| {
            spawn_local(disturb(control, disturbance, after_us));
        });
        assert_balanced(&run);
    }
}

/// A process that stands still beyond the end of its run has the arrivals of that time on its books, and ends then.
#[test]
fn a_frozen_worker_forgets_no_arrival() {
    for (per_second, max_users) in [(1000, 5), (1000, 2000), (50_000, 5)] {
        for graceful_ms in [0, 100] {
            let plan = graceful(plan(arrivals(per_second, max_users, false), json!([get("a")])), graceful_ms);
            let run = simulate_share(&plan, answers_after(3000), Share::WHOLE, move |control| {
                spawn_local(disturb(control, Disturbance::Freeze(5000), 200_000));
            });
            assert_balanced(&run);
            assert_eq!(per_second, run.count(ScenarioEvent::IterationDue));
            assert!(run.ended_ms < 5_400, "{per_second} {max_users}: {}", run.ended_ms);
        }
    }
}

/// Rows that are used up end the arrivals: those that were due have had a row each, and none is dropped for want of
/// one.
#[test]
fn arrivals_end_with_their_rows() {
    for (start, on_start) in [(false, json!([])), (true, json!([get("login")]))] {
        let mut plan = plan(arrivals(100, 20, false), json!([get("id")]));
        let rows: Vec<[u32; 1]> = (0..30).map(|id| [id]).collect();
        plan["feeders"] = json!([{
            "name": "f", "source": {"kind": "rows", "columns": ["id"], "rows": rows}, "order": "sequential", "at_end": "stop",
        }]);
        plan["scenarios"][0]["feeders"] = json!(["f"]);
        plan["scenarios"][0]["on_start"] = on_start;
        let run = simulate(&plan, answers_after(50));
        assert_balanced(&run);
        let counts = [ScenarioEvent::IterationDue, ScenarioEvent::IterationCompleted, ScenarioEvent::UserLost];
        assert_eq!([30, 30, 0], counts.map(|event| run.count(event)), "{start}");
        assert_eq!(EndReason::Finished, run.end.reason);
        assert!(run.ended_ms < 500, "{}", run.ended_ms);
    }
}

/// Arrivals that come faster than they can be taken in do not keep the worker from ending, nor from being stopped.
#[test]
fn a_flood_of_arrivals_can_be_stopped() {
    let plan = plan(arrivals(2_000_000, 3, false), json!([get("a")]));
    let stopped = simulate_share(&plan, answers_after(10), Share::WHOLE, |control| {
        spawn_local(disturb(control, Disturbance::Stop, 100_000));
    });
    assert_balanced(&stopped);
    assert!((100..150).contains(&stopped.ended_ms), "{}", stopped.ended_ms);

    // All of them become due at once.
    let flooded = simulate_share(&plan, answers_after(10), Share::WHOLE, |control| {
        spawn_local(async move {
            tokio::time::sleep(ms(1)).await;
            tokio::time::advance(ms(990)).await;
            tokio::task::yield_now().await;
            control.stop();
        });
    });
    assert_balanced(&flooded);
    let due = flooded.count(ScenarioEvent::IterationDue);
    assert!(due < 500_000, "{due} of 2,000,000 were taken in before the stop was heard");
}
