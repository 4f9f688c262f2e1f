//! The event loop.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use loadcore_core::clock::monotonic_ns;
use loadcore_core::random::Random;
use loadcore_null::{Connection, Fate};
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};

use super::answer::{Answer, Answers, Delay, whole};
use super::held::{Held, Queue};

const LISTENER: Token = Token(usize::MAX);
const TIMER: Token = Token(usize::MAX - 1);
const BUFFER: usize = 64 * 1024;

/// When the server does nothing.
#[derive(Clone, Copy)]
pub(crate) struct Freeze {
    /// How long.
    pub(crate) length: Duration,
    /// How often; the first begins when the server does.
    pub(crate) period: Duration,
}

/// A listening server and all its connections.
pub(crate) struct Server {
    poll: Poll,
    listener: TcpListener,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    answers: Answers,
    held: Queue,
    random: Random,
    freeze: Option<Freeze>,
    began_ns: u64,
    requests: u64,
    accepted: u64,
}

impl Server {
    pub(crate) fn new(port: u16, freeze: Option<Freeze>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::from_std(loadcore_null::listen(port)?);
        let held = Queue::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        held.register(poll.registry(), TIMER)?;
        Ok(Self {
            poll,
            listener,
            connections: Vec::new(),
            free: Vec::new(),
            answers: Answers::new(),
            held,
            random: Random::new(1, "nullsrv", 0),
            freeze,
            began_ns: monotonic_ns(),
            requests: 0,
            accepted: 0,
        })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves for ever.
    pub(crate) fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; BUFFER];
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => self.be_frozen(),
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    TIMER => self.held.rang(),
                    Token(place) => self.serve(place, event.is_readable(), event.is_writable(), &mut buffer)?,
                }
            }
            self.release()?;
        }
    }

    fn be_frozen(&self) {
        let Some(Freeze { length, period }) = self.freeze else { return };
        let period_ns = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        let within = Duration::from_nanos((monotonic_ns() - self.began_ns) % period_ns);
        std::thread::sleep(length.saturating_sub(within));
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // The client has gone already.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
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

    fn serve(&mut self, place: usize, readable: bool, writable: bool, buffer: &mut [u8]) -> io::Result<()> {
        let Some(mut connection) = self.connections.get_mut(place).and_then(Option::take) else { return Ok(()) };
        let mut fate = if writable { connection.flush() } else { Fate::Open };
        while readable && fate == Fate::Open {
            let Some(size) = connection.read(buffer) else { break };
            fate = if size == 0 { Fate::Ended } else { self.answer_all(&mut connection, place, &buffer[..size])? };
            if size < buffer.len() {
                // The socket has been emptied; what comes later is told of.
                break;
            }
        }
        self.put_back(place, connection, fate);
        Ok(())
    }

    fn put_back(&mut self, place: usize, connection: Connection, fate: Fate) {
        match fate {
            Fate::Open => self.connections[place] = Some(connection),
            Fate::Ended => self.free.push(place),
        }
    }

    fn answer_all(&mut self, connection: &mut Connection, place: usize, bytes: &[u8]) -> io::Result<Fate> {
        let joined;
        let mut rest = if connection.unread.is_empty() {
            bytes
        } else {
            connection.unread.extend_from_slice(bytes);
            joined = std::mem::take(&mut connection.unread);
            &joined
        };
        while let Some(request) = loadcore_null::first(rest) {
            rest = &rest[request.length..];
            let answer = self.answer(request.path);
            let fate = match self.due(answer.delay) {
                None if answer.bytes.is_empty() => Fate::Open,
                None => connection.send(answer.bytes, answer.close),
                Some((came_ns, due_ns)) => {
                    let serial = connection.serial;
                    self.held.push(Held { due_ns, came_ns, place, serial, bytes: answer.bytes })?;
                    Fate::Open
                }
            };
            if fate == Fate::Ended {
                return Ok(fate);
            }
        }
        connection.unread.extend_from_slice(rest);
        Ok(Fate::Open)
    }

    fn answer(&mut self, path: &[u8]) -> Answer {
        if path == b"/_stats" {
            let bytes: Rc<[u8]> = whole("application/json", self.stats().as_bytes()).into();
            return Answer::plain(bytes);
        }
        self.requests += 1;
        self.answers.to(path).of_its_own(self.requests)
    }

    fn stats(&self) -> String {
        let open = self.connections.iter().flatten().count() + 1;
        let held = self.held.quantiles(&[0.5, 0.9, 0.99, 0.999]);
        serde_json::json!({"requests": self.requests, "accepted": self.accepted, "open": open, "held_ns": held})
            .to_string()
    }

    fn due(&mut self, delay: Delay) -> Option<(u64, u64)> {
        let delay = match delay {
            Delay::None => return None,
            Delay::Constant(delay) => delay,
            Delay::Exponential(mean) => mean.mul_f64(self.random.exponential()),
        };
        let now_ns = monotonic_ns();
        Some((now_ns, now_ns + u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX / 2)))
    }

    /// Sends the answers that have been held long enough.
    fn release(&mut self) -> io::Result<()> {
        while let Some(held) = self.held.pop_due(monotonic_ns())? {
            let there = self.connections.get_mut(held.place);
            if let Some(mut connection) = there.and_then(|place| place.take_if(|one| one.serial == held.serial)) {
                let fate = connection.send(held.bytes, false);
                self.held.sent(monotonic_ns() - held.came_ns);
                self.put_back(held.place, connection, fate);
            }
        }
        Ok(())
    }
}
