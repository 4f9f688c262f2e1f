//! A request that a script makes: given an envelope, written, and sent like any other.

use std::borrow::Cow;
use std::rc::Rc;

use super::form::FormProgram;
use super::sender::Job;
use super::{Held, Scripted};
use crate::auth::CompiledAuth;
use crate::driver::script::{BodyFraming, Call, Headers, Holds};
use crate::exchange::{Framing, Request, Stack};
use crate::program::{
    CLOSE, Envelope, OriginId, Outgoing, ScenarioProgram, ScriptProgram, Want, is_token, set_by_loadcore,
};
use crate::record::Outcome;
use crate::step::{Builtins, RenderError, forbidden_in_head};
use crate::transport::Origin;
use crate::user::User;
use crate::user::drive::is_replaceable;
use crate::user::identify::{Identity, TokenRef};
use crate::user::lane::Lane;
use crate::user::message::{Answer, Message, Withheld};
use crate::user::rendered::{Rendered, place};
use crate::user::sample::Unsent;
use crate::user::send::NoAnswer;
use crate::user::state::State;

/// Headers that are decided by the body and the connection, not by the script.
const OURS: [&[u8]; 3] = [b"content-length", b"transfer-encoding", b"connection"];

/// An answer to a call.
pub(super) struct Called {
    pub(super) answer: Answer,
    pub(super) is_error: bool,
    /// Where redirects led.
    pub(super) moved_to: Option<Box<str>>,
}

impl<T: Stack> User<T> {
    /// Sends a request of the script, and those that its answers demand. There is a row for each.
    pub(super) async fn call(
        &mut self,
        scenario: &ScenarioProgram,
        scripted: &Scripted,
        job: &mut Job,
    ) -> Result<Called, NoAnswer> {
        let (call, due_ns) = (&*job.call, job.due_ns);
        let (Some(program), Some(form)) = (&scenario.script, &job.form) else {
            return Err(NoAnswer { outcome: Outcome::RequestInvalid, ended_ns: due_ns });
        };
        let is_all_but_url = form.is_all_but_url(call) && self.has_no_cookies();
        let whole = if is_all_but_url { form.written(&call.url) } else { None };
        let (own, token, ready_ns) = match whole {
            Some(_) => (None, None, due_ns),
            None => self.prepare(scenario, program, form, call, due_ns).await?,
        };
        let envelope = own.as_deref().unwrap_or(&form.envelope);
        if whole.is_none() && is_all_but_url && own.is_none() {
            form.wrote(&call.url, Request::written(&self.lane.rendered.bytes));
        }
        let outgoing = Outgoing { envelope, whole };
        let base = Withheld::unauthorized(is_replaceable(envelope, token));
        let withholds = match form.holds {
            Holds::None => base,
            Holds::Redirects => Withheld::REDIRECTS,
            Holds::All => Withheld::ALL,
        };
        let message = Message { withholds, ..self.message(outgoing, envelope.origin, false) };
        let answer = self.send(scenario, &message, ready_ns).await;
        if self.lane.withheld.is_none() {
            // The row that was recorded last is its row: nothing else ran meanwhile.
            self.worker.recorder.borrow_mut().script_lag(call.script_lag_ns);
        }
        let answer = answer?;
        let status = answer.complete.status;
        let (mut answer, origin, moved_to) =
            if envelope.follows(status) || (status == 401 && self.lane.withheld.is_some()) {
                let sent = (envelope.origin, token);
                let first = self.lane.rendered.request(outgoing).target().to_owned();
                let (answer, origin) = Box::pin(self.send_again(scenario, outgoing, sent, withholds, answer)).await?;
                (answer, origin, self.moved_to(outgoing, origin, &first))
            } else {
                self.store_cookies(envelope.origin, outgoing, answer.kept.capture.as_deref());
                (answer, envelope.origin, None)
            };
        if let Some(download) = self.lane.download.clone() {
            self.hand_over_late(scenario, envelope, &download, due_ns, &answer);
        } else {
            self.decode(&mut answer);
        }
        self.sample_plain(scenario, &self.message(outgoing, origin, false), &answer);
        let is_error = !envelope.expects(answer.complete.status);
        self.hold(scripted, call, is_error);
        self.forget_request();
        Ok(Called { answer, is_error, moved_to })
    }

    /// Writes a request, which is the user's current one from then on. Gives its envelope, if that is not its form's, what
    /// authenticates it, and when it may be sent.
    async fn prepare(
        &mut self,
        scenario: &ScenarioProgram,
        program: &ScriptProgram,
        form: &FormProgram,
        call: &Call,
        due_ns: u64,
    ) -> Result<(Option<Rc<Envelope>>, Option<TokenRef>, u64), NoAnswer> {
        let address = form.check().and_then(|()| self.address(scenario, program, &form.envelope, call));
        let Address { target, own } = match address {
            Ok(address) => address,
            Err(problem) => {
                let unsent = Unsent::unmade(&form.envelope, Outcome::RequestInvalid).because(problem);
                return Err(self.refuse(scenario, due_ns, &unsent));
            }
        };
        let envelope = own.as_deref().unwrap_or(&form.envelope);
        let (token, ready_ns) = self.authenticate(scenario, envelope, due_ns).await?;
        let host = if own.is_some() { self.host_of(envelope.origin, call) } else { form.host.as_str().into() };
        if let Err(error) = self.write(scenario, program, envelope, target, &host, call) {
            let unsent = Unsent::unmade(envelope, Outcome::RequestInvalid).because_of(error, scenario);
            return Err(self.refuse(scenario, due_ns, &unsent));
        }
        Ok((own, token, ready_ns))
    }

    fn has_no_cookies(&self) -> bool {
        self.state.cookies.as_ref().is_none_or(|jar| jar.borrow().is_empty())
    }

    /// Keeps a row that was withheld until the script decides it.
    pub(super) fn hold(&mut self, scripted: &Scripted, call: &Call, is_error: bool) {
        if let Some(row) = self.lane.withheld.take() {
            let held = Held { row, is_error, script_lag_ns: call.script_lag_ns };
            scripted.held.borrow_mut().insert(call.key, held);
        }
    }

    /// Where redirects have led, if they led anywhere.
    fn moved_to(&self, outgoing: Outgoing<'_>, origin: OriginId, first: &str) -> Option<Box<str>> {
        let last = self.lane.rendered.request(outgoing).target();
        (origin != outgoing.envelope.origin || last != first)
            .then(|| format!("{}{last}", self.worker.origin(origin)).into())
    }

    /// Finds out where a request goes, and what is its target there. An absolute URL may name an origin that is new.
    fn address<'a>(
        &self,
        scenario: &ScenarioProgram,
        program: &ScriptProgram,
        envelope: &Envelope,
        call: &'a Call,
    ) -> Result<Address<'a>, String> {
        let closes = check(call)?;
        let url = &*call.url;
        let (target, origin) = if url.starts_with('/') {
            (Target { is_at_home: true, path: url }, program.origin)
        } else {
            let (origin, path) = Origin::of_script(url).map_err(|problem| problem.to_string())?;
            let origin = self.worker.origin_id(origin).ok_or("the run has had too many hosts")?;
            (Target { is_at_home: false, path }, origin)
        };
        let has_own_host = call.headers.first("host").is_some();
        let auth_header = envelope.auth.and_then(|auth| scenario.auths[usize::from(auth.0)].compiled.header());
        // A request's own header wins: there is one of a name.
        let has_own_auth = auth_header.is_some_and(|header| call.headers.first(header).is_some());
        if origin == program.origin && !has_own_host && !has_own_auth && !closes {
            return Ok(Address { target, own: None });
        }
        // What proves who asks is nothing for others.
        let auth = envelope.auth.filter(|_| origin == program.origin && !has_own_auth);
        let want = envelope.want.and_if(closes, Want::CLOSES);
        let own = Envelope { origin, has_own_host, auth, want, ..envelope.clone() };
        Ok(Address { target, own: Some(Rc::new(own)) })
    }

    /// The `Host` header of a request that is not like its form.
    fn host_of(&self, origin: OriginId, call: &Call) -> Cow<'static, str> {
        let own = call.headers.first("host").map(|host| String::from_utf8_lossy(host).into_owned());
        own.unwrap_or_else(|| self.worker.origin(origin).host_header()).into()
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

    fn write(
        &mut self,
        scenario: &ScenarioProgram,
        program: &ScriptProgram,
        envelope: &Envelope,
        target: Target<'_>,
        host: &str,
        call: &Call,
    ) -> Result<(), RenderError> {
        let Self { worker, state, lane: Lane { rendered: Rendered { bytes, own_cookie }, credential, .. }, .. } = self;
        if bytes.capacity() == 0 {
            *bytes = worker.take_buffer();
        }
        bytes.clear();
        *own_cookie = 0;
        let unix_ns = worker.unix_ns();
        let counter = &mut *worker.counter.borrow_mut();
        let State { number, iteration, variables, random, cookies, .. } = state;
        let mut builtins = Builtins { user: *number, iteration: *iteration, unix_ns, random, counter };
        let key = match envelope.auth.map(|auth| &scenario.auths[usize::from(auth.0)].compiled) {
            Some(CompiledAuth::Query { name, value }) => Some((name, value)),
            _ => None,
        };
        Request::begin(
            bytes,
            &envelope.method,
            |out| {
                let begin = out.len();
                if target.is_at_home {
                    program.base.render(variables, &mut builtins, out)?;
                }
                out.extend_from_slice(if target.path.starts_with('/') { b"" } else { b"/" });
                out.extend_from_slice(target.path.as_bytes());
                if let Some((name, value)) = key {
                    out.push(if out[begin..].contains(&b'?') { b'&' } else { b'?' });
                    out.extend_from_slice(name.as_bytes());
                    out.push(b'=');
                    value.render(variables, &mut builtins, out)?;
                }
                Ok(())
            },
            |out| out.extend_from_slice(host.as_bytes()),
        )?;
        let is_own = |name: &str| call.headers.first(name).is_some();
        for (name, value) in program.headers.iter().filter(|(name, _)| !is_own(name)) {
            Request::add_rendered(bytes, name.as_bytes(), |out| value.render(variables, &mut builtins, out))?;
        }
        let (mut cookie, mut separator) = (worker.body.borrow_mut(), &b""[..]);
        cookie.clear();
        for (name, value) in call.headers.iter().filter(|(name, _)| !is(name, b"host")) {
            let is_cookie = is(name, b"cookie");
            if is_cookie {
                cookie.extend_from_slice(std::mem::replace(&mut separator, b"; "));
                cookie.extend_from_slice(value);
            }
            if !is_cookie || cookies.is_none() {
                Request::add_field(bytes, name, value);
            }
        }
        if let Some(name) = envelope.auth_header.as_deref().filter(|_| !credential.is_empty()) {
            Request::add_field(bytes, name.as_bytes(), credential);
        }
        *own_cookie = cookie.len();
        if let Some(jar) = cookies.as_ref().map(|jar| jar.borrow()) {
            if !jar.is_empty() {
                jar.add_to(&mut cookie, place(Request::written(bytes), worker.origin(envelope.origin).tls), unix_ns);
            }
            if !cookie.is_empty() {
                Request::add_field(bytes, b"Cookie", &cookie);
            }
        }
        let framing = match call.framing {
            BodyFraming::None => Framing::None,
            BodyFraming::Whole => Framing::Whole(&call.body),
            BodyFraming::Pieces => Framing::Pieces,
        };
        Request::end(bytes, &envelope.method, framing);
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

/// Where a request leads, and its envelope where that is not its form's.
struct Address<'a> {
    target: Target<'a>,
    own: Option<Rc<Envelope>>,
}

/// Whether a request has its connection closed, or what keeps it from being sent as it is.
fn check(call: &Call) -> Result<bool, String> {
    let Call { url, headers, .. } = call;
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        let forbidden = url.chars().find(|each| !each.is_ascii_graphic()).unwrap_or_default();
        return Err(format!("the URL holds {forbidden:?}: percent-encode it"));
    }
    check_headers(headers)
}

fn check_headers(headers: &Headers) -> Result<bool, String> {
    let mut closes = false;
    for (name, value) in headers.iter() {
        let shown = || String::from_utf8_lossy(name);
        if !std::str::from_utf8(name).is_ok_and(is_token) {
            return Err(format!("`{}` is not the name of a header", shown()));
        }
        if OURS.iter().any(|ours| is(name, ours)) {
            closes = is(name, b"connection") && is(value, CLOSE.as_bytes());
            if !closes {
                return Err(set_by_loadcore(&shown()));
            }
        }
        if forbidden_in_head(value) {
            return Err(format!("the value of the header `{}` holds a line end, which cannot be sent", shown()));
        }
    }
    Ok(closes)
}

fn is(name: &[u8], other: &[u8]) -> bool {
    name.eq_ignore_ascii_case(other)
}
