//! Bodies that come compressed over a real connection, in whatever pieces.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::support::plans::{get, plan, with_users};
use crate::support::run::run;
use crate::support::server::Server;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

/// A step that fails unless the value at `$.id` is 7, that it is text, and that it can be taken.
fn looking() -> Value {
    let mut step = get("/");
    step["checks"] = json!([
        {"name": "id", "claim": {"kind": "json", "path": "$.id", "compare": {"operator": "==", "value": 7}}},
        {"name": "text", "claim": {"kind": "contains", "text": "xxx"}},
    ]);
    step["extracts"] = json!([{"variable": "id", "from": {"kind": "json", "path": "$.id"}}]);
    step
}

/// Several users whose responses come with a length, in chunks or until the connection ends, whole or in pieces: all are read,
/// and the bytes that are counted are those that came.
#[test]
fn bodies_are_read_however_they_come() {
    let body = gzip(&format!(r#"{{"id": 7, "text": "{}"}}"#, "x".repeat(300_000)));
    let length = body.len();
    let chunks: Vec<u8> = body
        .chunks(100)
        .flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat())
        .chain(*b"0\r\n\r\n")
        .collect();
    for (framing, sent, closes) in [
        (format!("Content-Length: {length}\r\n"), &body, false),
        ("Transfer-Encoding: chunked\r\n".to_owned(), &chunks, false),
        ("Connection: close\r\n".to_owned(), &body, true),
    ] {
        for piece in [usize::MAX, 700] {
            let head = format!("HTTP/1.1 200 OK\r\n{framing}Content-Encoding: gzip\r\n\r\n");
            let whole = [head.as_bytes(), sent].concat();
            let expected = i64::try_from(whole.len()).expect("not that long");
            let server = Server::start(move |talk| {
                while talk.request().is_some() {
                    for piece in whole.chunks(piece.min(whole.len())) {
                        talk.send(piece);
                        if piece.len() < whole.len() {
                            std::thread::sleep(Duration::from_millis(2));
                        }
                    }
                    if closes {
                        return talk.fin();
                    }
                }
            });
            let run = run(&with_users(plan(&server.url(), 3, &[looking()]), 4));
            assert_eq!(run.samples, [], "{framing}{piece}");
            assert_eq!(run.rows.len(), 12, "{framing}{piece}");
            assert!(run.rows.iter().all(|row| row.bytes_received == expected), "{framing}{piece}");
        }
    }
}

/// A body of which only the beginning is kept is shown as it was before; no credential in it is.
#[test]
fn a_failure_in_pieces_is_shown() {
    // Hard to compress, so that it comes in many pieces.
    let noise: Vec<String> = (0..40_000_u32).map(|number| number.wrapping_mul(2_654_435_761).to_string()).collect();
    let noise = noise.concat();
    let body = gzip(&format!(r#"{{"password": "canary", "noise": "{noise}"}}"#));
    let server = Server::start(move |talk| {
        while talk.request().is_some() {
            let head = format!("HTTP/1.1 500 No\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
            talk.send(head.as_bytes());
            for piece in body.chunks(20_000) {
                std::thread::sleep(Duration::from_millis(2));
                talk.send(piece);
            }
        }
    });
    let samples = run(&plan(&server.url(), 2, &[get("/")])).samples;
    assert_eq!(samples.len(), 1);
    let response = samples[0].response.as_ref().expect("a response");
    assert!(response.body.starts_with(r#"{"password": "***", "noise": "0"#), "{}", response.body);
    assert_eq!((response.cut, response.unreadable.as_deref()), (true, None));
}
