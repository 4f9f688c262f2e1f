//! How a request becomes an answer: the seam between those who know messages (users, authentication, cookies,
//! redirects) and what is spoken over a connection. HTTP/1.1 ([`h1`]) is one of several that can stand here.

pub mod h1;
mod request;

use std::task::{Context, Poll};

pub(crate) use request::{Field, Framing, Piece, Request};

use crate::http::{Complete, Excerpt, Sink};
use crate::plan::Limits;
use crate::record::Outcome;
use crate::transport::{Connection, Net, Transport};

/// One request and its answer after another, over the connections of one user.
///
/// A reset or an orderly close is what [`poll_answer`](Self::poll_answer) sees, and gives as an outcome. That the time
/// is up is known outside, and [`timed_out`](Self::timed_out) says what it means.
pub(crate) trait Exchange {
    /// What the exchanges of a worker have in common: buffers, and what is remembered of answers.
    type Shared: Default;

    /// An exchange that expects no answer yet. The limits hold for each answer.
    fn new(limits: Limits) -> Self;

    /// Writes a request to the end of `out`, which must be sent over one connection as it is. Its answer is expected
    /// from here on.
    fn post(&mut self, request: Request<'_>, out: &mut Vec<u8>);

    /// Receives until the answer has ended, nothing more is there, or the receiver has enough: then ask again.
    ///
    /// # Errors
    /// Why there is no answer. Then the connection is of no use.
    fn poll_answer<C: Connection>(
        &mut self,
        cx: &mut Context<'_>,
        connection: &C,
        shared: &mut Self::Shared,
        receiver: &mut impl Receiver,
    ) -> Poll<Result<Complete, Outcome>>;

    /// The outcome if the time is up now.
    fn timed_out(&self) -> Outcome;

    /// The status of the current answer as far as it is known, even if the answer failed later.
    fn status(&self) -> Option<u16>;

    /// The status of the current answer while its body comes.
    fn status_of_body(&self) -> Option<u16>;

    /// Bytes of the current answer's body so far, without framing.
    fn body_bytes(&self) -> u64;

    /// What the last receive of any exchange left in the buffer: its bytes, and older ones behind them.
    fn received(shared: &Self::Shared) -> &[u8];

    /// What is shown of an answer, to HEAD or not, of which these bytes were received first; of its body, this much at
    /// most.
    fn excerpt(received: &[u8], is_head: bool, most_body: usize) -> Excerpt;

    /// Tells the names and values of an answer's fields. Allocates nothing.
    fn fields(received: &[u8], found: &mut dyn FnMut(&[u8], &[u8]));
}

/// Takes what an exchange receives.
pub(crate) trait Receiver: Sink {
    /// This number of bytes has just arrived, framing included; none at the end of the stream. Told before what is in
    /// them.
    fn received(&mut self, bytes: usize);

    /// The answer, whose status is this as far as it is known, has not ended with what came: these bytes, or `None` if
    /// they were dropped unread. Says whether more may come now.
    fn is_to_continue(&mut self, status: Option<u16>, bytes: Option<&[u8]>) -> bool;

    /// Whether the bytes of the answer are wanted, be they of its body or not.
    fn wants_bytes(&self) -> bool;
}

/// A transport, and what is spoken over its connections.
pub(crate) trait Stack: Transport {
    /// What is spoken.
    type Exchange: Exchange;
}

impl Stack for Net {
    type Exchange = h1::Exchange;
}

#[cfg(test)]
impl Stack for crate::transport::fake::FakeTransport {
    type Exchange = h1::Exchange;
}
