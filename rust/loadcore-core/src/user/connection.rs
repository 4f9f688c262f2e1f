//! The connections of one user: one for each origin, opened when needed and kept as the plan says.

use std::cell::Cell;
use std::rc::Rc;

use super::User;
use super::outbox::{Sending, Wire};
use super::worker::OriginId;
use crate::h1::Complete;
use crate::plan::Reuse;
use crate::record::{ConnectTimings, Outcome};
use crate::transport::{ConnectFailure, Connection, IdleState, Session, Transport};

/// What a user keeps between requests.
#[derive(Debug)]
pub(super) struct Connections<C> {
    wires: Vec<(OriginId, Rc<Wire<C>>)>,
    session: Session,
    /// Unasked bytes on idle connections, not yet counted.
    stray_bytes: Cell<u64>,
}

impl<C> Default for Connections<C> {
    fn default() -> Self {
        Self { wires: Vec::new(), session: Session::default(), stray_bytes: Cell::default() }
    }
}

impl<C: Connection> Connections<C> {
    /// The kept connection to an origin, unless it is of no use any more. Unasked bytes on an idle connection would be
    /// taken for the next response, so such a connection is given up like a closed one.
    pub(super) fn usable(&mut self, origin: OriginId, now: u64) -> Option<Rc<Wire<C>>> {
        let index = self.wires.iter().position(|(other, _)| *other == origin)?;
        let wire = &self.wires[index].1;
        match wire.connection.idle_state() {
            IdleState::Usable if now < wire.idle_until_ns.get() => return Some(Rc::clone(wire)),
            IdleState::Surplus(bytes) => self.stray_bytes.set(self.stray_bytes.get() + bytes),
            IdleState::Usable | IdleState::Closed => {}
        }
        self.wires.swap_remove(index);
        None
    }

    /// Bytes that came over idle connections since this was last asked, and belong to no response.
    pub(super) fn take_stray_bytes(&self) -> u64 {
        self.stray_bytes.take()
    }

    pub(super) fn drop_to(&mut self, origin: OriginId) {
        self.wires.retain(|(other, _)| *other != origin);
    }

    pub(super) fn drop_all(&mut self) {
        self.wires.clear();
    }
}

impl<T: Transport> User<T> {
    /// A new connection in place of the kept one, and what it took.
    pub(super) async fn open(
        &mut self,
        origin: OriginId,
        connect_ns: u64,
    ) -> Result<(Rc<Wire<T::Connection>>, ConnectTimings), ConnectFailure> {
        self.connections.drop_to(origin);
        let worker = Rc::clone(&self.worker);
        let to = worker.origin(origin);
        let interrupted = |_| ConnectFailure { outcome: Outcome::Interrupted, timings: ConnectTimings::default() };
        // Waiting for a turn is the client's own doing: lag, and no part of the time-out.
        let _turn = self.seat.unless_interrupted(worker.connects.acquire()).await.map_err(interrupted)?;
        let deadline = worker.timer.clock().instant(worker.now().saturating_add(connect_ns));
        // Boxed: what it takes to connect is large, and every user would carry room for it for ever.
        let attempt = Box::pin(worker.transport.connect(&to, &mut self.connections.session, deadline));
        let opened = self.seat.unless_interrupted(attempt).await.map_err(interrupted)??;
        // Deadlines of the exchange start from what the clock showed last: what it took to connect is not part of it.
        worker.now();
        let wire = Wire::new(opened.connection);
        // Room for one more and not for four: most users have one connection.
        self.connections.wires.reserve_exact(1);
        self.connections.wires.push((origin, Rc::clone(&wire)));
        Ok((wire, opened.timings))
    }

    /// After a complete response: keeps the connection, unless it may not be used again.
    pub(super) fn keep(&mut self, origin: OriginId, wire: &Wire<T::Connection>, complete: &Complete, ended_ns: u64) {
        let sent = wire.sending.get() == Sending::Sent;
        if !complete.reusable || !sent || self.worker.program.http.reuse == Reuse::Request {
            self.connections.drop_to(origin);
            return;
        }
        wire.served.set(wire.served.get().saturating_add(1));
        if let Some(seconds) = complete.keep_alive_timeout {
            // A second before the server closes it: a request that crosses the close on its way would be lost.
            let idle_ns = u64::from(seconds.saturating_sub(1)) * 1_000_000_000;
            wire.idle_until_ns.set(ended_ns + idle_ns);
        }
    }
}
