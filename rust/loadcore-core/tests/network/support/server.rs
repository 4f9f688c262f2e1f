//! A server that a test scripts: a thread for each connection, which reads requests and follows the script.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use socket2::{SockRef, Socket};

use super::PATIENCE;

/// A server that listens until it is dropped with the test's process.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    listener: Arc<Socket>,
    seen: Arc<Mutex<Vec<Seen>>>,
    noted: Arc<Mutex<Vec<usize>>>,
}

/// A request that the server read.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Number of the connection it came over.
    pub(crate) connection: usize,
    pub(crate) head: String,
}

impl Seen {
    /// What follows the method.
    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or("")
    }

    /// How many bytes of body it announces.
    pub(crate) fn body_bytes(&self) -> usize {
        let length = self.head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        length.map_or(0, |length| length.parse().expect("a number"))
    }
}

/// The server's side of a connection.
#[derive(Debug)]
pub(crate) struct Talk {
    /// Gone once the server has closed or reset it.
    stream: Option<TcpStream>,
    pub(crate) connection: usize,
    seen: Arc<Mutex<Vec<Seen>>>,
    noted: Arc<Mutex<Vec<usize>>>,
    unread: Vec<u8>,
}

impl Server {
    /// Listens on a free port and gives each connection to `script`, in a thread of its own.
    pub(crate) fn start(script: impl Fn(&mut Talk) + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").expect("a free port"), script)
    }

    /// The same on a listener of the test's.
    pub(crate) fn on(listener: TcpListener, script: impl Fn(&mut Talk) + Send + Sync + 'static) -> Self {
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Socket::from(listener.try_clone().expect("a socket")));
        let server = Self { address, listener: shared, seen: Arc::default(), noted: Arc::default() };
        let (script, accepting) = (Arc::new(script), server.clone());
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().map_while(Result::ok).enumerate() {
                let mut talk = Talk::new(stream, connection, &accepting);
                let script = Arc::clone(&script);
                thread::spawn(move || script(&mut talk));
            }
        });
        server
    }

    /// Makes connections accepted from now on hold little: small segments, small windows.
    pub(crate) fn narrow(&self) {
        self.listener.set_tcp_mss(536).expect("a socket");
        self.listener.set_recv_buffer_size(4096).expect("a socket");
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests read so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("a server that did not panic").clone()
    }

    /// Numbers that the script noted.
    pub(crate) fn noted(&self) -> Vec<usize> {
        self.noted.lock().expect("a server that did not panic").clone()
    }
}

impl Talk {
    fn new(stream: TcpStream, connection: usize, server: &Server) -> Self {
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
        let (seen, noted) = (Arc::clone(&server.seen), Arc::clone(&server.noted));
        Self { stream: Some(stream), connection, seen, noted, unread: Vec::new() }
    }

    /// Reads the head of a request; `None` at the end of the connection.
    pub(crate) fn head(&mut self) -> Option<Seen> {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.read_more()?;
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).expect("a request is text");
        let seen = Seen { connection: self.connection, head };
        self.seen.lock().expect("a server that did not panic").push(seen.clone());
        Some(seen)
    }

    /// Reads a request with its body.
    pub(crate) fn request(&mut self) -> Option<Seen> {
        let seen = self.head()?;
        self.skip(seen.body_bytes())?;
        Some(seen)
    }

    /// Reads this number of bytes and throws them away.
    pub(crate) fn skip(&mut self, bytes: usize) -> Option<()> {
        let mut left = bytes;
        loop {
            let taken = left.min(self.unread.len());
            self.unread.drain(..taken);
            left -= taken;
            if left == 0 {
                return Some(());
            }
            self.read_more()?;
        }
    }

    /// How many requests the server has read so far, over all connections.
    pub(crate) fn requests(&self) -> usize {
        self.seen.lock().expect("a server that did not panic").len()
    }

    /// Remembers a number for the test.
    pub(crate) fn note(&self, number: usize) {
        self.noted.lock().expect("a server that did not panic").push(number);
    }

    /// Neither reads nor writes any more, but keeps the connection.
    pub(crate) fn hang(&mut self) {
        if let Some(stream) = self.stream.take() {
            // Kept open until the process ends.
            std::mem::forget(stream);
        }
    }

    pub(crate) fn read_more(&mut self) -> Option<usize> {
        let mut buffer = vec![0; 65_536];
        let count = self.stream.as_mut()?.read(&mut buffer).ok().filter(|count| *count > 0)?;
        self.unread.extend_from_slice(&buffer[..count]);
        Some(count)
    }

    /// The socket, for who speaks something else over it.
    pub(crate) fn take_stream(&mut self) -> Option<TcpStream> {
        self.stream.take()
    }

    /// Sends. False: the client has gone.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.as_mut().is_some_and(|stream| stream.write_all(bytes).is_ok())
    }

    /// Sends byte by byte, so slowly, until all is sent or the client has gone.
    pub(crate) fn drip(&mut self, bytes: &[u8], pause: Duration) {
        for byte in bytes {
            if !self.send(&[*byte]) {
                return;
            }
            thread::sleep(pause);
        }
    }

    /// Ends the server's sending in order; it can still read.
    pub(crate) fn fin(&mut self) {
        if let Some(stream) = &self.stream {
            let _ = stream.shutdown(Shutdown::Write);
        }
    }

    /// The client's port.
    pub(crate) fn client_port(&self) -> Option<u16> {
        self.stream.as_ref().and_then(|stream| stream.peer_addr().ok()).map(|address| address.port())
    }

    /// Resets the connection.
    pub(crate) fn reset(&mut self) {
        if let Some(stream) = self.stream.take() {
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket");
        }
    }

    /// Waits until the client closes; what it sends meanwhile is thrown away. Gives how many bytes that was.
    pub(crate) fn wait_for_close(&mut self) -> usize {
        let mut thrown_away = self.unread.len();
        while let Some(count) = self.read_more() {
            thrown_away += count;
            self.unread.clear();
        }
        thrown_away
    }

    /// Answers requests, each with this, until the client closes.
    pub(crate) fn answer_all(&mut self, answer: &[u8]) {
        while self.request().is_some() {
            self.send(answer);
        }
    }
}

/// A whole, plain answer.
pub(crate) fn answer(status: u16, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Whatever\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
