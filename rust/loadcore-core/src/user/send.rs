//! Sends one message and waits for its response, over a connection that is kept, opened or replaced; records the row.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use super::User;
use super::capture::Retained;
use super::flight::{Ended, NOT_YET};
use super::lane::Lane;
use super::message::{Answer, Message};
use super::sample::Unsent;
use crate::driver::script::Settled;
use crate::exchange::{Exchange, Stack};
use crate::program::{OriginId, ScenarioProgram, Want, is_idempotent};
use crate::record::{Outcome, Record, StepId, Trace};
use crate::recorder::Recorder;
use crate::sample::{Class, Seen, What};
use crate::step::{Builtins, Variables};

/// A row that is withheld, and the sample that it is if it is an error and one is wanted. Its answer is reported
/// already, except for what it counts as.
pub(super) struct HeldRow {
    row: Record,
    sample: Option<(Class, Seen)>,
    trace: Option<Trace>,
}

impl HeldRow {
    /// Records the row, now that it is known what it counts as.
    pub(super) fn settle(self, recorder: &mut Recorder, settled: Settled) {
        let error = settled == Settled::Error;
        let outcome = if settled == Settled::Interrupted { Outcome::Interrupted } else { self.row.outcome };
        let row = Record { error, outcome, superseded: settled == Settled::Superseded, ..self.row };
        count(recorder, &row, self.trace);
        if let Some((class, seen)) = self.sample.filter(|_| error) {
            recorder.sample(class, seen);
        }
    }
}

/// Counts a row that was withheld.
fn count(recorder: &mut Recorder, row: &Record, trace: Option<Trace>) {
    if let Some(trace) = trace {
        recorder.traced(row, trace);
    }
    recorder.count(row);
}

/// Why there is no response.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoAnswer {
    pub(super) outcome: Outcome,
    pub(super) ended_ns: u64,
}

/// What has become of a message that was under way.
pub(super) enum Landed {
    Answer(Answer),
    /// It has failed, and has been recorded.
    NoAnswer(NoAnswer),
    /// Its connection was stale: it must be sent once more.
    SendAgain,
}

/// How far sending a message has come.
pub(super) enum Sent {
    Ended(Result<Answer, NoAnswer>),
    NeedsConnection,
}

/// Why a message is not under way.
pub(super) enum NotSent {
    /// It needs a connection to its origin.
    NeedsConnection,
    /// It cannot be sent at all, and has been recorded.
    Refused(NoAnswer),
}

impl<T: Stack> User<T> {
    /// Sends a message that was due at `due_ns`. Exactly one row is recorded, whatever happens.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` keeps its arguments twice, and every user pays for that")]
    pub(super) fn send(
        &mut self,
        scenario: &ScenarioProgram,
        message: &Message<'_>,
        due_ns: u64,
    ) -> impl Future<Output = Result<Answer, NoAnswer>> {
        async move {
            loop {
                let poll = |cx: &mut Context<'_>| {
                    if message.want.has(Want::STREAMED) {
                        self.poll_streamed(cx, scenario, message, due_ns)
                    } else {
                        self.poll_send(cx, scenario, message, due_ns)
                    }
                };
                if let Sent::Ended(result) = poll_fn(poll).await {
                    return result;
                }
                if let Err(outcome) = self.open(message.origin, message.request.envelope.timeouts.connect_ns).await {
                    return Err(self.refuse(scenario, due_ns, &Unsent::message(message, outcome)));
                }
            }
        }
    }

    pub(super) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        scenario: &ScenarioProgram,
        message: &Message<'_>,
        due_ns: u64,
    ) -> Poll<Sent> {
        if self.is_under_way() {
            let ended = ready!(self.poll_flight_aside(cx));
            match self.land_aside(scenario, message, due_ns, ended) {
                Landed::Answer(mut answer) => {
                    self.keep_body(&mut answer.kept);
                    return Poll::Ready(Sent::Ended(Ok(answer)));
                }
                Landed::NoAnswer(failed) => return Poll::Ready(Sent::Ended(Err(failed))),
                Landed::SendAgain => {}
            }
        }
        match self.launch(cx, scenario, message, due_ns) {
            Ok(()) => Poll::Pending,
            Err(NotSent::NeedsConnection) => Poll::Ready(Sent::NeedsConnection),
            Err(NotSent::Refused(refused)) => Poll::Ready(Sent::Ended(Err(refused))),
        }
    }

    /// Posts a message. From then on it is under way, and the task is woken when something comes.
    #[inline(always)]
    pub(super) fn launch(
        &mut self,
        cx: &mut Context<'_>,
        scenario: &ScenarioProgram,
        message: &Message<'_>,
        due_ns: u64,
    ) -> Result<(), NotSent> {
        if self.lane.task.is_interrupted() {
            let unsent = Unsent::message(message, Outcome::Interrupted);
            return Err(NotSent::Refused(self.refuse(scenario, due_ns, &unsent)));
        }
        let now = self.worker.timer.recent();
        let is_new = self.lane.flight.opened.is_some();
        let Some((wire, quiet)) = self.lane.connections.ready(message.origin, is_new, now, cx) else {
            return Err(NotSent::NeedsConnection);
        };
        let is_traced = message.want.has(Want::TRACED) && self.begin_traced(scenario, message);
        let Self { worker, lane: Lane { exchange, rendered, .. }, .. } = self;
        let length = worker.outbox.post(&wire, self.lane.task.index(), self.lane.flight.attempts == 0, |out| {
            exchange.post(rendered.request(message.request), out);
        });
        if is_traced {
            self.end_traced();
        }
        if !quiet {
            // What already exists is looked at when the request is sent.
            self.worker.outbox.wake_when_sent(cx.waker());
        }
        let timeouts = &message.request.envelope.timeouts;
        self.lane
            .task
            .set_deadline(now.saturating_add(timeouts.first_byte_ns.unwrap_or(u64::MAX).min(timeouts.total_ns)));
        let most_body = self.worker.program.http.limits.kept_body_bytes;
        self.lane.flight.arrival.kept.want(message.want, most_body, || self.worker.take_capture());
        if self.lane.upload.is_some() {
            wire.is_open.set(true);
        }
        self.lane.flight.begin(wire, length, timeouts, now);
        Ok(())
    }

    /// Waits for the response to the message that is under way, and records it.
    ///
    /// A request that was written to a used connection just when the server closed it is sent again, on a new one: if
    /// it is idempotent, and if not a byte of a response has come. Its clock keeps running.
    #[inline(always)]
    pub(super) fn poll_land(
        &mut self,
        cx: &mut Context<'_>,
        scenario: &ScenarioProgram,
        message: &Message<'_>,
        due_ns: u64,
    ) -> Poll<Landed> {
        let ended = ready!(self.poll_flight(cx));
        Poll::Ready(self.land(scenario, message, due_ns, ended))
    }

    /// The same as `poll_flight`, for what a walk leaves to others: what walks go through stays one piece of code.
    #[inline(never)]
    pub(super) fn poll_flight_aside(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        self.poll_flight(cx)
    }

    /// The same as `land`, for those.
    #[inline(never)]
    pub(super) fn land_aside(
        &mut self,
        scenario: &ScenarioProgram,
        message: &Message<'_>,
        due_ns: u64,
        ended: Ended,
    ) -> Landed {
        self.land(scenario, message, due_ns, ended)
    }

    /// Takes the end of the attempt that was under way.
    #[inline(always)]
    fn land(
        &mut self,
        scenario: &ScenarioProgram,
        message: &Message<'_>,
        due_ns: u64,
        Ended { result, end_ns }: Ended,
    ) -> Landed {
        let reusable = self.lane.flight.end();
        let complete = match result {
            Ok(complete) => complete,
            Err(outcome) => {
                if self.is_sent_again(message.origin, is_idempotent(message.method), outcome) {
                    return Landed::SendAgain;
                }
                return Landed::NoAnswer(self.fail(scenario, message, due_ns, outcome, end_ns));
            }
        };
        self.keep(message, reusable, &complete, end_ns);
        let service_ns = end_ns.saturating_sub(self.lane.flight.started_ns);
        if message.withholds.has(complete.status) && !message.is_followed(complete.status) {
            self.withhold(scenario, message, due_ns, Ended { result, end_ns });
        } else {
            let superseded = message.is_followed(complete.status);
            let error = !superseded && message.is_error(complete.status);
            self.record(scenario, message.step(), due_ns, Ended { result, end_ns }, error, superseded);
            if error {
                self.sample_status(scenario, message, complete.status, end_ns);
            }
        }
        let kept = std::mem::take(&mut self.lane.flight.arrival.kept);
        Landed::Answer(Answer { complete, kept, service_ns, ended_ns: end_ns })
    }

    /// Gives up the connection of an attempt without a response, and returns whether there must be another.
    #[cold]
    fn is_sent_again(&mut self, origin: OriginId, is_idempotent: bool, outcome: Outcome) -> bool {
        self.lane.connections.drop_to(origin);
        self.lane.flight.is_stale(outcome) && is_idempotent && self.lane.flight.attempts <= 1
    }

    /// Ends a message that has no response.
    #[cold]
    fn fail(
        &mut self,
        scenario: &ScenarioProgram,
        message: &Message<'_>,
        due_ns: u64,
        outcome: Outcome,
        ended_ns: u64,
    ) -> NoAnswer {
        let outcome = if self.lane.flight.is_stale(outcome) { Outcome::StaleConnection } else { outcome };
        if outcome == Outcome::Cut {
            self.cut_off(scenario, message, due_ns, ended_ns);
            return NoAnswer { outcome, ended_ns };
        }
        self.sample_outcome(scenario, &Unsent::message(message, outcome), ended_ns);
        self.record_failure(scenario, message.step(), due_ns, outcome, ended_ns, is_fault(outcome));
        self.worker.give_back(self.lane.flight.arrival.kept.capture.take());
        NoAnswer { outcome, ended_ns }
    }

    /// Ends a message whose user has seen enough of its answer: that counts as its status says.
    fn cut_off(&mut self, scenario: &ScenarioProgram, message: &Message<'_>, due_ns: u64, ended_ns: u64) {
        let ended = Ended { result: Err(Outcome::Cut), end_ns: ended_ns };
        let status = self.lane.exchange.status().unwrap_or(0);
        let error = message.is_error(status);
        if message.withholds.is_decided_by_script(status) {
            self.withhold(scenario, message, due_ns, ended);
        } else {
            self.record_failure(scenario, message.step(), due_ns, Outcome::Cut, ended_ns, error);
        }
        let kept = std::mem::take(&mut self.lane.flight.arrival.kept);
        let is_held = self.lane.withheld.is_some();
        if error && !is_held {
            self.sample_status(scenario, message, status, ended_ns);
        } else if self.worker.samples_everything() {
            let shown = self.shown(message, kept.capture.as_deref(), ended_ns);
            self.sample(scenario, Class { step: message.step(), what: What::Nothing }, &shown, &String::new);
        }
        self.worker.give_back(kept.capture);
    }

    /// Copies a body that the next receive would overwrite.
    pub(super) fn keep_body(&self, kept: &mut Retained) {
        kept.keep(T::Exchange::received(&self.worker.exchanges.borrow()), || self.worker.take_capture());
    }

    /// Has a body that came compressed as it was before, for what looks into it.
    #[inline]
    pub(super) fn decode(&self, answer: &mut Answer) {
        if let Some(capture) = &mut answer.kept.capture
            && capture.is_encoded()
        {
            capture.decode(self.worker.program.http.limits.kept_body_bytes as usize);
        }
    }

    /// Does `work` with the user's variables, what built-ins draw from, and a buffer for a body.
    pub(super) fn with_builtins<R>(
        &mut self,
        work: impl FnOnce(&Variables, &mut Builtins<'_>, &mut Vec<u8>) -> R,
    ) -> R {
        let counter = &mut *self.worker.counter.borrow_mut();
        let (variables, mut builtins) = self.state.builtins(self.worker.unix_ns(), counter);
        let mut body = self.worker.body.borrow_mut();
        body.clear();
        work(variables, &mut builtins, &mut body)
    }

    /// Records a request that is not sent, or not sent again.
    #[cold]
    pub(super) fn refuse(&mut self, scenario: &ScenarioProgram, due_ns: u64, unsent: &Unsent<'_>) -> NoAnswer {
        let (ended_ns, outcome) = (self.worker.now(), unsent.outcome);
        self.sample_outcome(scenario, unsent, ended_ns);
        self.lane.flight.arrival.forget();
        self.record_failure(scenario, unsent.step, due_ns, outcome, ended_ns, is_fault(outcome));
        NoAnswer { outcome, ended_ns }
    }

    #[inline(never)]
    fn record_failure(
        &mut self,
        scenario: &ScenarioProgram,
        step: StepId,
        due_ns: u64,
        outcome: Outcome,
        ended_ns: u64,
        error: bool,
    ) {
        self.record(scenario, step, due_ns, Ended { result: Err(outcome), end_ns: ended_ns }, error, false);
    }

    /// Records the message, and forgets it.
    #[inline(always)]
    fn record(
        &mut self,
        scenario: &ScenarioProgram,
        step: StepId,
        due_ns: u64,
        ended: Ended,
        error: bool,
        superseded: bool,
    ) {
        let row = self.row(scenario, step, due_ns, ended, error, superseded);
        if self.lane.flight.trace.is_some() {
            self.note_trace(&row);
        }
        let is_looked_at = self.worker.recorder.borrow_mut().record(&row);
        if is_looked_at && ended.result.is_ok() {
            self.look_for_hints(&row);
        }
        self.record_extra(&row, ended);
        self.lane.flight.clear();
    }

    /// Keeps the message's row for [`User::release`], as the error that it is if the answer stands, and forgets the
    /// message.
    #[cold]
    fn withhold(&mut self, scenario: &ScenarioProgram, message: &Message<'_>, due_ns: u64, ended: Ended) {
        let row = self.row(scenario, message.step(), due_ns, ended, true, false);
        self.worker.recorder.borrow_mut().answered(&row);
        self.record_extra(&row, ended);
        let seen = message.is_error(row.status).then(|| self.see_status(scenario, message, row.status, ended.end_ns));
        let trace = self.lane.flight.sent_trace();
        self.lane.withheld = Some(Box::new(HeldRow { row, sample: seen.flatten(), trace }));
        self.lane.flight.clear();
    }

    /// Records the row that was withheld, now that it is known whether it is an error.
    #[cold]
    pub(super) fn release(&mut self, error: bool) {
        let Some(held) = self.lane.withheld.take() else { return };
        held.settle(&mut self.worker.recorder.borrow_mut(), if error { Settled::Error } else { Settled::Ok });
    }

    /// Records the row that was withheld: its request is sent again, and that one is the answer.
    #[cold]
    pub(super) fn supersede(&mut self) {
        if let Some(held) = self.lane.withheld.take() {
            let row = Record { error: false, superseded: true, ..held.row };
            count(&mut self.worker.recorder.borrow_mut(), &row, held.trace);
        }
    }

    /// The row of the message.
    #[inline(always)]
    fn row(
        &self,
        scenario: &ScenarioProgram,
        step: StepId,
        due_ns: u64,
        ended: Ended,
        error: bool,
        superseded: bool,
    ) -> Record {
        let Ended { result, end_ns } = ended;
        let flight = &self.lane.flight;
        let arrival = &flight.arrival;
        let was_sent = flight.attempts > 0;
        let (outcome, status) = match result {
            Ok(complete) => (Outcome::Ok, complete.status),
            Err(outcome) => (outcome, self.lane.exchange.status().filter(|_| was_sent).unwrap_or(0)),
        };
        let (phase, until_ns) = self.worker.phase_until(scenario, due_ns);
        let start_ns = if was_sent { flight.started_ns } else { end_ns };
        let (mut started_in, mut ended_in) = (phase, phase);
        if end_ns >= until_ns {
            started_in = self.worker.planned_phase(scenario, start_ns);
            ended_in = self.worker.planned_phase(scenario, end_ns);
        }
        Record {
            step,
            outcome,
            status,
            error,
            superseded,
            phase,
            started_in,
            ended_in,
            attempts: flight.attempts,
            reused: flight.reused && was_sent,
            user: self.state.number,
            iteration: self.state.iteration,
            due_ns,
            start_ns,
            first_byte_ns: (arrival.first_byte_ns != NOT_YET).then_some(arrival.first_byte_ns),
            end_ns,
            unread_ns: if result.is_ok() { self.worker.timer.unread(end_ns) } else { 0 },
            connection: flight.opened.as_deref().copied(),
            bytes_sent: flight.bytes_sent,
            bytes_received: arrival.bytes,
        }
    }

    /// Counts what came besides the response.
    #[inline(always)]
    fn record_extra(&mut self, row: &Record, ended: Ended) {
        let (surplus, interim) = ended.result.map_or((0, 0), |complete| (complete.surplus as u64, complete.interim));
        let surplus = surplus + self.lane.connections.take_stray_bytes();
        if surplus > 0 || interim > 0 {
            self.worker.recorder.borrow_mut().extra(row.step, row.phase, surplus, u64::from(interim));
        }
    }
}

/// Whether a request without a response is an error. One that loadcore itself cuts off does not count against the target.
fn is_fault(outcome: Outcome) -> bool {
    outcome != Outcome::Interrupted
}
