//! What a user shows of a failure: the message, what came back, and why it is not what was wanted.
//!
//! Looks at what the last receive left in the worker's buffer, so it has to be asked before the user waits for
//! anything.

use super::User;
use super::capture::Capture;
use super::message::{Answer, Message};
use crate::auth::Refusal;
use crate::exchange::{Exchange, Stack};
use crate::program::{Envelope, OriginId, Outgoing, RequestProgram, ScenarioProgram};
use crate::record::{CheckId, Outcome, StepId, Trace};
use crate::sample::{Class, LOOKED_AT, Raw, RequestSample, Secrets, Seen, What, request, response};
use crate::step::{Builtins, CompiledCheck, CompiledExtract, RenderError};

/// A response in one piece is looked at up to here.
const RAW: usize = 16 * 1024;

/// A request that is not sent: of which step, what would have been sent, and why it was not.
pub(super) struct Unsent<'a> {
    pub(super) step: StepId,
    pub(super) outcome: Outcome,
    content: Option<(OriginId, Outgoing<'a>)>,
    reason: String,
    /// The response that it would have followed.
    after: Option<&'a Answer>,
}

impl<'a> Unsent<'a> {
    /// A request that goes to its own origin.
    pub(super) fn request(request: Outgoing<'a>, outcome: Outcome) -> Self {
        let content = Some((request.envelope.origin, request));
        Self { step: request.envelope.step, outcome, content, reason: String::new(), after: None }
    }

    /// A request that was not made ready.
    pub(super) fn unmade(envelope: &Envelope, outcome: Outcome) -> Self {
        Self { step: envelope.step, outcome, content: None, reason: String::new(), after: None }
    }

    /// Any message.
    pub(super) fn message(message: &Message<'a>, outcome: Outcome) -> Self {
        let content = Some((message.origin, message.request));
        Self { step: message.step(), outcome, content, reason: String::new(), after: None }
    }

    /// Why, as a clause; without one it is the cause of the outcome.
    pub(super) fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..self }
    }

    /// What it would have followed: that is shown.
    pub(super) fn after(self, answer: &'a Answer) -> Self {
        Self { after: Some(answer), ..self }
    }

    /// Because a template of it could not be rendered.
    pub(super) fn because_of(self, error: RenderError, scenario: &ScenarioProgram) -> Self {
        let name = scenario.names.name(error.slot());
        self.because(match error {
            RenderError::Unset(_) => format!("the variable `{name}` has no value"),
            RenderError::Refused(_) => {
                format!("the value of `{name}` cannot be sent there: it holds a line end, NUL or a space")
            }
            RenderError::LeadsNowhere(_, reason) => {
                format!("the value of `{name}` should be the URL, but cannot be followed: {reason}")
            }
        })
    }
}

/// What a response lacks.
pub(super) enum Unmet<'a> {
    /// A check does not hold.
    Check(CheckId, &'a CompiledCheck),
    /// There is no value for a variable.
    Extract(&'a CompiledExtract),
}

/// What is shown of a message and its response.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    /// Where to, and what; `None` if it could not be made.
    pub(super) content: Option<(OriginId, Outgoing<'a>)>,
    pub(super) is_head: bool,
    /// What was kept of the response.
    pub(super) capture: Option<&'a Capture>,
    pub(super) status: Option<u16>,
    pub(super) body_bytes: u64,
    pub(super) ended_ns: u64,
}

impl<T: Stack> User<T> {
    /// Keeps a sample of a failure, unless there is one of its class.
    pub(super) fn sample(
        &mut self,
        scenario: &ScenarioProgram,
        class: Class,
        shown: &Shown<'_>,
        reason: &dyn Fn() -> String,
    ) {
        if let Some(seen) = self.see(scenario, class, shown, reason) {
            self.worker.recorder.borrow_mut().sample(class, seen);
        }
    }

    /// What a sample of a failure shows; `None` if there is one of its class already.
    #[cold]
    #[inline(never)]
    fn see(
        &mut self,
        scenario: &ScenarioProgram,
        class: Class,
        shown: &Shown<'_>,
        reason: &dyn Fn() -> String,
    ) -> Option<Seen> {
        if !self.worker.recorder.borrow().wants_sample(class) {
            return None;
        }
        let header = shown.content.and_then(|(_, outgoing)| outgoing.envelope.auth_header.as_deref());
        let mut secrets = self.secrets(scenario, header);
        // What is not sent again has an answer before it, and none of its own.
        let is_sent = self.lane.flight.attempts > 0 || !matches!(class.what, What::Outcome(_));
        let trace = self.lane.flight.sent_trace().filter(|_| is_sent);
        let request =
            shown.content.and_then(|(origin, content)| self.request_sample(origin, content, trace, &mut secrets));
        let came = self.came(shown.capture);
        let came = (!came.is_empty()).then(|| T::Exchange::excerpt(&came, shown.is_head, LOOKED_AT));
        let raw = Raw {
            came: came.as_ref(),
            status: shown.status,
            body: shown.capture.and_then(Capture::coded_body),
            body_bytes: shown.body_bytes,
        };
        let variable = match class.what {
            What::Extract(slot) => Some(scenario.names.name(slot).to_owned()),
            _ => None,
        };
        let response = response(&raw, &mut secrets);
        Some(Seen {
            variable,
            reason: secrets.hide_in_sentence(&reason()),
            user: self.state.number,
            iteration: self.state.iteration,
            ended_ns: shown.ended_ns,
            request,
            response,
        })
    }

    /// Samples a response whose status the step does not expect.
    #[cold]
    #[inline(never)]
    pub(super) fn sample_status(
        &mut self,
        scenario: &ScenarioProgram,
        message: &Message<'_>,
        status: u16,
        ended_ns: u64,
    ) {
        if let Some((class, seen)) = self.see_status(scenario, message, status, ended_ns) {
            self.worker.recorder.borrow_mut().sample(class, seen);
        }
    }

    /// The sample of a response whose status the step does not expect, to be kept when that is sure.
    pub(super) fn see_status(
        &mut self,
        scenario: &ScenarioProgram,
        message: &Message<'_>,
        status: u16,
        ended_ns: u64,
    ) -> Option<(Class, Seen)> {
        let class = Class { step: message.step(), what: What::Status(status) };
        let reason = || format!("expected {}, got {status}", expected(message));
        let mut kept = std::mem::take(&mut self.lane.flight.arrival.kept);
        self.keep_body(&mut kept);
        let shown = self.shown(message, kept.capture.as_deref(), ended_ns);
        let seen = self.see(scenario, class, &shown, &reason);
        self.lane.flight.arrival.kept = kept;
        seen.map(|seen| (class, seen))
    }

    /// Samples a message without a usable response, sent or not.
    #[cold]
    #[inline(never)]
    pub(super) fn sample_outcome(&mut self, scenario: &ScenarioProgram, unsent: &Unsent<'_>, ended_ns: u64) {
        if unsent.outcome == Outcome::Interrupted {
            return;
        }
        let kept = std::mem::take(&mut self.lane.flight.arrival.kept);
        let came = self.lane.flight.attempts > 0 || unsent.after.is_some();
        if !came {
            self.lane.flight.arrival.forget();
        }
        let shown = Shown {
            content: unsent.content,
            is_head: false,
            capture: unsent.after.map_or(&kept, |answer| &answer.kept).capture.as_deref(),
            status: self.lane.exchange.status().filter(|_| came),
            body_bytes: if came { self.lane.exchange.body_bytes() } else { 0 },
            ended_ns,
        };
        let reason = || {
            if unsent.reason.is_empty() { clause(unsent.outcome.cause()) } else { unsent.reason.clone() }
        };
        let class = Class { step: unsent.step, what: What::Outcome(unsent.outcome) };
        self.sample(scenario, class, &shown, &reason);
        self.lane.flight.arrival.kept = kept;
    }

    /// Samples a response for the checks that do not hold: they are made once more. And any, where all are wanted.
    #[cold]
    #[inline(never)]
    pub(super) fn sample_checks(
        &mut self,
        scenario: &ScenarioProgram,
        request: &RequestProgram,
        origin: OriginId,
        answer: &Answer,
    ) {
        // What chance gives next is for the requests to come.
        let random = self.state.random.clone();
        let response = answer.kept_response();
        let unmet: Vec<_> = self.evaluate(|_, _, evaluation| {
            let unmet = request.looks.checks.iter().filter(|(_, check)| !check.holds(&response, evaluation));
            unmet.map(|(id, check)| Unmet::Check(*id, check)).collect()
        });
        self.state.random = random;
        self.sample_unmet(scenario, request, origin, answer, &unmet);
    }

    /// Samples a response that a step is not content with; and any, where all requests are wanted.
    #[cold]
    #[inline(never)]
    pub(super) fn sample_unmet(
        &mut self,
        scenario: &ScenarioProgram,
        request: &RequestProgram,
        origin: OriginId,
        answer: &Answer,
        unmet: &[Unmet<'_>],
    ) {
        let capture = answer.kept.capture.as_deref();
        let message = self.message(request.outgoing(), origin, false);
        let shown = self.shown(&message, capture, answer.ended_ns);
        let step = request.envelope.step;
        if unmet.is_empty() {
            self.sample(scenario, Class { step, what: What::Nothing }, &shown, &String::new);
        }
        let response = answer.kept_response();
        for unmet in unmet {
            let (what, reason) = match unmet {
                Unmet::Check(id, check) => (What::Check(*id), check.found(&response)),
                Unmet::Extract(extract) => (What::Extract(extract.slot()), extract.missing(&response)),
            };
            let name = match what {
                What::Check(id) => self.worker.program.tables.checks[usize::from(id.0)].name.clone(),
                _ => String::new(),
            };
            let reason = || match unmet {
                Unmet::Check(..) => format!("the check `{name}` does not hold: {reason}"),
                Unmet::Extract(extract) => {
                    format!("no value for `{}`: {reason}", scenario.names.name(extract.slot()))
                }
            };
            self.sample(scenario, Class { step, what }, &shown, &reason);
        }
    }

    /// Samples the response of a token endpoint that returned no token.
    pub(super) fn sample_token(
        &mut self,
        scenario: &ScenarioProgram,
        message: &Message<'_>,
        answer: &Answer,
        refusal: Option<&Refusal>,
    ) {
        let shown = self.shown(message, answer.kept.capture.as_deref(), answer.ended_ns);
        let step = message.step();
        match refusal {
            // A status that is not expected is sampled as such.
            Some(refusal) if message.request.envelope.expects(answer.complete.status) => {
                self.sample(scenario, Class { step, what: What::Token }, &shown, &|| refusal.reason.clone());
            }
            _ => self.sample_plain(scenario, message, answer),
        }
    }

    /// Samples a response that is as it should be, where all requests are wanted.
    pub(super) fn sample_plain(&mut self, scenario: &ScenarioProgram, message: &Message<'_>, answer: &Answer) {
        if self.worker.samples_everything() {
            let shown = self.shown(message, answer.kept.capture.as_deref(), answer.ended_ns);
            self.sample(scenario, Class { step: message.step(), what: What::Nothing }, &shown, &String::new);
        }
    }

    /// What is shown of a message whose response has just come.
    pub(super) fn shown<'a>(&self, message: &Message<'a>, capture: Option<&'a Capture>, ended_ns: u64) -> Shown<'a> {
        Shown {
            content: Some((message.origin, message.request)),
            is_head: message.method == "HEAD",
            capture,
            status: self.lane.exchange.status(),
            body_bytes: self.lane.exchange.body_bytes(),
            ended_ns,
        }
    }

    /// The request as it was sent; `None` if it was not made.
    fn request_sample(
        &self,
        origin: OriginId,
        outgoing: Outgoing<'_>,
        trace: Option<Trace>,
        secrets: &mut Secrets,
    ) -> Option<RequestSample> {
        let (made, origin) = (self.lane.rendered.request(outgoing), self.worker.origin(origin));
        // A redirect may have led elsewhere.
        let place = if outgoing.envelope.has_own_host {
            origin.to_string()
        } else {
            format!("{}://{}", if origin.tls { "https" } else { "http" }, made.host())
        };
        if made.is_nothing() {
            return None;
        }
        let body_bytes = made.body().len() as u64;
        let mut excerpt = made.excerpt(LOOKED_AT);
        if let Some(field) = trace.and_then(|trace| self.traceparent(trace)) {
            // The message has it only while it is posted: after `Host`, before all others.
            excerpt.fields.insert(1, field);
        }
        Some(request(&place, made.target(), &excerpt, body_bytes, secrets))
    }

    /// The response as it came, from its beginning, as far as it is still there.
    fn came(&self, capture: Option<&Capture>) -> Vec<u8> {
        let received = usize::try_from(self.lane.flight.arrival.bytes).unwrap_or(usize::MAX);
        let exchanges = self.worker.exchanges.borrow();
        let buffer = T::Exchange::received(&exchanges);
        let Some((beginning, is_all)) = capture.and_then(Capture::beginning) else {
            let whole = if self.lane.flight.arrival.is_in_one_piece() { received.min(RAW) } else { 0 };
            return buffer[..whole].to_vec();
        };
        let last = if is_all { received.saturating_sub(beginning.len()).min(buffer.len()) } else { 0 };
        [beginning, &buffer[..last.min(RAW)]].concat()
    }

    /// What the user must not give away: what it authenticates with, and its variables with names of secrets.
    fn secrets(&self, scenario: &ScenarioProgram, auth_header: Option<&str>) -> Secrets {
        let mut secrets = self.worker.program.secrets.clone();
        for name in scenario.names.iter().filter(|name| crate::sample::is_sensitive(name)) {
            let value = scenario.names.find(name).and_then(|slot| self.state.variables.get(slot));
            secrets.add(value.unwrap_or_default());
        }
        let (mut random, mut counter) = (self.state.random.clone(), self.worker.counter.borrow().clone());
        let mut builtins = Builtins {
            user: self.state.number,
            iteration: self.state.iteration,
            unix_ns: self.worker.unix_ns(),
            random: &mut random,
            counter: &mut counter,
        };
        for auth in &scenario.auths {
            auth.compiled.give_away(&self.state.variables, &mut builtins, &mut secrets);
            let body = auth.token.as_ref().and_then(|token| token.request.encoded.body.as_ref());
            let mut text = Vec::new();
            if body.is_some_and(|body| body.render(&self.state.variables, &mut builtins, &mut text).is_ok()) {
                secrets.add_named(&String::from_utf8_lossy(&text));
            }
        }
        let credential = String::from_utf8_lossy(&self.lane.credential);
        secrets.add_header(auth_header.unwrap_or("Authorization"), &credential);
        secrets
    }
}

/// The statuses that a message expects, in words.
fn expected(message: &Message<'_>) -> String {
    let ranges = &message.request.envelope.expect;
    if ranges.is_empty() {
        return "a status below 400".to_owned();
    }
    let range = |(least, most): &(u16, u16)| {
        if least == most { least.to_string() } else { format!("{least}-{most}") }
    };
    format!("status {}", ranges.iter().map(range).collect::<Vec<_>>().join(" or "))
}

/// A sentence as a clause.
fn clause(sentence: &str) -> String {
    let mut characters = sentence.trim_end_matches('.').chars();
    let first = characters.next().map(|first| first.to_lowercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}
