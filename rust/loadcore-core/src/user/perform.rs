//! Performs a request step: authenticates, sends, follows redirects, checks, extracts.

use std::borrow::Cow;
use std::rc::Rc;

use super::User;
use super::capture::Want;
use super::identify::{Identity, KeptToken};
use super::send::{Answer, Content, Expects, Message, NoAnswer, Redirected, is_redirect};
use super::worker::OriginId;
use crate::program::{RequestProgram, ScenarioProgram};
use crate::record::Outcome;
use crate::step::{Extracted, Headers, Response};
use crate::transport::{Origin, Transport};

/// What ends an iteration early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// A request without a response, a check that stops, a value that was not there.
    Failed,
    /// The end of the run.
    Interrupted,
}

impl From<NoAnswer> for (Cut, u64) {
    fn from(NoAnswer { outcome, ended_ns }: NoAnswer) -> Self {
        (if outcome == Outcome::Interrupted { Cut::Interrupted } else { Cut::Failed }, ended_ns)
    }
}

impl<T: Transport> User<T> {
    /// Returns when the step ended, or what cut the iteration short, and when.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` keeps its arguments twice, and every user pays for that")]
    pub(super) fn perform(
        &mut self,
        scenario: &ScenarioProgram,
        request: &RequestProgram,
        due_ns: u64,
    ) -> impl Future<Output = Result<u64, (Cut, u64)>> {
        async move {
            let mut lines = std::mem::take(&mut self.lines);
            lines.clear();
            // Boxed here and below is what seldom happens: every user would carry room for it for ever.
            let (token, due_ns) = match self.identify(scenario, request, &mut lines) {
                Ok(Identity::Anonymous) => (None, due_ns),
                Ok(Identity::Token(token)) => (Some(token), due_ns),
                Ok(Identity::NoToken(means)) => {
                    let (token, ready_ns) = Box::pin(self.token(scenario, &means, due_ns, &mut lines)).await?;
                    (Some(token), ready_ns)
                }
                Err(outcome) => return Err(self.refuse(scenario, request.step, due_ns, outcome).into()),
            };
            self.append_cookies(request, &mut lines);
            let message = self.message(request, &lines, token.is_some());
            let mut answer = self.send(scenario, &message, due_ns).await?;
            if answer.complete.status == 401
                && let Some(token) = token
            {
                answer = Box::pin(self.replace_token(scenario, request, &token, answer, &mut lines)).await?;
            }
            self.lines = lines;
            self.store_cookies(OriginId(request.origin), None, request, &answer);
            if request.max_redirects > 0 && is_redirect(answer.complete.status) {
                answer = Box::pin(self.follow(scenario, request, answer)).await?;
            }
            self.conclude(scenario, request, answer, due_ns)
        }
    }

    /// The request with these further header lines. `again`: a 401 is not the last word.
    fn message<'a>(&self, request: &'a RequestProgram, lines: &'a [u8], again: bool) -> Message<'a> {
        Message {
            step: request.step,
            method: &request.method,
            origin: OriginId(request.origin),
            timeouts: &request.timeouts,
            want: self.want(request),
            expects: Expects { request: Some(request), redirects: request.max_redirects > 0, unauthorized: again },
            content: Content::Request(request, lines),
        }
    }

    fn want(&self, request: &RequestProgram) -> Want {
        Want {
            headers: request.wanted.wants_headers(),
            cookies: self.cookies.is_some(),
            redirects: request.max_redirects > 0,
            body: request.wanted.wants_body(),
        }
    }

    /// After a 401: one new token and one more try, if a new token could help.
    async fn replace_token(
        &mut self,
        scenario: &ScenarioProgram,
        request: &RequestProgram,
        token: &KeptToken,
        answer: Answer,
        lines: &mut Vec<u8>,
    ) -> Result<Answer, NoAnswer> {
        let due_ns = answer.ended_ns;
        let Some(means) = Self::means(scenario, request).filter(|means| self.is_replaceable(means, token, due_ns))
        else {
            return Ok(answer);
        };
        self.worker.give_back(answer.capture);
        lines.clear();
        let (_, ready_ns) = self.token(scenario, &means, due_ns, lines).await?;
        self.append_cookies(request, lines);
        let message = self.message(request, lines, false);
        self.send(scenario, &message, ready_ns).await
    }

    /// Follows redirects to their end. Each hop is a row of the step; the clock of a hop starts with the end of the one before.
    async fn follow(
        &mut self,
        scenario: &ScenarioProgram,
        request: &RequestProgram,
        first: Answer,
    ) -> Result<Answer, NoAnswer> {
        let first_origin = OriginId(request.origin);
        let (mut origin, mut target) = (first_origin, self.target(request).into_owned());
        let mut method = &*request.method;
        let mut answer = first;
        let mut hops = 0;
        while is_redirect(answer.complete.status) {
            let (status, due_ns) = (answer.complete.status, answer.ended_ns);
            let location = answer.capture.first(b"location").map(<[u8]>::to_vec);
            let next = location.and_then(|location| self.resolve(&location, origin, &target));
            self.worker.give_back(answer.capture);
            let Some(next) = next else {
                return Err(self.refuse(scenario, request.step, due_ns, Outcome::RedirectInvalid));
            };
            if hops == request.max_redirects {
                return Err(self.refuse(scenario, request.step, due_ns, Outcome::RedirectLoop));
            }
            hops += 1;
            (origin, target) = next;
            method = redirected_method(status, method);
            let mut lines = Vec::new();
            self.append_cookies_to(origin, &target, &mut lines);
            let host = self.worker.origin(origin).host_header();
            let same_origin = origin == first_origin;
            let redirected = Redirected { request, method, host: &host, target: &target, same_origin, lines: &lines };
            let message = Message {
                step: request.step,
                method,
                origin,
                timeouts: &request.timeouts,
                want: self.want(request),
                expects: Expects { request: Some(request), redirects: true, unauthorized: false },
                content: Content::Redirected(&redirected),
            };
            answer = self.send(scenario, &message, due_ns).await?;
            self.store_cookies(origin, Some(&target), request, &answer);
        }
        Ok(answer)
    }

    /// Where a `Location` leads (RFC 3986 section 5). `None`: nowhere that a request can be sent to.
    fn resolve(&self, location: &[u8], origin: OriginId, target: &str) -> Option<(OriginId, String)> {
        let location = std::str::from_utf8(location).ok()?;
        if location.is_empty() || location.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return None;
        }
        let location = location.split('#').next().unwrap_or("");
        let scheme_relative;
        let absolute = if location.starts_with("//") {
            let scheme = if self.worker.origin(origin).tls { "https:" } else { "http:" };
            scheme_relative = format!("{scheme}{location}");
            Some(&*scheme_relative)
        } else {
            location.split_once(':').filter(|(scheme, _)| !scheme.contains(['/', '?'])).map(|_| location)
        };
        if let Some(absolute) = absolute {
            let (to, target) = Origin::split(absolute).ok()?;
            let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
            return Some((self.worker.origin_id(to)?, target));
        }
        let path = target.split('?').next().unwrap_or("/");
        let target = if location.starts_with('/') {
            location.to_owned()
        } else if location.starts_with('?') {
            format!("{path}{location}")
        } else {
            let directory = &path[..=path.rfind('/').unwrap_or(0)];
            format!("{directory}{location}")
        };
        Some((origin, target))
    }

    /// The request's path and query. A built-in that draws a number draws another one here: only the directory matters.
    pub(super) fn target<'r>(&mut self, request: &'r RequestProgram) -> Cow<'r, str> {
        if let Some(target) = request.target.is_static() {
            return String::from_utf8_lossy(target);
        }
        let rendered = self.with_builtins(|variables, builtins, out| {
            request.target.render(variables, builtins, out).map(|()| out.clone()).unwrap_or_default()
        });
        Cow::Owned(String::from_utf8(rendered).unwrap_or_default())
    }

    /// Makes the step's checks and takes its values.
    fn conclude(
        &mut self,
        scenario: &ScenarioProgram,
        request: &RequestProgram,
        answer: Answer,
        due_ns: u64,
    ) -> Result<u64, (Cut, u64)> {
        let Answer { complete, capture, service_ns, ended_ns } = answer;
        let response = Response {
            status: complete.status,
            headers: &*capture,
            body: capture.body(),
            body_bytes: complete.body_bytes,
            service_ns,
        };
        // The phase that the request was due in: its checks count where it does.
        let phase = self.worker.phase(scenario, due_ns);
        let mut goes_on = true;
        if !request.checks.is_empty() {
            let worker = Rc::clone(&self.worker);
            let mut recorder = worker.recorder.borrow_mut();
            self.evaluate(|_, evaluation| {
                for (id, check) in &request.checks {
                    let held = check.holds(&response, evaluation);
                    recorder.check(*id, phase, held);
                    goes_on &= held || !check.stops();
                }
            });
        }
        if goes_on {
            for extract in &request.extracts {
                goes_on &= extract.apply(&response, &mut self.variables) != Extracted::Missing;
            }
        }
        self.worker.give_back(capture);
        if goes_on { Ok(ended_ns) } else { Err((Cut::Failed, ended_ns)) }
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
