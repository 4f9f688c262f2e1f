//! Iterations of a load model that a script decides, and what it tells besides requests.

use super::*;
use crate::driver::script::Seen;

/// A plan whose iterations are a script's step: the second of its scripts.
pub(super) fn with_leaf(load: &Value) -> Value {
    let mut plan = plan(load.clone(), json!([{"kind": "script", "script": 1, "name": "shopper"}]));
    plan["scripts"] = json!([{}, {}]);
    plan
}

/// A step of the plan is left to a script, by its number. One that the plan does not have is refused.
#[test]
fn a_step_of_a_script() {
    let once = json!({"kind": "iterations", "users": 1, "iterations": 1, "scope": "per_user", "max_duration_ns": 9_000_000_000_u64});
    let outcomes = drive(&with_leaf(&once), answers_after(10), async |code, _| {
        let (user, _) = code.iteration().await;
        assert_eq!(*code.scripts.borrow(), [(1, ScriptPart::Iteration)]);
        assert!(code.get(user, "/a").await.is_ok());
        code.complete(user);
        code.say(Command::Finish);
    });
    assert_eq!(outcomes.count(ScenarioEvent::IterationCompleted), 1);
    let mut wrong = with_leaf(&once);
    wrong["scripts"] = json!([{}]);
    let wrong: Plan = serde_json::from_value(wrong).expect("a readable plan");
    let problems = Engine::new(wrong, Share::WHOLE).expect_err("a plan that is refused");
    assert!(problems.iter().any(|problem| problem.message == "the plan has no script of this number"), "{problems:?}");
}

/// The first request of an arrival is due when that was, however late the script makes it; the next one when it was made.
/// Users of a closed model have no such time.
#[test]
fn when_requests_are_due() {
    let rate = json!({"kind": "arrival_rate", "rate": {"count": 1, "per_ns": 1_000_000_000_u64}, "duration_ns": 1_000_000_000_u64, "max_users": 1, "arrivals": "even"});
    let once = json!({"kind": "iterations", "users": 1, "iterations": 1, "scope": "per_user", "max_duration_ns": 9_000_000_000_u64});
    for (load, lag_ms) in [(rate, 30), (once, 0)] {
        let outcomes = drive(&with_leaf(&load), answers_after(10), async |code, _| {
            let (user, _) = code.iteration().await;
            sleep(ms(30)).await;
            for url in ["/first", "/second"] {
                assert!(code.get(user, url).await.is_ok());
                sleep(ms(5)).await;
            }
            code.complete(user);
            code.say(Command::Finish);
        });
        let lags: Vec<_> = outcomes.rows.iter().map(|row| (&*row.step, row.lag_ms)).collect();
        assert_eq!(lags, [("/first", lag_ms), ("/second", 0)], "{load}");
    }
}

/// A user whose script is broken rests for a second before it breaks again.
#[test]
fn no_hot_loop() {
    let users = json!({"kind": "users", "users": 1, "duration_ns": 3_000_000_000_u64});
    let outcomes = drive(&with_leaf(&users), answers_after(10), async |code, began| {
        for _ in 0..3 {
            let (user, _) = code.iteration().await;
            code.say(Command::End { user, end: ScriptEnd::Broken, next_ns: None });
        }
        at(began, 3_000).await;
        code.say(Command::Finish);
    });
    assert_eq!(outcomes.count(ScenarioEvent::IterationFailed), 3);
    let begun: Vec<_> =
        outcomes.told.iter().filter(|(_, what)| what.starts_with("iterate")).map(|(ms, _)| *ms).collect();
    assert!(begun.windows(2).all(|pair| pair[1] - pair[0] >= 1_000), "{begun:?}");
}

/// Where connections last for an iteration, all requests of one share them, and the next has new ones.
#[test]
fn connections_of_an_iteration() {
    let three = json!({"kind": "iterations", "users": 1, "iterations": 3, "scope": "per_user", "max_duration_ns": 9_000_000_000_u64});
    let mut plan = with_leaf(&three);
    plan["http"]["reuse"] = json!("iteration");
    let outcomes = drive(&plan, answers_after(10), async |code, _| {
        for _ in 0..3 {
            let (user, _) = code.iteration().await;
            for _ in 0..2 {
                let both = (code.send(user, "/a", |_, _| ()).1, code.send(user, "/b", |_, _| ()).1);
                assert!(ended(both.0).await.is_ok() && ended(both.1).await.is_ok());
            }
            code.complete(user);
        }
        code.say(Command::Finish);
    });
    let reused: Vec<_> = outcomes.rows.iter().map(|row| row.reused).collect();
    assert_eq!(reused, [false, false, true, true].repeat(3));
    assert_eq!(outcomes.fake.connections(), 6);
}

/// The end of the run cuts an iteration short after the grace, and its script cleans up for a second: what it sends then is
/// answered, and nothing after that.
#[test]
fn an_end_that_cleans_up() {
    let users = json!({"kind": "users", "users": 1, "duration_ns": 1_000_000_000_u64});
    let mut plan = with_leaf(&users);
    plan["graceful_stop_ns"] = json!(500_000_000);
    let fake = FakeTransport::new(|request, _| (!request.starts_with(b"GET /hang")).then(|| Reply::ok(ms(10), "")));
    let outcomes = drive(&plan, fake, async |code, began| {
        let (user, _) = code.iteration().await;
        let (request, hangs) = code.send(user, "/hang", |_, _| ());
        at(began, 1_501).await;
        code.say(Command::Cancel { request });
        assert_eq!(ended(hangs).await.expect_err("no answer"), Outcome::Interrupted);
        assert!(code.get(user, "/logout").await.is_ok());
        // Said late, it counts for nothing.
        code.say(Command::End { user, end: ScriptEnd::Interrupted, next_ns: None });
        let late = code.send(user, "/hang", |_, _| ()).1;
        assert_eq!(ended(late).await.expect_err("no answer"), Outcome::Interrupted);
    });
    assert_eq!((outcomes.count(ScenarioEvent::IterationInterrupted), outcomes.ended_ms), (1, 2_500));
    let told: Vec<_> = outcomes.told.iter().map(|(_, what)| &**what).collect();
    assert_eq!(told, ["iterate 0 0", "stopping", "interrupted 0", "closed"]);
    let rows: Vec<_> = outcomes.rows.iter().map(|row| (&*row.step, row.outcome, row.error)).collect();
    let interrupted = ("/hang", Outcome::Interrupted, false);
    assert_eq!(rows, [interrupted, ("/logout", Outcome::Ok, false), interrupted]);
}

/// Pauses, checks, groups and rows of a script, under names that it makes; more than 500 of a kind are counted as one.
#[test]
fn what_a_script_has_seen() {
    let once = json!({"kind": "iterations", "users": 1, "iterations": 1, "scope": "per_user", "max_duration_ns": 9_000_000_000_u64});
    let outcomes = drive(&with_leaf(&once), answers_after(10), async |code, began| {
        let (user, _) = code.iteration().await;
        let key = RequestKey { slot: 7, generation: 1 };
        let (sender, waited) = oneshot::channel();
        code.waiting.borrow_mut().insert(key, sender);
        code.say(Command::Wait { call: Box::new(Call { key, user, ..Call::default() }), wait_ns: 250_000_000 });
        assert_eq!(waited.await.expect("an end").answer.outcome, Outcome::Ok);
        assert_eq!(began.elapsed(), ms(250));
        let count = |seen| code.say(Command::Count(Box::new(seen)));
        for number in 0..502 {
            count(Seen::Check { user, step: String::new(), name: format!("check {number}"), held: number > 0 });
        }
        count(Seen::Group { user, name: "checkout".to_owned(), duration_ns: 5, is_ok: true });
        let (name, kind) = ("postgres order".to_owned(), "postgres".to_owned());
        let (started_ns, duration_ns) = (200_000_000, 20_000_000);
        count(Seen::Row { user, name, kind, started_ns, duration_ns, bytes: 3, is_error: true });
        code.complete(user);
        code.say(Command::Finish);
    });
    assert_eq!(outcomes.checks, (502, 1));
    assert_eq!((outcomes.groups.clone(), outcomes.names), (vec![(1, 0)], (1, 501, 1)));
    let rows: Vec<_> = outcomes.rows.iter().map(|row| (&*row.step, row.due_ms, row.service_ms, row.error)).collect();
    assert_eq!(rows, [("postgres order", 200, 20, true)]);
}
