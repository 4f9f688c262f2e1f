//! A request's bytes, changed as far as sending them again demands it. Everything else is sent as it was.

use super::rendered::split_at;

/// What is different.
pub(super) struct Change<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    /// In place of its `Host`, if it is another.
    pub(super) host: Option<&'a str>,
    /// The line in place of its cookies, which may be empty; `None` where users keep none.
    pub(super) cookies: Option<&'a [u8]>,
    /// Whether it keeps its body, and the headers that describe one.
    pub(super) keeps_body: bool,
}

/// Appends a request as it is sent again, with those of its headers that `keeps` says.
pub(super) fn append_changed(sent: &[u8], change: &Change<'_>, keeps: impl Fn(&[u8]) -> bool, out: &mut Vec<u8>) {
    let Parts { host, lines, body } = parts(sent);
    let host = change.host.map_or(host, str::as_bytes);
    for part in [change.method.as_bytes(), b" ", change.target.as_bytes(), b" HTTP/1.1\r\nHost: ", host, b"\r\n"] {
        out.extend_from_slice(part);
    }
    let mut cookies = change.cookies;
    for line in lines_of(lines) {
        let name = name_of(line);
        if let Some(cookies) = &mut cookies
            && name.eq_ignore_ascii_case(b"cookie")
        {
            out.extend_from_slice(std::mem::take(cookies));
        } else if keeps(name) && (change.keeps_body || !describes_body(name)) {
            out.extend_from_slice(line);
        }
    }
    out.extend_from_slice(cookies.unwrap_or_default());
    out.extend_from_slice(b"\r\n");
    if change.keeps_body {
        out.extend_from_slice(body);
    }
}

/// The request with this header line in place of the one of the same name, which authenticates it.
pub(super) fn with_credential(sent: &[u8], credential: &[u8]) -> Vec<u8> {
    let Parts { lines, body, .. } = parts(sent);
    let before = sent.len() - body.len() - b"\r\n".len() - lines.len();
    let mut out = sent[..before].to_vec();
    let mut rest = credential;
    for line in lines_of(lines) {
        if name_of(line).eq_ignore_ascii_case(name_of(credential)) {
            out.extend_from_slice(std::mem::take(&mut rest));
        } else {
            out.extend_from_slice(line);
        }
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}

/// The value of the request's `Cookie` header.
pub(super) fn cookie_of(sent: &[u8]) -> &[u8] {
    let of_cookies = |line: &&[u8]| name_of(line).eq_ignore_ascii_case(b"cookie");
    let line = lines_of(parts(sent).lines).find(of_cookies).unwrap_or(b"");
    split_at(line, b": ").1.trim_ascii_end()
}

/// A request of ours in parts.
struct Parts<'a> {
    host: &'a [u8],
    /// Header lines after `Host`, line ends included.
    lines: &'a [u8],
    body: &'a [u8],
}

fn parts(sent: &[u8]) -> Parts<'_> {
    let (_, rest) = split_at(sent, b"\r\n");
    let end = memchr::memmem::find(rest, b"\r\n\r\n").map_or(rest.len(), |end| end + b"\r\n".len());
    let (head, body) = rest.split_at(end);
    let (host, lines) = split_at(head, b"\r\n");
    Parts { host: host.strip_prefix(b"Host: ").unwrap_or(host), lines, body: body.get(b"\r\n".len()..).unwrap_or(&[]) }
}

fn lines_of(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines.split_inclusive(|byte| *byte == b'\n')
}

fn name_of(line: &[u8]) -> &[u8] {
    split_at(line, b":").0
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
        append_changed(SENT, change, keeps, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// Without a change the bytes are the same, whatever the body holds.
    #[test]
    fn nothing_changes_by_itself() {
        for cookies in [None, Some(&b"Cookie: c=1\r\n"[..])] {
            let same = Change { method: "POST", target: "/a?b", host: None, cookies, keeps_body: true };
            assert_eq!(SENT, changed(&same, |_| true).as_bytes());
        }
        assert_eq!(SENT, with_credential(SENT, b"Authorization: Bearer 1\r\n"));
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
    fn lines_are_added() {
        let bare = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        let authorized = with_credential(bare, b"Authorization: x\r\n");
        assert_eq!(b"GET / HTTP/1.1\r\nHost: h\r\nAuthorization: x\r\n\r\n".to_vec(), authorized);

        let mut out = Vec::new();
        let cookies = Some(&b"Cookie: c=1; d=2\r\n"[..]);
        let change = Change { method: "GET", target: "/", host: None, cookies, keeps_body: true };
        append_changed(bare, &change, |_| true, &mut out);
        assert_eq!(b"GET / HTTP/1.1\r\nHost: h\r\nCookie: c=1; d=2\r\n\r\n".to_vec(), out);
        assert_eq!((&b"c=1; d=2"[..], &b""[..]), (cookie_of(&out), cookie_of(bare)));
    }
}
