//! What is answered, by the path that is asked for.
//!
//! | path | answer |
//! | --- | --- |
//! | `/json…` | a small JSON object |
//! | `/token` | an OAuth 2.0 token of an hour |
//! | `/size/N`, `/chunked/N` | N bytes, with `Content-Length` or in chunks of 16 KiB |
//! | `/close` | the usual answer, then the connection is closed |
//! | `/never` | nothing, ever |
//! | `/delay/constant/US`, `/delay/exponential/US` | the usual answer after so many microseconds (on average) |
//! | any other | the usual answer: 156 bytes |

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

/// The usual answer: as long as nginx's to `return 200 "Hello, World!\n"`.
pub(crate) const USUAL: &[u8] = b"HTTP/1.1 200 OK\r\nServer: bare-1\r\nDate: Tue, 24 Nov 2026 08:00:00 GMT\r\n\
    Content-Type: text/plain\r\nContent-Length: 14\r\nConnection: keep-alive\r\n\r\nHello, World!\n";

const JSON: &str = r#"{"id":"a81f3c5e","name":"Blue kettle","price":19.5,"in_stock":true,"tags":["kitchen","steel"]}"#;
const TOKEN: &str =
    r#"{"access_token":"eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.","token_type":"bearer","expires_in":3600}"#;
const CHUNK: usize = 16 * 1024;
/// Bodies longer than this are not made.
const LONGEST: usize = 64 * 1024 * 1024;

/// What one request gets.
#[derive(Clone)]
pub(crate) struct Answer {
    /// Sent as it is; empty sends nothing.
    pub(crate) bytes: Rc<[u8]>,
    /// When it is sent, from the request's arrival.
    pub(crate) delay: Delay,
    /// Whether the connection is closed after it.
    pub(crate) close: bool,
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
        Self { made: HashMap::new(), usual: Answer { bytes: USUAL.into(), delay: Delay::None, close: false } }
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
            ["token"] => now(whole("application/json", TOKEN.as_bytes())),
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
