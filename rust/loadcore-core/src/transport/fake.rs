//! A transport without a network: scripted answers after scripted delays, by tokio's time, which tests can pause.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::{ConnectFailure, Connection, IdleState, Opened, Origin, Session, Transport};
use crate::record::{ConnectTimings, Outcome};

/// What a fake server does with one request.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// How long after the request.
    pub(crate) after: Duration,
    /// What it sends.
    pub(crate) bytes: Vec<u8>,
    /// What else it sends, and how long after the first.
    pub(crate) more: Vec<(Duration, Vec<u8>)>,
    /// What it does then.
    pub(crate) then: Then,
}

/// What a fake server does after a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Keeps the connection.
    Keep,
    /// Closes it in order.
    Close,
    /// Resets it.
    Reset,
}

impl Reply {
    /// A 200 with this body.
    #[must_use]
    pub(crate) fn ok(after: Duration, body: &str) -> Self {
        let bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes();
        Self { after, bytes, more: Vec::new(), then: Then::Keep }
    }

    /// Bytes as they are.
    #[must_use]
    pub(crate) fn raw(after: Duration, bytes: &[u8], then: Then) -> Self {
        Self { after, bytes: bytes.to_vec(), more: Vec::new(), then }
    }

    /// Followed by these bytes, at this time after the first.
    #[must_use]
    pub(crate) fn and(mut self, after: Duration, bytes: &[u8]) -> Self {
        self.more.push((after, bytes.to_vec()));
        self
    }
}

type Script = dyn Fn(&[u8], u64) -> Option<Reply>;

/// A transport whose every connection leads to one scripted server.
#[derive(Clone)]
pub(crate) struct FakeTransport {
    server: Rc<Server>,
}

struct Server {
    script: Box<Script>,
    requests: Cell<u64>,
    connections: Cell<u64>,
    refuse: Cell<Option<Outcome>>,
}

impl FakeTransport {
    /// `script` is given each request's bytes and its number, and says what comes back; `None` is silence.
    #[must_use]
    pub(crate) fn new(script: impl Fn(&[u8], u64) -> Option<Reply> + 'static) -> Self {
        let (requests, connections, refuse) = (Cell::new(0), Cell::new(0), Cell::new(None));
        Self { server: Rc::new(Server { script: Box::new(script), requests, connections, refuse }) }
    }

    /// Connections opened so far.
    #[must_use]
    pub(crate) fn connections(&self) -> u64 {
        self.server.connections.get()
    }

    /// Whether, and how, connecting fails from now on.
    pub(crate) fn refuse(&self, outcome: Option<Outcome>) {
        self.server.refuse.set(outcome);
    }
}

impl Transport for FakeTransport {
    type Connection = FakeConnection;

    async fn connect(&self, _: &Origin, _: &mut Session, _: Instant) -> Result<Opened<FakeConnection>, ConnectFailure> {
        let timings = ConnectTimings { connect_ns: Some(0), ..ConnectTimings::default() };
        if let Some(outcome) = self.server.refuse.get() {
            return Err(ConnectFailure { outcome, timings: ConnectTimings::default() });
        }
        self.server.connections.set(self.server.connections.get() + 1);
        let line = Line { coming: VecDeque::new(), sleep: Box::pin(sleep_until(Instant::now())), receiver: None };
        Ok(Opened { connection: FakeConnection { server: Rc::clone(&self.server), line: RefCell::new(line) }, timings })
    }
}

/// A connection to the scripted server.
pub(crate) struct FakeConnection {
    server: Rc<Server>,
    line: RefCell<Line>,
}

struct Line {
    coming: VecDeque<(Instant, Vec<u8>, Then)>,
    sleep: Pin<Box<Sleep>>,
    receiver: Option<Waker>,
}

impl Line {
    fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some((at, ..)) = self.coming.front() else {
            self.receiver = Some(cx.waker().clone());
            return Poll::Pending;
        };
        self.sleep.as_mut().reset(*at);
        self.sleep.as_mut().poll(cx)
    }
}

impl Connection for FakeConnection {
    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        let number = self.server.requests.get();
        self.server.requests.set(number + 1);
        if let Some(Reply { after, bytes, more, then }) = (self.server.script)(bytes, number) {
            let mut line = self.line.borrow_mut();
            let begins = Instant::now() + after;
            let parts =
                std::iter::once((begins, bytes)).chain(more.into_iter().map(|(at, bytes)| (begins + at, bytes)));
            line.coming.extend(parts.map(|(at, bytes)| (at, bytes, Then::Keep)));
            if let Some((.., last)) = line.coming.back_mut() {
                *last = then;
            }
            if let Some(receiver) = line.receiver.take() {
                receiver.wake();
            }
        }
        Ok(bytes.len())
    }

    fn poll_send_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_receive_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line.borrow_mut().poll_first(cx).map(Ok)
    }

    fn poll_receive(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut line = self.line.borrow_mut();
        ready!(line.poll_first(cx));
        let Some((_, bytes, then)) = line.coming.front_mut() else { return Poll::Pending };
        let then = *then;
        if bytes.is_empty() {
            return match then {
                Then::Keep => {
                    line.coming.pop_front();
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                Then::Close => Poll::Ready(Ok(0)),
                Then::Reset => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            };
        }
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        bytes.drain(..count);
        if bytes.is_empty() && then == Then::Keep {
            line.coming.pop_front();
        }
        Poll::Ready(Ok(count))
    }

    fn idle_state(&self) -> IdleState {
        let line = self.line.borrow();
        match line.coming.front() {
            Some((at, bytes, _)) if *at <= Instant::now() => {
                if bytes.is_empty() {
                    IdleState::Closed
                } else {
                    IdleState::Surplus(bytes.len() as u64)
                }
            }
            _ => IdleState::Usable,
        }
    }
}
