//! Users that go through their steps and send nothing: the run continues around them, ends when it should, and says so.

use super::*;

const EACH: u32 = 4_000_000_000;

fn never() -> Value {
    let other = json!({"compare": {"operator": "==", "value": "2"}});
    json!({"kind": "branch", "variable": "v", "test": other, "then": [get("never")]})
}

fn repeat(times: u32, steps: impl Into<Value>) -> Value {
    json!({"kind": "repeat", "times": times, "steps": steps.into()})
}

fn think_ns(ns: u64) -> Value {
    json!({"kind": "think", "distribution": "constant", "ns": ns})
}

/// A plan whose users know `{v}`, which is 1.
fn with_a_variable(load: Value, steps: Value) -> Value {
    let mut plan = plan(load, steps);
    plan["feeders"] = json!([{
        "name": "f", "source": {"kind": "rows", "columns": ["v"], "rows": [["1"]]}, "order": "sequential", "at_end": "recycle",
    }]);
    plan["scenarios"][0]["feeders"] = json!(["f"]);
    plan
}

/// Loops that never send anything.
fn endless() -> Vec<(&'static str, Value)> {
    let empty_choice = json!({"kind": "choice", "options": [[1, []], [2, []]]});
    let group = json!({"kind": "group", "name": "nothing", "steps": []});
    vec![
        ("a branch that does not hold", repeat(EACH, json!([never()]))),
        ("nested repeats", repeat(EACH, json!([repeat(EACH, json!([repeat(EACH, json!([never()]))]))]))),
        ("pauses of no length", repeat(EACH, json!([think_ns(0), never()]))),
        ("pauses of a nanosecond", repeat(EACH, json!([think_ns(1), never()]))),
        ("options without steps", repeat(EACH, json!([empty_choice]))),
        ("groups without steps", repeat(EACH, json!([group]))),
        ("nothing at all", repeat(EACH, json!([]))),
    ]
}

/// A loop that sends nothing ends with the plan, whatever time running iterations would have; the other users' requests
/// and the windows continue; and the steps are counted.
#[test]
fn a_loop_that_sends_nothing_ends_as_planned() {
    for (what, steps) in endless() {
        let mut plan = with_a_variable(users(3, 2000), json!([get("a"), steps, get("b")]));
        let mut other = plan["scenarios"][0].clone();
        other["name"] = json!("other");
        other["steps"] = json!([get("c")]);
        plan["scenarios"].as_array_mut().expect("scenarios").push(other);
        let run = simulate(&plan, answers_after(100));

        assert!((2000..2010).contains(&run.ended_ms), "{what}: {}", run.ended_ms);
        assert_eq!((3, 0, 60), (run.of("a").count(), run.of("b").count(), run.of("c").count()), "{what}");
        let counted = |event| run.count(event);
        let started = counted(ScenarioEvent::IterationStarted);
        assert_eq!((3, 3), (started, counted(ScenarioEvent::IterationInterrupted)), "{what}");
        assert!(counted(ScenarioEvent::IdleStep) >= 500_000, "{what}: {}", counted(ScenarioEvent::IdleStep));
    }
}

/// So does one of arrivals, and one in what users do before their first iteration.
#[test]
fn arrivals_and_starts_that_send_nothing_end_as_planned() {
    for (what, steps) in endless() {
        let arrivals = json!({
            "kind": "arrival_rate", "rate": {"count": 10, "per_ns": 1_000_000_000}, "duration_ns": 1_000_000_000,
            "max_users": 4, "arrivals": "even",
        });
        let run = simulate(&with_a_variable(arrivals, json!([steps.clone(), get("b")])), answers_after(1));
        assert!((1000..1010).contains(&run.ended_ms), "{what}: {}", run.ended_ms);
        let counts =
            [ScenarioEvent::IterationDue, ScenarioEvent::IterationInterrupted, ScenarioEvent::IterationDropped];
        assert_eq!([10, 4, 6], counts.map(|event| run.count(event)), "{what}");

        let mut plan = with_a_variable(users(2, 1000), json!([get("a")]));
        plan["scenarios"][0]["on_start"] = json!([steps]);
        let run = simulate(&plan, answers_after(1));
        assert!((1000..1010).contains(&run.ended_ms), "{what}: {}", run.ended_ms);
        assert_eq!((0, 0), (run.rows.len(), run.count(ScenarioEvent::UserLost)), "{what}");
    }
}

/// A stop and an interrupt are obeyed at once.
#[test]
fn stops_reach_a_loop_that_sends_nothing() {
    for (what, steps) in endless() {
        for action in [Control::stop, Control::interrupt] {
            let plan = with_a_variable(users(2, 60_000), json!([steps.clone(), get("b")]));
            let run = simulate_share(&plan, answers_after(1), Share::WHOLE, move |control| {
                spawn_local(async move {
                    tokio::time::sleep(ms(500)).await;
                    action(&control);
                });
            });
            assert!((500..510).contains(&run.ended_ms), "{what}: {}", run.ended_ms);
        }
    }
}

/// Iterations too short to send anything do not hold the thread either, and a long loop that does send is not cut
/// short.
#[test]
fn long_ways_to_a_request_are_gone() {
    let run = simulate(&with_a_variable(users(2, 1000), json!([think_ns(1), never()])), answers_after(1));
    assert!((1000..1010).contains(&run.ended_ms), "{}", run.ended_ms);

    let steps = json!([repeat(20_000, json!([never()])), get("b")]);
    let load = json!({"kind": "iterations", "users": 2, "iterations": 3, "scope": "per_user", "max_duration_ns": 60_000_000_000_u64});
    let run = simulate(&with_a_variable(load, steps), answers_after(1));
    assert_eq!((6, 6), (run.of("b").count(), run.count(ScenarioEvent::IterationCompleted)));
}
