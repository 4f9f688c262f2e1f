//! What is sent for each way to authenticate.

use serde_json::{Value, json};

use super::*;
use crate::random::Random;
use crate::schedule::Share;
use crate::step::{Builtins, Counter, Variables};

fn environment(name: &str) -> Option<String> {
    match name {
        "TOKEN" => Some("from {env}".to_owned()),
        "SPLIT" => Some("a\r\nX: y".to_owned()),
        _ => None,
    }
}

fn compile(way: &Value, names: &mut Names) -> Result<CompiledAuth, AuthProblem> {
    let auth = serde_json::from_value(json!({"name": "gateway", "way": way})).unwrap();
    CompiledAuth::compile(&auth, &environment, names)
}

/// Renders with the variables `user` = `ann&co` and `password` = `p:ü`.
fn rendered<E>(
    names: &mut Names,
    render: impl FnOnce(&Variables, &mut Builtins<'_>, &mut Vec<u8>) -> Result<(), E>,
) -> String {
    let (user, password) = (names.slot("user"), names.slot("password"));
    let mut variables = Variables::new(names);
    variables.set(user, b"ann&co");
    variables.set(password, "p:ü".as_bytes());
    let (mut random, mut counter) = (Random::new(1, "test", 0), Counter::new(Share::WHOLE));
    let mut builtins = Builtins { user: 0, iteration: 0, unix_ns: 0, random: &mut random, counter: &mut counter };
    let mut out = Vec::new();
    assert!(render(&variables, &mut builtins, &mut out).is_ok());
    String::from_utf8(out).unwrap()
}

/// The name and value of what is sent.
fn sent(way: &Value) -> (String, String) {
    let mut names = Names::new();
    let (name, value) = match compile(way, &mut names).unwrap() {
        CompiledAuth::Header { name, value } => (format!("{name}:"), value),
        CompiledAuth::Query { name, value } => (format!("?{name}="), value),
        CompiledAuth::OAuth2(_) => panic!("nothing is sent yet"),
    };
    (name, rendered(&mut names, |variables, builtins, out| value.render(variables, builtins, out)))
}

fn oauth2(grant: &Value) -> (Names, Box<OAuth2>) {
    let mut names = Names::new();
    let way = json!({
        "kind": "oauth2", "token_url": "/auth/token", "grant": grant, "scope": "a b", "refresh_before_ns": 1, "step": "token",
    });
    match compile(&way, &mut names).unwrap() {
        CompiledAuth::OAuth2(oauth2) => (names, oauth2),
        other => panic!("{other:?}"),
    }
}

/// Tokens, passwords and keys are sent where they belong, encoded as that place needs.
#[test]
fn known_credentials() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(sent(&json!({"kind": "bearer", "token": {"text": "abc"}})), pair("Authorization:", "Bearer abc"));
    assert_eq!(
        sent(&json!({"kind": "bearer", "token": {"env": "TOKEN"}})),
        pair("Authorization:", "Bearer from {env}")
    );
    // The example of RFC 7617 section 2.
    let basic = json!({"kind": "basic", "username": {"text": "Aladdin"}, "password": {"text": "open sesame"}});
    assert_eq!(sent(&basic), pair("Authorization:", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    let basic = json!({"kind": "basic", "username": {"text": "{user}"}, "password": {"text": "{password}"}});
    assert_eq!(sent(&basic), pair("Authorization:", "Basic YW5uJmNvOnA6w7w="));
    let key = |place: &str| json!({"kind": "api_key", "key": {"text": "{user}"}, "name": "X-Key", "place": place});
    assert_eq!(sent(&key("header")), pair("X-Key:", "ann&co"));
    assert_eq!(sent(&key("query")), pair("?X-Key=", "ann%26co"));
}

/// What needs no variables is known when the plan is compiled.
#[test]
fn static_credentials() {
    let known = |way: &Value| match compile(way, &mut Names::new()).unwrap() {
        CompiledAuth::Header { value: Credential::Plain(template), .. } => template.is_static().map(<[u8]>::to_vec),
        CompiledAuth::Header { .. } => None,
        other => panic!("{other:?}"),
    };
    let basic = |user: &str| json!({"kind": "basic", "username": {"text": user}, "password": {"text": "open sesame"}});
    assert_eq!(known(&basic("Aladdin")).unwrap(), b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_eq!(known(&basic("{user}")), None);
    let mut line = Vec::new();
    append_basic(b"Aladdin:open sesame", &mut line);
    assert_eq!(line, b"Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n");
}

/// Each grant has its form, and the client proves itself by Basic with encoded parts.
#[test]
fn grants() {
    let body = |grant: &Value, how: &How| {
        let (mut names, oauth2) = oauth2(grant);
        rendered(&mut names, |variables, builtins, out| oauth2.grant.render_body(how, variables, builtins, out))
    };
    let client = |grant: &Value| {
        let (mut names, oauth2) = oauth2(grant);
        let client = oauth2.grant.client()?;
        Some(rendered(&mut names, |variables, builtins, out| client.render(variables, builtins, out)))
    };
    let password = json!({"grant": "password", "username": {"text": "{user}"}, "password": {"text": "{password}"}});
    assert_eq!(body(&password, &How::Grant), "grant_type=password&username=ann%26co&password=p%3A%C3%BC&scope=a+b");
    assert_eq!(client(&password), None);
    let credentials =
        json!({"grant": "client_credentials", "client_id": {"text": "a:b"}, "client_secret": {"text": "c d"}});
    assert_eq!(body(&credentials, &How::Grant), "grant_type=client_credentials&scope=a+b");
    assert_eq!(client(&credentials).unwrap(), "Basic YSUzQWI6Yytk");
    let refresh = json!({
        "grant": "refresh_token", "refresh_token": {"text": "r/1"}, "client": [{"text": "a:b"}, {"text": "c d"}],
    });
    assert_eq!(body(&refresh, &How::Grant), "grant_type=refresh_token&refresh_token=r%2F1&scope=a+b");
    assert_eq!(body(&refresh, &How::Refresh("r=2".into())), "grant_type=refresh_token&refresh_token=r%3D2");
    assert_eq!(client(&refresh).unwrap(), "Basic YSUzQWI6Yytk");
}

/// The variables that are needed are known, so that a missing one is found before the start.
#[test]
fn slots() {
    let grant = json!({"grant": "password", "username": {"text": "{user}"}, "password": {"text": "{password}"}});
    let (names, oauth2) = oauth2(&grant);
    let auth = CompiledAuth::OAuth2(oauth2);
    assert_eq!(auth.slots().into_iter().map(|slot| names.name(slot)).collect::<Vec<_>>(), ["user", "password"]);
}

/// What cannot be sent is found when the plan is compiled, and no message shows the secret.
#[test]
fn problems() {
    let problem = |way: &Value| compile(way, &mut Names::new()).unwrap_err();
    let bearer = |token: Value| json!({"kind": "bearer", "token": token});
    assert_eq!(problem(&bearer(json!({"env": "NOWHERE"}))), AuthProblem::NoVariable("NOWHERE".to_owned()));
    assert_eq!(problem(&bearer(json!({"env": "SPLIT"}))), AuthProblem::LineEnd("SPLIT".to_owned()));
    assert_eq!(problem(&bearer(json!({"text": "a\r\nX: y"}))), AuthProblem::Template(TemplateProblem::LineEnd));
    let unclosed = problem(&bearer(json!({"text": "s3cret{"})));
    assert!(!unclosed.to_string().contains("s3cret"), "{unclosed}");
    let key = json!({"kind": "api_key", "key": {"text": "k"}, "name": "a b", "place": "header"});
    assert_eq!(problem(&key), AuthProblem::HeaderName("a b".to_owned()));
    let grant = json!({"grant": "password", "username": {"text": "u"}, "password": {"text": "p"}});
    let nothing = json!({
        "kind": "oauth2", "token_url": "/t", "grant": grant, "shared": 0, "refresh_before_ns": 1, "step": "token",
    });
    assert_eq!(problem(&nothing), AuthProblem::NothingShared);
}

/// Neither the plan's secrets nor compiled ones are shown.
#[test]
fn debug_shows_no_secrets() {
    let way = json!({"kind": "basic", "username": {"text": "u"}, "password": {"text": "hunter2"}});
    let auth: plan::Auth = serde_json::from_value(json!({"name": "gateway", "way": way})).unwrap();
    assert!(!format!("{auth:?}").contains("hunter2"));
    assert!(!format!("{:?}", compile(&way, &mut Names::new())).contains("hunter2"));
    let grant = json!({"grant": "password", "username": {"text": "u"}, "password": {"text": "hunter2"}});
    assert!(!format!("{:?}", oauth2(&grant).1).contains("hunter2"));
}
