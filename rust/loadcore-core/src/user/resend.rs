//! A request that has been sent, changed as far as sending it again demands it. Everything else stays as it was.

use crate::exchange::{Field, Request};

/// What is different.
pub(super) struct Change<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    /// In place of its host, if it is another.
    pub(super) host: Option<&'a str>,
    /// What its `Cookie` header holds instead, which may be nothing; `None` where users keep no cookies.
    pub(super) cookies: Option<&'a [u8]>,
    /// Whether it keeps its body, and the fields that describe one.
    pub(super) keeps_body: bool,
}

/// Appends a request as it is sent again, with those of its fields that `keeps` says.
pub(super) fn append_changed(sent: Request<'_>, change: &Change<'_>, keeps: impl Fn(&[u8]) -> bool, out: &mut Vec<u8>) {
    let mut fields: Vec<_> = sent.fields().collect();
    // Those of other places are requested again.
    let is_kept = |name: &[u8]| (change.cookies.is_some() && is_cookie(name)) || keeps(name);
    fields.retain(|(name, _)| is_kept(name) && (change.keeps_body || !describes_body(name)));
    if let Some(cookies) = change.cookies {
        replace(&mut fields, (b"Cookie", cookies));
    }
    let body = if change.keeps_body { sent.body() } else { b"" };
    Request::write(out, change.method, change.target, change.host.unwrap_or(sent.host()), &fields, body);
}

/// The request with this field, which authenticates it, in place of the one of the same name.
pub(super) fn with_credential(sent: Request<'_>, credential: Field<'_>) -> Vec<u8> {
    let mut fields = sent.fields().collect();
    replace(&mut fields, credential);
    let mut out = Vec::new();
    Request::write(&mut out, sent.method(), sent.target(), sent.host(), &fields, sent.body());
    out
}

/// The value of the request's `Cookie` header.
pub(super) fn cookie_of(sent: Request<'_>) -> &[u8] {
    sent.fields().find(|(name, _)| is_cookie(name)).map_or(b"", |(_, value)| value)
}

/// Puts a field in place of those of its name, or at the end. One that holds nothing takes them away.
fn replace<'a>(fields: &mut Vec<Field<'a>>, field: Field<'a>) {
    let is_of_its_name = |other: &Field<'_>| other.0.eq_ignore_ascii_case(field.0);
    let at = fields.iter().position(is_of_its_name).unwrap_or(fields.len());
    fields.retain(|other| !is_of_its_name(other));
    if !field.1.is_empty() {
        fields.insert(at, field);
    }
}

fn is_cookie(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"cookie")
}

/// Headers of a body, which go with it (RFC 9110 section 15.4).
fn describes_body(name: &[u8]) -> bool {
    const PREFIX: &[u8] = b"content-";
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
        || name.eq_ignore_ascii_case(b"digest")
        || name.eq_ignore_ascii_case(b"last-modified")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &[u8] = b"POST /a?b HTTP/1.1\r\nHost: h\r\nX: 1\r\nAuthorization: Bearer 1\r\nCookie: c=1\r\n\
                          Content-Type: text/plain\r\nContent-Length: 4\r\n\r\n\r\n\r\n";

    fn changed(change: &Change<'_>, keeps: impl Fn(&[u8]) -> bool) -> String {
        let mut out = Vec::new();
        append_changed(Request::written(SENT), change, keeps, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// Without a change the bytes are the same, whatever the body holds.
    #[test]
    fn nothing_changes_by_itself() {
        for cookies in [None, Some(&b"c=1"[..])] {
            let same = Change { method: "POST", target: "/a?b", host: None, cookies, keeps_body: true };
            assert_eq!(SENT, changed(&same, |_| true).as_bytes());
        }
        assert_eq!(SENT, with_credential(Request::written(SENT), (b"Authorization", b"Bearer 1")));
    }

    /// Method, target, host and cookies are replaced; a body that is left behind takes its headers with it.
    #[test]
    fn what_changes() {
        let change = Change { method: "GET", target: "/", host: Some("o:1"), cookies: Some(b""), keeps_body: false };
        assert_eq!(
            "GET / HTTP/1.1\r\nHost: o:1\r\nX: 1\r\n\r\n",
            changed(&change, |name| !name.eq_ignore_ascii_case(b"authorization"))
        );
    }

    /// A request that never had cookies or credentials gets them; one without any header stays whole.
    #[test]
    fn fields_are_added() {
        let bare = Request::written(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        let authorized = with_credential(bare, (b"Authorization", b"x"));
        assert_eq!(b"GET / HTTP/1.1\r\nHost: h\r\nAuthorization: x\r\n\r\n".to_vec(), authorized);

        let mut out = Vec::new();
        let change = Change { method: "GET", target: "/", host: None, cookies: Some(b"c=1; d=2"), keeps_body: true };
        append_changed(bare, &change, |_| true, &mut out);
        assert_eq!(b"GET / HTTP/1.1\r\nHost: h\r\nCookie: c=1; d=2\r\n\r\n".to_vec(), out);
        assert_eq!((&b"c=1; d=2"[..], &b""[..]), (cookie_of(Request::written(&out)), cookie_of(bare)));
    }
}
