//! Cookies of one user, by the rules of RFC 6265 that matter to a client of APIs.
//!
//! Kept: domain and host-only, path, `Secure`, `Max-Age` before `Expires`, replacing and deleting. Not kept: `HttpOnly`
//! and `SameSite`, which are about scripts and pages. There is no list of public suffixes; a `Domain` without a dot in
//! it is refused unless it is the host itself. Limits: 50 cookies for each domain, 8 KiB each, 64 KiB sent; what is
//! over them is dropped and counted.

mod date;
mod set_cookie;

pub(crate) use date::parse as parse_date;

use std::cell::Cell;
use std::fmt;
use std::net::IpAddr;

use set_cookie::SetCookie;

const MOST_FOR_A_DOMAIN: usize = 50;
const MOST_BYTES: usize = 8 * 1024;
const MOST_SENT_BYTES: usize = 64 * 1024;

/// The cookies of one user. Values are not part of the `Debug` output.
#[derive(Default, Clone)]
pub(crate) struct Jar {
    /// Those with longer paths first; among equals, the older ones: the order they are sent in.
    cookies: Vec<Cookie>,
    dropped: Cell<u64>,
}

/// Where a request goes, which decides over cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Destination<'a> {
    /// The host, without its port.
    pub host: &'a str,
    /// The path; a query after it does no harm.
    pub target: &'a str,
    /// Whether the connection is TLS.
    pub is_secure: bool,
}

#[derive(Clone)]
struct Cookie {
    name: Box<[u8]>,
    value: Vec<u8>,
    /// In lower case.
    domain: Box<str>,
    /// Whether only the domain itself gets it, not the hosts below.
    host_only: bool,
    path: Box<str>,
    secure: bool,
    /// Since 1970; `u64::MAX` for one that lasts as long as its user.
    expires_unix_s: u64,
}

impl Jar {
    /// Keeps the cookie of a `Set-Cookie` header, or deletes one if that is what it says. A header that makes no sense,
    /// or is for another domain, is left out. `unix_ns` is the wall clock; one that is derived from the run's own clock
    /// keeps lifetimes right when the system's is set.
    pub(crate) fn store(&mut self, header: &[u8], from: Destination<'_>, unix_ns: u64) {
        let now_s = unix_ns / 1_000_000_000;
        let Some(set) = SetCookie::parse(header, now_s) else { return };
        let Some((domain, host_only)) = domain(&set, from.host) else { return };
        let path = set.path.unwrap_or_else(|| default_path(from.target));
        if set.name.len() + set.value.len() + path.len() > MOST_BYTES {
            self.dropped.set(self.dropped.get() + 1);
            return;
        }
        let same = |cookie: &Cookie| *cookie.name == *set.name && *cookie.domain == *domain && *cookie.path == *path;
        let known = self.cookies.iter().position(same);
        if set.expires_unix_s <= now_s {
            if let Some(known) = known {
                self.cookies.remove(known);
            }
            return;
        }
        if let Some(known) = known {
            let cookie = &mut self.cookies[known];
            cookie.value.clear();
            cookie.value.extend_from_slice(set.value);
            (cookie.host_only, cookie.secure, cookie.expires_unix_s) = (host_only, set.secure, set.expires_unix_s);
            return;
        }
        self.cookies.retain(|cookie| cookie.expires_unix_s > now_s);
        if self.cookies.iter().filter(|cookie| *cookie.domain == *domain).count() >= MOST_FOR_A_DOMAIN {
            self.dropped.set(self.dropped.get() + 1);
            return;
        }
        let place = self.cookies.partition_point(|cookie| cookie.path.len() >= path.len());
        let cookie = Cookie {
            name: set.name.into(),
            value: set.value.to_vec(),
            domain: domain.into(),
            host_only,
            path: path.into(),
            secure: set.secure,
            expires_unix_s: set.expires_unix_s,
        };
        self.cookies.insert(place, cookie);
    }

    /// Adds the cookies for a request to the value of its `Cookie` header, which holds the request's own cookies, or
    /// nothing. Those come first, and win over those of the same name in the jar: there is one header (RFC 6265 section
    /// 5.4).
    pub(crate) fn add_to(&self, value: &mut Vec<u8>, to: Destination<'_>, unix_ns: u64) {
        let now_s = unix_ns / 1_000_000_000;
        let own = value.len();
        for cookie in self.cookies.iter().filter(|cookie| cookie.is_for(to, now_s)) {
            if names(&value[..own], &cookie.name) {
                continue;
            }
            if value.len() + cookie.name.len() + cookie.value.len() > MOST_SENT_BYTES {
                self.dropped.set(self.dropped.get() + 1);
                continue;
            }
            if !value.is_empty() {
                value.extend_from_slice(b"; ");
            }
            value.extend_from_slice(&cookie.name);
            value.push(b'=');
            value.extend_from_slice(&cookie.value);
        }
    }

    /// How many cookies were dropped for being over a limit, when they came or when they should have been sent.
    #[cfg(test)]
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.get()
    }

    /// Whether there are none: no request needs a line.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.cookies.is_empty()
    }

    /// Forgets all cookies.
    pub(crate) fn clear(&mut self) {
        self.cookies.clear();
    }
}

impl Cookie {
    fn is_for(&self, to: Destination<'_>, now_s: u64) -> bool {
        let for_host = if self.host_only {
            to.host.eq_ignore_ascii_case(&self.domain)
        } else {
            domain_matches(to.host, &self.domain)
        };
        for_host && self.expires_unix_s > now_s && (to.is_secure || !self.secure) && path_matches(to.target, &self.path)
    }
}

impl fmt::Debug for Jar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Jar({} cookies, {} dropped)", self.cookies.len(), self.dropped.get())
    }
}

/// Whether the value of a `Cookie` header has a cookie of this name.
fn names(value: &[u8], name: &[u8]) -> bool {
    value.split(|byte| *byte == b';').any(|pair| {
        let pair = pair.trim_ascii();
        pair.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"="))
    })
}

/// The cookie's domain and whether it is for that host only; `None` if the host may not set cookies for the domain.
fn domain(set: &SetCookie<'_>, host: &str) -> Option<(String, bool)> {
    let host = host.to_ascii_lowercase();
    match &set.domain {
        None => Some((host, true)),
        Some(domain) if *domain == host => Some((host.clone(), is_address(&host))),
        Some(domain) if domain.contains('.') && domain_matches(&host, domain) => Some((domain.clone(), false)),
        Some(_) => None,
    }
}

/// RFC 6265 section 5.1.3.
fn domain_matches(host: &str, domain: &str) -> bool {
    let Some(before) = host.len().checked_sub(domain.len()) else { return false };
    let (head, tail) = host.as_bytes().split_at(before);
    tail.eq_ignore_ascii_case(domain.as_bytes()) && (head.is_empty() || head.ends_with(b".") && !is_address(host))
}

fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<IpAddr>().is_ok()
}

/// RFC 6265 section 5.1.4.
fn path_matches(target: &str, path: &str) -> bool {
    match path_of(target).strip_prefix(path) {
        Some(rest) => rest.is_empty() || path.ends_with('/') || rest.starts_with('/'),
        None => false,
    }
}

/// The directory of the request's path.
fn default_path(target: &str) -> &str {
    let path = path_of(target);
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(last) => &path[..last],
    }
}

fn path_of(target: &str) -> &str {
    let path = target.split('?').next().unwrap_or("");
    if path.starts_with('/') { path } else { "/" }
}

#[cfg(test)]
mod tests;
