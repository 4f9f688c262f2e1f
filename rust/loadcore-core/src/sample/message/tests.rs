use super::*;
use crate::exchange::{Exchange as _, h1};

fn read(bytes: &[u8]) -> ResponseSample {
    let came = h1::Exchange::excerpt(bytes, false, LOOKED_AT);
    let raw = Raw { came: Some(&came), status: Some(200), ..Raw::default() };
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

/// A body that came compressed is shown as it was before, without its secrets, and its length on the wire is given.
#[test]
fn compressed() {
    let text = r#"{"password": "canary-1", "id": 7}"#;
    let coded = gzip(text.as_bytes());
    for (head, kept) in [
        ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n", None),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\ncontent-encoding: X-Gzip\r\n", None),
        ("HTTP/1.1 200 OK\r\n", Some((&*coded, &b"gzip,"[..]))),
    ] {
        let bytes = [format!("{head}Content-Length: {}\r\n\r\n", coded.len()).as_bytes(), &*coded].concat();
        // Of the body that was kept, the head need not be here.
        let bytes = if kept.is_some() { Vec::new() } else { bytes };
        let body_bytes = coded.len() as u64;
        let came = (!bytes.is_empty()).then(|| h1::Exchange::excerpt(&bytes, false, LOOKED_AT));
        let raw = Raw { came: came.as_ref(), status: Some(200), body: kept, body_bytes };
        let sample = response(&raw, &mut Secrets::default()).unwrap();
        assert_eq!((r#"{"password": "***", "id": 7}"#, body_bytes), (&*sample.body, sample.body_bytes));
        assert_eq!((None, false), (sample.unreadable, sample.cut));
    }
}

/// Of a long one its beginning is shown; the reason is given if one cannot be read, but not where only its end is not
/// here.
#[test]
fn unreadable() {
    let of = |encoding: &'static [u8], body: &[u8], body_bytes: usize| {
        let raw =
            Raw { status: Some(200), body: Some((body, encoding)), body_bytes: body_bytes as u64, ..Raw::default() };
        let sample = response(&raw, &mut Secrets::default()).unwrap();
        (sample.body.len(), sample.unreadable, sample.cut)
    };
    let long = gzip(&b"0123456789".repeat(10_000));
    assert_eq!((SHOWN, None, true), of(b"gzip", &long, long.len()));
    assert_eq!((SHOWN, None, true), of(b"gzip", &long[..long.len() - 4], long.len()));
    let short = gzip(b"abc");
    let cut = &short[..short.len() - 4];
    assert_eq!((3, None, true), of(b"gzip", cut, short.len()));
    assert_eq!(
        (3, Some("the body is compressed with gzip and ends too early".to_owned()), true),
        of(b"gzip", cut, cut.len())
    );
    let unknown = Some("the body is compressed with 'foo', which loadcore cannot read".to_owned());
    assert_eq!((0, unknown, true), of(b"foo", &short, short.len()));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
