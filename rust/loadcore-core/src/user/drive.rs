//! Walks a user through its flow: request after request, in one piece of code for as long as only responses have to be
//! waited for. What takes longer (a connection, a token, a pause, a redirect) is handed to the future around it.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use super::identify::{Identity, TokenRef};
use super::message::{Answer, Message, Withheld};
use super::sample::Unsent;
use super::send::{Landed, NoAnswer, NotSent};
use super::{IterationEnd, User};
use crate::aggregate::ScenarioEvent;
use crate::driver::flow::{Action, IDLE_STEPS};
use crate::exchange::Stack;
use crate::program::{Envelope, Flow, OriginId, Outgoing, RequestId, RequestProgram, ScenarioProgram, Want};
use crate::record::{GroupId, Outcome};
use crate::step::RenderError;

/// A user that goes through step after step without sending anything rests this long each time: a thousand of them
/// leave time for those that do send.
const REST_NS: u64 = 10_000_000;

/// What ends an iteration early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// A request without a response, a check that stops, a value that was not there.
    Failed,
    /// The end of the run.
    Interrupted,
}

impl From<NoAnswer> for Cut {
    fn from(NoAnswer { outcome, .. }: NoAnswer) -> Self {
        if outcome == Outcome::Interrupted { Self::Interrupted } else { Self::Failed }
    }
}

/// A request step that a user is at: identified, and to be sent or under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Current {
    pub(super) request: RequestId,
    pub(super) origin: OriginId,
    pub(super) token: Option<TokenRef>,
}

/// What a user has to do that takes time, other than waiting for the response to a request.
pub(super) enum Next<'a> {
    /// Get a token for a request.
    Token(RequestId, &'a RequestProgram),
    /// Open a connection for the current request.
    Connection(&'a RequestProgram),
    /// Send another request, as the response to the current one demands. Boxed, since users are many and this is rare.
    Another(&'a RequestProgram, Box<Answer>),
    /// Pause for this number of nanoseconds.
    Think(u64),
    /// Rest, after many steps that sent nothing.
    Rest,
    /// Leave it to this script of the plan.
    Script(u32),
    /// Nothing: the flow is done.
    End,
    /// Nothing: the iteration has been cut short.
    Cut(Cut),
}

/// What the steps of a flow are part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A user's start.
    Start,
    /// Its iterations.
    Iteration,
    /// Its stop.
    Stop,
}

impl<T: Stack> User<T> {
    /// Takes the steps of a flow.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` keeps its arguments twice, and every user pays for that")]
    pub(super) fn walk_flow(
        &mut self,
        scenario: &ScenarioProgram,
        flow: &Flow,
        part: Part,
    ) -> impl Future<Output = IterationEnd> {
        async move {
            self.cursor.walk.begin(flow);
            let cut = loop {
                // Boxed is what seldom happens: every user would carry room for it for ever.
                let done = match poll_fn(|cx| self.poll_walk(cx, scenario, flow, part)).await {
                    Next::Token(id, request) => Box::pin(self.approach_with_token(scenario, id, request)).await,
                    Next::Connection(request) => Box::pin(self.open_for(scenario, request.outgoing())).await,
                    Next::Another(request, answer) => Box::pin(self.answer_again(scenario, request, *answer)).await,
                    Next::Think(ns) => {
                        self.give_back_request();
                        let awake_ns = self.cursor.due_ns.saturating_add(ns);
                        // The end of a run does not wait for a user that only pauses.
                        let last = self.cursor.walk.only_pauses_left(flow);
                        let enough = || last && self.worker.is_over(scenario);
                        let slept = self.lane.task.sleep_until_or(awake_ns, enough).await;
                        match slept {
                            Ok(()) => {
                                self.cursor.due_ns = awake_ns;
                                Ok(())
                            }
                            // A pause at the end cut short leaves nothing undone.
                            Err(_) if last => Ok(()),
                            Err(_) => Err(Cut::Interrupted),
                        }
                    }
                    Next::Rest => Box::pin(self.rest(scenario)).await,
                    Next::Script(script) => Box::pin(self.leave_to_script(scenario, script, part)).await,
                    Next::End => {
                        self.give_back_request();
                        return IterationEnd::Completed;
                    }
                    Next::Cut(cut) => Err(cut),
                };
                if let Err(cut) = done {
                    break cut;
                }
            };
            self.give_back_request();
            while let Some((group, duration_ns)) = self.cursor.walk.cut_group(self.cursor.due_ns) {
                // One that the end of the run cut off has neither ended nor failed.
                if cut == Cut::Failed {
                    self.count_group(scenario, group, duration_ns, false);
                }
            }
            let end = if cut == Cut::Failed { IterationEnd::Failed } else { IterationEnd::Interrupted };
            if part == Part::Iteration {
                self.end_iteration(scenario, end);
            }
            end
        }
    }

    /// Lets others have their turn, after many steps in a row that sent nothing. The end of a run does not wait for a
    /// user that goes through nothing but such steps: it may do so for ever.
    async fn rest(&mut self, scenario: &ScenarioProgram) -> Result<(), Cut> {
        self.worker.count_times(scenario.id, self.cursor.phase, ScenarioEvent::IdleStep, u64::from(IDLE_STEPS));
        let awake_ns = self.worker.now().saturating_add(REST_NS);
        let over = || self.worker.is_over(scenario);
        if self.lane.task.sleep_until_or(awake_ns, over).await.is_err() || over() {
            self.lane.task.interrupt();
            return Err(Cut::Interrupted);
        }
        self.cursor.due_ns = self.cursor.due_ns.max(awake_ns);
        Ok(())
    }

    /// Goes through the flow, from where the user is, up to what it cannot do by itself; and from one iteration into
    /// the next, where that starts at once.
    pub(super) fn poll_walk<'a>(
        &mut self,
        cx: &mut Context<'_>,
        scenario: &'a ScenarioProgram,
        flow: &'a Flow,
        part: Part,
    ) -> Poll<Next<'a>> {
        if self.is_under_way()
            && let Some(Current { request, origin, token }) = self.cursor.current
        {
            let request = &scenario.requests[request.index()];
            let message = self.message(request.outgoing(), origin, is_replaceable(&request.envelope, token));
            // By reference: an answer is large, and is moved only where it has to wait.
            let mut landed = ready!(self.poll_land(cx, scenario, &message, self.cursor.due_ns));
            match &mut landed {
                Landed::Answer(answer) => {
                    let status = answer.complete.status;
                    if (status == 401 && self.lane.withheld.is_some()) || request.envelope.follows(status) {
                        self.keep_body(&mut answer.kept);
                        return Poll::Ready(Next::Another(request, Box::new(answer.take())));
                    }
                    self.cursor.current = None;
                    self.store_cookies(origin, request.outgoing(), answer.kept.capture.as_deref());
                    if let Err(cut) = self.conclude(scenario, request, origin, answer) {
                        return Poll::Ready(Next::Cut(cut));
                    }
                }
                Landed::NoAnswer(failed) => return Poll::Ready(Next::Cut(self.cut(*failed))),
                Landed::SendAgain => {}
            }
        }
        if self.cursor.current.is_none()
            && let Some(next) = self.next(scenario, flow, part)
        {
            return Poll::Ready(next);
        }
        let Some(Current { request, origin, token }) = self.cursor.current else { return Poll::Ready(Next::End) };
        let request = &scenario.requests[request.index()];
        let message = self.message(request.outgoing(), origin, is_replaceable(&request.envelope, token));
        match self.launch(cx, scenario, &message, self.cursor.due_ns) {
            Ok(()) => Poll::Pending,
            Err(NotSent::NeedsConnection) => Poll::Ready(Next::Connection(request)),
            Err(NotSent::Refused(refused)) => Poll::Ready(Next::Cut(self.cut(refused))),
        }
    }

    /// Goes to the next request, and makes it the current one; or returns what to do first.
    #[inline]
    fn next<'a>(&mut self, scenario: &'a ScenarioProgram, flow: &'a Flow, part: Part) -> Option<Next<'a>> {
        loop {
            let action = match self.cursor.walk.next_request(flow) {
                Some(id) => Action::Request(id),
                None if self.cursor.walk.is_done(flow) => Action::End,
                None => {
                    let now = self.cursor.due_ns;
                    self.evaluate(|walk, _, evaluation| walk.next(flow, evaluation, now))
                }
            };
            match action {
                Action::Request(id) => return self.approach(scenario, id),
                Action::Think(ns) => return Some(Next::Think(ns)),
                Action::Idle => return Some(Next::Rest),
                Action::Script(script) => return Some(Next::Script(script)),
                Action::GroupEnded(group, duration_ns) => self.count_group(scenario, group, duration_ns, true),
                Action::End => {
                    if part != Part::Iteration || !self.turn(scenario) {
                        return Some(Next::End);
                    }
                    self.cursor.walk.begin(flow);
                }
            }
        }
    }

    /// Makes a request the current one, if its credentials are available.
    #[inline]
    fn approach<'a>(&mut self, scenario: &'a ScenarioProgram, id: RequestId) -> Option<Next<'a>> {
        let request = &scenario.requests[id.index()];
        if request.encoded.http1.whole().is_some() && !self.state.has_cookies() {
            self.cursor.current = Some(Current { request: id, origin: request.envelope.origin, token: None });
            return None;
        }
        match self.make_ready(scenario, id, request) {
            Ok(true) => None,
            Ok(false) => Some(Next::Token(id, request)),
            Err(error) => Some(Next::Cut(self.cut_invalid(scenario, request, error))),
        }
    }

    /// Renders a request, with what authenticates it, and makes it the current one. False: it needs a token that has to
    /// be got first.
    #[inline]
    fn make_ready(
        &mut self,
        scenario: &ScenarioProgram,
        id: RequestId,
        request: &RequestProgram,
    ) -> Result<bool, RenderError> {
        self.lane.credential.clear();
        let RequestProgram { envelope, encoded, .. } = request;
        let mut current = Current { request: id, origin: envelope.origin, token: None };
        if let Some(link) = &encoded.link {
            current.origin = self.find_link(envelope.origin, link)?;
        }
        // What proves who asks is nothing for others.
        if envelope.auth.is_some() && current.origin == envelope.origin {
            match self.identify(scenario, envelope)? {
                Identity::Anonymous => {}
                Identity::Token(token) => current.token = Some(token),
                Identity::NoToken => return Ok(false),
            }
        }
        self.render(request, current.origin)?;
        self.cursor.current = Some(current);
        Ok(true)
    }

    /// Ends the iteration for a request that cannot be rendered.
    #[cold]
    fn cut_invalid(&mut self, scenario: &ScenarioProgram, request: &RequestProgram, error: RenderError) -> Cut {
        let unsent = Unsent::unmade(&request.envelope, Outcome::RequestInvalid).because_of(error, scenario);
        let refused = self.refuse(scenario, self.cursor.due_ns, &unsent);
        self.cut(refused)
    }

    /// Gets a token for a request and makes it the current one: due when the token is there.
    pub(super) async fn approach_with_token(
        &mut self,
        scenario: &ScenarioProgram,
        id: RequestId,
        request: &RequestProgram,
    ) -> Result<(), Cut> {
        let Some(access) = Self::token_access(scenario, &request.envelope) else { return Ok(()) };
        match self.token(scenario, &access, self.cursor.due_ns).await {
            Ok((token, ready_ns)) => {
                self.cursor.due_ns = ready_ns;
                let origin = request.envelope.origin;
                self.cursor.current = Some(Current { request: id, origin, token: Some(token) });
                self.render(request, origin).map_err(|error| self.cut_invalid(scenario, request, error))
            }
            Err(NoAnswer { outcome, ended_ns }) => {
                let unsent = Unsent::unmade(&request.envelope, outcome).because(self.no_token(&access));
                let refused = self.refuse(scenario, ended_ns, &unsent);
                Err(self.cut(refused))
            }
        }
    }

    /// A request that is sent to this origin. `may_replace`: a 401 may not be the last word.
    #[inline(always)]
    pub(super) fn message<'a>(&self, request: Outgoing<'a>, origin: OriginId, may_replace: bool) -> Message<'a> {
        Message {
            request,
            method: &request.envelope.method,
            origin,
            want: self.want(request.envelope),
            withholds: Withheld::unauthorized(may_replace),
        }
    }

    #[inline(always)]
    pub(super) fn want(&self, envelope: &Envelope) -> Want {
        envelope.want.and_if(self.state.cookies.is_some(), Want::COOKIES)
    }

    /// What comes next is due when the message that failed ended.
    pub(super) fn cut(&mut self, failed: NoAnswer) -> Cut {
        self.cursor.current = None;
        self.forget_request();
        self.cursor.due_ns = failed.ended_ns;
        failed.into()
    }

    pub(super) fn count_group(&self, scenario: &ScenarioProgram, group: GroupId, duration_ns: u64, ok: bool) {
        let phase = self.worker.phase(scenario, self.cursor.due_ns);
        self.worker.recorder.borrow_mut().group(group, phase, duration_ns, ok);
    }
}

/// Whether a 401 says that the request's token is not good any more: unless it is what the step expects.
#[inline]
pub(super) fn is_replaceable(envelope: &Envelope, token: Option<TokenRef>) -> bool {
    token.is_some() && !envelope.expects(401)
}
