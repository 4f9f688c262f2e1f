//! Certificates made for one test, and servers that speak TLS with them.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{HandshakeKind, RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

use super::server::{Server, Talk};

/// A certificate authority that only its own tests trust.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// Its certificate in a PEM file.
    pub(crate) ca_file: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::of(CertificateParams::new(Vec::<String>::new()).expect("parameters"))
    }

    /// One with a name of its own.
    pub(crate) fn called(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("parameters");
        params.distinguished_name.push(DnType::CommonName, name);
        Self::of(params)
    }

    /// One whose own certificate is for a server of this name, too, valid in these years: what `openssl req -x509` makes.
    pub(crate) fn that_serves(name: &str, years: (i32, i32)) -> Self {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
        Self::of(params)
    }

    fn of(mut params: CertificateParams) -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
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
        self.server_with(&params)
    }

    /// The same, for clients only.
    pub(crate) fn client_as_server(&self, name: &str) -> ServerConfig {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.server_with(&params)
    }

    fn server_with(&self, params: &CertificateParams) -> ServerConfig {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        configuration(certificate.der().clone(), &key)
    }

    /// What a server needs that shows the authority's own certificate.
    pub(crate) fn itself(&self) -> ServerConfig {
        configuration(self.issuer.der().clone(), self.issuer.key())
    }

    /// What a server needs that demands certificates of this authority from its clients.
    pub(crate) fn demanding(&self, version: &'static SupportedProtocolVersion) -> ServerConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("a certificate");
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .expect("protocol versions")
            .with_client_cert_verifier(verifier.build().expect("a verifier"))
            .with_single_cert(vec![certificate.der().clone()], private(&key))
            .expect("a server's configuration")
    }
}

fn configuration(certificate: CertificateDer<'static>, key: &KeyPair) -> ServerConfig {
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], private(key))
        .expect("a server's configuration")
}

fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()))
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
