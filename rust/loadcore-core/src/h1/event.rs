//! What the decoder tells: while it decodes ([`Sink`]) and when it returns ([`Progress`], [`Complete`]).

/// Takes what a step wants of a response. Everything is borrowed from the caller's input and gone after the call.
///
/// Calls come in this order: `status`, `header` and `content_encoding` for each line, `final_head`, `body` as often as pieces come. They tell of the
/// final response only; interim (1xx) heads are counted, not told. A response may still fail after any of these calls.
pub trait Sink {
    /// The status of the final response, as soon as its status line is complete.
    fn status(&mut self, _status: u16) {}

    /// One header line of the final response: its name as sent, its value without the whitespace around it. A folded value comes
    /// in one piece, each fold as one space.
    fn header(&mut self, _name: &[u8], _value: &[u8]) {}

    /// Whether to call [`Sink::header`]. Asked once a head or line, so the answer may depend on the status.
    fn wants_headers(&self) -> bool {
        false
    }

    /// The value of one `Content-Encoding` line of the final response: its body comes as it is coded. Called only if the body is
    /// wanted, whether headers are or not.
    fn content_encoding(&mut self, _value: &[u8]) {}

    /// The head of the final response is complete and its framing makes sense.
    fn final_head(&mut self) {}

    /// A piece of the body, without any chunk framing. How a body is cut into pieces depends on how it came.
    fn body(&mut self, _piece: &[u8]) {}

    /// Whether to call [`Sink::body`].
    fn wants_body(&self) -> bool {
        false
    }
}

/// Wants nothing: for responses of which only the outcome counts.
impl Sink for () {}

/// How far a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All of the input is taken and the response is not complete.
    NeedMore,
    /// The response is complete.
    Complete(Complete),
}

/// A response that has ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Complete {
    /// Its status, 200 to 999.
    pub status: u16,
    /// Whether the next request may be sent on the connection: the end was framed, both sides keep the connection, and no
    /// surplus has come.
    pub reusable: bool,
    /// Bytes at the end of the input that belong to no request.
    pub surplus: usize,
    /// Bytes of body, without chunk framing.
    pub body_bytes: u64,
    /// Interim (1xx) responses that came before.
    pub interim: u8,
    /// Seconds the server says it keeps the idle connection (`Keep-Alive: timeout=`), if it says so.
    pub keep_alive_timeout: Option<u16>,
}
