//! The driver of users whose code runs beside the engine, such as `async def` users: it decides during the run who
//! joins, what each sends, and when it is over.
//!
//! Engine and script share nothing but two queues: [`Command`]s one way, [`Notice`]s the other. Neither waits for the
//! other, and the script's own numbers say what belongs together. A request of a script has an envelope like a compiled
//! one: redirects, authentication, cookies and a row.

use std::fmt;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::plan::Timeouts;
use crate::record::Outcome;

/// Code that drives the users of a scenario.
pub trait Script {
    /// The next command. `Pending`: there is none; the task is woken when there is one.
    fn poll_command(&self, cx: &mut Context<'_>) -> Poll<Command>;

    /// Takes note of what has happened. Must not wait.
    fn notice(&self, notice: Notice);
}

/// Makes a script, on the engine's thread.
pub struct MakeScript(Box<dyn FnOnce() -> Rc<dyn Script> + Send>);

/// The scripts of a run's scenarios, in their order.
pub(crate) type Scripts = Vec<Option<Rc<dyn Script>>>;

impl MakeScript {
    /// A script that is made by `make`.
    pub fn new(make: impl FnOnce() -> Rc<dyn Script> + Send + 'static) -> Self {
        Self(Box::new(make))
    }

    pub(crate) fn make(self) -> Rc<dyn Script> {
        self.0()
    }
}

impl fmt::Debug for MakeScript {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MakeScript")
    }
}

/// What a script wants to be done. One that makes no sense any more, since its user or its request is gone, is left
/// out.
#[derive(Debug)]
pub enum Command {
    /// A user joins; numbers of users are counted over all workers.
    Join {
        /// The user.
        user: u32,
    },
    /// A user leaves: its requests are cancelled, its connections closed.
    Leave {
        /// The user.
        user: u32,
    },
    /// A user that joined begins an iteration.
    Begin {
        /// The user.
        user: u32,
    },
    /// A user has ended its iteration: one that it began, or one that it was given by [`Notice::Iterate`].
    End {
        /// The user.
        user: u32,
        /// Whether it did all it was to do.
        is_complete: bool,
    },
    /// Sends a request. A user may have any number of requests under way: each goes over a connection of its own.
    Send(Box<Request>),
    /// A piece of the body of a request that is sent in pieces.
    Piece {
        /// The request.
        request: RequestKey,
        /// The piece.
        bytes: Vec<u8>,
        /// Whether no piece follows.
        is_last: bool,
    },
    /// Gives up a request: its row says `interrupted`.
    Cancel {
        /// The request.
        request: RequestKey,
    },
    /// Decides a request whose row was held: whether it is an error.
    Settle {
        /// The request.
        request: RequestKey,
        /// Whether it is an error.
        is_error: bool,
    },
    /// The run is over: no iteration starts any more, and requests under way may end.
    Finish,
}

/// The number of a request, chosen by the script: never the same twice in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestKey(pub u64);

/// A request that is made at run time.
#[derive(Debug)]
pub struct Request {
    /// Its number.
    pub key: RequestKey,
    /// Whose it is.
    pub user: u32,
    /// What it is counted under. A new name is reported to the writer.
    pub name: String,
    /// In capitals.
    pub method: String,
    /// Absolute, or joined to the scenario's base URL.
    pub url: String,
    /// Besides those of the scenario, and instead of those of the same name.
    pub headers: Vec<(String, String)>,
    /// What follows its head.
    pub body: Body,
    /// Timeouts, instead of those of the run.
    pub timeouts: Option<Timeouts>,
    /// Statuses that are not errors, as inclusive ranges; without any those below 400.
    pub expect: Vec<(u16, u16)>,
    /// Instead of that of the run.
    pub max_redirects: Option<u8>,
    /// Whether it goes without the scenario's authentication.
    pub is_anonymous: bool,
    /// Whether its row is held until [`Command::Settle`] decides it.
    pub is_settled_later: bool,
    /// When it should have been sent; otherwise now.
    pub due_ns: Option<u64>,
}

/// The body of a request.
#[derive(Debug, Default)]
pub enum Body {
    /// None.
    #[default]
    None,
    /// All of it.
    Whole(Vec<u8>),
    /// Pieces, which follow by [`Command::Piece`], each sent as it comes.
    Pieces,
}

/// What a script learns.
#[derive(Debug)]
pub enum Notice {
    /// The load model has an iteration for a user; [`Command::End`] ends it.
    Iterate {
        /// The user.
        user: u32,
        /// The user's iteration, from 0.
        iteration: u32,
        /// When it was due.
        due_ns: u64,
        /// Variables that have a value: the row that feeders gave it, and what its start took from responses.
        variables: Vec<(String, Vec<u8>)>,
    },
    /// The end of the run cut the iteration of a user short.
    Interrupted {
        /// The user.
        user: u32,
    },
    /// A request has its response.
    Answered {
        /// The request.
        request: RequestKey,
        /// Its response.
        response: Response,
    },
    /// A request has no response, and will have none.
    Unanswered {
        /// The request.
        request: RequestKey,
        /// Why.
        outcome: Outcome,
        /// When it was given up.
        ended_ns: u64,
    },
    /// No more iterations are to begin. The script ends what it has begun, and says [`Command::Finish`].
    Stopping,
}

/// The response to a request, after redirects.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Names and values, in the order they came in.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body, decoded if it came compressed.
    pub body: Vec<u8>,
    /// Send to last byte.
    pub service_ns: u64,
    /// When the last byte came.
    pub ended_ns: u64,
}
