//! How a run speaks HTTP.

use serde::{Deserialize, Serialize};

/// Settings of the HTTP client, one set for the whole run.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The version of HTTP that is spoken.
    #[serde(default)]
    pub version: Version,
    /// How long each part of an exchange may take.
    pub timeouts: Timeouts,
    /// When connections are used again.
    #[serde(default)]
    pub reuse: Reuse,
    /// What a response may be at most.
    #[serde(default)]
    pub limits: Limits,
    /// How `https` targets are verified.
    #[serde(default)]
    pub tls: Tls,
    /// Redirects followed per request; 0 follows none. At most 10.
    pub max_redirects: u8,
    /// Whether users keep cookies, and for how long.
    pub cookies: Cookies,
    /// Sent with every request; `None` sends no `User-Agent`.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// A response header with the time that the target's upstream took.
    #[serde(default)]
    pub upstream_header: Option<UpstreamHeader>,
    /// The share of requests that carry a `traceparent` (W3C Trace Context) of their own: 0 to 1.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub trace_sample: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn is_nothing(share: &f64) -> bool {
    *share == 0.0
}

/// The version of HTTP that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Version {
    /// HTTP/1.1.
    #[default]
    Http11,
}

impl Version {
    /// What it is called in the handshake of TLS (ALPN).
    #[must_use]
    pub const fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http11 => b"http/1.1",
        }
    }
}

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(version: String) -> Result<Self, String> {
        match &*version {
            "1.1" => Ok(Self::Http11),
            _ => Err(format!("loadcore does not speak HTTP version `{version}`: use `1.1`")),
        }
    }
}

impl From<Version> for &'static str {
    fn from(version: Version) -> Self {
        match version {
            Version::Http11 => "1.1",
        }
    }
}

/// A response header that holds a time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamHeader {
    /// Its name, in any case.
    pub name: String,
    /// What a number without a unit counts.
    pub unit_ns: u64,
}

/// Deadlines, each from the moment its part begins. An expired request is aborted and recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// Resolve and connect, TLS handshake included.
    pub connect_ns: u64,
    /// From send to the first byte of the response; `None` leaves it to `total_ns`.
    #[serde(default)]
    pub first_byte_ns: Option<u64>,
    /// From send to the last byte of the response.
    pub total_ns: u64,
}

/// When connections are used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reuse {
    /// One connection for each user and origin, kept over iterations.
    #[default]
    User,
    /// New connections for each iteration.
    Iteration,
    /// A new connection for each request.
    Request,
}

/// Whether users keep cookies. In a plan: `true`, `false`, `"user"` or `"iteration"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "CookiesText", into = "CookiesText")]
pub enum Cookies {
    /// They keep none.
    Off,
    /// For as long as a user lives; in an open model, for as long as a visitor.
    User,
    /// Each iteration begins with those that the user's start left.
    Iteration,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(untagged)]
enum CookiesText {
    Flag(bool),
    Word(CookiesWord),
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum CookiesWord {
    User,
    Iteration,
}

impl From<CookiesText> for Cookies {
    fn from(text: CookiesText) -> Self {
        match text {
            CookiesText::Flag(false) => Self::Off,
            CookiesText::Flag(true) | CookiesText::Word(CookiesWord::User) => Self::User,
            CookiesText::Word(CookiesWord::Iteration) => Self::Iteration,
        }
    }
}

impl From<Cookies> for CookiesText {
    fn from(cookies: Cookies) -> Self {
        match cookies {
            Cookies::Off => Self::Flag(false),
            Cookies::User => Self::Flag(true),
            Cookies::Iteration => Self::Word(CookiesWord::Iteration),
        }
    }
}

/// What a response may be at most. A response over a limit is an outcome of its own, never a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of status line and headers.
    pub head_bytes: u32,
    /// Header lines.
    pub header_count: u16,
    /// Bytes of body.
    pub body_bytes: u64,
    /// Bytes of a body that are kept for checks and extracts. They find nothing in a larger one.
    pub kept_body_bytes: u32,
    /// Bytes of all chunk extensions of one response.
    pub chunk_extension_bytes: u32,
    /// Bytes of trailers.
    pub trailer_bytes: u32,
    /// Interim (1xx) responses before the final one.
    pub interim_count: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 64 * 1024,
            header_count: 256,
            body_bytes: 1 << 30,
            kept_body_bytes: 4 << 20,
            chunk_extension_bytes: 16 * 1024,
            trailer_bytes: 16 * 1024,
            interim_count: 16,
        }
    }
}

/// How `https` targets are verified.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM file of certificate authorities trusted in place of the system's.
    pub ca_file: Option<String>,
    /// Accept any certificate. Said loudly in the summary.
    pub insecure: bool,
    /// Name sent as SNI and checked in the certificate, in place of the URL's host.
    pub server_name: Option<String>,
    /// Whether later connections of a user resume its TLS session.
    pub resumption: TlsResumption,
}

/// Whether TLS sessions are resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsResumption {
    /// A user's first connection is a full handshake, later ones resume it.
    #[default]
    Resume,
    /// Every handshake is a full one.
    Full,
}
