//! What comes over a connection while no request is on it, and a request that crosses its end.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::plans::{get, plan, post};
use crate::support::run::{Recorded, run};
use crate::support::server::{Server, Talk, answer};

/// Runs `GET /0`, lets `meanwhile` do something to the idle connection, then runs `GET /1`.
///
/// The user is kept busy by a second server, which answers only when the first one is done: no time is guessed.
fn run_with_idle(meanwhile: impl Fn(&mut Talk) + Send + Sync + 'static) -> (Recorded, Server) {
    let (user_is_away, away) = channel();
    let (all_is_done, done) = channel();
    let (away, done) = (Mutex::new(away), Mutex::new(done));
    let target = Server::start(move |talk| {
        while let Some(request) = talk.request() {
            if request.path() != "/0" {
                talk.send(&answer(201, "own"));
                continue;
            }
            talk.send(&answer(200, "first"));
            away.lock().expect("a lock").recv_timeout(PATIENCE).expect("a user that is away");
            meanwhile(talk);
            all_is_done.send(()).expect("a server that waits");
        }
    });
    let elsewhere = Server::start(move |talk| {
        while talk.request().is_some() {
            user_is_away.send(()).expect("a server that waits");
            done.lock().expect("a lock").recv_timeout(PATIENCE).expect("a target that is done");
            talk.send(&answer(202, ""));
        }
    });
    let steps = [get("/0"), get(&format!("{}/", elsewhere.url())), get("/1")];
    (run(&plan(&target.url(), 1, &steps)), target)
}

/// The same, with something that is seen by the client's kernel before the user comes back: a busy machine may deliver
/// what was sent over one connection after what was sent later over another.
fn run_with_event(event: impl Fn(&mut Talk) + Send + Sync + 'static) -> (Recorded, Server) {
    run_with_idle(move |talk| {
        let port = talk.client_port().expect("a connection");
        event(talk);
        let deadline = Instant::now() + PATIENCE;
        while is_open_and_empty(port) {
            assert!(Instant::now() < deadline, "nothing came");
            std::thread::yield_now();
        }
    })
}

/// Whether the socket at this local port is established and has nothing to read.
fn is_open_and_empty(port: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
    let sockets = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let local = format!(":{port:04X}");
    sockets
        .into_iter()
        .any(|fields| fields[1].ends_with(&local) && fields[3] == "01" && fields[4].ends_with(":00000000"))
}

/// The last request is answered with what is its own, over this connection.
fn assert_own_answer((recorded, target): &(Recorded, Server), connection: usize) {
    let statuses: Vec<_> = recorded.rows.iter().map(|row| (row.outcome, row.status, row.attempts)).collect();
    assert_eq!([("ok", 200, 1), ("ok", 202, 1), ("ok", 201, 1)], *statuses);
    let connections: Vec<_> = target.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(vec![0, connection], connections);
    assert_eq!(connection == 0, recorded.rows[2].reused);
}

/// A connection on which nothing happened is used again.
#[test]
fn a_quiet_connection_is_used_again() {
    assert_own_answer(&run_with_idle(|_| ()), 0);
}

/// An unrequested response is given to no request: the connection is replaced, and the bytes are counted.
#[test]
fn a_stray_response_answers_nothing() {
    let run = run_with_event(|talk| _ = talk.send(&answer(299, "stray")));

    assert_own_answer(&run, 1);
    assert_eq!(answer(299, "stray").len() as u64, run.0.surplus_bytes);
}

/// The same for one stray byte.
#[test]
fn a_stray_byte_answers_nothing() {
    let run = run_with_event(|talk| _ = talk.send(b"\n"));

    assert_own_answer(&run, 1);
    assert_eq!(1, run.0.surplus_bytes);
}

/// A 408 with which a server ends an idle connection is not an answer to the next request.
#[test]
fn a_late_408_answers_nothing() {
    let run = run_with_event(|talk| {
        talk.send(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        talk.fin();
    });

    assert_own_answer(&run, 1);
}

/// A connection that was closed or reset while idle is replaced without a word.
#[test]
fn closed_idle_connections_are_replaced() {
    assert_own_answer(&run_with_event(Talk::fin), 1);
    assert_own_answer(&run_with_event(Talk::reset), 1);
}

/// Runs `GET /0`, which is answered, and then `request`, at which `race` is done to the connection when it has been
/// read.
fn run_with_race(request: Value, race: impl Fn(&mut Talk) + Send + Sync + 'static) -> (Recorded, Server) {
    let target = Server::start(move |talk| {
        while let Some(request) = talk.request() {
            if talk.connection == 0 && request.path() == "/1" {
                race(talk);
                talk.wait_for_close();
            } else {
                talk.send(&answer(200, "own"));
            }
        }
    });
    (run(&plan(&target.url(), 1, &[get("/0"), request])), target)
}

fn last(recorded: &Recorded) -> (&str, u8, bool) {
    let row = &recorded.rows[1];
    (row.outcome, row.attempts, row.reused)
}

/// An idempotent request that crosses the close of a used connection is sent once more, on a new one, and the row says
/// so.
#[test]
fn a_crossing_close_is_retried_once() {
    for race in [Talk::fin, Talk::reset] {
        let (recorded, target) = run_with_race(get("/1"), race);

        assert_eq!(("ok", 2, false), last(&recorded));
        assert_eq!(3, target.seen().len());
        assert_eq!(3, recorded.attempts());
    }
}

/// A request that is not idempotent is not sent twice.
#[test]
fn a_post_is_never_sent_twice() {
    for race in [Talk::fin, Talk::reset] {
        let (recorded, target) = run_with_race(post("/1", 10), race);

        assert_eq!(("stale_connection", 1, true), last(&recorded));
        assert_eq!(2, target.seen().len());
    }
}

/// A byte of a response is the end of retries: the server has seen the request.
#[test]
fn an_answer_cut_short_is_not_retried() {
    let (recorded, target) = run_with_race(get("/1"), |talk| {
        talk.send(b"H");
        talk.fin();
    });

    assert_eq!(("closed_in_headers", 1, true), last(&recorded));
    assert_eq!(2, target.seen().len());
}

/// A server that closes every connection without an answer gets each request twice at most, and every sending is
/// counted.
#[test]
fn retries_end() {
    let target = Server::start(|talk| {
        if let Some(request) = talk.request()
            && request.path() == "/0"
        {
            talk.send(&answer(200, "own"));
            talk.request();
        }
        talk.fin();
        talk.wait_for_close();
    });
    let recorded = run(&plan(&target.url(), 1, &[get("/0"), get("/1")]));

    assert_eq!(("closed_before_response", 2, false), last(&recorded));
    assert_eq!(3, target.seen().len());
}

/// A connection whose server says how long it keeps it is given up before that: no request crosses the close.
#[test]
fn an_announced_close_is_not_crossed() {
    let target = Server::start(|talk| {
        talk.answer_all(b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n");
    });
    let think = json!({"kind": "think", "distribution": "constant", "ns": 1_000_000});
    let recorded = run(&plan(&target.url(), 1, &[get("/0"), think, get("/1")]));

    assert_eq!(("ok", 1, false), last(&recorded));
}
