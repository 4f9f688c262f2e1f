//! A message on its way: from its post to the end of its response, what every request goes through.
//!
//! Written by hand, because it is polled a few million times a minute: no future of its own, no `select!`, no `timeout()`, no
//! channel, no allocation. One clock reading for each receive; the other, for the send, is the outbox's.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::User;
use super::capture::Kept;
use super::outbox::{Sending, Wire};
use crate::h1::{Complete, Progress};
use crate::plan::Timeouts;
use crate::record::{ConnectTimings, Outcome};
use crate::transport::{Connection, Transport, broken_outcome};

/// A body of which at least this much is to come, and which nobody wants to see, is dropped in the kernel.
const WORTH_DISCARDING: u64 = 16 * 1024;

/// After so many receives in a row that each filled the buffer, others have their turn.
const RECEIVES_IN_A_ROW: u32 = 16;

/// A time that has not come.
pub(super) const NOT_YET: u64 = u64::MAX;

/// What is known of a user's current message so far, over all its attempts.
#[derive(Debug)]
pub(super) struct Flight<C> {
    /// What it goes over; `None` while it is not under way.
    pub(super) wire: Option<Rc<Wire<C>>>,
    /// What is kept of its response.
    pub(super) kept: Kept,
    /// What it took to open a connection for it. Boxed: it is seldom there, and every user has room for one of these.
    pub(super) opened: Option<Box<ConnectTimings>>,
    pub(super) attempts: u8,
    pub(super) reused: bool,
    /// Bytes of the message.
    pub(super) length: usize,
    /// When it was sent, the first time.
    pub(super) started_ns: u64,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
    pub(super) first_byte_ns: u64,
    /// When the last piece came that was not the end of the response.
    last_byte_ns: u64,
    total_ns: u64,
    /// When the last byte has to be there.
    total_due_ns: u64,
}

impl<C> Default for Flight<C> {
    fn default() -> Self {
        Self {
            wire: None,
            kept: Kept::default(),
            opened: None,
            attempts: 0,
            reused: false,
            length: 0,
            started_ns: NOT_YET,
            bytes_sent: 0,
            bytes_received: 0,
            first_byte_ns: NOT_YET,
            last_byte_ns: NOT_YET,
            total_ns: 0,
            total_due_ns: 0,
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub(super) result: Result<Complete, Outcome>,
    pub(super) end_ns: u64,
}

impl<C: Connection> Flight<C> {
    /// Begins an attempt: a message of this length has been posted on the wire.
    #[inline]
    pub(super) fn begin(&mut self, wire: Rc<Wire<C>>, length: usize, timeouts: &Timeouts, now: u64) {
        self.reused = self.opened.is_none();
        self.wire = Some(wire);
        self.length = length;
        self.bytes_received = 0;
        self.first_byte_ns = NOT_YET;
        self.last_byte_ns = NOT_YET;
        self.total_ns = timeouts.total_ns;
        self.total_due_ns = now.saturating_add(timeouts.total_ns);
    }

    /// Ends an attempt: counts it, if anything of it was sent. Says whether its connection can carry another request, as
    /// far as the sending goes.
    #[inline]
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

    /// Whether all that came of the response came at once: it is in the receive buffer, until the user waits for something.
    pub(super) fn came_in_one_piece(&self) -> bool {
        self.last_byte_ns == NOT_YET
    }

    /// Forgets what came back for the message before: nothing does for one that is not sent.
    pub(super) fn forget_response(&mut self) {
        (self.bytes_received, self.first_byte_ns, self.last_byte_ns) = (0, NOT_YET, NOT_YET);
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
        self.reused && self.bytes_received == 0 && is_close
    }

    /// The outcome of a time-out: by what was waited for, or, if bytes kept coming in its last quarter, `timeout_total`.
    fn timed_out(&self, by_state: Outcome, now: u64) -> Outcome {
        let still_coming = self.bytes_received > 0 && now.saturating_sub(self.last_byte_ns) < self.total_ns / 4;
        if now >= self.total_due_ns && still_coming { Outcome::TimeoutTotal } else { by_state }
    }
}

impl<T: Transport> User<T> {
    /// Whether a message is under way.
    #[inline]
    pub(super) fn is_under_way(&self) -> bool {
        self.flight.wire.is_some()
    }

    /// Goes on with the message that is under way, until the attempt has ended.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "happens for every request, in one place")]
    pub(super) fn poll_flight(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let Some(wire) = &self.flight.wire else { return Poll::Pending };
        let ended = match wire.sending.get() {
            Sending::Queued => {
                // Woken before it was sent: it registers anew. If something is there already, it is looked at after sending.
                if wire.connection.poll_receive_ready(cx).is_ready() {
                    self.worker.outbox.wake_when_sent(cx.waker());
                }
                Poll::Pending
            }
            sending => {
                if sending == Sending::Partly {
                    // An early response is looked for whether or not all is sent.
                    if wire.poll_send_rest(cx).is_ready() {
                        self.worker.note_sending(wire.started_ns.get());
                    }
                }
                self.poll_response(cx)
            }
        };
        let ended = match ended {
            Poll::Ready(ended) => ended,
            Poll::Pending => ready!(self.poll_cut()),
        };
        self.seat.clear_deadline();
        Poll::Ready(ended)
    }

    /// What ends an attempt from outside: its time is up, or the user is told to stop.
    #[inline(never)]
    fn poll_cut(&self) -> Poll<Ended> {
        let outcome = if self.seat.is_overdue() {
            self.flight.timed_out(self.decoder.timed_out(), self.worker.timer.now())
        } else if self.seat.is_interrupted() {
            Outcome::Interrupted
        } else {
            return Poll::Pending;
        };
        if let Some(wire) = self.flight.wire.as_ref().filter(|wire| wire.sending.get() == Sending::Partly) {
            self.worker.note_sending(wire.started_ns.get());
        }
        Poll::Ready(Ended { result: Err(outcome), end_ns: self.worker.timer.now() })
    }

    /// Receives until the response has ended or nothing is there.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "happens for every request, in one place")]
    fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let Self { worker, seat, decoder, flight, .. } = self;
        let Some(wire) = &flight.wire else { return Poll::Pending };
        let mut buffer = worker.receive_buffer.borrow_mut();
        for _ in 0..RECEIVES_IN_A_ROW {
            let discard = match decoder.body_remaining() {
                Some(rest) if rest >= WORTH_DISCARDING && !flight.kept.wants_bytes() => {
                    let room = buffer.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
                    wire.connection.poll_discard(cx, &mut buffer[..room])
                }
                _ => None,
            };
            let discards = discard.is_some();
            let Poll::Ready(received) = discard.unwrap_or_else(|| wire.connection.poll_receive(cx, &mut buffer)) else {
                return Poll::Pending;
            };
            let now = worker.timer.now();
            let ended = |result| Poll::Ready(Ended { result, end_ns: now });
            let (count, progress) = match received {
                Ok(0) => {
                    // If the end came before any response, a failure to send explains it better.
                    return ended(decoder.eof().map_err(|outcome| explained(outcome, wire.sending.get())));
                }
                Ok(count) => {
                    flight.bytes_received += count as u64;
                    let progress = if discards {
                        Ok(decoder.skip_body(count as u64))
                    } else {
                        let mut seen = worker.seen_heads.borrow_mut();
                        decoder.feed_seen(&buffer[..count], &mut seen, &mut flight.kept)
                    };
                    (count, progress)
                }
                Err(error) => {
                    let outcome = match error.kind() {
                        // TLS ended without its end mark: what came may be cut short.
                        io::ErrorKind::UnexpectedEof => decoder.truncated(),
                        _ => match decoder.reset() {
                            Outcome::ResetBeforeResponse => {
                                broken_outcome(&error).unwrap_or(Outcome::ResetBeforeResponse)
                            }
                            within_it => within_it,
                        },
                    };
                    return ended(Err(explained(outcome, wire.sending.get())));
                }
            };
            if let Ok(Progress::Complete(complete)) = progress {
                flight.first_byte_ns = flight.first_byte_ns.min(now);
                return ended(Ok(complete));
            }
            if flight.first_byte_ns == NOT_YET && decoder.status().is_some() {
                flight.first_byte_ns = now;
                seat.set_deadline(flight.total_due_ns);
            }
            if let Err(outcome) = progress {
                return ended(Err(outcome));
            }
            flight.last_byte_ns = now;
            if !discards {
                let (status, is_curious) = (decoder.status(), &worker.is_curious);
                flight.kept.piece(&buffer[..count], status, is_curious, || worker.take_capture());
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A connection that ended before any response: a failure to send explains it better.
fn explained(outcome: Outcome, sending: Sending) -> Outcome {
    match (outcome, sending) {
        (Outcome::ResetBeforeResponse | Outcome::ClosedBeforeResponse, Sending::Failed(failed)) => failed,
        _ => outcome,
    }
}
