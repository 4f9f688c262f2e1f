//! What responses say about where their time went is read however they come.

use std::time::Duration;

use crate::support::plans::{get, plan};
use crate::support::run::run;
use crate::support::server::Server;

/// Heads that come before their bodies: once one was missed, the next ones are kept to be looked at.
#[test]
fn heads_that_come_by_themselves() {
    for (body, times) in [(2, 8), (300_000, 8)] {
        let server = Server::start(move |talk| {
            while talk.request().is_some() {
                let head = format!("HTTP/1.1 200 OK\r\nServer-Timing: db;dur=12.5\r\nContent-Length: {body}\r\n\r\n");
                talk.send(head.as_bytes());
                std::thread::sleep(Duration::from_millis(5));
                talk.send(&vec![b'x'; body]);
            }
        });
        let recorded = run(&plan(&server.url(), u32::try_from(times).expect("few"), &[get("/")]));

        assert_eq!(times, recorded.rows.len());
        let ttfb_ns: i64 = recorded.rows.iter().map(|row| row.ttfb_ns).sum();
        let found: u32 = recorded.hints.iter().map(|hint| hint.count).sum();
        assert!((2..=4).contains(&found), "{:?}", recorded.hints);
        for hint in &recorded.hints {
            assert_eq!(("Server-Timing db", u64::from(hint.count) * 12_500_000), (&*hint.name, hint.sum_ns));
            assert!(0 < hint.ttfb_sum_ns && hint.ttfb_sum_ns < ttfb_ns.cast_unsigned(), "{hint:?} {ttfb_ns}");
        }
    }
}
