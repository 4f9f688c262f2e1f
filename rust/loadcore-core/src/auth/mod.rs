//! Authentication: what is sent with requests, and where tokens come from.
//!
//! Nothing here sends or waits. [`CompiledAuth`] says what goes into a request; for OAuth 2.0, [`Pool`] says at any time
//! whether there is a token, whether one is to be fetched, and what with, and is told what came of it.
//!
//! No `Debug` output of this module shows a secret.

mod credential;
mod grant;
mod pool;
mod reason;
mod response;

use crate::plan::{self, AuthKind, KeyPlace};
use crate::step::{Context, Names, Template, TemplateProblem, forbidden_in_head};

pub use credential::{Credential, append_basic};
pub use grant::{CompiledGrant, How};
pub use pool::{Acquired, Fetch, Pool, Rejected, Token, TokenSlot};
pub use response::{Granted, Refusal, TokenAnswer};

/// A way to authenticate, ready to be used.
#[derive(Debug)]
pub enum CompiledAuth {
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
    OAuth2(Box<OAuth2>),
}

/// OAuth 2.0, ready to be used.
#[derive(Debug)]
pub struct OAuth2 {
    /// The token endpoint: absolute, or relative to the scenario's base URL.
    pub token_url: Template,
    /// What the token endpoint is asked.
    pub grant: CompiledGrant,
    /// How many tokens all users of the run share; `None`: each has its own.
    pub shared: Option<u32>,
    /// How long before its end a token is refreshed.
    pub refresh_before_ns: u64,
}

/// Why a way to authenticate cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthProblem {
    /// The environment lacks a variable.
    #[error("the environment variable {0} is not set, or is not UTF-8")]
    NoVariable(String),
    /// The environment variable's value may not stand in a header.
    #[error("the environment variable {0} holds a line end, which cannot be sent")]
    LineEnd(String),
    /// A text is no template. Its message names the slot, never the text around it.
    #[error(transparent)]
    Template(#[from] TemplateProblem),
    /// Not a header's name.
    #[error("`{0}` is no name of a header")]
    HeaderName(String),
    /// A share of no tokens.
    #[error("at least one token has to be shared")]
    NothingShared,
}

impl CompiledAuth {
    /// Compiles a way to authenticate. `environment` looks up environment variables. Stops at the first problem: another
    /// one of the same entry would be about the same few texts.
    pub fn compile(
        auth: &plan::Auth,
        environment: &dyn Fn(&str) -> Option<String>,
        names: &mut Names,
    ) -> Result<Self, AuthProblem> {
        let mut compiler = Compiler { environment, names };
        let authorization = |value| Self::Header { name: "Authorization".to_owned(), value };
        Ok(match &auth.kind {
            AuthKind::Bearer { token } => authorization(compiler.prefixed("Bearer ", token)?),
            AuthKind::Basic { username, password } => {
                let username = compiler.template(username, Context::Text)?;
                let password = compiler.template(password, Context::Text)?;
                authorization(Credential::basic(username, password))
            }
            AuthKind::ApiKey { key, name, place: KeyPlace::Header } => {
                let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
                if name.is_empty() || !name.bytes().all(token) {
                    return Err(AuthProblem::HeaderName(name.clone()));
                }
                Self::Header { name: name.clone(), value: compiler.prefixed("", key)? }
            }
            AuthKind::ApiKey { key, name, place: KeyPlace::Query } => {
                let value = Credential::Plain(compiler.template(key, Context::Query)?);
                Self::Query { name: name.clone(), value }
            }
            AuthKind::OAuth2 { token_url, grant, scope, shared, refresh_before_ns, .. } => {
                if *shared == Some(0) {
                    return Err(AuthProblem::NothingShared);
                }
                let token_url = Template::parse(token_url, Context::Path, compiler.names)?;
                let grant = CompiledGrant::compile(grant, scope.as_deref(), &mut compiler)?;
                let (shared, refresh_before_ns) = (*shared, *refresh_before_ns);
                Self::OAuth2(Box::new(OAuth2 { token_url, grant, shared, refresh_before_ns }))
            }
        })
    }

    /// The name of the header that it sets, if it sets one.
    #[must_use]
    pub fn header(&self) -> Option<&str> {
        match self {
            Self::Header { name, .. } => Some(name),
            Self::Query { .. } => None,
            Self::OAuth2(_) => Some("Authorization"),
        }
    }

    /// The variables of users that it needs.
    #[must_use]
    pub fn slots(&self) -> Vec<crate::step::Slot> {
        match self {
            Self::Header { value, .. } | Self::Query { value, .. } => value.slots().collect(),
            Self::OAuth2(oauth2) => oauth2.token_url.slots().chain(oauth2.grant.slots()).collect(),
        }
    }
}

/// Turns secrets into templates.
struct Compiler<'a> {
    environment: &'a dyn Fn(&str) -> Option<String>,
    names: &'a mut Names,
}

impl Compiler<'_> {
    /// The template of a secret. What comes from the environment is taken as it is: a brace in it is a brace.
    fn template(&mut self, secret: &plan::Secret, context: Context) -> Result<Template, AuthProblem> {
        let text = match secret {
            plan::Secret::Text(text) => text.clone(),
            plan::Secret::Env(name) => {
                let value = (self.environment)(name).ok_or_else(|| AuthProblem::NoVariable(name.clone()))?;
                if context == Context::Header && forbidden_in_head(value.as_bytes()) {
                    return Err(AuthProblem::LineEnd(name.clone()));
                }
                value.replace('{', "{{").replace('}', "}}")
            }
        };
        Ok(Template::parse(&text, context, self.names)?)
    }

    fn prefixed(&mut self, prefix: &str, secret: &plan::Secret) -> Result<Credential, AuthProblem> {
        let mut builder = crate::step::TemplateBuilder::default();
        builder.literal(prefix.as_bytes());
        builder.append(&self.template(secret, Context::Header)?);
        Ok(Credential::Plain(builder.build()))
    }
}

#[cfg(test)]
mod tests;
