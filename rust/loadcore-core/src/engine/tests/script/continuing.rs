//! Users that begin iterations by themselves: as many, and as long, as if each had been given to them.

use std::collections::BTreeSet;

use super::turns::with_leaf;
use super::*;
use crate::driver::script::{IterationsLeft, Seen};
use crate::schedule::{Change, Order};

fn looping(users: u32, seconds: u64) -> Value {
    with_leaf(&json!({"kind": "users", "users": users, "duration_ns": seconds * 1_000_000_000}))
}

/// What a user's code does: a request in each iteration, and the next one by itself where that is allowed. Gives what its
/// first iteration was given.
async fn proceed(code: Rc<Code>, began: Instant, user: u32) -> Option<MayContinue> {
    let may_continue = code.leave.borrow().get(&user).cloned().flatten();
    loop {
        let is_complete = code.get(user, "/a").await.is_ok();
        let end = if is_complete { ScriptEnd::Complete } else { ScriptEnd::Failed };
        let now_ns = u64::try_from(began.elapsed().as_nanos()).expect("a time");
        let may = |leave: &MayContinue| {
            is_complete
                && code.edition.get() == leave.edition
                && now_ns < leave.until_ns
                && leave.left.as_ref().is_none_or(IterationsLeft::take)
        };
        let next_ns = may_continue.as_ref().is_some_and(may).then_some(now_ns);
        code.say(Command::End { user, end, next_ns });
        if next_ns.is_none() {
            return may_continue;
        }
    }
}

/// Does all iterations that come until a time.
async fn iterate(code: Rc<Code>, began: Instant, until_ms: u64) {
    while let Ok((user, _)) = tokio::time::timeout_at(began + ms(until_ms), code.iteration()).await {
        tokio::task::spawn_local(proceed(Rc::clone(&code), began, user));
    }
    code.say(Command::Finish);
}

fn counts(outcomes: &Outcomes) -> [u64; 4] {
    use ScenarioEvent as Event;
    [Event::IterationStarted, Event::IterationCompleted, Event::IterationFailed, Event::IterationInterrupted]
        .map(|event| outcomes.count(event))
}

fn given(outcomes: &Outcomes) -> Vec<&str> {
    outcomes.told.iter().map(|(_, what)| &**what).filter(|what| what.starts_with("iterate")).collect()
}

/// One iteration is given, and those after it begin when one ends: each is counted, and its requests are due when they are
/// made. The end of the load is the end of it.
#[test]
fn one_iteration_leads_to_the_next() {
    let outcomes = drive(&looping(2, 1), answers_after(100), async |code, began| {
        iterate(code, began, 1_500).await;
    });
    assert_eq!(counts(&outcomes), [20, 20, 0, 0]);
    assert_eq!(given(&outcomes), ["iterate 0 0", "iterate 1 0"]);
    let mine: Vec<_> = outcomes.rows.iter().filter(|row| row.user == 1).collect();
    assert_eq!(mine.iter().map(|row| row.iteration).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    assert!(mine.iter().zip(0..).all(|(row, number)| (row.due_ms, row.lag_ms) == (number * 100, 0)));
    assert_eq!(outcomes.fake.connections(), 2);
}

/// Iterations that are begun by themselves are left to the scripts that they would have been given to.
#[test]
fn weights_hold() {
    let scripts = |by_itself: bool| {
        let mut plan = looping(1, 3);
        let option = |weight: u32, script: u32| json!([weight, [{"kind": "script", "script": script, "name": "t"}]]);
        plan["scenarios"][0]["steps"] = json!([{"kind": "choice", "options": [option(3, 0), option(1, 1)]}]);
        let kept = Rc::new(RefCell::new(Vec::new()));
        let chosen = Rc::clone(&kept);
        drive(&plan, answers_after(100), async move |code, began| {
            for number in 0.. {
                let (user, _) = code.iteration().await;
                let leave = code.leave.borrow()[&user].clone().expect("leave");
                let given = code.scripts.borrow()[number].0;
                chosen.borrow_mut().push(given);
                for iteration in 0.. {
                    assert!(code.get(user, "/a").await.is_ok());
                    let now_ns = u64::try_from(began.elapsed().as_nanos()).expect("a time");
                    let next_ns = (by_itself && now_ns < leave.until_ns).then_some(now_ns);
                    code.say(Command::End { user, end: ScriptEnd::Complete, next_ns });
                    if next_ns.is_none() {
                        break;
                    }
                    chosen.borrow_mut().push(leave.choice.script(user, iteration + 1));
                }
                if began.elapsed() >= ms(3_000) {
                    return code.say(Command::Finish);
                }
            }
        });
        kept.take()
    };
    let by_itself = scripts(true);
    assert_eq!(by_itself, scripts(false));
    assert_eq!((by_itself.len(), by_itself.contains(&1)), (30, true));
}

/// In a pause nothing begins, and after it the user is given the iteration that comes next.
#[test]
fn a_pause_is_one() {
    let outcomes = drive_with(&looping(1, 2), answers_after(100), async |code, control| {
        let began = Instant::now();
        tokio::task::spawn_local(async move {
            for (at_ms, change) in [(500, Change::Pause {}), (1_500, Change::Resume {})] {
                at(began, at_ms - 50).await;
                control.order(0, Order { at_ns: at_ms * 1_000_000, change });
            }
        });
        iterate(code, began, 2_500).await;
    });
    let due: Vec<_> = outcomes.rows.iter().map(|row| row.due_ms).collect();
    assert_eq!(due, [0, 100, 200, 300, 400, 1_500, 1_600, 1_700, 1_800, 1_900]);
    assert_eq!(outcomes.rows.iter().map(|row| row.iteration).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    assert_eq!(counts(&outcomes), [10, 10, 0, 0]);
}

/// A total is reached and not passed, by all users.
#[test]
fn a_total_is_exact() {
    let total = json!({"kind": "iterations", "users": 3, "iterations": 10, "scope": "shared", "max_duration_ns": 9_000_000_000_u64});
    let outcomes = drive(&with_leaf(&total), answers_after(100), async |code, began| {
        iterate(code, began, 1_000).await;
    });
    assert_eq!(counts(&outcomes), [10, 10, 0, 0]);
    let of_user = |user| outcomes.rows.iter().filter(|row| row.user == user).count();
    assert_eq!((0..3).map(of_user).collect::<BTreeSet<_>>(), BTreeSet::from([3, 4]));
    assert_eq!(given(&outcomes).len(), 3);
}

/// A stop lets what was begun end, and nothing more begins.
#[test]
fn a_stop_ends_it() {
    let outcomes = drive_with(&looping(1, 9), answers_after(100), async |code, control| {
        let began = Instant::now();
        tokio::task::spawn_local(async move {
            at(began, 250).await;
            control.stop();
        });
        iterate(code, began, 1_000).await;
    });
    assert_eq!(counts(&outcomes), [3, 3, 0, 0]);
    let phases: Vec<_> = outcomes.rows.iter().map(|row| row.phase).collect();
    assert_eq!(phases, [Phase::Steady; 3]);
}

/// Where the end of the run has cut an iteration short, the one that its code begins before it hears of that is none:
/// nothing is sent or answered for it, and neither it nor what it has seen is counted.
#[test]
fn what_is_begun_too_late_is_none() {
    let mut plan = looping(1, 1);
    plan["graceful_stop_ns"] = json!(0);
    let outcomes = drive(&plan, answers_after(100), async |code, began| {
        let (user, _) = code.iteration().await;
        assert!(code.get(user, "/a").await.is_ok());
        code.say(Command::End { user, end: ScriptEnd::Complete, next_ns: Some(100_000_000) });
        at(began, 1_001).await;
        code.say(Command::End { user, end: ScriptEnd::Complete, next_ns: Some(999_000_000) });
        let seen = |seen| code.say(Command::Count(Box::new(seen)));
        seen(Seen::Check { user, step: String::new(), name: "too late".to_owned(), held: false });
        seen(Seen::Group { user, name: "too late".to_owned(), duration_ns: 5, is_ok: false });
        // In a box that was used before, as a script does.
        let answer = code
            .send(user, "/b", |call, _| (call.answer.status, call.answer.is_error) = (200, true))
            .1
            .await
            .expect("a call")
            .answer;
        assert_eq!((answer.outcome, answer.status, answer.is_error), (Outcome::Interrupted, 0, false));
        code.say(Command::Finish);
    });
    assert_eq!(counts(&outcomes), [2, 1, 0, 1]);
    assert_eq!((outcomes.checks, outcomes.groups.len()), ((0, 0), 0));
    assert_eq!(outcomes.rows.iter().map(|row| &*row.step).collect::<Vec<_>>(), ["/a"]);
}

/// A failure after iterations that were begun alone is the first one: the user rests for a short time, and is given the
/// iteration that comes next.
#[test]
fn a_failure_is_the_engines_again() {
    let fake = FakeTransport::new(|_, number| (number != 3).then(|| Reply::ok(ms(100), "")));
    let mut plan = looping(1, 2);
    plan["http"]["timeouts"]["total_ns"] = json!(500_000_000);
    let outcomes = drive(&plan, fake, async |code, began| iterate(code, began, 2_500).await);
    let given: Vec<_> = given(&outcomes).into_iter().map(str::to_owned).collect();
    assert_eq!(given[0], "iterate 0 0");
    assert_eq!(given.len(), 2, "{given:?}");
    let [started, completed, failed, interrupted] = counts(&outcomes);
    assert_eq!((failed, interrupted, started), (1, 0, completed + 1));
}

/// What has something to do between two iterations, and what each user has a number of, is given each of them.
#[test]
fn what_is_not_given_leave() {
    let total = |scope| json!({"kind": "iterations", "users": 1, "iterations": 2, "scope": scope, "max_duration_ns": 9_000_000_000_u64});
    let rate = json!({"kind": "arrival_rate", "rate": {"count": 2, "per_ns": 1_000_000_000_u64}, "duration_ns": 1_000_000_000_u64, "max_users": 1, "arrivals": "even"});
    let with = |change: fn(&mut Value)| {
        let mut plan = with_leaf(&total("shared"));
        change(&mut plan);
        plan
    };
    let plans = [
        (true, with_leaf(&total("shared"))),
        (false, with_leaf(&total("per_user"))),
        (false, with_leaf(&rate)),
        (false, with(|plan| plan["scenarios"][0]["pacing"] = json!({"distribution": "constant", "ns": 1_000}))),
        (false, with(|plan| plan["http"]["cookies"] = json!("iteration"))),
        (false, with(|plan| plan["http"]["reuse"] = json!("iteration"))),
        (false, with(|plan| plan["graceful_stop_ns"] = json!(0))),
        (
            false,
            with(|plan| {
                plan["feeders"] = json!([{"name": "rows", "order": "sequential", "at_end": "recycle", "source": {"kind": "rows", "columns": ["id"], "rows": [["a"]]}}]);
                plan["scenarios"][0]["feeders"] = json!(["rows"]);
            }),
        ),
        (
            false,
            with(|plan| {
                let step = plan["scenarios"][0]["steps"][0].clone();
                plan["scenarios"][0]["steps"] = json!([step.clone(), step]);
            }),
        ),
    ];
    for (is_given, plan) in plans {
        let outcomes = drive(&plan, answers_after(10), async move |code, _| {
            let (user, _) = code.iteration().await;
            assert_eq!(code.leave.borrow()[&user].is_some(), is_given);
            code.say(Command::Finish);
        });
        assert_eq!(outcomes.end.error, None, "{plan}");
    }
}
