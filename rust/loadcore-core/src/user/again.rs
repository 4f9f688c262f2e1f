//! What a response demands to be sent again: the same request with another token, or to another place. Each is a row of
//! the step, and the clock of each starts with the end of the one before.

use super::User;
use super::drive::{Cut, is_replaceable};
use super::identify::TokenRef;
use super::message::{Answer, Message, Withheld};
use super::rendered::place;
use super::resend::{Change, append_changed, cookie_of, with_credential};
use super::sample::Unsent;
use super::send::NoAnswer;
use super::trace::Tracked;
use crate::cookies::Destination;
use crate::exchange::{Request, Stack};
use crate::program::{Envelope, OriginId, Outgoing, RequestProgram, ScenarioProgram, Want};
use crate::record::Outcome;
use crate::step::Headers;
use crate::transport::{host_name, resolve};

/// A request on its way from answer to answer.
struct Again<'a> {
    request: Outgoing<'a>,
    /// As it was sent first, but with the token that it has now.
    first: Vec<u8>,
    own_cookie: usize,
    origin: OriginId,
    method: &'a str,
    target: String,
    keeps_body: bool,
    token: Option<TokenRef>,
    /// Whether a 401 can still be answered with another token.
    may_replace: bool,
    withholds: Withheld,
    hops: u8,
    /// That of the request, which is one for all that are sent for it.
    trace: Option<Box<Tracked>>,
}

/// Where a request goes that is not what was rendered.
pub(super) struct Goal<'a> {
    pub(super) origin: OriginId,
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) keeps_body: bool,
    /// How much of the value of its `Cookie` header is its own.
    pub(super) own_cookie: usize,
}

impl<T: Stack> User<T> {
    /// Sends the further requests that a response demands, and concludes the step.
    pub(super) async fn answer_again(
        &mut self,
        scenario: &ScenarioProgram,
        request: &RequestProgram,
        first: Answer,
    ) -> Result<(), Cut> {
        let current = self.cursor.current.take();
        let sent = current.map_or((request.envelope.origin, None), |current| (current.origin, current.token));
        let withholds = Withheld::unauthorized(is_replaceable(&request.envelope, sent.1));
        match self.send_again(scenario, request.outgoing(), sent, withholds, first).await {
            Ok((mut answer, origin)) => self.conclude(scenario, request, origin, &mut answer),
            Err(failed) => Err(self.cut(failed)),
        }
    }

    /// Sends the further requests that the answer to one demands, which was sent to this origin with this token.
    pub(super) async fn send_again(
        &mut self,
        scenario: &ScenarioProgram,
        request: Outgoing<'_>,
        (origin, token): (OriginId, Option<TokenRef>),
        withholds: Withheld,
        first: Answer,
    ) -> Result<(Answer, OriginId), NoAnswer> {
        let envelope = request.envelope;
        let home = envelope.origin;
        let mut again = Again {
            first: self.lane.rendered.request(request).as_written().to_vec(),
            target: self.lane.rendered.request(request).target().to_owned(),
            request,
            own_cookie: self.lane.rendered.own_cookie,
            origin,
            method: &envelope.method,
            keeps_body: true,
            token,
            may_replace: true,
            withholds,
            hops: 0,
            trace: self.lane.flight.trace.take(),
        };
        let mut answer = first;
        loop {
            self.store_cookies(again.origin, request, answer.kept.capture.as_deref());
            let is_rejected = answer.complete.status == 401 && self.lane.withheld.is_some();
            if is_rejected || envelope.follows(answer.complete.status) {
                self.sample_plain(scenario, &self.message(request, again.origin, false), &answer);
            }
            let due_ns = if is_rejected {
                let Some(ready_ns) = self.replace_token(scenario, &mut again, &mut answer).await? else {
                    self.lane.flight.trace = again.trace.take();
                    return Ok((answer, again.origin));
                };
                ready_ns
            } else if envelope.follows(answer.complete.status) {
                self.redirect(scenario, &mut again, &answer)?;
                answer.ended_ns
            } else {
                self.lane.flight.trace = again.trace.take();
                return Ok((answer, again.origin));
            };
            self.worker.give_back(answer.kept.capture.take());
            let goal = Goal {
                origin: again.origin,
                method: again.method,
                target: &again.target,
                keeps_body: again.keeps_body,
                own_cookie: again.own_cookie,
            };
            self.change(envelope, Request::written(&again.first), &goal);
            let message = Message {
                request,
                method: again.method,
                origin: again.origin,
                want: self.want(envelope).and(Want::AGAIN),
                withholds: withholds.or_unauthorized(
                    again.may_replace && again.origin == home && is_replaceable(envelope, again.token),
                ),
            };
            self.lane.flight.trace = again.trace.take();
            answer = self.send(scenario, &message, due_ns).await?;
            again.trace = self.lane.flight.trace.take();
        }
    }

    /// After a 401: gets a new token, if one could help and can be had, and says when it is there. Otherwise the answer
    /// stands.
    async fn replace_token(
        &mut self,
        scenario: &ScenarioProgram,
        again: &mut Again<'_>,
        answer: &mut Answer,
    ) -> Result<Option<u64>, NoAnswer> {
        let due_ns = answer.ended_ns;
        let access = Self::token_access(scenario, again.request.envelope).zip(again.token);
        let Some((access, _)) = access.filter(|(access, token)| self.is_replaceable(access, token, due_ns)) else {
            self.let_stand(again);
            return Ok(None);
        };
        match self.token(scenario, &access, due_ns).await {
            Ok((token, ready_ns)) => {
                self.supersede();
                let name = again.request.envelope.auth_header.as_deref().unwrap_or_default();
                again.first = with_credential(Request::written(&again.first), (name.as_bytes(), &self.lane.credential));
                (again.token, again.may_replace) = (Some(token), false);
                Ok(Some(ready_ns))
            }
            Err(failed) => {
                self.let_stand(again);
                // What was received last is the token endpoint's.
                self.lane.flight.arrival.forget();
                if failed.outcome == Outcome::Interrupted {
                    return Err(failed);
                }
                answer.ended_ns = failed.ended_ns;
                Ok(None)
            }
        }
    }

    /// A 401 is the answer: an error, if no script decides it.
    fn let_stand(&mut self, again: &Again<'_>) {
        if !again.withholds.is_all() {
            self.release(true);
        }
    }

    /// Goes where a response redirects.
    fn redirect(&mut self, scenario: &ScenarioProgram, again: &mut Again<'_>, answer: &Answer) -> Result<(), NoAnswer> {
        let status = answer.complete.status;
        let location = answer.kept.capture.as_ref().and_then(|kept| kept.first(b"location"));
        let from = self.worker.origin(again.origin);
        let next = match location {
            Some(location) => resolve(&from, &again.target, location).map_err(|problem| {
                format!("`Location: {}` cannot be followed: {problem}", String::from_utf8_lossy(location))
            }),
            None => Err(format!("the response with status {status} has no `Location`")),
        };
        let next = next.and_then(|(to, target)| {
            let origin = self.worker.origin_id(to).ok_or("too many hosts have been redirected to")?;
            Ok((origin, target))
        });
        let (origin, target) = match next {
            Ok(next) => next,
            Err(why) => {
                let unsent = Unsent::request(again.request, Outcome::RedirectInvalid).because(why).after(answer);
                return Err(self.refuse(scenario, answer.ended_ns, &unsent));
            }
        };
        if again.hops == again.request.envelope.max_redirects {
            let why = format!("{} redirects were followed, and another one came: status {status}", again.hops);
            let unsent = Unsent::request(again.request, Outcome::RedirectLoop).because(why);
            return Err(self.refuse(scenario, answer.ended_ns, &unsent.after(answer)));
        }
        again.hops += 1;
        (again.origin, again.target) = (origin, target);
        let method = redirected_method(status, again.method);
        again.keeps_body &= method == again.method && status != 303;
        again.method = method;
        again.may_replace = true;
        Ok(())
    }

    /// Makes the current request what was `sent` first, with what has to differ at its goal.
    pub(super) fn change(&mut self, envelope: &Envelope, sent: Request<'_>, goal: &Goal<'_>) {
        let (at_home, origin) = (goal.origin == envelope.origin, self.worker.origin(goal.origin));
        let host = (!at_home || !envelope.has_own_host).then(|| origin.host_header());
        let cookies = self.state.cookies.as_ref().map(|jar| {
            let was = place(sent, origin.tls);
            let place = Destination { host: host.as_deref().map_or(was.host, host_name), target: goal.target, ..was };
            let mut value = if at_home { cookie_of(sent)[..goal.own_cookie].to_vec() } else { Vec::new() };
            jar.borrow().add_to(&mut value, place, self.worker.unix_ns());
            value
        });
        let change = Change {
            method: goal.method,
            target: goal.target,
            host: host.as_deref(),
            cookies: cookies.as_deref(),
            keeps_body: goal.keeps_body,
        };
        let keeps = |name: &[u8]| at_home || !envelope.is_sensitive(name);
        self.lane.rendered.bytes.clear();
        append_changed(sent, &change, keeps, &mut self.lane.rendered.bytes);
    }
}

/// RFC 9110 section 15.4: 303 asks for GET, and POST becomes GET after 301 and 302 by long custom.
fn redirected_method(status: u16, method: &str) -> &str {
    match (status, method) {
        (303, "HEAD") => "HEAD",
        (303, _) | (301 | 302, "POST") => "GET",
        (_, method) => method,
    }
}
