//! What is answered, by the path that is asked for.
//!
//! | path | answer |
//! | --- | --- |
//! | `/json…` | a small JSON object |
//! | `/unique` | the usual answer with an `X-Request-Id` of its own |
//! | `/realistic` | the usual body under thirteen fields, as behind a gateway: an id of its own, a `Date` that moves |
//! | `/shifting` | the same, with a field whose length differs from answer to answer |
//! | `/api` | 1 KiB of JSON under the same thirteen fields |
//! | `/token` | an OAuth 2.0 token of an hour |
//! | `/cookies` | the usual body, and two cookies |
//! | `/size/N`, `/chunked/N` | N bytes, with `Content-Length` or in chunks of 16 KiB |
//! | `/close` | the usual answer, then the connection is closed |
//! | `/never` | nothing, ever |
//! | `/delay/constant/US`, `/delay/exponential/US` | the usual answer after US microseconds (on average) |
//! | any other | the usual answer: 156 bytes |

use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use memchr::memmem;

/// The usual answer: as long as nginx's to `return 200 "Hello, World!\n"`.
pub(crate) const USUAL: &[u8] = b"HTTP/1.1 200 OK\r\nServer: bare-1\r\nDate: Tue, 24 Nov 2026 08:00:00 GMT\r\n\
    Content-Type: text/plain\r\nContent-Length: 14\r\nConnection: keep-alive\r\n\r\nHello, World!\n";

/// The fields of the usual answer, and an id.
const UNIQUE: &str = "Server: bare-1\r\nDate: Tue, 24 Nov 2026 08:00:00 GMT\r\nContent-Type: text/plain\r\n\
    Connection: keep-alive\r\nX-Request-Id: 00000000000000000000000000000000\r\n";

/// Twelve fields, and with the length thirteen.
const REALISTIC: &str = "Server: nginx\r\nDate: Tue, 24 Nov 2026 08:00:00 GMT\r\nContent-Type: application/json\r\n\
    Connection: keep-alive\r\nVary: Accept-Encoding\r\nX-Request-Id: 00000000000000000000000000000000\r\n\
    Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n\
    Strict-Transport-Security: max-age=31536000; includeSubDomains\r\nReferrer-Policy: no-referrer\r\n\
    Access-Control-Allow-Origin: *\r\n";

/// 1 KiB of JSON: a page of items. The benches' nginx sends the same file.
const API: &[u8] = include_bytes!("api.json");
const JSON: &str = r#"{"id":"a81f3c5e","name":"Blue kettle","price":19.5,"in_stock":true,"tags":["kitchen","steel"]}"#;
const TOKEN: &str =
    r#"{"access_token":"eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.","token_type":"bearer","expires_in":3600}"#;
const COOKIES: &str = "Set-Cookie: session=6f1c0a52d9e84b37; Path=/\r\nSet-Cookie: theme=dark; Path=/\r\n";
const CHUNK: usize = 16 * 1024;
/// Bodies longer than this are not made.
const LONGEST: usize = 64 * 1024 * 1024;

/// What one request gets.
#[derive(Clone)]
pub(crate) struct Answer {
    /// Sent as it is, but for what is its own; empty sends nothing.
    pub(crate) bytes: Rc<[u8]>,
    /// Where the id of 32 hexadecimal digits begins that every answer has another one of.
    id_at: Option<usize>,
    /// Where the time of day begins.
    time_at: Option<usize>,
    /// Where a field is put in whose length differs.
    field_at: Option<usize>,
    /// When it is sent, from the request's arrival.
    pub(crate) delay: Delay,
    /// Whether the connection is closed after it.
    pub(crate) close: bool,
}

impl Answer {
    /// Of these bytes, which hold no id and no time, at once.
    pub(crate) fn plain(bytes: Rc<[u8]>) -> Self {
        Self { bytes, id_at: None, time_at: None, field_at: None, delay: Delay::None, close: false }
    }

    /// Of these bytes: the first run of 32 zeros is its id, and what `Date` says is the time.
    fn own(bytes: &[u8]) -> Self {
        Self {
            id_at: memmem::find(bytes, &[b'0'; 32]),
            time_at: memmem::find(bytes, b"08:00:00 GMT"),
            ..Self::plain(bytes.into())
        }
    }

    /// The same with a field whose length differs.
    fn shifting(self) -> Self {
        let field_at = memmem::find(&self.bytes, b"Content-Length");
        Self { field_at, ..self }
    }

    /// The answer to the request of this number.
    pub(crate) fn of_its_own(mut self, number: u64) -> Self {
        if self.id_at.is_none() && self.time_at.is_none() {
            return self;
        }
        let mut bytes = self.bytes.to_vec();
        if let Some(at) = self.id_at {
            // An odd factor makes different digits everywhere of neighbouring numbers.
            let id = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            bytes[at..at + 32].copy_from_slice(format!("{id:032x}").as_bytes());
        }
        if let (Some(at), Ok(since)) = (self.time_at, SystemTime::now().duration_since(UNIX_EPOCH)) {
            let second = since.as_secs() % 86_400;
            let time = format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60);
            bytes[at..at + time.len()].copy_from_slice(time.as_bytes());
        }
        if let Some(at) = self.field_at {
            let length = usize::try_from(number * 7 % 61).unwrap_or_default();
            bytes.splice(at..at, format!("X-Runtime: 0.{}\r\n", "7".repeat(length)).into_bytes());
        }
        self.bytes = bytes.into();
        self
    }
}

/// How long an answer is held back.
#[derive(Clone, Copy)]
pub(crate) enum Delay {
    /// Not at all.
    None,
    /// Always as long.
    Constant(Duration),
    /// With this mean, memoryless.
    Exponential(Duration),
}

/// Answers made so far, by path.
pub(crate) struct Answers {
    made: HashMap<Vec<u8>, Answer>,
    usual: Answer,
}

impl Answers {
    pub(crate) fn new() -> Self {
        Self { made: HashMap::new(), usual: Answer::plain(USUAL.into()) }
    }

    /// The answer for this path.
    pub(crate) fn to(&mut self, path: &[u8]) -> Answer {
        if path == b"/" {
            return self.usual.clone();
        }
        // Paths with values in them would fill the table.
        let key = if path.starts_with(b"/json") { &path[..5] } else { path };
        if let Some(answer) = self.made.get(key) {
            return answer.clone();
        }
        let answer = self.make(key);
        self.made.insert(key.to_vec(), answer.clone());
        answer
    }

    fn make(&self, path: &[u8]) -> Answer {
        let text = String::from_utf8_lossy(path);
        let parts: Vec<&str> = text.trim_matches('/').split('/').collect();
        let number = |text: &str| text.parse::<usize>().unwrap_or(0).min(LONGEST);
        let time = |text: &str| Duration::from_micros(text.parse().unwrap_or(0));
        let now = |bytes: Vec<u8>| Answer { bytes: bytes.into(), ..self.usual.clone() };
        match parts.as_slice() {
            ["json"] => now(whole("application/json", JSON.as_bytes())),
            ["unique"] => Answer::own(&with_fields(UNIQUE, b"Hello, World!\n")),
            ["realistic"] => Answer::own(&with_fields(REALISTIC, b"Hello, World!\n")),
            ["shifting"] => Answer::own(&with_fields(REALISTIC, b"Hello, World!\n")).shifting(),
            ["api"] => Answer::own(&with_fields(REALISTIC, API)),
            ["token"] => now(whole("application/json", TOKEN.as_bytes())),
            ["cookies"] => now(with_fields(COOKIES, b"Hello, World!\n")),
            ["size", size] => now(whole("application/octet-stream", &filler(number(size)))),
            ["chunked", size] => now(chunked(&filler(number(size)))),
            ["close"] => {
                let bytes = String::from_utf8_lossy(USUAL).replace("keep-alive", "close").into_bytes();
                Answer { close: true, ..now(bytes) }
            }
            ["never"] => now(Vec::new()),
            ["delay", "constant", us] => Answer { delay: Delay::Constant(time(us)), ..self.usual.clone() },
            ["delay", "exponential", us] => Answer { delay: Delay::Exponential(time(us)), ..self.usual.clone() },
            _ => self.usual.clone(),
        }
    }
}

/// A response with these fields and its length.
fn with_fields(fields: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A response with its length said.
pub(crate) fn whole(content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n", body.len())
            .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let mut bytes =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(CHUNK) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

fn filler(size: usize) -> Vec<u8> {
    b"0123456789abcdef".iter().copied().cycle().take(size).collect()
}
