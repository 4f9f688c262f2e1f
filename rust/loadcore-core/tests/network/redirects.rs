//! Redirects, cookies and values that mean no good, over real sockets.

use serde_json::{Value, json};

use crate::support::plans::{get, plan};
use crate::support::run::{Recorded, run};
use crate::support::server::{Server, answer};

/// A redirect to this place.
fn moved(location: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

/// One user that follows up to ten redirects, once.
fn follow(base_url: &str, request: Value) -> Value {
    let mut plan = plan(base_url, 1, &[request]);
    plan["http"]["max_redirects"] = json!(10);
    plan
}

fn outcomes(recorded: &Recorded) -> Vec<(&'static str, u16)> {
    recorded.rows.iter().map(|row| (row.outcome, row.status)).collect()
}

/// A loop is followed ten times; each hop is a row, and so is its end.
#[test]
fn a_loop_ends() {
    let server = Server::start(|talk| talk.answer_all(&moved("/again")));
    let recorded = run(&follow(&server.url(), get("/")));

    let mut expected = vec![("ok", 302); 11];
    expected.push(("redirect_loop", 0));
    assert_eq!(expected, outcomes(&recorded));
    assert_eq!((11, 11), (server.seen().len() as u64, recorded.attempts()));
}

/// A place that no request can be sent to ends the iteration, and nothing is sent there.
#[test]
fn bad_places_are_not_asked() {
    for location in ["ftp://127.0.0.1/", "javascript:alert(1)", "http://", "http://me:pw@127.0.0.1/", "/a\u{1}b", "//"]
    {
        let answer = moved(location);
        let server = Server::start(move |talk| talk.answer_all(&answer));
        let recorded = run(&follow(&server.url(), get("/")));

        let last = recorded.rows.last().expect("a row");
        assert!(["redirect_invalid", "proto_header"].contains(&last.outcome), "{location:?}: {recorded:?}");
        assert_eq!(1, server.seen().len(), "{location:?}");
    }
}

/// Credentials stay with the origin they were meant for, whatever a redirect says.
#[test]
fn credentials_stay_with_their_origin() {
    let stranger = Server::start(|talk| talk.answer_all(&answer(200, "thanks")));
    // By another name: cookies know hosts, not ports.
    let away = moved(&format!("http://localhost:{}/away", stranger.address.port()));
    let hop = b"HTTP/1.1 307 Hop\r\nLocation: /hop\r\nSet-Cookie: own=1\r\nContent-Length: 0\r\n\r\n";
    let server = Server::start(move |talk| {
        while let Some(request) = talk.request() {
            talk.send(if request.path() == "/" { hop } else { &away });
        }
    });
    let mut request = get("/");
    request["headers"] = json!([["Authorization", "Bearer secret"], ["Cookie", "mine=1"], ["X-Plain", "yes"]]);
    let mut plan = follow(&server.url(), request);
    plan["http"]["cookies"] = json!(true);
    let recorded = run(&plan);

    assert_eq!([("ok", 307), ("ok", 302), ("ok", 200)], *outcomes(&recorded));
    let own: Vec<_> = server.seen().iter().map(|seen| seen.head.contains("Bearer secret")).collect();
    assert_eq!([true, true], *own);
    let head = &stranger.seen()[0].head;
    assert!(head.contains("X-Plain: yes"), "{head}");
    assert!(!head.contains("secret") && !head.to_lowercase().contains("cookie"), "{head}");
}

/// However many cookies a server sets, what is sent back stays small.
#[test]
fn a_flood_of_cookies_is_not_sent_back() {
    let cookies: Vec<_> = (0..150).map(|number| format!("Set-Cookie: c{number}={}\r\n", "v".repeat(300))).collect();
    let flood = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", cookies.concat());
    let server = Server::start(move |talk| talk.answer_all(flood.as_bytes()));
    let mut plan = plan(&server.url(), 3, &[get("/")]);
    plan["http"]["cookies"] = json!(true);
    let recorded = run(&plan);

    assert_eq!(3, recorded.outcomes()["ok"]);
    let last = &server.seen()[2].head;
    assert!(last.len() < 64 * 1024 + 1024, "{} bytes", last.len());
    assert!(last.matches("c1").count() > 0 && last.matches('=').count() <= 51, "{last}");
}

/// A value with a line end would be a second request inside the first: it is not sent, and said to be invalid.
#[test]
fn values_cannot_split_a_request() {
    let server = Server::start(|talk| talk.answer_all(&answer(200, "hello")));
    let evil = "x\r\n\r\nGET /evil HTTP/1.1\r\nHost: a";
    let rows = json!({"kind": "rows", "columns": ["evil"], "rows": [[evil]]});
    let mut in_header = get("/header");
    in_header["headers"] = json!([["X-A", "{evil}"]]);
    let mut in_query = get("/query");
    in_query["query"] = json!([["q", "{evil}"]]);
    for (request, outcome, sent) in
        [(in_header, "request_invalid", 0), (in_query, "ok", 1), (get("/path/{evil}"), "ok", 1)]
    {
        let before = server.seen().len();
        let mut plan = plan(&server.url(), 1, &[request]);
        plan["feeders"] = json!([{"name": "evil", "source": rows, "order": "sequential", "at_end": "recycle"}]);
        plan["scenarios"][0]["feeders"] = json!(["evil"]);
        let recorded = run(&plan);

        assert_eq!(outcome, recorded.rows[0].outcome, "{recorded:?}");
        assert_eq!((sent, before + sent), (usize::from(recorded.rows[0].attempts), server.seen().len()));
    }
    assert!(server.seen().iter().all(|seen| !seen.path().contains("evil") || seen.path().contains("%0D%0A")));
}
