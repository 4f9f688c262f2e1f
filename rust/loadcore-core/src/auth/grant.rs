//! What a token endpoint is asked (RFC 6749): the form of each grant.

use std::fmt;

use super::{Compiler, Credential};
use crate::plan::{self, ClientPlace, Grant, Secret};
use crate::step::{Builtins, Context, RenderError, Template, TemplateBuilder, Variables};

/// A grant, ready to be asked for. Not shown by `Debug`.
pub(crate) struct CompiledGrant {
    /// The form that gets the first token.
    first: Template,
    /// The form that refreshes a token, up to the refresh token.
    refresh: Template,
    /// How the client proves itself in a header.
    client: Option<Credential>,
}

/// How a token is got.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum How {
    /// By the grant that the plan says.
    Grant,
    /// By this refresh token.
    Refresh(Box<str>),
}

impl CompiledGrant {
    pub(super) fn compile(
        grant: &Grant,
        client: Option<&plan::Client>,
        scope: Option<&str>,
        further: &[(String, Secret)],
        compiler: &mut Compiler<'_>,
    ) -> Self {
        let mut form = Form::new(compiler);
        match grant {
            Grant::Password { username, password } => {
                form.literal("grant_type", "password");
                form.secret("username", username);
                form.secret("password", password);
            }
            Grant::ClientCredentials {} => form.literal("grant_type", "client_credentials"),
            Grant::RefreshToken { refresh_token } => {
                form.literal("grant_type", "refresh_token");
                form.secret("refresh_token", refresh_token);
            }
        }
        if let Some(scope) = scope {
            form.literal("scope", scope);
        }
        form.client_and_further(client, further);
        let first = form.builder.build();
        let mut form = Form::new(compiler);
        form.literal("grant_type", "refresh_token");
        form.client_and_further(client, further);
        form.literal("refresh_token", "");
        let refresh = form.builder.build();
        Self { first, refresh, client: client.and_then(|client| in_header(client, compiler)) }
    }

    /// Appends the form, a body of `application/x-www-form-urlencoded`.
    pub(crate) fn render_body(
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
    pub(crate) const fn client(&self) -> Option<&Credential> {
        self.client.as_ref()
    }
}

/// The client's id and secret for a header, each encoded as a form value before they are joined (RFC 6749 section 2.3.1).
fn in_header(client: &plan::Client, compiler: &mut Compiler<'_>) -> Option<Credential> {
    let secret = client.secret.as_ref().filter(|_| client.place == ClientPlace::Header)?;
    let id = compiler.template(&client.id, Context::Form);
    Some(Credential::basic(id, compiler.template(secret, Context::Form)))
}

struct Form<'a, 'c> {
    builder: TemplateBuilder,
    compiler: &'a mut Compiler<'c>,
}

impl<'a, 'c> Form<'a, 'c> {
    fn new(compiler: &'a mut Compiler<'c>) -> Self {
        Self { builder: TemplateBuilder::default(), compiler }
    }

    fn name(&mut self, name: &str) {
        if !self.builder.is_empty() {
            self.builder.literal(b"&");
        }
        self.encoded(name);
        self.builder.literal(b"=");
    }

    fn encoded(&mut self, text: &str) {
        let mut encoded = Vec::new();
        crate::step::append_form_value(text.as_bytes(), &mut encoded);
        self.builder.literal(&encoded);
    }

    fn literal(&mut self, name: &str, value: &str) {
        self.name(name);
        self.encoded(value);
    }

    fn secret(&mut self, name: &str, secret: &Secret) {
        self.name(name);
        self.builder.append(&self.compiler.template(secret, Context::Form));
    }

    /// What every form of the plan's entry has: the client, if it is not in a header, and the fields that were added.
    fn client_and_further(&mut self, client: Option<&plan::Client>, further: &[(String, Secret)]) {
        if let Some(plan::Client { id, secret, place }) = client
            && (*place == ClientPlace::Body || secret.is_none())
        {
            self.secret("client_id", id);
            if let Some(secret) = secret {
                self.secret("client_secret", secret);
            }
        }
        for (name, value) in further {
            self.secret(name, value);
        }
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
