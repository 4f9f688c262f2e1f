//! What a token endpoint is asked (RFC 6749): the form of each grant.

use std::fmt;

use super::{AuthProblem, Compiler, Credential};
use crate::plan::{Grant, Secret};
use crate::step::{Builtins, Context, RenderError, Slot, Template, TemplateBuilder, Variables};

/// A grant, ready to be asked for. Not shown by `Debug`.
pub struct CompiledGrant {
    /// The form that gets the first token.
    first: Template,
    /// The form that refreshes a token, up to the refresh token.
    refresh: Template,
    /// How the client proves itself.
    client: Option<Credential>,
}

/// How a token is got.
#[derive(Clone, PartialEq, Eq)]
pub enum How {
    /// By the grant that the plan says.
    Grant,
    /// By this refresh token.
    Refresh(Box<str>),
}

impl CompiledGrant {
    pub(super) fn compile(
        grant: &Grant,
        scope: Option<&str>,
        compiler: &mut Compiler<'_>,
    ) -> Result<Self, AuthProblem> {
        let mut form = Form { builder: TemplateBuilder::default(), compiler };
        let client = match grant {
            Grant::Password { username, password, client } => {
                form.literal("grant_type", "password");
                form.secret("username", username)?;
                form.secret("password", password)?;
                pair(client.as_ref())
            }
            Grant::ClientCredentials { client_id, client_secret } => {
                form.literal("grant_type", "client_credentials");
                Some((client_id, client_secret))
            }
            Grant::RefreshToken { refresh_token, client } => {
                form.literal("grant_type", "refresh_token");
                form.secret("refresh_token", refresh_token)?;
                pair(client.as_ref())
            }
        };
        if let Some(scope) = scope {
            form.literal("scope", scope);
        }
        let first = form.builder.build();
        let mut form = Form { builder: TemplateBuilder::default(), compiler };
        form.literal("grant_type", "refresh_token");
        form.literal("refresh_token", "");
        let refresh = form.builder.build();
        Ok(Self { first, refresh, client: client.map(|client| client_credential(client, compiler)).transpose()? })
    }

    /// Appends the form, a body of `application/x-www-form-urlencoded`.
    pub fn render_body(
        &self,
        how: &How,
        variables: &Variables,
        builtins: &mut Builtins<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), RenderError> {
        match how {
            How::Grant => self.first.render(variables, builtins, out),
            How::Refresh(token) => {
                self.refresh.render(variables, builtins, out)?;
                crate::step::append_form_value(token.as_bytes(), out);
                Ok(())
            }
        }
    }

    /// The value of the `Authorization` header of token requests, if they have one.
    #[must_use]
    pub const fn client(&self) -> Option<&Credential> {
        self.client.as_ref()
    }

    /// The variables of the user that the first token needs.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        self.first.slots().chain(self.client.iter().flat_map(Credential::slots))
    }
}

/// The client's id and secret, each encoded as a form value before they are joined (RFC 6749 section 2.3.1).
fn client_credential((id, secret): (&Secret, &Secret), compiler: &mut Compiler<'_>) -> Result<Credential, AuthProblem> {
    let id = compiler.template(id, Context::Form)?;
    Ok(Credential::basic(id, compiler.template(secret, Context::Form)?))
}

fn pair(client: Option<&(Secret, Secret)>) -> Option<(&Secret, &Secret)> {
    client.map(|(id, secret)| (id, secret))
}

struct Form<'a, 'c> {
    builder: TemplateBuilder,
    compiler: &'a mut Compiler<'c>,
}

impl Form<'_, '_> {
    fn name(&mut self, name: &str) {
        if !self.builder.is_empty() {
            self.builder.literal(b"&");
        }
        self.builder.literal(name.as_bytes());
        self.builder.literal(b"=");
    }

    fn literal(&mut self, name: &str, value: &str) {
        self.name(name);
        let mut encoded = Vec::new();
        crate::step::append_form_value(value.as_bytes(), &mut encoded);
        self.builder.literal(&encoded);
    }

    fn secret(&mut self, name: &str, secret: &Secret) -> Result<(), AuthProblem> {
        self.name(name);
        self.builder.append(&self.compiler.template(secret, Context::Form)?);
        Ok(())
    }
}

impl fmt::Debug for CompiledGrant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CompiledGrant")
    }
}

impl fmt::Debug for How {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Grant => "Grant",
            Self::Refresh(_) => "Refresh",
        })
    }
}
