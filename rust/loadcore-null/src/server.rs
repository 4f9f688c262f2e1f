//! The event loop of a server whose answers are fixed.

use std::io::{self, ErrorKind, Read};
use std::net::{self, SocketAddr};
use std::os::fd::AsRawFd;
use std::rc::Rc;

use mio::net::TcpListener;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::connection::{Connection, Fate};
use crate::request;

const LISTENER: Token = Token(usize::MAX);
const LEASE: Token = Token(usize::MAX - 1);
const BUFFER: usize = 64 * 1024;

/// A server with an answer for each number, on a free port of this machine.
#[derive(Debug)]
pub struct NullTarget {
    listener: net::TcpListener,
    answers: Vec<Vec<u8>>,
}

impl NullTarget {
    /// Listens. A path `/7/…` gets the answer of that number, every other path the first one.
    pub fn new(answers: Vec<Vec<u8>>) -> io::Result<Self> {
        Ok(Self { listener: listen(0)?, answers })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until this comes to its end: a pipe, say, of the process that needs the server.
    pub fn serve(self, lease: &mut (impl Read + AsRawFd)) -> io::Result<()> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::from_std(self.listener);
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        poll.registry().register(&mut SourceFd(&lease.as_raw_fd()), LEASE, Interest::READABLE)?;
        let answers = self.answers.into_iter().map(Rc::from).collect();
        let mut server = Server { poll, listener, answers, connections: Vec::new(), free: Vec::new(), accepted: 0 };
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; BUFFER];
        loop {
            match server.poll.poll(&mut events, None) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                match event.token() {
                    LISTENER => server.accept()?,
                    LEASE => {
                        if lease.read(&mut buffer)? == 0 {
                            return Ok(());
                        }
                    }
                    Token(place) => server.turn(place, event.is_readable(), event.is_writable(), &mut buffer),
                }
            }
        }
    }
}

/// Listens on loopback with a queue long enough for thousands of clients at once.
pub fn listen(port: u16) -> io::Result<net::TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], port)).into())?;
    socket.listen(4096)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

struct Server {
    poll: Poll,
    listener: TcpListener,
    answers: Vec<Rc<[u8]>>,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    accepted: u64,
}

impl Server {
    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // The client has gone already.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            self.accepted += 1;
            let mut connection = Connection::new(stream, self.accepted);
            let place = self.free.pop().unwrap_or(self.connections.len());
            connection.register(self.poll.registry(), Token(place))?;
            if place == self.connections.len() {
                self.connections.push(Some(connection));
            } else {
                self.connections[place] = Some(connection);
            }
        }
    }

    /// What one connection has become ready for.
    fn turn(&mut self, place: usize, readable: bool, writable: bool, buffer: &mut [u8]) {
        let Some(mut connection) = self.connections.get_mut(place).and_then(Option::take) else { return };
        let mut fate = if writable { connection.flush() } else { Fate::Open };
        while readable && fate == Fate::Open {
            let Some(size) = connection.read(buffer) else { break };
            fate = if size == 0 { Fate::Ended } else { self.answer(&mut connection, &buffer[..size]) };
            if size < buffer.len() {
                // The socket has been emptied; what comes later is told of.
                break;
            }
        }
        match fate {
            Fate::Open => self.connections[place] = Some(connection),
            Fate::Ended => self.free.push(place),
        }
    }

    fn answer(&self, connection: &mut Connection, bytes: &[u8]) -> Fate {
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
            let answer = self.answers.get(number(request.path)).or(self.answers.first());
            if let Some(answer) = answer
                && connection.send(Rc::clone(answer), false) == Fate::Ended
            {
                return Fate::Ended;
            }
        }
        connection.unread.extend_from_slice(rest);
        Fate::Open
    }
}

/// The number that a path begins with; 0 without one.
fn number(path: &[u8]) -> usize {
    let digits = path.get(1..).unwrap_or_default().split(|byte| *byte == b'/').next().unwrap_or_default();
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::os::unix::net::UnixStream;
    use std::thread;

    use super::*;

    #[test]
    fn numbers() {
        for (path, expected) in
            [("/", 0), ("/7", 7), ("/12/items", 12), ("/items/3", 0), ("", 0), ("/99999999999999999999999", 0)]
        {
            assert_eq!(number(path.as_bytes()), expected, "{path}");
        }
    }

    /// Each number has its answer, also where a request comes in pieces or several come at once, until the lease ends.
    #[test]
    fn answers_by_number() {
        let answers = vec![b"none.".to_vec(), b"first".to_vec(), b"other".to_vec()];
        let target = NullTarget::new(answers).unwrap();
        let address = target.address().unwrap();
        let (ours, mut lease) = UnixStream::pair().unwrap();
        let serving = thread::spawn(move || target.serve(&mut lease));
        let mut stream = TcpStream::connect(address).unwrap();
        let mut ask = |parts: &[&str]| {
            for part in parts {
                stream.write_all(part.as_bytes()).unwrap();
            }
            let mut answer = [0; 5];
            stream.read_exact(&mut answer).unwrap();
            String::from_utf8(answer.to_vec()).unwrap()
        };
        assert_eq!(ask(&["GET /1/a HTTP/1.1\r\n\r\n"]), "first");
        assert_eq!(ask(&["POST /2 HTTP/1.1\r\nContent-Le", "ngth: 4\r\n\r\n12", "34"]), "other");
        assert_eq!(ask(&["GET /9 HTTP/1.1\r\n\r\nGET /1 HTTP/1.1\r\n\r\n"]), "none.");
        assert_eq!(ask(&[]), "first");
        drop(ours);
        serving.join().unwrap().unwrap();
    }
}
