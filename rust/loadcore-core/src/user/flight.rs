//! A message on its way: from its post to the end of its answer, what every request goes through.
//!
//! Written by hand, because it is polled a few million times a minute: no future of its own, no `select!`, no
//! `timeout()`, no channel, no allocation. One clock reading for each receive; the other, for the send, is the
//! outbox's.

use std::ops::Range;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::User;
use super::capture::Retained;
use super::lane::Lane;
use super::outbox::{Sending, Wire};
use super::trace::Tracked;
use super::worker::Worker;
use crate::exchange::{Exchange, Receiver, Stack};
use crate::http::{Complete, Sink};
use crate::plan::Timeouts;
use crate::record::{ConnectTimings, Outcome, Trace};
use crate::timer::Task;
use crate::transport::Connection;

/// A time that has not come.
pub(super) const NOT_YET: u64 = u64::MAX;

/// What is known of a user's current message so far, over all its attempts.
#[derive(Debug)]
pub(super) struct Flight<C> {
    /// What it goes over; `None` while it is not under way.
    pub(super) wire: Option<Rc<Wire<C>>>,
    /// What has come back.
    pub(super) arrival: Arrival,
    /// What it took to open a connection for it. Boxed: it is seldom there, and every user has room for one of these.
    pub(super) opened: Option<Box<ConnectTimings>>,
    /// Its trace; where requests are traced, that of the last message until the next one is sent. Boxed, as it is seldom
    /// there.
    pub(super) trace: Option<Box<Tracked>>,
    pub(super) attempts: u8,
    pub(super) reused: bool,
    /// Bytes of the message.
    pub(super) length: usize,
    /// When it was sent, the first time.
    pub(super) started_ns: u64,
    pub(super) bytes_sent: u64,
    total_ns: u64,
}

/// What has come back for the current attempt of a message.
#[derive(Debug)]
pub(super) struct Arrival {
    /// What is kept of it.
    pub(super) kept: Retained,
    pub(super) bytes: u64,
    /// When the first byte of the final head came.
    pub(super) first_byte_ns: u64,
    /// When the last piece came that was not the end of the answer.
    last_byte_ns: u64,
    /// When the last byte has to be there.
    total_due_ns: u64,
}

impl<C> Default for Flight<C> {
    fn default() -> Self {
        Self {
            wire: None,
            arrival: Arrival::default(),
            opened: None,
            trace: None,
            attempts: 0,
            reused: false,
            length: 0,
            started_ns: NOT_YET,
            bytes_sent: 0,
            total_ns: 0,
        }
    }
}

impl Default for Arrival {
    fn default() -> Self {
        Self { kept: Retained::default(), bytes: 0, first_byte_ns: NOT_YET, last_byte_ns: NOT_YET, total_due_ns: 0 }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub(super) result: Result<Complete, Outcome>,
    pub(super) end_ns: u64,
}

impl<C: Connection> Flight<C> {
    /// The trace of the last message that was sent with one.
    pub(super) fn sent_trace(&self) -> Option<Trace> {
        self.trace.as_ref()?.sent
    }

    /// Begins an attempt: a message of this length has been posted on the wire.
    #[inline]
    pub(super) fn begin(&mut self, wire: Rc<Wire<C>>, length: usize, timeouts: &Timeouts, now: u64) {
        self.reused = self.opened.is_none();
        self.wire = Some(wire);
        self.length = length;
        self.arrival.forget();
        self.total_ns = timeouts.total_ns;
        self.arrival.total_due_ns = now.saturating_add(timeouts.total_ns);
    }

    /// Ends an attempt: counts it, if anything of it was sent. Says whether its connection can carry another request,
    /// as far as the sending goes.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "happens for every request, in one place")]
    pub(super) fn end(&mut self) -> bool {
        let Some(wire) = self.wire.take() else { return false };
        let sending = wire.sending.get();
        if sending != Sending::Queued {
            self.started_ns = self.started_ns.min(wire.started_ns.get());
            self.attempts += 1;
            let unsent = if sending == Sending::Sent { 0 } else { wire.unsent.borrow().len() };
            self.bytes_sent += (self.length - unsent) as u64;
        }
        sending == Sending::Sent
    }

    /// Forgets the message, which has been recorded.
    #[inline]
    pub(super) fn clear(&mut self) {
        (self.attempts, self.started_ns, self.bytes_sent) = (0, NOT_YET, 0);
        self.opened = None;
    }

    /// Whether the connection of an attempt may have been closed before the request reached the server.
    pub(super) fn is_stale(&self, outcome: Outcome) -> bool {
        let is_close = matches!(
            outcome,
            Outcome::ClosedBeforeResponse
                | Outcome::ResetBeforeResponse
                | Outcome::SendReset
                | Outcome::SendBrokenPipe
                | Outcome::TlsAlert
        );
        self.reused && self.arrival.bytes == 0 && is_close
    }

    /// The outcome of a timeout: by what was waited for, or, if bytes kept coming in its last quarter, `timeout_total`.
    fn timed_out(&self, by_state: Outcome, now: u64) -> Outcome {
        let Arrival { bytes, last_byte_ns, total_due_ns, .. } = self.arrival;
        let still_coming = bytes > 0 && now.saturating_sub(last_byte_ns) < self.total_ns / 4;
        if now >= total_due_ns && still_coming { Outcome::TimeoutTotal } else { by_state }
    }
}

impl Arrival {
    /// Whether all that came of the answer came at once: it is in the receive buffer, until the user waits for
    /// something.
    pub(super) fn is_in_one_piece(&self) -> bool {
        self.last_byte_ns == NOT_YET
    }

    /// The last byte has to be there by then.
    pub(super) const fn put_off(&mut self, total_due_ns: u64) {
        self.total_due_ns = total_due_ns;
    }

    /// Forgets what came back for the message before: nothing does for one that is not sent.
    #[inline]
    pub(super) fn forget(&mut self) {
        (self.bytes, self.first_byte_ns, self.last_byte_ns) = (0, NOT_YET, NOT_YET);
    }
}

/// Takes what an exchange receives, and stamps it.
struct Stamped<'a, T: Stack> {
    arrival: &'a mut Arrival,
    worker: &'a Worker<T>,
    task: &'a Task,
    now: u64,
}

impl<T: Stack> Sink for Stamped<'_, T> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "happens for every request, in one place")]
    fn status(&mut self, status: u16) {
        self.arrival.first_byte_ns = self.now;
        self.arrival.kept.status(status, || self.worker.take_capture());
    }

    fn header(&mut self, name: &[u8], value: &[u8]) {
        self.arrival.kept.header(name, value);
    }

    fn header_lines(&mut self, lines: &[u8], sets_cookies: bool) {
        self.arrival.kept.header_lines(lines, sets_cookies);
    }

    fn content_encoding(&mut self, value: &[u8]) {
        self.arrival.kept.content_encoding(value, || self.worker.take_capture());
    }

    #[inline]
    fn wants_headers(&self) -> bool {
        self.arrival.kept.wants_headers()
    }

    fn body(&mut self, piece: &[u8]) {
        self.arrival.kept.piece_of_body(piece, || self.worker.take_capture());
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "happens for every request, in one place")]
    fn whole_body(&mut self, received: &[u8], place: Range<usize>) {
        self.arrival.kept.whole_body(received, place, || self.worker.take_capture());
    }

    #[inline]
    fn wants_body(&self) -> bool {
        self.arrival.kept.wants_body()
    }
}

impl<T: Stack> Receiver for Stamped<'_, T> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "happens for every request, in one place")]
    fn received(&mut self, bytes: usize) {
        self.now = self.worker.timer.now();
        self.arrival.bytes += bytes as u64;
    }

    #[inline]
    fn is_to_continue(&mut self, status: Option<u16>, bytes: Option<&[u8]>) -> bool {
        let Self { arrival, worker, task, now } = self;
        if arrival.first_byte_ns == *now {
            task.set_deadline(arrival.total_due_ns);
        }
        arrival.last_byte_ns = *now;
        if let Some(bytes) = bytes {
            arrival.kept.piece(bytes, status, &worker.is_curious, || worker.take_capture());
        }
        !arrival.kept.has_piece()
    }

    #[inline]
    fn wants_bytes(&self) -> bool {
        self.arrival.kept.wants_bytes()
    }
}

impl<T: Stack> User<T> {
    /// Whether a message is under way.
    #[inline]
    pub(super) fn is_under_way(&self) -> bool {
        self.lane.flight.wire.is_some()
    }

    /// Goes on with the message that is under way, until the attempt has ended.
    #[inline(always)]
    pub(super) fn poll_flight(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let Some(wire) = &self.lane.flight.wire else { return Poll::Pending };
        let ended = match wire.sending.get() {
            Sending::Queued => {
                // Woken before it was sent: it registers again. If something already exists, it is looked at after
                // sending.
                if wire.connection.poll_receive_ready(cx).is_ready() {
                    self.worker.outbox.wake_when_sent(cx.waker());
                }
                Poll::Pending
            }
            sending => {
                if sending == Sending::Partly {
                    let wire = Rc::clone(wire);
                    self.take_upload(&wire);
                    // An early answer is looked for whether or not all is sent.
                    if wire.poll_send_rest(cx).is_ready() {
                        self.worker.note_sending(wire.started_ns.get());
                    }
                }
                self.poll_answer(cx)
            }
        };
        let ended = match ended {
            Poll::Ready(ended) => ended,
            Poll::Pending => ready!(self.poll_cut()),
        };
        self.lane.task.clear_deadline();
        Poll::Ready(ended)
    }

    /// Takes what has come of a body that is sent in pieces. It is kept with the request, which may have to be sent
    /// again.
    #[cold]
    fn take_upload(&mut self, wire: &Wire<T::Connection>) {
        let Lane { upload, rendered, flight, .. } = &mut self.lane;
        let Some(upload) = upload else { return };
        let (pieces, is_all) = upload.take();
        rendered.bytes.extend_from_slice(&pieces);
        flight.length += pieces.len();
        wire.unsent.borrow_mut().extend(pieces);
        wire.is_open.set(!is_all);
    }

    /// What ends an attempt from outside: its time is up, or the user must stop.
    #[inline(never)]
    fn poll_cut(&self) -> Poll<Ended> {
        let outcome = if self.lane.task.is_overdue() {
            self.lane.flight.timed_out(self.lane.exchange.timed_out(), self.worker.timer.now())
        } else if self.lane.task.is_interrupted() {
            Outcome::Interrupted
        } else {
            return Poll::Pending;
        };
        if let Some(wire) = self.lane.flight.wire.as_ref().filter(|wire| wire.sending.get() == Sending::Partly) {
            self.worker.note_sending(wire.started_ns.get());
        }
        Poll::Ready(Ended { result: Err(outcome), end_ns: self.worker.timer.now() })
    }

    /// Receives until the answer has ended or nothing is there.
    #[inline(always)]
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let Self { worker, lane: Lane { task, exchange, flight, .. }, .. } = self;
        let Some(wire) = &flight.wire else { return Poll::Pending };
        let mut shared = worker.exchanges.borrow_mut();
        let mut receiver = Stamped { arrival: &mut flight.arrival, worker, task, now: 0 };
        let result = ready!(exchange.poll_answer(cx, &wire.connection, &mut shared, &mut receiver));
        let end_ns = receiver.now;
        Poll::Ready(Ended { result: result.map_err(|outcome| explained(outcome, wire.sending.get())), end_ns })
    }
}

/// A connection that ended before any answer: a failure to send explains it better.
fn explained(outcome: Outcome, sending: Sending) -> Outcome {
    match (outcome, sending) {
        (Outcome::ResetBeforeResponse | Outcome::ClosedBeforeResponse, Sending::Failed(failed)) => failed,
        _ => outcome,
    }
}
