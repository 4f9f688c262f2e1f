//! Names: what the resolver says, and lists of addresses of which not all work.

use std::net::TcpListener;
use std::time::Instant;

use serde_json::{Value, json};

use crate::connecting::full_listener;
use crate::support::child;
use crate::support::names::{ASK_ONLY_US, Asked, Says, serve_names};
use crate::support::plans::{gets, with_connect_ms, with_users};
use crate::support::run::{Recorded, run};
use crate::support::server::{Server, answer};

/// A server that answers all.
fn target() -> Server {
    Server::start(|talk| talk.answer_all(&answer(200, "hello")))
}

/// A number of requests to a name at the port of this server, each over a connection of its own.
fn to(name: &str, server: &Server, requests: u32) -> Value {
    let mut plan = gets(&format!("http://{name}:{}", server.address.port()), requests);
    plan["http"]["reuse"] = json!("request");
    plan
}

/// Rows with a time of looking up.
fn look_ups(recorded: &Recorded) -> usize {
    recorded.rows.iter().filter(|row| row.connection.is_some_and(|timings| timings.dns_ns.is_some())).count()
}

fn times(asked: &Asked, name: &str) -> usize {
    asked.lock().expect("a lock").get(name).copied().unwrap_or(0)
}

/// A name is looked up once; of its addresses the one that works is taken, here IPv4 though IPv6 stands first.
#[test]
fn one_of_two_addresses_works() {
    let recorded = run(&to("localhost", &target(), 4));

    assert_eq!((4, 4), (recorded.outcomes()["ok"], recorded.connections));
    assert_eq!(1, look_ups(&recorded));
}

/// An address is not a name: nothing is looked up.
#[test]
fn an_address_is_not_looked_up() {
    let recorded = run(&to("127.0.0.1", &target(), 2));

    assert_eq!((2, 0), (recorded.outcomes()["ok"], look_ups(&recorded)));
}

/// What a resolver can say, in a network of the test's own.
#[test]
fn what_a_resolver_says() {
    child::run_in_own_network("names::with_own_resolver", ASK_ONLY_US);
}

/// The part of [`what_a_resolver_says`] that has a resolver of its own.
#[test]
#[ignore = "run by what_a_resolver_says, in a network of its own"]
fn with_own_resolver() {
    let asked = serve_names(|name, before| match name {
        "good.test" => Says::Addresses(vec![[127, 0, 0, 1]]),
        "two.test" => Says::Addresses(vec![[127, 0, 0, 2], [127, 0, 0, 1]]),
        "changing.test" => Says::Addresses(vec![[127, 0, 0, if before == 0 { 1 } else { 2 }]]),
        "moving.test" => Says::Addresses(vec![[127, 0, 0, if before == 0 { 9 } else { 1 }]]),
        "fading.test" if before == 0 => Says::Addresses(vec![[127, 0, 0, 9]]),
        "gone.test" => Says::Addresses(vec![[127, 0, 0, 9]]),
        "silent-address.test" => Says::Addresses(vec![[127, 0, 0, 3], [127, 0, 0, 1]]),
        "empty.test" => Says::Addresses(Vec::new()),
        "fading.test" | "broken.test" => Says::Fails(2),
        "missing.test" => Says::Fails(3),
        _ => Says::Nothing,
    });
    let target = target();
    names_that_resolve(&target, &asked);
    names_that_do_not(&target, &asked);
    names_that_move(&target, &asked);
    a_silent_address(&target);
}

/// One question for a whole run, whatever the resolver would say later.
fn names_that_resolve(target: &Server, asked: &Asked) {
    for name in ["good.test", "two.test", "changing.test"] {
        let recorded = run(&with_users(to(name, target, 5), 4));

        assert_eq!((20, 1), (recorded.outcomes()["ok"], recorded.outcomes().len()), "{name}");
        assert_eq!((20, 1), (recorded.connections, times(asked, name)), "{name}");
    }
}

/// A name none of whose addresses takes connections is asked for again, by all users together and once a second at
/// most; the request that found it out goes to where it has moved. A resolver that has failed by then takes no address
/// away.
fn names_that_move(target: &Server, asked: &Asked) {
    let recorded = run(&with_users(to("moving.test", target, 30), 4));
    let outcomes = recorded.outcomes();
    assert_eq!((120, 2), (outcomes["ok"] + outcomes["connect_refused"], times(asked, "moving.test")), "{outcomes:?}");
    assert!(outcomes["ok"] > 60, "{outcomes:?}");

    for name in ["fading.test", "gone.test"] {
        let began = Instant::now();
        let recorded = run(&with_users(to(name, target, 9), 4));
        assert_eq!(36, recorded.outcomes()["connect_refused"], "{name}: {:?}", recorded.outcomes());
        let seconds = usize::try_from(began.elapsed().as_secs()).expect("a short run");
        // The system may ask twice where it gets a failure.
        assert!((2..=2 * (seconds + 2)).contains(&times(asked, name)), "{name}: {} in {seconds} s", times(asked, name));
    }
}

/// Each failure of the resolver has its outcome; those who ask together share one answer.
fn names_that_do_not(target: &Server, asked: &Asked) {
    for (name, outcome) in [
        ("missing.test", "dns_nxdomain"),
        ("empty.test", "dns_nxdomain"),
        ("broken.test", "dns_error"),
        ("silent.test", "dns_timeout"),
    ] {
        let began = Instant::now();
        let recorded = run(&with_connect_ms(with_users(to(name, target, 1), 20), 700));

        assert_eq!(20, recorded.outcomes()[outcome], "{name}: {:?}", recorded.outcomes());
        assert!(recorded.rows.iter().all(|row| row.attempts == 0 && row.service_ns == -1));
        // The system asks again for a name that is not there; we do not.
        assert!(times(asked, name) <= 2, "{name}");
        // By its own time, not by the resolver's, which waits five seconds before it asks once more.
        assert!(began.elapsed().as_millis() < 4500, "{name}");
    }
}

/// An address that gives no answer costs its share of the time, once, and not the connection.
fn a_silent_address(target: &Server) {
    let _full = full_listener([127, 0, 0, 3], target.address.port());
    let recorded = run(&with_connect_ms(to("silent-address.test", target, 3), 4000));

    assert_eq!(3, recorded.outcomes()["ok"], "{:?}", recorded.outcomes());
    let slow = recorded.rows.iter().filter(|row| row.lag_ns > 1_600_000_000).count();
    assert!(slow <= 1, "{:?}", recorded.rows);
}

/// A machine without IPv6 reaches `localhost` by IPv4, and a refusal there is the target's, not the machine's.
#[test]
fn a_machine_without_ipv6() {
    child::run_in_own_network("names::without_ipv6", "echo 1 > /proc/sys/net/ipv6/conf/lo/disable_ipv6");
}

/// The part of [`a_machine_without_ipv6`] that has no IPv6.
#[test]
#[ignore = "run by a_machine_without_ipv6, in a network of its own"]
fn without_ipv6() {
    let target = target();
    assert_eq!(2, run(&to("localhost", &target, 2)).outcomes()["ok"]);

    let refused = run(&gets("http://localhost:1", 2));
    assert_eq!(2, refused.outcomes()["connect_refused"], "{:?}", refused.outcomes());
}

/// Fewer ports than connections: what finds none is not sent and says so, and that it was the client.
#[test]
fn ports_run_out() {
    let before = "echo '40000 40010' > /proc/sys/net/ipv4/ip_local_port_range";
    child::run_in_own_network("names::with_few_ports", before);
}

/// The part of [`ports_run_out`] that has few ports.
#[test]
#[ignore = "run by ports_run_out, in a network of its own"]
fn with_few_ports() {
    for (name, port) in [("127.0.0.1", 8000), ("localhost", 8001)] {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("a port outside the range");
        let target = Server::on(listener, |talk| talk.answer_all(&answer(200, "hello")));
        let mut plan = with_users(to(name, &target, 1), 40);
        plan["http"]["reuse"] = json!("user");
        let recorded = run(&plan);

        let outcomes = recorded.outcomes();
        let (fine, lacking) = (outcomes["ok"], outcomes["addr_unavailable"]);
        // Attempts to reach `localhost` by IPv6 may hold a port for a moment.
        assert!((9..=11).contains(&fine) && fine + lacking == 40, "{name}: {outcomes:?}");
        assert_eq!(fine as u64, recorded.attempts());
    }
}
