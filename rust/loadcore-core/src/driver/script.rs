//! The driver of users whose code runs beside the engine, such as `async def` users: it decides during the run who
//! joins, what each sends, and when it is over.
//!
//! Engine and script share nothing but two queues: [`Command`]s one way, [`Notice`]s the other. Neither waits for the
//! other, and the script's own numbers say what belongs together. A request of a script has an envelope like a compiled
//! one: redirects, authentication, cookies and a row.
//!
//! A request crosses as one box, a [`Call`], and comes back in it with its answer. The script uses the box again, so that
//! in the long run nothing is allocated for a request.

use std::fmt;
use std::rc::Rc;
use std::task::{Context, Poll};

pub use super::continuing::{IterationsLeft, MayContinue, ScriptChoice};
use crate::record::Outcome;
pub use crate::user::Answer;

/// Code that drives the users of a scenario.
pub trait Script {
    /// The next command. `Pending`: there is none; the task is woken when there is one.
    fn poll_command(&self, cx: &mut Context<'_>) -> Poll<Command>;

    /// Takes note of what has happened. Must not wait.
    fn notice(&self, notice: Notice);

    /// Nothing more comes in this turn.
    fn flush(&self) {}

    /// The loads are of this edition from now on: no user continues by itself under an older one.
    fn edition(&self, edition: u32) {
        let _ = edition;
    }
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
        /// How.
        end: ScriptEnd,
        /// When it began the next one by itself, if it did: see [`MayContinue`].
        next_ns: Option<u64>,
    },
    /// What some requests have in common, who name it by its number. It takes the place of what had that number.
    Form(Box<Form>),
    /// Sends a request. A user may have any number of requests under way: each goes over a connection of its own.
    Send(Box<Call>),
    /// Waits this long from when the call is due, and gives it back without a status.
    Wait {
        /// Its form, URL and headers say nothing.
        call: Box<Call>,
        /// How long.
        wait_ns: u64,
    },
    /// A piece of the body of a request that is sent in pieces.
    Piece {
        /// The request.
        request: RequestKey,
        /// The piece.
        bytes: Vec<u8>,
        /// Whether no piece follows.
        is_last: bool,
    },
    /// Some of a body that is handed over in pieces has been taken: so much more may come.
    Taken {
        /// The request.
        request: RequestKey,
        /// How many bytes.
        bytes: usize,
    },
    /// Enough has come of a body that is handed over in pieces. If what is there already does not end it, its row says
    /// `cut`, and its connection is closed.
    Close {
        /// The request.
        request: RequestKey,
        /// Whose it is.
        user: u32,
    },
    /// Gives up a request: its row says `interrupted`.
    Cancel {
        /// The request.
        request: RequestKey,
    },
    /// Decides a request whose row was held.
    Settle {
        /// The request.
        request: RequestKey,
        /// What it counts as.
        settled: Settled,
    },
    /// Gives a variable of a user's iteration a value, for steps that follow.
    Set {
        /// The user.
        user: u32,
        /// The variable.
        name: String,
        /// Its value.
        value: Vec<u8>,
    },
    /// Something that the script has seen by itself, to be counted.
    Count(Box<Seen>),
    /// The warm-up ends at a moment, where the plan leaves that to the script. Only in a load model of a script's own.
    Steady {
        /// When the code saw to it, which was before the engine heard of it.
        from_ns: u64,
    },
    /// From a moment on all is ramp-down: the code winds up. Requests are still made. Only in a load model of a script's
    /// own.
    RampDown {
        /// When the code began to, which was before the engine heard of it.
        from_ns: u64,
    },
    /// Nothing more comes. In a load model of a script's own it is also the end: no iteration starts any more, and
    /// requests under way may end.
    Finish,
}

/// What a request counts as whose row was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is not an error.
    Ok,
    /// It is an error.
    Error,
    /// Another request took its place: a redirect that the script has followed.
    Superseded,
    /// The code that was to decide it was cut off.
    Interrupted,
}

/// Whose rows are held until [`Command::Settle`] decides them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Holds {
    /// No one's.
    #[default]
    None,
    /// Those of redirects, which the script may follow: of the statuses from 301 to 308.
    Redirects,
    /// Those of all.
    All,
}

/// How a script says that an iteration has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptEnd {
    /// It did all it was to do.
    Complete,
    /// It was given up.
    Failed,
    /// It was cut short, by itself or by the end of the run: its user does nothing more.
    Interrupted,
    /// It broke by a fault of its own. The user rests before its next one: it would only break again.
    Broken,
}

/// What a script has seen by itself.
#[derive(Debug)]
pub enum Seen {
    /// A claim about something, which held or did not.
    Check {
        /// Whose iteration it belongs to.
        user: u32,
        /// The step that it is about; may be empty.
        step: String,
        /// What is claimed.
        name: String,
        /// Whether it held.
        held: bool,
    },
    /// Steps that were timed together.
    Group {
        /// Whose iteration it belongs to.
        user: u32,
        /// Their name.
        name: String,
        /// How long they took.
        duration_ns: u64,
        /// Whether none of them failed.
        is_ok: bool,
    },
    /// Something that took time but was not a request of the engine's: it has a row of the section `user`.
    Row {
        /// Who did it.
        user: u32,
        /// Its name.
        name: String,
        /// What results show for its method.
        kind: String,
        /// When it began.
        started_ns: u64,
        /// How long it took.
        duration_ns: u64,
        /// How many bytes came.
        bytes: u64,
        /// Whether it failed.
        is_error: bool,
    },
}

/// The number of a request, chosen by the script. A slot is used again when the call has come back, with another
/// generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RequestKey {
    /// A small number: one of those that have nothing under way.
    pub slot: u32,
    /// Never the same twice for a slot.
    pub generation: u32,
}

/// What some requests have in common.
#[derive(Debug, Clone, Default)]
pub struct Form {
    /// Its number: a small one.
    pub number: u32,
    /// What they are counted under. A new name is reported to the writer.
    pub name: String,
    /// In capitals.
    pub method: String,
    /// Timeouts, where they differ from those of the run.
    pub timeouts: FormTimeouts,
    /// Statuses that are not errors, as inclusive ranges; without any those below 400.
    pub expect: Vec<(u16, u16)>,
    /// Instead of that of the run.
    pub max_redirects: Option<u8>,
    /// Whether they go without the scenario's authentication.
    pub is_anonymous: bool,
    /// Whether they belong to what a user does once: to its start or its stop.
    pub is_once: bool,
    /// Whose rows are held.
    pub holds: Holds,
    /// Whether the bodies of their answers are handed over in pieces, each as it comes. The time that is allowed for all
    /// of an answer is then allowed for its head, and for each piece after the one before.
    pub is_streamed: bool,
}

/// Timeouts that differ from those of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct FormTimeouts {
    /// To connect.
    pub connect_ns: Option<u64>,
    /// To the first byte of a response.
    pub first_byte_ns: Option<u64>,
    /// To its last.
    pub total_ns: Option<u64>,
}

/// A request that is made at run time, and its answer when it comes back.
#[derive(Debug, Default)]
pub struct Call {
    /// Its number.
    pub key: RequestKey,
    /// Whose it is.
    pub user: u32,
    /// The number of its form.
    pub form: u32,
    /// Absolute, or behind the scenario's base URL.
    pub url: String,
    /// Besides those of the scenario, and instead of those of the same name.
    pub headers: Headers,
    /// How its body comes.
    pub framing: BodyFraming,
    /// Its body, if it is whole.
    pub body: Vec<u8>,
    /// When it should have been sent. Otherwise the first request of an iteration is due when that was, and others when
    /// they were made.
    pub due_ns: Option<u64>,
    /// When it was made, if not now.
    pub made_ns: Option<u64>,
    /// For how long its script had been kept from making it.
    pub script_lag_ns: u64,
    /// What came back.
    pub answer: Answer,
}

/// How the body of a request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BodyFraming {
    /// Not at all.
    #[default]
    None,
    /// All of it with the head.
    Whole,
    /// In pieces, which follow by [`Command::Piece`], each sent as it comes.
    Pieces,
}

/// Names and values of headers, in one piece of memory that is used again.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    bytes: Vec<u8>,
    lengths: Vec<(usize, usize)>,
}

impl Headers {
    /// Adds one.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(value);
        self.lengths.push((name.len(), value.len()));
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.lengths.clear();
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = &self.bytes[..];
        self.lengths.iter().map(move |(name, value)| {
            let (header, after) = rest.split_at(name + value);
            rest = after;
            header.split_at(*name)
        })
    }

    /// The value of the first of this name, however that is written.
    #[must_use]
    pub fn first(&self, wanted: &str) -> Option<&[u8]> {
        self.iter().find_map(|(name, value)| name.eq_ignore_ascii_case(wanted.as_bytes()).then_some(value))
    }
}

/// What a script learns.
#[derive(Debug)]
pub enum Notice {
    /// The load model has an iteration for a user; [`Command::End`] ends it.
    Iterate(Iterate),
    /// The end of the run cut the iteration of a user short. What it has under way may end, and it may clean up for a
    /// moment.
    Interrupted {
        /// The user.
        user: u32,
    },
    /// The head of an answer has come whose body is handed over in pieces.
    Opened(Box<Head>),
    /// A piece of such a body. As much as has not been [`Taken`](Command::Taken) is bounded: no more is received.
    Piece(Piece),
    /// A call has ended.
    Ended(Box<Call>),
    /// No more iterations are to begin. The script ends what it has begun, and says [`Command::Finish`].
    Stopping,
    /// Nothing is taken any more.
    Closed,
}

/// The head of an answer.
#[derive(Debug, Default)]
pub struct Head {
    /// Of which request.
    pub request: RequestKey,
    /// Its status.
    pub status: u16,
    /// Whether that counts as an error.
    pub is_error: bool,
    /// Its fields.
    pub headers: Headers,
    /// When the request was due.
    pub due_ns: u64,
    /// When it was sent.
    pub started_ns: u64,
    /// When the first byte came.
    pub first_byte_ns: u64,
    /// Where redirects led.
    pub moved_to: Option<Box<str>>,
}

/// A piece of the body of an answer.
#[derive(Debug)]
pub struct Piece {
    /// Of which request.
    pub request: RequestKey,
    /// The piece, as it came: compressed, it may be.
    pub bytes: Vec<u8>,
    /// When it came.
    pub at_ns: u64,
    /// How long it was waited for: since the piece before it, less the time in which none was received.
    pub waited_ns: u64,
}

/// An iteration, or what precedes or follows all of them, that a script is to do.
#[derive(Debug)]
pub struct Iterate {
    /// The user.
    pub user: u32,
    /// The user's iteration, from 0.
    pub iteration: u32,
    /// Which of the plan's scripts.
    pub script: u32,
    /// What it is.
    pub part: ScriptPart,
    /// When it was due.
    pub due_ns: u64,
    /// When the engine noticed it.
    pub noticed_ns: u64,
    /// Variables that have a value: the row that feeders gave it, and what its start took from responses.
    pub variables: Vec<(String, Vec<u8>)>,
    /// Whether its user may begin those after it by itself.
    pub may_continue: Option<MayContinue>,
}

/// What a script is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptPart {
    /// A user's start.
    Start,
    /// An iteration.
    Iteration,
    /// A user's stop.
    Stop,
}

impl ScriptPart {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Iteration => "iteration",
            Self::Stop => "stop",
        }
    }
}

impl Answer {
    /// Whether a response arrived.
    #[must_use]
    pub fn has_arrived(&self) -> bool {
        self.outcome == Outcome::Ok && self.status > 0
    }
}
