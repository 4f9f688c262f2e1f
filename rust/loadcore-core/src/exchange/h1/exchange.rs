//! A request and its response over a connection.
//!
//! Written by hand, because it is polled a few million times a minute: one `recv` for a response, no future of its own,
//! no allocation.

use std::io;
use std::task::{Context, Poll, ready};

use super::excerpt::{excerpt, fields_of};
use super::{Decoder, Progress, SeenHeads};
use crate::exchange::{Receiver, Request};
use crate::http::{Complete, Excerpt};
use crate::plan::Limits;
use crate::record::Outcome;
use crate::transport::{Connection, broken_outcome};

/// As much as one `recv` takes at most. One buffer serves all connections.
const RECEIVE_BUFFER: usize = 256 * 1024;

/// A body of which at least this much remains, and which is not needed, is dropped in the kernel.
const WORTH_DISCARDING: u64 = 16 * 1024;

/// After this number of receives in a row that each filled the buffer, others have their turn.
const RECEIVES_IN_A_ROW: u32 = 16;

/// The requests and responses of one user.
#[derive(Debug)]
pub(crate) struct Exchange {
    decoder: Decoder,
}

/// What the exchanges of a worker have in common.
pub(crate) struct Shared {
    buffer: Box<[u8]>,
    /// Heads of responses as they came before: a server says much the same all the time.
    seen: SeenHeads,
}

impl Default for Shared {
    fn default() -> Self {
        Self { buffer: vec![0; RECEIVE_BUFFER].into(), seen: SeenHeads::new() }
    }
}

impl crate::exchange::Exchange for Exchange {
    type Shared = Shared;

    fn new(limits: Limits) -> Self {
        Self { decoder: Decoder::new(limits) }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "happens for every request, in one place")]
    fn post(&mut self, request: Request<'_>, out: &mut Vec<u8>) {
        self.decoder.start(request.is_head());
        out.extend_from_slice(request.as_written());
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "happens for every request, in one place")]
    fn poll_answer<C: Connection>(
        &mut self,
        cx: &mut Context<'_>,
        connection: &C,
        shared: &mut Shared,
        receiver: &mut impl Receiver,
    ) -> Poll<Result<Complete, Outcome>> {
        let Shared { buffer, seen } = shared;
        for _ in 0..RECEIVES_IN_A_ROW {
            let discard = match self.decoder.body_remaining() {
                Some(rest) if rest >= WORTH_DISCARDING && !receiver.wants_bytes() => {
                    let room = buffer.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
                    connection.poll_discard(cx, &mut buffer[..room])
                }
                _ => None,
            };
            let is_discarded = discard.is_some();
            let came = ready!(discard.unwrap_or_else(|| connection.poll_receive(cx, buffer)));
            receiver.received(*came.as_ref().unwrap_or(&0));
            let (count, progress) = match came {
                Ok(0) => return Poll::Ready(self.decoder.eof()),
                Ok(count) if is_discarded => (count, self.decoder.skip_body(count as u64)),
                Ok(count) => (count, self.decoder.feed_seen(&buffer[..count], seen, receiver)?),
                Err(error) => return Poll::Ready(Err(self.broken(&error))),
            };
            match progress {
                Progress::Complete(complete) => return Poll::Ready(Ok(complete)),
                Progress::NeedMore => {
                    let bytes = (!is_discarded).then_some(&buffer[..count]);
                    if !receiver.is_to_continue(self.decoder.status(), bytes) {
                        return Poll::Pending;
                    }
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn timed_out(&self) -> Outcome {
        self.decoder.timed_out()
    }

    #[inline]
    fn status(&self) -> Option<u16> {
        self.decoder.status()
    }

    fn status_of_body(&self) -> Option<u16> {
        self.decoder.status_of_body()
    }

    fn body_bytes(&self) -> u64 {
        self.decoder.body_bytes()
    }

    fn received(shared: &Shared) -> &[u8] {
        &shared.buffer
    }

    fn excerpt(received: &[u8], is_head: bool, most_body: usize) -> Excerpt {
        excerpt(received, is_head, most_body)
    }

    fn fields(received: &[u8], found: &mut dyn FnMut(&[u8], &[u8])) {
        fields_of(received, found);
    }
}

impl Exchange {
    /// The outcome of a connection that failed.
    #[cold]
    fn broken(&self, error: &io::Error) -> Outcome {
        match error.kind() {
            // TLS ended without its end mark: what came may be cut short.
            io::ErrorKind::UnexpectedEof => self.decoder.truncated(),
            _ => match self.decoder.reset() {
                Outcome::ResetBeforeResponse => broken_outcome(error).unwrap_or(Outcome::ResetBeforeResponse),
                within_it => within_it,
            },
        }
    }
}
