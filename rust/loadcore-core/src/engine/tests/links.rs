//! A URL out of a response is the next URL: where it leads, and what goes there.

use super::again::{answer, first_lines, log, ways};
use super::request::{OK, once, raw, sent};
use super::*;

/// A request that takes `next` from a response.
fn list(url: &str) -> Value {
    json!({"kind": "request", "name": "list", "method": "GET", "url": url,
           "extracts": [{"variable": "next", "from": {"kind": "json", "path": "$.next"}}]})
}

fn follow(url: &str) -> Value {
    json!({"kind": "request", "name": "GET {next}", "method": "GET", "url": url})
}

fn page(next: &str) -> Reply {
    Reply::ok(ms(1), &json!({"next": next}).to_string())
}

/// The second request of a scenario whose first response, of `/api/v1/items?page=1`, gave this link.
fn led(link: &str, url: &str) -> (Option<String>, Outcomes) {
    let mut plan = once(json!([list("/items?page=1"), follow(url)]));
    plan["scenarios"][0]["base_url"] = json!("http://fake/api/v1");
    let link = link.to_owned();
    let (requests, run) = sent(&plan, move |number| if number == 0 { page(&link) } else { raw(OK) });
    let second = requests.get(1).map(|request| request.lines().take(2).collect::<Vec<_>>().join(" "));
    (second, run)
}

/// Links of every kind lead where a browser on the page would go.
#[test]
fn links_lead_from_where_they_were_found() {
    for (link, url, expected) in [
        ("http://fake/api/v1/items?page=2", "{next}", "/api/v1/items?page=2 HTTP/1.1 Host: fake"),
        ("/api/v1/items?page=2", "{next}", "/api/v1/items?page=2 HTTP/1.1 Host: fake"),
        ("/api/v1/items?page=2", "{next:raw}", "/api/v1/items?page=2 HTTP/1.1 Host: fake"),
        ("?page=2", "{next}", "/api/v1/items?page=2 HTTP/1.1 Host: fake"),
        ("items?page=2", "{next}", "/api/v1/items?page=2 HTTP/1.1 Host: fake"),
        ("../v2/x", "{next}", "/api/v2/x HTTP/1.1 Host: fake"),
        ("#top", "{next}", "/api/v1/items?page=1 HTTP/1.1 Host: fake"),
        ("/a b?q=\u{fc}", "{next}", "/a%20b?q=%C3%BC HTTP/1.1 Host: fake"),
        ("http://other:81", "{next}", "/ HTTP/1.1 Host: other:81"),
        ("//other/x", "{next}", "/x HTTP/1.1 Host: other"),
        ("/orders/7", "{next}/items/{$user}?a={$iteration}", "/orders/7/items/0?a=0 HTTP/1.1 Host: fake"),
        ("http://other", "{next}/items", "/items HTTP/1.1 Host: other"),
    ] {
        let (second, run) = led(link, url);
        assert_eq!(Some(format!("GET {expected}")), second, "{link} in {url}");
        assert_eq!(1, run.of("GET {next}").filter(|row| row.outcome == Outcome::Ok).count());
    }
}

/// A value that leads nowhere is not sent, and ends the iteration.
#[test]
fn dead_links() {
    for link in [
        "",
        "not a url",
        "ftp://fake/x",
        "javascript:alert(1)",
        "http://",
        "http://me:pw@fake/",
        "{\"href\":\"/x\"}",
        "<https://fake/x>; rel=\"next\"",
        "[\"/x\"]",
        "/a\r\nEvil: 1",
        "http://fake:0/",
    ] {
        let (second, run) = led(link, "{next}");
        let row = run.of("GET {next}").next().expect("a row");
        assert_eq!((None, Outcome::RequestInvalid, 0), (second, row.outcome, row.attempts), "{link}");
        assert_eq!(1, run.count(ScenarioEvent::IterationFailed));
    }
}

/// A link found after a redirect leads from where the redirect ended; one in a header is one like others.
#[test]
fn links_of_redirected_responses() {
    let mut create = list("/jobs");
    create["method"] = json!("POST");
    create["extracts"] = json!([{"variable": "next", "from": {"kind": "header", "name": "location"}}]);
    create["expect"] = json!([[201, 201]]);
    let plan = once(json!([create, follow("{next}")]));
    let (requests, _) = log(&plan, |request| match request.split(' ').nth(1).unwrap_or_default() {
        "/jobs" => answer(308, "Location: http://other/queue/jobs\r\n"),
        "/queue/jobs" => answer(201, "Location: jobs/7\r\n"),
        _ => raw(OK),
    });
    assert_eq!("GET /queue/jobs/7 HTTP/1.1", first_lines(&requests)[2]);
    assert!(requests[2].contains("Host: other\r\n"), "{}", requests[2]);
}

/// A walk through pages: each link leads from the page before, and the end is where there is none.
#[test]
fn pages() {
    let next_page = json!({"kind": "branch", "variable": "next",
        "test": {"compare": {"operator": "!=", "value": ""}},
        "then": [{"kind": "request", "name": "GET {next}", "method": "GET", "url": "{next}",
                  "extracts": [{"variable": "next", "from": {"kind": "json", "path": "$.next"}}]}]});
    let plan = once(json!([list("/items"), {"kind": "repeat", "times": 10, "steps": [next_page]}]));
    let (requests, run) = log(&plan, |request| match request.split(' ').nth(1).unwrap_or_default() {
        "/items" => page("items/2"),
        "/items/2" => page("?p=3"),
        "/items/2?p=3" => page("http://fake/end"),
        _ => page(""),
    });
    let expected = ["/items", "/items/2", "/items/2?p=3", "/end"].map(|target| format!("GET {target} HTTP/1.1"));
    assert_eq!(expected.to_vec(), first_lines(&requests));
    assert_eq!(1, run.count(ScenarioEvent::IterationCompleted));
}

/// A value that no response gave is read as if written in the step: a path goes behind the base URL.
#[test]
fn values_of_feeders() {
    let mut plan = once(json!([follow("{next}")]));
    plan["scenarios"][0]["base_url"] = json!("http://fake/api");
    plan["scenarios"][0]["load"]["iterations"] = json!(5);
    plan["scenarios"][0]["feeders"] = json!(["urls"]);
    let urls = ["/items/1", "items", "?a=1", "http://other/x", "/a/../b"];
    let rows = urls.map(|url| [url]);
    plan["feeders"] = json!([{"name": "urls", "order": "sequential", "at_end": "recycle",
                              "source": {"kind": "rows", "columns": ["next"], "rows": rows}}]);
    let (requests, _) = sent(&plan, |_| raw(OK));
    let expected =
        ["/api/items/1", "/api/items", "/api/?a=1", "/x", "/api/b"].map(|target| format!("GET {target} HTTP/1.1"));
    assert_eq!(expected.to_vec(), first_lines(&requests));

    // A row takes the place of what a response gave, and of where that led from.
    plan["scenarios"][0]["steps"] = json!([follow("{next}"), list("/deep/er/list"), follow("{next}")]);
    plan["scenarios"][0]["load"]["iterations"] = json!(2);
    let (requests, _) = sent(&plan, |_| page("found"));
    let expected = [
        "/api/items/1",
        "/api/deep/er/list",
        "/api/deep/er/found",
        "/api/items",
        "/api/deep/er/list",
        "/api/deep/er/found",
    ];
    assert_eq!(expected.map(|target| format!("GET {target} HTTP/1.1")).to_vec(), first_lines(&requests));
}

/// Credentials of every way, the scenario's `Host` and cookies written by hand go to the target itself, and to no
/// other.
#[test]
fn credentials_stay_at_home() {
    for (name, way, line) in ways() {
        for (link, is_home) in
            [("http://fake/next", true), ("/next", true), ("http://other/next", false), ("https://fake/next", false)]
        {
            let mut plan = once(json!([list("/items"), follow("{next}")]));
            plan["http"]["cookies"] = json!(true);
            plan["scenarios"][0]["headers"] = json!([["Host", "api.example"], ["Cookie", "mine=own"], ["X-Open", "1"]]);
            if way.is_null() {
                plan["scenarios"][0]["steps"][1]["headers"] =
                    json!([["Authorization", "Bearer own"], ["X-Api-Key", "own"]]);
            } else {
                plan["auth"] = json!([{"name": name, "way": way}]);
                plan["scenarios"][0]["auth"] = json!(name);
            }
            let (requests, run) = log(&plan, move |request| match request.split(' ').nth(1).unwrap_or_default() {
                "/token" => Reply::ok(ms(1), r#"{"access_token": "t1"}"#),
                "/items" => {
                    let body = json!({"next": link}).to_string();
                    raw(format!(
                        "HTTP/1.1 200 OK\r\nSet-Cookie: jar=1; Path=/\r\nContent-Length: {}\r\n\r\n{body}",
                        body.len()
                    )
                    .as_bytes())
                }
                _ => raw(OK),
            });
            let next = requests.last().expect("a request");
            assert!(
                next.starts_with("GET /next HTTP/1.1\r\n") && next.contains("X-Open: 1\r\n"),
                "{name} {link}: {next}"
            );
            assert_eq!(is_home, next.contains(line), "{name} {link}: {next}");
            assert_eq!(is_home, next.contains("Host: api.example\r\n"), "{name} {link}: {next}");
            assert_eq!(is_home, next.contains("Cookie: mine=own; jar=1\r\n"), "{name} {link}: {next}");
            if !is_home {
                let next = next.to_lowercase();
                assert!(
                    !next.contains("cookie") && !next.contains("authorization") && !next.contains("own"),
                    "{name}: {next}"
                );
            }
            assert_eq!(0, run.rows.iter().filter(|row| row.error).count(), "{name} {link}");
        }
    }
}

/// A key in the query goes behind the link's own query, to the target itself only.
#[test]
fn parameters_behind_a_link() {
    for (link, expected) in [
        ("/next", "/next?limit=5&key=s3"),
        ("/next?a=1", "/next?a=1&limit=5&key=s3"),
        ("http://other/next?a=1", "/next?a=1&limit=5"),
    ] {
        let mut next = follow("{next}");
        next["query"] = json!([["limit", "5"]]);
        let mut plan = once(json!([list("/items"), next]));
        plan["auth"] =
            json!([{"name": "k", "way": {"kind": "api_key", "key": {"text": "s3"}, "name": "key", "place": "query"}}]);
        plan["scenarios"][0]["auth"] = json!("k");
        let (requests, _) = sent(&plan, move |number| if number == 0 { page(link) } else { raw(OK) });
        assert_eq!(format!("GET {expected} HTTP/1.1"), first_lines(&requests)[1]);
    }
}

/// A host that is a variable within a URL is refused, with what to write instead.
#[test]
fn a_host_within_a_url() {
    let plan: Plan = serde_json::from_value(once(json!([follow("http://{next}/x")]))).expect("a readable plan");
    let problems = Program::new(&plan).expect_err("a bad URL");
    assert!(problems[0].hint.as_ref().is_some_and(|hint| hint.contains("{server}/items")), "{problems:?}");
}

/// A base URL that paths cannot be written behind is refused, with what to do.
#[test]
fn base_urls() {
    for (base_url, said) in [("http://fake/api?key=1", "has a query"), ("http://fake/api#f", "has a fragment")] {
        let mut plan = once(json!([get("a")]));
        plan["scenarios"][0]["base_url"] = json!(base_url);
        let plan: Plan = serde_json::from_value(plan).expect("a readable plan");
        let problems = Program::new(&plan).expect_err("a bad base URL");
        assert_eq!((1, "scenarios[0].base_url"), (problems.len(), &*problems[0].path), "{problems:?}");
        assert!(problems[0].message.contains(said), "{problems:?}");
    }
}
