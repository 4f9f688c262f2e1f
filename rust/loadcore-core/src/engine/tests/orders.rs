//! Orders: the load changes while the run lasts, in every model.

use proptest::prelude::*;

use super::*;
use crate::plan::Rate;
use crate::schedule::Change;

/// Gives orders, each this number of milliseconds before it holds.
fn ordering(orders: Vec<(u64, Change)>, lead_ms: u64) -> impl FnOnce(Control) {
    move |control| {
        spawn_local(async move {
            let mut now_ms = 0;
            for (at_ms, change) in orders {
                let given_ms = at_ms.saturating_sub(lead_ms).max(now_ms);
                tokio::time::sleep(ms(given_ms - now_ms)).await;
                now_ms = given_ms;
                control.order(0, Order { at_ns: at_ms * 1_000_000, change });
            }
        });
    }
}

fn run(load: Value, answer_ms: u64, orders: Vec<(u64, Change)>) -> Outcomes {
    simulate_share(&plan(load, json!([get("a")])), answers_after(answer_ms), Share::WHOLE, ordering(orders, 20))
}

fn per_second(count: u64) -> Change {
    Change::Rate { rate: Rate { count, per_ns: 1_000_000_000 } }
}

fn arrivals(count: u64, duration_ms: u64, kind: &str) -> Value {
    json!({
        "kind": "arrival_rate", "rate": {"count": count, "per_ns": 1_000_000_000},
        "duration_ns": duration_ms * 1_000_000, "max_users": 500, "arrivals": kind,
    })
}

/// Requests due in each second.
fn by_second(run: &Outcomes) -> Vec<usize> {
    let last = run.rows.iter().map(|row| row.due_ms / 1000).max().unwrap_or(0);
    (0..=last).map(|second| run.rows.iter().filter(|row| row.due_ms / 1000 == second).count()).collect()
}

/// A rate holds from its moment to the nanosecond; in a pause nothing is due; the run ends when it was planned to.
#[test]
fn arrivals_follow_the_rate() {
    let orders = vec![(1000, per_second(100)), (2000, Change::Pause {}), (4000, Change::Resume {})];
    let run = run(arrivals(10, 5000, "even"), 5, orders);
    assert_eq!(by_second(&run), [10, 100, 0, 0, 100]);
    assert_eq!(run.count(ScenarioEvent::IterationDue), 210);
    assert!(run.rows.iter().all(|row| row.lag_ms == 0));
    assert_eq!(run.end.reason, EndReason::Finished);
}

/// A rate that was ordered after the last arrival of the plan is still carried out.
#[test]
fn arrivals_come_back_after_the_last() {
    let rows = run(arrivals(1, 4000, "even"), 5, vec![(500, per_second(0)), (3000, per_second(50))]);
    assert_eq!(by_second(&rows), [1, 0, 0, 50]);
}

/// Poisson arrivals have the ordered rate: what the shares of a run get is the whole, without one doubled or missing.
#[test]
fn poisson_shares_follow_the_rate() {
    let orders = || vec![(1000, per_second(400)), (2000, Change::Pause {}), (3000, Change::Resume {})];
    let plan = plan(arrivals(100, 4000, "poisson"), json!([get("a")]));
    let share = |index, count| {
        let share = Share::new(index, count).expect("a share");
        let run = simulate_share(&plan, answers_after(5), share, ordering(orders(), 20));
        run.rows.iter().map(|row| row.due_ms).collect::<Vec<_>>()
    };
    let whole = share(0, 1);
    let mut parts: Vec<i64> = (0..3).flat_map(|index| share(index, 3)).collect();
    parts.sort_unstable();
    assert_eq!(parts, whole);
    let second = |from: i64| whole.iter().filter(|due| (from..from + 1000).contains(*due)).count();
    assert!((340..460).contains(&second(1000)) && second(2000) == 0 && (340..460).contains(&second(3000)));
}

/// More users come, and those who are too many go after their iteration; numbers are those of a larger plan.
#[test]
fn users_come_and_go() {
    let orders = vec![(1500, Change::Users { users: 5 }), (2500, Change::Users { users: 1 })];
    let run = run(users(2, 4000), 100, orders);
    assert_eq!(by_second(&run), [20, 35, 30, 10]);
    let numbers = |second: i64| {
        let of: std::collections::BTreeSet<i32> =
            run.rows.iter().filter(|row| row.due_ms / 1000 == second).map(|row| row.user).collect();
        of.into_iter().collect::<Vec<_>>()
    };
    assert_eq!([numbers(0), numbers(1), numbers(3)], [vec![0, 1], vec![0, 1, 2, 3, 4], vec![0]]);
    assert_eq!([0, 1, 2].map(|second| run.seconds[&second].0), [2, 5, 1]);
}

/// In a pause users stay and begin nothing. They keep what they have: no start is repeated, connections stay open.
#[test]
fn a_pause_holds_users() {
    let mut plan = plan(users(3, 4000), json!([get("a")]));
    plan["scenarios"][0]["on_start"] = json!([get("login")]);
    let orders = vec![(1000, Change::Pause {}), (3000, Change::Resume {})];
    let run = simulate_share(&plan, answers_after(100), Share::WHOLE, ordering(orders, 20));
    assert_eq!(by_second(&run), [30, 0, 0, 30]);
    assert_eq!(run.of("login").count(), 3);
    assert_eq!([0, 1, 2].map(|second| run.seconds[&second].0), [3, 3, 3]);
    assert!(run.rows.iter().skip(3).all(|row| row.reused));
}

/// Users that wait between iterations follow an order at once, and not when their wait is over.
#[test]
fn users_at_rest_follow() {
    let mut plan = plan(users(2, 5000), json!([get("a")]));
    plan["scenarios"][0]["pacing"] = json!({"distribution": "constant", "ns": 4_000_000_000_u64});
    let orders = vec![(1000, Change::Users { users: 1 })];
    let run = simulate_share(&plan, answers_after(100), Share::WHOLE, ordering(orders, 20));
    assert_eq!([0, 1, 2].map(|second| run.seconds[&second].0), [2, 1, 1]);
    assert_eq!(by_second(&run), [2, 0, 0, 0, 1]);
}

/// A user that comes back is the one that left: its iterations continue, so what is unique stays so.
#[test]
fn who_comes_back_continues() {
    let step = json!([{"kind": "request", "name": "a", "method": "GET", "url": "/{$user}-{$iteration}"}]);
    let orders = vec![(1000, Change::Users { users: 1 }), (2000, Change::Users { users: 2 })];
    let sent = Rc::<std::cell::RefCell<Vec<String>>>::default();
    let seen = Rc::clone(&sent);
    let fake = FakeTransport::new(move |request, _| {
        let text = String::from_utf8_lossy(request);
        seen.borrow_mut().push(text.lines().next().unwrap_or_default().to_owned());
        Some(Reply::ok(ms(100), "{}"))
    });
    simulate_share(&plan(users(2, 3000), step), fake, Share::WHOLE, ordering(orders, 20));
    let distinct: std::collections::BTreeSet<_> = sent.borrow().iter().cloned().collect();
    assert_eq!((distinct.len(), sent.borrow().len()), (50, 50));
}

fn iterations(users: u32, iterations: u64, scope: &str) -> Value {
    json!({
        "kind": "iterations", "users": users, "iterations": iterations, "scope": scope,
        "max_duration_ns": 60_000_000_000_u64,
    })
}

/// A number of iterations stays that number, whatever users come, go and rest; more users are done sooner.
#[test]
fn iterations_stay_as_many() {
    let shared = run(iterations(2, 100, "shared"), 100, vec![(1000, Change::Users { users: 10 })]);
    assert_eq!(shared.count(ScenarioEvent::IterationCompleted), 100);
    assert_eq!(shared.ended_ms, 1800);
    let paused = vec![(500, Change::Pause {}), (10_000, Change::Resume {})];
    let paused = run(iterations(2, 20, "shared"), 100, paused);
    assert_eq!((paused.count(ScenarioEvent::IterationCompleted), paused.ended_ms), (20, 10_500));
    let away = vec![(500, Change::Users { users: 0 }), (2000, Change::Users { users: 3 })];
    let own = run(iterations(2, 10, "per_user"), 100, away);
    assert_eq!((own.count(ScenarioEvent::IterationCompleted), own.ended_ms), (30, 3000));
    let fewer = run(iterations(2, 10, "per_user"), 100, vec![(500, Change::Users { users: 1 })]);
    assert_eq!((fewer.count(ScenarioEvent::IterationCompleted), fewer.ended_ms), (15, 1000));
}

/// A ramp of users that is ordered away continues as ordered; one that is paused continues as planned.
#[test]
fn ramps_of_users() {
    let ramp = json!({
        "kind": "user_stages", "start": 0, "stages": [{"users": 10, "duration_ns": 4_000_000_000_u64}],
    });
    let ordered = run(ramp.clone(), 100, vec![(1500, Change::Users { users: 2 })]);
    assert_eq!([0, 1, 2].map(|second| ordered.seconds[&second].0), [3, 2, 2]);
    let paused = run(ramp, 100, vec![(900, Change::Pause {}), (2500, Change::Resume {})]);
    assert_eq!([0, 2].map(|second| paused.seconds[&second].0), [3, 8]);
    assert_eq!(by_second(&paused)[1], 0);
}

/// An order that does not fit the model changes nothing, and so does one for a scenario that is not there.
#[test]
fn what_does_not_fit_changes_nothing() {
    let run = simulate_share(&plan(users(2, 1000), json!([get("a")])), answers_after(100), Share::WHOLE, |control| {
        control.order(0, Order { at_ns: 0, change: per_second(5) });
        control.order(7, Order { at_ns: 0, change: Change::Pause {} });
    });
    assert_eq!(run.count(ScenarioEvent::IterationCompleted), 20);
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Pause {}),
        Just(Change::Resume {}),
        (0_u64..300).prop_map(per_second),
        (0_u32..12).prop_map(|users| Change::Users { users }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// The books balance whatever is ordered, in whatever model, however close to its moment.
    #[test]
    fn orders_balance(
        model in 0_usize..4, answer_ms in 1_u64..80, lead_ms in 0_u64..100,
        mut orders in prop::collection::vec((0_u64..1200, any_change()), 0..6),
    ) {
        orders.sort_by_key(|(at_ms, _)| *at_ms);
        let load = [
            users(3, 1000), arrivals(50, 1000, "even"), arrivals(50, 1000, "poisson"), iterations(3, 30, "shared"),
        ];
        let plan = plan(load[model].clone(), json!([get("a")]));
        let run = simulate_share(&plan, answers_after(answer_ms), Share::WHOLE, ordering(orders, lead_ms));
        super::books::assert_balanced(&run);
        prop_assert!(model < 3 || run.count(ScenarioEvent::IterationStarted) <= 30);
    }
}
