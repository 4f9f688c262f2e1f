//! Where a reference in a response leads: a `Location`, a link (RFC 3986 section 5, by the rules of browsers).

use std::fmt::Write as _;

use url::Url;

use super::origin::{Origin, OriginProblem};
use crate::step::append_url_text;

/// The host of the base that paths are resolved against; no host is called so (RFC 2606).
const BASE: &str = "base.invalid";

/// Why a reference leads nowhere that a request can be sent to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReferenceProblem {
    /// Another scheme than http and https.
    #[error("its scheme is `{0}`, not http or https")]
    Scheme(String),
    /// The host, the port, or credentials in the URL.
    #[error(transparent)]
    Origin(#[from] OriginProblem),
    /// Not a URL at all.
    #[error("it is not a URL: {0}")]
    Url(url::ParseError),
}

impl ReferenceProblem {
    /// What is wrong, in words that repeat nothing of the reference: it may be a secret.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Scheme(_) => "its scheme is neither http nor https",
            Self::Origin(OriginProblem::UserInfo) => "it holds a user name or password",
            Self::Origin(OriginProblem::Port(_)) => "its port is not a number from 1 to 65535",
            Self::Origin(_) => "it names no host",
            Self::Url(_) => "it is not a URL",
        }
    }
}

/// Whether a string can be meant as a URL, absolute or relative: neither empty nor prose, JSON or markup.
pub(crate) fn may_be_url(text: &[u8]) -> bool {
    let Some(first) = text.first() else { return false };
    let is_control = |byte: &u8| *byte < b' ' || *byte == 0x7f;
    let is_marked = matches!(first, b'/' | b'?' | b'#' | b'.') || memchr::memmem::find(text, b"://").is_some();
    !text.iter().any(is_control) && !b" {[<\"'".contains(first) && (is_marked || !text.contains(&b' '))
}

/// Whether a reference names its scheme or host itself.
pub(crate) fn is_absolute(reference: &[u8]) -> bool {
    reference.starts_with(b"//") || std::str::from_utf8(reference).is_ok_and(|text| scheme_of(text).is_some())
}

/// The origin and target that a reference leads to, seen from `target` at `origin`. Characters not allowed in a URL,
/// such as spaces and letters beyond ASCII, is percent-encoded; a fragment is left out.
pub(crate) fn resolve(origin: &Origin, target: &str, reference: &[u8]) -> Result<(Origin, String), ReferenceProblem> {
    let text = text(reference);
    let scheme = if origin.tls { "https" } else { "http" };
    let absolute = if text.starts_with("//") { format!("{scheme}:{text}") } else { text };
    if let Some(scheme) = scheme_of(&absolute).filter(|scheme| !is_http(scheme)) {
        return Err(ReferenceProblem::Scheme(scheme.to_owned()));
    }
    if absolute.contains("://") && scheme_of(&absolute).is_some() {
        let (origin, target) = Origin::split(&absolute)?;
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        return Ok((origin, joined(scheme, "/", &target)?.1));
    }
    match joined(scheme, target, &absolute)? {
        (None, target) => Ok((origin.clone(), target)),
        (Some(url), target) => Ok((Origin::split(&url)?.0, target)),
    }
}

/// The target that a reference leads to from another; and the whole URL, if it leads to another host.
fn joined(scheme: &str, target: &str, reference: &str) -> Result<(Option<String>, String), ReferenceProblem> {
    let base = Url::parse(&format!("{scheme}://{BASE}{target}")).map_err(ReferenceProblem::Url)?;
    let url = base.join(reference).map_err(ReferenceProblem::Url)?;
    let mut encoded = Vec::new();
    append_url_text(url[url::Position::BeforePath..url::Position::AfterQuery].as_bytes(), &mut encoded);
    let is_away = url.host_str() != Some(BASE) || url.scheme() != scheme;
    Ok((is_away.then(|| url.to_string()), String::from_utf8(encoded).unwrap_or_default()))
}

/// The reference as text: bytes that are not UTF-8 are percent-encoded, line ends and what surrounds it left out.
fn text(reference: &[u8]) -> String {
    let mut text = String::with_capacity(reference.len());
    for chunk in reference.utf8_chunks() {
        text.extend(chunk.valid().chars().filter(|character| !matches!(character, '\t' | '\r' | '\n')));
        for byte in chunk.invalid() {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text.trim_matches(|character: char| character <= ' ').to_owned()
}

fn is_http(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// The scheme in front, if there is one (RFC 3986 section 3.1).
fn scheme_of(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    (scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(is_part)).then_some(scheme)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn from(base: &str, reference: &[u8]) -> Result<String, ReferenceProblem> {
        let (origin, target) = Origin::split(base).unwrap();
        resolve(&origin, target, reference).map(|(origin, target)| format!("{origin}{target}"))
    }

    /// All examples of RFC 3986 section 5.4, but for fragments, which are not sent, and for `http:g`, which leads where
    /// browsers go.
    #[test]
    fn examples_of_the_rfc() {
        let normal = [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("?y", "/b/c/d;p?y"),
            ("g?y", "/b/c/g?y"),
            ("#s", "/b/c/d;p?q"),
            ("g#s", "/b/c/g"),
            ("g?y#s", "/b/c/g?y"),
            (";x", "/b/c/;x"),
            ("g;x", "/b/c/g;x"),
            ("g;x?y#s", "/b/c/g;x?y"),
            ("", "/b/c/d;p?q"),
            (".", "/b/c/"),
            ("./", "/b/c/"),
            ("..", "/b/"),
            ("../", "/b/"),
            ("../g", "/b/g"),
            ("../..", "/"),
            ("../../", "/"),
            ("../../g", "/g"),
        ];
        let abnormal = [
            ("../../../g", "/g"),
            ("../../../../g", "/g"),
            ("/./g", "/g"),
            ("/../g", "/g"),
            ("g.", "/b/c/g."),
            (".g", "/b/c/.g"),
            ("g..", "/b/c/g.."),
            ("..g", "/b/c/..g"),
            ("./../g", "/b/g"),
            ("./g/.", "/b/c/g/"),
            ("g/./h", "/b/c/g/h"),
            ("g/../h", "/b/c/h"),
            ("g;x=1/./y", "/b/c/g;x=1/y"),
            ("g;x=1/../y", "/b/c/y"),
            ("g?y/./x", "/b/c/g?y/./x"),
            ("g?y/../x", "/b/c/g?y/../x"),
            ("g#s/./x", "/b/c/g"),
            ("g#s/../x", "/b/c/g"),
            ("http:g", "/b/c/g"),
        ];
        for (reference, expected) in normal.into_iter().chain(abnormal) {
            let found = from("http://a/b/c/d;p?q", reference.as_bytes());
            assert_eq!(Ok(format!("http://a{expected}")), found, "{reference}");
        }
        assert_eq!(Ok("http://g/".to_owned()), from("http://a/b/c/d;p?q", b"//g"));
        assert_eq!(Err(ReferenceProblem::Scheme("g".to_owned())), from("http://a/b/c/d;p?q", b"g:h"));
    }

    /// What servers send, and every browser follows.
    #[test]
    fn what_servers_send() {
        for (reference, expected) in [
            ("../up".as_bytes(), "https://a:8443/dir/up"),
            (b"/a b", "https://a:8443/a%20b"),
            (b"/x?q=hello world", "https://a:8443/x?q=hello%20world"),
            (b"/p#frag ment", "https://a:8443/p"),
            (b"/caf\xe9", "https://a:8443/caf%E9"),
            ("/café?ü=\"|^".as_bytes(), "https://a:8443/caf%C3%A9?%C3%BC=%22%7C%5E"),
            (b"/a%20b%2fc?d=%26", "https://a:8443/a%20b%2fc?d=%26"),
            (b"  /trimmed\t", "https://a:8443/trimmed"),
            (b"HTTP://B.Test:80/x", "http://b.test/x"),
            (b"http://b.test", "http://b.test/"),
            (b"http://b.test?x", "http://b.test/?x"),
            (b"http://b.test/x/../y/./z", "http://b.test/y/z"),
            (b"//b.test:81/x", "https://b.test:81/x"),
            (b"http:relative", "http://relative/"),
            ("http://münchen.invalid/ü".as_bytes(), "http://xn--mnchen-3ya.invalid/%C3%BC"),
            (b"http://[2001:DB8::1]:81/", "http://[2001:db8::1]:81/"),
            (b"/time/12:30", "https://a:8443/time/12:30"),
            (b"?next=http://b/", "https://a:8443/dir/sub/r?next=http://b/"),
            (b"x?next=http://b/", "https://a:8443/dir/sub/x?next=http://b/"),
        ] {
            let shown = String::from_utf8_lossy(reference);
            assert_eq!(Ok(expected.to_owned()), from("https://a:8443/dir/sub/r?old=1", reference), "{shown}");
        }
    }

    /// Unusable targets are reported with the reason.
    #[test]
    fn what_leads_nowhere() {
        for reference in [
            "ftp://x/",
            "javascript:alert(1)",
            "mailto:a@b",
            "http://",
            "//",
            "http://me:pw@a/",
            "http://a b/",
            "http://a:0/",
        ] {
            assert!(from("http://a/b", reference.as_bytes()).is_err(), "{reference}");
        }
    }

    proptest! {
        /// Whatever a server sends, what is asked for is one line of printable ASCII without dot segments, and never
        /// a host that the reference does not name.
        #[test]
        fn targets_are_clean(reference: Vec<u8>, base in "(/[a-z.]{0,4}){1,4}") {
            let (origin, _) = Origin::split("http://a").unwrap();
            if let Ok((to, target)) = resolve(&origin, &base, &reference) {
                prop_assert!(target.starts_with('/'), "{}", target);
                prop_assert!(target.bytes().all(|byte| byte.is_ascii_graphic()), "{}", target);
                let path = target.split('?').next().unwrap_or_default();
                prop_assert!(!path.split('/').any(|part| part == "." || part == ".."), "{}", target);
                prop_assert!(to == origin || reference.windows(2).any(|pair| pair == b"//") || reference.contains(&b':')
                    || reference.contains(&b'\\'));
            }
        }

        /// A path and query resolve to themselves, from wherever.
        #[test]
        fn absolute_paths_stay(target in "/[a-zA-Z0-9_~=&;,+$!*-]{1,20}(/[a-z0-9%]{1,3}x){0,3}(\\?[a-z0-9=&/.-]{0,12})?") {
            let found = from("http://a:1/some/where?else", target.as_bytes());
            prop_assert_eq!(found, Ok(format!("http://a:1{target}")));
        }
    }
}
