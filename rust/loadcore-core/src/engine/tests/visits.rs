//! Whose cookies and variables an iteration finds.

use super::again::log;
use super::load::arrival_rate;
use super::request::{once, raw};
use super::*;

/// Two steps. The server counts visits in a cookie, and gives an id that the second step sends back.
fn visit() -> Value {
    json!([
        {"kind": "request", "name": "first", "method": "GET", "url": "/first",
         "extracts": [{"variable": "id", "from": {"kind": "json", "path": "$.id"}, "default": ""}]},
        {"kind": "branch", "variable": "cart", "test": "exists", "then": [get("with-cart")]},
        {"kind": "request", "name": "cart", "method": "GET", "url": "/cart/{id}",
         "extracts": [{"variable": "cart", "from": {"kind": "json", "path": "$.id"}}]},
    ])
}

fn cookies_of<'a>(requests: &'a [String], path: &str) -> Vec<&'a str> {
    requests
        .iter()
        .filter(|request| request.starts_with(&format!("GET {path} ")))
        .map(|request| request.lines().find_map(|line| line.strip_prefix("Cookie: ")).unwrap_or("none"))
        .collect()
}

fn runs(plan: &Value) -> (Vec<String>, Outcomes) {
    log(plan, |request| {
        let cookie = match request.split(' ').nth(1).unwrap_or_default() {
            "/login" => "Set-Cookie: login=1; Path=/\r\n",
            "/first" => "Set-Cookie: seen=1; Path=/\r\n",
            _ => "",
        };
        raw(format!("HTTP/1.1 200 OK\r\n{cookie}Content-Length: 8\r\n\r\n{{\"id\":7}}").as_bytes())
    })
}

/// A user of a closed model keeps its cookies and variables; with cookies for each iteration it keeps the variables.
#[test]
fn users_of_closed_models() {
    for (cookies, expected) in [
        (json!(true), ["none", "seen=1", "seen=1"]),
        (json!("user"), ["none", "seen=1", "seen=1"]),
        (json!("iteration"), ["none", "none", "none"]),
        (json!(false), ["none", "none", "none"]),
    ] {
        let mut plan = once(visit());
        plan["scenarios"][0]["load"]["iterations"] = json!(3);
        plan["http"]["cookies"] = cookies.clone();
        let (requests, _) = runs(&plan);
        assert_eq!(expected.to_vec(), cookies_of(&requests, "/first"), "{cookies}");
        let within = if cookies == json!(false) { "none" } else { "seen=1" };
        assert_eq!(vec![within; 3], cookies_of(&requests, "/cart/7"), "{cookies}");
        assert_eq!(2, cookies_of(&requests, "/with-cart").len());
    }
}

/// Each arrival of an open model is another visitor: it finds neither cookies nor variables of the one before, though it
/// takes the same place and connection.
#[test]
fn arrivals_of_open_models() {
    let mut plan = plan(arrival_rate(10, 1, 1_000), visit());
    plan["http"]["cookies"] = json!(true);
    let (requests, run) = runs(&plan);
    assert_eq!((10, 1), (run.count(ScenarioEvent::IterationCompleted), run.fake.connections()));
    assert_eq!(vec!["none"; 10], cookies_of(&requests, "/first"));
    assert_eq!(vec!["seen=1"; 10], cookies_of(&requests, "/cart/7"));
    assert_eq!(0, cookies_of(&requests, "/with-cart").len());
}

/// What the start left is there for all visitors and iterations, however often it is overwritten.
#[test]
fn what_the_start_left() {
    let login = json!({"kind": "request", "name": "login", "method": "GET", "url": "/login",
                       "extracts": [{"variable": "cart", "from": {"kind": "json", "path": "$.id"}}]});
    let closed = once(visit())["scenarios"][0]["load"].clone();
    for (load, iterations) in [(arrival_rate(10, 1, 1_000), 10), (closed, 4)] {
        let mut plan = plan(load, visit());
        plan["http"]["cookies"] = json!("iteration");
        plan["scenarios"][0]["on_start"] = json!([login]);
        if iterations == 4 {
            plan["scenarios"][0]["load"]["iterations"] = json!(4);
        }
        let (requests, _) = runs(&plan);
        assert_eq!(vec!["login=1"; iterations], cookies_of(&requests, "/first"));
        assert_eq!(iterations, cookies_of(&requests, "/with-cart").len());
        assert_eq!(1, cookies_of(&requests, "/login").len());
    }
}
