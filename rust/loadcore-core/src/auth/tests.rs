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
        "EMPTY" => Some(String::new()),
        "BLANK" => Some(" \t\n".to_owned()),
        "WHOLE" => Some("bearer abc".to_owned()),
        "COLON" => Some("a:b".to_owned()),
        _ => None,
    }
}

fn compile(way: &Value, names: &mut Names) -> Result<CompiledAuth, Vec<AuthProblem>> {
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
    let (mut random, mut counter) = (Random::new(1, "test", 0), Counter::new(Share::WHOLE, 0));
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
        CompiledAuth::Token(_) => panic!("nothing is sent yet"),
    };
    (name, rendered(&mut names, |variables, builtins, out| value.render(variables, builtins, out)))
}

/// The grant of an endpoint that is asked for the scopes `a b`, with what is added to it.
fn oauth2(added: &Value) -> (Names, CompiledGrant) {
    let mut names = Names::new();
    let mut way =
        json!({"kind": "oauth2", "token_url": "/token", "scope": "a b", "refresh_before_ns": 1, "step": "token"});
    way.as_object_mut().unwrap().extend(added.as_object().unwrap().clone());
    match compile(&way, &mut names).unwrap() {
        CompiledAuth::Token(source) => match source.giver {
            Giver::OAuth2(grant) => (names, grant),
            Giver::Login(login) => panic!("{login:?}"),
        },
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
}

/// The form of a token request, and its `Authorization`.
fn asked(added: &Value, how: &How) -> (String, Option<String>) {
    let (mut names, grant) = oauth2(added);
    let body = rendered(&mut names, |variables, builtins, out| grant.render_body(how, variables, builtins, out));
    let client = grant
        .client()
        .map(|client| rendered(&mut names, |variables, builtins, out| client.render(variables, builtins, out)));
    (body, client)
}

/// Each grant has its form, and the client proves itself by Basic with encoded parts.
#[test]
fn grants() {
    let password = json!({
        "grant": {"grant": "password", "username": {"text": "{user}"}, "password": {"text": "{password}"}},
    });
    let form = "grant_type=password&username=ann%26co&password=p%3A%C3%BC&scope=a+b".to_owned();
    assert_eq!(asked(&password, &How::Grant), (form, None));
    let client = json!({"id": {"text": "a:b"}, "secret": {"text": "c d"}, "place": "header"});
    let credentials = json!({"grant": {"grant": "client_credentials"}, "client": client});
    let basic = Some("Basic YSUzQWI6Yytk".to_owned());
    assert_eq!(asked(&credentials, &How::Grant), ("grant_type=client_credentials&scope=a+b".to_owned(), basic.clone()));
    let refresh = json!({"grant": {"grant": "refresh_token", "refresh_token": {"text": "r/1"}}, "client": client});
    let form = "grant_type=refresh_token&refresh_token=r%2F1&scope=a+b".to_owned();
    assert_eq!(asked(&refresh, &How::Grant), (form, basic.clone()));
    let form = "grant_type=refresh_token&refresh_token=r%3D2".to_owned();
    assert_eq!(asked(&refresh, &How::Refresh("r=2".into())), (form, basic));
}

/// A client in the body, a public one, one without a secret to speak of, and further fields, in first requests and refreshes.
#[test]
fn clients_and_fields() {
    let with = |client: &Value| {
        let form = json!([["audience", {"text": "https://{user}"}], ["a b", {"env": "TOKEN"}]]);
        let added = json!({"grant": {"grant": "client_credentials"}, "client": client, "form": form});
        (asked(&added, &How::Grant), asked(&added, &How::Refresh("r".into())).0)
    };
    let further = "audience=https%3A%2F%2Fann%26co&a+b=from+%7Benv%7D";
    let in_body = json!({"id": {"text": "c1"}, "secret": {"text": "s 1"}, "place": "body"});
    let ((first, client), refresh) = with(&in_body);
    assert_eq!(format!("grant_type=client_credentials&scope=a+b&client_id=c1&client_secret=s+1&{further}"), first);
    assert_eq!(format!("grant_type=refresh_token&client_id=c1&client_secret=s+1&{further}&refresh_token=r"), refresh);
    assert_eq!(None, client);
    let ((first, client), _) = with(&json!({"id": {"text": "c1"}, "place": "body"}));
    assert_eq!((format!("grant_type=client_credentials&scope=a+b&client_id=c1&{further}"), None), (first, client));
    let ((_, client), _) = with(&json!({"id": {"text": "pub"}, "secret": {"text": ""}, "place": "header"}));
    assert_eq!(Some("Basic cHViOg==".to_owned()), client);
}

/// The variables that a request needs are known, so that a missing one is found before the start.
#[test]
fn slots() {
    let mut names = Names::new();
    let basic = json!({"kind": "basic", "username": {"text": "{user}"}, "password": {"text": "{password}"}});
    let slots = compile(&basic, &mut names).unwrap().slots();
    assert_eq!(slots.into_iter().map(|slot| names.name(slot)).collect::<Vec<_>>(), ["user", "password"]);
}

fn problem(way: &Value) -> AuthProblem {
    let problems = compile(way, &mut Names::new()).unwrap_err();
    assert_eq!(1, problems.len(), "{problems:?}");
    problems[0].clone()
}

/// What cannot be sent is found when the plan is compiled, and no message shows the secret.
#[test]
fn problems() {
    let bearer = |token: Value| json!({"kind": "bearer", "token": token});
    assert_eq!(problem(&bearer(json!({"text": "a\r\nX: y"}))), AuthProblem::Template(TemplateProblem::LineEnd));
    let unclosed = problem(&bearer(json!({"text": "s3cret{"})));
    assert!(!unclosed.to_string().contains("s3cret"), "{unclosed}");
    let prefixed = problem(&bearer(json!({"text": "Bearer s3cret"}))).to_string();
    assert!(prefixed.starts_with("the token begins with `Bearer`") && !prefixed.contains("s3cret"), "{prefixed}");
    let colon = json!({"kind": "basic", "username": {"text": "a:s3cret"}, "password": {"text": ""}});
    let colon = problem(&colon).to_string();
    assert!(colon.starts_with("the user name holds a colon") && !colon.contains("s3cret"), "{colon}");
    let key = json!({"kind": "api_key", "key": {"text": "k"}, "name": "a b", "place": "header"});
    assert_eq!(problem(&key), AuthProblem::HeaderName("a".to_owned()));
    let grant = json!({"grant": "password", "username": {"text": "u"}, "password": {"text": "p"}});
    let nothing = json!({
        "kind": "oauth2", "token_url": "/t", "grant": grant, "shared": 0, "refresh_before_ns": 1, "step": "token",
    });
    assert_eq!(problem(&nothing), AuthProblem::NothingShared);
}

/// A secret of the environment that is not there, is empty, or is more than it says is found wherever it may stand, and all
/// of one entry are found at once.
#[test]
fn environment_variables() {
    let ways = |secret: Value| {
        let grant = json!({"grant": "refresh_token", "refresh_token": {"text": "r"}});
        let client = json!({"id": {"text": "c"}, "secret": secret, "place": "header"});
        let oauth2 = |added: Value| {
            let mut way = json!({
                "kind": "oauth2", "token_url": "/t", "grant": grant, "refresh_before_ns": 1, "step": "token",
            });
            way.as_object_mut().unwrap().extend(added.as_object().unwrap().clone());
            way
        };
        [
            json!({"kind": "bearer", "token": secret}),
            json!({"kind": "basic", "username": secret, "password": {"text": "p"}}),
            json!({"kind": "basic", "username": {"text": "u"}, "password": secret}),
            json!({"kind": "api_key", "key": secret, "name": "X-Key", "place": "header"}),
            json!({"kind": "api_key", "key": secret, "name": "key", "place": "query"}),
            oauth2(json!({"client": client})),
            oauth2(json!({"client": {"id": secret, "place": "body"}})),
            oauth2(json!({"form": [["audience", secret]]})),
        ]
    };
    for (name, problem_of) in [
        ("NOWHERE", AuthProblem::NoVariable as fn(String) -> AuthProblem),
        ("EMPTY", AuthProblem::EmptyVariable),
        ("BLANK", AuthProblem::EmptyVariable),
        ("SPLIT", AuthProblem::LineEnd),
    ] {
        for way in ways(json!({"env": name})) {
            let found = compile(&way, &mut Names::new()).unwrap_err();
            assert!(found.iter().all(|found| *found == problem_of(name.to_owned())), "{way}: {found:?}");
        }
    }
    let colon = json!({"kind": "basic", "username": {"env": "COLON"}, "password": {"text": "p"}});
    assert!(problem(&colon).to_string().starts_with("the environment variable COLON holds a colon"));
    let whole = json!({"kind": "bearer", "token": {"env": "WHOLE"}});
    assert!(problem(&whole).to_string().starts_with("the environment variable WHOLE begins with `Bearer`"));
    let both = json!({"kind": "basic", "username": {"env": "NOWHERE"}, "password": {"env": "EMPTY"}});
    assert_eq!(2, compile(&both, &mut Names::new()).unwrap_err().len());
}

/// A user name that a variable brings and that holds a colon is not sent.
#[test]
fn colons_in_variables() {
    let mut names = Names::new();
    let user = names.slot("user");
    let way = json!({"kind": "basic", "username": {"text": "{user}"}, "password": {"text": "x"}});
    let CompiledAuth::Header { value, .. } = compile(&way, &mut names).unwrap() else { panic!("no header") };
    let mut variables = Variables::new(&names);
    variables.set(user, b"a:b");
    let (mut random, mut counter) = (Random::new(1, "test", 0), Counter::new(Share::WHOLE, 0));
    let mut builtins = Builtins { user: 0, iteration: 0, unix_ns: 0, random: &mut random, counter: &mut counter };
    assert!(value.render(&variables, &mut builtins, &mut Vec::new()).is_err());
}

/// Neither the plan's secrets nor compiled ones are shown.
#[test]
fn debug_shows_no_secrets() {
    let way = json!({"kind": "basic", "username": {"text": "u"}, "password": {"text": "hunter2"}});
    let auth: plan::Auth = serde_json::from_value(json!({"name": "gateway", "way": way})).unwrap();
    assert!(!format!("{auth:?}").contains("hunter2"));
    assert!(!format!("{:?}", compile(&way, &mut Names::new())).contains("hunter2"));
    let grant = json!({"grant": {"grant": "password", "username": {"text": "u"}, "password": {"text": "hunter2"}}});
    assert!(!format!("{:?}", oauth2(&grant).1).contains("hunter2"));
}
