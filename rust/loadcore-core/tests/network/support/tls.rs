//! Certificates made for one test, and servers that speak TLS with them.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};

use super::server::{Server, Talk};

/// A certificate authority that only its own tests trust.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// Its certificate in a PEM file.
    pub(crate) ca_file: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate");
        let name = format!("ca-{}-{}.pem", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let ca_file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&ca_file, issuer.pem()).expect("a writable folder");
        Self { issuer, ca_file }
    }

    /// What a server needs whose certificate is for this name, valid in these years.
    pub(crate) fn server(&self, name: &str, years: (i32, i32)) -> ServerConfig {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a server's configuration")
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.ca_file);
    }
}

/// A handshake that came about, as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Handshake {
    pub(crate) kind: HandshakeKind,
    pub(crate) server_name: Option<String>,
}

/// Handshakes so far.
pub(crate) type Handshakes = Arc<Mutex<Vec<Handshake>>>;

/// The server's side of an encrypted connection.
pub(crate) struct TlsTalk {
    stream: StreamOwned<ServerConnection, TcpStream>,
    unread: Vec<u8>,
}

impl TlsTalk {
    /// Shakes hands. `None` if that fails.
    fn accept(talk: &mut Talk, config: &Arc<ServerConfig>, handshakes: &Handshakes) -> Option<Self> {
        let connection = ServerConnection::new(Arc::clone(config)).expect("a server's connection");
        let mut stream = StreamOwned::new(connection, talk.take_stream()?);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).ok()?;
        }
        handshakes.lock().expect("a lock").push(Handshake {
            kind: stream.conn.handshake_kind().expect("a handshake that has ended"),
            server_name: stream.conn.server_name().map(str::to_owned),
        });
        Some(Self { stream, unread: Vec::new() })
    }

    /// Reads a request with a body of this length; its head.
    pub(crate) fn request(&mut self, body: usize) -> Option<String> {
        let end = self.read_until(|unread| unread.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4))?;
        let head: Vec<u8> = self.unread.drain(..end).collect();
        let end = self.read_until(|unread| (unread.len() >= body).then_some(body))?;
        self.unread.drain(..end);
        Some(String::from_utf8(head).expect("a request is text"))
    }

    fn read_until(&mut self, found: impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
        let mut buffer = vec![0; 65_536];
        loop {
            if let Some(at) = found(&self.unread) {
                return Some(at);
            }
            let count = self.stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
            self.unread.extend_from_slice(&buffer[..count]);
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).and_then(|()| self.stream.flush());
    }

    /// Says that nothing more comes, and closes.
    pub(crate) fn close(mut self) {
        self.stream.conn.send_close_notify();
        let _ = self.stream.flush();
    }

    /// Answers requests until the client closes.
    pub(crate) fn answer_all(&mut self, answer: &[u8]) {
        while self.request(0).is_some() {
            self.send(answer);
        }
    }
}

/// Starts a server that speaks TLS, and gives what it saw of handshakes.
pub(crate) fn serve(config: ServerConfig, script: impl Fn(TlsTalk) + Send + Sync + 'static) -> (Server, Handshakes) {
    let handshakes = Handshakes::default();
    let (config, log) = (Arc::new(config), Arc::clone(&handshakes));
    let server = Server::start(move |talk| {
        if let Some(talk) = TlsTalk::accept(talk, &config, &log) {
            script(talk);
        }
    });
    (server, handshakes)
}
