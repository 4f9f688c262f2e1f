//! The shapes of the plan that derived code could get wrong: named things that hold one of several kinds.

use loadcore_core::plan::{Auth, AuthKind, Check, CheckKind, Http, KeyPlace, Plan, Secret, Step, Think, Version};

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// A way to authenticate has its own name beside the header's name.
#[test]
fn auth_reads_its_way() {
    let auth = read::<Auth>(
        r#"{"name": "gateway", "way": {"kind": "api_key", "key": {"env": "KEY"}, "name": "X-Key", "place": "header"}, "at": "x.py:1"}"#,
    );

    let kind = AuthKind::ApiKey { key: Secret::Env("KEY".into()), name: "X-Key".into(), place: KeyPlace::Header };
    assert_eq!(auth, Ok(Auth { name: "gateway".into(), kind, at: Some("x.py:1".into()) }));
}

/// A check has a name of its own and one kind of claim.
#[test]
fn check_reads_its_claim() {
    let check =
        read::<Check>(r#"{"name": "created", "claim": {"kind": "status", "ranges": [[201, 201]]}, "stop": true}"#);

    let kind = CheckKind::Status { ranges: vec![(201, 201)] };
    assert_eq!(check, Ok(Check { name: "created".into(), kind, stop: true }));
}

/// A kind within a kind keeps its own tag.
#[test]
fn think_reads_its_distribution() {
    let step = read::<Step>(r#"{"kind": "think", "distribution": "constant", "ns": 5}"#);

    assert_eq!(step, Ok(Step::Think(Think::Constant { ns: 5 })));
}

/// Unknown fields are refused at every level: a plan of another version is never half understood.
#[test]
fn unknown_fields_are_refused() {
    let refused = [
        read::<Auth>(r#"{"name": "a", "way": {"kind": "bearer", "token": {"env": "T"}}, "typo": 1}"#).map(drop),
        read::<Auth>(r#"{"name": "a", "way": {"kind": "bearer", "token": {"env": "T"}, "typo": 1}}"#).map(drop),
        read::<Check>(r#"{"name": "a", "claim": {"kind": "contains", "text": "x"}, "typo": 1}"#).map(drop),
        read::<Check>(r#"{"name": "a", "claim": {"kind": "contains", "text": "x", "typo": 1}}"#).map(drop),
        read::<Step>(r#"{"kind": "request", "name": "x", "method": "GET", "url": "/", "typo": 1}"#).map(drop),
        read::<Step>(r#"{"kind": "think", "distribution": "constant", "ns": 5, "typo": 1}"#).map(drop),
    ];

    for result in refused {
        assert!(result.is_err_and(|message| message.contains("unknown field `typo`")));
    }
}

/// The plan that the compiler makes of every declaration there is can be read, and says the same when written again.
#[test]
fn the_compilers_plan_is_read_whole() {
    let text = include_str!("../../../tests/contract/plan/everything.plan.json");

    let plan = serde_json::from_str::<Plan>(text).unwrap();
    let again = serde_json::to_value(&plan).unwrap();

    assert_eq!(lost(&serde_json::from_str(text).unwrap(), &again), Vec::<String>::new());
}

/// The places of `before` that are missing or different in `after`; what is only in `after` are defaults.
fn lost(before: &serde_json::Value, after: &serde_json::Value) -> Vec<String> {
    use serde_json::Value::{Array, Object};
    match (before, after) {
        (Object(before), Object(after)) => before
            .iter()
            .flat_map(|(name, value)| {
                let inner = after.get(name).map_or_else(|| vec![String::new()], |after| lost(value, after));
                inner.into_iter().map(move |place| format!(".{name}{place}"))
            })
            .collect(),
        (Array(before), Array(after)) if before.len() == after.len() => before
            .iter()
            .zip(after)
            .enumerate()
            .flat_map(|(index, (before, after))| {
                lost(before, after).into_iter().map(move |place| format!("[{index}]{place}"))
            })
            .collect(),
        _ if before == after => Vec::new(),
        _ => vec![String::new()],
    }
}

/// The version of HTTP is one that is spoken; without one it is 1.1.
#[test]
fn versions_of_http_that_are_not_spoken_are_refused() {
    let http = |version: &str| {
        let timeouts = r#""timeouts": {"connect_ns": 1, "total_ns": 1}"#;
        read::<Http>(&format!(r#"{{{version}{timeouts}, "max_redirects": 0, "cookies": false}}"#))
            .map(|http| http.version)
    };
    assert_eq!((Ok(Version::Http11), Ok(Version::Http11)), (http(""), http(r#""version": "1.1","#)));
    for version in ["2", "1.0", "h2", ""] {
        let message = http(&format!(r#""version": "{version}","#)).unwrap_err();
        let expected = format!("loadcore does not speak HTTP version `{version}`: use `1.1`");
        assert!(message.starts_with(&expected), "{message}");
    }
}
