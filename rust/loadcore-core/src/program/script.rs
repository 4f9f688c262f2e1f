//! What a scenario gives to the requests of its script.

use super::auth::AuthUse;
use super::compiler::ScenarioCompiler;
use super::flow::{Flow, Op};
use super::request::Headers;
use super::{AuthId, OriginId};
use crate::plan;
use crate::record::Section;
use crate::step::{Context, Template};

/// What the requests of a script have in common.
#[derive(Debug)]
pub(crate) struct ScriptProgram {
    /// Where a path leads.
    pub(crate) origin: OriginId,
    /// The path of the base URL, without a slash at its end.
    pub(crate) base: Template,
    /// Headers of the scenario; a request's own header of that name wins.
    pub(crate) headers: Vec<(String, Template)>,
    /// Whether they say that connections are closed.
    pub(crate) closes: bool,
    pub(crate) auth: Option<AuthId>,
}

impl ScriptProgram {
    /// Whether what it gives to requests is always the same.
    pub(crate) fn is_static(&self) -> bool {
        let mut templates = self.headers.iter().map(|(_, value)| value).chain([&self.base]);
        templates.all(|template| template.is_static().is_some())
    }
}

impl ScenarioCompiler<'_, '_> {
    /// The flow of an iteration: its steps, or a script that decides; and what scripts in any flow have in common.
    pub(super) fn iteration(&mut self, others: [&Flow; 2]) -> (Flow, Option<ScriptProgram>) {
        let scenario = self.scenario;
        if scenario.script {
            if !scenario.steps.is_empty() {
                self.problems.add_in("steps", "a scenario that is driven by a script has no steps");
            }
            return (Flow { ops: vec![Op::Script(0)], depth: 0 }, self.script());
        }
        let main = self.flow("steps", &scenario.steps, Section::Main);
        let has_script = |flow: &Flow| flow.ops.iter().any(|op| matches!(op, Op::Script(_)));
        let is_scripted = has_script(&main) || others.into_iter().any(has_script);
        let script = if is_scripted { self.script() } else { None };
        if !main.ops.iter().any(|op| matches!(op, Op::Request(_) | Op::Script(_))) {
            self.problems.add_in("steps", "no step sends a request");
        }
        if scenario.load == (plan::Load::Script {}) {
            self.problems.add_in("load", "only a script can say who joins and leaves, and the scenario has none");
        }
        (main, script)
    }

    fn script(&mut self) -> Option<ScriptProgram> {
        let scenario = self.scenario;
        let (origin, path) = self.url("/")?;
        let base = Template::parse(path.trim_end_matches('/'), Context::Path, &mut self.names);
        let base = self.problems.take("base_url", base)?;
        let auth = scenario.auth.as_ref().and_then(|name| self.auth_id(name));
        let compiled = auth.and_then(|auth| self.auths[usize::from(auth.0)].1.as_ref());
        let name = compiled.and_then(|auth| auth.compiled.header()).map(str::to_owned);
        let Headers { mut fields, host, cookie, closes } =
            self.headers(&bare(), origin, &AuthUse { name, ..AuthUse::default() });
        fields.extend(host.map(|host| ("Host".to_owned(), host)));
        fields.extend(cookie.map(|cookie| ("Cookie".to_owned(), cookie)));
        Some(ScriptProgram { origin: OriginId(origin), base, headers: fields, closes, auth })
    }
}

/// A request with nothing of its own.
fn bare() -> plan::Request {
    plan::Request {
        name: String::new(),
        method: "GET".to_owned(),
        url: "/".to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
        auth: None,
        anonymous: true,
        expect: Vec::new(),
        checks: Vec::new(),
        extracts: Vec::new(),
        timeouts: None,
        max_redirects: None,
        at: None,
    }
}
