//! Requests as bytes: what can be serialised when the plan is compiled is.

use super::auth::AuthUse;
use super::compiler::ScenarioCompiler;
use super::{BodyProgram, Encoded, Envelope, Looks, OriginId, RequestProgram, Want};
use crate::plan;
use crate::record::{CheckId, Section};
use crate::step::{
    CompiledCheck, CompiledExtract, Context, Template, TemplateBuilder, Wanted, compile_body, forbidden_in_head,
};
use crate::transport::Origin;

/// Headers that are decided by the body and the connection, not by the user.
const OURS: &[&str] = &["content-length", "transfer-encoding", "connection"];

/// The headers of a request, as far as the user decides over them.
#[derive(Default)]
struct Headers {
    /// All lines but those below.
    lines: TemplateBuilder,
    /// The value of `Host`.
    host: Option<Template>,
    /// The value of `Cookie`, where users keep cookies: those are sent in the same line.
    cookie: Option<Template>,
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

        let Headers { lines, host, cookie } = self.headers(request, origin, &auth);
        let mut head = TemplateBuilder::default();
        head.literal(request.method.as_bytes());
        head.literal(b" ");
        head.append(&target.build());
        head.literal(b" HTTP/1.1\r\nHost: ");
        let has_own_host = host.is_some();
        match host {
            Some(host) => head.append(&host),
            None => head.literal(self.program.origins[usize::from(origin)].host_header().as_bytes()),
        }
        head.literal(b"\r\n");
        head.append(&lines.build());
        if let Some(header) = &auth.header {
            head.append(header);
        }
        let (head, body) = (head.build(), self.body(request));
        let varies = auth.later.is_some() || cookie.is_some() || link.is_some();
        let whole = if varies { None } else { whole(&head, body.as_ref(), &request.method) };

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
        if max_redirects > 10 {
            self.problems.add_in("max_redirects", "at most 10 redirects are followed");
        }
        let want = looks
            .and_if(max_redirects > 0, Want::REDIRECTS)
            .and_if(self.plan.samples == plan::Samples::Everything, Want::SHOWN);
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
        let end = super::end_without_body(&request.method);
        let encoded = Encoded { link, head, cookie, body, end, whole };
        let looks = Looks { checks: checks.into(), extracts: extracts.into(), is_looked_at };
        Some(RequestProgram { envelope, encoded, looks })
    }

    fn method(&mut self, method: &str) {
        let token =
            !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-' || byte == b'_');
        if !token || method == "CONNECT" {
            self.problems.add_in(
                "method",
                format!("`{method}` is no method that can be sent: write it in capitals, such as `GET`"),
            );
        }
    }

    /// All headers but ours. The request's own win over the scenario's.
    fn headers(&mut self, request: &plan::Request, origin: u16, auth: &AuthUse) -> Headers {
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
                ours if OURS.contains(&ours) => {
                    self.problems.add_in(place, format!("the header `{name}` is set by loadcore"));
                }
                _ => {
                    headers.lines.literal(name.as_bytes());
                    headers.lines.literal(b": ");
                    let result = headers.lines.text(value, Context::Header, &mut self.names);
                    self.problems.take(&place, result);
                    headers.lines.literal(b"\r\n");
                }
            }
        }
        if let Some(varying) = varying_type(request)
            && !named("content-type")
            && !scenario.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        {
            headers.lines.literal(b"Content-Type: ");
            let result = headers.lines.text(varying, Context::Header, &mut self.names);
            self.problems.take("body.content_type", result);
            headers.lines.literal(b"\r\n");
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

    fn body(&mut self, request: &plan::Request) -> Option<BodyProgram> {
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
        let content_type = match body.content_type {
            Some(content_type)
                if !typed && varying_type(request).is_none() && !forbidden_in_head(content_type.as_bytes()) =>
            {
                format!("Content-Type: {content_type}\r\n")
            }
            _ => String::new(),
        };
        Some(BodyProgram { template: body.template, content_type: content_type.into_bytes().into() })
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
                self.problems.add_in(format!("timeouts.{name}"), "a time-out has to be longer than 0");
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

fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// The whole request, if no part of it varies.
fn whole(head: &Template, body: Option<&BodyProgram>, method: &str) -> Option<Box<[u8]>> {
    let mut bytes = head.is_static()?.to_vec();
    match body {
        Some(body) => super::append_body(&mut bytes, &body.content_type, body.template.is_static()?),
        None => bytes.extend_from_slice(super::end_without_body(method)),
    }
    Some(bytes.into())
}
