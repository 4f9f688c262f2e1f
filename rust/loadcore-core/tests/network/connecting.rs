//! Connections that do not come about.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::json;
use socket2::{Domain, Socket, Type};

use crate::support::child;
use crate::support::plans::{gets, with_connect_ms, with_users};
use crate::support::run::{Recorded, run};
use crate::support::server::{Server, answer};

/// Every row is such an outcome, was not sent, and is not a response.
fn assert_all(recorded: &Recorded, outcome: &str, count: usize) {
    assert_eq!(count, recorded.rows.len());
    for row in &recorded.rows {
        assert_eq!((outcome, 0, 0, -1), (row.outcome, row.status, row.attempts, row.service_ns), "{row:?}");
        assert_eq!((0, 0), (row.bytes_sent, row.bytes_received));
    }
}

/// An address without a listener.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}

/// A listener whose accept queue is full.
pub(crate) struct FullListener {
    pub(crate) address: SocketAddr,
    _listener: Socket,
    _waiting: Vec<TcpStream>,
}

/// Listens without accepting, and fills the queue.
pub(crate) fn full_listener(ip: [u8; 4], port: u16) -> FullListener {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    listener.bind(&SocketAddr::from((ip, port)).into()).expect("a free port");
    listener.listen(0).expect("a listener");
    let address = listener.local_addr().expect("an address").as_socket().expect("an address");
    let mut waiting = Vec::new();
    let full = loop {
        match TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            Ok(stream) => waiting.push(stream),
            Err(error) => break error,
        }
        assert!(waiting.len() < 100, "the queue never fills");
    };
    assert_eq!(ErrorKind::TimedOut, full.kind());
    FullListener { address, _listener: listener, _waiting: waiting }
}

/// Nothing listens: refused, each time.
#[test]
fn nobody_listens() {
    let recorded = run(&gets(&format!("http://{}", nobody()), 3));

    assert_all(&recorded, "connect_refused", 3);
}

/// No route: the kernel says so at once. (It refuses TCP to the broadcast address without sending anything.)
#[test]
fn there_is_no_route() {
    let recorded = run(&gets("http://255.255.255.255:80", 2));

    assert_all(&recorded, "connect_unreachable", 2);
}

/// An accept queue that is full: attempts get no answer, and end with the connect timeout.
#[test]
fn the_accept_queue_is_full() {
    let full = full_listener([127, 0, 0, 1], 0);
    let address = full.address;
    let began = Instant::now();
    let recorded = run(&with_connect_ms(gets(&format!("http://{address}"), 1), 400));

    assert_all(&recorded, "connect_timeout", 1);
    // Not before its time, and neither by the 5 s of other plans nor by the kernel, which tries for two minutes.
    assert!((400..5000).contains(&(recorded.rows[0].response_ns / 1_000_000)), "{:?}", recorded.rows);
    assert!(began.elapsed() < Duration::from_mins(1));
}

/// More connections at once than may be under way: all come about, and every user gets its own answer.
#[test]
fn a_thousand_users_connect_at_once() {
    let server = server_that_answers();
    let recorded = run(&with_users(gets(&server.url(), 2), 400));

    assert_eq!(800, recorded.outcomes()["ok"]);
    assert_eq!(400, recorded.connections);
    assert_eq!(800, server.seen().len());
}

/// Fewer descriptors than connections: the rest is not sent, says why, and the others continue.
#[test]
fn descriptors_run_out() {
    let server = server_that_answers();
    child::run("connecting::with_few_descriptors", "ulimit -n 40", &[("TARGET", &server.url())]);

    assert!(!server.seen().is_empty());
}

/// The part of [`descriptors_run_out`] that has few descriptors.
#[test]
#[ignore = "run by descriptors_run_out, in a process of its own"]
fn with_few_descriptors() {
    let url = std::env::var("TARGET").expect("a target");
    let recorded = run(&with_users(gets(&url, 2), 60));

    let outcomes = recorded.outcomes();
    let (fine, lacking) = (outcomes["ok"], outcomes["fd_limit"]);
    assert_eq!((120, 2), (fine + lacking, outcomes.len()), "{outcomes:?}");
    assert!(fine >= 10 && lacking >= 10, "{outcomes:?}");
    assert_eq!(fine as u64, recorded.attempts());
    let unsent = recorded.rows.iter().filter(|row| row.outcome == "fd_limit");
    assert!(unsent.clone().all(|row| row.attempts == 0 && row.service_ns == -1));
}

/// Users that lack a descriptor wait for longer and longer: they do not take the core from those who have one.
#[test]
fn who_lacks_a_descriptor_does_not_spin() {
    child::run("connecting::resting_without_descriptors", "ulimit -n 40", &[("TARGET", &server_that_answers().url())]);
}

/// The part of [`who_lacks_a_descriptor_does_not_spin`] that has few descriptors.
#[test]
#[ignore = "run by who_lacks_a_descriptor_does_not_spin, in a process of its own"]
fn resting_without_descriptors() {
    let mut plan = with_users(gets(&std::env::var("TARGET").expect("a target"), 1), 60);
    plan["scenarios"][0]["load"] = json!({"kind": "users", "users": 60, "duration_ns": 2_000_000_000_u64});
    let think = json!({"kind": "think", "distribution": "constant", "ns": 60_000_000_000_u64});
    plan["scenarios"][0]["steps"].as_array_mut().expect("steps").push(think);
    let before = processor_time();
    let recorded = run(&plan);
    let used = processor_time() - before;

    assert!(recorded.outcomes()["fd_limit"] >= 20, "{:?}", recorded.outcomes());
    assert!(used < 40, "{used} hundredths of a second, of 2 s");
}

/// Processor time of this process so far, all threads together, in hundredths of a second.
fn processor_time() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("a process has figures");
    let after_name = stat.rsplit(')').next().expect("a name in brackets");
    let fields: Vec<_> = after_name.split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

fn server_that_answers() -> Server {
    Server::start(|talk| talk.answer_all(&answer(200, "hello")))
}
