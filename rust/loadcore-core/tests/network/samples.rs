//! What is shown of a failure is what came for that very request, however it came.

use std::time::Duration;

use serde_json::json;

use crate::support::plans::{get, plan, with_users};
use crate::support::run::run;
use crate::support::server::{Server, Talk, answer};

/// A response that no other connection gets: by its status.
fn own(talk: &Talk, pad: usize) -> (u16, String, String) {
    let status = 500 + u16::try_from(talk.connection).expect("few connections");
    let body = format!("{{\"of\": {status}, \"pad\": \"{}\"}}", "x".repeat(pad));
    let head = format!("HTTP/1.1 {status} Own\r\nX-Of: {status}\r\nContent-Length: {}\r\n\r\n", body.len());
    (status, head, body)
}

/// Sixteen users whose responses come at the same time, cut into pieces anywhere: each sample shows its own.
#[test]
fn pieces_of_many_users() {
    for (pad, cuts) in
        [(0, &[0.5, 1.0][..]), (0, &[0.1, 0.2, 0.9]), (40, &[0.97]), (6000, &[0.01, 0.3]), (100_000, &[0.1])]
    {
        let cuts = cuts.to_vec();
        let server = Server::start(move |talk| {
            if talk.request().is_none() {
                return;
            }
            let (_, head, body) = own(talk, pad);
            let whole = format!("{head}{body}");
            let mut begin = 0;
            for cut in cuts.iter().chain(&[1.0]) {
                #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let end = (whole.len() as f64 * cut) as usize;
                talk.send(&whole.as_bytes()[begin..end]);
                begin = end;
                std::thread::sleep(Duration::from_millis(5));
            }
            while talk.request().is_some() {}
        });
        let samples = run(&with_users(plan(&server.url(), 1, &[get("/")]), 16)).samples;

        assert_eq!(16, samples.len());
        for sample in samples {
            let response = sample.response.expect("a response");
            let status = &sample.what;
            assert_eq!(format!("HTTP/1.1 {status} Own"), response.line);
            assert_eq!(("X-Of".to_owned(), status.clone()), response.headers[0]);
            assert!(response.body.starts_with(&format!("{{\"of\": {status}, ")), "{pad}: {}", response.body);
            assert_eq!((response.body.len() < 2048 || response.cut, response.body.len() <= 2048), (true, true));
        }
    }
}

/// A step that looks at its responses shows the head of a good status, too, when a check does not hold.
#[test]
fn a_check_on_a_response_in_pieces() {
    let server = Server::start(|talk| {
        while talk.request().is_some() {
            let whole = answer(200, "{\"total\": 3}");
            let head = whole.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
            talk.send(&whole[..head]);
            std::thread::sleep(Duration::from_millis(5));
            talk.send(&whole[head..]);
        }
    });
    let mut step = get("/");
    step["checks"] = json!([{"name": "more", "claim": {"kind": "json", "path": "$.total", "compare": {"operator": ">", "value": 3}}}]);
    let samples = run(&plan(&server.url(), 2, &[step])).samples;

    assert_eq!(1, samples.len());
    assert_eq!("the check `more` does not hold: found 3", samples[0].reason);
    let response = samples[0].response.as_ref().expect("a response");
    assert!(response.line.starts_with("HTTP/1.1 200"), "{}", response.line);
    assert_eq!("{\"total\": 3}", response.body);
}

/// So does one that expects another good status.
#[test]
fn an_unexpected_success_in_pieces() {
    let server = Server::start(|talk| {
        while talk.request().is_some() {
            talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
            std::thread::sleep(Duration::from_millis(5));
            talk.send(b"here");
        }
    });
    let mut step = get("/");
    step["expect"] = json!([[201, 201]]);
    let samples = run(&plan(&server.url(), 1, &[step])).samples;

    assert_eq!("expected status 201, got 200", samples[0].reason);
    assert_eq!("here", samples[0].response.as_ref().expect("a response").body);
}

/// After a redirect to another place, that place is named.
#[test]
fn after_a_redirect() {
    let there = Server::start(|talk| talk.answer_all(&answer(500, "there")));
    let head = format!("HTTP/1.1 302 Found\r\nLocation: {}/x\r\nContent-Length: 0\r\n\r\n", there.url());
    let here = Server::start(move |talk| talk.answer_all(head.as_bytes()));
    let mut plan = plan(&here.url(), 1, &[get("/")]);
    plan["http"]["max_redirects"] = json!(3);
    plan["scenarios"][0]["steps"][0]["checks"] =
        json!([{"name": "text", "claim": {"kind": "contains", "text": "here!"}}]);
    let samples = run(&plan).samples;

    assert_eq!(vec!["500", "text"], samples.iter().map(|sample| &*sample.what).collect::<Vec<_>>());
    for sample in samples {
        let request = sample.request.expect("a request");
        assert_eq!((there.url(), "GET /x HTTP/1.1".to_owned()), (request.origin, request.line));
        assert_eq!("there", sample.response.expect("a response").body);
    }
}
