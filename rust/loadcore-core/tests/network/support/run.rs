//! Runs a plan with the real engine, and returns the results.

use std::collections::BTreeMap;

use loadcore_core::aggregate::Hint;
use loadcore_core::clock::monotonic_ns;
use loadcore_core::engine::{Control, Engine, Event};
use loadcore_core::record::{Columns, ConnectTimings, Outcome};
use loadcore_core::recorder::EndReason;
use loadcore_core::sample::Sample;
use loadcore_core::schedule::Share;
use serde_json::Value;

use super::plans::typed;

/// One request as it was recorded.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) outcome: &'static str,
    pub(crate) status: u16,
    pub(crate) attempts: u8,
    pub(crate) reused: bool,
    pub(crate) error: bool,
    pub(crate) iteration: i32,
    pub(crate) due_ns: i64,
    pub(crate) lag_ns: i64,
    pub(crate) ttfb_ns: i64,
    pub(crate) service_ns: i64,
    pub(crate) response_ns: i64,
    pub(crate) bytes_sent: i64,
    pub(crate) bytes_received: i64,
    pub(crate) connection: Option<ConnectTimings>,
}

/// Everything that a run recorded.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    pub(crate) rows: Vec<Row>,
    pub(crate) surplus_bytes: u64,
    pub(crate) interim: u64,
    pub(crate) connections: u64,
    pub(crate) hints: Vec<Hint>,
    /// Requests that did not leave at once.
    pub(crate) sent_slowly: u32,
    pub(crate) end: Option<EndReason>,
    pub(crate) samples: Vec<Sample>,
}

impl Recorded {
    /// How many rows have each outcome.
    pub(crate) fn outcomes(&self) -> BTreeMap<&'static str, usize> {
        let mut outcomes = BTreeMap::new();
        for row in &self.rows {
            *outcomes.entry(row.outcome).or_default() += 1;
        }
        outcomes
    }

    /// Requests that were written to a connection, retries included.
    pub(crate) fn attempts(&self) -> u64 {
        self.rows.iter().map(|row| u64::from(row.attempts)).sum()
    }
}

/// Carries out a plan to its end.
pub(crate) fn run(plan: &Value) -> Recorded {
    run_meddling(plan, |_| ())
}

/// Carries out a plan; `meddle` gets the control of the running engine.
pub(crate) fn run_meddling(plan: &Value, meddle: impl FnOnce(Control)) -> Recorded {
    let engine = Engine::new(typed(plan), Share::WHOLE).unwrap_or_else(|problems| panic!("{problems:?}"));
    let running = engine.start(monotonic_ns());
    meddle(running.control.clone());
    let mut recorded = Recorded::default();
    for event in &running.events {
        match event {
            Event::Rows(chunk) => recorded.take_rows(&chunk.into_columns()),
            Event::Window(window) => {
                for (_, _, cell) in window.steps() {
                    recorded.surplus_bytes += cell.surplus_bytes;
                    recorded.interim += cell.interim;
                    recorded.connections += u64::from(cell.connections);
                    recorded.hints.extend_from_slice(cell.hints());
                }
                recorded.sent_slowly += window.sending.iter().map(|(_, count)| count).sum::<u32>();
            }
            // Plans of steps meet no others.
            Event::Names(_) => {}
            Event::Sample(sample) => recorded.samples.push(*sample),
            Event::End(end) => recorded.end = Some(end.reason),
        }
    }
    running.engine_thread.join().expect("an engine that did not panic");
    recorded.rows.sort_by_key(|row| (row.iteration, row.due_ns));
    recorded.check();
    recorded
}

impl Recorded {
    fn take_rows(&mut self, columns: &Columns) {
        let connections: BTreeMap<u32, ConnectTimings> = columns.connections.iter().copied().collect();
        self.rows.extend((0..columns.rows).map(|row| Row {
            outcome: Outcome::ALL[usize::try_from(columns.outcome[row]).expect("an outcome")].name(),
            status: columns.status[row],
            attempts: columns.attempts[row],
            reused: columns.reused[row] == 1,
            error: columns.standing[row] == loadcore_core::record::ERROR,
            iteration: columns.iteration[row],
            due_ns: columns.due_ns[row],
            lag_ns: columns.lag_ns[row],
            ttfb_ns: columns.ttfb_ns[row],
            service_ns: columns.service_ns[row],
            response_ns: columns.response_ns[row],
            bytes_sent: columns.bytes_sent[row],
            bytes_received: columns.bytes_received[row],
            connection: connections.get(&u32::try_from(row).expect("a row")).copied(),
        }));
    }

    /// What holds for every row of every run: times in order and never negative, and errors that count as such.
    fn check(&self) {
        for row in &self.rows {
            assert!(row.due_ns >= 0 && row.lag_ns >= 0 && row.response_ns >= row.service_ns, "{row:?}");
            assert!(row.ttfb_ns <= row.service_ns, "{row:?}");
            assert_eq!(row.attempts == 0, row.service_ns < 0, "{row:?}");
            assert!(row.error || ["ok", "interrupted"].contains(&row.outcome), "{row:?}");
            assert!(!row.reused || row.connection.is_none(), "{row:?}");
            assert!(row.outcome != "ok" || (row.status >= 200 && row.ttfb_ns >= 0), "{row:?}");
        }
    }
}
