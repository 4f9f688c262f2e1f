//! Chance: the same seed gives the same values, however fast the target answers and however many workers there are.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;

/// What was sent when, in the order of sending.
type Sent = Rc<RefCell<Vec<(u64, String)>>>;

/// A target that takes another time for each request, and notes what it was sent.
fn uneven(times_ms: &'static [u64], bad_every: u64) -> (FakeTransport, Sent) {
    let sent = Sent::default();
    let log = Rc::clone(&sent);
    let started = std::cell::OnceCell::new();
    let fake = FakeTransport::new(move |request, number| {
        let began = started.get_or_init(tokio::time::Instant::now);
        let at_ms = u64::try_from(began.elapsed().as_millis()).expect("a short run");
        let path = String::from_utf8_lossy(request).split(' ').nth(1).expect("a path").to_owned();
        log.borrow_mut().push((at_ms, path));
        let place = usize::try_from(number).expect("few requests");
        let after = ms(times_ms[place % times_ms.len()]);
        let is_bad = bad_every > 0 && number % bad_every == 0;
        let bytes: &[u8] = if is_bad {
            b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
        } else {
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        };
        Some(Reply::raw(after, bytes, crate::transport::fake::Then::Keep))
    });
    (fake, sent)
}

/// Everything that is drawn by chance: rows, numbers, options, pauses. A response that is not wanted ends the iteration.
fn drawing(load: Value) -> Value {
    let mut first = get("first");
    first["url"] = json!("/{$user}/{$iteration}/{word}/{$random(1,1000000)}");
    first["checks"] = json!([{"name": "ok", "claim": {"kind": "status", "ranges": [[200, 200]]}, "stop": true}]);
    let mut second = get("second");
    second["url"] = json!("/{$user}/{$iteration}/{word}/{$uuid}");
    let choice = json!({"kind": "choice", "options": [[1, [second]], [1, []]]});
    let pause = json!({"kind": "think", "distribution": "uniform", "min_ns": 0, "max_ns": 30_000_000});
    let mut plan = plan(load, json!([first, pause, choice]));
    let rows: Vec<[u32; 1]> = (0..50).map(|word| [word]).collect();
    plan["feeders"] = json!([{
        "name": "words", "source": {"kind": "rows", "columns": ["word"], "rows": rows}, "order": "random", "at_end": "recycle",
    }]);
    plan["scenarios"][0]["feeders"] = json!(["words"]);
    plan
}

/// What the iterations of each user sent.
fn by_iteration(sent: &Sent) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (_, path) in sent.borrow().iter() {
        let mut parts = path.splitn(4, '/').skip(1);
        let iteration = format!("{}/{}", parts.next().expect("a user"), parts.next().expect("an iteration"));
        found.entry(iteration).or_default().push(parts.next().expect("values").to_owned());
    }
    found
}

/// In a closed model, iteration n of user u draws the same in every run: rows of random feeders, numbers, options. What
/// other users do, how long responses take, and iterations that failed before are of no account.
#[test]
fn users_draw_the_same_whatever_the_target_does() {
    let plan = drawing(users(7, 3000));
    let run = |times_ms, bad_every, shares: u32| {
        let (fake, sent) = uneven(times_ms, bad_every);
        for index in 0..shares {
            simulate_share(&plan, fake.clone(), Share::new(index, shares).expect("a share"), |_| ());
        }
        by_iteration(&sent)
    };
    let first = run(&[10, 35, 20, 5], 0, 1);
    assert!(first.len() > 300, "{}", first.len());
    for other in [run(&[31, 7], 0, 1), run(&[10, 35, 20, 5], 11, 1), run(&[12, 9, 40], 0, 3)] {
        let pairs = first.iter().filter_map(|(iteration, values)| Some((values, other.get(iteration)?)));
        let mut compared = 0;
        for (values, others) in pairs {
            compared += 1;
            // The last iteration may have been cut short, and so may one that failed.
            let common = values.len().min(others.len());
            assert_eq!(values[..common], others[..common]);
        }
        assert!(compared > 200, "{compared}");
    }
    let rows: std::collections::BTreeSet<&str> =
        first.values().flatten().map(|values| values.split('/').next().expect("a word")).collect();
    assert!(rows.len() > 45, "{rows:?}");
}

/// In an open model arrival n draws the same, whichever user serves it.
#[test]
fn arrivals_draw_the_same_whoever_serves_them() {
    let plan = drawing(json!({
        "kind": "arrival_rate", "rate": {"count": 50, "per_ns": 1_000_000_000}, "duration_ns": 4_000_000_000_u64,
        "max_users": 60, "arrivals": "even",
    }));
    let run = |times_ms, shares: u32| {
        let mut found = BTreeMap::new();
        for index in 0..shares {
            let (fake, sent) = uneven(times_ms, 0);
            let share = Share::new(index, shares).expect("a share");
            simulate_share(&plan, fake, share, |_| ());
            let first = u64::from(index) * 20;
            for (at_ms, path) in sent.borrow().iter() {
                // The first request of an arrival is sent when that is due: every 20 ms.
                let mut parts = path.splitn(4, '/').skip(3);
                let values = parts.next().expect("values").to_owned();
                if !values.contains('-') {
                    found.insert(first + at_ms, values);
                }
            }
        }
        found
    };
    let first = run(&[3, 90, 40], 1);
    assert_eq!(200, first.len());
    assert_eq!(first, run(&[55, 8], 1));
    assert_eq!(first, run(&[14, 61, 2], 3));
}

/// Token requests, which come when the clock says, take nothing from what an iteration draws.
#[test]
fn tokens_are_drawn_apart() {
    let run = |lifetime_s: u64| {
        let mut plan = auth::with_oauth(None, users(3, 3000));
        plan["auth"][0]["way"]["grant"] = auth::by_password("{$uuid}");
        plan["scenarios"][0]["steps"][0]["url"] = json!("/{$user}/{$iteration}/{$random(1,1000000)}");
        let sent = Sent::default();
        let log = Rc::clone(&sent);
        let fake = FakeTransport::new(move |request, _| {
            let path = String::from_utf8_lossy(request).split(' ').nth(1).expect("a path").to_owned();
            if path == "/token" {
                let body = format!(r#"{{"access_token": "t", "token_type": "bearer", "expires_in": {lifetime_s}}}"#);
                return Some(Reply::ok(ms(20), &body));
            }
            log.borrow_mut().push((0, path));
            Some(Reply::ok(ms(10), ""))
        });
        let tokens = simulate(&plan, fake).of("token").count();
        (tokens, by_iteration(&sent))
    };
    let ((seldom, first), (often, second)) = (run(3600), run(1));

    assert_eq!(3, seldom);
    assert!(often >= 9, "{often}");
    let mut pairs = first.iter().filter_map(|(iteration, values)| Some((values, second.get(iteration)?)));
    assert!(pairs.clone().count() > 600);
    assert!(pairs.all(|(values, others)| values == others));
}
