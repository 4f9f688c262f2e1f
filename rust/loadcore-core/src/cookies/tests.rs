//! Which cookies are kept, and which are sent where.

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;
const NOW: u64 = 1_700_000_000 * SECOND;

fn at(url: &str) -> Destination<'_> {
    let (scheme, rest) = url.split_once("://").unwrap();
    let slash = rest.find('/').unwrap();
    Destination { host: &rest[..slash], target: &rest[slash..], is_secure: scheme == "https" }
}

fn jar(headers: &[(&str, &str)]) -> Jar {
    let mut jar = Jar::default();
    for (url, header) in headers {
        jar.store(header.as_bytes(), at(url), NOW);
    }
    jar
}

fn sent_at(jar: &Jar, url: &str, unix_ns: u64) -> String {
    let mut value = Vec::new();
    jar.add_to(&mut value, at(url), unix_ns);
    String::from_utf8(value).unwrap()
}

fn sent(jar: &Jar, url: &str) -> String {
    sent_at(jar, url, NOW)
}

/// What a host sets comes back to it, as one value, and to no other host.
#[test]
fn host_only() {
    let jar = jar(&[("http://a.test/", "id = 1 ; HttpOnly"), ("http://a.test/", "x=\"2=3\"")]);
    assert_eq!(sent(&jar, "http://a.test/any"), "id=1; x=\"2=3\"");
    assert_eq!(sent(&jar, "http://A.TEST/"), "id=1; x=\"2=3\"");
    assert_eq!(sent(&jar, "http://b.a.test/"), "");
    assert_eq!(sent(&jar, "http://aa.test/"), "");
}

/// A domain is for the hosts below it, and only hosts of it may set it.
#[test]
fn domains() {
    let jar = jar(&[
        ("http://www.a.test/", "d=1; Domain=.A.test"),
        ("http://www.a.test/", "other=1; Domain=b.test"),
        ("http://www.a.test/", "below=1; Domain=x.www.a.test"),
        ("http://www.a.test/", "top=1; Domain=test"),
        ("http://10.0.0.1/", "ip=1; Domain=0.0.1"),
        ("http://localhost/", "local=1; Domain=localhost"),
    ]);
    assert_eq!(sent(&jar, "http://a.test/"), "d=1");
    assert_eq!(sent(&jar, "http://x.y.a.test/"), "d=1");
    assert_eq!(sent(&jar, "http://xa.test/"), "");
    assert_eq!(sent(&jar, "http://10.0.0.1/") + &sent(&jar, "http://9.0.0.1/"), "");
    assert_eq!(sent(&jar, "http://localhost/"), "local=1");
}

/// A path is for what lies below it; without one, the directory of the request's path is.
#[test]
fn paths() {
    let jar = jar(&[
        ("http://a.test/x/y?q=/z", "default=1"),
        ("http://a.test/", "path=1; Path=/api"),
        ("http://a.test/", "bad=1; Path=api"),
    ]);
    assert_eq!(sent(&jar, "http://a.test/x"), "default=1; bad=1");
    assert_eq!(sent(&jar, "http://a.test/x/z?a"), "default=1; bad=1");
    assert_eq!(sent(&jar, "http://a.test/xy"), "bad=1");
    assert_eq!(sent(&jar, "http://a.test/api?x"), "path=1; bad=1");
    assert_eq!(sent(&jar, "http://a.test/apis"), "bad=1");
}

/// Longer paths are sent first, then older cookies.
#[test]
fn order() {
    let jar = jar(&[
        ("http://a.test/", "a=1; Path=/"),
        ("http://a.test/", "b=1; Path=/x/y"),
        ("http://a.test/", "c=1; Path=/"),
        ("http://a.test/", "d=1; Path=/x"),
        ("http://a.test/", "a=2; Path=/"),
    ]);
    assert_eq!(sent(&jar, "http://a.test/x/y"), "b=1; d=1; a=2; c=1");
}

/// A secure cookie goes over TLS only.
#[test]
fn secure() {
    let jar = jar(&[("https://a.test/", "s=1; secure")]);
    assert_eq!(sent(&jar, "http://a.test/"), "");
    assert_eq!(sent(&jar, "https://a.test/"), "s=1");
}

/// Lifetimes end; `Max-Age` goes before `Expires`, whichever comes first.
#[test]
fn lifetimes() {
    let jar = jar(&[
        ("http://a.test/", "age=1; Max-Age=10"),
        ("http://a.test/", "both=1; Max-Age=20; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
        ("http://a.test/", "date=1; Expires=Tue, 14 Nov 2023 22:13:50 GMT"),
        ("http://a.test/", "odd=1; Max-Age=soon; Expires=never"),
    ]);
    assert_eq!(sent_at(&jar, "http://a.test/", NOW + 9 * SECOND), "age=1; both=1; date=1; odd=1");
    assert_eq!(sent_at(&jar, "http://a.test/", NOW + 10 * SECOND), "both=1; date=1; odd=1");
    assert_eq!(sent_at(&jar, "http://a.test/", NOW + 31 * SECOND), "odd=1");
}

/// A new value takes the place of the old one; an ended lifetime deletes, for the same domain and path only.
#[test]
fn replace_and_delete() {
    let mut jar = jar(&[("http://a.test/", "id=1"), ("http://a.test/", "id=2"), ("http://a.test/", "id=3; Path=/x")]);
    assert_eq!(sent(&jar, "http://a.test/x"), "id=3; id=2");
    jar.store(b"id=; Max-Age=0", at("http://a.test/"), NOW);
    assert_eq!(sent(&jar, "http://a.test/x"), "id=3");
    jar.store(b"id=; Path=/x; Expires=Thu, 01 Jan 1970 00:00:00 GMT", at("http://a.test/"), NOW);
    assert!(jar.is_empty());
    assert_eq!(jar.dropped(), 0);
}

/// Headers without a name or with control characters are left out.
#[test]
fn nonsense() {
    let jar = jar(&[
        ("http://a.test/", "=1"),
        ("http://a.test/", "flag"),
        ("http://a.test/", ""),
        ("http://a.test/", "a=1\rX: y"),
    ]);
    assert!(jar.is_empty());
}

/// A server cannot fill memory or requests with cookies: what is over the limits is dropped and counted.
#[test]
fn limits() {
    let mut jar = Jar::default();
    jar.store(format!("big={}", "x".repeat(9000)).as_bytes(), at("http://a.test/"), NOW);
    assert_eq!((jar.is_empty(), jar.dropped()), (true, 1));
    for number in 0..60 {
        jar.store(format!("c{number}={}", "x".repeat(2000)).as_bytes(), at("http://a.test/"), NOW);
    }
    assert_eq!(jar.dropped(), 11);
    let value = sent(&jar, "http://a.test/");
    assert!(value.len() <= MOST_SENT_BYTES + 2, "{}", value.len());
    assert_eq!(jar.dropped(), 11 + 50 - value.matches('=').count() as u64);
}

/// Cookies that have ended make room for new ones.
#[test]
fn ended_cookies_make_room() {
    let mut jar = Jar::default();
    for number in 0..50 {
        jar.store(format!("c{number}=1; Max-Age=1").as_bytes(), at("http://a.test/"), NOW);
    }
    jar.store(b"new=1", at("http://a.test/"), NOW + SECOND);
    assert_eq!(jar.dropped(), 0);
    assert_eq!(sent_at(&jar, "http://a.test/", NOW + SECOND), "new=1");
}

/// Values are not shown.
#[test]
fn debug_shows_no_values() {
    assert_eq!(format!("{:?}", jar(&[("http://a.test/", "session=hunter2")])), "Jar(1 cookies, 0 dropped)");
}

proptest! {
    /// No header makes the jar panic or write something that could end a header line.
    #[test]
    fn any_header(header in "[a-c=; ./\\r\\n\\x00é]{0,30}(; (domain|path|max-age|expires)=[a-z0-9 :./-]{0,12}){0,3}") {
        let jar = jar(&[("http://a.test/x/", &header)]);
        prop_assert!(!sent(&jar, "http://a.test/x/").contains(['\r', '\n', '\0']));
    }

    /// Any text is a date or none, without a panic.
    #[test]
    fn any_date(text in "([0-9]{1,6}|[a-zA-Zé]{1,4}|[0-9]{1,3}:[0-9]{1,3}:[0-9]{1,3}|[ ,-]){0,8}") {
        let _ = date::parse(&text);
    }
}

/// The request's own cookies come first in the one header, and win by name over those of the jar.
#[test]
fn own_cookies_win() {
    let mut jar = Jar::default();
    for cookie in ["sid=2", "b=x", "m=3"] {
        jar.store(cookie.as_bytes(), at("http://h/"), 0);
    }
    let value = |own: &str| {
        let mut value = own.as_bytes().to_vec();
        jar.add_to(&mut value, at("http://h/"), 0);
        String::from_utf8(value).unwrap()
    };
    assert_eq!("mine=1; sid=9; b=x; m=3", value("mine=1; sid=9"));
    assert_eq!("b; sid=2; m=3", value("b"));
    assert_eq!("sid=2; b=x; m=3", value(""));
}
