//! Values that prove who is asking.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::step::{Builtins, RenderError, Slot, Template, TemplateBuilder, Variables};

/// The value of a header or query parameter that authenticates. Not shown by `Debug`.
pub(crate) enum Credential {
    /// A value that is a template.
    Plain(Template),
    /// `Basic <base64(username:password)>` (RFC 7617) of a user name or password that varies.
    Basic {
        /// The user name.
        username: Template,
        /// The password.
        password: Template,
    },
}

impl Credential {
    /// Basic credentials; a plain value if they never vary.
    pub(super) fn basic(username: Template, password: Template) -> Self {
        let (Some(name), Some(word)) = (username.is_static(), password.is_static()) else {
            return Self::Basic { username, password };
        };
        let mut value = Vec::new();
        append_basic(&[name, b":", word].concat(), &mut value);
        let mut builder = TemplateBuilder::default();
        builder.literal(&value);
        Self::Plain(builder.build())
    }

    /// Appends the value.
    pub(crate) fn render(
        &self,
        variables: &Variables,
        builtins: &mut Builtins<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), RenderError> {
        match self {
            Self::Plain(template) => template.render(variables, builtins, out),
            Self::Basic { username, password } => {
                let mut pair = Vec::with_capacity(64);
                username.render(variables, builtins, &mut pair)?;
                // The first colon ends the user name (RFC 7617 section 2).
                if let Some(slot) = username.slots().next().filter(|_| pair.contains(&b':')) {
                    return Err(RenderError::Refused(slot));
                }
                pair.push(b':');
                password.render(variables, builtins, &mut pair)?;
                append_basic(&pair, out);
                Ok(())
            }
        }
    }

    /// The variables it needs.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        let (first, second) = match self {
            Self::Plain(template) => (template, None),
            Self::Basic { username, password } => (username, Some(password)),
        };
        first.slots().chain(second.into_iter().flat_map(Template::slots))
    }
}

/// Appends `Basic …` for a `username:password`.
fn append_basic(pair: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"Basic ");
    let start = out.len();
    out.resize(start + pair.len().div_ceil(3) * 4, b'=');
    // The room is just what the encoding takes, padding included.
    let written = STANDARD.encode_slice(pair, &mut out[start..]).unwrap_or(0);
    out.truncate(start + written);
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credential")
    }
}
