use super::*;

/// Names of secrets, as `loadcore.plan.redaction` knows them.
#[test]
fn names() {
    for name in [
        "Authorization",
        "X-Auth-Token",
        "cookie",
        "password",
        "passwd",
        "api_key",
        "apiKey",
        "api-key",
        "X-API-Key",
        "client_secret",
        "session",
        "sessionId",
        "code",
        "key",
        "pin",
        "otp",
        "jwt",
        "sid",
        "$.token",
        "$['pin']",
        "accessToken",
        "oauth",
        "X-Signature",
        "user-key",
        "authorization_code",
    ] {
        assert!(is_sensitive(name), "{name}");
    }
    for name in [
        "author",
        "authors",
        "keyword",
        "monkey",
        "coder",
        "name",
        "page",
        "decoded",
        "spinner",
        "Author-Id",
        "barcode",
    ] {
        assert!(!is_sensitive(name), "{name}");
    }
}

/// Values under such names are hidden in JSON, forms, queries and plain text, also where the text is cut off.
#[test]
fn by_name() {
    let secrets = Secrets::default();
    for (text, shown) in [
        (r#"{"password": "hun\"ter2", "user": "ann"}"#, r#"{"password": "***", "user": "ann"}"#),
        (r#"{"token":123456,"ok":true,"session":null}"#, r#"{"token":***,"ok":true,"session":null}"#),
        (r#"{"tokens": ["a", {"b": "]"}], "n": 1}"#, r#"{"tokens": ***, "n": 1}"#),
        (r#"{"access_token": "cut o"#, r#"{"access_token": "***"#),
        (r#"{"error": {"code": "NOT_FOUND", "status": 404}}"#, r#"{"error": {"code": "NOT_FOUND", "status": 404}}"#),
        (r#"{"code": "a1b2c3"}"#, r#"{"code": "***"}"#),
        (r#"{"log": "{\"password\":\"hunter2\"}"}"#, r#"{"log": "{\"password\":\"***\"}"}"#),
        ("grant_type=password&password=hunter2&x=1", "grant_type=password&password=***&x=1"),
        ("/cb?code=abc&state=1", "/cb?code=***&state=1"),
        ("/x?api%5Fkey=abc", "/x?api%5Fkey=***"),
        ("bad token: hunter2, sorry", "bad token: ***, sorry"),
        ("x:token=abc", "x:token=***"),
        ("see https://ann:hunter2@host/x", "see https://***@host/x"),
        ("got Bearer abcdefgh.ij", "got Bearer ***"),
        ("jwt eyJhbGciOi.eyJzdWIiOi.sig-_x here", "jwt *** here"),
        (
            r#"<input type="hidden" name="csrf_token" value="abc">"#,
            r#"<input type="hidden" name="csrf_token" value="***">"#,
        ),
        ("<meta content='abc' name='csrf-token'>", r#"<meta content="***" name='csrf-token'>"#),
        (r#"{"detail": "later", "items": [1, 2]}"#, r#"{"detail": "later", "items": [1, 2]}"#),
    ] {
        assert_eq!(shown, secrets.hide(text), "{text}");
    }
}

/// A value that is known to be a secret is hidden wherever and however it is written.
#[test]
fn by_value() {
    let mut secrets = Secrets::default();
    secrets.add(b"p\"ss w/rd");
    secrets.add_header("Authorization", "Basic YW5uOmh1bnRlcjI=");
    secrets.add_header("Cookie", "a=first1; b=second2");
    secrets.add_named("user=x&pin=98765&n=1");
    secrets.add(b"abc");
    for text in [
        "p\"ss w/rd",
        "p%22ss+w%2Frd",
        "p%22ss%20w%2Frd",
        r#"p\"ss w/rd"#,
        "cCJzcyB3L3Jk",
        "YW5uOmh1bnRlcjI=",
        "hunter2",
        "first1",
        "second2",
        "98765",
    ] {
        assert_eq!("<***>", secrets.hide(&format!("<{text}>")), "{text}");
    }
    // What is short would be found by chance.
    assert_eq!("abc", secrets.hide("abc"));
}

/// Headers of secrets are hidden, with the scheme and the attributes that help.
#[test]
fn headers() {
    let secrets = Secrets::default();
    for (name, value, shown) in [
        ("Authorization", "Bearer abc", "Bearer ***"),
        ("X-Api-Key", "abc", "***"),
        ("Set-Cookie", "sid=abc; Path=/; HttpOnly", "sid=***; Path=/; HttpOnly"),
        ("WWW-Authenticate", r#"Bearer error="invalid_token""#, r#"Bearer error="invalid_token""#),
        ("Access-Control-Allow-Credentials", "true", "true"),
        ("Location", "/cb?code=abc", "/cb?code=***"),
        ("Content-Type", "text/html; charset=utf-8", "text/html; charset=utf-8"),
    ] {
        assert_eq!(shown, secrets.header(name, value), "{name}");
    }
}

/// What a plan authenticates with is hidden whatever it is called; what is not a secret stays.
#[test]
fn of_a_plan() {
    let auth = serde_json::json!([{"name": "login", "way": {
        "kind": "oauth2", "token_url": "/token", "step": "token", "refresh_before_ns": 0,
        "grant": {"grant": "password", "username": {"text": "someone"}, "password": {"text": "p4ssw0rd"}},
        "form": [["assertion", {"text": "a55ert"}], ["audience", {"text": "https://api"}], ["x", {"env": "PATH"}]],
    }}]);
    let auth: Vec<plan::Auth> = serde_json::from_value(auth).unwrap();
    let secrets = Secrets::of_plan(&auth);
    let path = std::env::var("PATH").unwrap();
    assert_eq!("someone *** *** https://api ***", secrets.hide(&format!("someone p4ssw0rd a55ert https://api {path}")));
}

/// What any string of the plan takes from the environment is hidden wherever it stands.
#[test]
fn of_the_environment() {
    let path = std::env::var("PATH").unwrap();
    let get = serde_json::json!([{"url": "/?x={$env.PATH}", "headers": [["A", "Key {$env.NO_SUCH_ONE}"]]}]);
    let secrets = Secrets::default().with_environment(&get);
    assert_eq!(secrets.hide(&format!("found {path}")), "found ***");
}
