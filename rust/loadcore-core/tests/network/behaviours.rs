//! One response that is not as it should be: its outcome, whether the connection is used again, and that the next
//! request gets its own answer.

use std::thread;
use std::time::Duration;

use crate::support::plans::{gets, plan, with_total_ms};
use crate::support::run::{Recorded, run};
use crate::support::server::{Server, Talk, answer};
use serde_json::{Value, json};

/// Timeout of exchanges that must time out.
const SHORT_MS: u64 = 300;
/// The status of every answer but the one that the case is about.
const OWN_STATUS: u16 = 201;

/// What the server does with the first request.
#[derive(Debug, Clone)]
enum Does {
    Send(Vec<u8>),
    Wait(Duration),
    /// Sends byte by byte for ever, until the client has gone.
    Drip(&'static [u8]),
    Fin,
    Reset,
    /// Keeps the connection and reads on, as a server that thinks all is well.
    Serve,
    /// Keeps the connection open and does nothing more.
    Hang,
}

/// A behaviour and its required result.
#[derive(Debug, Clone)]
struct Case {
    name: &'static str,
    does: Vec<Does>,
    method: &'static str,
    outcome: &'static str,
    status: u16,
    is_reused: bool,
    surplus: u64,
    interim: u64,
    attempts: u8,
    http: Value,
}

fn case(name: &'static str, does: &[Does]) -> Case {
    let mut does = does.to_vec();
    if !matches!(does.last(), Some(Does::Fin | Does::Reset | Does::Hang | Does::Drip(_))) {
        does.push(Does::Serve);
    }
    Case {
        name,
        does,
        method: "GET",
        outcome: "ok",
        status: 200,
        is_reused: true,
        surplus: 0,
        interim: 0,
        attempts: 1,
        http: json!({}),
    }
}

impl Case {
    /// Fails so; the status is what was seen of it (0: nothing).
    fn fails(self, outcome: &'static str, status: u16) -> Self {
        Self { outcome, status, is_reused: false, ..self }
    }

    /// Is fine, but the connection is not used again.
    fn closes(self) -> Self {
        Self { is_reused: false, ..self }
    }

    fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    fn surplus(self, surplus: u64) -> Self {
        Self { surplus, is_reused: false, ..self }
    }

    fn interim(self, interim: u64) -> Self {
        Self { interim, ..self }
    }

    fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    /// Changes a setting of the client.
    fn http(mut self, key: &str, value: Value) -> Self {
        self.http[key] = value;
        self
    }
}

fn send(text: &str) -> Does {
    Does::Send(text.as_bytes().to_vec())
}

fn ok(rest: &str) -> Does {
    send(&format!("HTTP/1.1 200 OK\r\n{rest}"))
}

fn pause() -> Does {
    Does::Wait(Duration::from_millis(30))
}

/// Rows 1 to 8: ends and lengths.
fn lengths() -> Vec<Case> {
    vec![
        case("head cut by FIN", &[ok("Content-Le"), Does::Fin]).fails("closed_in_headers", 200),
        case("head cut by RST", &[ok("Content-Le"), pause(), Does::Reset]).fails("reset_in_headers", 200),
        case("status line cut by FIN", &[send("HTTP/1.1 20"), Does::Fin]).fails("closed_in_headers", 0),
        case("body cut by FIN", &[ok("Content-Length: 9\r\n\r\nhalf"), Does::Fin]).fails("closed_in_body", 200),
        case("body cut by RST", &[ok("Content-Length: 9\r\n\r\nhalf"), pause(), Does::Reset])
            .fails("reset_in_body", 200),
        case("surplus in the same segment", &[ok("Content-Length: 2\r\n\r\nokHTTP/1.1 299 X\r\n\r\n")]).surplus(18),
        case("one surplus byte", &[ok("Content-Length: 2\r\n\r\nok!")]).surplus(1),
        case("length twice, same", &[ok("Content-Length: 2\r\nContent-Length: 2\r\n\r\nok")]),
        case("length twice, different", &[ok("Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!")])
            .fails("proto_content_length", 200),
        case("length negative", &[ok("Content-Length: -2\r\n\r\nok")]).fails("proto_content_length", 200),
        case("length too big for any type", &[ok("Content-Length: 18446744073709551616\r\n\r\n")])
            .fails("proto_content_length", 200),
        case("length huge but legal", &[ok("Content-Length: 4611686018427387904\r\n\r\n")])
            .fails("body_too_large", 200),
        case(
            "length and transfer coding",
            &[ok("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")],
        )
        .fails("proto_framing_conflict", 200),
        case("transfer coding unknown", &[ok("Transfer-Encoding: gzip\r\n\r\nok"), Does::Fin])
            .fails("proto_transfer_encoding", 200),
        case("body above the limit", &[ok("Content-Length: 100\r\n\r\n")])
            .fails("body_too_large", 200)
            .http("limits", json!({"body_bytes": 99})),
        case("endless body above the limit", &[ok("\r\n"), Does::Send(vec![b'x'; 1 << 20])])
            .fails("body_too_large", 200)
            .http("limits", json!({"body_bytes": 65_536})),
    ]
}

/// Rows 9 to 17: chunks and header lines.
fn chunks_and_headers() -> Vec<Case> {
    let chunked = |rest: &str| ok(&format!("Transfer-Encoding: chunked\r\n\r\n{rest}"));
    let flood = format!("X: {}\r\n", "y".repeat(70_000));
    let many = "X: y\r\n".repeat(300);
    vec![
        case("chunks", &[chunked("2\r\nok\r\n"), pause(), send("0\r\n\r\n")]),
        case("chunk size no number", &[chunked("zz\r\nok\r\n0\r\n\r\n")]).fails("proto_chunk", 200),
        case("chunk size overflows", &[chunked("FFFFFFFFFFFFFFFFF\r\nok\r\n")]).fails("proto_chunk", 200),
        case("chunk longer than it says", &[chunked("2\r\nok!\r\n0\r\n\r\n")]).fails("proto_chunk", 200),
        case("chunk extension", &[chunked("2;a=b\r\nok\r\n0\r\n\r\n")]),
        case("flood of chunk extensions", &[chunked(&format!("2;{}\r\nok", "a".repeat(20_000)))])
            .fails("proto_chunk", 200),
        case("trailers", &[chunked("2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n")]),
        case("flood of trailers", &[chunked(&format!("0\r\n{flood}\r\n"))]).fails("proto_trailer", 200),
        case("last chunk cut", &[chunked("2\r\nok\r\n0\r\n"), Does::Fin]).fails("closed_in_body", 200),
        case("folded header", &[ok("X-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok")]),
        case("bare LF", &[send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")]),
        case("space before the colon", &[ok("Content-Length : 2\r\n\r\nok")]).fails("proto_header", 200),
        case("header line too long", &[ok(&flood)]).fails("proto_header_too_large", 200),
        case("too many header lines", &[ok(&format!("{many}\r\n"))]).fails("proto_too_many_headers", 200),
    ]
}

/// Rows 18 to 25: interim responses, and responses without a body.
fn interim_and_bodiless() -> Vec<Case> {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let fine = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    vec![
        case("103 first", &[send(hints), pause(), send(fine)]).interim(1),
        case("100 and 103 in one segment", &[send(&format!("HTTP/1.1 100 Continue\r\n\r\n{hints}{fine}"))]).interim(2),
        case("endless 103", &[send(&hints.repeat(40))]).fails("proto_too_many_1xx", 0),
        case("103 and FIN", &[send(hints), Does::Fin]).fails("closed_in_headers", 0),
        case("103 and silence", &[send(hints), Does::Hang]).fails("timeout_headers", 0),
        case("204 with a length", &[send("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n")]).status(204),
        case("304 with a length", &[send("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")]).status(304),
        case("HEAD with a length", &[ok("Content-Length: 5\r\n\r\n")]).method("HEAD"),
        case("204 with a body", &[send("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello")])
            .status(204)
            .surplus(5),
        case("HEAD with a body", &[ok("Content-Length: 5\r\n\r\nhello")]).method("HEAD").surplus(5),
        case("101 unasked", &[send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")])
            .fails("proto_unexpected_101", 101),
        case("close said, kept open", &[ok("Connection: close\r\nContent-Length: 2\r\n\r\nok")]).closes(),
        case("no length, FIN", &[ok("\r\nall of it"), Does::Fin]).closes(),
        case("no length, RST", &[ok("\r\nall of it"), pause(), Does::Reset]).fails("reset_in_body", 200),
        case("HTTP/1.0", &[send("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")]).closes(),
        case(
            "HTTP/1.0 keep-alive",
            &[send("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok")],
        ),
    ]
}

/// Rows 31 to 37: silence, slowness, other protocols, redirects, cookies.
fn silence_and_others() -> Vec<Case> {
    let banner = "SSH-2.0-OpenSSH_9.2p1 Debian\r\n";
    let cookies: Vec<_> = (0..200).map(|number| format!("Set-Cookie: c{number}={}\r\n", "v".repeat(200))).collect();
    vec![
        case("never answers", &[Does::Hang]).fails("timeout_headers", 0),
        case("half a head and silence", &[ok("Content-"), Does::Hang]).fails("timeout_headers", 200),
        case("half a body and silence", &[ok("Content-Length: 9\r\n\r\nhalf"), Does::Hang]).fails("timeout_body", 200),
        case("a head that drips", &[ok(""), Does::Drip(b"X-A: b\r\n")]).fails("timeout_total", 200),
        case("a body that drips", &[ok("Content-Length: 99999\r\n\r\n"), Does::Drip(b"x")]).fails("timeout_total", 200),
        case("closed without a byte", &[Does::Fin]).fails("closed_before_response", 0),
        case("reset without a byte", &[Does::Reset]).fails("reset_before_response", 0),
        case("an SSH banner", &[send(banner)]).fails("proto_not_http", 0),
        case("a TLS alert", &[Does::Send(vec![0x15, 3, 1, 0, 2, 2, 70])]).fails("proto_tls", 0),
        case("HTTP/2 settings", &[Does::Send(vec![0, 0, 0, 4, 0, 0, 0, 0, 0])]).fails("proto_http2", 0),
        case("HTTP/2 settings and more", &[Does::Send(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80".to_vec())])
            .fails("proto_http2", 0),
        case("HTTP/2 GOAWAY", &[Does::Send(b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x01".to_vec())])
            .fails("proto_http2", 0),
        case("zeros", &[Does::Send(vec![0; 20])]).fails("proto_not_http", 0),
        case("HTTP/2.0 in words", &[send("HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok")]).fails("proto_version", 0),
        case("a status of two digits", &[send("HTTP/1.1 20 OK\r\n\r\n")]).fails("proto_status_line", 0),
        case("an error status", &[send("HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno")]).status(500),
        case("a flood of cookies", &[ok(&format!("{}Content-Length: 2\r\n\r\nok", cookies.concat()))])
            .http("cookies", json!(true)),
    ]
}

/// Does what the case says with the first request, and answers all others as they should be.
fn serve(talk: &mut Talk, does: &[Does]) {
    while let Some(request) = talk.request() {
        if request.path() != "/0" {
            talk.send(&answer(OWN_STATUS, if request.head.starts_with("HEAD") { "" } else { "own" }));
            continue;
        }
        for action in does {
            match action {
                Does::Send(bytes) => _ = talk.send(bytes),
                Does::Wait(pause) => thread::sleep(*pause),
                Does::Drip(bytes) => talk.drip(&bytes.repeat(2000), Duration::from_millis(5)),
                Does::Serve => {}
                Does::Hang => _ = talk.wait_for_close(),
                Does::Fin => {
                    talk.fin();
                    talk.wait_for_close();
                }
                Does::Reset => talk.reset(),
            }
        }
    }
}

fn recorded(case: &Case) -> (Recorded, Server) {
    let does = case.does.clone();
    let server = Server::start(move |talk| serve(talk, &does));
    let mut plan = if case.method == "GET" {
        gets(&server.url(), 2)
    } else {
        let request = json!({"kind": "request", "name": "step", "method": case.method, "url": "/{$iteration}"});
        plan(&server.url(), 2, &[request])
    };
    if case.outcome.starts_with("timeout") {
        plan = with_total_ms(plan, SHORT_MS);
    }
    for (key, value) in case.http.as_object().expect("settings") {
        plan["http"][key] = value.clone();
    }
    (run(&plan), server)
}

/// What is wrong with how a behaviour was taken; nothing if all is well.
fn differences(case: &Case) -> Vec<String> {
    let (recorded, server) = recorded(case);
    let [first, second] = &recorded.rows[..] else { return vec![format!("{} rows", recorded.rows.len())] };
    let mut found = Vec::new();
    let mut compare = |what: &str, is: String, should_be: String| {
        if is != should_be {
            found.push(format!("{what}: {is} is not {should_be}"));
        }
    };
    compare("outcome", first.outcome.to_owned(), case.outcome.to_owned());
    compare("status", first.status.to_string(), case.status.to_string());
    compare("attempts", first.attempts.to_string(), case.attempts.to_string());
    compare("next outcome", second.outcome.to_owned(), "ok".to_owned());
    compare("next status", second.status.to_string(), OWN_STATUS.to_string());
    compare("reused", second.reused.to_string(), case.is_reused.to_string());
    compare("surplus", recorded.surplus_bytes.to_string(), case.surplus.to_string());
    compare("interim", recorded.interim.to_string(), case.interim.to_string());
    compare("attempts of all", recorded.attempts().to_string(), server.seen().len().to_string());
    let connections: Vec<_> = server.seen().iter().map(|seen| seen.connection).collect();
    compare("connections", format!("{connections:?}"), format!("{:?}", [0, usize::from(!case.is_reused)]));
    if case.outcome.starts_with("timeout") {
        let late_ms = first.response_ns / 1_000_000 - i64::try_from(SHORT_MS).expect("a timeout");
        compare("timed out after", (0..5000).contains(&late_ms).to_string(), "true".to_owned());
    }
    found
}

/// Every behaviour has its outcome, the connection is used again only where that is safe, and the next request gets
/// its own answer.
#[test]
fn every_behaviour_has_its_outcome() {
    let cases = [lengths(), chunks_and_headers(), interim_and_bodiless(), silence_and_others()].concat();
    let mut failures = Vec::new();
    for case in &cases {
        let found = differences(case);
        println!("{:32} {:24} {}", case.name, case.outcome, if found.is_empty() { "as it should be" } else { "WRONG" });
        failures.extend(found.iter().map(|difference| format!("{}: {difference}", case.name)));
    }
    println!("{} of {} behaviours", cases.len() - failures.len().min(cases.len()), cases.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The bytes of a response are counted as they came over the wire: head, framing and surplus included.
#[test]
fn every_byte_is_counted() {
    let does = [ok("Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 299 X\r\n\r\n")];
    let Does::Send(bytes) = &does[0] else { panic!("bytes") };
    let (recorded, server) = recorded(&case("", &does));

    assert_eq!(bytes.len(), usize::try_from(recorded.rows[0].bytes_received).expect("a count"));
    let head = &server.seen()[0].head;
    assert_eq!(head.len(), usize::try_from(recorded.rows[0].bytes_sent).expect("a count"));
}
