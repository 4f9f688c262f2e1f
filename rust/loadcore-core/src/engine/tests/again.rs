//! What is sent again: the same bytes but for what must differ, and credentials only where they belong.

use super::auth::with_oauth;
use super::request::{OK, once, raw, sent};
use super::*;

/// A response without a body.
pub(super) fn answer(status: u16, headers: &str) -> Reply {
    raw(format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: 0\r\n\r\n").as_bytes())
}

pub(super) fn first_lines(requests: &[String]) -> Vec<&str> {
    requests.iter().map(|request| request.lines().next().unwrap_or_default()).collect()
}

/// The request without the lines of these headers.
fn without<'a>(request: &'a str, headers: &[&str]) -> Vec<&'a str> {
    request.lines().filter(|line| !headers.iter().any(|header| line.starts_with(header))).collect()
}

/// A request whose parts are all drawn by chance or counted.
fn drawn(method: &str) -> Value {
    json!({"kind": "request", "name": "a", "method": method, "url": "/{$random(1,999999999)}/a?n={$counter}",
           "query": [["u", "{$uuid}"]], "headers": [["Idempotency-Key", "{$uuid}"]],
           "body": {"kind": "json", "text": r#"{"n": "{$counter}", "at": "{$now}"}"#}})
}

/// Redirects are followed to their end, a row for each hop; credentials stay with their origin.
#[test]
fn redirects() {
    let mut plan = once(json!([{"kind": "request", "name": "a", "method": "POST", "url": "/dir/a?x=1",
                                "headers": [["Authorization", "secret"], ["X-Open", "1"]],
                                "body": {"kind": "text", "text": "hello"}}]));
    plan["http"]["max_redirects"] = json!(3);
    let reply = |number| {
        let location = ["b", "/c", "http://other:81/d"].get(usize::try_from(number).expect("small"));
        let bytes = location.map_or_else(
            || OK.to_vec(),
            |location| {
                format!(
                    "HTTP/1.1 {} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n",
                    if number == 1 { 302 } else { 307 }
                )
                .into_bytes()
            },
        );
        raw(&bytes)
    };
    let (requests, run) = sent(&plan, reply);

    let lines: Vec<&str> = requests.iter().map(|request| request.lines().next().unwrap_or_default()).collect();
    assert_eq!(vec!["POST /dir/a?x=1 HTTP/1.1", "POST /dir/b HTTP/1.1", "GET /c HTTP/1.1", "GET /d HTTP/1.1"], lines);
    assert!(requests[1].contains("Authorization: secret") && requests[1].ends_with("hello"));
    assert!(
        !requests[3].contains("secret") && requests[3].contains("X-Open: 1") && requests[3].contains("Host: other:81")
    );
    assert_eq!((4, 0), (run.rows.len(), run.rows.iter().filter(|row| row.error).count()));
    assert_eq!(vec![true, true, true, false], run.rows.iter().map(|row| row.superseded).collect::<Vec<_>>());
}

/// A step has one answer, however many requests it took: the last. A redirect that is not followed is one.
#[test]
fn a_step_has_one_answer() {
    let answers = |plan: &Value| {
        let run = sent(plan, |_| answer(302, "Location: /a\r\n")).1;
        let superseded = run.rows.iter().filter(|row| row.superseded).count();
        (run.rows.len() - superseded, superseded, run.rows.iter().filter(|row| row.error).count())
    };
    let mut step = get("a");
    assert_eq!((1, 6, 1), answers(&once(json!([step]))));
    step["expect"] = json!([[302, 302]]);
    assert_eq!((1, 0, 0), answers(&once(json!([step]))));
    let mut plan = once(json!([get("a")]));
    plan["http"]["max_redirects"] = json!(0);
    assert_eq!((1, 0, 0), answers(&plan));
}

/// Endless and senseless redirects have outcomes of their own.
#[test]
fn bad_redirects() {
    let plan = once(json!([get("a")]));
    let (requests, run) = sent(&plan, |_| raw(b"HTTP/1.1 302 Moved\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n"));
    assert_eq!((6, Outcome::RedirectLoop), (requests.len(), run.rows[6].outcome));
    for location in ["ftp://x/", "http://", "javascript:alert(1)", "//"] {
        let response = format!("HTTP/1.1 302 Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let (_, run) = sent(&plan, move |_| raw(response.as_bytes()));
        assert_eq!(Outcome::RedirectInvalid, run.rows[1].outcome, "{location}");
    }
}

/// A request is rendered once: what is sent after 307 and 308 is the same but for where it goes.
#[test]
fn a_redirect_keeps_the_values() {
    let (requests, run) = sent(&once(json!([drawn("POST")])), |number| match number {
        0 => answer(307, "Location: /b\r\n"),
        1 => answer(308, "Location: c?d\r\n"),
        _ => raw(OK),
    });
    assert_eq!(3, run.rows.len());
    assert_eq!(["POST /b HTTP/1.1", "POST /c?d HTTP/1.1"], first_lines(&requests)[1..]);
    assert!(requests[0].contains("?n=0&u=") && requests[0].contains("\"n\":\"1\""), "{}", requests[0]);
    for request in &requests[1..] {
        assert_eq!(without(&requests[0], &["POST"]), without(request, &["POST"]));
    }
}

/// What is sent again after the connection turned out to be closed is the same to the byte.
#[test]
fn a_stale_connection_keeps_the_values() {
    let (requests, run) = sent(&once(json!([get("first"), drawn("PUT")])), |number| match number {
        1 => Reply::raw(ms(5), b"", crate::transport::fake::Then::Close),
        _ => raw(OK),
    });
    assert_eq!(2, run.rows[1].attempts);
    assert_eq!(requests[1], requests[2]);
}

/// What is sent again with another token is the same but for the token and cookies.
#[test]
fn another_token_keeps_the_values() {
    let mut plan = with_oauth(None, once(json!([]))["scenarios"][0]["load"].clone());
    plan["scenarios"][0]["steps"] = json!([drawn("POST")]);
    plan["http"]["cookies"] = json!(true);
    let tokens = std::cell::Cell::new(0);
    let (requests, _) = log(&plan, move |request| {
        if request.starts_with("POST /token") {
            tokens.set(tokens.get() + 1);
            return Reply::ok(ms(1), &format!(r#"{{"access_token": "t{}"}}"#, tokens.get()));
        }
        if request.contains("Bearer t1\r\n") { answer(401, "Set-Cookie: seen=1; Path=/\r\n") } else { raw(OK) }
    });
    let api: Vec<&String> = requests.iter().filter(|request| !request.starts_with("POST /token")).collect();
    assert_eq!(2, api.len());
    assert!(api[0].contains("Bearer t1\r\n") && !api[0].contains("Cookie"), "{}", api[0]);
    assert!(api[1].contains("Bearer t2\r\n") && api[1].contains("Cookie: seen=1\r\n"), "{}", api[1]);
    let differ = ["Authorization", "Cookie"];
    assert_eq!(without(api[0], &differ), without(api[1], &differ));
}

/// Built-ins count and draw alike, whether or not the target sets cookies.
#[test]
fn cookies_draw_nothing() {
    let mut step = drawn("PUT");
    // Two runs do not start at the same time.
    step["body"]["text"] = json!(r#"{"n": "{$counter}"}"#);
    let mut plan = once(json!([{"kind": "repeat", "times": 5, "steps": [step]}]));
    plan["http"]["cookies"] = json!(true);
    let [with, without_cookie] = ["Set-Cookie: a=1; Path=/\r\n", ""].map(|cookie| {
        let (requests, _) = sent(&plan, move |_| answer(200, cookie));
        requests.iter().map(|request| without(request, &["Cookie"]).join("\n")).collect::<Vec<_>>()
    });
    assert_eq!(5, with.len());
    assert_eq!(without_cookie, with);
}

/// Cookies are asked for, and kept, by the path that is really sent.
#[test]
fn cookies_of_the_path_that_is_sent() {
    let step = json!({"kind": "request", "name": "a", "method": "GET", "url": "/{$random(1,3)}/x"});
    let mut plan = once(json!([{"kind": "repeat", "times": 60, "steps": [step]}]));
    plan["http"]["cookies"] = json!(true);
    let (requests, _) = log(&plan, |request| {
        let path = &request["GET /".len()..][..1];
        answer(200, &format!("Set-Cookie: p{path}=x\r\nSet-Cookie: t=for{path}; Path=/{path}\r\n"))
    });
    let mut sent_back = 0;
    for request in &requests {
        let path = &request["GET /".len()..][..1];
        if let Some(cookies) = request.lines().find_map(|line| line.strip_prefix("Cookie: ")) {
            sent_back += 1;
            assert_eq!(format!("p{path}=x; t=for{path}"), cookies, "{request}");
        }
    }
    assert_eq!(57, sent_back);
}

/// A relative `Location` starts from the path that was sent.
#[test]
fn locations_start_from_what_was_sent() {
    let step = json!({"kind": "request", "name": "a", "method": "GET", "url": "/jobs/{$counter}/start"});
    let plan = once(json!([{"kind": "repeat", "times": 2, "steps": [step]}]));
    let (requests, _) =
        log(&plan, |request| if request.contains("/start") { answer(302, "Location: done\r\n") } else { raw(OK) });
    let expected = ["GET /jobs/0/start", "GET /jobs/0/done", "GET /jobs/1/start", "GET /jobs/1/done"];
    assert_eq!(expected.map(|line| format!("{line} HTTP/1.1")).to_vec(), first_lines(&requests));
}

/// Ways to authenticate, each with a request that uses it and what it sends.
pub(super) fn ways() -> Vec<(&'static str, Value, &'static str)> {
    let text = |text: &str| json!({"text": text});
    vec![
        ("bearer", json!({"kind": "bearer", "token": text("s3")}), "Authorization: Bearer s3\r\n"),
        ("key", json!({"kind": "api_key", "key": text("s3"), "name": "X-Mine", "place": "header"}), "X-Mine: s3\r\n"),
        (
            "basic",
            json!({"kind": "basic", "username": text("u"), "password": text("p")}),
            "Authorization: Basic dTpw\r\n",
        ),
        (
            "varying basic",
            json!({"kind": "basic", "username": text("u{$user}"), "password": text("p")}),
            "Authorization: Basic dTA6cA==\r\n",
        ),
        (
            "oauth2",
            json!({"kind": "oauth2", "token_url": "/token", "refresh_before_ns": 0, "step": "token",
                   "grant": {"grant": "client_credentials"},
                   "client": {"id": text("c"), "secret": text("s"), "place": "header"}}),
            "Authorization: Bearer t1\r\n",
        ),
        ("by hand", Value::Null, "Authorization: Bearer own\r\nX-Api-Key: own\r\n"),
    ]
}

/// Credentials of every way stay with a redirect within their origin, are left out on another, and are back at home.
#[test]
fn credentials_stay_within_their_origin() {
    for (name, way, line) in ways() {
        let mut plan = once(json!([get("user")]));
        if way.is_null() {
            plan["scenarios"][0]["headers"] = json!([["Authorization", "Bearer own"], ["X-Api-Key", "own"]]);
        } else {
            plan["auth"] = json!([{"name": name, "way": way}]);
            plan["scenarios"][0]["auth"] = json!(name);
        }
        let (requests, run) = log(&plan, |request| match request.split(' ').nth(1).unwrap_or_default() {
            "/token" => Reply::ok(ms(1), r#"{"access_token": "t1"}"#),
            "/user" => answer(307, "Location: /user/\r\n"),
            "/user/" => answer(307, "Location: http://other/away\r\n"),
            "/away" => answer(307, "Location: http://fake/back\r\n"),
            _ => raw(OK),
        });
        let api: Vec<&String> = requests.iter().filter(|request| !request.contains("/token")).collect();
        let with: Vec<bool> = api.iter().map(|request| request.contains(line)).collect();
        assert_eq!(vec![true, true, false, true], with, "{name}: {requests:?}");
        let away = api[2].to_lowercase();
        assert!(!away.contains("authorization") && !away.contains("s3") && !away.contains("own"), "{name}: {away}");
        assert_eq!(0, run.rows.iter().filter(|row| row.error).count());
    }
}

/// A hop that rejects the token is repeated once with a new one, which stays with the hops after it.
#[test]
fn a_hop_gets_another_token() {
    let mut plan = with_oauth(None, once(json!([]))["scenarios"][0]["load"].clone());
    let tokens = std::cell::Cell::new(0);
    plan["scenarios"][0]["steps"] = json!([drawn("POST")]);
    let (requests, run) = log(&plan, move |request| {
        let old = request.contains("Bearer t1\r\n");
        match request.split(' ').nth(1).unwrap_or_default() {
            "/token" => {
                tokens.set(tokens.get() + 1);
                Reply::ok(ms(1), &format!(r#"{{"access_token": "t{}"}}"#, tokens.get()))
            }
            "/hop" if old => answer(401, ""),
            "/hop" => answer(307, "Location: /end\r\n"),
            "/end" => raw(OK),
            _ => answer(307, "Location: /hop\r\n"),
        }
    });
    let rows: Vec<(u16, bool)> = run.of("a").chain(run.of("api")).map(|row| (row.status, row.error)).collect();
    assert_eq!(vec![(307, false), (401, false), (307, false), (200, false)], rows);
    let api: Vec<&String> = requests.iter().filter(|request| !request.contains("/token")).collect();
    let tokens: Vec<bool> = api.iter().map(|request| request.contains("Bearer t2\r\n")).collect();
    assert_eq!(vec![false, false, true, true], tokens);
    for request in &api[1..] {
        assert_eq!(without(api[0], &["POST", "Authorization"]), without(request, &["POST", "Authorization"]));
    }
}

/// A redirect that the step expects is the answer: it is not followed, and checks see it.
#[test]
fn an_expected_redirect_is_the_answer() {
    let mut step = get("a");
    step["expect"] = json!([[302, 302]]);
    step["checks"] = json!([{"name": "to b", "claim": {"kind": "header", "header": "location",
                             "compare": {"operator": "==", "value": "/b"}}}]);
    let (requests, run) = sent(&once(json!([step.clone()])), |_| answer(302, "Location: /b\r\n"));
    assert_eq!((1, (1, 0), false), (requests.len(), run.checks, run.rows[0].error));

    // Others are followed, up to the one that is expected.
    let (requests, run) =
        sent(&once(json!([step])), |number| answer(if number == 0 { 301 } else { 302 }, "Location: /b\r\n"));
    assert_eq!((2, (1, 0)), (requests.len(), run.checks));
    assert!(run.rows.iter().all(|row| !row.error));
}

/// A body that is left behind takes its headers along; a `Host` of the user's own is for its own origin.
#[test]
fn what_is_left_behind() {
    let step = json!({"kind": "request", "name": "a", "method": "POST", "url": "/a",
                      "headers": [["Host", "api.example.com"], ["Content-Language", "de"], ["X-Open", "1"]],
                      "body": {"kind": "text", "text": "hello", "content_type": "text/plain"}});
    let (requests, _) = sent(&once(json!([step])), |number| match number {
        0 => answer(303, "Location: /b\r\n"),
        1 => answer(307, "Location: http://other/c\r\n"),
        _ => raw(OK),
    });
    assert!(requests[0].starts_with("POST /a HTTP/1.1\r\nHost: api.example.com\r\n"), "{}", requests[0]);
    let expected = ["/b HTTP/1.1\r\nHost: api.example.com", "/c HTTP/1.1\r\nHost: other"];
    assert_eq!(expected.map(|head| format!("GET {head}\r\nX-Open: 1\r\n\r\n")), requests[1..]);
}

/// A request has one header of a name that authenticates it: its own, or else that of its own way, or else the
/// scenario's.
#[test]
fn one_header_authenticates() {
    let named = |name: &str, auth: Option<&str>, own: Option<&str>| {
        let mut step = get(name);
        step["auth"] = json!(auth);
        step["headers"] = own.map_or(json!([]), |own| json!([["authorization", own]]));
        step
    };
    let mut plan =
        once(json!([named("a", None, None), named("b", Some("way"), None), named("c", Some("way"), Some("own"))]));
    plan["auth"] = json!([{"name": "way", "way": {"kind": "bearer", "token": {"text": "way"}}}]);
    plan["scenarios"][0]["headers"] = json!([["Authorization", "all"]]);
    let (requests, _) = sent(&plan, |_| raw(OK));
    let lines: Vec<Vec<&str>> = requests
        .iter()
        .map(|request| request.lines().filter(|line| line.to_lowercase().starts_with("authorization")).collect())
        .collect();
    assert_eq!(vec![vec!["Authorization: all"], vec!["Authorization: Bearer way"], vec!["authorization: own"]], lines);

    plan["scenarios"][0]["auth"] = json!("way");
    let plan: Plan = serde_json::from_value(plan).expect("a readable plan");
    let problems = Program::new(&plan).expect_err("two ways");
    assert_eq!(vec!["scenarios[0].headers"], problems.iter().map(|problem| &*problem.path).collect::<Vec<_>>());
}

/// A `Host` is one name: what is none, or two of them, is refused; a scenario's goes to its own target only.
#[test]
fn hosts_of_ones_own() {
    let mut plan = once(json!([get("a")]));
    for bad in [
        json!([["Host", ""]]),
        json!([["Host", "http://a"]]),
        json!([["Host", "a b"]]),
        json!([["Host", "a"], ["host", "b"]]),
    ] {
        plan["scenarios"][0]["steps"][0]["headers"] = bad;
        let plan: Plan = serde_json::from_value(plan.clone()).expect("a readable plan");
        assert_eq!(1, Program::new(&plan).expect_err("a bad host").len());
    }
    let mut away = get("away");
    away["url"] = json!("http://other/away");
    let mut plan = once(json!([get("a"), away]));
    plan["scenarios"][0]["headers"] = json!([["Host", "tenant{$user}.example.com:8443"]]);
    plan["http"]["cookies"] = json!(true);
    let cookie = "Set-Cookie: a=1; Domain=example.com; Path=/\r\n";
    let (requests, _) = sent(&plan, move |_| answer(200, cookie));
    let hosts: Vec<&str> = requests.iter().filter_map(|request| request.lines().nth(1)).collect();
    assert_eq!(vec!["Host: tenant0.example.com:8443", "Host: other"], hosts);

    plan["scenarios"][0]["steps"] = json!([get("a"), get("b")]);
    let (requests, _) = sent(&plan, move |_| answer(200, cookie));
    assert!(requests[1].contains("\r\nCookie: a=1\r\n"), "{}", requests[1]);
}

/// Runs a plan against a server that looks at its requests, and returns these.
pub(super) fn log(plan: &Value, reply: impl Fn(&str) -> Reply + 'static) -> (Vec<String>, Outcomes) {
    let log = Rc::new(std::cell::RefCell::new(Vec::new()));
    let seen = Rc::clone(&log);
    let fake = FakeTransport::new(move |request, _| {
        let request = String::from_utf8_lossy(request).into_owned();
        seen.borrow_mut().push(request.clone());
        Some(reply(&request))
    });
    let run = simulate(plan, fake);
    (log.take(), run)
}

/// A fixed value of a query is percent-encoded as one of a variable is, line ends included.
#[test]
fn line_ends_in_a_query() {
    let mut step = get("a");
    step["query"] = json!([["query", "line1\nline2\r\n"]]);
    let (requests, _) = sent(&once(json!([step])), |_| raw(OK));
    assert_eq!(vec!["GET /a?query=line1%0Aline2%0D%0A HTTP/1.1"], first_lines(&requests));
}

/// A target that redirects to ever new origins: a user keeps a connection to a few of them, and opens the others again.
#[test]
fn ever_new_origins() {
    let plan = once(json!([{"kind": "repeat", "times": 2, "steps": [get("0")]}]));
    let (requests, run) = log(&plan, |request| {
        let number: u32 =
            request["GET /".len()..].split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        if number == 5 { raw(OK) } else { answer(302, &format!("Location: http://h{}/{}\r\n", number + 1, number + 1)) }
    });
    assert_eq!((12, 6), (requests.len(), run.fake.connections()));

    let plan = once(json!([{"kind": "repeat", "times": 2, "steps": [
        {"kind": "request", "name": "a", "method": "GET", "url": "/0", "max_redirects": 10}]}]));
    let (requests, run) = log(&plan, |request| {
        let number: u32 =
            request["GET /".len()..].split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        if number == 9 { raw(OK) } else { answer(302, &format!("Location: http://h{}/{}\r\n", number + 1, number + 1)) }
    });
    assert_eq!((20, 20), (requests.len(), run.fake.connections()));
}

/// A multipart body has its own type, with its boundary, whatever the scenario's headers say; a step that writes one is
/// refused.
#[test]
fn types_of_multipart_bodies() {
    let mut step = get("a");
    step["method"] = json!("POST");
    step["body"] = json!({"kind": "multipart", "parts": [{"name": "a", "text": "b"}]});
    let mut plan = once(json!([step]));
    plan["scenarios"][0]["headers"] = json!([["Content-Type", "multipart/form-data"]]);
    let (requests, _) = sent(&plan, |_| raw(OK));
    assert_eq!(1, requests[0].matches("Content-Type").count());
    assert!(requests[0].contains("Content-Type: multipart/form-data; boundary="), "{}", requests[0]);

    plan["scenarios"][0]["steps"][0]["headers"] = json!([["content-type", "multipart/form-data"]]);
    let plan: Plan = serde_json::from_value(plan).expect("a readable plan");
    let problems = Program::new(&plan).expect_err("a type without a boundary");
    assert_eq!((1, "scenarios[0].steps[0].headers"), (problems.len(), &*problems[0].path));
}

/// The type of a body may hold variables, as all strings may.
#[test]
fn types_with_variables() {
    let mut step = get("a");
    step["method"] = json!("POST");
    step["body"] = json!({"kind": "text", "text": "b", "content_type": "application/x-{$user}"});
    let (requests, _) = sent(&once(json!([step])), |_| raw(OK));
    assert_eq!(1, requests[0].matches("Content-Type: application/x-0\r\n").count(), "{}", requests[0]);
}
