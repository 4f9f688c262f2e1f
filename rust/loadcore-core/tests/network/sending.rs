//! Requests larger than a socket holds, and responses larger than a buffer.

use crate::support::plans::{get, plan, post, with_total_ms};
use crate::support::run::{Recorded, Row, run, run_meddling};
use crate::support::server::{Server, Talk, answer};
use crate::support::wait_until;
use serde_json::json;

/// More than sockets hold on both sides together.
const LARGE: usize = 6 << 20;

/// Runs one large POST against a server that has read its head, then a GET.
fn run_large(after_head: impl Fn(&mut Talk) + Send + Sync + 'static) -> (Recorded, Server) {
    let server = serve(after_head);
    let recorded = run(&with_total_ms(plan(&server.url(), 2, &[post("/{$iteration}", LARGE)]), 2000));
    (recorded, server)
}

fn serve(after_head: impl Fn(&mut Talk) + Send + Sync + 'static) -> Server {
    Server::start(move |talk| {
        while let Some(request) = talk.head() {
            if request.path() == "/0" {
                after_head(talk);
            } else {
                talk.skip(request.body_bytes());
                talk.send(&answer(201, "own"));
            }
        }
    })
}

fn sent(row: &Row) -> usize {
    usize::try_from(row.bytes_sent).expect("a count")
}

/// The request after the one that the test is about has been sent whole, once, and has its own answer.
fn assert_next_is_fine(recorded: &Recorded) {
    let row = &recorded.rows[1];
    assert_eq!(("ok", 201, 1), (row.outcome, row.status, row.attempts));
    assert!(sent(row) > LARGE);
}

/// A body that goes out in many pieces arrives whole, and every byte is counted.
#[test]
fn a_large_body_arrives_whole() {
    let (recorded, server) = run_large(|talk| {
        // Until the server reads, no kernel takes all of it.
        std::thread::sleep(std::time::Duration::from_millis(200));
        talk.skip(LARGE);
        talk.send(&answer(200, "thanks"));
    });

    let row = &recorded.rows[0];
    assert_eq!(("ok", 200), (row.outcome, row.status));
    // The second is read as it comes, and may leave at once.
    assert!((1..=2).contains(&recorded.sent_slowly), "{}", recorded.sent_slowly);
    assert_eq!(server.seen()[0].head.len() + LARGE, sent(row));
    assert!(recorded.rows[1].reused);
    assert_next_is_fine(&recorded);
}

/// A final response that comes before the body is sent is the response; the rest is not sent, the connection not kept.
#[test]
fn an_early_response_ends_the_sending() {
    let (recorded, server) = run_large(|talk| {
        talk.send(&answer(413, "too large"));
        // Not a byte is read before the client has gone on to its next request.
        wait_until("the next request", || talk.requests() == 2);
        let came = talk.wait_for_close();
        talk.note(came);
    });

    let row = &recorded.rows[0];
    assert_eq!(("ok", 413, 1), (row.outcome, row.status, row.attempts));
    assert!(sent(row) < LARGE);
    wait_until("the close", || !server.noted().is_empty());
    assert_eq!(server.seen()[0].head.len() + server.noted()[0], sent(row));
    assert!(!recorded.rows[1].reused);
    assert_next_is_fine(&recorded);
}

/// An early response to a body that was sent whole leaves the connection usable.
#[test]
fn an_early_response_to_a_small_body_keeps_the_connection() {
    let server = Server::start(|talk| {
        while let Some(request) = talk.head() {
            talk.send(&answer(200, "early"));
            talk.skip(request.body_bytes());
        }
    });
    let recorded = run(&plan(&server.url(), 2, &[post("/{$iteration}", 100)]));

    assert_eq!(2, recorded.outcomes()["ok"]);
    assert!(recorded.rows[1].reused);
}

/// A connection that is reset while the request is on its way: no response, and only what left is counted.
#[test]
fn a_reset_while_sending_is_said() {
    let (recorded, server) = run_large(Talk::reset);

    let row = &recorded.rows[0];
    assert!(["send_reset", "send_broken_pipe"].contains(&row.outcome), "{row:?}");
    assert_eq!((0, 1, 0), (row.status, row.attempts, row.bytes_received));
    assert!(sent(row) < LARGE, "{row:?}");
    assert_eq!(2, server.seen().len());
    assert_next_is_fine(&recorded);
}

/// A reset after an error response that arrived: the response counts.
#[test]
fn a_response_before_a_reset_counts() {
    let (recorded, _) = run_large(|talk| {
        talk.send(&answer(401, "no"));
        talk.reset();
    });

    let row = &recorded.rows[0];
    // The reset may overtake the response in our own socket; then there is none.
    assert!(
        (row.outcome, row.status) == ("ok", 401) || ["send_reset", "send_broken_pipe"].contains(&row.outcome),
        "{row:?}"
    );
    assert_next_is_fine(&recorded);
}

/// A server that closes its side before it has read the request gives no response.
#[test]
fn a_close_while_sending_is_said() {
    let (recorded, _) = run_large(|talk| {
        talk.fin();
        talk.hang();
    });

    let row = &recorded.rows[0];
    assert_eq!(("closed_before_response", 1), (row.outcome, row.attempts));
    assert!(sent(row) < LARGE);
    assert_next_is_fine(&recorded);
}

/// A server that reads nothing is a server that does not answer: the time is up as for any other.
#[test]
fn a_server_that_reads_nothing_times_out() {
    let server = serve(Talk::hang);
    let recorded = run(&with_total_ms(plan(&server.url(), 2, &[post("/{$iteration}", LARGE)]), 400));

    let row = &recorded.rows[0];
    assert_eq!(("timeout_headers", 1), (row.outcome, row.attempts));
    assert!(sent(row) < LARGE);
    // Not before its time, and not by the 10 s of other plans.
    assert!((400..10_000).contains(&(row.response_ns / 1_000_000)), "{row:?}");
}

/// An interrupt ends a request that is half sent; it is recorded as interrupted.
#[test]
fn an_interrupt_ends_a_request_that_is_half_sent() {
    let server = serve(Talk::hang);
    let plan = plan(&server.url(), 1, &[post("/{$iteration}", LARGE)]);
    let recorded = run_meddling(&plan, |control| {
        wait_until("the request", || server.seen().len() == 1);
        control.interrupt();
    });

    assert_eq!(1, recorded.outcomes()["interrupted"]);
    assert!(sent(&recorded.rows[0]) < LARGE);
}

/// A body that nothing reads is counted to the byte, though the kernel throws it away, and so is one that is read.
#[test]
fn a_body_counts_the_same_read_or_thrown_away() {
    let server = Server::start(|talk| {
        let body = vec![b'x'; LARGE];
        while let Some(request) = talk.request() {
            let length = if request.path() == "/small" { 100 } else { LARGE };
            talk.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").as_bytes());
            talk.send(&body[..length]);
        }
    });
    let mut checked = get("/large");
    checked["checks"] =
        json!([{"name": "x", "claim": {"kind": "size", "compare": {"operator": "==", "value": LARGE}}}]);
    let mut searched = get("/large");
    searched["checks"] = json!([{"name": "y", "claim": {"kind": "contains", "text": "xy"}}]);
    let steps = [get("/large"), checked, searched, get("/small")];
    let recorded = run(&plan(&server.url(), 1, &steps));

    let whole = |length: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").len() + length;
    let received: Vec<_> =
        recorded.rows.iter().map(|row| usize::try_from(row.bytes_received).expect("a count")).collect();
    assert_eq!(vec![whole(LARGE), whole(LARGE), whole(LARGE), whole(100)], received);
    assert_eq!(4, recorded.outcomes()["ok"]);
    assert_eq!(1, recorded.connections);
}
