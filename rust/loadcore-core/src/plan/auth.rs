//! Ways to authenticate.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ExtractFrom, Request, Template};

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
    OAuth2(Box<OAuth2>),
    /// A token that a request of the user's own gets, kept fresh by sending that again.
    Login(Box<Login>),
}

/// A token endpoint, and what it is asked.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth2 {
    /// The token endpoint: absolute, or relative to the scenario's base URL.
    pub token_url: Template,
    /// How the first token is got.
    pub grant: Grant,
    /// Who asks, if the token endpoint wants to know.
    #[serde(default)]
    pub client: Option<Client>,
    /// Scopes asked for, separated by spaces.
    #[serde(default)]
    pub scope: Option<String>,
    /// Further fields of the form of each token call.
    #[serde(default)]
    pub form: Vec<(String, Secret)>,
    /// Headers of each token call; they win over the scenario's.
    #[serde(default)]
    pub headers: Vec<(String, Template)>,
    /// `None`: a token for each user. `Some(n)`: n tokens shared by all users of the run.
    #[serde(default)]
    pub shared: Option<u32>,
    /// A token is refreshed this long before it expires, less a random part of up to a quarter.
    pub refresh_before_ns: u64,
    /// What the step of the token call is called in results.
    pub step: String,
}

/// A request whose response holds a token.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The request. It has no authentication but its own.
    pub request: Request,
    /// Where in its response the token is.
    pub token: ExtractFrom,
    /// Where the seconds that it is good for are, or the time at which it ends.
    #[serde(default)]
    pub expires_in: Option<ExtractFrom>,
    /// How long it is good for, if the response does not say.
    #[serde(default)]
    pub lifetime_ns: Option<u64>,
    /// The header that the token is sent in.
    pub header: String,
    /// What precedes it, without the space between.
    pub prefix: String,
    /// `None`: a token for each user. `Some(n)`: n tokens shared by all users of the run.
    #[serde(default)]
    pub shared: Option<u32>,
    /// A token is replaced this long before it expires, less a random part of up to a quarter.
    pub refresh_before_ns: u64,
}

/// Who asks for a token (RFC 6749 section 2.3).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its id.
    pub id: Secret,
    /// Its secret; a public client has none.
    #[serde(default)]
    pub secret: Option<Secret>,
    /// Where id and secret are sent: as Basic in a header, or in the body. A public client's id is in the body.
    pub place: ClientPlace,
}

/// Where a client's id and secret are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientPlace {
    /// `Authorization: Basic …`.
    Header,
    /// `client_id` and `client_secret` in the form.
    Body,
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
    },
    /// Client credentials (RFC 6749 section 4.4).
    ClientCredentials {},
    /// A refresh token that is known from the start (RFC 6749 section 6).
    RefreshToken {
        /// The token.
        refresh_token: Secret,
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
