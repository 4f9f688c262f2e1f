//! Tokens: got before the request that needs one, and never in its time.

use std::rc::Rc;

use super::User;
use super::capture::{Capture, Want};
use super::identify::{KeptToken, Means};
use super::send::{Content, Message, NoAnswer};
use super::worker::OriginId;
use crate::auth::{Acquired, Fetch, Rejected, TokenAnswer};
use crate::program::{ScenarioProgram, append_body, append_line};
use crate::record::Outcome;
use crate::timer::Interrupted;
use crate::transport::Transport;

/// A user without a token fails at most once in this time: a login that was refused once is not a thousand errors. As long as
/// the first back-off is at most.
const REST_NS: u64 = 1_250_000_000;

impl<T: Transport> User<T> {
    /// Gets a token that is good now, puts its header line into the user's lines, and says when the request may be sent.
    ///
    /// Of a request for a token that failed, nobody gets more than one failed request. Whoever comes before the next one is
    /// made waits for it: for [`REST_NS`], or, if the server has said when to come again, as long as for an answer.
    pub(super) async fn token(
        &mut self,
        scenario: &ScenarioProgram,
        means: &Means<'_>,
        due_ns: u64,
    ) -> Result<(KeptToken, u64), NoAnswer> {
        let worker = Rc::clone(&self.worker);
        let desk = &worker.pools[means.token.pool];
        let patience_ns = worker.program.http.timeouts.total_ns;
        let mut ready_ns = due_ns;
        self.lines.clear();
        // Whether a fetch that this request waited for has failed.
        let mut has_failed = false;
        loop {
            let ended_fetches = desk.ended_fetches.get();
            let now = worker.timer.recent();
            // The pool must not stay borrowed while the user waits.
            let turn = match desk.pool.borrow_mut().acquire(self.number, now) {
                Acquired::Token(token) => return Ok((KeptToken::take(&token, &mut self.lines), ready_ns)),
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
                    let fetched = self.fetch(scenario, means, &fetch, ready_ns).await;
                    desk.end_fetch(&worker.timer);
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
                    desk.waiting.borrow_mut().push(self.seat.index());
                    self.seat.sleep_until_or(u64::MAX, || desk.ended_fetches.get() != ended_fetches).await
                }
                // The end of the run ends the wait: what would be asked for is not needed any more.
                Turn::Rest(_) if worker.is_over(scenario) => Err(Interrupted),
                Turn::Rest(until_ns) => {
                    let until_ns = until_ns.min(scenario.planned_end_ns);
                    self.seat.sleep_until_or(until_ns, || worker.is_stopping()).await
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
    pub(super) fn is_replaceable(&self, means: &Means<'_>, token: &KeptToken, now_ns: u64) -> bool {
        let mut pool = self.worker.pools[means.token.pool].pool.borrow_mut();
        pool.rejected(token.slot, token.generation, now_ns) == Rejected::Retry
    }

    /// Makes a token request, and tells the pool what came of it.
    async fn fetch(
        &mut self,
        scenario: &ScenarioProgram,
        means: &Means<'_>,
        fetch: &Fetch,
        due_ns: u64,
    ) -> Result<(KeptToken, u64), NoAnswer> {
        let worker = Rc::clone(&self.worker);
        let pool = &worker.pools[means.token.pool].pool;
        let Ok(bytes) = self.token_request(means, fetch) else {
            pool.borrow_mut().failed(fetch.slot, "a variable of the token request has no value", due_ns);
            return Err(NoAnswer { outcome: Outcome::RequestInvalid, ended_ns: due_ns });
        };
        let message = Message {
            step: means.token.step,
            method: "POST",
            origin: OriginId(means.token.origin),
            timeouts: &worker.program.http.timeouts,
            want: Want { headers: true, body: true, ..Want::default() },
            withholds_401: false,
            content: Content::Bytes(&bytes),
        };
        let answer = match self.send(scenario, &message, due_ns).await {
            Ok(answer) => answer,
            Err(failure) => {
                if failure.outcome == Outcome::Interrupted {
                    pool.borrow_mut().abandoned(fetch.slot);
                } else {
                    pool.borrow_mut().failed(fetch.slot, failure.outcome.name(), failure.ended_ns);
                }
                return Err(failure);
            }
        };
        let kept = answer.capture.as_deref().unwrap_or(Capture::NOTHING);
        let status = answer.complete.status;
        let granted = TokenAnswer { status, headers: kept, body: kept.body(), unix_ns: worker.unix_ns() }.read();
        let ended_ns = answer.ended_ns;
        worker.give_back(answer.capture);
        let mut pool = pool.borrow_mut();
        match pool.fetched(fetch.slot, granted, ended_ns) {
            Ok(token) => Ok((KeptToken::take(&token, &mut self.lines), ended_ns)),
            Err(_) => Err(NoAnswer { outcome: Outcome::AuthFailed, ended_ns }),
        }
    }

    fn token_request(&mut self, means: &Means<'_>, fetch: &Fetch) -> Result<Vec<u8>, crate::step::RenderError> {
        self.with_builtins(|variables, builtins, body| {
            let mut bytes = Vec::with_capacity(512);
            means.token.line.render(variables, builtins, &mut bytes)?;
            if let Some(client) = means.oauth2.grant.client() {
                append_line("Authorization", client, variables, builtins, &mut bytes)?;
            }
            means.oauth2.grant.render_body(&fetch.how, variables, builtins, body)?;
            let content_type = b"Content-Type: application/x-www-form-urlencoded\r\n";
            append_body(&mut bytes, "POST", Some((content_type, body)));
            Ok(bytes)
        })
    }
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
