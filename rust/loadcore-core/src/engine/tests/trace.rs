//! Which requests carry a `traceparent`, and with which ids.

use std::collections::BTreeSet;

use super::auth::{gateway, with_oauth};
use super::request::{OK, once, raw, sent};
use super::script::{drive, ended, scripted};
use super::*;
use crate::driver::script::Command;
use crate::transport::fake::Then;

fn traced(mut plan: Value, sample: f64) -> Value {
    plan["http"]["trace_sample"] = json!(sample);
    plan
}

/// What a request's `traceparent` says: the second half of its trace's id, and its span.
fn traceparent(request: &str) -> Option<(String, String)> {
    let value = request.lines().find_map(|line| line.strip_prefix("traceparent: "))?;
    let [version, trace, span, flags] = value.split('-').collect::<Vec<_>>()[..] else { panic!("{value}") };
    assert_eq!((version, flags, trace.len(), span.len()), ("00", "01", 32, 16), "{value}");
    assert_eq!(&trace[..16], "0000000000000000", "these runs have begun at no time");
    Some((trace[16..].to_owned(), span.to_owned()))
}

fn traces_of(run: &Outcomes) -> Vec<String> {
    run.rows.iter().filter_map(|row| row.trace.clone()).collect()
}

/// All requests, a tenth of them, or none: rows say which, and no two have the same trace.
#[test]
fn a_sample_is_traced() {
    let run = |sample| {
        let plan = traced(plan(users(20, 2_000), json!([get("a"), get("b")])), sample);
        simulate(&plan, answers_after(10))
    };
    let (all, tenth, none) = (run(1.0), run(0.1), run(0.0));
    let distinct: BTreeSet<_> = traces_of(&all).into_iter().collect();
    assert_eq!(distinct.len(), all.rows.len());
    let share = traces_of(&tenth).len() * 1_000 / tenth.rows.len();
    assert!((80..=120).contains(&share), "{share}");
    assert!(
        traces_of(&tenth).iter().all(|trace| distinct.contains(trace)),
        "a smaller sample is a part of a larger one"
    );
    assert_eq!((traces_of(&none).len(), none.exemplars.len()), (0, 0));
}

/// The same seed traces the same requests of the same users under the same ids, however many workers there are and
/// however fast the target answers.
#[test]
fn the_same_run_traces_the_same_requests() {
    let traces = |seed: u64, after_ms, shares: u32| {
        let load = json!({"kind": "iterations", "users": 7, "iterations": 9, "scope": "per_user", "max_duration_ns": 60_000_000_000_u64});
        let mut plan = traced(plan(load, json!([get("a"), get("b")])), 0.3);
        plan["seed"] = json!(seed);
        let runs = (0..shares).map(|share| {
            simulate_share(&plan, answers_after(after_ms), Share::new(share, shares).expect("a share"), |_| ())
        });
        let rows = runs.flat_map(|run| run.rows);
        rows.filter_map(|row| Some((row.user, row.step, row.trace?))).collect::<BTreeSet<_>>()
    };
    let once = traces(7, 10, 1);
    assert!(once.len() > 20, "{}", once.len());
    assert_eq!(once, traces(7, 25, 3));
    assert_ne!(once, traces(8, 10, 1));
}

/// Redirects continue the trace of the request that they answer, each in a span of its own; so does what is sent again
/// over a new connection. The bytes that are counted are those that were sent.
#[test]
fn redirects_are_spans_of_one_trace() {
    let hop = b"HTTP/1.1 307 Moved\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n";
    let plan = traced(once(json!([get("a"), get("c")])), 1.0);
    let (requests, run) = sent(&plan, |number| raw(if number == 0 { hop } else { OK }));
    let found: Vec<_> = requests.iter().map(|request| traceparent(request).expect("a traceparent")).collect();
    assert_eq!(found[0].0, found[1].0);
    assert_ne!(found[0].0, found[2].0);
    assert_eq!(found.iter().map(|(_, span)| span).collect::<BTreeSet<_>>().len(), 3);
    assert_eq!(traces_of(&run), found.into_iter().map(|(trace, _)| trace).collect::<Vec<_>>());
    assert!(requests.iter().all(|request| request.ends_with("\r\n\r\n") && request.matches("Host:").count() == 1));
    // The hop is not an answer of the step.
    assert_eq!(run.exemplars.iter().map(|(step, _, _)| &**step).collect::<Vec<_>>(), ["a", "c"]);
}

/// A request that is sent again with a new token is a span of the same trace; the request for the token has its own.
#[test]
fn a_new_token_continues_the_trace() {
    let load = json!({"kind": "iterations", "users": 1, "iterations": 1, "scope": "per_user", "max_duration_ns": 60_000_000_000_u64});
    let plan = traced(with_oauth(None, load), 1.0);
    let (fake, log) = gateway(|request, _| if request.contains("Bearer t1\r\n") { 401 } else { 200 });
    let run = simulate(&plan, fake);
    let log = log.borrow();
    let found: Vec<_> = log.iter().map(|request| traceparent(request).expect("a traceparent").0).collect();
    let [token, first, new_token, again] = &found[..] else { panic!("{log:?}") };
    assert_eq!(first, again);
    assert_eq!([token, first, new_token].into_iter().collect::<BTreeSet<_>>().len(), 3);
    assert_eq!(traces_of(&run).len(), 4);
}

/// A request that has a `traceparent` of its own keeps it, and is none of the sample. A body stays whole.
#[test]
fn a_header_of_its_own_stays() {
    let own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let mut with = get("a");
    with["headers"] = json!([["TraceParent", own]]);
    let mut posted = get("b");
    posted["method"] = json!("POST");
    posted["body"] = json!({"kind": "text", "text": "\r\n\r\nhello"});
    let (requests, run) = sent(&traced(once(json!([with, posted])), 1.0), |_| raw(OK));
    assert_eq!(requests[0].to_lowercase().matches("traceparent").count(), 1);
    assert!(requests[0].contains(own) && requests[1].ends_with("\r\n\r\n\r\n\r\nhello"));
    let traces: Vec<_> = run.rows.iter().map(|row| row.trace.is_some()).collect();
    assert_eq!(traces, [false, true]);
}

/// Requests of a script are traced like others, and no two of a user's that are under way at once have the same trace.
#[test]
fn scripts_are_traced() {
    let run = drive(&traced(scripted(), 1.0), answers_after(10), async |code, _| {
        for user in 0..2 {
            code.say(Command::Join { user });
        }
        let calls: Vec<_> = (0..8).map(|number| code.send(number % 2, "/a", |_, _| ()).1).collect();
        for call in calls {
            assert!(ended(call).await.is_ok());
        }
        code.say(Command::Finish);
    });
    assert_eq!(traces_of(&run).into_iter().collect::<BTreeSet<_>>().len(), 8);
}

/// A request that was never sent has no trace, though the one before it had one.
#[test]
fn what_is_not_sent_has_no_trace() {
    let fake = answers_after(10);
    let target = fake.clone();
    let mut plan = traced(plan(users(1, 100), json!([get("a"), think_ms(50)])), 1.0);
    plan["http"]["reuse"] = json!("request");
    let run = simulate_share(&plan, fake, Share::WHOLE, |_| {
        tokio::task::spawn_local(async move {
            tokio::time::sleep(ms(40)).await;
            target.refuse(Some(Outcome::ConnectRefused));
        });
    });
    let rows: Vec<_> = run.rows.iter().take(2).map(|row| (row.outcome, row.trace.is_some())).collect();
    assert_eq!(rows, [(Outcome::Ok, true), (Outcome::ConnectRefused, false)]);
}

/// A sample shows the header that its request was sent with, after a redirect that of its last message; none is shown
/// where none was sent.
#[test]
fn samples_show_what_was_sent() {
    let hop = b"HTTP/1.1 307 Moved\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n";
    let broken = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
    let shown = |run: &Outcomes| -> Vec<Option<String>> {
        let of = |sample: &Sample| {
            let request = sample.request.as_ref().expect("a request");
            request.headers.iter().find(|(name, _)| name == "traceparent").map(|(_, value)| value.clone())
        };
        run.samples.iter().map(of).collect()
    };
    let mut checked = get("b");
    checked["checks"] = json!([{"name": "has ETag", "claim": {"kind": "header", "header": "ETag"}}]);
    let plan = once(json!([get("a"), checked, get("c")]));
    let reply = |number| match number {
        0 => raw(broken),
        1 => raw(hop),
        2 => raw(OK),
        _ => Reply::raw(ms(1), b"", Then::Close),
    };
    let (requests, run) = sent(&traced(plan.clone(), 1.0), reply);
    let lines: Vec<_> =
        requests.iter().filter_map(|each| each.lines().find(|line| line.starts_with("trace"))).collect();
    let found: Vec<_> = shown(&run).into_iter().map(|value| format!("traceparent: {}", value.unwrap())).collect();
    assert_eq!(found, [lines[0], lines[2], lines[lines.len() - 1]]);
    assert_eq!(shown(&sent(&plan, reply).1), [None, None, None]);
}

/// Of the requests of a step in a second the slowest three are kept, those without an answer among them.
#[test]
fn the_slowest_are_exemplars() {
    let fake = FakeTransport::new(|_, number| (number != 5).then(|| Reply::ok(ms((number * 7) % 20 + 1), "{}")));
    let mut plan = traced(once(json!([{"kind": "repeat", "times": 10, "steps": [get("a")]}])), 1.0);
    plan["http"]["timeouts"]["total_ns"] = json!(100_000_000);
    let run = simulate(&plan, fake);
    let slowest: Vec<_> = run.exemplars.iter().map(|(_, service_ms, _)| *service_ms).collect();
    assert_eq!(slowest.iter().max(), Some(&100), "{slowest:?}");
    assert_eq!((slowest.len(), slowest.contains(&1)), (3, false));
}

/// A share that is none is refused.
#[test]
fn a_share_beyond_all_is_refused() {
    for sample in [-0.1, 1.5] {
        let plan: Plan = serde_json::from_value(traced(once(json!([get("a")])), sample)).expect("a readable plan");
        let problems = Engine::new(plan, Share::WHOLE).expect_err("a plan that is refused");
        assert_eq!(problems[0].path, "http.trace_sample");
    }
}

/// The first half of the ids is the run's: its second, and what no other run has.
#[test]
fn ids_begin_with_the_run() {
    let plan: Plan = serde_json::from_value(traced(once(json!([get("a")])), 0.5)).expect("a readable plan");
    let prefix = |wall_us| {
        let engine = Engine::new(plan.clone(), Share::WHOLE).expect("a plan");
        engine.beginning_at(wall_us).trace_prefix().expect("a prefix")
    };
    assert_eq!(prefix(1_764_000_000_000_001) >> 32, 1_764_000_000);
    assert_ne!(prefix(1_764_000_000_000_001), prefix(1_764_000_000_000_002));
}
