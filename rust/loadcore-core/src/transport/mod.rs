//! How bytes get to the target and back, behind one seam: TCP, TLS, and a fake for tests without a socket.

mod connect;
#[cfg(test)]
pub(crate) mod fake;
mod origin;
mod reference;
mod resolve;
mod stamp;
mod tcp;
mod tls;

pub(crate) use connect::{Net, NetOptions};
pub(crate) use origin::Origin;
pub(crate) use origin::host_name;
pub(crate) use origin::shown;
pub(crate) use reference::{is_absolute, may_be_url, resolve};
pub(crate) use tls::broken_outcome;

use std::io;
use std::task::{Context, Poll};

use tokio::time::Instant;

use crate::record::{ConnectTimings, Outcome};

/// Opens connections.
pub(crate) trait Transport: 'static {
    /// What it opens.
    type Connection: Connection;

    /// Opens a connection to `origin`, giving up at `deadline`.
    fn connect(
        &self,
        origin: &Origin,
        session: &mut Session,
        deadline: Instant,
    ) -> impl Future<Output = Result<Opened<Self::Connection>, ConnectFailure>>;
}

/// A byte stream that one request at a time goes over. Single-threaded: all methods take `&self`.
pub(crate) trait Connection: 'static {
    /// Sends what fits without waiting. `WouldBlock`: nothing fits now.
    fn try_send(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Waits until [`Connection::try_send`] may succeed again.
    fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Waits until there is something to receive, a close included.
    fn poll_receive_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Receives into `buffer`. 0 is the orderly end of the stream.
    fn poll_receive(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Receives at most `room.len()` bytes that are not needed, without promising to write them into `room`.
    /// `None`: this kind of connection cannot skip.
    fn poll_discard(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Option<Poll<io::Result<usize>>> {
        let _ = (cx, room);
        None
    }

    /// Whether everything that [`Connection::try_send`] took has left. If not, [`Connection::poll_send_ready`] sends
    /// it.
    fn is_flushed(&self) -> bool {
        true
    }

    /// Whether the idle connection is of no use any more, and why. Costs no system call when it is fine.
    fn idle_state(&self) -> IdleState;
}

/// What an idle connection is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdleState {
    /// Ready for a request.
    Usable,
    /// The peer has closed it.
    Closed,
    /// At least this number of unrequested bytes came; a request sent now might be answered by them.
    Surplus(u64),
}

/// An open connection and what it took.
#[derive(Debug)]
pub(crate) struct Opened<C> {
    /// The connection.
    pub connection: C,
    /// What it took.
    pub timings: ConnectTimings,
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnectFailure {
    /// The class.
    pub outcome: Outcome,
    /// What was done until then.
    pub timings: ConnectTimings,
}

/// What one user remembers between its connections: its TLS sessions.
#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(crate) tls: Option<tls::UserSession>,
    /// With origins whose certificates are not checked.
    pub(crate) unverified: Option<tls::UserSession>,
}
