//! Rows that wait until the script decides them.

use super::*;

/// A row is held until the script decides its request. It counts in the second in which the answer ended, and says
/// what the script said, whatever the status was. What it has not decided when it finishes was cut off, and holds up
/// nothing.
#[test]
fn an_outcome_after_the_answer() {
    let fake = FakeTransport::new(|request, _| {
        let status = if request.starts_with(b"GET /500") { 500 } else { 200 };
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
        Some(Reply::raw(ms(10), head.as_bytes(), crate::transport::fake::Then::Keep))
    });
    let mut plan = scripted();
    plan["graceful_stop_ns"] = json!(1_000_000_000);
    let outcomes = drive(&plan, fake, async |code, began| {
        code.say(Command::Join { user: 0 });
        let (mut keys, settled) = (Vec::new(), |_: &mut Call, form: &mut Form| form.holds = Holds::All);
        for url in ["/200", "/500", "/500?unsaid"] {
            let (key, answer) = code.send(0, url, settled);
            assert!(ended(answer).await.is_ok());
            keys.push(key);
        }
        assert!(code.get(0, "/last").await.is_ok());
        at(began, 2_300).await;
        code.say(Command::Settle { request: keys[0], settled: Settled::Error });
        code.say(Command::Settle { request: keys[1], settled: Settled::Ok });
        at(began, 2_400).await;
        code.say(Command::Finish);
    });
    let rows: Vec<_> = outcomes.rows.iter().map(|row| (&*row.step, row.due_ms, row.status, row.error)).collect();
    assert_eq!(
        rows,
        [("/last", 30, 200, false), ("/200", 0, 200, true), ("/500", 10, 500, false), ("/500", 20, 500, false)]
    );
    assert_eq!(outcomes.rows[3].outcome, Outcome::Interrupted);
    // Those that were decided were answered in the first second.
    assert_eq!(of_second(&outcomes, |(_, answered)| *answered), [3, 0, 0]);
    assert_eq!((outcomes.errors_of("/200"), outcomes.errors_of("/500")), ((1, 1), (2, 0)));
    assert_eq!(outcomes.ended_ms, 2_400);
    // No time went by without an answer.
    assert_eq!(outcomes.gaps, []);
}

/// What a script may say of a held row besides whether it is an error; and of redirects alone, which it may follow itself.
#[test]
fn rows_of_redirects_that_the_script_follows() {
    let fake = FakeTransport::new(|request, _| {
        let head = if request.starts_with(b"GET /302") { "302 X\r\nLocation: /200" } else { "200 X" };
        let head = format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n");
        Some(Reply::raw(ms(10), head.as_bytes(), crate::transport::fake::Then::Keep))
    });
    let outcomes = drive(&scripted(), fake, async |code, _| {
        code.say(Command::Join { user: 0 });
        let holds = |_: &mut Call, form: &mut Form| (form.holds, form.max_redirects) = (Holds::Redirects, Some(0));
        let (hop, answer) = code.send(0, "/302", holds);
        assert!(ended(answer).await.is_ok());
        let (_, answer) = code.send(0, "/200", holds);
        assert!(ended(answer).await.is_ok());
        code.say(Command::Settle { request: hop, settled: Settled::Superseded });
        let (cut, answer) = code.send(0, "/200?cut", |_, form| form.holds = Holds::All);
        assert!(ended(answer).await.is_ok());
        code.say(Command::Settle { request: cut, settled: Settled::Interrupted });
        code.say(Command::Finish);
    });
    let rows: Vec<_> = outcomes.rows.iter().map(|row| (row.due_ms, row.status, row.error, row.superseded)).collect();
    assert_eq!(rows, [(10, 200, false, false), (0, 302, false, true), (20, 200, false, false)]);
    assert_eq!(outcomes.rows[2].outcome, Outcome::Interrupted);
}

/// A script that does not finish in time decides nothing more: then the status does.
#[test]
fn rows_that_no_one_decided_in_time() {
    let fake = FakeTransport::new(|request, _| {
        let status = if request.starts_with(b"GET /500") { 500 } else { 200 };
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
        Some(Reply::raw(ms(10), head.as_bytes(), crate::transport::fake::Then::Keep))
    });
    let mut plan = scripted();
    plan["graceful_stop_ns"] = json!(2_000_000_000_u64);
    let outcomes = drive_with(&plan, fake, async |code, control| {
        code.say(Command::Join { user: 0 });
        for url in ["/200", "/500"] {
            let (_, answer) = code.send(0, url, |_, form| form.holds = Holds::All);
            assert!(ended(answer).await.is_ok());
        }
        control.stop();
    });
    let rows: Vec<_> = outcomes.rows.iter().map(|row| (&*row.step, row.outcome, row.error)).collect();
    assert_eq!(rows, [("/200", Outcome::Ok, false), ("/500", Outcome::Ok, true)]);
    assert_eq!(outcomes.ended_ms, 2_020);
}
