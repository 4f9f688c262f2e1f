//! Answers of token endpoints as they come.

use super::*;
use crate::auth::reason::MOST_WORDS;

const NOW_NS: u64 = 1_764_288_000 * SECOND_NS;

fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Result<Granted, Refusal> {
    let is_expected = (200..300).contains(&status);
    let (headers, body_bytes) = (&headers.to_vec(), body.len() as u64);
    TokenAnswer { status, is_expected, headers, body, unreadable: None, body_bytes, unix_ns: NOW_NS }.read()
}

fn granted(body: &str) -> Granted {
    answer(200, &[], body.as_bytes()).unwrap_or_else(|refusal| panic!("{body}: {refusal:?}"))
}

fn refused(status: u16, body: &str) -> (String, bool) {
    let refusal = answer(status, &[], body.as_bytes()).unwrap_err();
    (refusal.reason, refusal.by_server)
}

/// Lifetimes come as numbers, as strings, or not at all.
#[test]
fn lifetimes() {
    let lifetime = |text: &str| granted(&format!(r#"{{"access_token":"a","expires_in":{text}}}"#)).expires_in_ns;
    assert_eq!(lifetime("3600"), Some(3_600_000_000_000));
    assert_eq!(lifetime("\"60\""), Some(60_000_000_000));
    assert_eq!(lifetime("0.5"), Some(500_000_000));
    assert_eq!(lifetime("-5"), Some(0));
    assert_eq!(lifetime("1e300"), Some(u64::MAX));
    assert_eq!(lifetime("null"), None);
    assert_eq!(lifetime("\"soon\""), None);
    assert_eq!(granted(r#"{"access_token":"a"}"#).expires_in_ns, None);
}

/// A token that says itself when it ends needs no `expires_in`, by a clock that differs from ours as well.
#[test]
fn lifetimes_of_jwts() {
    let lifetime = |claims: &str| {
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        granted(&format!(r#"{{"access_token":"{token}"}}"#)).expires_in_ns
    };
    assert_eq!(lifetime(r#"{"exp": 1764288060}"#), Some(60 * SECOND_NS));
    assert_eq!(lifetime(r#"{"exp": 1764287940, "iat": 1764287640}"#), Some(300 * SECOND_NS));
    assert_eq!(lifetime(r#"{"exp": 1764287940}"#), None);
    assert_eq!(lifetime(r#"{"iat": 1764287940}"#), None);
    assert_eq!(lifetime("no JSON"), None);
}

/// All parts of an answer are taken; an empty refresh token is none.
#[test]
fn parts() {
    let answer =
        granted(r#"{"access_token":"abc","token_type":"bearer","refresh_token":"r1","scope":"x","extra":[1]}"#);
    assert_eq!((answer.access_token.as_str(), answer.refresh_token.as_deref()), ("abc", Some("r1")));
    assert_eq!(granted(r#"{"access_token":"abc","refresh_token":""}"#).refresh_token, None);
}

/// Good tokens in odd dress.
#[test]
fn odd_answers() {
    for body in [
        r#"{"access_token":"abc","token_type":"BearerToken"}"#,
        r#"{"access_token":"abc","token_type":"JWT"}"#,
        r#"{"access_token":"abc","token_type":"N_A"}"#,
        r#"{"access_token":"abc","token_type":null}"#,
        r#"{"access_token":"abc","token_type":7}"#,
        "\u{feff}{\"access_token\":\"abc\"}",
        r#"{"error":"","access_token":"abc"}"#,
        r#"{"error":null,"error_description":"","access_token":"abc"}"#,
        r#"{"access_token":"old","access_token":"abc"}"#,
        r#"{"access_token":"Bearer abc"}"#,
        r#"{"access_token":" abc\n"}"#,
    ] {
        assert_eq!(granted(body).access_token, "abc", "{body}");
    }
}

/// Errors are reported in the server's words, without what could harm a terminal.
#[test]
fn errors() {
    let body = "{\"error\":\"invalid_grant\",\"error_description\":\"locked\\u001b[31m\\u202e\"}";
    assert_eq!(refused(400, body), ("status 400: invalid_grant: locked[31m".to_owned(), true));
    assert_eq!(refused(401, r#"{"error":"invalid_client"}"#), ("status 401: invalid_client".to_owned(), true));
    assert_eq!(refused(422, r#"{"detail":"no such realm"}"#), ("status 422: no such realm".to_owned(), true));
    assert_eq!(refused(503, "<html>"), ("status 503".to_owned(), false));
    assert_eq!(refused(429, "{}"), ("status 429".to_owned(), false));
    assert_eq!(refused(200, r#"{"error":"slow_down"}"#), ("slow_down".to_owned(), false));
    assert_eq!(refused(200, r#"{"error":"slow_down","access_token":"abc"}"#), ("slow_down".to_owned(), false));
    let long = format!(r#"{{"error":"{}"}}"#, "x".repeat(1000));
    assert_eq!(refused(400, &long).0.len(), "status 400: ".len() + MOST_WORDS);
}

/// An answer without a usable token is a refusal that says what there was, whatever its status says.
#[test]
fn unusable_answers() {
    for (body, reason) in [
        ("", "the answer (status 200) has no body"),
        ("[1]", "the answer is not a JSON object"),
        ("<!DOCTYPE html>", "the answer is HTML or XML, not JSON"),
        ("access_token=abc&token_type=bearer", "the answer is a form, not JSON"),
        ("{}", "the response has no access_token: it is an empty object"),
        (r#"{"accessToken":"abc","expiresIn":60}"#, "the response has no access_token, only accessToken, expiresIn"),
        (r#"{"access_token":5}"#, "the access_token in the answer is a number, not a string"),
        (r#"{"access_token":""}"#, "the access_token in the answer is empty"),
        (r#"{"access_token":"a\r\nX: y"}"#, "the access_token in the answer cannot be sent in a header"),
        (
            r#"{"access_token":"a","token_type":"DPoP"}"#,
            "the token is of type DPoP: it needs a proof with each request, which loadcore cannot make",
        ),
    ] {
        assert_eq!(refused(200, body), (reason.to_owned(), false), "{body}");
    }
    let gzip = answer(200, &[], b"\x1f\x8b\x08\0").unwrap_err().reason;
    assert_eq!(gzip, "the answer is compressed (gzip) without a Content-Encoding that says so, not JSON");
}

/// A body that cannot be read is the reason, beside a status that is not expected too.
#[test]
fn unreadable() {
    let refused = |status| {
        let unreadable = Some(&Unreadable::Damaged("br"));
        let headers: &Vec<(&str, &str)> = &Vec::new();
        let is_expected = status == 200;
        let answer =
            TokenAnswer { status, is_expected, headers, body: b"", unreadable, body_bytes: 9, unix_ns: NOW_NS };
        answer.read().unwrap_err().reason
    };
    let reason = "the body is damaged: its Content-Encoding says br, but it cannot be decompressed as such";
    assert_eq!((refused(200), refused(400)), (reason.to_owned(), format!("status 400: {reason}")));
}

/// A redirect is reported with where it leads, and nothing that may be a secret.
#[test]
fn redirects() {
    for (location, shown) in [
        ("/login?next=secret#x", "/login"),
        ("https://me:secret@sso.test/login?secret", "https://sso.test/login"),
        ("//sso.test/@me", "//sso.test/@me"),
    ] {
        let reason = answer(302, &[("Location", location)], b"").unwrap_err().reason;
        assert_eq!(reason, format!("status 302: a redirect to {shown}, which is not followed"));
    }
    assert_eq!(answer(302, &[], b"").unwrap_err().reason, "status 302");
}

/// When to retry is given in seconds or as a date, by those who have no room now.
#[test]
fn retry_after() {
    let wait = |status, value| answer(status, &[("Retry-After", value)], b"{}").unwrap_err().retry_after_ns;
    assert_eq!(wait(503, "3"), Some(3 * SECOND_NS));
    assert_eq!(wait(429, " 120 "), Some(120 * SECOND_NS));
    assert_eq!(wait(503, "Fri, 28 Nov 2025 00:00:05 GMT"), Some(5 * SECOND_NS));
    assert_eq!(wait(503, "Fri, 28 Nov 2025 00:00:00 GMT"), Some(0));
    assert_eq!(wait(503, "Thu, 27 Nov 2025 00:00:00 GMT"), Some(0));
    assert_eq!(wait(503, "99999999999999999999"), None);
    assert_eq!(wait(503, "soon"), None);
    assert_eq!(wait(400, "3"), None);
    assert_eq!(answer(503, &[], b"").unwrap_err().retry_after_ns, None);
}

/// Tokens are not shown.
#[test]
fn debug_shows_no_tokens() {
    let shown = format!("{:?}", granted(r#"{"access_token":"abc","refresh_token":"r1","expires_in":1}"#));
    assert_eq!(shown, "Granted(expires in Some(1000000000) ns, with a refresh token)");
}
