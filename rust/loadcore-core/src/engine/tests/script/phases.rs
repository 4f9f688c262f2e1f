//! The phases of a run whose code says when they begin.

use super::*;

/// A script ends its warm-up once, and what was due before stays out, whenever the engine hears of it.
#[test]
fn code_that_has_warmed_up() {
    let mut plan = scripted();
    plan["warm_up_ns"] = Value::Null;
    let outcomes = drive(&plan, answers_after(10), async |code, began| {
        code.say(Command::Join { user: 0 });
        assert!(code.get(0, "/ramp").await.is_ok());
        at(began, 50).await;
        code.say(Command::Steady { from_ns: 20_000_000 });
        for (url, made_ns) in [("/before", 19_000_000), ("/after", 21_000_000)] {
            assert!(ended(code.send(0, url, |call, _| call.made_ns = Some(made_ns)).1).await.is_ok());
        }
        code.say(Command::Steady { from_ns: 90_000_000 });
        assert!(code.get(0, "/later").await.is_ok());
        code.say(Command::Finish);
    });
    let rows: Vec<_> = outcomes.rows.iter().map(|row| (&*row.step, row.phase)).collect();
    let (warm_up, steady) = (Phase::WarmUp, Phase::Steady);
    assert_eq!(rows, [("/ramp", warm_up), ("/before", warm_up), ("/after", steady), ("/later", steady)]);
    assert_eq!(outcomes.steady_ns.0, [20_000_000]);
}

/// What begins with all its users has no warm-up, though the engine hears of it a little later.
#[test]
fn code_without_a_warm_up() {
    let mut plan = scripted();
    plan["warm_up_ns"] = Value::Null;
    let outcomes = drive(&plan, answers_after(10), async |code, began| {
        at(began, 5).await;
        code.say(Command::Join { user: 0 });
        code.say(Command::Steady { from_ns: 5_000_000 });
        assert!(code.get(0, "/a").await.is_ok());
        code.say(Command::Finish);
    });
    assert_eq!(outcomes.rows.iter().map(|row| row.phase).collect::<Vec<_>>(), [Phase::Steady]);
    assert_eq!(outcomes.steady_ns.0, [0]);
}

/// Code that winds up may still send: that is ramp-down, and the run has finished.
#[test]
fn code_that_winds_up_still_sends() {
    let outcomes = drive(&scripted(), answers_after(10), async |code, began| {
        code.say(Command::Join { user: 0 });
        assert!(code.get(0, "/a").await.is_ok());
        code.say(Command::RampDown { from_ns: 10_000_000 });
        at(began, 50).await;
        assert!(code.get(0, "/b").await.is_ok());
        code.say(Command::Finish);
    });
    let rows: Vec<_> = outcomes.rows.iter().map(|row| (&*row.step, row.phase)).collect();
    assert_eq!(rows, [("/a", Phase::Steady), ("/b", Phase::RampDown)]);
    assert_eq!((outcomes.end.reason, outcomes.ended_ms), (EndReason::Finished, 60));
}

/// What code sends while it winds up is ramp-down, however late the engine hears of both.
#[test]
fn winding_up_begins_when_the_code_does() {
    let outcomes = drive(&scripted(), answers_after(10), async |code, began| {
        code.say(Command::Join { user: 0 });
        at(began, 50).await;
        code.say(Command::RampDown { from_ns: 20_000_000 });
        for (url, made_ns) in [("/before", 19_000_000), ("/after", 21_000_000)] {
            assert!(ended(code.send(0, url, |call, _| call.made_ns = Some(made_ns)).1).await.is_ok());
        }
        code.say(Command::Finish);
    });
    let rows: Vec<_> = outcomes.rows.iter().map(|row| (&*row.step, row.phase)).collect();
    assert_eq!(rows, [("/before", Phase::Steady), ("/after", Phase::RampDown)]);
    assert_eq!(outcomes.steady_ns.1, [20_000_000]);
}
