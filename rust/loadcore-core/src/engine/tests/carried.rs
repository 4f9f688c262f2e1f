//! A share that another worker has begun: both together do what one would have done, and nothing twice.

use std::collections::BTreeSet;

use super::load::arrival_rate;
use super::*;

const SECOND: u64 = 1_000_000_000;

/// Paths that were sent, by a worker that carries on a share from a second on.
fn carried_on(plan: &Value, share: Share, begins_ns: u64) -> (Outcomes, Vec<String>) {
    let sent = Rc::<std::cell::RefCell<Vec<String>>>::default();
    let log = Rc::clone(&sent);
    let fake = FakeTransport::new(move |request, _| {
        let path = String::from_utf8_lossy(request).split(' ').nth(1).expect("a path").to_owned();
        log.borrow_mut().push(path);
        Some(Reply::ok(ms(1), "{}"))
    });
    let mut program = program_of(plan);
    program.carry_on(begins_ns);
    let run = simulate_program(fake.clone(), program, fake, share, |_| Vec::new());
    let paths = sent.borrow().clone();
    (run, paths)
}

fn with_rows(load: Value, order: &str, at_end: &str) -> Value {
    let mut step = get("a");
    step["url"] = json!("/{word}/{$counter}/{$uuid}");
    let mut plan = plan(load, json!([step]));
    let rows: Vec<[u32; 1]> = (0..1000).map(|word| [word]).collect();
    plan["feeders"] = json!([{
        "name": "words", "source": {"kind": "rows", "columns": ["word"], "rows": rows}, "order": order, "at_end": at_end,
    }]);
    plan["scenarios"][0]["feeders"] = json!(["words"]);
    plan
}

/// Arrivals that are due before are left to the worker before it, and so are their rows: each arrival has the row that
/// it would have had.
#[test]
fn arrivals_and_rows_are_carried_on() {
    let plan = with_rows(arrival_rate(100, 10, 4000), "shuffled", "stop");
    for share in [Share::WHOLE, Share::new(1, 3).expect("a share")] {
        let (_, whole) = carried_on(&plan, share, 0);
        let (run, rest) = carried_on(&plan, share, 2 * SECOND);
        let first_due = run.rows.iter().map(|row| row.due_ms).min();
        assert!(first_due.is_some_and(|due| (2000..2030).contains(&due)), "{first_due:?}");
        let words = |paths: &[String]| {
            paths.iter().map(|path| path.split('/').nth(1).expect("a word").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(words(&whole)[whole.len() - rest.len()..], words(&rest));
        assert_eq!(share.part(400) - share.part(200), rest.len() as u64);
    }
}

/// Counters and random values are none that the worker before it can have drawn.
#[test]
fn nothing_is_drawn_twice() {
    for load in [users(3, 4000), arrival_rate(100, 10, 4000)] {
        let mut plan = with_rows(load, "sequential", "recycle");
        plan["scenarios"][0]["steps"] = json!([plan["scenarios"][0]["steps"][0], think_ms(50)]);
        let mut seen = BTreeSet::new();
        for begins in [0, SECOND, 2 * SECOND] {
            let (_, paths) = carried_on(&plan, Share::WHOLE, begins);
            let until = if begins == 0 { 20 } else { paths.len() };
            for path in &paths[..until] {
                let mut parts = path.split('/').skip(2);
                let counted = (begins, parts.next().expect("a number").parse::<u64>().expect("a number"));
                assert_eq!(begins / 1_000, counted.1 / 1_000 * 1_000, "a counter begins above those before it");
                // Arrivals have their own values; which is right, since each is served once.
                if plan["scenarios"][0]["load"]["kind"] == "users" {
                    assert!(seen.insert(parts.next().expect("a value").to_owned()), "{path} was drawn twice");
                }
            }
        }
    }
}

/// Users that are on begin at that moment; those who are on later begin when they are.
#[test]
fn users_begin_when_the_share_is_carried_on() {
    let load = json!({
        "kind": "user_stages", "start": 2, "stages": [
            {"duration_ns": 3 * SECOND, "users": 2}, {"duration_ns": 0, "users": 4}, {"duration_ns": SECOND, "users": 4},
        ],
    });
    let (run, _) = carried_on(&plan(load, json!([get("a"), think_ms(100)])), Share::WHOLE, 2 * SECOND);
    let first_of = |user| run.rows.iter().filter(|row| row.user == user).map(|row| row.due_ms).min();
    assert_eq!([Some(2000), Some(2000), Some(3000), Some(3000)], [0, 1, 2, 3].map(first_of));
    assert_eq!(Some(2), run.seconds.keys().next().copied(), "seconds before it have no window");
}
