//! The laws of recording: nothing is counted twice, nothing is lost, and what is dropped is known.

use std::collections::HashMap;
use std::sync::mpsc::Receiver;
use std::thread;

use loadcore_core::aggregate::{Counts, Flow, Histogram, ScenarioEvent, StepCell, Users, Window};
use loadcore_core::record::{
    CHUNK_ROWS, CheckId, CheckInfo, Chunk, Columns, ConnectTimings, GroupId, GroupInfo, Model, Outcome, Phase, Record,
    ScenarioId, ScenarioInfo, Section, StepId, StepInfo, Tables,
};
use loadcore_core::recorder::{EndReason, Event, Recorder, RunEnd};
use proptest::prelude::*;

fn tables() -> Tables {
    let step = |name: &str| StepInfo {
        scenario: "shop".into(),
        name: name.into(),
        method: "GET".into(),
        section: Section::Main,
    };
    Tables {
        scenarios: vec![ScenarioInfo {
            name: "shop".into(),
            model: Model::Closed,
            planned_start_ns: 0,
            planned_end_ns: Some(1),
            planned_iterations: None,
            users: 2,
        }],
        steps: vec![step("browse"), step("buy"), step("pay")],
        checks: vec![CheckInfo { scenario: "shop".into(), step: "browse".into(), name: "is a page".into() }],
        groups: vec![GroupInfo { scenario: "shop".into(), name: "checkout".into() }],
    }
}

fn record() -> Record {
    Record {
        step: StepId(0),
        outcome: Outcome::Ok,
        status: 200,
        error: false,
        superseded: false,
        started_in: Phase::Steady,
        ended_in: Phase::Steady,
        phase: Phase::Steady,
        attempts: 1,
        reused: true,
        user: 4,
        iteration: 9,
        due_ns: 1_000_000,
        start_ns: 1_030_000,
        first_byte_ns: Some(1_530_000),
        end_ns: 2_030_000,
        unread_ns: 0,
        connection: None,
        bytes_sent: 100,
        bytes_received: 250,
    }
}

fn push(chunk: &mut Chunk, record: &Record) {
    assert!(!chunk.push(record, &record.durations()));
}

fn count(window: &mut Window, record: &Record) {
    window.record(record, &record.durations());
}

/// Everything that came out of a recorder.
#[derive(Default)]
struct Collected {
    chunks: Vec<Columns>,
    windows: Vec<Window>,
    end: Option<RunEnd>,
}

impl Collected {
    fn take(&mut self, event: Event) {
        match event {
            Event::Rows(chunk) => self.chunks.push(chunk.into_columns()),
            Event::Window(window) => self.windows.push(*window),
            Event::Sample(_) | Event::Names(_) => {}
            Event::End(end) => self.end = Some(end),
        }
    }

    fn rows(&self) -> u64 {
        self.chunks.iter().map(|columns| columns.rows as u64).sum()
    }

    fn requests(&self) -> u64 {
        self.windows.iter().flat_map(Window::steps).map(|(_, _, cell)| u64::from(cell.requests)).sum()
    }

    fn service(&self) -> Histogram {
        let mut histogram = Histogram::new();
        for (_, _, cell) in self.windows.iter().flat_map(Window::steps) {
            histogram.add_counts(&cell.service);
        }
        histogram
    }
}

/// Ends the recording with a reader beside it, as the engine does.
fn finish(recorder: Recorder, events: Receiver<Event>, mut collected: Collected) -> Collected {
    let ending = thread::spawn(move || recorder.finish(99, Phase::RampDown, EndReason::Finished, None));
    for event in events {
        collected.take(event);
    }
    assert!(ending.join().is_ok());
    collected
}

#[derive(Debug, Clone)]
enum Act {
    Record(Record),
    Roll,
    Read(usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let request = (0..3_u16, 0..Phase::ALL.len(), 0..Outcome::ALL.len(), 0..3_u8, 0..5_000_000_u64, any::<bool>())
        .prop_map(|(step, phase, outcome, attempts, duration_ns, error)| Record {
            step: StepId(step),
            phase: Phase::ALL[phase],
            outcome: Outcome::ALL[outcome],
            attempts,
            error,
            end_ns: record().start_ns + duration_ns,
            ..record()
        });
    let act =
        prop_oneof![3 => request.prop_map(Act::Record), 3 => Just(Act::Roll), 1 => (0..6_usize).prop_map(Act::Read)];
    prop::collection::vec(act, 0..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However far the reader falls behind: rows + dropped = recorded, the windows count every request once, and the
    /// merged histograms are those of the whole.
    #[test]
    fn nothing_is_lost_unsaid(acts in acts()) {
        let (mut recorder, events, _recycler) = Recorder::channel(tables(), true);
        let mut collected = Collected::default();
        let (mut recorded, mut service) = (0, Histogram::new());
        for act in acts {
            match act {
                Act::Record(record) => {
                    recorder.record(&record);
                    recorded += 1;
                    if record.attempts > 0 && record.outcome != Outcome::Interrupted {
                        service.record(record.end_ns - record.start_ns);
                    }
                }
                Act::Roll => recorder.roll(1, Phase::Steady),
                Act::Read(count) => events.try_iter().take(count).for_each(|event| collected.take(event)),
            }
        }
        let collected = finish(recorder, events, collected);
        let dropped = collected.end.as_ref().map_or(0, |end| end.rows_dropped);
        prop_assert_eq!(collected.rows() + dropped, recorded);
        prop_assert_eq!(collected.requests(), recorded);
        prop_assert_eq!(collected.windows.iter().map(|window| window.rows_dropped).sum::<u64>(), dropped);
        prop_assert_eq!(collected.service(), service);
    }
}

/// A reader that never reads costs rows, not counts, and never stops the recorder.
#[test]
fn a_stalled_reader_costs_rows_only() {
    let (mut recorder, events, _recycler) = Recorder::channel(tables(), true);
    for second in 0..100 {
        recorder.record(&record());
        recorder.roll(second, Phase::Steady);
    }
    assert!(recorder.rows_dropped() > 0);
    let dropped = recorder.rows_dropped();
    let collected = finish(recorder, events, Collected::default());
    assert_eq!(collected.requests(), 100);
    assert_eq!(collected.rows(), 100 - dropped);
    assert_eq!(collected.end.map(|end| end.rows_dropped), Some(dropped));
}

/// A reader that has gone away is not a reason to fail.
#[test]
fn a_reader_that_is_gone_does_no_harm() {
    let (mut recorder, events, recycler) = Recorder::channel(tables(), true);
    drop((events, recycler));
    recorder.record(&record());
    recorder.roll(0, Phase::Steady);
    assert_eq!(recorder.rows_dropped(), 1);
    recorder.finish(1, Phase::Steady, EndReason::Interrupted, None);
}

/// Without a row log there are windows and no rows, and none count as dropped.
#[test]
fn the_row_log_can_be_left_out() {
    let (mut recorder, events, _recycler) = Recorder::channel(tables(), false);
    recorder.record(&record());
    recorder.roll(0, Phase::Steady);
    let collected = finish(recorder, events, Collected::default());
    assert_eq!((collected.rows(), collected.requests()), (0, 1));
    assert_eq!(
        collected.end,
        Some(RunEnd { reason: EndReason::Finished, error: None, rows_dropped: 0, started_late_ns: 0 })
    );
}

/// A chunk goes over as soon as it is full, and its memory comes back to be used again.
#[test]
fn full_chunks_go_over_and_come_round() {
    let (mut recorder, events, recycler) = Recorder::channel(tables(), true);
    let mut places = Vec::new();
    for _ in 0..4 * CHUNK_ROWS {
        recorder.record(&record());
        if let Ok(Event::Rows(chunk)) = events.try_recv() {
            let columns = chunk.into_columns();
            assert_eq!(columns.rows, CHUNK_ROWS);
            places.push(columns.due_ns.as_ptr());
            recycler.chunk(Box::new(Chunk::from(columns)));
        }
    }
    assert_eq!(places.len(), 4);
    assert_eq!(places[0], places[2]);
}

/// Windows come round as well, and come round empty.
#[test]
fn windows_come_round_empty() {
    let (mut recorder, events, recycler) = Recorder::channel(tables(), false);
    let mut places = Vec::new();
    for second in 0..6 {
        recorder.record(&record());
        recorder.roll(second, Phase::Steady);
        if let Ok(Event::Window(window)) = events.try_recv() {
            assert_eq!(window.steps().map(|(_, _, cell)| cell.requests).collect::<Vec<_>>(), [1]);
            assert_eq!(window.lag.iter().map(|(_, count)| count).sum::<u32>(), 1);
            places.push(std::ptr::from_ref(&*window));
            recycler.window(window);
        }
    }
    assert_eq!(places.len(), 6);
    assert_eq!(places[0], places[2]);
}

/// A row holds what the record said; what did not happen is marked, and a connection is noted beside its row.
#[test]
fn a_row_is_what_was_recorded() {
    let mut chunk = Chunk::new();
    push(&mut chunk, &record());
    let timings = ConnectTimings { dns_ns: None, connect_ns: Some(5), tls_ns: None };
    let unsent = Record {
        outcome: Outcome::FdLimit,
        status: 0,
        attempts: 0,
        error: true,
        reused: false,
        first_byte_ns: None,
        connection: Some(timings),
        ..record()
    };
    push(&mut chunk, &unsent);
    let columns = chunk.into_columns();
    assert_eq!(columns.rows, 2);
    assert_eq!(columns.lag_ns[..2], [30_000, 30_000]);
    assert_eq!(columns.ttfb_ns[..2], [500_000, -1]);
    assert_eq!(columns.service_ns[..2], [1_000_000, -1]);
    assert_eq!(columns.response_ns[..2], [1_030_000, 1_030_000]);
    assert_eq!(
        columns.outcome[..2].iter().map(|code| Outcome::ALL[usize::from(code.unsigned_abs())]).collect::<Vec<_>>(),
        [Outcome::Ok, Outcome::FdLimit]
    );
    assert_eq!((&columns.reused[..2], &columns.standing[..2]), (&[1, 0][..], &[0, 1][..]));
    assert_eq!(columns.connections, [(1, timings)]);
}

/// A cell counts exact statuses and outcomes, sums, connections; what was never sent is counted but not timed.
#[test]
fn a_cell_counts_exactly() {
    let mut window = Window::new(&tables());
    count(&mut window, &record());
    count(
        &mut window,
        &Record {
            status: 404,
            error: true,
            connection: Some(ConnectTimings { connect_ns: Some(1), ..Default::default() }),
            ..record()
        },
    );
    count(&mut window, &Record { status: 0, outcome: Outcome::AuthFailed, error: true, attempts: 0, ..record() });
    count(&mut window, &Record { status: 302, superseded: true, ..record() });
    count(&mut window, &Record { status: 401, superseded: true, ..record() });
    count(&mut window, &Record { status: 0, outcome: Outcome::Interrupted, ..record() });
    count(&mut window, &Record { status: 503, error: true, ..record() });
    count(&mut window, &Record { status: 503, error: true, ..record() });
    let cut_short = Record { status: 200, outcome: Outcome::ClosedInBody, error: true, reused: false, ..record() };
    count(&mut window, &cut_short);
    window.extra(StepId(0), Phase::Steady, 17, 2);
    let cells: Vec<_> = window.steps().collect();
    assert_eq!(cells.len(), 1);
    let (step, phase, cell) = cells[0];
    assert_eq!((step, phase), (StepId(0), Phase::Steady));
    assert_eq!((cell.requests, cell.errors, cell.attempts, cell.connections), (9, 5, 8, 1));
    assert_eq!((cell.hops, cell.repeats, cell.not_sent), (1, 1, 1));
    assert_eq!(cell.statuses().collect::<Vec<_>>(), [(200, 1), (302, 1), (401, 1), (404, 1), (503, 2)]);
    assert_eq!(error_statuses(cell), [(404, 1, vec![(1_000, 1)]), (503, 2, vec![(1_000, 2)])]);
    assert_eq!(cell.connect.as_ref().map(|connect| connect.iter().collect()), Some(vec![(1, 1)]));
    assert_eq!(cell.lost_on_new, 1, "sent over a connection of its own, and not answered");
    let outcomes = [(Outcome::Ok, 6), (Outcome::ClosedInBody, 1), (Outcome::Interrupted, 1), (Outcome::AuthFailed, 1)];
    assert_eq!(cell.outcomes().collect::<Vec<_>>(), outcomes);
    assert_eq!((cell.service_sum_ns, cell.response_sum_ns), (7_000_000, 7_210_000), "what was cut off is not timed");
    assert_eq!((cell.surplus_bytes, cell.interim), (17, 2));
    assert_eq!(cell.service.iter().collect::<Vec<_>>(), [(1_000, 7)]);
    assert_eq!(window.lag_max_ns, 30_000);
    window.clear();
    assert_eq!(window.steps().count(), 0);
    count(&mut window, &record());
    let (_, _, cell) = window.steps().next().expect("a cell");
    assert_eq!((cell.errors, cell.hops, cell.repeats, cell.not_sent, cell.lost_on_new), (0, 0, 0, 0, 0));
    assert_eq!(error_statuses(cell), []);
    assert_eq!(cell.connect.as_ref().map(|connect| connect.iter().count()), Some(0));
}

/// A status that was an error: how often, and how long it took.
type ErrorStatus = (u16, u32, Vec<(u64, u32)>);

/// What the client itself added to a time is separate from it: that it sent late, less what it took to connect, and
/// that it read late.
#[test]
fn the_time_without_the_client_s_own_delay_is_counted_beside_it() {
    let connection = ConnectTimings { dns_ns: None, connect_ns: Some(4_000_000), tls_ns: Some(1_000_000) };
    let late = Record { due_ns: 0, start_ns: 12_000_000, end_ns: 30_000_000, ..record() };
    let mut window = Window::new(&tables());
    count(&mut window, &late);
    count(&mut window, &Record { connection: Some(connection), unread_ns: 3_000_000, ..late });
    count(&mut window, &Record { unread_ns: 90_000_000, ..late });
    count(&mut window, &Record { outcome: Outcome::Interrupted, ..late });
    let (_, _, cell) = window.steps().next().expect("a step");

    let ms = |counts: &Counts| -> Vec<(u64, u32)> {
        let mut histogram = Histogram::new();
        histogram.add_counts(counts);
        histogram.buckets().map(|(ns, count)| (ns / 1_000_000, u32::try_from(count).expect("few"))).collect()
    };
    assert_eq!(ms(&cell.response), [(30, 3)]);
    // 30 less 12; 30 less 7 and 3; nothing.
    assert_eq!(ms(&cell.undelayed), [(0, 1), (18, 1), (20, 1)]);
    let mut lag: Vec<u64> = window.lag.iter().map(|(us, _)| us / 1_000).collect();
    lag.sort_unstable();
    assert_eq!((lag, window.lag_max_ns), (vec![7, 12], 12_000_000));
}

fn error_statuses(cell: &StepCell) -> Vec<ErrorStatus> {
    cell.error_statuses().map(|of| (of.status, of.count, of.service.iter().collect())).collect()
}

/// The 1st, 2nd, 4th, 8th ... request of a second is looked at, of each step.
#[test]
fn a_few_responses_of_each_second_are_looked_at() {
    let (mut recorder, _events, _recycler) = Recorder::channel(tables(), false);
    let mut looked_at = || (1..=40).filter(|_| recorder.record(&record())).count();
    assert_eq!(looked_at(), 6);
    recorder.roll(0, Phase::Steady);
    let numbers: Vec<_> = (1..=40).filter(|_| recorder.record(&record())).collect();
    assert_eq!(numbers, [1, 2, 4, 8, 16, 32]);
}

/// Checks, groups and scenarios are counted under their phase; the users' state stays until it changes.
#[test]
fn the_rest_is_counted_by_phase() {
    let (mut recorder, events, _recycler) = Recorder::channel(tables(), false);
    recorder.check(CheckId(0), Phase::WarmUp, true);
    recorder.check(CheckId(0), Phase::Steady, false);
    recorder.group(GroupId(0), Phase::Steady, 2_000_000, true);
    recorder.scenario(ScenarioId(0), Phase::Steady, ScenarioEvent::IterationStarted, 1);
    recorder.users(ScenarioId(0), Users { active: 2, waiting: 1 });
    recorder.roll(0, Phase::Steady);
    recorder.roll(1, Phase::RampDown);
    let collected = finish(recorder, events, Collected::default());
    let first = &collected.windows[0];
    assert_eq!(
        first.checks().map(|(_, phase, cell)| (phase, cell.evaluated, cell.failed)).collect::<Vec<_>>(),
        [(Phase::WarmUp, 1, 0), (Phase::Steady, 1, 1)]
    );
    assert_eq!(
        first.groups().map(|(_, _, cell)| (cell.ended, cell.failed, cell.duration_sum_ns)).collect::<Vec<_>>(),
        [(1, 0, 2_000_000)]
    );
    assert_eq!(
        first.scenarios().map(|(_, _, cell)| cell.count(ScenarioEvent::IterationStarted)).collect::<Vec<_>>(),
        [1]
    );
    assert_eq!((first.second, first.phase, first.engine_thread.is_some()), (0, Phase::Steady, true));
    let users: Vec<_> = collected.windows.iter().map(|window| window.users[0].active).collect();
    assert_eq!(users, [2, 2, 2]);
}

proptest! {
    /// Each request is asked for, started and ended once: in the second and the phase in which that happened, whatever
    /// window it is counted in.
    #[test]
    fn what_happened_stands_where_it_happened(
        requests in prop::collection::vec((0..5_000_u64, 0..800_u64, 0..3_000_u64, 0..3_u16, 0..4_u8), 1..60),
    ) {
        const WARM_UP_MS: u64 = 1_300;
        const PLANNED_MS: u64 = 4_400;
        let phase = |ms: u64| match ms {
            ms if ms < WARM_UP_MS => Phase::WarmUp,
            ms if ms < PLANNED_MS => Phase::Steady,
            _ => Phase::RampDown,
        };
        let mut expected = HashMap::new();
        let mut happened = |ms: u64, step: u16, count: fn(&mut Flow) -> &mut u32| {
            *count(expected.entry((ms / 1_000, phase(ms) as u8, step)).or_insert_with(Flow::default)) += 1;
        };
        let mut records: Vec<_> = requests.iter().map(|&(due, lag, service, step, fate)| {
            let (start, end) = (due + lag, due + lag + service);
            let outcome = [Outcome::Ok, Outcome::TimeoutTotal, Outcome::Interrupted, Outcome::ConnectRefused][usize::from(fate)];
            let attempts = u8::from(outcome != Outcome::ConnectRefused);
            happened(due, step, |flow| &mut flow.asked);
            if attempts > 0 {
                happened(start, step, |flow| &mut flow.started);
            }
            match outcome {
                Outcome::Ok => happened(end, step, |flow| &mut flow.answered),
                Outcome::Interrupted => {}
                _ => happened(end, step, |flow| &mut flow.failed),
            }
            Record {
                step: StepId(step),
                outcome,
                phase: phase(due),
                started_in: phase(start),
                ended_in: phase(end),
                attempts,
                due_ns: due * 1_000_000,
                start_ns: start * 1_000_000,
                end_ns: end * 1_000_000,
                ..record()
            }
        }).collect();
        records.sort_by_key(|record| record.end_ns);

        let (mut recorder, events, _recycler) = Recorder::channel(tables(), false);
        let mut second = 0;
        for record in &records {
            while record.end_ns >= (u64::from(second) + 1) * 1_000_000_000 {
                recorder.roll(second, Phase::Steady);
                second += 1;
            }
            recorder.record(record);
        }
        recorder.finish(second, Phase::Steady, EndReason::Finished, None);
        let mut told = HashMap::new();
        let mut add = |second: u32, phase: Phase, step: StepId, flow: Flow| {
            let sum = told.entry((u64::from(second), phase as u8, step.0)).or_insert_with(Flow::default);
            sum.asked += flow.asked;
            sum.started += flow.started;
            sum.answered += flow.answered;
            sum.failed += flow.failed;
        };
        for event in events {
            let Event::Window(window) = event else { continue };
            for (step, phase, cell) in window.steps() {
                add(window.second, phase, step, cell.flow());
            }
            for one in window.elsewhere() {
                add(one.second.unwrap_or(window.second), one.phase, one.step, one.flow);
            }
        }
        told.retain(|_, flow| *flow != Flow::default());
        expected.retain(|_, flow| *flow != Flow::default());
        prop_assert_eq!(told, expected);
    }
}
