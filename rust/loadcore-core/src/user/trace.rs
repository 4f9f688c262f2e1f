//! `traceparent` (W3C Trace Context) on a sample of a run's requests: it leads from a slow one to what servers saw of it.
//!
//! The first half of a trace's id is the run's. The second half, and whether there is a trace at all, is drawn from the
//! plan's seed for the n-th request of an iteration: the same run traces the same requests.

use std::cell::RefCell;
use std::collections::HashMap;
use std::num::NonZeroU64;

use super::User;
use super::lane::Lane;
use super::message::Message;
use super::state::State;
use crate::exchange::Stack;
use crate::program::{Program, ScenarioProgram, Want};
use crate::random::Random;
use crate::record::{Record, ScenarioId, Trace};

const TRACEPARENT: &[u8] = b"traceparent";

/// Which requests of a worker are traced.
#[derive(Debug)]
pub(crate) struct Tracing {
    prefix: u64,
    /// The largest draw of one that is.
    most: u64,
    turns: RefCell<HashMap<(ScenarioId, u32), Turn>>,
    /// What was rendered of a message while it is posted with its header; between messages, memory.
    beside: RefCell<Vec<u8>>,
}

/// The iteration that a user is in, and how many requests of it have been sent.
#[derive(Debug, Default)]
struct Turn {
    arrival: Option<u64>,
    iteration: u32,
    requests: u64,
}

impl Tracing {
    /// `None` if none is.
    pub(super) fn new(program: &Program) -> Option<Self> {
        let sample = program.http.trace_sample;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share"
        )]
        let most = (sample * u64::MAX as f64) as u64;
        (sample > 0.0).then(|| Self {
            prefix: program.trace_prefix,
            most,
            turns: RefCell::default(),
            beside: RefCell::default(),
        })
    }

    /// The trace of a user's next request, if it is one of the sample.
    fn draw(&self, scenario: &ScenarioProgram, user: &State) -> Option<NonZeroU64> {
        let mut turns = self.turns.borrow_mut();
        let turn = turns.entry((scenario.id, user.number)).or_default();
        if (turn.arrival, turn.iteration) != (user.arrival, user.iteration) {
            *turn = Turn { arrival: user.arrival, iteration: user.iteration, requests: 0 };
        }
        turn.requests += 1;
        // An arrival and an iteration of the same number are two things.
        let iteration = match user.arrival {
            Some(arrival) => Random::new(scenario.seed, "traces of arrivals", arrival),
            None => Random::new(scenario.seed, "traces of users", own_key(user)),
        };
        self.sampled(iteration, turn.requests)
    }

    /// The trace of a request for a token, if it is one of the sample. When a token is asked for depends on clocks: that
    /// must not change which of the iteration's requests are.
    fn draw_for_token(&self, scenario: &ScenarioProgram, user: &State, due_ns: u64) -> Option<NonZeroU64> {
        self.sampled(Random::new(scenario.seed, "traces of tokens", own_key(user)), due_ns)
    }

    /// The trace of one of the requests of something, if it is one of the sample.
    fn sampled(&self, mut chance: Random, number: u64) -> Option<NonZeroU64> {
        let mut request = Random::keyed(chance.next_u64(), number);
        let is_sampled = request.next_u64() <= self.most;
        NonZeroU64::new(request.next_u64()).filter(|_| is_sampled)
    }
}

/// What no other iteration of a user of the scenario has.
fn own_key(user: &State) -> u64 {
    u64::from(user.number) << 32 | u64::from(user.iteration)
}

/// What is known of the trace of a user's request.
#[derive(Debug, Clone)]
pub(super) struct Tracked {
    id: NonZeroU64,
    /// How many messages have been sent for it.
    messages: u64,
    /// The trace, with the span of the last of them.
    pub(super) sent: Option<Trace>,
}

impl Tracked {
    const fn of(id: NonZeroU64) -> Self {
        Self { id, messages: 0, sent: None }
    }

    /// The header of its next message: each is a span of its own.
    fn next(&mut self, prefix: u64) -> String {
        let id = self.id;
        self.messages += 1;
        let span = NonZeroU64::new(Random::keyed(id.get(), self.messages).next_u64()).unwrap_or(NonZeroU64::MIN);
        let trace = Trace { id, span };
        self.sent = Some(trace);
        header(prefix, trace)
    }
}

fn header(prefix: u64, Trace { id, span }: Trace) -> String {
    format!("00-{prefix:016x}{id:016x}-{span:016x}-01")
}

impl<T: Stack> User<T> {
    /// Decides over the trace of a request for a token, which is sent next.
    pub(super) fn trace_token(&mut self, scenario: &ScenarioProgram, due_ns: u64) {
        let tracing = self.worker.tracing.as_ref();
        let id = tracing.and_then(|tracing| tracing.draw_for_token(scenario, &self.state, due_ns));
        self.lane.flight.trace = id.map(Tracked::of).map(Box::new);
    }

    /// Puts a `traceparent` into the message that is posted next, if it is traced; one that has the header keeps its own.
    /// Until [`User::end_traced`] the user's request has it, too.
    #[cold]
    pub(super) fn begin_traced(&mut self, scenario: &ScenarioProgram, message: &Message<'_>) -> bool {
        let Self { worker, state, lane: Lane { rendered, flight, .. }, .. } = self;
        let Some(tracing) = &worker.tracing else { return false };
        let request = rendered.request(message.request);
        if flight.attempts == 0 && !message.want.has(Want::AGAIN) {
            flight.trace = tracing.draw(scenario, state).map(Tracked::of).map(Box::new);
        }
        if request.fields().any(|(name, _)| name.eq_ignore_ascii_case(TRACEPARENT)) {
            flight.trace = None;
        }
        let Some(trace) = &mut flight.trace else { return false };
        let header = trace.next(tracing.prefix);
        let mut bytes = tracing.beside.borrow_mut();
        bytes.clear();
        request.write_with((TRACEPARENT, header.as_bytes()), &mut bytes);
        std::mem::swap(&mut *bytes, &mut rendered.bytes);
        true
    }

    /// Makes the user's request what it was before.
    #[cold]
    pub(super) fn end_traced(&mut self) {
        if let Some(tracing) = &self.worker.tracing {
            std::mem::swap(&mut *tracing.beside.borrow_mut(), &mut self.lane.rendered.bytes);
        }
    }

    /// The header of a message that was sent with this trace.
    #[cold]
    pub(super) fn traceparent(&self, trace: Trace) -> Option<(Vec<u8>, Vec<u8>)> {
        let tracing = self.worker.tracing.as_ref()?;
        Some((TRACEPARENT.to_vec(), header(tracing.prefix, trace).into_bytes()))
    }

    /// Notes the trace of a row that is counted next, if its request was sent.
    #[cold]
    pub(super) fn note_trace(&self, row: &Record) {
        if row.attempts > 0
            && let Some(trace) = self.lane.flight.sent_trace()
        {
            self.worker.recorder.borrow_mut().traced(row, trace);
        }
    }
}
