//! The event loop of a server whose answers are fixed.

use std::io::{self, ErrorKind, Read};
use std::net::{self, SocketAddr};
use std::os::fd::AsRawFd;
use std::rc::Rc;

use mio::net::TcpListener;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::connections::{Connections, Reply};

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
        let mut poll = Poll::new()?;
        let mut listener = TcpListener::from_std(self.listener);
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        poll.registry().register(&mut SourceFd(&lease.as_raw_fd()), LEASE, Interest::READABLE)?;
        let answers: Vec<Rc<[u8]>> = self.answers.into_iter().map(Rc::from).collect();
        let mut connections = Connections::default();
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; BUFFER];
        loop {
            match poll.poll(&mut events, None) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                match event.token() {
                    LISTENER => connections.accept(&listener, poll.registry())?,
                    LEASE => {
                        if lease.read(&mut buffer)? == 0 {
                            return Ok(());
                        }
                    }
                    _ => connections.turn(event, &mut buffer, |path, _, _| Ok(reply(&answers, path)))?,
                }
            }
        }
    }
}

fn reply(answers: &[Rc<[u8]>], path: &[u8]) -> Option<Reply> {
    let bytes = answers.get(number(path)).or(answers.first())?;
    Some(Reply { bytes: Rc::clone(bytes), close: false })
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
