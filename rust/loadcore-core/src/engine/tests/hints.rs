//! What a run learns of its target by the way: times that responses name, and times without any answer.

use super::load::arrival_rate;
use super::*;
use crate::transport::fake::Then;

fn timed(after_ms: u64, head: &str) -> Reply {
    Reply::raw(ms(after_ms), format!("HTTP/1.1 200 OK\r\n{head}Content-Length: 2\r\n\r\n{{}}").as_bytes(), Then::Keep)
}

/// Of the ten answers of a second the 1st, 2nd, 4th and 8th are looked at, step by step.
#[test]
fn a_few_responses_of_each_step_are_looked_at() {
    let fake = FakeTransport::new(|request, _| {
        let is_slow = request.starts_with(b"GET /slow");
        Some(if is_slow { timed(50, "Server-Timing: db;dur=40\r\n") } else { timed(50, "") })
    });
    let run = simulate(&plan(users(1, 1_950), json!([get("slow"), get("plain")])), fake);
    let hint = ("slow".to_owned(), "Server-Timing db".to_owned(), 4, 160, 200);
    assert_eq!(run.hints, [hint.clone(), hint]);
}

#[test]
fn a_header_of_ones_own_is_read_in_its_unit() {
    let mut plan = plan(users(1, 1_000), json!([get("a")]));
    plan["http"]["upstream_header"] = json!({"name": "X-Time-Behind", "unit_ns": 1_000_000_000});
    let fake = FakeTransport::new(|_, _| Some(timed(500, "x-time-behind: 0.25, 0.2\r\n")));
    let run = simulate(&plan, fake);
    assert_eq!(run.hints[0], ("a".to_owned(), "X-Time-Behind".to_owned(), 2, 900, 1_000));
}

/// A target that answers at once, but not between 1.0 and 2.5 s; then it answers all waiting requests.
#[test]
fn a_stall_is_told_once_with_its_length() {
    let fake = FakeTransport::new(|_, number| {
        let sent_ms = number * 10;
        let is_stalled = (1_000..2_500).contains(&sent_ms);
        Some(Reply::ok(ms(if is_stalled { 2_505 - sent_ms } else { 5 }), "{}"))
    });
    let run = simulate(&plan(arrival_rate(100, 200, 4_000), json!([get("a")])), fake);
    let [(from_ms, to_ms)] = run.gaps[..] else { panic!("{:?}", run.gaps) };
    assert!((980..=1_020).contains(&from_ms) && (2_480..=2_520).contains(&to_ms), "{from_ms} to {to_ms}");
}

#[test]
fn users_that_pause_leave_no_gap() {
    let run = simulate(&plan(users(2, 4_000), json!([get("a"), think_ms(700)])), answers_after(5));
    assert_eq!(run.gaps, []);
}
