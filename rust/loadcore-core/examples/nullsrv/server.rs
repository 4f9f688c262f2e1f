//! The event loop.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use loadcore_core::clock::monotonic_ns;
use loadcore_core::random::Random;
use loadcore_null::{Asker, Connections, Reply};
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
    connections: Connections,
    answering: Answering,
    freeze: Option<Freeze>,
    began_ns: u64,
}

/// What answers are made from, and those that are held back.
struct Answering {
    answers: Answers,
    held: Queue,
    random: Random,
    requests: u64,
}

impl Server {
    pub(crate) fn new(port: u16, freeze: Option<Freeze>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::from_std(loadcore_null::listen(port)?);
        let held = Queue::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        held.register(poll.registry(), TIMER)?;
        let random = Random::new(1, "nullsrv", 0);
        Ok(Self {
            poll,
            listener,
            connections: Connections::default(),
            answering: Answering { answers: Answers::new(), held, random, requests: 0 },
            freeze,
            began_ns: monotonic_ns(),
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
                    LISTENER => self.connections.accept(&self.listener, self.poll.registry())?,
                    TIMER => self.answering.held.rang(),
                    _ => self.connections.turn(event, &mut buffer, |path, asker, connections| {
                        self.answering.answer(path, asker, connections)
                    })?,
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

    /// Sends the answers that have been held long enough.
    fn release(&mut self) -> io::Result<()> {
        while let Some(held) = self.answering.held.pop_due(monotonic_ns())? {
            if self.connections.send(held.asker, held.bytes) {
                self.answering.held.sent(monotonic_ns() - held.came_ns);
            }
        }
        Ok(())
    }
}

impl Answering {
    /// What is sent now; nothing if it is held back, or if there is no answer.
    fn answer(&mut self, path: &[u8], asker: Asker, connections: &Connections) -> io::Result<Option<Reply>> {
        if path == b"/_stats" {
            let bytes = whole("application/json", self.stats(connections).as_bytes()).into();
            return Ok(Some(Reply { bytes, close: false }));
        }
        self.requests += 1;
        let Answer { bytes, delay, close, .. } = self.answers.to(path).of_its_own(self.requests);
        if let Some((came_ns, due_ns)) = self.due(delay) {
            self.held.push(Held { due_ns, came_ns, asker, bytes })?;
            return Ok(None);
        }
        Ok((!bytes.is_empty()).then_some(Reply { bytes, close }))
    }

    fn stats(&self, connections: &Connections) -> String {
        let held = self.held.quantiles(&[0.5, 0.9, 0.99, 0.999]);
        serde_json::json!({
            "requests": self.requests,
            "accepted": connections.accepted(),
            "open": connections.open() + 1,
            "held_ns": held,
        })
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
}
