//! All connections of a server: accepted, read, answered, given up.

use std::io::{self, ErrorKind};
use std::rc::Rc;

use mio::event::Event;
use mio::net::TcpListener;
use mio::{Registry, Token};

use crate::connection::{Connection, Fate};
use crate::request;

/// What a request gets.
#[derive(Debug)]
pub struct Reply {
    /// Sent as they are.
    pub bytes: Rc<[u8]>,
    /// Whether the connection is closed after them.
    pub close: bool,
}

/// Where a request came from, for an answer that is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asker {
    place: usize,
    /// Tells its connection from later ones in the same place.
    serial: u64,
}

/// The connections of a server, each with its place, which is its token.
#[derive(Debug, Default)]
pub struct Connections {
    all: Vec<Option<Connection>>,
    free: Vec<usize>,
    accepted: u64,
}

impl Connections {
    /// How many have been accepted so far.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// How many are open, without the one that is being answered.
    #[must_use]
    pub fn open(&self) -> usize {
        self.all.iter().flatten().count()
    }

    /// Accepts all that wait.
    pub fn accept(&mut self, listener: &TcpListener, registry: &Registry) -> io::Result<()> {
        loop {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // The client has gone already.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            self.accepted += 1;
            let mut connection = Connection::new(stream, self.accepted);
            let place = self.free.pop().unwrap_or(self.all.len());
            connection.register(registry, Token(place))?;
            if place == self.all.len() {
                self.all.push(Some(connection));
            } else {
                self.all[place] = Some(connection);
            }
        }
    }

    /// Does what one connection has become ready for, and answers each request that is there.
    ///
    /// `answer` is asked with the path; `None` sends nothing now.
    pub fn turn(
        &mut self,
        event: &Event,
        buffer: &mut [u8],
        mut answer: impl FnMut(&[u8], Asker, &Self) -> io::Result<Option<Reply>>,
    ) -> io::Result<()> {
        let Token(place) = event.token();
        let Some(mut connection) = self.all.get_mut(place).and_then(Option::take) else { return Ok(()) };
        let mut fate = if event.is_writable() { connection.flush() } else { Fate::Open };
        while event.is_readable() && fate == Fate::Open {
            let Some(size) = connection.read(buffer) else { break };
            fate = if size == 0 {
                Fate::Ended
            } else {
                let asker = Asker { place, serial: connection.serial };
                answer_all(&mut connection, &buffer[..size], |path| answer(path, asker, self))?
            };
            if size < buffer.len() {
                // The socket has been emptied; later data causes an event.
                break;
            }
        }
        self.put_back(place, connection, fate);
        Ok(())
    }

    /// Sends an answer that was held back; whether its connection was still there.
    pub fn send(&mut self, asker: Asker, bytes: Rc<[u8]>) -> bool {
        let there = self.all.get_mut(asker.place);
        let Some(mut connection) = there.and_then(|place| place.take_if(|one| one.serial == asker.serial)) else {
            return false;
        };
        let fate = connection.send(bytes, false);
        self.put_back(asker.place, connection, fate);
        true
    }

    fn put_back(&mut self, place: usize, connection: Connection, fate: Fate) {
        match fate {
            Fate::Open => self.all[place] = Some(connection),
            Fate::Ended => self.free.push(place),
        }
    }
}

fn answer_all(
    connection: &mut Connection,
    bytes: &[u8],
    mut answer: impl FnMut(&[u8]) -> io::Result<Option<Reply>>,
) -> io::Result<Fate> {
    let joined;
    let mut rest = if connection.unread.is_empty() {
        bytes
    } else {
        connection.unread.extend_from_slice(bytes);
        joined = std::mem::take(&mut connection.unread);
        &joined
    };
    while let Some(request) = request::first(rest) {
        rest = &rest[request.length..];
        if let Some(reply) = answer(request.path)?
            && connection.send(reply.bytes, reply.close) == Fate::Ended
        {
            return Ok(Fate::Ended);
        }
    }
    connection.unread.extend_from_slice(rest);
    Ok(Fate::Open)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream};
    use std::time::Duration;

    use mio::{Events, Interest, Poll};

    use super::*;
    use crate::server::listen;

    const LISTENER: Token = Token(usize::MAX);

    /// A server that is turned by hand: `/now` is answered, `/last` too and closed, all else is held back.
    struct Served {
        poll: Poll,
        listener: TcpListener,
        connections: Connections,
        held: Vec<Asker>,
    }

    impl Served {
        fn new() -> Self {
            let poll = Poll::new().unwrap();
            let mut listener = TcpListener::from_std(listen(0).unwrap());
            poll.registry().register(&mut listener, LISTENER, Interest::READABLE).unwrap();
            Self { poll, listener, connections: Connections::default(), held: Vec::new() }
        }

        fn address(&self) -> SocketAddr {
            self.listener.local_addr().unwrap()
        }

        fn turn_until(&mut self, done: impl Fn(&Self) -> bool) {
            let mut events = Events::with_capacity(16);
            let mut buffer = [0; 1024];
            while !done(self) {
                self.poll.poll(&mut events, Some(Duration::from_secs(10))).unwrap();
                assert!(!events.is_empty(), "nothing has happened for ten seconds");
                for event in &events {
                    if event.token() == LISTENER {
                        self.connections.accept(&self.listener, self.poll.registry()).unwrap();
                        continue;
                    }
                    let answer = |path: &[u8], asker, _: &Connections| {
                        if !matches!(path, b"/now" | b"/last") {
                            self.held.push(asker);
                            return Ok(None);
                        }
                        Ok(Some(Reply { bytes: Rc::from(*b"now"), close: path == b"/last" }))
                    };
                    self.connections.turn(event, &mut buffer, answer).unwrap();
                }
            }
        }
    }

    fn asking(address: SocketAddr, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\n\r\n").unwrap();
        stream
    }

    /// An answer that was held back goes to the connection that asked, never to a later one in the same place.
    #[test]
    fn held_answers_find_their_asker() {
        let mut served = Served::new();
        let mut first = asking(served.address(), "/later");
        served.turn_until(|served| served.held.len() == 1);
        assert!(served.connections.send(served.held[0], Rc::from(*b"late")));
        let mut answer = [0; 4];
        first.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"late");
        drop(first);
        served.turn_until(|served| served.connections.open() == 0);
        let _second = asking(served.address(), "/later");
        served.turn_until(|served| served.held.len() == 2);
        assert_eq!(served.held[0].place, served.held[1].place);
        assert!(!served.connections.send(served.held[0], Rc::from(*b"late")));
        assert_eq!((served.connections.open(), served.connections.accepted()), (1, 2));
    }

    /// A connection that must be closed is, once its answer has been sent.
    #[test]
    fn a_last_answer_closes() {
        let mut served = Served::new();
        let mut stream = asking(served.address(), "/last");
        served.turn_until(|served| served.connections.accepted() == 1 && served.connections.open() == 0);
        let mut all = String::new();
        stream.read_to_string(&mut all).unwrap();
        assert_eq!(all, "now");
    }
}
