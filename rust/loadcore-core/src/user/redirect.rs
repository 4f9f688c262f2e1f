//! Redirects: followed to their end, each hop a row of the step.

use std::borrow::Cow;

use super::User;
use super::send::{Answer, Content, Expects, Message, NoAnswer, Redirected, is_redirect};
use super::worker::OriginId;
use crate::program::{RequestProgram, ScenarioProgram};
use crate::record::Outcome;
use crate::step::Headers;
use crate::transport::{Origin, Transport};

impl<T: Transport> User<T> {
    /// Follows redirects to their end. Each hop is a row of the step; the clock of a hop starts with the end of the one before.
    pub(super) async fn follow(
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
            let location = answer.capture.as_ref().and_then(|kept| kept.first(b"location").map(<[u8]>::to_vec));
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
                expects: Expects { request: Some(request), redirects: true },
                withholds_401: false,
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
}

/// RFC 9110 section 15.4: 303 asks for GET, and POST becomes GET after 301 and 302 by long custom.
fn redirected_method(status: u16, method: &str) -> &str {
    match (status, method) {
        (303, "HEAD") => "HEAD",
        (303, _) | (301 | 302, "POST") => "GET",
        (_, method) => method,
    }
}
