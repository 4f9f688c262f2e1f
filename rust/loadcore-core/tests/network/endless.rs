//! Responses that never end: each kind has a limit, which is reached within a megabyte and costs no memory.

use std::fs;

use serde_json::json;

use crate::support::child;
use crate::support::plans::gets;
use crate::support::run::{Row, run};
use crate::support::server::{Server, answer};

const MIB: i64 = 1 << 20;
const BODY_LIMIT: i64 = 4 * MIB;

/// A response that never ends, and what stops it.
struct Endless {
    name: &'static str,
    begins: &'static str,
    goes_on: &'static str,
    outcome: &'static str,
    limit: i64,
}

const fn endless(
    name: &'static str,
    begins: &'static str,
    goes_on: &'static str,
    outcome: &'static str,
    limit: i64,
) -> Endless {
    Endless { name, begins, goes_on, outcome, limit }
}

const KINDS: [Endless; 9] = [
    endless("reason phrase", "HTTP/1.1 200 ", "very ", "proto_header_too_large", 64 << 10),
    endless("header line", "HTTP/1.1 200 OK\r\nX-A: ", "long ", "proto_header_too_large", 64 << 10),
    endless("header lines", "HTTP/1.1 200 OK\r\n", "X-A: b\r\n", "proto_too_many_headers", 64 << 10),
    endless("interim responses", "", "HTTP/1.1 103 Hints\r\n\r\n", "proto_too_many_1xx", 64 << 10),
    endless("chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0", "proto_chunk", 64 << 10),
    endless(
        "chunk extensions",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "1;a=b\r\nx\r\n",
        "proto_chunk",
        64 << 10,
    ),
    endless(
        "trailers",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        "X: y\r\n",
        "proto_trailer",
        64 << 10,
    ),
    endless(
        "chunks",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "3\r\nabc\r\n",
        "body_too_large",
        3 * BODY_LIMIT,
    ),
    endless("body", "HTTP/1.1 200 OK\r\n\r\n", "abcdefgh", "body_too_large", BODY_LIMIT),
];

/// The row of one request that is answered so.
fn row_of(kind: &Endless) -> Row {
    let (begins, block) = (kind.begins.as_bytes(), kind.goes_on.repeat(16_384 / kind.goes_on.len()));
    let server = Server::start(move |talk| {
        if talk.request().is_some() && talk.send(begins) {
            while talk.send(block.as_bytes()) {}
        }
    });
    let mut plan = gets(&server.url(), 1);
    plan["http"]["limits"] = json!({"body_bytes": BODY_LIMIT});
    run(&plan).rows.remove(0)
}

/// A figure of this process' memory in KiB.
fn memory_kib(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("a process has a status");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a figure of that name");
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Endless responses of every kind end within a megabyte of their limit, in less than two megabytes of memory.
#[test]
fn endless_responses_end() {
    // By default the allocator takes large blocks from a heap that it clears, once it has seen some freed.
    child::run("endless::measured_alone", "true", &[("MALLOC_MMAP_THRESHOLD_", "131072")]);
}

/// The part of [`endless_responses_end`] that is measured.
#[test]
#[ignore = "run by endless_responses_end, in a process of its own"]
fn measured_alone() {
    // What a first run costs is not what an endless response costs.
    let server = Server::start(|talk| talk.answer_all(&answer(200, &"x".repeat(1 << 20))));
    run(&gets(&server.url(), 3));
    for kind in &KINDS {
        // Makes the highest figure the present one.
        fs::write("/proc/self/clear_refs", "5").expect("one's own figures");
        let before = memory_kib("VmRSS");
        let row = row_of(kind);
        let grown = memory_kib("VmHWM").saturating_sub(before);
        println!("{:18} {:24} after {:9} bytes, {grown:5} KiB of memory", kind.name, row.outcome, row.bytes_received);

        assert_eq!(kind.outcome, row.outcome, "{}", kind.name);
        assert!(row.bytes_received <= kind.limit + MIB, "{}: {} bytes", kind.name, row.bytes_received);
        assert!(grown <= 2048, "{}: {grown} KiB", kind.name);
    }
}
