//! Authentication of requests: what is known when the plan is compiled is in their templates, the rest is looked up by
//! the user that sends them.

use super::compiler::ScenarioCompiler;
use super::{AuthId, AuthProgram, PoolProgram, RequestProgram, TokenProgram};
use crate::auth::{CompiledAuth, Credential, TokenSource};
use crate::plan::{self, AuthKind};
use crate::random::Random;
use crate::record::Section;
use crate::step::Template;

/// What one request needs to authenticate.
#[derive(Debug, Default)]
pub(super) struct AuthUse {
    /// A header: its name and its value.
    pub(super) header: Option<(String, Template)>,
    /// A query parameter: its name, not encoded, and its value.
    pub(super) query: Option<(String, Template)>,
    /// What is known only when the request is sent.
    pub(super) later: Option<AuthId>,
    /// The name of its header.
    pub(super) name: Option<String>,
}

impl ScenarioCompiler<'_, '_> {
    pub(super) fn auth(&mut self, request: &plan::Request) -> AuthUse {
        let name = request.auth.as_ref().or(self.scenario.auth.as_ref());
        let Some(name) = name.filter(|_| !request.anonymous) else { return AuthUse::default() };
        let Some(id) = self.auth_id(name) else { return AuthUse::default() };
        let Some(program) = &self.auths[usize::from(id.0)].1 else { return AuthUse::default() };
        // A request's own header wins: there is one of a name.
        if program.compiled.header().is_some_and(|header| names(&request.headers, header)) {
            return AuthUse::default();
        }
        let unset = program.compiled.slots().into_iter().find(|slot| self.is_sure && !self.set.contains(slot));
        self.early.extend(unset.map(|slot| (slot, request.name.clone(), self.problems.here())));
        let used = AuthUse { name: program.compiled.header().map(str::to_owned), ..AuthUse::default() };
        match &program.compiled {
            CompiledAuth::Header { name, value: Credential::Plain(value) } => {
                AuthUse { header: Some((name.clone(), value.clone())), ..used }
            }
            CompiledAuth::Query { name, value: Credential::Plain(value) } => {
                AuthUse { query: Some((name.clone(), value.clone())), ..used }
            }
            CompiledAuth::Header { .. } | CompiledAuth::Query { .. } | CompiledAuth::Token(_) => {
                AuthUse { later: Some(id), ..used }
            }
        }
    }

    /// Complains of a scenario whose headers say what its way to authenticate says.
    pub(super) fn authenticates_once(&mut self) {
        let Some(name) = &self.scenario.auth else { return };
        let Some(id) = self.auth_id(name) else { return };
        let program = self.auths[usize::from(id.0)].1.as_ref();
        let header = program.and_then(|program| program.compiled.header()).map(str::to_owned);
        if let Some(header) = header.filter(|header| names(&self.scenario.headers, header)) {
            let message = format!("`auth` and `headers` both set `{header}`: a request has one; leave one of them out");
            self.problems.add_in("headers", message);
        }
    }

    /// The scenario's compiled way to authenticate of this name. Its problems are reported once.
    pub(super) fn auth_id(&mut self, name: &str) -> Option<AuthId> {
        if let Some(index) = self.auths.iter().position(|(known, _)| known == name) {
            return u16::try_from(index).ok().map(AuthId);
        }
        let Some(index) = self.plan.auth.iter().position(|auth| auth.name == name) else {
            self.problems.add_in("auth", format!("unknown way to authenticate `{name}`"));
            return None;
        };
        let auth = &self.plan.auth[index];
        self.problems.enter(format!("auth `{name}`"), auth.at.as_ref());
        let compiled = CompiledAuth::compile(auth, &|variable| std::env::var(variable).ok(), &mut self.names);
        let program = match compiled {
            Ok(compiled) => self.auth_program(auth, compiled),
            Err(problems) => {
                for problem in problems {
                    self.problems.add(problem);
                }
                None
            }
        };
        self.problems.leave();
        self.auths.push((name.to_owned(), program));
        u16::try_from(self.auths.len() - 1).ok().map(AuthId)
    }

    fn auth_program(&mut self, auth: &plan::Auth, compiled: CompiledAuth) -> Option<AuthProgram> {
        let token = match &compiled {
            CompiledAuth::Token(source) => Some(self.token_program(auth, source)?),
            CompiledAuth::Header { .. } | CompiledAuth::Query { .. } => None,
        };
        Some(AuthProgram { compiled, token })
    }

    fn token_program(&mut self, auth: &plan::Auth, source: &TokenSource) -> Option<TokenProgram> {
        let request = match &auth.kind {
            AuthKind::OAuth2(oauth2) => {
                let use_of_client = AuthUse { name: Some("Authorization".to_owned()), ..AuthUse::default() };
                self.authenticated(&token_request(oauth2), Section::Auth, use_of_client)
            }
            AuthKind::Login(login) => self.login_request(login),
            _ => None,
        }?;
        let TokenSource { shared, refresh_before_ns, prefix, .. } = source;
        // Shared tokens are shared by all scenarios; users of different scenarios are different users.
        let owner = if shared.is_some() { auth.name.clone() } else { format!("{}/{}", self.scenario.name, auth.name) };
        let pools = &mut self.program.pools;
        let pool = pools.iter().position(|pool| pool.owner == owner).unwrap_or_else(|| {
            let seed = Random::new(self.plan.seed, &owner, 0).next_u64();
            let (shared, refresh_before_ns, prefix) = (*shared, *refresh_before_ns, prefix.clone());
            pools.push(PoolProgram { owner, prefix, shared, refresh_before_ns, seed });
            pools.len() - 1
        });
        Some(TokenProgram { pool, request })
    }

    /// The request of a login: without authentication, or with its own, which cannot be a token that has to be got
    /// itself.
    fn login_request(&mut self, login: &plan::Login) -> Option<RequestProgram> {
        let request = &login.request;
        let own = self.plan.auth.iter().find(|auth| request.auth.as_ref() == Some(&auth.name));
        if own.is_some_and(|auth| matches!(auth.kind, AuthKind::OAuth2(_) | AuthKind::Login(_))) {
            self.problems.add_in("request", "the request of a login cannot need a token itself");
            return None;
        }
        if !request.checks.is_empty() || !request.extracts.is_empty() {
            self.problems.add_in("request", "the request of a login has neither checks nor extracts");
        }
        let used = match &request.auth {
            Some(_) => self.auth(request),
            None => AuthUse { name: Some(login.header.clone()), ..AuthUse::default() },
        };
        let request = plan::Request { max_redirects: Some(0), ..request.clone() };
        self.authenticated(&request, Section::Auth, used)
    }
}

/// The request of a token call of OAuth 2.0, but for its form.
fn token_request(oauth2: &plan::OAuth2) -> plan::Request {
    let mut headers = oauth2.headers.clone();
    for (name, value) in [("Accept", "application/json"), ("Content-Type", "application/x-www-form-urlencoded")] {
        if !names(&headers, name) {
            headers.push((name.to_owned(), value.to_owned()));
        }
    }
    plan::Request {
        name: oauth2.step.clone(),
        method: "POST".to_owned(),
        url: oauth2.token_url.clone(),
        query: Vec::new(),
        headers,
        body: None,
        auth: None,
        anonymous: true,
        expect: vec![(200, 299)],
        checks: Vec::new(),
        extracts: Vec::new(),
        timeouts: None,
        max_redirects: Some(0),
        at: None,
    }
}

/// Whether headers have this name among them.
fn names(headers: &[(String, plan::Template)], name: &str) -> bool {
    headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
}
