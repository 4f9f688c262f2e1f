//! Answers that are handed over in pieces while they come.

use super::*;
use crate::driver::script::{Head, Piece};
use crate::transport::fake::Then;

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// What has come of an answer.
#[derive(Default)]
pub(super) struct Came {
    head: Option<Head>,
    /// When each piece came, in milliseconds; how long it was waited for; and what it was.
    pieces: Vec<(u64, u64, String)>,
    bytes: usize,
}

impl Came {
    pub(super) fn open(&mut self, head: Head) {
        assert!(self.head.is_none() && self.pieces.is_empty(), "a head comes once, and first");
        self.head = Some(head);
    }

    pub(super) fn add(&mut self, piece: &Piece) {
        assert!(self.head.is_some(), "a piece before its head");
        self.bytes += piece.bytes.len();
        let text = String::from_utf8_lossy(&piece.bytes[..piece.bytes.len().min(20)]).into_owned();
        self.pieces.push((piece.at_ns / 1_000_000, piece.waited_ns / 1_000_000, text));
    }
}

impl Code {
    fn stream(&self, url: &str) -> (RequestKey, oneshot::Receiver<Box<Call>>) {
        self.send(0, url, |_, form| form.is_streamed = true)
    }

    fn status(&self, key: RequestKey) -> Option<u16> {
        Some(self.came.borrow().get(&key)?.head.as_ref()?.status)
    }

    fn pieces(&self, key: RequestKey) -> Vec<(u64, u64, String)> {
        self.came.borrow().get(&key).map(|came| came.pieces.clone()).unwrap_or_default()
    }

    fn heard(&self, key: RequestKey) -> Vec<String> {
        self.pieces(key).into_iter().map(|(.., text)| text).collect()
    }
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

/// A head, one event every 100 ms, and then what is given.
fn events(count: u64, last: &[u8], then: Then) -> Reply {
    let mut reply = Reply::raw(ms(50), HEAD.as_bytes(), then);
    for number in 1..=count {
        reply = reply.and(ms(100 * number), &chunk(&format!("data: {number}\n\n")));
    }
    reply.and(ms(100 * count), last)
}

/// What it is called, what the server sends, and what that is.
type End = (&'static str, fn() -> Reply, Outcome);

fn replies(reply: impl Fn() -> Reply + 'static) -> FakeTransport {
    FakeTransport::new(move |request, _| {
        if request.starts_with(b"GET /plain") { Some(Reply::ok(ms(10), "plain")) } else { Some(reply()) }
    })
}

fn rows(outcomes: &Outcomes) -> Vec<(&str, Outcome, bool, u16, i64, bool)> {
    let facts =
        outcomes.rows.iter().map(|row| (&*row.step, row.outcome, row.error, row.status, row.service_ms, row.reused));
    facts.collect()
}

/// Head and pieces are handed over when they come, and the connection serves the next request.
#[test]
fn pieces_come_as_they_are_sent() {
    let outcomes = drive(&scripted(), replies(|| events(3, b"0\r\n\r\n", Then::Keep)), async |code, began| {
        code.say(Command::Join { user: 0 });
        let (key, ended) = code.stream("/sse");
        at(began, 60).await;
        assert_eq!(code.status(key), Some(200));
        at(began, 160).await;
        assert_eq!(code.pieces(key), [(150, 100, "data: 1\n\n".to_owned())]);
        assert_eq!(super::ended(ended).await.expect("an answer").status, 200);
        assert_eq!(code.heard(key), ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"]);
        {
            let came = code.came.borrow();
            let head = came[&key].head.as_ref().expect("a head");
            assert_eq!(head.headers.first("content-type"), Some(&b"text/event-stream"[..]));
            assert_eq!((head.due_ns, head.started_ns, head.first_byte_ns), (0, 0, 50_000_000));
        }
        assert!(code.get(0, "/plain").await.is_ok());
        code.say(Command::Finish);
    });
    let expected = [("/sse", Outcome::Ok, false, 200, 350, false), ("/plain", Outcome::Ok, false, 200, 10, true)];
    assert_eq!(rows(&outcomes), expected);
    // Something came all the time.
    assert_eq!(outcomes.gaps, []);
}

/// A user that has read enough cuts the stream: that is not an error, and closes the connection. It counts as an answer.
#[test]
fn a_stream_is_cut() {
    let outcomes = drive(&scripted(), replies(|| events(500, b"", Then::Keep)), async |code, began| {
        code.say(Command::Join { user: 0 });
        let (request, ended) = code.stream("/sse");
        at(began, 260).await;
        code.say(Command::Close { request, user: 0 });
        assert_eq!(super::ended(ended).await.expect_err("cut"), Outcome::Cut);
        assert_eq!(code.heard(request).len(), 2);
        assert!(code.get(0, "/plain").await.is_ok());
        code.say(Command::Finish);
    });
    let expected = [("/sse", Outcome::Cut, false, 200, 260, false), ("/plain", Outcome::Ok, false, 200, 10, false)];
    assert_eq!(rows(&outcomes), expected);
    assert_eq!(outcomes.fake.connections(), 2);
    assert_eq!(of_second(&outcomes, |(_, answered)| *answered), [2]);
}

/// A stream whose end has come already when it is closed was not cut, and its connection serves the next request.
#[test]
fn a_stream_that_is_over_is_not_cut() {
    let fake = replies(|| events(2, b"0\r\n\r\n", Then::Keep));
    let outcomes = drive(&scripted(), fake, async |code, _| {
        code.say(Command::Join { user: 0 });
        let (request, ended) = code.stream("/sse");
        while code.heard(request).len() < 2 {
            sleep(ms(1)).await;
        }
        code.say(Command::Close { request, user: 0 });
        assert!(super::ended(ended).await.is_ok());
        assert!(code.get(0, "/plain").await.is_ok());
        code.say(Command::Finish);
    });
    assert_eq!(outcomes.outcomes(), BTreeMap::from([("ok", 2)]));
    assert_eq!(outcomes.fake.connections(), 1);
}

/// A status that is not expected is an error, also of a stream that is cut.
#[test]
fn a_stream_of_an_error_is_cut() {
    let fake = replies(|| {
        let head = b"HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\n\r\n";
        Reply::raw(ms(10), head, Then::Keep).and(ms(10), &chunk("busy"))
    });
    let outcomes = drive(&scripted(), fake, async |code, began| {
        code.say(Command::Join { user: 0 });
        let (request, ended) = code.stream("/sse");
        at(began, 100).await;
        code.say(Command::Close { request, user: 0 });
        assert_eq!(super::ended(ended).await.expect_err("cut"), Outcome::Cut);
        code.say(Command::Finish);
    });
    assert_eq!(rows(&outcomes), [("/sse", Outcome::Cut, true, 503, 100, false)]);
    assert_eq!(outcomes.errors_of("/sse"), (1, 1));
    assert_eq!(outcomes.samples.len(), 1);
}

/// A server that breaks off is an error, and what came until then was handed over: also the piece just before the end.
#[test]
fn a_stream_breaks_off() {
    let ends: [End; 4] = [
        ("closed", || events(2, b"5\r\nda", Then::Close), Outcome::ClosedInBody),
        ("reset", || events(2, b"5\r\nda", Then::Reset), Outcome::ResetInBody),
        ("broken", || events(2, b"2\r\nda\r\nno number\r\n", Then::Keep), Outcome::ProtoChunk),
        (
            "short",
            || Reply::raw(ms(50), b"HTTP/1.1 200 X\r\nContent-Length: 99\r\n\r\ndata: 1\n\nda", Then::Close),
            Outcome::ClosedInBody,
        ),
    ];
    for (name, reply, expected) in ends {
        let outcomes = drive(&scripted(), replies(reply), async move |code, _| {
            code.say(Command::Join { user: 0 });
            let (key, ended) = code.stream("/sse");
            assert_eq!(super::ended(ended).await.expect_err(name), expected, "{name}");
            assert_eq!(code.status(key), Some(200), "{name}");
            assert!(code.heard(key).concat().ends_with("da"), "{name}: {:?}", code.heard(key));
            code.say(Command::Finish);
        });
        let row = &outcomes.rows[0];
        assert_eq!((row.outcome, row.error, row.status), (expected, true, 200), "{name}");
    }
}

/// A body may have any framing, or none; an answer that has no body opens, too.
#[test]
fn all_framings() {
    let cases: [(&str, &str, Then, &str); 5] = [
        ("GET", "HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\nhello", Then::Keep, "hello"),
        ("GET", "HTTP/1.1 200 X\r\n\r\nhello", Then::Close, "hello"),
        ("GET", "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", Then::Keep, "hello"),
        ("HEAD", "HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\n", Then::Keep, ""),
        ("GET", "HTTP/1.1 204 X\r\n\r\n", Then::Keep, ""),
    ];
    for (method, reply, then, expected) in cases {
        let fake = FakeTransport::new(move |_, _| Some(Reply::raw(ms(10), reply.as_bytes(), then)));
        let outcomes = drive(&scripted(), fake, async move |code, _| {
            code.say(Command::Join { user: 0 });
            let (key, ended) = code.send(0, "/a", |_, form| {
                (form.is_streamed, form.method) = (true, method.to_owned());
            });
            assert!(super::ended(ended).await.is_ok(), "{reply}");
            assert!(code.status(key).is_some(), "{reply}");
            assert_eq!(code.heard(key).concat(), expected, "{reply}");
            code.say(Command::Finish);
        });
        assert_eq!(outcomes.outcomes(), BTreeMap::from([("ok", 1)]), "{reply}");
    }
}

/// The time that is allowed begins again with each piece; a server that sends nothing within it has timed out.
#[test]
fn each_piece_has_its_time() {
    let mut plan = scripted();
    plan["http"]["timeouts"] = json!({"connect_ns": 1_000_000_000, "total_ns": 250_000_000});
    let outcomes = drive(&plan, replies(|| events(10, b"", Then::Keep)), async |code, _| {
        code.say(Command::Join { user: 0 });
        let (_, ended) = code.stream("/sse");
        assert_eq!(super::ended(ended).await.expect_err("silence"), Outcome::TimeoutBody);
        code.say(Command::Finish);
    });
    assert_eq!(rows(&outcomes), [("/sse", Outcome::TimeoutBody, true, 200, 1_300, false)]);
}

/// What a script does not take is not received: a stream without end fills no memory, and the time of a reader that is
/// slow is not the server's.
#[test]
fn a_slow_reader_is_waited_for() {
    let mut plan = scripted();
    plan["http"]["timeouts"] = json!({"connect_ns": 1_000_000_000, "total_ns": 250_000_000});
    let fake = replies(|| {
        let size = 8 << 20;
        let head = format!("HTTP/1.1 200 X\r\nContent-Length: {size}\r\n\r\n");
        Reply::raw(ms(50), head.as_bytes(), Then::Keep).and(ms(10), &vec![b'x'; size])
    });
    let outcomes = drive(&plan, fake, async |code, began| {
        code.say(Command::Join { user: 0 });
        let (request, mut ended) = code.stream("/big");
        at(began, 2_000).await;
        let first = code.came.borrow()[&request].bytes;
        assert!((1..=512 * 1024).contains(&first), "{first} bytes were received");
        assert!(ended.try_recv().is_err());
        let mut taken = 0;
        while taken < 8 << 20 {
            let bytes = code.came.borrow()[&request].bytes - taken;
            code.say(Command::Taken { request, bytes });
            taken += bytes;
            sleep(ms(1)).await;
        }
        assert!(super::ended(ended).await.is_ok());
        let longest = code.pieces(request).iter().map(|(_, waited_ms, _)| *waited_ms).max();
        assert_eq!(longest, Some(10));
        code.say(Command::Finish);
    });
    assert_eq!(outcomes.outcomes(), BTreeMap::from([("ok", 1)]));
}

/// Redirects are followed, and only what is not one is handed over.
#[test]
fn redirects_lead_to_the_stream() {
    let fake = FakeTransport::new(|request, _| {
        if request.starts_with(b"GET /old") {
            let hop = b"HTTP/1.1 302 X\r\nLocation: /sse\r\nContent-Length: 6\r\n\r\nmo";
            return Some(Reply::raw(ms(10), hop, Then::Keep).and(ms(10), b"ved!"));
        }
        Some(events(1, b"0\r\n\r\n", Then::Keep))
    });
    let outcomes = drive(&scripted(), fake, async |code, _| {
        code.say(Command::Join { user: 0 });
        let (key, ended) = code.send(0, "/old", |_, form| (form.is_streamed, form.max_redirects) = (true, Some(5)));
        assert!(super::ended(ended).await.is_ok());
        assert_eq!(code.heard(key), ["data: 1\n\n"]);
        let came = code.came.borrow();
        assert_eq!(came[&key].head.as_ref().and_then(|head| head.moved_to.as_deref()), Some("http://fake/sse"));
        code.say(Command::Finish);
    });
    let statuses: Vec<_> = outcomes.rows.iter().map(|row| (row.status, row.superseded)).collect();
    assert_eq!(statuses, [(302, true), (200, false)]);
}

/// The end of the run cuts a stream off: its row says that, also when the script closes it then.
#[test]
fn the_end_of_the_run_interrupts_a_stream() {
    let mut plan = plan(json!({"kind": "users", "users": 1, "duration_ns": 1_000_000_000}), json!([]));
    plan["scenarios"][0]["script"] = json!(true);
    plan["graceful_stop_ns"] = json!(500_000_000);
    let outcomes = drive(&plan, replies(|| events(500, b"", Then::Keep)), async |code, _| {
        let (user, _) = code.iteration().await;
        let (request, ended) = code.send(user, "/sse", |_, form| form.is_streamed = true);
        while !code.told.borrow().iter().any(|(_, told)| told == "interrupted 0") {
            sleep(ms(1)).await;
        }
        code.say(Command::Close { request, user });
        assert_eq!(super::ended(ended).await.expect_err("cut off"), Outcome::Interrupted);
        code.say(Command::Finish);
    });
    let row = &outcomes.rows[0];
    assert_eq!((row.outcome, row.error, row.status), (Outcome::Interrupted, false, 200));
}

/// A held row of a stream that was cut waits for the script's word like any other.
#[test]
fn a_cut_row_is_held() {
    let outcomes = drive(&scripted(), replies(|| events(500, b"", Then::Keep)), async |code, began| {
        code.say(Command::Join { user: 0 });
        let (request, ended) = code.send(0, "/sse", |_, form| {
            (form.is_streamed, form.holds) = (true, Holds::All);
        });
        at(began, 260).await;
        code.say(Command::Close { request, user: 0 });
        assert_eq!(super::ended(ended).await.expect_err("cut"), Outcome::Cut);
        code.say(Command::Settle { request, settled: Settled::Error });
        code.say(Command::Finish);
    });
    assert_eq!(rows(&outcomes), [("/sse", Outcome::Cut, true, 200, 260, false)]);
}
