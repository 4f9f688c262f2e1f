//! The two phases of a turn: first everything that arrived is received, then everything that is due is sent.
//!
//! A user that has a request puts it here instead of sending it. The flusher is woken by the first one and so runs
//! after every task that the same turn of the event loop woke. A response is thus stamped after a few cheap `recv`s of
//! others, not after their expensive `send`s, and our own queue does not show up as the target's slowness.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use crate::aggregate::Sends;
use crate::record::Outcome;
use crate::timer::Timer;
use crate::transport::Connection;

/// A turn's bytes are kept for the next turn only up to this size.
const KEEP: usize = 1 << 20;

/// A connection of a user, and how far its current request is sent.
#[derive(Debug)]
pub(crate) struct Wire<C> {
    pub(crate) connection: C,
    /// When the current request began to be sent.
    pub(crate) started_ns: Cell<u64>,
    pub(crate) sending: Cell<Sending>,
    /// What of the request has not been sent.
    pub(crate) unsent: RefCell<VecDeque<u8>>,
    /// Whether more of the request is to come.
    pub(crate) is_open: Cell<bool>,
    /// When the server will close the idle connection, by its own word.
    pub(crate) idle_until_ns: Cell<u64>,
}

/// How far a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    /// Not at all: it waits for the end of the turn.
    Queued,
    /// In part: the rest is in [`Wire::unsent`], or still with the connection.
    Partly,
    /// Wholly.
    Sent,
    /// As far as the connection went.
    Failed(Outcome),
}

impl<C> Wire<C> {
    pub(crate) fn new(connection: C) -> Rc<Self> {
        Rc::new(Self {
            connection,
            started_ns: Cell::new(0),
            sending: Cell::new(Sending::Queued),
            unsent: RefCell::default(),
            is_open: Cell::new(false),
            idle_until_ns: Cell::new(u64::MAX),
        })
    }
}

impl<C: Connection> Wire<C> {
    /// Sends what fits.
    fn send(&self, bytes: &[u8]) {
        let (sent, sending) = match self.connection.try_send(bytes) {
            Ok(sent) if sent == bytes.len() && self.connection.is_flushed() && !self.is_open.get() => {
                return self.sending.set(Sending::Sent);
            }
            Ok(sent) => (sent, Sending::Partly),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => (0, Sending::Partly),
            Err(error) => (0, Sending::Failed(send_outcome(&error))),
        };
        self.unsent.borrow_mut().extend(&bytes[sent..]);
        self.sending.set(sending);
    }

    /// Goes on sending what did not fit. Pending as long as some of it does not fit, or is to come.
    pub(crate) fn poll_send_rest(&self, cx: &mut Context<'_>) -> Poll<()> {
        let ended = match ready!(self.poll_send_unsent(cx)) {
            Ok(()) if self.is_open.get() => return Poll::Pending,
            Ok(()) => Sending::Sent,
            Err(error) => Sending::Failed(send_outcome(&error)),
        };
        self.sending.set(ended);
        Poll::Ready(())
    }

    fn poll_send_unsent(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut unsent = self.unsent.borrow_mut();
        while !unsent.is_empty() {
            match self.connection.try_send(unsent.as_slices().0) {
                Ok(sent) => drop(unsent.drain(..sent)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(self.connection.poll_send_ready(cx))?,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        // An idle connection holds no memory for requests.
        *unsent = VecDeque::new();
        if self.connection.is_flushed() { Poll::Ready(Ok(())) } else { self.connection.poll_send_ready(cx) }
    }
}

fn send_outcome(error: &io::Error) -> Outcome {
    if error.kind() == io::ErrorKind::BrokenPipe { Outcome::SendBrokenPipe } else { Outcome::SendReset }
}

/// The requests to send at the end of this turn.
#[derive(Debug)]
pub(crate) struct Outbox<C> {
    timer: Rc<Timer>,
    bytes: RefCell<Vec<u8>>,
    queue: RefCell<Vec<QueuedMessage<C>>>,
    /// Empties into the queue's place, so that neither is allocated again.
    sending: RefCell<Vec<QueuedMessage<C>>>,
    flusher: RefCell<Option<Waker>>,
    wake_when_sent: RefCell<Vec<Waker>>,
    sends: Cell<Sends>,
}

#[derive(Debug)]
struct QueuedMessage<C> {
    wire: Rc<Wire<C>>,
    range: Range<usize>,
    task: u32,
    /// Whether the request is sent for the first time, and not once more after its connection broke.
    is_first: bool,
}

impl<C: Connection> Outbox<C> {
    pub(crate) fn new(timer: Rc<Timer>) -> Self {
        Self {
            timer,
            bytes: RefCell::default(),
            queue: RefCell::new(Vec::new()),
            sending: RefCell::new(Vec::new()),
            flusher: RefCell::default(),
            wake_when_sent: RefCell::default(),
            sends: Cell::default(),
        }
    }

    /// Wakes this task after the turn's requests have been sent.
    pub(crate) fn wake_when_sent(&self, waker: &Waker) {
        self.wake_when_sent.borrow_mut().push(waker.clone());
    }

    /// The requests that were sent so far.
    pub(crate) fn sends(&self) -> Sends {
        self.sends.get()
    }

    /// Queues a message, which `write` appends, for sending over `wire`. Returns its length.
    #[inline(always)]
    pub(crate) fn post(
        &self,
        wire: &Rc<Wire<C>>,
        task: u32,
        is_first: bool,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> usize {
        let mut bytes = self.bytes.borrow_mut();
        let from = bytes.len();
        write(&mut bytes);
        let range = from..bytes.len();
        let length = range.len();
        wire.sending.set(Sending::Queued);
        let mut queue = self.queue.borrow_mut();
        queue.push(QueuedMessage { wire: Rc::clone(wire), range, task, is_first });
        if queue.len() == 1
            && let Some(flusher) = &*self.flusher.borrow()
        {
            flusher.wake_by_ref();
        }
        length
    }

    /// Sends at the end of each turn, for ever; to be run as a task of its own.
    pub(crate) async fn flush_turns(self: Rc<Self>) {
        poll_fn(|cx| {
            self.flusher.borrow_mut().get_or_insert_with(|| cx.waker().clone());
            self.flush();
            Poll::<()>::Pending
        })
        .await;
    }

    fn flush(&self) {
        let mut messages = self.sending.borrow_mut();
        std::mem::swap(&mut *messages, &mut *self.queue.borrow_mut());
        let mut bytes = self.bytes.borrow_mut();
        let (mut now, mut sends) = (0, self.sends.get());
        for QueuedMessage { wire, range, task, is_first } in messages.drain(..) {
            // Its user gave it up meanwhile.
            if Rc::strong_count(&wire) == 1 {
                continue;
            }
            now = self.timer.now();
            wire.started_ns.set(now);
            if is_first {
                sends.add(now);
            }
            wire.send(&bytes[range]);
            if wire.sending.get() != Sending::Sent {
                self.timer.wake(task);
            }
        }
        self.sends.set(sends);
        bytes.clear();
        if bytes.capacity() > KEEP {
            *bytes = Vec::new();
        }
        drop(bytes);
        for waker in self.wake_when_sent.borrow_mut().drain(..) {
            waker.wake();
        }
        // Arrivals that became due meanwhile need not wait for the alarm.
        self.timer.fire(now);
    }
}
