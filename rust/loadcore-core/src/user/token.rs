//! Tokens of OAuth 2.0: got before the request that needs one, and never in its time.

use std::rc::Rc;

use super::User;
use super::capture::Want;
use super::send::{Content, Message, NoAnswer};
use super::worker::OriginId;
use crate::auth::{Acquired, Fetch, OAuth2, Rejected, TokenSlot, parse_token_response};
use crate::program::{RequestProgram, ScenarioProgram, TokenProgram, append_body, append_line};
use crate::record::Outcome;
use crate::transport::Transport;

/// How a request gets its token.
pub(super) struct Means<'a> {
    pub(super) request: &'a RequestProgram,
    pub(super) oauth2: &'a OAuth2,
    pub(super) token: &'a TokenProgram,
}

/// A token for one request.
pub(super) struct Granted {
    /// The header line.
    pub(super) line: Vec<u8>,
    /// When the request may be sent.
    pub(super) ready_ns: u64,
    slot: TokenSlot,
    generation: u32,
}

impl<T: Transport> User<T> {
    /// A token that is good now: a kept one, or a new one. A request that gets none is recorded as such.
    pub(super) async fn token(
        &mut self,
        scenario: &ScenarioProgram,
        means: &Means<'_>,
        due_ns: u64,
    ) -> Result<Granted, NoAnswer> {
        let worker = Rc::clone(&self.worker);
        let desk = &worker.pools[means.token.pool];
        let mut ready_ns = due_ns;
        loop {
            let ended_fetches = desk.ended_fetches.get();
            // The guard must not be held while the user waits.
            let fetch = match desk.pool.borrow_mut().acquire(self.number, worker.timer.recent()) {
                Acquired::Token(token) => {
                    let line = [b"Authorization: ", token.authorization, b"\r\n"].concat();
                    return Ok(Granted { line, ready_ns, slot: token.slot, generation: token.generation });
                }
                Acquired::Fetch(fetch) => Some(fetch),
                Acquired::Wait(_) => None,
                Acquired::Failed { .. } => {
                    return Err(self.refuse(scenario, means.request.step, ready_ns, Outcome::AuthFailed));
                }
            };
            let Some(fetch) = fetch else {
                desk.waiting.borrow_mut().push(self.seat.index());
                let ended = || desk.ended_fetches.get() != ended_fetches;
                if self.seat.sleep_until_or(u64::MAX, ended).await.is_err() {
                    return Err(self.refuse(scenario, means.request.step, ready_ns, Outcome::Interrupted));
                }
                ready_ns = ready_ns.max(worker.timer.recent());
                continue;
            };
            let fetched = self.fetch(scenario, means, &fetch, ready_ns).await;
            desk.end_fetch(&worker.timer);
            match fetched {
                Ok(granted) => return Ok(granted),
                Err(NoAnswer { outcome: Outcome::Interrupted, ended_ns }) => {
                    return Err(self.refuse(scenario, means.request.step, ended_ns, Outcome::Interrupted));
                }
                Err(NoAnswer { ended_ns, .. }) => {
                    return Err(self.refuse(scenario, means.request.step, ended_ns, Outcome::AuthFailed));
                }
            }
        }
    }

    /// Whether a 401 to this token is worth another try with a new one.
    pub(super) fn is_replaceable(&self, means: &Means<'_>, granted: &Granted, now_ns: u64) -> bool {
        let mut pool = self.worker.pools[means.token.pool].pool.borrow_mut();
        pool.rejected(granted.slot, granted.generation, now_ns) == Rejected::Retry
    }

    /// Makes a token request, and tells the pool what came of it.
    async fn fetch(
        &mut self,
        scenario: &ScenarioProgram,
        means: &Means<'_>,
        fetch: &Fetch,
        due_ns: u64,
    ) -> Result<Granted, NoAnswer> {
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
            timeouts: worker.program.http.timeouts,
            want: Want { body: true, ..Want::default() },
            content: Content::Bytes(&bytes),
        };
        let answer = match self.send(scenario, &message, due_ns, |status| status >= 400).await {
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
        let parsed = parse_token_response(answer.complete.status, answer.capture.body());
        let ended_ns = answer.ended_ns;
        worker.give_back(answer.capture);
        let mut pool = pool.borrow_mut();
        match pool.fetched(fetch.slot, parsed, ended_ns) {
            Ok(token) => {
                let line = [b"Authorization: ", token.authorization, b"\r\n"].concat();
                Ok(Granted { line, ready_ns: ended_ns, slot: token.slot, generation: token.generation })
            }
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
