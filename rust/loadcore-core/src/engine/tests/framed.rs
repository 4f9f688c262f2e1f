//! Another protocol than HTTP/1.1: messages with a length prefix. Everything that users do works over it, because
//! they know requests and answers only.

use std::task::{Context, Poll, ready};

use tokio::time::Instant;

use super::request::once;
use super::*;
use crate::exchange::{Exchange, Receiver, Request};
use crate::http::{Complete, Excerpt};
use crate::plan::Limits;
use crate::transport::fake::{FakeConnection, Then};
use crate::transport::{ConnectFailure, Connection, Opened, Origin, Session, Transport};

/// A transport over which frames are spoken.
struct Framed(FakeTransport);

impl Transport for Framed {
    type Connection = FakeConnection;

    async fn connect(
        &self,
        origin: &Origin,
        session: &mut Session,
        deadline: Instant,
    ) -> Result<Opened<FakeConnection>, ConnectFailure> {
        self.0.connect(origin, session, deadline).await
    }
}

impl Stack for Framed {
    type Exchange = Frames;
}

/// A frame: four bytes of length, then its parts with a zero after each, then as many bytes of body as are left.
///
/// A request's parts are method, target, host, and names and values; an answer's are its status, and names and values.
/// An empty part ends them.
struct Frames {
    limits: Limits,
    status: Option<u16>,
    body_bytes: u64,
    /// What has come of the answer, if one is expected.
    came: Option<Vec<u8>>,
}

struct Buffer(Vec<u8>);

impl Default for Buffer {
    fn default() -> Self {
        Self(vec![0; 64])
    }
}

impl Exchange for Frames {
    type Shared = Buffer;

    fn new(limits: Limits) -> Self {
        Self { limits, status: None, body_bytes: 0, came: None }
    }

    fn post(&mut self, request: Request<'_>, out: &mut Vec<u8>) {
        (self.status, self.body_bytes, self.came) = (None, 0, Some(Vec::new()));
        let mut parts = vec![request.method().as_bytes(), request.target().as_bytes(), request.host().as_bytes()];
        parts.extend(request.fields().flat_map(|(name, value)| [name, value]));
        out.extend(frame(&parts, request.body()));
    }

    fn poll_answer<C: Connection>(
        &mut self,
        cx: &mut Context<'_>,
        connection: &C,
        Buffer(buffer): &mut Buffer,
        receiver: &mut impl Receiver,
    ) -> Poll<Result<Complete, Outcome>> {
        loop {
            let count = ready!(connection.poll_receive(cx, buffer));
            receiver.received(*count.as_ref().unwrap_or(&0));
            let has_begun = self.came.as_ref().is_some_and(|came| !came.is_empty());
            let (closed, reset) = if self.status.is_some() {
                (Outcome::ClosedInBody, Outcome::ResetInBody)
            } else if has_begun {
                (Outcome::ClosedInHeaders, Outcome::ResetInHeaders)
            } else {
                (Outcome::ClosedBeforeResponse, Outcome::ResetBeforeResponse)
            };
            let count = match count {
                Ok(0) => return Poll::Ready(Err(closed)),
                Ok(count) => count,
                Err(_) => return Poll::Ready(Err(reset)),
            };
            let Some(came) = &mut self.came else { return Poll::Ready(Err(Outcome::ProtoSurplus)) };
            came.extend_from_slice(&buffer[..count]);
            if let Some(complete) = self.read(receiver)? {
                return Poll::Ready(Ok(complete));
            }
            if !receiver.is_to_continue(self.status, Some(&buffer[..count])) {
                return Poll::Pending;
            }
        }
    }

    fn timed_out(&self) -> Outcome {
        if self.status.is_some() { Outcome::TimeoutBody } else { Outcome::TimeoutHeaders }
    }

    fn status(&self) -> Option<u16> {
        self.status
    }

    fn status_of_body(&self) -> Option<u16> {
        self.status
    }

    fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    fn received(Buffer(buffer): &Buffer) -> &[u8] {
        buffer
    }

    fn excerpt(received: &[u8], _is_head: bool, most_body: usize) -> Excerpt {
        let (parts, body) = parts(received.get(4..).unwrap_or_default());
        let mut parts = parts.iter().map(|part| part.to_vec());
        let line = [b"status ".to_vec(), parts.next().unwrap_or_default()].concat();
        let fields = std::iter::from_fn(|| Some((parts.next()?, parts.next()?))).collect();
        Excerpt { line, fields, body: body[..body.len().min(most_body)].to_vec() }
    }

    fn fields(received: &[u8], found: &mut dyn FnMut(&[u8], &[u8])) {
        Self::excerpt(received, false, 0).fields.iter().for_each(|(name, value)| found(name, value));
    }
}

impl Frames {
    /// Reads on, and tells what has come.
    fn read(&mut self, receiver: &mut impl Receiver) -> Result<Option<Complete>, Outcome> {
        let came = self.came.as_deref().unwrap_or_default();
        let Some((length, rest)) = came.split_first_chunk() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if length as u64 > self.limits.body_bytes {
            return Err(Outcome::BodyTooLarge);
        }
        let (parts, body) = parts(rest);
        let status = parts.first().and_then(|status| str::from_utf8(status).ok()?.parse().ok());
        if self.status.is_none() && rest.contains(&0) {
            let status = status.ok_or(Outcome::ProtoStatusLine)?;
            self.status = Some(status);
            receiver.status(status);
        }
        self.body_bytes = body.len() as u64;
        let (Some(status), Some(surplus)) = (status, rest.len().checked_sub(length)) else { return Ok(None) };
        let body = &body[..body.len() - surplus];
        if receiver.wants_headers() {
            parts[1..].chunks(2).for_each(|field| receiver.header(field[0], field[1]));
        }
        receiver.final_head();
        if receiver.wants_body() {
            receiver.body(body);
        }
        let (reusable, body_bytes) = (surplus == 0, body.len() as u64);
        self.body_bytes = body_bytes;
        self.came = None;
        Ok(Some(Complete { status, reusable, surplus, body_bytes, interim: 0, keep_alive_timeout: None }))
    }
}

fn frame(parts: &[&[u8]], body: &[u8]) -> Vec<u8> {
    let mut content: Vec<u8> = parts.iter().flat_map(|part| part.iter().chain(&[0])).copied().collect();
    content.push(0);
    content.extend_from_slice(body);
    let length = u32::try_from(content.len()).expect("a short frame");
    [length.to_be_bytes().as_slice(), &content].concat()
}

/// The parts of a frame without its length, and its body.
fn parts(content: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let (mut parts, mut rest) = (Vec::new(), content);
    while let Some(end) = memchr::memchr(0, rest) {
        let (part, after) = rest.split_at(end);
        rest = &after[1..];
        if part.is_empty() {
            return (parts, rest);
        }
        parts.push(part);
    }
    (parts, &[])
}

/// A request as the server reads it: its parts with a space between them, and its body.
fn read(request: &[u8]) -> String {
    let (parts, body) = parts(&request[4..]);
    let parts: Vec<_> = parts.iter().map(|part| String::from_utf8_lossy(part)).collect();
    format!("{} | {}", parts.join(" "), String::from_utf8_lossy(body))
}

fn reply(status: &str, fields: &[&str], body: &str) -> Reply {
    let fields = fields.iter().map(|field| field.as_bytes());
    let parts: Vec<_> = std::iter::once(status.as_bytes()).chain(fields).collect();
    Reply::raw(ms(1), &frame(&parts, body.as_bytes()), Then::Keep)
}

/// Runs a plan over frames, and returns the requests as the server read them.
fn log(plan: &Value, answer: impl Fn(&str, u64) -> Option<Reply> + 'static) -> (Vec<String>, Outcomes) {
    let log = Rc::new(std::cell::RefCell::new(Vec::new()));
    let seen = Rc::clone(&log);
    let fake = FakeTransport::new(move |request, number| {
        let request = read(request);
        seen.borrow_mut().push(request.clone());
        answer(&request, number)
    });
    let run = simulate_over(Framed(fake.clone()), plan, fake, Share::WHOLE, |_| ());
    (log.take(), run)
}

/// A value taken from one answer is in the next request; checks see status, headers and body.
#[test]
fn requests_and_answers() {
    let claim = |name: &str, claim: Value| json!({"name": name, "claim": claim});
    let compare = |value: Value| json!({"operator": "==", "value": value});
    let plan = once(json!([
        {"kind": "request", "name": "list", "method": "GET", "url": "/items",
         "extracts": [{"variable": "id", "from": {"kind": "json", "path": "$.id"}}],
         "checks": [claim("status", json!({"kind": "status", "ranges": [[200, 200]]})),
                    claim("header", json!({"kind": "header", "header": "x-kind", "compare": compare(json!("list"))})),
                    claim("body", json!({"kind": "json", "path": "$.id", "compare": compare(json!(8))}))]},
        {"kind": "request", "name": "item", "method": "POST", "url": "/items/{id}", "headers": [["X-Run", "r{$user}"]],
         "body": {"kind": "json", "text": r#"{"n": 1}"#}},
    ]));
    let (requests, run) = log(&plan, |request, _| {
        Some(if request.starts_with("GET") {
            // Longer than what is received at a time.
            reply("200", &["X-Kind", "list"], &format!(r#"{{"id": 7, "text": "{}"}}"#, "x".repeat(200)))
        } else {
            reply("503", &[], "busy")
        })
    });
    let item = r#"POST /items/7 fake X-Run r0 Content-Type application/json Content-Length 7 | {"n":1}"#;
    assert_eq!(vec!["GET /items fake | ", item], requests);
    assert_eq!((3, 1), run.checks);
    let rows: Vec<_> = run.rows.iter().map(|row| (row.outcome, row.status, row.error, row.service_ms)).collect();
    assert_eq!(vec![(Outcome::Ok, 200, false, 1), (Outcome::Ok, 503, true, 1)], rows);
    assert_eq!(1, run.fake.connections());

    let shown: Vec<_> = run.samples.iter().filter_map(|sample| sample.response.as_ref()).collect();
    assert_eq!(vec!["status 200", "status 503"], shown.iter().map(|shown| &*shown.line).collect::<Vec<_>>());
    assert_eq!("busy", shown[1].body);
}

/// Redirects are followed, cookies are kept, and a request is the same when it is sent again.
#[test]
fn redirects_and_cookies() {
    let mut plan = once(json!([
        {"kind": "request", "name": "a", "method": "PUT", "url": "/a", "headers": [["X-Id", "{$uuid}"]],
         "body": {"kind": "text", "text": "n={$counter}"}},
        get("b"),
    ]));
    plan["http"]["cookies"] = json!(true);
    let (requests, run) = log(&plan, |request, _| {
        Some(if request.starts_with("PUT /a ") {
            reply("307", &["Location", "/c", "Set-Cookie", "sid=1; Path=/"], "")
        } else {
            reply("200", &[], "")
        })
    });
    assert_eq!(requests[0].replacen("/a", "/c", 1).replacen(" | ", " Cookie sid=1 | ", 1), requests[1]);
    assert_eq!("GET /b fake Cookie sid=1 | ", requests[2]);
    assert_eq!(vec![307, 200, 200], run.rows.iter().map(|row| row.status).collect::<Vec<_>>());
}

/// A token is fetched, sent, and fetched again when it is rejected.
#[test]
fn tokens() {
    let mut plan = super::auth::with_oauth(None, once(json!([]))["scenarios"][0]["load"].clone());
    plan["scenarios"][0]["steps"] = json!([get("api")]);
    let tokens = std::cell::Cell::new(0);
    let (requests, run) = log(&plan, move |request, _| {
        Some(if request.starts_with("POST /token ") {
            tokens.set(tokens.get() + 1);
            reply("200", &[], &format!(r#"{{"access_token": "t{}"}}"#, tokens.get()))
        } else if request.contains(" Authorization Bearer t1 ") {
            reply("401", &[], "")
        } else {
            reply("200", &[], "")
        })
    });
    let api: Vec<_> = requests.iter().filter(|request| request.starts_with("GET")).collect();
    assert_eq!(vec!["GET /api fake Authorization Bearer t1 | ", "GET /api fake Authorization Bearer t2 | "], api);
    assert_eq!(0, run.rows.iter().filter(|row| row.error).count());
}

/// What a timeout, a reset or a close means is the exchange's to say, by how far the answer was.
#[test]
fn failures() {
    let whole = frame(&[b"200"], b"body");
    let cut = |bytes: usize, then| Some(Reply::raw(ms(1), &whole[..bytes], then));
    let cases = [
        (None, Outcome::TimeoutHeaders, 0, 10_000),
        (cut(6, Then::Keep), Outcome::TimeoutHeaders, 0, 10_000),
        (cut(9, Then::Keep), Outcome::TimeoutBody, 200, 10_000),
        (cut(0, Then::Reset), Outcome::ResetBeforeResponse, 0, 1),
        (cut(6, Then::Reset), Outcome::ResetInHeaders, 0, 1),
        (cut(9, Then::Reset), Outcome::ResetInBody, 200, 1),
        (cut(0, Then::Close), Outcome::ClosedBeforeResponse, 0, 1),
        (cut(9, Then::Close), Outcome::ClosedInBody, 200, 1),
        (Some(Reply::raw(ms(1), &frame(&[b"none"], b""), Then::Keep)), Outcome::ProtoStatusLine, 0, 1),
    ];
    for (reply, outcome, status, service_ms) in cases {
        let (_, run) = log(&once(json!([get("a")])), move |_, _| reply.clone());
        let rows: Vec<_> = run.rows.iter().map(|row| (row.outcome, row.status, row.service_ms)).collect();
        assert_eq!(vec![(outcome, status, service_ms)], rows);
        assert!(run.rows[0].error);
    }
}

/// A request that goes over a connection which the server has just closed is sent again on a new one, unless that might
/// do twice what must be done once.
#[test]
fn stale_connections() {
    for (method, outcome, attempts, sent) in [("GET", Outcome::Ok, 2, 3), ("POST", Outcome::StaleConnection, 1, 2)] {
        let mut second = get("second");
        second["method"] = json!(method);
        let (requests, run) = log(&once(json!([get("first"), second])), |_, number| {
            Some(if number == 1 { Reply::raw(ms(5), b"", Then::Close) } else { reply("200", &[], "") })
        });
        assert_eq!((sent, sent as u64 - 1), (requests.len(), run.fake.connections()), "{method}");
        assert_eq!((outcome, attempts), (run.rows[1].outcome, run.rows[1].attempts), "{method}");
    }
}

/// Unrequested bytes are counted, and cost their connection.
#[test]
fn surplus() {
    let (requests, run) = log(&once(json!([get("a"), get("b")])), |_, _| {
        let bytes = [frame(&[b"200"], b""), b"more".to_vec()].concat();
        Some(Reply::raw(ms(1), &bytes, Then::Keep))
    });
    assert_eq!((2, 2), (requests.len(), run.fake.connections()));
    assert_eq!(vec![Outcome::Ok; 2], run.rows.iter().map(|row| row.outcome).collect::<Vec<_>>());
}
