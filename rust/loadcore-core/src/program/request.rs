//! Requests: their parts, and what is made of them when the plan is compiled.

use super::auth::AuthUse;
use super::compiler::ScenarioCompiler;
use super::{Encoded, Envelope, Looks, OriginId, RequestProgram, Want};
use crate::exchange::h1::encode::{Encoding, Parts};
use crate::plan::{self, MAX_REDIRECTS};
use crate::record::{CheckId, Section};
use crate::step::{
    CompiledCheck, CompiledExtract, Context, Template, TemplateBuilder, Wanted, compile_body, forbidden_in_head,
};
use crate::transport::Origin;

/// Headers that are decided by the body and the connection, not by the user.
const OURS: &[&str] = &["content-length", "transfer-encoding", "connection"];

/// The value of `Connection` that a user may set.
pub(crate) const CLOSE: &str = "close";

/// The headers of a request, as far as the user decides over them.
#[derive(Default)]
pub(super) struct Headers {
    /// Names and values of all but those below.
    pub(super) fields: Vec<(String, Template)>,
    /// The value of `Host`.
    pub(super) host: Option<Template>,
    /// The value of `Cookie`, where users keep cookies: those are sent in the same line.
    pub(super) cookie: Option<Template>,
    /// Whether `Connection` says that the connection is closed.
    pub(super) closes: bool,
}

/// What is wrong with a header that is not for users to set.
pub(crate) fn set_by_loadcore(name: &str) -> String {
    let but = if name.eq_ignore_ascii_case("connection") { "; its only value of your own is `close`" } else { "" };
    format!("the header `{name}` is set by loadcore{but}")
}

impl ScenarioCompiler<'_, '_> {
    pub(super) fn request(&mut self, request: &plan::Request, section: Section) -> Option<RequestProgram> {
        let auth = self.auth(request);
        self.authenticated(request, section, auth)
    }

    /// A request that is authenticated like this.
    pub(super) fn authenticated(
        &mut self,
        request: &plan::Request,
        section: Section,
        auth: AuthUse,
    ) -> Option<RequestProgram> {
        self.method(&request.method);
        if request.name.is_empty() {
            self.problems.add_in("name", "a request needs a name");
        }
        // A bad URL does not keep what else is wrong from being found.
        // Where tokens come from is not for responses to say.
        let link = if section == Section::Auth { None } else { self.link(request, &auth) };
        let url = if link.is_some() { self.url("/") } else { self.url(&request.url) };
        let (origin, path) = url.clone().unwrap_or_else(|| (self.origin(Origin::nowhere()), request.url.clone()));
        let mut target = TemplateBuilder::default();
        if link.is_some() {
            target.literal(b"/");
        } else {
            self.target(&mut target, &path, request, &auth);
        }

        let Headers { mut fields, host, cookie, closes } = self.headers(request, origin, &auth);
        fields.extend(auth.header);
        let has_own_host = host.is_some();
        let host = host.unwrap_or_else(|| Template::fixed(&self.program.origins[usize::from(origin)].host_header()));
        let (body, content_type) = self.body(request).unzip();
        let http1 = Encoding::new(&Parts {
            method: &request.method,
            target: &target.build(),
            host: &host,
            fields: &fields,
            content_type: content_type.flatten().as_deref(),
            body: body.as_ref(),
            is_all: auth.later.is_none() && cookie.is_none() && link.is_none(),
        });

        let step = self.step(&request.name, &request.method, section);
        let mut wanted = Wanted::default();
        let checks = self.checks(request, &mut wanted);
        let extracts = self.extracts(request, section, &mut wanted);
        let is_looked_at = !checks.is_empty() || !extracts.is_empty() || self.plan.samples == plan::Samples::Everything;
        let looks = Want::default()
            .and_if(wanted.wants_headers(), Want::HEADERS)
            .and_if(wanted.wants_body(), Want::BODY)
            // A response with a status below 300 may have to be shown if it is looked at, or is not what is expected.
            .and_if(is_looked_at || !request.expect.is_empty(), Want::BEGINNING);
        let max_redirects = request.max_redirects.unwrap_or(self.plan.http.max_redirects);
        if request.max_redirects.is_some_and(|own| own > MAX_REDIRECTS) {
            self.problems.add_in("max_redirects", format!("at most {MAX_REDIRECTS} redirects are followed"));
        }
        let want = looks
            .and_if(max_redirects > 0, Want::REDIRECTS)
            .and_if(self.plan.samples == plan::Samples::Everything, Want::SHOWN)
            .and_if(self.plan.http.trace_sample > 0.0, Want::TRACED)
            .and_if(closes || self.plan.http.reuse == plan::Reuse::Request, Want::CLOSES);
        let timeouts = request.timeouts.unwrap_or(self.plan.http.timeouts);
        self.timeouts(&timeouts);
        url?;
        let envelope = Envelope {
            step,
            method: request.method.clone().into(),
            origin: OriginId(origin),
            has_own_host,
            timeouts,
            expect: request.expect.clone().into(),
            max_redirects,
            auth: auth.later,
            auth_header: auth.name.map(Into::into),
            want,
        };
        let encoded = Encoded { link, http1, cookie, body };
        let looks = Looks { checks: checks.into(), extracts: extracts.into(), is_looked_at };
        Some(RequestProgram { envelope, encoded, looks })
    }

    fn method(&mut self, method: &str) {
        if !is_method(method) {
            self.problems.add_in(
                "method",
                format!("`{method}` is not a method that can be sent: write it in capitals, such as `GET`"),
            );
        }
    }

    /// All headers but ours. The request's own win over the scenario's.
    pub(super) fn headers(&mut self, request: &plan::Request, origin: u16, auth: &AuthUse) -> Headers {
        let mut headers = Headers::default();
        let named = |name: &str| request.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let scenario = self.scenario;
        // The scenario's type is not that of a multipart body, whose boundary it lacks.
        let is_multipart = matches!(request.body, Some(plan::Body::Multipart { .. }));
        let is_replaced = |name: &str| is_multipart && name.eq_ignore_ascii_case("content-type");
        let authenticates = |name: &str| auth.name.as_ref().is_some_and(|auth| auth.eq_ignore_ascii_case(name));
        let inherited =
            scenario.headers.iter().filter(|(name, _)| !named(name) && !authenticates(name) && !is_replaced(name));
        let agent = self.plan.http.user_agent.as_ref().map(|agent| ("User-Agent".to_owned(), agent.clone()));
        let agent = agent.filter(|_| {
            !named("user-agent") && !scenario.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent"))
        });
        let is_away =
            Origin::split(&scenario.base_url).is_ok_and(|(base, _)| base != self.program.origins[usize::from(origin)]);
        for (index, (name, value)) in agent.iter().chain(inherited).chain(&request.headers).enumerate() {
            let place = format!("headers[{index}]");
            if !is_token(name) {
                // What follows may be its value, which belongs elsewhere.
                let shown = name.split([':', ' ', '=']).next().unwrap_or_default();
                let why = if name.contains('{') { ", which holds no variables" } else { "" };
                self.problems.add_in(place, format!("`{shown}…` is not the name of a header{why}"));
                continue;
            }
            match &*name.to_ascii_lowercase() {
                // The scenario's is the name of its own target.
                "host" if is_away && !named(name) => {}
                "host" => self.host(&place, value, &mut headers.host),
                "cookie" if self.plan.http.cookies != plan::Cookies::Off => {
                    self.cookie(&place, value, &mut headers.cookie);
                }
                "connection" if value.eq_ignore_ascii_case(CLOSE) => {
                    headers.closes = true;
                    headers.fields.push((name.clone(), Template::fixed(value)));
                }
                ours if OURS.contains(&ours) => {
                    self.problems.add_in(place, set_by_loadcore(name));
                }
                _ => {
                    let result = Template::parse(value, Context::Header, &mut self.names);
                    headers.fields.extend(self.problems.take(&place, result).map(|value| (name.clone(), value)));
                }
            }
        }
        if let Some(varying) = varying_type(request)
            && !named("content-type")
            && !scenario.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        {
            let result = Template::parse(varying, Context::Header, &mut self.names);
            let content_type = self.problems.take("body.content_type", result);
            headers.fields.extend(content_type.map(|value| ("Content-Type".to_owned(), value)));
        }
        headers
    }

    fn host(&mut self, place: &str, value: &str, host: &mut Option<Template>) {
        let result = Template::parse(value, Context::Header, &mut self.names);
        let Some(template) = self.problems.take(place, result) else { return };
        let is_name =
            |name: &[u8]| !name.is_empty() && !name.iter().any(|byte| *byte <= b' ' || b"/?#@,".contains(byte));
        if !template.is_static().is_none_or(is_name) {
            let message = format!("`{value}` is not a host: `Host` holds a name or an address, and a port if need be");
            self.problems.add_in(place, message);
        }
        if host.replace(template).is_some() {
            self.problems.add_in(place, "a request has one `Host`");
        }
    }

    /// Several values are one list.
    fn cookie(&mut self, place: &str, value: &str, cookie: &mut Option<Template>) {
        let mut builder = TemplateBuilder::default();
        if let Some(before) = cookie.take() {
            builder.append(&before);
            builder.literal(b"; ");
        }
        let result = builder.text(value, Context::Header, &mut self.names);
        self.problems.take(place, result);
        *cookie = Some(builder.build());
    }

    /// The body, and its type if it has one of its own.
    fn body(&mut self, request: &plan::Request) -> Option<(Template, Option<String>)> {
        let body = match compile_body(request.body.as_ref()?, self.plan.seed, &mut self.names) {
            Ok(body) => body,
            Err(problems) => {
                for problem in problems {
                    self.problems.add_in(format!("body.{}", problem.path), problem.fault);
                }
                return None;
            }
        };
        let is_multipart = matches!(request.body, Some(plan::Body::Multipart { .. }));
        if is_multipart && request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            let message = "a multipart body has its own `Content-Type`, with its boundary: leave the header out";
            self.problems.add_in("headers", message);
        }
        let typed = !is_multipart
            && request
                .headers
                .iter()
                .chain(&self.scenario.headers)
                .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let is_its_own =
            |value: &String| !typed && varying_type(request).is_none() && !forbidden_in_head(value.as_bytes());
        Some((body.template, body.content_type.filter(is_its_own)))
    }

    fn checks(&mut self, request: &plan::Request, wanted: &mut Wanted) -> Vec<(CheckId, CompiledCheck)> {
        let mut compiled = Vec::new();
        for (index, check) in request.checks.iter().enumerate() {
            let result = CompiledCheck::compile(check, &mut self.names, wanted);
            let Some(check_program) = self.problems.take(&format!("checks[{index}]"), result) else { continue };
            compiled.push((self.check(&request.name, &check.name), check_program));
        }
        compiled
    }

    fn extracts(&mut self, request: &plan::Request, section: Section, wanted: &mut Wanted) -> Vec<CompiledExtract> {
        let mut compiled = Vec::new();
        for (index, extract) in request.extracts.iter().enumerate() {
            let slot = self.names.slot(&extract.variable);
            self.set.push(slot);
            self.problems.enter(format!("extracts[{index}]"), None);
            if section == Section::Start {
                self.look_for_column(slot);
            }
            if request.extracts[..index].iter().any(|other| other.variable == extract.variable) {
                self.problems
                    .add(format!("two extracts into `{}`: the second would replace the first", extract.variable));
            }
            self.problems.leave();
            let result = CompiledExtract::compile(extract, &mut self.names, wanted);
            compiled.extend(self.problems.take(&format!("extracts[{index}]"), result));
        }
        compiled
    }

    fn timeouts(&mut self, timeouts: &plan::Timeouts) {
        let zero = [
            ("connect_ns", Some(timeouts.connect_ns)),
            ("first_byte_ns", timeouts.first_byte_ns),
            ("total_ns", Some(timeouts.total_ns)),
        ];
        for (name, value) in zero {
            if value == Some(0) {
                self.problems.add_in(format!("timeouts.{name}"), "a timeout must be longer than 0");
            }
        }
    }
}

/// The type of a body of text or bytes, if it holds variables.
fn varying_type(request: &plan::Request) -> Option<&str> {
    match &request.body {
        Some(plan::Body::Text { content_type, .. } | plan::Body::Bytes { content_type, .. }) => {
            content_type.as_deref().filter(|content_type| content_type.contains(['{', '}']))
        }
        _ => None,
    }
}

/// Whether a request can have this method.
pub(crate) fn is_method(method: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_uppercase() || byte == b'-' || byte == b'_';
    !method.is_empty() && method.bytes().all(is_token) && method != "CONNECT"
}

/// Whether a header can have this name.
pub(crate) fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
