//! A request that a script makes: given an envelope, written, and sent like any other.

use super::Scripted;
use super::sender::Job;
use crate::auth::CompiledAuth;
use crate::driver::script::{self, Body};
use crate::exchange::{self, Field, Framing, Stack};
use crate::program::{Envelope, Outgoing, ScenarioProgram, ScriptProgram, Want, is_method, is_token};
use crate::record::{Outcome, StepId};
use crate::step::{RenderError, forbidden_in_head};
use crate::transport::Origin;
use crate::user::User;
use crate::user::drive::is_replaceable;
use crate::user::identify::{Identity, TokenRef};
use crate::user::sample::Unsent;
use crate::user::send::{Answer, Message, NoAnswer, Withheld};

/// Headers that are decided by the body and the connection, not by the script.
const OURS: [&str; 3] = ["content-length", "transfer-encoding", "connection"];
/// The maximum number of redirects to follow.
const MOST_REDIRECTS: u8 = 10;

impl<T: Stack> User<T> {
    /// Sends a request of the script, and those that its answers demand. There is a row for each.
    pub(super) async fn call(
        &mut self,
        scenario: &ScenarioProgram,
        scripted: &Scripted,
        job: &Job,
    ) -> Result<Answer, NoAnswer> {
        let (request, due_ns) = (&*job.request, job.due_ns);
        let Some(program) = &scenario.script else {
            return Err(NoAnswer { outcome: Outcome::RequestInvalid, ended_ns: due_ns });
        };
        let step = scripted.step(&self.worker, scenario, &request.name, &request.method);
        let mut envelope = self.envelope(scenario, program, request, step);
        let target = match self.address(program, &mut envelope, request) {
            Ok(target) => target,
            Err(problem) => {
                let unsent = Unsent::unmade(&envelope, Outcome::RequestInvalid).because(problem);
                return Err(self.refuse(scenario, due_ns, &unsent));
            }
        };
        let (token, ready_ns) = self.authenticate(scenario, &envelope, due_ns).await?;
        if let Err(error) = self.write(scenario, program, &envelope, target, request) {
            let unsent = Unsent::unmade(&envelope, Outcome::RequestInvalid).because_of(error, scenario);
            return Err(self.refuse(scenario, due_ns, &unsent));
        }
        let outgoing = Outgoing { envelope: &envelope, whole: None };
        let base = Withheld::unauthorized(is_replaceable(&envelope, token));
        let withholds = if request.is_settled_later { Withheld::ALL } else { base };
        let message = Message { withholds, ..self.message(outgoing, envelope.origin, false) };
        let first = self.send(scenario, &message, ready_ns).await?;
        let sent = (envelope.origin, token);
        let (mut answer, origin) = self.send_again(scenario, outgoing, sent, withholds, first).await?;
        self.decode(&mut answer);
        self.sample_plain(scenario, &self.message(outgoing, origin, false), &answer);
        if let Some(row) = self.lane.withheld.take() {
            let is_error = !envelope.expects(answer.complete.status);
            scripted.held.borrow_mut().insert(request.key, (row, is_error));
        }
        self.forget_request();
        Ok(answer)
    }

    fn envelope(
        &self,
        scenario: &ScenarioProgram,
        program: &ScriptProgram,
        request: &script::Request,
        step: StepId,
    ) -> Envelope {
        let http = &self.worker.program.http;
        let auth = program.auth.filter(|_| !request.is_anonymous);
        let header = auth.and_then(|auth| scenario.auths[usize::from(auth.0)].compiled.header());
        let max_redirects = request.max_redirects.unwrap_or(http.max_redirects).min(MOST_REDIRECTS);
        Envelope {
            step,
            method: request.method.as_str().into(),
            origin: program.origin,
            has_own_host: has(&request.headers, "host"),
            timeouts: request.timeouts.unwrap_or(http.timeouts),
            expect: request.expect.as_slice().into(),
            max_redirects,
            // A request's own header wins: there is one of a name.
            auth: auth.filter(|_| header.is_none_or(|header| !has(&request.headers, header))),
            auth_header: header.map(Into::into),
            want: Want::HEADERS
                .and(Want::BODY)
                .and_if(max_redirects > 0, Want::REDIRECTS)
                .and_if(self.worker.samples_everything(), Want::SHOWN),
        }
    }

    /// Finds out where a request goes, and what is its target there. An absolute URL may name an origin that is new.
    fn address<'a>(
        &self,
        program: &ScriptProgram,
        envelope: &mut Envelope,
        request: &'a script::Request,
    ) -> Result<Target<'a>, String> {
        check(request)?;
        let url = &*request.url;
        if url.starts_with('/') {
            return Ok(Target { is_at_home: true, path: url });
        }
        let (origin, path) = Origin::split(url).map_err(|problem| problem.to_string())?;
        let origin = self.worker.origin_id(origin).ok_or("the run has had too many hosts")?;
        if origin != program.origin {
            // What proves who asks is nothing for others.
            envelope.auth = None;
        }
        envelope.origin = origin;
        Ok(Target { is_at_home: false, path })
    }

    /// Finds what authenticates a request, and says when it may be sent.
    async fn authenticate(
        &mut self,
        scenario: &ScenarioProgram,
        envelope: &Envelope,
        due_ns: u64,
    ) -> Result<(Option<TokenRef>, u64), NoAnswer> {
        match self.identify(scenario, envelope) {
            Ok(Identity::Anonymous) => return Ok((None, due_ns)),
            Ok(Identity::Token(token)) => return Ok((Some(token), due_ns)),
            Ok(Identity::NoToken) => {}
            Err(error) => {
                let unsent = Unsent::unmade(envelope, Outcome::RequestInvalid).because_of(error, scenario);
                return Err(self.refuse(scenario, due_ns, &unsent));
            }
        }
        let Some(access) = Self::token_access(scenario, envelope) else { return Ok((None, due_ns)) };
        match self.token(scenario, &access, due_ns).await {
            Ok((token, ready_ns)) => Ok((Some(token), ready_ns)),
            Err(NoAnswer { outcome, ended_ns }) => {
                let unsent = Unsent::unmade(envelope, outcome).because(self.no_token(&access));
                Err(self.refuse(scenario, ended_ns, &unsent))
            }
        }
    }

    /// Writes the request, which is the user's current one from then on.
    fn write(
        &mut self,
        scenario: &ScenarioProgram,
        program: &ScriptProgram,
        envelope: &Envelope,
        target: Target<'_>,
        request: &script::Request,
    ) -> Result<(), RenderError> {
        let origin = self.worker.origin(envelope.origin);
        let unix_ns = self.worker.unix_ns();
        let is_own = |name: &str| has(&request.headers, name);
        let key = match envelope.auth.map(|auth| &scenario.auths[usize::from(auth.0)].compiled) {
            Some(CompiledAuth::Query { name, value }) => Some((name, value)),
            _ => None,
        };
        let (mut path, mut values) = (Vec::new(), Vec::new());
        self.with_builtins(|variables, builtins, _| {
            if target.is_at_home {
                program.base.render(variables, builtins, &mut path)?;
            }
            path.extend_from_slice(if target.path.starts_with('/') { b"" } else { b"/" });
            path.extend_from_slice(target.path.as_bytes());
            if let Some((name, value)) = key {
                path.push(if path.contains(&b'?') { b'&' } else { b'?' });
                path.extend_from_slice(name.as_bytes());
                path.push(b'=');
                value.render(variables, builtins, &mut path)?;
            }
            for (name, value) in program.headers.iter().filter(|(name, _)| !is_own(name)) {
                let mut bytes = Vec::new();
                value.render(variables, builtins, &mut bytes)?;
                values.push((name.as_bytes(), bytes));
            }
            Ok(())
        })?;
        let host = origin.host_header();
        let host = request.headers.iter().find(|(name, _)| is(name, "host")).map_or(&*host, |(_, value)| value);
        let path = String::from_utf8_lossy(&path);

        let mut fields: Vec<Field<'_>> = values.iter().map(|(name, value)| (*name, &value[..])).collect();
        let keeps_cookies = self.state.cookies.is_some();
        let kept_apart = |name: &str| is(name, "host") || keeps_cookies && is(name, "cookie");
        fields.extend(request.headers.iter().filter(|(name, _)| !kept_apart(name)).map(field));
        if let Some(name) = envelope.auth_header.as_deref().filter(|_| !self.lane.credential.is_empty()) {
            fields.push((name.as_bytes(), &self.lane.credential));
        }
        let own_cookies = request.headers.iter().filter(|(name, _)| is(name, "cookie"));
        let mut cookie = own_cookies.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join("; ").into_bytes();
        self.lane.rendered.own_cookie = cookie.len();
        if let Some(jar) = &self.state.cookies {
            let place = crate::cookies::Destination {
                host: crate::transport::host_name(host),
                target: &path,
                is_secure: origin.tls,
            };
            jar.borrow().add_to(&mut cookie, place, unix_ns);
            if !cookie.is_empty() {
                fields.push((b"Cookie", &cookie));
            }
        }
        let framing = match &request.body {
            Body::None => Framing::None,
            Body::Whole(bytes) => Framing::Whole(bytes),
            Body::Pieces => Framing::Pieces,
        };
        let bytes = &mut self.lane.rendered.bytes;
        bytes.clear();
        exchange::Request::write_framed(bytes, &request.method, &path, host, &fields, framing);
        Ok(())
    }
}

/// Where a request leads.
#[derive(Clone, Copy)]
struct Target<'a> {
    /// Behind the scenario's base URL.
    is_at_home: bool,
    path: &'a str,
}

/// What keeps a request from being sent as it is.
fn check(request: &script::Request) -> Result<(), String> {
    let script::Request { method, url, headers, .. } = request;
    if !is_method(method) {
        return Err(format!("`{method}` is not a method that can be sent: write it in capitals, such as `GET`"));
    }
    if let Some(forbidden) = url.chars().find(|each| !each.is_ascii_graphic()) {
        return Err(format!("the URL holds {forbidden:?}: percent-encode it"));
    }
    for (name, value) in headers {
        if !is_token(name) {
            return Err(format!("`{name}` is not the name of a header"));
        }
        if OURS.iter().any(|ours| is(name, ours)) {
            return Err(format!("the header `{name}` is set by loadcore"));
        }
        if forbidden_in_head(value.as_bytes()) {
            return Err(format!("the value of the header `{name}` holds a line end, which cannot be sent"));
        }
    }
    Ok(())
}

fn is(name: &str, other: &str) -> bool {
    name.eq_ignore_ascii_case(other)
}

fn has(headers: &[(String, String)], name: &str) -> bool {
    headers.iter().any(|(known, _)| is(known, name))
}

fn field((name, value): &(String, String)) -> Field<'_> {
    (name.as_bytes(), value.as_bytes())
}
