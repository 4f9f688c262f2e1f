//! One accepted connection: what was read of an unfinished request, what waits to be sent.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;

use mio::net::TcpStream;

/// An accepted connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// Tells this connection from later ones in the same place.
    pub(crate) serial: u64,
    /// The beginning of a request whose rest has not come.
    pub(crate) unread: Vec<u8>,
    waiting: VecDeque<(Rc<[u8]>, usize)>,
    closing: bool,
}

/// What is left of a connection after something was done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It continues.
    Open,
    /// It has ended.
    Ended,
}

impl Connection {
    /// Of this stream.
    #[must_use]
    pub(crate) fn new(stream: TcpStream, serial: u64) -> Self {
        Self { stream, serial, unread: Vec::new(), waiting: VecDeque::new(), closing: false }
    }

    /// Reads what is there. `None`: nothing now. `Some(0)`: the client has ended it.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Option<usize> {
        loop {
            match self.stream.read(buffer) {
                Ok(size) => return Some(size),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(_) => return Some(0),
            }
        }
    }

    /// Sends this, after what waits already; `close` ends the connection when all is sent.
    pub(crate) fn send(&mut self, bytes: Rc<[u8]>, close: bool) -> Fate {
        self.closing |= close;
        if !self.waiting.is_empty() {
            self.waiting.push_back((bytes, 0));
            return Fate::Open;
        }
        match self.stream.write(&bytes) {
            Ok(sent) if sent == bytes.len() => self.fate(),
            Ok(sent) => {
                self.waiting.push_back((bytes, sent));
                self.flush()
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.waiting.push_back((bytes, 0));
                Fate::Open
            }
            Err(_) => Fate::Ended,
        }
    }

    /// Sends what waits, as far as the socket takes it.
    pub(crate) fn flush(&mut self) -> Fate {
        while let Some((bytes, offset)) = self.waiting.front_mut() {
            match self.stream.write(&bytes[*offset..]) {
                Ok(sent) => *offset += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Fate::Open,
                Err(_) => return Fate::Ended,
            }
            if *offset == bytes.len() {
                self.waiting.pop_front();
            }
        }
        self.fate()
    }

    fn fate(&self) -> Fate {
        if self.closing { Fate::Ended } else { Fate::Open }
    }

    /// Registers it for all its events, once and for ever.
    pub(crate) fn register(&mut self, registry: &mio::Registry, token: mio::Token) -> io::Result<()> {
        registry.register(&mut self.stream, token, mio::Interest::READABLE | mio::Interest::WRITABLE)
    }
}
