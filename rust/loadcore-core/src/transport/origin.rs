//! Scheme, host and port: what a connection is made to.

use std::fmt;
use std::io::Write as _;

/// A parsed origin. Two URLs of one origin may share a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    /// Whether the scheme is `https`.
    pub tls: bool,
    /// The host in lower case and ASCII; an IPv6 address without its brackets.
    pub host: String,
    /// The port, the scheme's default filled in.
    pub port: u16,
    /// Whether its certificate is checked as the run says; otherwise it is not checked at all.
    pub verifies: bool,
}

/// The scheme by which a script says that this certificate is not to be checked. Only scripts may say so, and no target.
const UNVERIFIED: &str = "https+insecure://";

/// Why a URL names no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OriginProblem {
    /// Neither `http://` nor `https://`.
    #[error("the URL `{0}` does not begin with http:// or https://")]
    Scheme(String),
    /// No host after the scheme.
    #[error("the URL `{0}` names no host")]
    Host(String),
    /// The port is not a number from 1 to 65535.
    #[error("the URL `{0}` has a port that is not a number from 1 to 65535")]
    Port(String),
    /// A user name or password in the URL.
    #[error("the URL holds a user name or password: leave them out, and write auth=basic(username, password)")]
    UserInfo,
}

impl Origin {
    /// Stands in for an origin that could not be read, so that a plan can be checked further.
    pub(crate) const fn nowhere() -> Self {
        Self { tls: false, host: String::new(), port: 0, verifies: true }
    }

    /// Like `split`, for a URL that a script made.
    pub(crate) fn of_script(url: &str) -> Result<(Self, &str), OriginProblem> {
        let Some(rest) = strip_scheme(url, UNVERIFIED) else { return Self::split(url) };
        let (origin, target) = Self::behind_scheme(url, true, rest)?;
        Ok((Self { verifies: false, ..origin }, target))
    }

    /// Splits an absolute URL into its origin and what follows (`""`, or path and query without fragment).
    pub(crate) fn split(url: &str) -> Result<(Self, &str), OriginProblem> {
        let (tls, rest) = if let Some(rest) = strip_scheme(url, "http://") {
            (false, rest)
        } else if let Some(rest) = strip_scheme(url, "https://") {
            (true, rest)
        } else {
            return Err(OriginProblem::Scheme(shown(url)));
        };
        Self::behind_scheme(url, tls, rest)
    }

    fn behind_scheme<'a>(url: &str, tls: bool, rest: &'a str) -> Result<(Self, &'a str), OriginProblem> {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.contains('@') {
            return Err(OriginProblem::UserInfo);
        }
        let (host, port) = split_port(authority);
        let host = ascii(host).ok_or_else(|| OriginProblem::Host(shown(url)))?;
        let port = match port {
            None | Some("") => {
                if tls {
                    443
                } else {
                    80
                }
            }
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => match digits.parse() {
                Ok(port) if port > 0 => port,
                _ => return Err(OriginProblem::Port(shown(url))),
            },
            Some(_) => return Err(OriginProblem::Port(shown(url))),
        };
        let target = target.split('#').next().unwrap_or("");
        Ok((Self { tls, host, port, verifies: true }, target))
    }

    /// Like `split`, for a URL in a plan: a colon without a port is a mistake there, while a target may send one.
    pub(crate) fn declared(url: &str) -> Result<(Self, &str), OriginProblem> {
        let found = Self::split(url)?;
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        if rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.ends_with(':')) {
            return Err(OriginProblem::Port(shown(url)));
        }
        Ok(found)
    }

    /// The value of the `Host` header: the port only where it is not the scheme's default.
    #[must_use]
    pub(crate) fn host_header(&self) -> String {
        let mut host = Vec::new();
        self.write_host(&mut host);
        String::from_utf8(host).unwrap_or_default()
    }

    /// Appends that value.
    pub(crate) fn write_host(&self, out: &mut Vec<u8>) {
        let is_address = self.host.as_bytes().contains(&b':');
        out.extend_from_slice(if is_address { b"[" } else { b"" });
        out.extend_from_slice(self.host.as_bytes());
        out.extend_from_slice(if is_address { b"]" } else { b"" });
        if self.port != if self.tls { 443 } else { 80 } {
            // A vector takes all that is written to it.
            let _ = write!(out, ":{}", self.port);
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", if self.tls { "https" } else { "http" }, self.host_header())
    }
}

/// The host in the value of a `Host` header: without the port, an address of IPv6 without its brackets.
pub(crate) fn host_name(value: &str) -> &str {
    split_port(value).0
}

/// A URL for a message: without user name, password, query and fragment, any of which may be a secret.
pub(crate) fn shown(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (head, rest) = url.split_at(end);
    let begin = head.find("://").map_or(0, |at| at + 3);
    let user_ends = head.rfind('@').filter(|at| *at >= begin);
    let (user, head) = user_ends.map_or(("", head), |at| ("***", &head[at..]));
    let scheme = if user.is_empty() { "" } else { &url[..begin] };
    format!("{scheme}{user}{head}{}", if rest.is_empty() { "" } else { "?***" })
}

/// The host in lower case, a name beyond ASCII as it is known to DNS (`xn--…`). `None`: it is not a host.
fn ascii(host: &str) -> Option<String> {
    if host.is_empty() || host.bytes().any(|byte| byte <= b' ' || byte == 0x7f || b"\\<>\"{}|^`".contains(&byte)) {
        return None;
    }
    if host.is_ascii() {
        return Some(host.to_ascii_lowercase());
    }
    match url::Host::parse(host) {
        Ok(url::Host::Domain(name)) => Some(name),
        _ => None,
    }
}

fn strip_scheme<'a>(url: &'a str, scheme: &str) -> Option<&'a str> {
    let head = url.get(..scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then(|| &url[scheme.len()..])
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    if let Some(rest) = authority.strip_prefix('[') {
        return match rest.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, port.strip_prefix(':').or(Some("?"))),
            None => ("", None),
        };
    }
    match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(url: &str) -> (String, bool, u16, String) {
        let (origin, target) = Origin::split(url).expect("a good URL");
        (origin.host, origin.tls, origin.port, target.to_owned())
    }

    /// Scheme, host, port and target are separated, and defaults filled in.
    #[test]
    fn urls_are_split() {
        assert_eq!(("localhost".into(), false, 8080, "/a?b=c".into()), split("http://localhost:8080/a?b=c#d"));
        assert_eq!(("example.org".into(), true, 443, String::new()), split("HTTPS://Example.org"));
        assert_eq!(("::1".into(), false, 80, "?q".into()), split("http://[::1]?q"));
    }

    /// A name beyond ASCII is the one that DNS knows.
    #[test]
    fn international_names() {
        let host = |url| Origin::split(url).expect("a good URL").0.host;

        assert_eq!("xn--mnchen-3ya.example", host("http://münchen.example:8080/"));
        assert_eq!("xn--mnchen-3ya.example", host("http://MÜNCHEN.example"));
        assert_eq!("xn--fa-hia.de", host("http://faß.de"));
        assert_eq!("xn--r8jz45g.jp", host("https://例え。jp/x"));
        assert!(matches!(Origin::split("http://a\u{200e}ü/"), Err(OriginProblem::Host(_))));
    }

    /// An empty port is the scheme's, unless it is in a plan.
    #[test]
    fn an_empty_port_is_refused_in_plans() {
        assert_eq!(("h".into(), false, 80, "/a:".into()), split("http://h:/a:"));
        assert!(matches!(Origin::declared("http://h:/"), Err(OriginProblem::Port(_))));
        assert!(matches!(Origin::declared("https://[::1]:?q"), Err(OriginProblem::Port(_))));
        assert!(Origin::declared("http://[::1]/a:").is_ok() && Origin::declared("http://h:8080/:").is_ok());
    }

    /// Anything that is not an origin is refused with its reason.
    #[test]
    fn bad_urls_are_refused() {
        assert!(matches!(Origin::split("localhost:80"), Err(OriginProblem::Scheme(_))));
        assert!(matches!(Origin::split("http:///x"), Err(OriginProblem::Host(_))));
        assert!(matches!(Origin::split("http://a:0/"), Err(OriginProblem::Port(_))));
        assert!(matches!(Origin::split("http://a:+5/"), Err(OriginProblem::Port(_))));
        assert!(matches!(Origin::split("http://[::1]x/"), Err(OriginProblem::Port(_))));
        assert!(matches!(Origin::split("http://me:secret@a/"), Err(OriginProblem::UserInfo)));
    }

    /// A script may leave a certificate unchecked; that is another origin. A target cannot.
    #[test]
    fn only_scripts_leave_certificates_unchecked() {
        let url = "https+insecure://a:8443/x?y";
        let (origin, target) = Origin::of_script(url).expect("a good URL");

        assert_eq!(("https://a:8443".to_owned(), "/x?y"), (origin.to_string(), target));
        assert!(!origin.verifies && Origin::of_script("https://a:8443").expect("a good URL").0.verifies);
        assert_ne!(origin, Origin::split("https://a:8443").expect("a good URL").0);
        assert!(matches!(Origin::split(url), Err(OriginProblem::Scheme(_))));
        assert!(matches!(Origin::of_script("https+insecure://me:x@a"), Err(OriginProblem::UserInfo)));
    }

    /// A message repeats nothing of a URL that may be a secret.
    #[test]
    fn messages_show_no_secrets() {
        for (url, expected) in [
            ("htp://a/x?token=canary", "htp://a/x?***"),
            ("http://a:9x/x?canary#canary", "http://a:9x/x?***"),
            ("http://:1/#canary", "http://:1/?***"),
            ("ftp://me:canary@a/x", "ftp://***@a/x"),
            ("me:canary@a/x", "***@a/x"),
        ] {
            assert_eq!(expected, shown(url));
            assert!(!Origin::split(url).expect_err(url).to_string().contains("canary"), "{url}");
        }
    }

    /// The Host header brackets IPv6 addresses and leaves default ports out.
    #[test]
    fn host_headers_follow_the_url() {
        let header = |url| Origin::split(url).expect("a good URL").0.host_header();

        assert_eq!("[::1]:8080", header("http://[::1]:8080/"));
        assert_eq!("a", header("https://a:443"));
        assert_eq!("a:443", header("http://a:443"));
    }
}
