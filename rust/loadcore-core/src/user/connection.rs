//! The connections of one user: one for each origin, opened when needed and kept as the plan says.

use std::cell::Cell;
use std::rc::Rc;
use std::task::Context;

use super::User;
use super::drive::Cut;
use super::message::Message;
use super::outbox::Wire;
use super::sample::Unsent;
use crate::exchange::Stack;
use crate::http::Complete;
use crate::program::{OriginId, Outgoing, ScenarioProgram, Want};
use crate::record::{ConnectTimings, Outcome};
use crate::transport::{ConnectFailure, Connection, IdleState, Session};

/// A user keeps connections to this number of origins, or to as many as the plan names. The oldest is closed for a new
/// one.
const MOST_ORIGINS: usize = 8;

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
    /// A connection to an origin that a request can be posted on, and whether nothing has come over it: then the task
    /// is registered for what will. Unasked bytes on an idle connection would be taken for the next response, so such a
    /// connection is given up like a closed one; one that is new has just been opened for this request, and is asked
    /// nothing. `None`: there is no connection of use.
    #[inline(always)]
    pub(super) fn ready(
        &mut self,
        origin: OriginId,
        is_new: bool,
        now: u64,
        cx: &mut Context<'_>,
    ) -> Option<(Rc<Wire<C>>, bool)> {
        let index = self.wires.iter().position(|(other, _)| *other == origin)?;
        let wire = &self.wires[index].1;
        let quiet = wire.connection.poll_receive_ready(cx).is_pending();
        let is_usable = quiet || is_new || self.is_usable(wire);
        if is_usable && now < wire.idle_until_ns.get() {
            return Some((Rc::clone(wire), quiet));
        }
        self.wires.remove(index);
        None
    }

    /// Whether an idle connection over which something came can be used all the same.
    #[cold]
    fn is_usable(&self, wire: &Wire<C>) -> bool {
        let state = wire.connection.idle_state();
        if let IdleState::Surplus(bytes) = state {
            self.stray_bytes.set(self.stray_bytes.get() + bytes);
        }
        state == IdleState::Usable
    }

    /// Bytes that came over idle connections since this was last asked, and belong to no response.
    pub(super) fn take_stray_bytes(&self) -> u64 {
        self.stray_bytes.take()
    }

    /// The server has said for how many seconds it keeps the idle connection.
    fn expire(&self, origin: OriginId, seconds: u16, now: u64) {
        // A second before the server closes it: a request that crosses the close on its way would be lost.
        let idle_ns = u64::from(seconds.saturating_sub(1)) * 1_000_000_000;
        for (_, wire) in self.wires.iter().filter(|(other, _)| *other == origin) {
            wire.idle_until_ns.set(now + idle_ns);
        }
    }

    pub(super) fn drop_to(&mut self, origin: OriginId) {
        self.wires.retain(|(other, _)| *other != origin);
    }

    pub(super) fn drop_all(&mut self) {
        self.wires.clear();
    }
}

impl<T: Stack> User<T> {
    /// Opens a connection for the current request; one that gets none is recorded as such.
    pub(super) async fn open_for(&mut self, scenario: &ScenarioProgram, request: Outgoing<'_>) -> Result<(), Cut> {
        let origin = self.cursor.current.map_or(request.envelope.origin, |current| current.origin);
        match self.open(origin, request.envelope.timeouts.connect_ns).await {
            Ok(()) => Ok(()),
            Err(outcome) => {
                let refused = self.refuse(scenario, self.cursor.due_ns, &Unsent::request(request, outcome));
                Err(self.cut(refused))
            }
        }
    }

    /// Opens a connection in place of the one there was, for the current message.
    pub(super) async fn open(&mut self, origin: OriginId, connect_ns: u64) -> Result<(), Outcome> {
        let opened = self.connect(origin, connect_ns).await;
        let timings = opened.unwrap_or_else(|failure| failure.timings);
        self.lane.flight.opened = Some(Box::new(timings));
        opened.map(|_| ()).map_err(|failure| failure.outcome)
    }

    async fn connect(&mut self, origin: OriginId, connect_ns: u64) -> Result<ConnectTimings, ConnectFailure> {
        self.lane.connections.drop_to(origin);
        let worker = Rc::clone(&self.worker);
        let to = worker.origin(origin);
        let interrupted = |_| ConnectFailure { outcome: Outcome::Interrupted, timings: ConnectTimings::default() };
        // Waiting for a turn is the client's own doing: lag, and not part of the timeout.
        let _turn = self.lane.task.unless_interrupted(worker.connects.acquire()).await.map_err(interrupted)?;
        let deadline = worker.timer.clock().instant(worker.now().saturating_add(connect_ns));
        // Boxed: what it takes to connect is large, and every user would carry room for it for ever.
        let attempt = Box::pin(worker.transport.connect(&to, &mut self.lane.connections.session, deadline));
        let opened = self.lane.task.unless_interrupted(attempt).await.map_err(interrupted)??;
        // Deadlines of the exchange start from what the clock showed last: what it took to connect is not part of it.
        worker.now();
        let wire = Wire::new(opened.connection);
        // A target that redirects to ever new origins leaves no connection to each behind.
        let most = MOST_ORIGINS.max(worker.program.origins.len());
        if self.lane.connections.wires.len() >= most {
            self.lane.connections.wires.remove(0);
        }
        // Room for one more and not for four: most users have one connection.
        self.lane.connections.wires.reserve_exact(1);
        self.lane.connections.wires.push((origin, wire));
        Ok(opened.timings)
    }

    /// After a complete response: keeps the connection, unless it may not be used again.
    #[inline]
    pub(super) fn keep(&mut self, message: &Message<'_>, reusable: bool, complete: &Complete, ended_ns: u64) {
        if !complete.reusable || !reusable || message.want.has(Want::CLOSES) {
            self.lane.connections.drop_to(message.origin);
        } else if let Some(seconds) = complete.keep_alive_timeout {
            self.lane.connections.expire(message.origin, seconds, ended_ns);
        }
    }
}
