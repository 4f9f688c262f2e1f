use super::*;

fn read(bytes: &[u8]) -> ResponseSample {
    let raw = Raw { bytes, status: Some(200), ..Raw::default() };
    response(&raw, &mut Secrets::default()).unwrap()
}

/// A body is shown without its framing, an interim head not at all.
#[test]
fn framing() {
    let sample = read(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_eq!(("HTTP/1.1 200 OK", "abcde"), (&*sample.line, &*sample.body));
    assert_eq!(vec![("Transfer-Encoding".to_owned(), "chunked".to_owned())], sample.headers);
}

/// A long body is cut between two characters, and said to be cut; its size is the whole's.
#[test]
fn long_bodies() {
    let body = "ü".repeat(3000);
    let bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let sample = read(bytes.as_bytes());
    assert_eq!((2048, true), (sample.body.len(), sample.cut));
}

/// A secret that is cut off at the end of what is shown is hidden all the same.
#[test]
fn a_secret_at_the_end() {
    let mut secrets = Secrets::default();
    secrets.add(b"canary-canary-canary");
    let body = format!("{}canary-canary-canary", "x".repeat(SHOWN - 8));
    let shown = excerpt(body.as_bytes(), &secrets);
    assert!(!shown.contains("can"), "{}", &shown[SHOWN - 20..]);
}

/// Bytes that are not text are escaped.
#[test]
fn binary() {
    assert_eq!("a\\xff\\x80b", printable(b"a\xff\x80b"));
    assert_eq!("a", printable("aü".as_bytes().split_last().unwrap().1));
}

/// Of a response of which nothing is left but its status, the status is shown; of none, nothing.
#[test]
fn the_status_alone() {
    let none = response(&Raw::default(), &mut Secrets::default());
    let alone = response(&Raw { status: Some(503), ..Raw::default() }, &mut Secrets::default()).unwrap();
    assert_eq!((None, Some(503)), (none, alone.status));
}

/// What a response gives away in its head is hidden in its body, too.
#[test]
fn secrets_of_the_response() {
    let body = r#"{"id": "canary1", "x": "canary2", "plain": "text/html"}"#;
    let head =
        "HTTP/1.1 200 OK\r\nSet-Cookie: sid=canary1; Path=/\r\nX-CSRF-Token: canary2\r\nContent-Type: text/html\r\n";
    let sample = read(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    assert_eq!(r#"{"id": "***", "x": "***", "plain": "text/html"}"#, sample.body);
    assert!(!format!("{sample:?}").contains("canary"), "{sample:?}");
}
