//! Opening connections over the network: resolve, connect, handshake, each timed and each with outcomes of its own.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::io::Errno;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::resolve::{Addresses, Resolver};
use super::stamp::Stamping;
use super::tcp::Tcp;
use super::tls::{Tls, TlsClient, TlsProblem};
use super::{ConnectFailure, Connection, IdleState, Opened, Origin, Session, Transport};
use crate::plan;
use crate::record::{ConnectTimings, Outcome};
use crate::timer::Turns;

/// What [`Net`] needs to know.
#[derive(Debug, Clone, Default)]
pub(crate) struct NetOptions {
    /// How `https` targets are verified.
    pub tls: plan::Tls,
    /// What is spoken over TLS.
    pub version: plan::Version,
    /// Whether any target is `https`: only then are certificates loaded.
    pub uses_tls: bool,
}

/// The network: TCP, and TLS over it.
#[derive(Debug)]
pub(crate) struct Net {
    resolver: Resolver,
    tls: Option<TlsClient>,
    turns: Arc<Turns>,
    _stamping: Stamping,
}

impl Net {
    /// The network for a loop that takes these turns. Loads what TLS needs, if it is needed.
    pub(crate) fn new(options: &NetOptions, turns: Arc<Turns>) -> Result<Self, TlsProblem> {
        let tls = options.uses_tls.then(|| TlsClient::new(&options.tls, options.version)).transpose()?;
        Ok(Self { resolver: Resolver::default(), tls, turns, _stamping: Stamping::start() })
    }

    async fn connect_tcp(
        &self,
        origin: &Origin,
        timings: &mut ConnectTimings,
        deadline: Instant,
    ) -> Result<TcpStream, Outcome> {
        let began = Instant::now();
        let resolved = timeout_at(deadline, self.resolver.resolve(&origin.host, origin.port)).await;
        let addresses = resolved.map_err(|_| Outcome::DnsTimeout)??;
        if addresses.looked_up {
            timings.dns_ns = Some(nanoseconds(began.elapsed()));
        }
        let failure = match Self::connect_to(&addresses, timings, deadline).await {
            Err(outcome) if !outcome.client_limit() => outcome,
            result => return result,
        };
        // None of them works: the name may have moved.
        let began = Instant::now();
        let moved = timeout_at(deadline, self.resolver.resolve_again(&origin.host, &addresses)).await;
        let Ok(Some(addresses)) = moved else { return Err(failure) };
        timings.dns_ns = Some(timings.dns_ns.unwrap_or(0) + nanoseconds(began.elapsed()));
        Self::connect_to(&addresses, timings, deadline).await
    }

    /// Connects to the first of some addresses that takes the connection.
    async fn connect_to(
        addresses: &Addresses,
        timings: &mut ConnectTimings,
        deadline: Instant,
    ) -> Result<TcpStream, Outcome> {
        let mut failure = None;
        let mut untried = addresses.count();
        let began = Instant::now();
        for (index, address) in addresses.in_order() {
            let now = Instant::now();
            // An address that is silent does not use up the time of the others.
            let share_ends = now + deadline.saturating_duration_since(now) / untried;
            untried -= 1;
            let outcome = match timeout_at(share_ends, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    timings.connect_ns = Some(nanoseconds(began.elapsed()));
                    addresses.prefer(index);
                    return Ok(stream);
                }
                Ok(Err(error)) => connect_outcome(&error),
                Err(_) => Outcome::ConnectTimeout,
            };
            // A machine without IPv6 has no local address for it: only where one has worked before are they used up.
            let is_limit = outcome == Outcome::FdLimit || (outcome.client_limit() && addresses.is_proven(index));
            if is_limit {
                return Err(outcome);
            }
            if failure.is_none_or(Outcome::client_limit) {
                failure = Some(outcome);
            }
        }
        Err(failure.unwrap_or(Outcome::DnsError))
    }
}

impl Transport for Net {
    type Connection = NetConnection;

    async fn connect(
        &self,
        origin: &Origin,
        session: &mut Session,
        deadline: Instant,
    ) -> Result<Opened<NetConnection>, ConnectFailure> {
        let mut timings = ConnectTimings::default();
        let fail = |outcome, timings| ConnectFailure { outcome, timings };
        let stream = self.connect_tcp(origin, &mut timings, deadline).await;
        let stream = stream.map_err(|outcome| fail(outcome, timings))?;
        let tcp = Tcp::new(stream, &self.turns).map_err(|error| fail(connect_outcome(&error), timings))?;
        if !origin.tls {
            return Ok(Opened { connection: NetConnection::Tcp(tcp), timings });
        }
        let Some(client) = &self.tls else {
            return Err(fail(Outcome::TlsHandshake, timings));
        };
        let began = Instant::now();
        match timeout_at(deadline, client.handshake(tcp, origin, session)).await {
            Ok(Ok(connection)) => {
                timings.tls_ns = Some(nanoseconds(began.elapsed()));
                Ok(Opened { connection: NetConnection::Tls(Box::new(connection)), timings })
            }
            Ok(Err(outcome)) => Err(fail(outcome, timings)),
            Err(_) => Err(fail(Outcome::TlsTimeout, timings)),
        }
    }
}

/// A connection over the network.
#[derive(Debug)]
pub(crate) enum NetConnection {
    /// Plain.
    Tcp(Tcp),
    /// Encrypted; boxed, so that plain connections stay small.
    Tls(Box<Tls>),
}

/// Passes a call on to whichever kind of connection it is.
macro_rules! either {
    ($connection:expr, $inner:ident => $call:expr) => {
        match $connection {
            NetConnection::Tcp($inner) => $call,
            NetConnection::Tls($inner) => $call,
        }
    };
}

impl Connection for NetConnection {
    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        either!(self, inner => inner.try_send(bytes))
    }

    fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, inner => inner.poll_send_ready(cx))
    }

    fn poll_receive_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, inner => inner.poll_receive_ready(cx))
    }

    fn poll_receive(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        either!(self, inner => inner.poll_receive(cx, buffer))
    }

    fn poll_discard(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Option<Poll<io::Result<usize>>> {
        either!(self, inner => inner.poll_discard(cx, room))
    }

    fn is_flushed(&self) -> bool {
        either!(self, inner => inner.is_flushed())
    }

    fn idle_state(&self) -> IdleState {
        either!(self, inner => inner.idle_state())
    }
}

fn connect_outcome(error: &io::Error) -> Outcome {
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE) => Outcome::FdLimit,
        Some(Errno::ADDRNOTAVAIL) => Outcome::AddrUnavailable,
        Some(Errno::CONNREFUSED) => Outcome::ConnectRefused,
        Some(Errno::TIMEDOUT) => Outcome::ConnectTimeout,
        Some(Errno::CONNRESET | Errno::CONNABORTED) => Outcome::ConnectReset,
        _ => Outcome::ConnectUnreachable,
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
