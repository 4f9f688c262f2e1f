//! Tokens of OAuth 2.0: got before the request that needs one, and never in its time.

use std::rc::Rc;

use super::User;
use super::capture::Want;
use super::identify::{KeptToken, Means};
use super::send::{Content, Expects, Message, NoAnswer};
use super::worker::OriginId;
use crate::auth::{Acquired, Fetch, Rejected, parse_token_response};
use crate::program::{ScenarioProgram, append_body, append_line};
use crate::record::Outcome;
use crate::transport::Transport;

impl<T: Transport> User<T> {
    /// Gets a token that is good now, appends its header line, and says when the request may be sent.
    pub(super) async fn token(
        &mut self,
        scenario: &ScenarioProgram,
        means: &Means<'_>,
        due_ns: u64,
        lines: &mut Vec<u8>,
    ) -> Result<(KeptToken, u64), NoAnswer> {
        let worker = Rc::clone(&self.worker);
        let desk = &worker.pools[means.token.pool];
        let mut ready_ns = due_ns;
        loop {
            let ended_fetches = desk.ended_fetches.get();
            // The pool must not stay borrowed while the user waits.
            let fetch = match desk.pool.borrow_mut().acquire(self.number, worker.timer.recent()) {
                Acquired::Token(token) => return Ok((KeptToken::take(&token, lines), ready_ns)),
                Acquired::Fetch(fetch) => Some(fetch),
                Acquired::Wait(_) => None,
                Acquired::Failed { .. } => {
                    return Err(NoAnswer { outcome: Outcome::AuthFailed, ended_ns: ready_ns });
                }
            };
            if let Some(fetch) = fetch {
                let fetched = self.fetch(scenario, means, &fetch, ready_ns, lines).await;
                desk.end_fetch(&worker.timer);
                return fetched.map_err(|NoAnswer { outcome, ended_ns }| {
                    let interrupted = outcome == Outcome::Interrupted;
                    let outcome = if interrupted { Outcome::Interrupted } else { Outcome::AuthFailed };
                    NoAnswer { outcome, ended_ns }
                });
            }
            desk.waiting.borrow_mut().push(self.seat.index());
            let ended = || desk.ended_fetches.get() != ended_fetches;
            if self.seat.sleep_until_or(u64::MAX, ended).await.is_err() {
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
        lines: &mut Vec<u8>,
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
            want: Want { body: true, ..Want::default() },
            expects: Expects { request: None, redirects: false },
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
        let parsed =
            parse_token_response(answer.complete.status, answer.capture.as_ref().map_or(&[], |kept| kept.body()));
        let ended_ns = answer.ended_ns;
        worker.give_back(answer.capture);
        let mut pool = pool.borrow_mut();
        match pool.fetched(fetch.slot, parsed, ended_ns) {
            Ok(token) => Ok((KeptToken::take(&token, lines), ended_ns)),
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
