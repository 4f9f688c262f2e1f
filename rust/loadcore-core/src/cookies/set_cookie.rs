//! The `Set-Cookie` header (RFC 6265 section 5.2).

use super::date;

/// What a `Set-Cookie` header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SetCookie<'a> {
    /// Not empty.
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    /// In lower case, without a dot at its front.
    pub(super) domain: Option<String>,
    /// Begins with `/`.
    pub(super) path: Option<&'a str>,
    pub(super) secure: bool,
    /// `u64::MAX` if it lasts as long as its user, 0 if it must be deleted.
    pub(super) expires_unix_s: u64,
}

impl<'a> SetCookie<'a> {
    /// `None` if there is no name, or bytes that no header may hold.
    pub(super) fn parse(header: &'a [u8], now_s: u64) -> Option<Self> {
        if header.iter().any(|byte| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f) {
            return None;
        }
        let mut parts = header.split(|byte| *byte == b';');
        let (name, value) = pair(parts.next()?)?;
        if name.is_empty() {
            return None;
        }
        let mut cookie = Self { name, value, domain: None, path: None, secure: false, expires_unix_s: u64::MAX };
        let mut has_max_age = false;
        for part in parts {
            let (name, value) = pair(part).unwrap_or((part.trim_ascii(), b""));
            let text = std::str::from_utf8(value).unwrap_or("");
            match name.to_ascii_lowercase().as_slice() {
                b"domain" => {
                    let domain = text.strip_prefix('.').unwrap_or(text);
                    cookie.domain = (!domain.is_empty()).then(|| domain.to_ascii_lowercase());
                }
                b"path" => cookie.path = text.starts_with('/').then_some(text),
                b"secure" => cookie.secure = true,
                b"max-age" => {
                    if let Some(expires) = max_age(text, now_s) {
                        cookie.expires_unix_s = expires;
                        has_max_age = true;
                    }
                }
                b"expires" if !has_max_age => {
                    if let Some(expires) = date::parse(text) {
                        cookie.expires_unix_s = expires;
                    }
                }
                _ => {}
            }
        }
        Some(cookie)
    }
}

/// Name and value on both sides of the first `=`, without the space around them.
fn pair(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = memchr::memchr(b'=', part)?;
    Some((part[..equals].trim_ascii(), part[equals + 1..].trim_ascii()))
}

/// When a lifetime in seconds ends; 0 if it has none.
fn max_age(text: &str, now_s: u64) -> Option<u64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if text.starts_with('-') {
        return Some(0);
    }
    match text.parse() {
        Ok(0) => Some(0),
        Ok(seconds) => Some(now_s.saturating_add(seconds)),
        Err(_) => Some(u64::MAX),
    }
}
