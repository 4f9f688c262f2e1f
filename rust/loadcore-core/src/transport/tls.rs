//! TLS by rustls over our own TCP connection, so that a response still costs one `recv`.

mod failure;
mod verify;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use self::failure::Broken;
use self::verify::{AcceptAnything, NoClientCertificate};
use super::tcp::Tcp;
use super::{Connection, IdleState, Origin, Session};
use crate::plan::{self, TlsResumption};
use crate::record::Outcome;

/// What TLS needs at the start and could not get.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TlsProblem {
    /// The file of certificate authorities cannot be read.
    #[error("cannot read certificates from `{path}`: {reason}")]
    CaFile {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The system has no certificate authorities.
    #[error("found no certificate authorities on this system; name a file of them with `ca_file`")]
    NoSystemCertificates,
    /// The name to send and check is not a host name.
    #[error("`{0}` is not a name a certificate can be checked for")]
    ServerName(String),
    /// The settings contradict each other.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// Makes TLS connections.
#[derive(Debug)]
pub(super) struct TlsClient {
    config: Arc<ClientConfig>,
    /// For origins whose certificates are not checked.
    unverified: Arc<ClientConfig>,
    client_certificate: Arc<NoClientCertificate>,
    server_name: Option<ServerName<'static>>,
    resumption: TlsResumption,
}

/// The TLS sessions of one user.
pub(crate) struct UserSession(Arc<ClientConfig>);

impl fmt::Debug for UserSession {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UserSession")
    }
}

impl TlsClient {
    /// Clients that offer this version of HTTP.
    pub(super) fn new(settings: &plan::Tls, version: plan::Version) -> Result<Self, TlsProblem> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsProblem::Setup(error.to_string()))?;
        let anything: Arc<dyn ServerCertVerifier> = Arc::new(AcceptAnything(Arc::clone(&provider)));
        let verifier = if settings.insecure {
            Arc::clone(&anything)
        } else {
            verify::verifier(settings.ca_file.as_deref(), &provider)?
        };
        let client_certificate = Arc::new(NoClientCertificate::default());
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let mut config = builder.with_client_cert_resolver(Arc::clone(&client_certificate) as _);
        config.alpn_protocols = vec![version.alpn().to_vec()];
        config.resumption = Resumption::disabled();
        let server_name = settings
            .server_name
            .as_ref()
            .map(|name| ServerName::try_from(name.clone()).map_err(|_| TlsProblem::ServerName(name.clone())))
            .transpose()?;
        let mut unverified = config.clone();
        unverified.dangerous().set_certificate_verifier(anything);
        Ok(Self {
            config: Arc::new(config),
            unverified: Arc::new(unverified),
            client_certificate,
            server_name,
            resumption: settings.resumption,
        })
    }

    /// Shakes hands over an open connection.
    pub(super) async fn handshake(&self, tcp: Tcp, origin: &Origin, session: &mut Session) -> Result<Tls, Outcome> {
        let (config, remembered) = if origin.verifies {
            (&self.config, &mut session.tls)
        } else {
            (&self.unverified, &mut session.unverified)
        };
        let config = match self.resumption {
            TlsResumption::Full => Arc::clone(config),
            TlsResumption::Resume => Arc::clone(&remembered.get_or_insert_with(|| user_session(config)).0),
        };
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(origin.host.clone()).map_err(|_| Outcome::TlsCertHostname)?,
        };
        let client = ClientConnection::new(config, name).map_err(|error| failure::outcome(&error, false))?;
        let client_certificate = Arc::clone(&self.client_certificate);
        let tls = Tls { tcp, client: RefCell::new(client), client_certificate, is_asked: Cell::new(false) };
        poll_fn(|cx| tls.poll_handshake(cx)).await?;
        Ok(tls)
    }
}

fn user_session(config: &ClientConfig) -> UserSession {
    let mut config = config.clone();
    config.resumption = Resumption::in_memory_sessions(4);
    UserSession(Arc::new(config))
}

/// What the server's alert says; `None` for other errors.
pub(crate) fn broken_outcome(error: &io::Error) -> Option<Outcome> {
    error.get_ref()?.downcast_ref::<Broken>().map(|Broken(outcome)| *outcome)
}

/// A TLS connection.
#[derive(Debug)]
pub(crate) struct Tls {
    tcp: Tcp,
    client: RefCell<ClientConnection>,
    client_certificate: Arc<NoClientCertificate>,
    /// Whether the server has asked for a client certificate.
    is_asked: Cell<bool>,
}

impl Tls {
    fn poll_handshake(&self, cx: &mut Context<'_>) -> Poll<Result<(), Outcome>> {
        let mut client = self.client.borrow_mut();
        while client.is_handshaking() {
            // A connection that takes nothing more has an end to be read, and before it may be the alert that says why.
            let _ = ready!(self.poll_flush(cx, &mut client));
            if !client.is_handshaking() {
                break;
            }
            match ready!(self.poll_records(cx, &mut client)) {
                Ok(0) | Err(Failure::Io(_)) => return Poll::Ready(Err(Outcome::TlsHandshake)),
                Ok(_) => {}
                Err(Failure::Tls(error)) => {
                    // The alert tells the server why; whether it arrives changes nothing for us.
                    let _ = self.poll_flush(cx, &mut client);
                    return Poll::Ready(Err(failure::outcome(&error, self.is_asked.get())));
                }
            }
        }
        self.poll_flush(cx, &mut client).map_err(|_| Outcome::TlsHandshake)
    }

    /// Receives encrypted records and decrypts them. 0 is the end of the TCP stream.
    fn poll_records(&self, cx: &mut Context<'_>, client: &mut ClientConnection) -> Poll<Result<usize, Failure>> {
        let count = match client.read_tls(&mut Ciphertext { tcp: &self.tcp, cx }) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) => return Poll::Ready(Err(Failure::Io(error))),
        };
        let processed = client.process_new_packets();
        if self.client_certificate.take_asked() {
            self.is_asked.set(true);
        }
        processed.map_err(Failure::Tls)?;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(&self, cx: &mut Context<'_>, client: &mut ClientConnection) -> Poll<io::Result<()>> {
        while client.wants_write() {
            match client.write_tls(&mut Ciphertext { tcp: &self.tcp, cx }) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.tcp.poll_send_ready(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

enum Failure {
    Io(io::Error),
    Tls(rustls::Error),
}

/// The TCP connection as rustls wants to see it.
struct Ciphertext<'a, 'b> {
    tcp: &'a Tcp,
    cx: &'a mut Context<'b>,
}

impl Read for Ciphertext<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.tcp.poll_receive(self.cx, buffer) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Ciphertext<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.try_send(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Connection for Tls {
    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut client = self.client.borrow_mut();
        let accepted = client.writer().write(bytes)?;
        let mut cx = Context::from_waker(std::task::Waker::noop());
        match self.poll_flush(&mut cx, &mut client) {
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending if accepted == 0 => Err(io::ErrorKind::WouldBlock.into()),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(accepted),
        }
    }

    fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx, &mut self.client.borrow_mut())
    }

    fn poll_receive_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.client.borrow().wants_read() { self.tcp.poll_receive_ready(cx) } else { Poll::Ready(Ok(())) }
    }

    fn poll_receive(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut client = self.client.borrow_mut();
        // As in the handshake: what cannot be sent is explained by what is read.
        let _ = self.poll_flush(cx, &mut client);
        loop {
            // `UnexpectedEof`: the stream ended without the TLS end mark, so what came may be cut short.
            match client.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
            match ready!(self.poll_records(cx, &mut client)) {
                Ok(_) => {}
                Err(Failure::Io(error)) => return Poll::Ready(Err(error)),
                // An alert says why; a message that makes no sense is as good as a reset.
                Err(Failure::Tls(error @ rustls::Error::AlertReceived(_))) => {
                    return Poll::Ready(Err(Broken(failure::outcome(&error, self.is_asked.get())).into()));
                }
                Err(Failure::Tls(error)) => return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error))),
            }
        }
    }

    fn is_flushed(&self) -> bool {
        !self.client.borrow().wants_write()
    }

    /// Session tickets arrive on idle connections, so bytes on the socket alone say nothing.
    fn idle_state(&self) -> IdleState {
        if self.tcp.idle_state() == IdleState::Usable {
            return IdleState::Usable;
        }
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut bytes = [0; 1024];
        match self.poll_receive(&mut cx, &mut bytes) {
            Poll::Pending => IdleState::Usable,
            Poll::Ready(Ok(0) | Err(_)) => IdleState::Closed,
            Poll::Ready(Ok(count)) => IdleState::Surplus(count as u64),
        }
    }
}
