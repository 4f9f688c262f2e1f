//! TLS as it should be, and every way in which it is not.

use std::thread;
use std::time::Duration;

use rustls::{HandshakeKind, ServerConfig};
use serde_json::{Value, json};

use crate::support::plans::{gets, plan, post, with_connect_ms, with_total_ms};
use crate::support::run::{Recorded, Row, run};
use crate::support::server::{Server, answer};
use crate::support::tls::{Authority, TlsTalk, serve};

const NOW: (i32, i32) = (2020, 2120);

fn url(server: &Server) -> String {
    format!("https://localhost:{}", server.address.port())
}

/// A plan of this many requests that trusts only this authority.
fn trusting(authority: &Authority, server: &Server, requests: u32) -> Value {
    let mut plan = gets(&url(server), requests);
    plan["http"]["tls"] = json!({"ca_file": authority.ca_file});
    plan
}

/// What comes of one request to a server with this configuration.
fn one(authority: &Authority, config: ServerConfig) -> Row {
    let (server, _) = serve(config, |mut talk| talk.answer_all(&answer(200, "hello")));
    run(&trusting(authority, &server, 1)).rows.remove(0)
}

/// One handshake serves all requests of a user; its time stands apart from that of connecting and of the request.
#[test]
fn a_good_certificate() {
    let authority = Authority::new();
    let (server, handshakes) =
        serve(authority.server("localhost", NOW), |mut talk| talk.answer_all(&answer(200, "hello")));
    let recorded = run(&trusting(&authority, &server, 3));

    assert_eq!(3, recorded.outcomes()["ok"]);
    let timings = recorded.rows[0].connection.expect("a connection");
    assert!(timings.tls_ns.is_some_and(|ns| ns > 0) && timings.connect_ns.is_some() && timings.dns_ns.is_some());
    assert_eq!([false, true, true], *recorded.rows.iter().map(|row| row.reused).collect::<Vec<_>>());
    let bytes = i64::try_from(answer(200, "hello").len()).expect("a count");
    assert!(recorded.rows.iter().all(|row| row.bytes_received == bytes));
    let handshakes = handshakes.lock().expect("a lock");
    assert_eq!(1, handshakes.len());
    assert_eq!(Some("localhost"), handshakes[0].server_name.as_deref());
}

/// Problems of a certificate are distinguished; nothing is sent over such a connection.
#[test]
fn bad_certificates_are_told_apart() {
    let (authority, stranger, namesake) = (Authority::new(), Authority::called("a stranger"), Authority::new());
    let cases = [
        (authority.server("localhost", (2000, 2001)), "tls_cert_expired"),
        (authority.server("localhost", (2119, 2120)), "tls_cert_expired"),
        (authority.server("elsewhere.example", NOW), "tls_cert_hostname"),
        (stranger.server("localhost", NOW), "tls_cert_untrusted"),
        (namesake.server("localhost", NOW), "tls_cert_signature"),
        (authority.client_as_server("localhost"), "tls_cert_purpose"),
        (Authority::that_serves("localhost", NOW).itself(), "tls_cert_authority"),
    ];
    for (config, outcome) in cases {
        let row = one(&authority, config);

        assert_eq!((outcome, 0, 0), (row.outcome, row.attempts, row.bytes_sent));
        let timings = row.connection.expect("what was done until then");
        assert!(timings.connect_ns.is_some() && timings.tls_ns.is_none());
    }
}

/// `insecure` takes any certificate.
#[test]
fn insecure_takes_any_certificate() {
    let stranger = Authority::new();
    let (server, _) =
        serve(stranger.server("elsewhere.example", (2000, 2001)), |mut talk| talk.answer_all(&answer(200, "")));
    let mut plan = gets(&url(&server), 1);
    plan["http"]["tls"] = json!({"insecure": true});

    assert_eq!(1, run(&plan).outcomes()["ok"]);
}

/// Another name than the URL's is sent and checked, if the plan says so.
#[test]
fn the_server_name_can_be_another() {
    let authority = Authority::new();
    let (server, handshakes) =
        serve(authority.server("api.example", NOW), |mut talk| talk.answer_all(&answer(200, "")));
    let mut plan = trusting(&authority, &server, 1);
    plan["http"]["tls"]["server_name"] = json!("api.example");

    assert_eq!(1, run(&plan).outcomes()["ok"]);
    assert_eq!(Some("api.example"), handshakes.lock().expect("a lock")[0].server_name.as_deref());
}

/// A server that does not speak TLS, closes, or stalls: each has its outcome, and no request waits longer than allowed.
#[test]
fn servers_that_do_not_shake_hands() {
    let authority = Authority::new();
    let plain = Server::start(|talk| {
        talk.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        talk.wait_for_close();
    });
    let closing = Server::start(|talk| {
        talk.fin();
        talk.wait_for_close();
    });
    let resetting = Server::start(|talk| {
        talk.read_more();
        talk.reset();
    });
    let stalling = Server::start(|talk| _ = talk.wait_for_close());
    let cases =
        [(plain, "tls_not_tls"), (closing, "tls_handshake"), (resetting, "tls_handshake"), (stalling, "tls_timeout")];
    for (server, outcome) in cases {
        let recorded = run(&with_connect_ms(trusting(&authority, &server, 1), 400));

        let row = &recorded.rows[0];
        assert_eq!((outcome, 0), (row.outcome, row.attempts));
        if outcome == "tls_timeout" {
            // Not before its time, and not by the 5 s of other plans.
            assert!((400..5000).contains(&(row.response_ns / 1_000_000)), "{row:?}");
        }
    }
}

/// A server that speaks only another protocol inside TLS refuses the handshake.
#[test]
fn a_server_without_http_1() {
    let authority = Authority::new();
    let mut config = authority.server("localhost", NOW);
    config.alpn_protocols = vec![b"h2".to_vec()];

    assert_eq!("tls_alpn", one(&authority, config).outcome);
}

/// A server's own certificate is trusted if it is the one of the file, byte for byte: one that signed itself is an
/// authority, too. Its dates and its name count as ever.
#[test]
fn a_server_may_be_its_own_authority() {
    let itself = |name, years| {
        let authority = Authority::that_serves(name, years);
        one(&authority, authority.itself()).outcome
    };
    assert_eq!("ok", itself("localhost", NOW));
    assert_eq!("tls_cert_expired", itself("localhost", (2000, 2001)));
    assert_eq!("tls_cert_hostname", itself("elsewhere.example", NOW));
    // Another one of the same name and the same authority's name.
    let (authority, other) = (Authority::that_serves("localhost", NOW), Authority::that_serves("localhost", NOW));
    assert_eq!("tls_cert_authority", one(&authority, other.itself()).outcome);
}

/// A demand for a client certificate is reported as one, even if the server makes it after the handshake.
#[test]
fn a_client_certificate_is_demanded() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let authority = Authority::new();
        let row = one(&authority, authority.demanding(version));
        assert_eq!(("tls_client_cert", 0), (row.outcome, row.status), "{version:?}");
    }
}

/// A server that answers a hello with these bytes.
fn answers_hello(bytes: Vec<u8>) -> &'static str {
    let authority = Authority::new();
    let server = Server::start(move |talk| {
        talk.read_more();
        talk.send(&bytes);
        talk.wait_for_close();
    });
    run(&with_connect_ms(trusting(&authority, &server, 1), 2000)).rows[0].outcome
}

/// An alert of the server is reported by its meaning.
#[test]
fn alerts_are_told_apart() {
    let cases = [
        (40, "tls_cipher"),
        (71, "tls_cipher"),
        (70, "tls_version"),
        (80, "tls_internal_error"),
        (112, "tls_name"),
        (120, "tls_alpn"),
        (116, "tls_client_cert"),
        (42, "tls_client_cert"),
        (50, "tls_alert"),
        (47, "tls_alert"),
        (200, "tls_alert"),
    ];
    for (alert, outcome) in cases {
        for minor in [1, 3] {
            assert_eq!(outcome, answers_hello(vec![0x15, 3, minor, 0, 2, 2, alert]), "alert {alert}");
        }
    }
}

/// A server of TLS 1.1 that chooses its own version instead of saying that there is none in common.
#[test]
fn a_server_of_an_old_version() {
    let hello = [&[2, 0, 0, 38, 3, 2][..], &[7; 32], &[0, 0, 0x2f, 0]].concat();
    let record = [&[0x16, 3, 2, 0, u8::try_from(hello.len()).expect("a short hello")], &hello[..]].concat();

    assert_eq!("tls_version", answers_hello(record));
}

/// What came of a GET whose response is these bytes and then an end, with or without the end mark of TLS.
fn cut_after(bytes: &'static [u8], ends_well: bool) -> Recorded {
    let authority = Authority::new();
    let (server, _) = serve(authority.server("localhost", NOW), move |mut talk| {
        talk.request(0);
        talk.send(bytes);
        if ends_well {
            talk.close();
        }
    });
    run(&trusting(&authority, &server, 1))
}

/// A body that ends with the connection is whole only if TLS says that the connection ends. Anybody can cut a TCP
/// stream.
#[test]
fn a_cut_stream_is_no_end_of_a_body() {
    const ENDLESS: &[u8] = b"HTTP/1.1 200 OK\r\n\r\nall of it";
    assert_eq!("ok", cut_after(ENDLESS, true).rows[0].outcome);
    assert_eq!("closed_in_body", cut_after(ENDLESS, false).rows[0].outcome);
    assert_eq!("closed_in_headers", cut_after(b"HTTP/1.1 200 OK\r\n", false).rows[0].outcome);
    assert_eq!("closed_before_response", cut_after(b"", false).rows[0].outcome);
    assert_eq!("ok", cut_after(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false).rows[0].outcome);
}

/// How the handshakes of five requests went, each over a connection of its own.
fn handshakes_of_five(resumption: &str) -> Vec<HandshakeKind> {
    let authority = Authority::new();
    let (server, handshakes) =
        serve(authority.server("localhost", NOW), |mut talk| talk.answer_all(&answer(200, "hello")));
    let mut plan = trusting(&authority, &server, 5);
    plan["http"]["reuse"] = json!("request");
    plan["http"]["tls"]["resumption"] = json!(resumption);
    let recorded = run(&plan);
    assert_eq!((5, 5), (recorded.outcomes()["ok"], recorded.connections));
    let handshakes = handshakes.lock().expect("a lock");
    handshakes.iter().map(|handshake| handshake.kind).collect()
}

/// A user resumes its session, or shakes hands in full each time: as the plan says, counted by the server.
#[test]
fn sessions_are_resumed_or_not() {
    let full = HandshakeKind::Full;
    assert_eq!(vec![full; 5], handshakes_of_five("full"));
    let resumed = HandshakeKind::Resumed;
    assert_eq!(vec![full, resumed, resumed, resumed, resumed], handshakes_of_five("resume"));
}

/// An unrequested response answers no other request, inside TLS as well: neither in the same record nor later.
#[test]
fn surplus_inside_tls_answers_nothing() {
    let authority = Authority::new();
    let (server, handshakes) = serve(authority.server("localhost", NOW), |mut talk| {
        while let Some(head) = talk.request(0) {
            if head.starts_with("GET /0 ") {
                talk.send(&[answer(200, "first"), answer(299, "stray")].concat());
            } else {
                talk.send(&answer(201, "own"));
            }
        }
    });
    let recorded = run(&trusting(&authority, &server, 2));

    assert_eq!([200, 201], *recorded.rows.iter().map(|row| row.status).collect::<Vec<_>>());
    assert_eq!(answer(299, "stray").len() as u64, recorded.surplus_bytes);
    assert_eq!(2, handshakes.lock().expect("a lock").len());
}

/// Sends a POST of this number of bytes to a server that reads late, through small segments. It arrives whole.
fn send_to_a_late_reader(bytes: usize) -> Recorded {
    let authority = Authority::new();
    let mut config = authority.server("localhost", NOW);
    // The arrival of a ticket would be an occasion to send what was held back.
    config.send_tls13_tickets = 0;
    let (server, _) = serve(config, move |mut talk: TlsTalk| {
        // Long enough for the client to have filled what the socket holds; if it is not, the test only proves less.
        thread::sleep(Duration::from_millis(100));
        if talk.request(bytes).is_some() {
            talk.send(&answer(200, "thanks"));
        }
    });
    server.narrow();
    let mut plan = with_total_ms(plan(&url(&server), 1, &[post("/", bytes)]), 5000);
    plan["http"]["tls"] = json!({"ca_file": authority.ca_file});
    run(&plan)
}

/// A body is sent to its end, however much of it the socket, or TLS itself, held back at first.
#[test]
fn a_body_leaves_to_its_last_record() {
    for bytes in [1000, 30_000, 60_000, 1 << 20] {
        let recorded = send_to_a_late_reader(bytes);

        let row = &recorded.rows[0];
        assert_eq!(("ok", 200), (row.outcome, row.status), "{bytes} bytes: {row:?}");
        assert!(usize::try_from(row.bytes_sent).expect("a count") > bytes);
    }
}
