//! Load models: how many iterations start, and when.

use super::*;

pub(super) fn arrival_rate(count: u64, max_users: u32, duration_ms: u64) -> Value {
    json!({
        "kind": "arrival_rate", "rate": {"count": count, "per_ns": 1_000_000_000}, "duration_ns": duration_ms * 1_000_000,
        "max_users": max_users, "arrivals": "even",
    })
}

/// Users loop: N users of a target that takes R make N / R requests a second, over one connection each.
#[test]
fn constant_users() {
    let run = simulate(&plan(users(10, 1000), json!([get("a")])), answers_after(200));

    assert_eq!(50, run.rows.len());
    assert_eq!(10, run.fake.connections());
    assert_eq!(40, run.rows.iter().filter(|row| row.reused).count());
    assert_eq!(EndReason::Finished, run.end.reason);
    assert_eq!(50, run.count(ScenarioEvent::IterationCompleted));
}

/// Think time is part of the loop: N / (think + R).
#[test]
fn think_time() {
    let run = simulate(&plan(users(10, 10_000), json!([get("a"), think_ms(800)])), answers_after(200));

    assert_eq!(100, run.rows.len());
    assert!(run.rows.iter().all(|row| row.lag_ms <= 1), "{:?}", run.rows[0]);
}

/// A pause at the end of an iteration does not hold up the end of the run, one before a request does.
#[test]
fn only_pauses_left() {
    let steps = json!([get("a"), think_ms(4000)]);
    assert!(simulate(&plan(users(3, 1000), steps), answers_after(10)).ended_ms < 1100);

    let steps = json!([get("a"), think_ms(4000), get("b")]);
    let run = simulate(&plan(users(3, 1000), steps), answers_after(10));
    assert_eq!((3, 3), (run.of("a").count(), run.of("b").count()));
    assert!(run.of("b").all(|row| row.phase == Phase::RampDown));
}

/// A ramp starts its users at their times, highest last, and stops them in the other order.
#[test]
fn stages_of_users() {
    let load = json!({"kind": "user_stages", "start": 0, "stages": [
        {"users": 10, "duration_ns": 10_000_000_000_u64}, {"users": 0, "duration_ns": 10_000_000_000_u64},
    ]});
    let run = simulate(&plan(load, json!([get("a"), think_ms(90)])), answers_after(10));

    let first = |user: i32| run.rows.iter().filter(|row| row.user == user).map(|row| row.due_ms).min();
    let last = |user: i32| run.rows.iter().filter(|row| row.user == user).map(|row| row.due_ms).max();
    assert_eq!([Some(0), Some(5000), Some(9000)], [first(0), first(5), first(9)]);
    assert!(last(9) < Some(11_001) && last(0) > Some(19_800), "{:?} {:?}", last(9), last(0));
}

/// Every arrival of the schedule starts an iteration when it is due, however slow the target is.
#[test]
pub(super) fn arrivals_are_on_time() {
    let run = simulate(&plan(arrival_rate(1000, 600, 2000), json!([get("a")])), answers_after(500));

    assert_eq!(2000, run.rows.len());
    assert_eq!(2000, run.count(ScenarioEvent::IterationDue));
    assert_eq!(0, run.count(ScenarioEvent::IterationDropped));
    assert!(run.rows.iter().all(|row| row.lag_ms <= 1 && row.service_ms >= 500));
    let due: std::collections::BTreeSet<i64> = run.rows.iter().map(|row| row.due_ms).collect();
    assert_eq!(2000, due.len());
}

/// A user whose iteration ends at the instant an arrival is due is free for it: ten users of 200 ms serve 50 a second.
#[test]
fn a_user_is_freed_first() {
    let run = simulate(&plan(arrival_rate(50, 10, 10_000), json!([get("a")])), answers_after(200));

    assert_eq!((500, 0), (run.rows.len(), run.count(ScenarioEvent::IterationDropped)));
}

/// An arrival that finds no free user is dropped and counted, and due = started + dropped.
#[test]
pub(super) fn arrivals_without_a_user_are_dropped() {
    let run = simulate(&plan(arrival_rate(100, 10, 10_000), json!([get("a")])), answers_after(200));

    let (started, dropped) = (run.count(ScenarioEvent::IterationStarted), run.count(ScenarioEvent::IterationDropped));
    assert_eq!(1000, started + dropped);
    assert!((480..=510).contains(&started), "{started}");
    assert_eq!(10, run.fake.connections());
}

/// The shares of three workers start exactly the arrivals of the whole, none twice.
#[test]
fn shares_are_the_whole() {
    let plan = plan(arrival_rate(100, 30, 3000), json!([get("a")]));
    let mut due = Vec::new();
    for index in 0..3 {
        let share = Share::new(index, 3).expect("a share");
        due.extend(simulate_share(&plan, answers_after(20), share, |_| ()).rows.iter().map(|row| row.due_ms));
    }
    due.sort_unstable();

    assert_eq!((0..300).map(|k| k * 10).collect::<Vec<_>>(), due);
}

/// Poisson arrivals come at random, and at the same times for the same seed.
#[test]
fn poisson_arrivals() {
    let mut load = arrival_rate(100, 100, 10_000);
    load["arrivals"] = json!("poisson");
    let plan = plan(load, json!([get("a")]));
    let due = || simulate(&plan, answers_after(1)).rows.iter().map(|row| row.due_ms).collect::<Vec<_>>();
    let once = due();

    assert!((850..1150).contains(&once.len()), "{}", once.len());
    assert_eq!(once, due());
}

/// A fixed number of iterations, of each user or of all together, over all workers.
#[test]
fn iterations() {
    let load = |scope: &str| json!({"kind": "iterations", "users": 4, "iterations": 10, "scope": scope, "max_duration_ns": 60_000_000_000_u64});
    assert_eq!(40, simulate(&plan(load("per_user"), json!([get("a")])), answers_after(5)).rows.len());
    assert_eq!(10, simulate(&plan(load("shared"), json!([get("a")])), answers_after(5)).rows.len());
    let split: usize = (0..3)
        .map(|index| {
            let share = Share::new(index, 3).expect("a share");
            simulate_share(&plan(load("shared"), json!([get("a")])), answers_after(5), share, |_| ()).rows.len()
        })
        .sum();
    assert_eq!(10, split);
}

/// An iteration that finds nothing to do takes a moment all the same: users who only wait for a branch do not spin.
#[test]
fn idle_iterations_take_time() {
    let other = json!({"compare": {"operator": "==", "value": "2"}});
    let never = json!({"kind": "branch", "variable": "v", "test": other, "then": [get("a")]});
    let mut plan = plan(users(2, 1_000), json!([never]));
    plan["feeders"] = json!([{
        "name": "f", "source": {"kind": "rows", "columns": ["v"], "rows": [["1"]]}, "order": "sequential", "at_end": "recycle",
    }]);
    plan["scenarios"][0]["feeders"] = json!(["f"]);
    let run = simulate(&plan, answers_after(10));

    assert_eq!((0, 2_000, 1_000), (run.rows.len(), run.count(ScenarioEvent::IterationCompleted), run.ended_ms));
}

/// Pacing keeps the distance between iteration starts, whatever the response time.
#[test]
fn pacing() {
    let mut plan = plan(users(1, 10_000), json!([get("a")]));
    plan["scenarios"][0]["pacing"] = json!({"distribution": "constant", "ns": 1_000_000_000});
    let run = simulate(&plan, answers_after(300));

    assert_eq!(
        (0..10).map(|k| k * 1000).collect::<Vec<_>>(),
        run.rows.iter().map(|row| row.due_ms).collect::<Vec<_>>()
    );
}

/// What is due in the warm-up is marked, and so is what is due after the planned end.
#[test]
fn phases() {
    let mut plan = plan(users(1, 2000), json!([get("a"), get("b")]));
    plan["warm_up_ns"] = json!(1_000_000_000);
    let run = simulate(&plan, answers_after(300));

    let phase_at = |due_ms: i64| run.rows.iter().find(|row| row.due_ms == due_ms).map(|row| row.phase);
    assert_eq!([Some(Phase::WarmUp), Some(Phase::Steady)], [phase_at(900), phase_at(1200)]);
    assert_eq!(Some(Phase::RampDown), phase_at(2100));
}

/// A second scenario has its own load and starts at its offset.
#[test]
fn several_scenarios() {
    let mut plan = plan(users(2, 1000), json!([get("a")]));
    let mut other = plan["scenarios"][0].clone();
    other["name"] = json!("other");
    other["start_after_ns"] = json!(500_000_000);
    other["steps"] = json!([get("b")]);
    plan["scenarios"].as_array_mut().expect("scenarios").push(other);
    let run = simulate(&plan, answers_after(100));

    assert_eq!((20, 20), (run.of("a").count(), run.of("b").count()));
    assert_eq!(
        (Some(500), Some(1400)),
        (run.of("b").map(|row| row.due_ms).min(), run.of("b").map(|row| row.due_ms).max())
    );
}

/// A stop starts nothing more and lets what runs finish; an interrupt cuts it off and records it.
#[test]
fn stop_and_interrupt() {
    let at_one_second = |action: fn(&Control)| {
        move |control: Control| {
            spawn_local(async move {
                tokio::time::sleep(ms(1000)).await;
                action(&control);
            });
        }
    };
    let plan = plan(users(5, 60_000), json!([get("a")]));
    let run = simulate_share(&plan, answers_after(300), Share::WHOLE, at_one_second(Control::stop));
    assert_eq!((20, EndReason::Stopped), (run.rows.len(), run.end.reason));
    assert!((1200..1300).contains(&run.ended_ms), "{}", run.ended_ms);

    let run = simulate_share(&plan, answers_after(300), Share::WHOLE, at_one_second(Control::interrupt));
    assert_eq!(EndReason::Interrupted, run.end.reason);
    assert_eq!((15, 5), (run.outcomes()["ok"], run.outcomes()["interrupted"]));
    assert_eq!(5, run.count(ScenarioEvent::IterationInterrupted));
    assert!((1000..1010).contains(&run.ended_ms), "{}", run.ended_ms);
    assert_eq!((20, 0), run.errors_of("a"));
}

/// A request that the end of the run cuts off is not an error of the target, whatever was under way: a request under
/// way, a token call, the request that waits for it, a connection that is being opened, a group. The group has neither
/// ended nor failed.
#[test]
fn cut_off_is_not_failed() {
    let mut plan = plan(users(3, 1000), json!([{"kind": "group", "name": "g", "steps": [get("a")]}]));
    plan["graceful_stop_ns"] = json!(0);
    let run = simulate(&plan, answers_after(300));
    assert_eq!((9, 3), (run.outcomes()["ok"], run.outcomes()["interrupted"]));
    assert_eq!((12, 0), run.errors_of("a"));
    assert_eq!(vec![(9, 0)], run.groups);

    let mut silent = super::auth::with_oauth(None, users(2, 1000));
    silent["graceful_stop_ns"] = json!(0);
    let run = simulate(&silent, FakeTransport::new(|_, _| None));
    assert_eq!(BTreeMap::from([("interrupted", 4)]), run.outcomes());
    assert_eq!(((2, 0), (2, 0)), (run.errors_of("token"), run.errors_of("api")));
}

/// What has not ended when the grace after the planned end is over is interrupted: nothing hangs.
#[test]
fn last_call() {
    let mut plan = plan(users(3, 1000), json!([get("a")]));
    plan["http"]["timeouts"]["total_ns"] = json!(3_600_000_000_000_u64);
    let run = simulate(&plan, FakeTransport::new(|_, _| None));

    assert_eq!(BTreeMap::from([("interrupted", 3)]), run.outcomes());
    assert!((6000..6010).contains(&run.ended_ms), "{}", run.ended_ms);
}

/// Feeders deal each row once over all users, in order, and end the users when they are used up.
#[test]
fn feeders() {
    let mut plan = plan(users(3, 60_000), json!([{"kind": "request", "name": "a", "method": "GET", "url": "/{id}"}]));
    let rows: Vec<Value> = (0..20).map(|id| json!([format!("row-{id}")])).collect();
    plan["feeders"] = json!([{
        "name": "ids", "source": {"kind": "rows", "columns": ["id"], "rows": rows}, "order": "sequential", "at_end": "stop",
    }]);
    plan["scenarios"][0]["feeders"] = json!(["ids"]);
    let seen = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let log = std::rc::Rc::clone(&seen);
    let fake = FakeTransport::new(move |request, _| {
        let line = String::from_utf8_lossy(request).lines().next().unwrap_or_default().to_owned();
        log.borrow_mut().push(line);
        Some(Reply::ok(ms(10), ""))
    });
    let run = simulate(&plan, fake);

    let expected: Vec<String> = (0..20).map(|id| format!("GET /row-{id} HTTP/1.1")).collect();
    assert_eq!(expected, *seen.borrow());
    assert_eq!((20, EndReason::Finished), (run.rows.len(), run.end.reason));
    plan["feeders"][0]["at_end"] = json!("fail");
    let run = simulate(&plan, answers_after(10));
    assert_eq!(EndReason::FeederExhausted, run.end.reason);
}

/// Iterations that fail back off: a target that refuses is not hammered, and nothing is called complete.
#[test]
fn failing_iterations_back_off() {
    let fake = answers_after(1);
    fake.refuse(Some(Outcome::ConnectRefused));
    let run = simulate(&plan(users(10, 10_000), json!([get("a")])), fake);

    assert_eq!(0, run.count(ScenarioEvent::IterationCompleted));
    assert!((100..300).contains(&run.rows.len()), "{}", run.rows.len());
    assert!(run.rows.iter().all(|row| row.outcome == Outcome::ConnectRefused && row.attempts == 0 && row.error));
}

/// A user whose start fails is lost and never iterates; the others continue.
#[test]
fn users_whose_start_fails_are_lost() {
    let mut plan = plan(users(4, 1000), json!([get("a")]));
    let mut login = get("login");
    login["checks"] = json!([{"name": "in", "claim": {"kind": "status", "ranges": [[200, 200]]}, "stop": true}]);
    plan["scenarios"][0]["on_start"] = json!([login]);
    let fake = FakeTransport::new(|request, number| {
        let refused = request.starts_with(b"GET /login") && number % 2 == 0;
        let bytes: &[u8] = if refused {
            b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
        } else {
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        };
        Some(Reply::raw(ms(100), bytes, crate::transport::fake::Then::Keep))
    });
    let run = simulate(&plan, fake);

    assert_eq!((2, 4, 18), (run.count(ScenarioEvent::UserLost), run.of("login").count(), run.of("a").count()));
}
