//! Authentication: what is sent with requests, and where tokens come from.
//!
//! Nothing here sends or waits. [`CompiledAuth`] says what goes into a request; for tokens that are fetched, [`Pool`]
//! says at any time whether there is a token, whether to fetch one, and what with, and learns the result.
//!
//! No `Debug` output of this module shows a secret.

mod credential;
mod grant;
mod login;
mod pool;
mod reason;
mod response;

use crate::plan::{self, AuthKind, KeyPlace, Secret};
use crate::sample::Secrets;
use crate::step::{
    Builtins, Context, Names, RuleProblem, Template, TemplateBuilder, TemplateProblem, Variables, forbidden_in_head,
};

pub(crate) use credential::Credential;
pub(crate) use grant::{CompiledGrant, How};
pub(crate) use login::LoginAnswer;
pub(crate) use pool::{Acquired, Fetch, Pool, Rejected, Token, TokenSlot};
pub(crate) use response::{Granted, Refusal, TokenAnswer};

/// A way to authenticate, ready to be used.
#[derive(Debug)]
pub(crate) enum CompiledAuth {
    /// A header of this name with this value.
    Header {
        /// The header's name.
        name: String,
        /// Its value.
        value: Credential,
    },
    /// A query parameter of this name with this value, already percent-encoded when rendered.
    Query {
        /// The parameter's name, not encoded.
        name: String,
        /// Its value.
        value: Credential,
    },
    /// A token from a [`Pool`].
    Token(Box<TokenSource>),
}

/// Where tokens come from, and how they are sent.
#[derive(Debug)]
pub(crate) struct TokenSource {
    /// Who gives them.
    pub giver: Giver,
    /// The name of the header they are sent in.
    pub header: String,
    /// What precedes them in the header: `Bearer `, or nothing.
    pub prefix: String,
    /// How many tokens all users of the run share; `None`: each has its own.
    pub shared: Option<u32>,
    /// How long before its end a token is refreshed.
    pub refresh_before_ns: u64,
}

/// Who gives tokens.
#[derive(Debug)]
pub(crate) enum Giver {
    /// A token endpoint of OAuth 2.0.
    OAuth2(CompiledGrant),
    /// A request of the plan.
    Login(Box<LoginAnswer>),
}

/// Why a way to authenticate cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthProblem {
    /// The environment lacks a variable.
    #[error("the environment variable {0} is not set, or is not UTF-8")]
    NoVariable(String),
    /// The environment variable's value is nothing, or nothing but white space.
    #[error("the environment variable {0} is empty")]
    EmptyVariable(String),
    /// The environment variable's value is more than one line.
    #[error("the environment variable {0} holds a line end, which cannot be sent")]
    LineEnd(String),
    /// A token with the prefix that is sent before it.
    #[error("{0} begins with `Bearer`, which is sent before it anyway: leave it out there")]
    Prefixed(String),
    /// A user name that Basic cannot tell from its password (RFC 7617 section 2).
    #[error("{0} holds a colon, which Basic authentication cannot send: it ends the user name there")]
    ColonInName(String),
    /// A string is not a template. Its message names the slot, never the text around it.
    #[error(transparent)]
    Template(#[from] TemplateProblem),
    /// The place of the token cannot be parsed.
    #[error("the place of the token: {0}")]
    Place(RuleProblem),
    /// Not a header's name.
    #[error("`{0}…` is not the name of a header")]
    HeaderName(String),
    /// A prefix that cannot be sent.
    #[error("the prefix of a token holds a line end, which cannot be sent")]
    Prefix,
    /// A share of no tokens.
    #[error("at least one token has to be shared")]
    NothingShared,
    /// A client that proves itself, and has nothing to do it with.
    #[error("the client credentials grant needs a client")]
    NoClient,
}

impl CompiledAuth {
    /// Compiles a way to authenticate, or says all that is wrong with it. `environment` looks up environment variables.
    pub(crate) fn compile(
        auth: &plan::Auth,
        environment: &dyn Fn(&str) -> Option<String>,
        names: &mut Names,
    ) -> Result<Self, Vec<AuthProblem>> {
        let mut compiler = Compiler { environment, names, problems: Vec::new() };
        match compiler.way(&auth.kind) {
            Some(way) if compiler.problems.is_empty() => Ok(way),
            _ => Err(compiler.problems),
        }
    }

    /// The name of the header that it sets, if it sets one.
    #[must_use]
    pub(crate) fn header(&self) -> Option<&str> {
        match self {
            Self::Header { name, .. } => Some(name),
            Self::Query { .. } => None,
            Self::Token(source) => Some(&source.header),
        }
    }

    /// Tells what a user authenticates with, so that it is hidden wherever it stands.
    pub(crate) fn give_away(&self, variables: &Variables, builtins: &mut Builtins<'_>, secrets: &mut Secrets) {
        let mut text = Vec::new();
        match self {
            Self::Header { name, value } => {
                if value.render(variables, builtins, &mut text).is_ok() {
                    secrets.add_header(name, &String::from_utf8_lossy(&text));
                }
            }
            Self::Query { value, .. } => {
                if value.render(variables, builtins, &mut text).is_ok() {
                    secrets.add(&text);
                }
            }
            Self::Token(source) => {
                let Giver::OAuth2(grant) = &source.giver else { return };
                if grant.render_body(&How::Grant, variables, builtins, &mut text).is_ok() {
                    secrets.add_named(&String::from_utf8_lossy(&text));
                }
                text.clear();
                if let Some(client) = grant.client()
                    && client.render(variables, builtins, &mut text).is_ok()
                {
                    secrets.add_header("Authorization", &String::from_utf8_lossy(&text));
                }
            }
        }
    }

    /// The variables of users that it needs in each request.
    #[must_use]
    pub(crate) fn slots(&self) -> Vec<crate::step::Slot> {
        match self {
            Self::Header { value, .. } | Self::Query { value, .. } => value.slots().collect(),
            Self::Token(_) => Vec::new(),
        }
    }
}

/// Turns secrets into templates. What is wrong is collected; something harmless takes its place.
struct Compiler<'a> {
    environment: &'a dyn Fn(&str) -> Option<String>,
    names: &'a mut Names,
    problems: Vec<AuthProblem>,
}

impl Compiler<'_> {
    fn way(&mut self, kind: &AuthKind) -> Option<CompiledAuth> {
        let authorization = |value| CompiledAuth::Header { name: "Authorization".to_owned(), value };
        Some(match kind {
            AuthKind::Bearer { token } => authorization(self.bearer(token)),
            AuthKind::Basic { username, password } => {
                let name = self.template(username, Context::Text);
                if name.is_static().is_some_and(|name| name.contains(&b':')) {
                    self.problems.push(AuthProblem::ColonInName(what(username, "the user name")));
                }
                authorization(Credential::basic(name, self.template(password, Context::Text)))
            }
            AuthKind::ApiKey { key, name, place: KeyPlace::Header } => {
                self.header_name(name);
                CompiledAuth::Header {
                    name: name.clone(),
                    value: Credential::Plain(self.template(key, Context::Header)),
                }
            }
            AuthKind::ApiKey { key, name, place: KeyPlace::Query } => {
                let value = Credential::Plain(self.template(key, Context::Query));
                CompiledAuth::Query { name: name.clone(), value }
            }
            AuthKind::OAuth2(oauth2) => {
                let plan::OAuth2 { grant, client, scope, form, shared, refresh_before_ns, .. } = &**oauth2;
                if client.is_none() && matches!(grant, plan::Grant::ClientCredentials {}) {
                    self.problems.push(AuthProblem::NoClient);
                }
                let grant = CompiledGrant::compile(grant, client.as_ref(), scope.as_deref(), form, self);
                self.tokens(Giver::OAuth2(grant), ("Authorization", "Bearer"), *shared, *refresh_before_ns)
            }
            AuthKind::Login(login) => {
                self.header_name(&login.header);
                if forbidden_in_head(login.prefix.as_bytes()) {
                    self.problems.push(AuthProblem::Prefix);
                }
                let answer = LoginAnswer::compile(login);
                let answer = answer.map_err(|problem| self.problems.push(AuthProblem::Place(problem))).ok()?;
                let sent = (&*login.header, &*login.prefix);
                self.tokens(Giver::Login(Box::new(answer)), sent, login.shared, login.refresh_before_ns)
            }
        })
    }

    fn tokens(
        &mut self,
        giver: Giver,
        (header, prefix): (&str, &str),
        shared: Option<u32>,
        refresh_before_ns: u64,
    ) -> CompiledAuth {
        if shared == Some(0) {
            self.problems.push(AuthProblem::NothingShared);
        }
        let space = if prefix.is_empty() { "" } else { " " };
        let (header, prefix) = (header.to_owned(), format!("{prefix}{space}"));
        CompiledAuth::Token(Box::new(TokenSource { giver, header, prefix, shared, refresh_before_ns }))
    }

    /// The template of a secret. What comes from the environment is taken as it is: a brace in it is a brace.
    fn template(&mut self, secret: &Secret, context: Context) -> Template {
        let text = match secret {
            Secret::Text(text) => text.clone(),
            Secret::Env(name) => match (self.environment)(name) {
                None => self.without(AuthProblem::NoVariable(name.clone())),
                Some(value) if value.trim().is_empty() => self.without(AuthProblem::EmptyVariable(name.clone())),
                Some(value) if forbidden_in_head(value.as_bytes()) => self.without(AuthProblem::LineEnd(name.clone())),
                Some(value) => value.replace('{', "{{").replace('}', "}}"),
            },
        };
        Template::parse(&text, context, self.names).unwrap_or_else(|problem| {
            self.problems.push(problem.into());
            TemplateBuilder::default().build()
        })
    }

    fn without(&mut self, problem: AuthProblem) -> String {
        self.problems.push(problem);
        String::new()
    }

    fn bearer(&mut self, token: &Secret) -> Credential {
        let template = self.template(token, Context::Header);
        let is_prefixed = |token: &[u8]| token.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"bearer "));
        if template.is_static().is_some_and(|token| is_prefixed(token.trim_ascii_start())) {
            self.problems.push(AuthProblem::Prefixed(what(token, "the token")));
        }
        let mut builder = TemplateBuilder::default();
        builder.literal(b"Bearer ");
        builder.append(&template);
        Credential::Plain(builder.build())
    }

    fn header_name(&mut self, name: &str) {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            self.problems
                .push(AuthProblem::HeaderName(name.split([':', ' ', '=']).next().unwrap_or_default().to_owned()));
        }
    }
}

/// What a secret is called in a message: never by its value.
fn what(secret: &Secret, otherwise: &str) -> String {
    match secret {
        Secret::Env(name) => format!("the environment variable {name}"),
        Secret::Text(_) => otherwise.to_owned(),
    }
}

#[cfg(test)]
mod tests;
