//! Large plans: each request is the one that was written, or the plan is refused with what there is too much of.

use super::*;

fn problems(plan: &Value) -> Vec<String> {
    let plan: Plan = serde_json::from_value(plan.clone()).expect("a readable plan");
    Program::new(&plan).expect_err("too large a plan").into_iter().map(|problem| problem.message).collect()
}

/// A plan of more than 65,535 requests sends each of them, in its order.
#[test]
fn as_many_requests_as_are_written() {
    let steps: Vec<Value> = (0..70_000)
        .map(|number| json!({"kind": "request", "name": "item", "method": "GET", "url": format!("/{number}")}))
        .collect();
    let load = json!({
        "kind": "iterations", "users": 1, "iterations": 1, "scope": "shared", "max_duration_ns": 3_600_000_000_000_u64,
    });
    let seen = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let log = std::rc::Rc::clone(&seen);
    let fake = FakeTransport::new(move |request, _| {
        log.borrow_mut().push(String::from_utf8_lossy(request).split(' ').nth(1).map(str::to_owned));
        Some(Reply::ok(ms(1), ""))
    });
    let run = simulate(&plan(load, steps), fake);

    assert_eq!(70_000, run.rows.len());
    assert!(seen.borrow().iter().enumerate().all(|(number, path)| path.as_deref() == Some(&*format!("/{number}"))));
}

/// Names that result files cannot number are a problem of the plan, and say what to do.
#[test]
fn more_names_than_results_hold() {
    let steps: Vec<Value> = (0..33_000).map(|number| get(&format!("step {number}").replace(' ', "-"))).collect();

    let found = problems(&plan(users(1, 1000), steps));
    let expected = "the plan has 33001 names of scenarios, steps, checks and groups; there may be 32767";
    assert_eq!(vec![expected.to_owned()], found);
}

/// A rate above what can be started is refused, also where a ramp comes to it.
#[test]
fn rates_that_nobody_can_offer() {
    let second = 1_000_000_000_u64;
    let rate = |count: u64, per_ns: u64| json!({"count": count, "per_ns": per_ns});
    let constant = |count, per_ns| {
        json!({
            "kind": "arrival_rate", "rate": rate(count, per_ns), "duration_ns": second, "max_users": 1, "arrivals": "even",
        })
    };
    let staged = |count| {
        json!({
            "kind": "arrival_stages", "start": rate(0, second), "max_users": 1, "arrivals": "even",
            "stages": [{"rate": rate(count, second), "duration_ns": second}],
        })
    };
    let message = "the rate is above 10000000 arrivals a second, more than can be started";
    for load in [constant(1_000_000_000, second), constant(10_000_001, second), constant(1, 99), staged(20_000_000)] {
        assert_eq!(vec![message.to_owned()], problems(&plan(load, json!([get("a")]))));
    }
    for load in [constant(10_000_000, second), constant(1, 100), staged(10_000_000)] {
        let plan: Plan = serde_json::from_value(plan(load, json!([get("a")]))).expect("a readable plan");
        assert!(Program::new(&plan).is_ok());
    }
}

/// A warm-up as long as the run would leave nothing to measure.
#[test]
fn a_warm_up_that_covers_the_run() {
    let warming = |ms: u64| {
        let mut plan = plan(users(1, 1000), json!([get("a")]));
        plan["warm_up_ns"] = json!(ms * 1_000_000);
        plan
    };
    for ms in [1000, 1500] {
        let [message] = &problems(&warming(ms))[..] else { panic!("one problem") };
        assert!(message.contains("covers the whole run, which is planned to end after 1s"), "{message}");
    }
    let readable: Plan = serde_json::from_value(warming(999)).expect("a readable plan");
    assert!(Program::new(&readable).is_ok());
}

/// Only the script of a scenario without a load model can end a warm-up that has no planned end.
#[test]
fn a_warm_up_that_nothing_ends() {
    let mut plan = plan(users(1, 1000), json!([get("a")]));
    plan["warm_up_ns"] = json!(null);
    let [message] = &problems(&plan)[..] else { panic!("one problem") };
    assert!(message.contains("only the script"), "{message}");
}
