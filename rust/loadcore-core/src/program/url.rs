//! URLs of requests: relative to the scenario's, absolute, or known only when a variable has its value.

use super::auth::AuthUse;
use super::compiler::ScenarioCompiler;
use super::{LinkProgram, LinkVariable};
use crate::plan;
use crate::step::{Context, Slot, Template, TemplateBuilder, leading_variable};
use crate::transport::{Origin, shown};

impl ScenarioCompiler<'_, '_> {
    /// Complains of a base URL that paths cannot be written behind.
    pub(super) fn base_url(&mut self) {
        let base_url = &self.scenario.base_url;
        if let Err(problem) = Origin::declared(base_url) {
            self.problems.add_in("base_url", problem);
        } else if let Some(what) = base_url.find(['?', '#']).map(|at| &base_url[at..]) {
            let message = if what.starts_with('?') {
                format!(
                    "`{base_url}` has a query: paths of steps are written behind it; put parameters into the steps, or an API key into `auth`"
                )
            } else {
                format!("`{}` has a fragment, which is never sent; leave it out", shown(base_url))
            };
            self.problems.add_in("base_url", message);
        }
    }

    /// The origin's index, and the path and query after it.
    pub(super) fn url(&mut self, url: &str) -> Option<(u16, String)> {
        let absolute = url.split(['/', '?', '#']).next().is_some_and(|scheme| scheme.ends_with(':'));
        let joined = if absolute { url.to_owned() } else { join(&self.scenario.base_url, url) };
        if !absolute && !url.starts_with('/') && !url.is_empty() && !url.starts_with('?') {
            let message =
                format!("the URL `{}` is neither a path that begins with `/` nor an absolute URL", shown(url));
            self.problems.add_in("url", message);
            return None;
        }
        let authority = joined.split("://").nth(1).and_then(|rest| rest.split(['/', '?']).next()).unwrap_or("");
        if authority.contains('{') {
            let message = format!("the host of `{}` cannot be a variable", shown(url));
            self.problems.enter("url", None);
            self.problems.add_with_hint(
                message,
                "begin the URL with a variable that holds scheme and host: get(\"{server}/items\")",
            );
            self.problems.leave();
            return None;
        }
        match Origin::declared(&joined) {
            Ok((origin, target)) => {
                let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
                Some((self.origin(origin), target))
            }
            Err(problem) => {
                // A base URL that is wrong is reported once, with the scenario.
                if absolute || Origin::declared(&self.scenario.base_url).is_ok() {
                    self.problems.add_in("url", problem);
                }
                None
            }
        }
    }

    /// Path and query.
    pub(super) fn target(&mut self, target: &mut TemplateBuilder, path: &str, request: &plan::Request, auth: &AuthUse) {
        let result = target.text(path, Context::Path, &mut self.names);
        self.problems.take("url", result);
        let (query, key) = (self.query(request), self.key(auth));
        let mut separator: &[u8] = if path.contains('?') { b"&" } else { b"?" };
        for part in [Some(query).filter(|_| !request.query.is_empty()), key].iter().flatten() {
            target.literal(std::mem::replace(&mut separator, b"&"));
            target.append(part);
        }
    }

    /// Where a request leads whose URL begins with a variable.
    pub(super) fn link(&mut self, request: &plan::Request, auth: &AuthUse) -> Option<LinkProgram> {
        let (name, rest) = leading_variable(&request.url, &self.names)?;
        let slot = self.names.slot(name);
        let mut reference = TemplateBuilder::default();
        reference.verbatim(slot);
        let result = reference.text(rest, Context::Path, &mut self.names);
        self.problems.take("url", result);
        let path = Origin::split(&self.scenario.base_url).map_or("", |(_, path)| path.trim_end_matches('/'));
        let base = Template::parse(path, Context::Path, &mut self.names);
        Some(LinkProgram {
            variable: self.link_variable(slot),
            slot,
            reference: reference.build(),
            base: self.problems.take("base_url", base)?,
            query: self.query(request),
            key: self.key(auth),
        })
    }

    fn link_variable(&mut self, slot: Slot) -> usize {
        let known = self.links.iter().position(|link| link.slot == slot);
        known.unwrap_or_else(|| {
            self.links.push(LinkVariable { slot, is_column: self.columns.iter().any(|(column, _)| *column == slot) });
            self.links.len() - 1
        })
    }

    /// The parameters of the request's query, `a=1&b=2`.
    fn query(&mut self, request: &plan::Request) -> Template {
        let mut query = TemplateBuilder::default();
        for (index, (name, value)) in request.query.iter().enumerate() {
            query.literal(if index == 0 { b"" } else { b"&" });
            for (text, separator) in [(name, &b"="[..]), (value, b"")] {
                let result = query.text(text, Context::Query, &mut self.names);
                self.problems.take(&format!("query[{index}]"), result);
                query.literal(separator);
            }
        }
        query.build()
    }

    /// The query parameter that authenticates.
    fn key(&mut self, auth: &AuthUse) -> Option<Template> {
        let (name, value) = auth.query.as_ref()?;
        let mut key = TemplateBuilder::default();
        // A name was checked with the way to authenticate.
        let _ = key.text(name, Context::Query, &mut self.names);
        key.literal(b"=");
        key.append(value);
        Some(key.build())
    }
}

fn join(base: &str, url: &str) -> String {
    let base = base.strip_suffix('/').unwrap_or(base);
    format!("{base}{url}")
}
