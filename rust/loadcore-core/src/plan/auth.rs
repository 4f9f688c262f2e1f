//! Ways to authenticate.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Template;

/// A named way to authenticate.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// Unique in the plan.
    pub name: String,
    /// What is sent, and where it comes from. Nested, since serde cannot refuse unknown fields beside a flattened one.
    #[serde(rename = "way")]
    pub kind: AuthKind,
    /// Place in the user's file.
    #[serde(default)]
    pub at: Option<String>,
}

/// What is sent, and where it comes from.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum AuthKind {
    /// `Authorization: Bearer <token>`.
    Bearer {
        /// The token.
        token: Secret,
    },
    /// `Authorization: Basic <base64(user:password)>`.
    Basic {
        /// The user name.
        username: Secret,
        /// The password.
        password: Secret,
    },
    /// A key in a header or in the query.
    ApiKey {
        /// The key.
        key: Secret,
        /// Name of the header or query parameter.
        name: String,
        /// Where it is sent.
        place: KeyPlace,
    },
    /// A bearer token fetched by OAuth 2.0 (RFC 6749) and kept fresh.
    #[serde(rename = "oauth2")]
    OAuth2 {
        /// The token endpoint: absolute, or relative to the scenario's base URL.
        token_url: Template,
        /// How the first token is got.
        grant: Grant,
        /// Scopes asked for, separated by spaces.
        #[serde(default)]
        scope: Option<String>,
        /// `None`: a token for each user. `Some(n)`: n tokens shared by all users of the run.
        #[serde(default)]
        shared: Option<u32>,
        /// A token is refreshed this long before it expires, less a random part of up to a quarter.
        refresh_before_ns: u64,
        /// What the step of the token call is called in results.
        step: String,
    },
}

/// OAuth 2.0 grants.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(tag = "grant", rename_all = "snake_case", deny_unknown_fields)]
pub enum Grant {
    /// Resource owner password credentials (RFC 6749 section 4.3).
    Password {
        /// The user name.
        username: Secret,
        /// The password.
        password: Secret,
        /// Client authentication, sent as Basic, if any.
        #[serde(default)]
        client: Option<(Secret, Secret)>,
    },
    /// Client credentials (RFC 6749 section 4.4).
    ClientCredentials {
        /// The client's id.
        client_id: Secret,
        /// The client's secret.
        client_secret: Secret,
    },
    /// A refresh token that is known from the start (RFC 6749 section 6).
    RefreshToken {
        /// The token.
        refresh_token: Secret,
        /// Client authentication, sent as Basic, if any.
        #[serde(default)]
        client: Option<(Secret, Secret)>,
    },
}

/// A value that is not to be shown: `Debug` does not. It may hold `{slots}` for users' variables.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    /// Read from this environment variable when the program is made.
    Env(String),
    /// Given in the scenario: a template.
    Text(Template),
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(formatter, "Env({name})"),
            Self::Text(_) => formatter.write_str("Text(…)"),
        }
    }
}

/// Where an API key is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPlace {
    /// In a header.
    Header,
    /// In the query string.
    Query,
}
