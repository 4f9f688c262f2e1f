//! One request out, one response in: the future that every request goes through.
//!
//! Written by hand, because it is polled a few million times a minute: no `select!`, no `timeout()`, no channel, no
//! allocation. One clock reading for each receive; the other, for the send, is the outbox's.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::outbox::{Sending, Wire};
use super::worker::Worker;
use crate::h1::{Complete, Decoder, Progress, Sink};
use crate::plan::Timeouts;
use crate::record::Outcome;
use crate::timer::Seat;
use crate::transport::{Connection, Transport};

/// A body of which at least this much is to come, and which nobody wants to see, is dropped in the kernel.
const WORTH_DISCARDING: u64 = 16 * 1024;

/// How an exchange ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) result: Result<Complete, Outcome>,
    /// When it was sent; `None` if it never was.
    pub(crate) started_ns: Option<u64>,
    pub(crate) first_byte_ns: Option<u64>,
    pub(crate) end_ns: u64,
    pub(crate) bytes_received: u64,
}

/// A request that has been posted, until its response has ended.
pub(crate) struct Exchange<'a, T: Transport, S> {
    worker: &'a Worker<T>,
    seat: &'a Seat,
    wire: &'a Rc<Wire<T::Connection>>,
    decoder: &'a mut Decoder,
    sink: &'a mut S,
    total_ns: u64,
    /// When the last byte has to be there.
    total_due_ns: u64,
    first_byte_ns: Option<u64>,
    last_byte_ns: u64,
    bytes_received: u64,
}

impl<'a, T: Transport, S: Sink> Exchange<'a, T, S> {
    /// `wire` carries a request that has just been posted, and `decoder` has been started.
    pub(crate) fn new(
        worker: &'a Worker<T>,
        seat: &'a Seat,
        wire: &'a Rc<Wire<T::Connection>>,
        decoder: &'a mut Decoder,
        sink: &'a mut S,
        timeouts: &Timeouts,
    ) -> Self {
        let now = worker.timer.recent();
        let total_due_ns = now.saturating_add(timeouts.total_ns);
        let first_byte_due_ns =
            timeouts.first_byte_ns.map_or(total_due_ns, |timeout_ns| now.saturating_add(timeout_ns));
        seat.set_deadline(first_byte_due_ns.min(total_due_ns));
        Self {
            worker,
            seat,
            wire,
            decoder,
            sink,
            total_ns: timeouts.total_ns,
            total_due_ns,
            first_byte_ns: None,
            last_byte_ns: 0,
            bytes_received: 0,
        }
    }

    fn ended(&mut self, result: Result<Complete, Outcome>, end_ns: u64) -> Ended {
        self.seat.clear_deadline();
        let started_ns = (self.wire.sending.get() != Sending::Queued).then(|| self.wire.started_ns.get());
        Ended { result, started_ns, first_byte_ns: self.first_byte_ns, end_ns, bytes_received: self.bytes_received }
    }

    /// Receives until the response has ended or nothing is there.
    fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<(Result<Complete, Outcome>, u64)> {
        let mut buffer = self.worker.receive_buffer.borrow_mut();
        let connection = &self.wire.connection;
        loop {
            let discard = match self.decoder.body_remaining() {
                Some(rest) if rest >= WORTH_DISCARDING && !self.sink.wants_body() => {
                    let room = buffer.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
                    connection.poll_discard(cx, &mut buffer[..room])
                }
                _ => None,
            };
            let discards = discard.is_some();
            let Poll::Ready(received) = discard.unwrap_or_else(|| connection.poll_receive(cx, &mut buffer)) else {
                return Poll::Pending;
            };
            let now = self.worker.timer.now();
            let progress = match received {
                Ok(0) => return Poll::Ready((self.closed(), now)),
                Ok(count) => {
                    self.bytes_received += count as u64;
                    self.last_byte_ns = now;
                    if discards {
                        Ok(self.decoder.skip_body(count as u64))
                    } else {
                        let mut seen = self.worker.seen_heads.borrow_mut();
                        self.decoder.feed_seen(&buffer[..count], &mut seen, self.sink)
                    }
                }
                Err(error) => return Poll::Ready((Err(self.broken(&error)), now)),
            };
            if self.first_byte_ns.is_none() && self.decoder.status().is_some() {
                self.first_byte_ns = Some(now);
                self.seat.set_deadline(self.total_due_ns);
            }
            match progress {
                Ok(Progress::NeedMore) => {}
                Ok(Progress::Complete(complete)) => return Poll::Ready((Ok(complete), now)),
                Err(outcome) => return Poll::Ready((Err(outcome), now)),
            }
        }
    }

    /// The outcome of an orderly end of the stream. If it came before any response, a failure to send explains it better.
    fn closed(&mut self) -> Result<Complete, Outcome> {
        match (self.decoder.eof(), self.wire.sending.get()) {
            (Err(Outcome::ClosedBeforeResponse), Sending::Failed(outcome)) => Err(outcome),
            (result, _) => result,
        }
    }

    fn broken(&self, error: &io::Error) -> Outcome {
        let outcome = match error.kind() {
            // TLS ended without its end mark: what came may be cut short.
            io::ErrorKind::UnexpectedEof => self.decoder.truncated(),
            _ => self.decoder.reset(),
        };
        match (outcome, self.wire.sending.get()) {
            (Outcome::ResetBeforeResponse | Outcome::ClosedBeforeResponse, Sending::Failed(failed)) => failed,
            _ => outcome,
        }
    }

    /// The outcome of a time-out: by what was waited for, or, if bytes kept coming in its last quarter, `timeout_total`.
    fn timed_out(&self, now: u64) -> Outcome {
        let still_coming = self.bytes_received > 0 && now.saturating_sub(self.last_byte_ns) < self.total_ns / 4;
        if now >= self.total_due_ns && still_coming { Outcome::TimeoutTotal } else { self.decoder.timed_out() }
    }
}

impl<T: Transport, S: Sink> Future for Exchange<'_, T, S> {
    type Output = Ended;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        let this = self.get_mut();
        match this.wire.sending.get() {
            // Registers for what is to come. If something is there already, it is looked at when the request is sent.
            Sending::Queued => {
                if this.wire.connection.poll_receive_ready(cx).is_ready() {
                    this.worker.outbox.wake_when_sent(cx.waker());
                }
            }
            sending => {
                if sending == Sending::Partly {
                    // An early response is looked for whether or not all is sent.
                    let _ = this.wire.poll_send_rest(cx);
                }
                if let Poll::Ready((result, now)) = this.poll_response(cx) {
                    return Poll::Ready(this.ended(result, now));
                }
            }
        }
        if this.seat.is_overdue() {
            let now = this.worker.timer.now();
            let outcome = this.timed_out(now);
            return Poll::Ready(this.ended(Err(outcome), now));
        }
        if this.seat.is_interrupted() {
            let now = this.worker.timer.now();
            return Poll::Ready(this.ended(Err(Outcome::Interrupted), now));
        }
        Poll::Pending
    }
}
