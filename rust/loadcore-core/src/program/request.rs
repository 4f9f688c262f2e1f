//! Requests as bytes: what can be serialised when the plan is compiled is.

use super::compiler::ScenarioCompiler;
use super::{BodyProgram, RequestProgram, Rest};
use crate::plan;
use crate::record::{CheckId, Section};
use crate::step::{
    CompiledCheck, CompiledExtract, Context, Template, TemplateBuilder, Wanted, compile_body, forbidden_in_head,
};
use crate::transport::Origin;

/// Headers that are decided by the body and the connection, not by the user.
const OURS: &[&str] = &["content-length", "transfer-encoding", "connection", "host"];
/// Headers that never follow a redirect to another origin.
const SENSITIVE: &[&str] = &["authorization", "cookie", "proxy-authorization"];

impl ScenarioCompiler<'_, '_> {
    pub(super) fn request(&mut self, request: &plan::Request, section: Section) -> Option<RequestProgram> {
        self.method(&request.method);
        if request.name.is_empty() {
            self.problems.add_in("name", "a request needs a name");
        }
        // A bad URL does not keep what else is wrong from being found.
        let url = self.url(&request.url);
        let (origin, path) = url.clone().unwrap_or_else(|| (self.origin(Origin::nowhere()), request.url.clone()));
        let auth = self.auth(request);
        let mut target = TemplateBuilder::default();
        self.target(&mut target, &path, request, auth.query.as_ref());
        let target = target.build();

        let mut head = TemplateBuilder::default();
        head.literal(request.method.as_bytes());
        head.literal(b" ");
        head.append(&target);
        head.literal(b" HTTP/1.1\r\nHost: ");
        head.literal(self.program.origins[usize::from(origin)].host_header().as_bytes());
        head.literal(b"\r\n");
        let (headers, mut sensitive) = self.headers(request);
        if let Some(header) = &auth.header {
            sensitive.append(header);
        }
        let rest = Rest { headers: headers.build(), sensitive: sensitive.build(), body: self.body(request) };
        // Rendered as one: each template by itself costs a call.
        head.append(&rest.headers);
        head.append(&rest.sensitive);
        let head = head.build();
        let whole = if auth.later.is_some() { None } else { whole(&head, &rest, &request.method) };

        let step = self.step(&request.name, &request.method, section);
        let mut wanted = Wanted::default();
        let checks = self.checks(request, &mut wanted);
        let extracts = self.extracts(request, &mut wanted);
        let max_redirects = request.max_redirects.unwrap_or(self.plan.http.max_redirects);
        if max_redirects > 10 {
            self.problems.add_in("max_redirects", "at most 10 redirects are followed");
        }
        let timeouts = request.timeouts.unwrap_or(self.plan.http.timeouts);
        self.timeouts(&timeouts);
        url?;
        Some(RequestProgram {
            step,
            method: request.method.clone().into(),
            origin,
            target,
            head,
            rest,
            whole,
            auth: auth.later,
            expect: request.expect.clone().into(),
            checks: checks.into(),
            extracts: extracts.into(),
            wanted,
            timeouts,
            max_redirects,
        })
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

    /// The origin's index, and the path and query after it.
    pub(super) fn url(&mut self, url: &str) -> Option<(u16, String)> {
        let absolute = url.contains("://") && !url.starts_with('/');
        let joined = if absolute { url.to_owned() } else { join(&self.scenario.base_url, url) };
        if !absolute && !url.starts_with('/') && !url.is_empty() && !url.starts_with('?') {
            let message = format!("the URL `{url}` is neither a path that begins with `/` nor an absolute URL");
            self.problems.add_in("url", message);
            return None;
        }
        let authority = joined.split("://").nth(1).and_then(|rest| rest.split(['/', '?']).next()).unwrap_or("");
        if authority.contains('{') {
            self.problems.add_in("url", format!("the host of `{url}` cannot be a variable"));
            return None;
        }
        match Origin::split(&joined) {
            Ok((origin, target)) => {
                let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
                Some((self.origin(origin), target))
            }
            Err(problem) => {
                // A base URL that is wrong is reported once, with the scenario.
                if absolute || Origin::split(&self.scenario.base_url).is_ok() {
                    self.problems.add_in("url", problem);
                }
                None
            }
        }
    }

    fn target(
        &mut self,
        target: &mut TemplateBuilder,
        path: &str,
        request: &plan::Request,
        key: Option<&(String, Template)>,
    ) {
        let result = target.text(path, Context::Path, &mut self.names);
        self.problems.take("url", result);
        let mut separator: &[u8] = if path.contains('?') { b"&" } else { b"?" };
        for (index, (name, value)) in request.query.iter().enumerate() {
            target.literal(std::mem::replace(&mut separator, b"&"));
            let result = target.text(name, Context::Query, &mut self.names);
            self.problems.take(&format!("query[{index}]"), result);
            target.literal(b"=");
            let result = target.text(value, Context::Query, &mut self.names);
            self.problems.take(&format!("query[{index}]"), result);
        }
        if let Some((name, value)) = key {
            target.literal(separator);
            // A name was checked with the way to authenticate.
            let _ = target.text(name, Context::Query, &mut self.names);
            target.literal(b"=");
            target.append(value);
        }
    }

    /// All headers but ours: those that may go anywhere, and those that may not.
    fn headers(&mut self, request: &plan::Request) -> (TemplateBuilder, TemplateBuilder) {
        let (mut open, mut sensitive) = (TemplateBuilder::default(), TemplateBuilder::default());
        let named = |name: &str| request.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let scenario = self.scenario;
        let inherited = scenario.headers.iter().filter(|(name, _)| !named(name));
        let agent = self.plan.http.user_agent.as_ref().map(|agent| ("User-Agent".to_owned(), agent.clone()));
        let agent = agent.filter(|_| {
            !named("user-agent") && !scenario.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent"))
        });
        for (index, (name, value)) in agent.iter().chain(inherited).chain(&request.headers).enumerate() {
            let place = format!("headers[{index}]");
            if !is_token(name) {
                self.problems.add_in(place, format!("`{name}` is no name of a header"));
                continue;
            }
            let lower = name.to_ascii_lowercase();
            if OURS.contains(&&*lower) {
                self.problems.add_in(place, format!("the header `{name}` is set by loadcore"));
                continue;
            }
            let headers = if SENSITIVE.contains(&&*lower) { &mut sensitive } else { &mut open };
            headers.literal(name.as_bytes());
            headers.literal(b": ");
            let result = headers.text(value, Context::Header, &mut self.names);
            self.problems.take(&place, result);
            headers.literal(b"\r\n");
        }
        (open, sensitive)
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
        let typed = request
            .headers
            .iter()
            .chain(&self.scenario.headers)
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let content_type = match body.content_type {
            Some(content_type) if !typed && !forbidden_in_head(content_type.as_bytes()) => {
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

    fn extracts(&mut self, request: &plan::Request, wanted: &mut Wanted) -> Vec<CompiledExtract> {
        let mut compiled = Vec::new();
        for (index, extract) in request.extracts.iter().enumerate() {
            let result = CompiledExtract::compile(extract, &mut self.names, wanted);
            let Some(extract) = self.problems.take(&format!("extracts[{index}]"), result) else { continue };
            self.set.push(extract.slot());
            compiled.push(extract);
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

fn join(base: &str, url: &str) -> String {
    let base = base.strip_suffix('/').unwrap_or(base);
    format!("{base}{url}")
}

fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// The whole request, if no part of it varies.
fn whole(head: &Template, rest: &Rest, method: &str) -> Option<Box<[u8]>> {
    let mut bytes = head.is_static()?.to_vec();
    let body = match &rest.body {
        Some(body) => Some((&*body.content_type, body.template.is_static()?)),
        None => None,
    };
    super::append_body(&mut bytes, method, body);
    Some(bytes.into())
}
