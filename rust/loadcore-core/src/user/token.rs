//! Tokens: got before the request that needs one, and never in its time.

use std::rc::Rc;

use super::User;
use super::identify::{TokenAccess, TokenRef};
use super::message::{Message, Withheld};
use super::send::NoAnswer;
use crate::auth::{Acquired, Fetch, Giver, Granted, Refusal, Rejected, TokenAnswer};
use crate::exchange::Stack;
use crate::program::{ScenarioProgram, Want};
use crate::random::Random;
use crate::record::Outcome;
use crate::step::RenderError;
use crate::timer::Interrupted;

/// A user without a token fails at most once in this time: a login that was refused once is not a thousand errors. As
/// long as the first back-off is at most.
const REST_NS: u64 = 1_250_000_000;

impl<T: Stack> User<T> {
    /// Gets a token that is good now, makes it what authenticates the user's request, and says when that may be sent.
    ///
    /// Of a request for a token that failed, no user gets more than one failed request. Whoever comes before the next
    /// one is made waits for it: for [`REST_NS`], or, if the server has said when to come again, as long as for an
    /// answer.
    pub(super) async fn token(
        &mut self,
        scenario: &ScenarioProgram,
        access: &TokenAccess<'_>,
        due_ns: u64,
    ) -> Result<(TokenRef, u64), NoAnswer> {
        let worker = Rc::clone(&self.worker);
        let tokens = &worker.pools[access.token.pool];
        let patience_ns = access.token.request.envelope.timeouts.total_ns;
        let mut ready_ns = due_ns;
        // Whether a fetch that this request waited for has failed.
        let mut has_failed = false;
        loop {
            let ended_fetches = tokens.ended_fetches.get();
            let now = worker.timer.recent();
            // The pool must not stay borrowed while the user waits.
            let turn = match tokens.pool.borrow_mut().acquire(self.state.number, now) {
                Acquired::Token(token) => return Ok((TokenRef::take(&token, &mut self.lane.credential), ready_ns)),
                Acquired::Fetch(fetch) => Turn::Fetch(fetch),
                Acquired::Wait(_) => Turn::Wait,
                Acquired::Failed { is_invited: false, .. } if has_failed => Turn::Fail,
                Acquired::Failed { retry_at_ns, is_invited, .. } => {
                    let until_ns = due_ns.saturating_add(if is_invited { patience_ns } else { REST_NS });
                    if now < until_ns { Turn::Rest(retry_at_ns.min(until_ns)) } else { Turn::Fail }
                }
            };
            let slept = match turn {
                Turn::Fetch(fetch) => {
                    let fetched = self.fetch(scenario, access, &fetch, ready_ns).await;
                    tokens.end_fetch(&worker.timer);
                    match fetched {
                        Ok(token) => return Ok(token),
                        Err(failed) if failed.outcome == Outcome::Interrupted => return Err(failed),
                        // The token of before may still be good, or another way to a new one open.
                        Err(failed) => {
                            (has_failed, ready_ns) = (true, ready_ns.max(failed.ended_ns));
                            continue;
                        }
                    }
                }
                Turn::Wait => {
                    has_failed = true;
                    tokens.waiting.borrow_mut().push(self.lane.task.index());
                    self.lane.task.sleep_until_or(u64::MAX, || tokens.ended_fetches.get() != ended_fetches).await
                }
                // The end of the run ends the wait: what would be asked for is not needed any more.
                Turn::Rest(_) if worker.is_over(scenario) => Err(Interrupted),
                Turn::Rest(until_ns) => {
                    let until_ns = until_ns.min(scenario.planned_end_ns);
                    self.lane.task.sleep_until_or(until_ns, || worker.is_stopping()).await
                }
                Turn::Fail => return Err(NoAnswer { outcome: Outcome::AuthFailed, ended_ns: ready_ns }),
            };
            if slept.is_err() {
                return Err(NoAnswer { outcome: Outcome::Interrupted, ended_ns: ready_ns });
            }
            ready_ns = ready_ns.max(worker.timer.recent());
        }
    }

    /// Whether a 401 to this token is worth another try with a new one.
    pub(super) fn is_replaceable(&self, access: &TokenAccess<'_>, token: &TokenRef, now_ns: u64) -> bool {
        let mut pool = self.worker.pools[access.token.pool].pool.borrow_mut();
        pool.rejected(token.slot, token.generation, now_ns) == Rejected::Retry
    }

    /// Makes a token request, beside the request that waits for the token, and reports the result to the pool.
    async fn fetch(
        &mut self,
        scenario: &ScenarioProgram,
        access: &TokenAccess<'_>,
        fetch: &Fetch,
        due_ns: u64,
    ) -> Result<(TokenRef, u64), NoAnswer> {
        let (rendered, withheld) = (std::mem::take(&mut self.lane.rendered), self.lane.withheld.take());
        let fetched = self.exchange(scenario, access, fetch, due_ns).await;
        self.give_back_request();
        self.lane.rendered = rendered;
        let worker = Rc::clone(&self.worker);
        let mut pool = worker.pools[access.token.pool].pool.borrow_mut();
        match fetched {
            Ok((granted, ended_ns)) => {
                let token = pool.fetched(fetch.slot, granted, ended_ns);
                self.release(token.is_err());
                self.lane.withheld = withheld;
                token
                    .map(|token| (TokenRef::take(&token, &mut self.lane.credential), ended_ns))
                    .map_err(|_| NoAnswer { outcome: Outcome::AuthFailed, ended_ns })
            }
            Err(unanswered) => {
                self.lane.withheld = withheld;
                match unanswered {
                    Unanswered::Interrupted(_) => pool.abandoned(fetch.slot),
                    Unanswered::Failed(ref reason, failed) => pool.failed(fetch.slot, reason, failed.ended_ns),
                }
                let (Unanswered::Interrupted(failed) | Unanswered::Failed(_, failed)) = unanswered;
                Err(failed)
            }
        }
    }

    /// Sends a token request and reads its answer.
    async fn exchange(
        &mut self,
        scenario: &ScenarioProgram,
        access: &TokenAccess<'_>,
        fetch: &Fetch,
        due_ns: u64,
    ) -> Result<(Result<Granted, Refusal>, u64), Unanswered> {
        let request = &access.token.request;
        // When a token is asked for depends on clocks. What it draws must not change what the iteration draws after it.
        let own = Random::new(self.state.random.state(), "token", due_ns);
        let of_iteration = std::mem::replace(&mut self.state.random, own);
        let rendered = self.render_token_request(scenario, access, fetch);
        self.state.random = of_iteration;
        if let Err(problem) = rendered {
            let name = scenario.names.name(problem.slot());
            let reason = format!("`{{{name}}}` in the token request: {problem}");
            let failed = NoAnswer { outcome: Outcome::RequestInvalid, ended_ns: due_ns };
            return Err(Unanswered::Failed(reason, failed));
        }
        self.trace_token(scenario, due_ns);
        let message = Message {
            request: request.outgoing(),
            method: &request.envelope.method,
            origin: request.envelope.origin,
            want: Want::HEADERS
                .and(Want::BODY)
                .and_if(self.state.cookies.is_some(), Want::COOKIES)
                .and_if(self.worker.tracing.is_some(), Want::TRACED.and(Want::AGAIN))
                .and_if(request.envelope.want.has(Want::CLOSES), Want::CLOSES),
            withholds: Withheld::ALL,
        };
        let mut answer = self.send(scenario, &message, due_ns).await.map_err(|failed| match failed.outcome {
            Outcome::Interrupted => Unanswered::Interrupted(failed),
            outcome => Unanswered::Failed(outcome.name().to_owned(), failed),
        })?;
        self.store_cookies(message.origin, message.request, answer.kept.capture.as_deref());
        self.decode(&mut answer);
        let kept = answer.capture();
        let status = answer.complete.status;
        let is_expected = request.envelope.expects(status);
        let read = TokenAnswer {
            status,
            is_expected,
            headers: kept,
            body: kept.body(),
            unreadable: kept.unreadable(),
            body_bytes: answer.complete.body_bytes,
            unix_ns: self.worker.unix_ns(),
        };
        let granted = match &access.source.giver {
            Giver::OAuth2(_) => read.read(),
            Giver::Login(login) => login.read(&read),
        };
        self.sample_token(scenario, &message, &answer, granted.as_ref().err());
        self.worker.give_back(answer.kept.capture);
        Ok((granted, answer.ended_ns))
    }

    /// Why there is no token, as a clause.
    pub(super) fn no_token(&self, access: &TokenAccess<'_>) -> String {
        let reason = self.worker.pools[access.token.pool].pool.borrow().reason(self.state.number).to_owned();
        if reason.is_empty() { reason } else { format!("no token: {reason}") }
    }

    fn render_token_request(
        &mut self,
        scenario: &ScenarioProgram,
        access: &TokenAccess<'_>,
        fetch: &Fetch,
    ) -> Result<(), RenderError> {
        let request = &access.token.request;
        self.identify(scenario, &request.envelope)?;
        let Giver::OAuth2(grant) = &access.source.giver else {
            return self.render(request, request.envelope.origin);
        };
        if let Some(client) = grant.client() {
            self.render_credential(client)?;
        }
        self.render_with(request, true, |variables, builtins, out| {
            grant.render_body(&fetch.how, variables, builtins, out)
        })
    }
}

/// Why a token request has no answer.
enum Unanswered {
    /// The user is to stop.
    Interrupted(NoAnswer),
    /// For this reason.
    Failed(String, NoAnswer),
}

/// What a user that needs a token does next.
enum Turn {
    /// Ask for one.
    Fetch(Fetch),
    /// Wait until another has asked.
    Wait,
    /// Wait until then.
    Rest(u64),
    /// Do without.
    Fail,
}
