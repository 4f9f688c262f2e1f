//! The least that a client can do: one `recv` and one `send` a request, told by epoll once for all.
//!
//! `floor ADDRESS CONNECTIONS SECONDS PATH` requests the path again and again and prints what it counted as one JSON
//! line. It takes the first response's length for that of all: it is what other clients are measured against, not a
//! client.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

struct Client {
    connections: Vec<(TcpStream, usize)>,
    request: Vec<u8>,
    buffer: Vec<u8>,
    /// Of one response; 0 until the first has come.
    length: usize,
    requests: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, connections, seconds, path] = arguments.as_slice() else {
        return Err("usage: floor ADDRESS CONNECTIONS SECONDS PATH".into());
    };
    let (address, connections): (SocketAddr, usize) = (address.parse()?, connections.parse()?);
    let length = Duration::from_secs_f64(seconds.parse()?);
    let mut poll = Poll::new()?;
    let mut client = Client::connect(address, connections, path, &poll)?;
    let begun = Instant::now();
    for place in 0..connections {
        client.send(place)?;
    }
    let mut events = Events::with_capacity(1024);
    while begun.elapsed() < length {
        poll.poll(&mut events, Some(length.saturating_sub(begun.elapsed())))?;
        for event in &events {
            if event.is_readable() && client.receive(event.token().0)? {
                client.send(event.token().0)?;
            }
        }
    }
    let took = begun.elapsed().as_secs_f64();
    let report = serde_json::json!({"requests": client.requests, "errors": 0, "seconds": took});
    #[expect(clippy::print_stdout, reason = "its result")]
    {
        println!("{report}");
    }
    Ok(())
}

impl Client {
    fn connect(address: SocketAddr, connections: usize, path: &str, poll: &Poll) -> Result<Self, Box<dyn Error>> {
        let mut all = Vec::new();
        for place in 0..connections {
            let stream = std::net::TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(place), Interest::READABLE)?;
            all.push((stream, 0));
        }
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: loadcore\r\n\r\n").into_bytes();
        Ok(Self { connections: all, request, buffer: vec![0; 64 * 1024], length: 0, requests: 0 })
    }

    fn send(&mut self, place: usize) -> Result<(), Box<dyn Error>> {
        let sent = self.connections[place].0.write(&self.request)?;
        if sent < self.request.len() { Err("a request was not taken whole".into()) } else { Ok(()) }
    }

    /// Whether a response is complete.
    fn receive(&mut self, place: usize) -> Result<bool, Box<dyn Error>> {
        let (stream, received) = &mut self.connections[place];
        match stream.read(&mut self.buffer) {
            Ok(0) => return Err("the server has closed a connection".into()),
            Ok(size) => *received += size,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        if self.length == 0 {
            self.length = *received;
        }
        let complete = *received == self.length;
        if complete {
            *received = 0;
            self.requests += 1;
        }
        Ok(complete)
    }
}
