//! Whole runs without a socket, in virtual time: an hour takes a moment, and every number is exact.

mod again;
mod auth;
mod books;
mod carried;
mod chance;
mod closes;
mod compressed;
mod forgiven;
mod framed;
mod hints;
mod idle;
mod links;
mod load;
mod login;
mod orders;
mod refused;
mod request;
mod sample;
mod script;
mod sizes;
mod stop;
mod trace;
mod visits;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::aggregate::ScenarioEvent;
use crate::driver::script::Scripts;
use crate::record::{Outcome, ScenarioId, StepId};
use crate::sample::Sample;
use crate::transport::fake::{FakeTransport, Reply};

/// What a simulated run left behind.
struct Outcomes {
    rows: Vec<Row>,
    /// As the windows have it.
    requests: u64,
    end: RunEnd,
    scenarios: Vec<BTreeMap<&'static str, u64>>,
    checks: (u64, u64),
    groups: Vec<(u64, u64)>,
    /// Requests and errors of each step, by the windows.
    steps: BTreeMap<String, (u64, u64)>,
    samples: Vec<Sample>,
    /// By the windows: the step, what its responses said, how often, milliseconds of it and of the times to the first
    /// byte.
    hints: Vec<(String, String, u32, u64, u64)>,
    /// Users that were active at the end of each second, and what was answered in it.
    seconds: BTreeMap<u32, (u32, u32)>,
    /// The slowest requests that have a trace, by the windows: the step, milliseconds, the trace.
    exemplars: Vec<(String, u64, String)>,
    /// Times without an answer in milliseconds, by the windows.
    gaps: Vec<(u64, u64)>,
    /// What the windows say of when a script ended its warm-up and began its ramp-down.
    steady_ns: (Vec<u64>, Vec<u64>),
    /// How many steps, checks and groups had a name in the end.
    names: (usize, usize, usize),
    /// What the script of a test noticed, with the millisecond.
    told: Vec<(u64, String)>,
    ended_ms: u64,
    fake: FakeTransport,
}

#[derive(Debug, Clone)]
struct Row {
    step: String,
    outcome: Outcome,
    status: u16,
    phase: Phase,
    attempts: u8,
    reused: bool,
    error: bool,
    superseded: bool,
    user: i32,
    iteration: i32,
    due_ms: i64,
    lag_ms: i64,
    service_ms: i64,
    trace: Option<String>,
}

impl Outcomes {
    fn count(&self, event: ScenarioEvent) -> u64 {
        self.scenarios[0].get(name(event)).copied().unwrap_or(0)
    }

    fn outcomes(&self) -> BTreeMap<&'static str, usize> {
        let mut outcomes = BTreeMap::new();
        for row in &self.rows {
            *outcomes.entry(row.outcome.name()).or_default() += 1;
        }
        outcomes
    }

    /// Requests and errors of a step: by its rows, which the windows agree with.
    fn errors_of(&self, step: &str) -> (u64, u64) {
        let rows = self.of(step).fold((0, 0), |(rows, errors), row| (rows + 1, errors + u64::from(row.error)));
        assert_eq!(rows, self.steps.get(step).copied().unwrap_or_default(), "windows of {step}");
        rows
    }

    fn of<'a>(&'a self, step: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.step == step)
    }
}

const EVENTS: [ScenarioEvent; 8] = [
    ScenarioEvent::IterationDue,
    ScenarioEvent::IterationStarted,
    ScenarioEvent::IterationCompleted,
    ScenarioEvent::IterationFailed,
    ScenarioEvent::IterationDropped,
    ScenarioEvent::IterationInterrupted,
    ScenarioEvent::UserLost,
    ScenarioEvent::IdleStep,
];

fn name(event: ScenarioEvent) -> &'static str {
    ["due", "started", "completed", "failed", "dropped", "interrupted", "lost", "idle"][event as usize]
}

/// A plan of one scenario; `change` is merged into it.
fn plan(load: impl Into<Value>, steps: impl Into<Value>) -> Value {
    let (load, steps) = (load.into(), steps.into());
    json!({
        "version": 1, "name": "test", "seed": 7, "graceful_stop_ns": 5_000_000_000_u64,
        "http": {
            "timeouts": {"connect_ns": 1_000_000_000, "total_ns": 10_000_000_000_u64},
            "max_redirects": 5, "cookies": false,
        },
        "scenarios": [{"name": "main", "base_url": "http://fake", "load": load, "steps": steps}],
    })
}

fn users(users: u32, duration_ms: u64) -> Value {
    json!({"kind": "users", "users": users, "duration_ns": duration_ms * 1_000_000})
}

fn get(name: &str) -> Value {
    json!({"kind": "request", "name": name, "method": "GET", "url": format!("/{name}")})
}

fn think_ms(ms: u64) -> Value {
    json!({"kind": "think", "distribution": "constant", "ns": ms * 1_000_000})
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A server that answers everything after this time.
fn answers_after(after_ms: u64) -> FakeTransport {
    FakeTransport::new(move |_, _| Some(Reply::ok(ms(after_ms), "{}")))
}

/// Runs the only share of a plan.
fn simulate(plan: &Value, fake: FakeTransport) -> Outcomes {
    simulate_share(plan, fake, Share::WHOLE, |_| ())
}

/// Runs a share of a plan; `meddle` may use the control at any virtual time, in a task of its own.
fn simulate_share(plan: &Value, fake: FakeTransport, share: Share, meddle: impl FnOnce(Control)) -> Outcomes {
    simulate_over(fake.clone(), plan, fake, share, meddle)
}

/// The same, over a transport that is made of the fake one.
fn simulate_over(
    transport: impl Stack,
    plan: &Value,
    fake: FakeTransport,
    share: Share,
    meddle: impl FnOnce(Control),
) -> Outcomes {
    simulate_scripts(transport, plan, fake, share, |control| {
        meddle(control);
        Vec::new()
    })
}

/// Runs a share of a plan whose scenarios have these scripts; `begin` may begin tasks of its own.
fn simulate_scripts(
    transport: impl Stack,
    plan: &Value,
    fake: FakeTransport,
    share: Share,
    begin: impl FnOnce(Control) -> Scripts,
) -> Outcomes {
    simulate_program(transport, program_of(plan), fake, share, begin)
}

fn program_of(plan: &Value) -> Program {
    let plan: Plan = serde_json::from_value(plan.clone()).expect("a readable plan");
    Program::new(&plan).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn simulate_program(
    transport: impl Stack,
    program: Program,
    fake: FakeTransport,
    share: Share,
    begin: impl FnOnce(Control) -> Scripts,
) -> Outcomes {
    let tables = program.tables_of(share);
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(true);
    let runtime = builder.build_local(LocalOptions::default()).expect("a runtime");
    let (recorder, events, _recycler) = Recorder::channel(tables.clone(), true);
    let reader = std::thread::spawn(move || events.iter().collect::<Vec<_>>());
    let ended_ms = runtime.block_on(async move {
        let clock = Clock::starting_now();
        let control = Control::default();
        let work = Work { program, share, scripts: begin(control.clone()) };
        run(work, transport, Timer::new(clock), Alarm::tokio(), recorder, control).await;
        clock.now() / 1_000_000
    });
    drop(runtime);
    collect(reader.join().expect("a reader"), &tables, ended_ms, fake)
}

fn collect(events: Vec<Event>, tables: &Tables, ended_ms: u64, fake: FakeTransport) -> Outcomes {
    let mut outcomes = Outcomes {
        rows: Vec::new(),
        requests: 0,
        end: RunEnd { reason: EndReason::Aborted, error: None, rows_dropped: 0, started_late_ns: 0 },
        scenarios: vec![BTreeMap::new(); tables.scenarios.len()],
        checks: (0, 0),
        groups: vec![(0, 0); tables.groups.len()],
        steps: BTreeMap::new(),
        samples: Vec::new(),
        hints: Vec::new(),
        seconds: BTreeMap::new(),
        exemplars: Vec::new(),
        gaps: Vec::new(),
        ended_ms,
        steady_ns: Default::default(),
        names: (0, 0, 0),
        told: Vec::new(),
        fake,
    };
    let (mut in_flight_ns, mut flights_ns) = (0, 0);
    let mut tables = tables.clone();
    for event in events {
        match event {
            Event::Names(names) => {
                for name in names {
                    tables.add(name);
                }
            }
            Event::Rows(chunk) => outcomes.rows.extend(rows(&chunk.into_columns(), &tables)),
            Event::Window(window) => {
                let second = outcomes.seconds.entry(window.second).or_default();
                second.0 = window.users[0].active;
                second.1 += window.steps().map(|(_, _, cell)| cell.flow().answered).sum::<u32>();
                for elsewhere in window.elsewhere() {
                    let second = elsewhere.second.unwrap_or(window.second);
                    outcomes.seconds.entry(second).or_default().1 += elsewhere.flow.answered;
                }
                for (ScenarioId(id), _, cell) in window.scenarios() {
                    for event in EVENTS {
                        *outcomes.scenarios[usize::from(id)].entry(name(event)).or_default() += cell.count(event);
                    }
                }
                for (StepId(id), _, cell) in window.steps() {
                    let step = outcomes.steps.entry(tables.steps[usize::from(id)].name.clone()).or_default();
                    step.0 += u64::from(cell.requests);
                    step.1 += u64::from(cell.errors);
                    outcomes.exemplars.extend(cell.exemplars().iter().map(|exemplar| {
                        let name = tables.steps[usize::from(id)].name.clone();
                        (name, exemplar.service_ns / 1_000_000, format!("{:016x}", exemplar.trace.id))
                    }));
                    outcomes.hints.extend(cell.hints().iter().map(|hint| {
                        let name = tables.steps[usize::from(id)].name.clone();
                        (name, hint.name.clone(), hint.count, hint.sum_ns / 1_000_000, hint.ttfb_sum_ns / 1_000_000)
                    }));
                }
                outcomes.steady_ns.0.extend(window.warm_up_ns);
                outcomes.steady_ns.1.extend(window.ramp_down_ns);
                in_flight_ns += window.in_flight_ns;
                flights_ns += window.flights_ns;
                outcomes.gaps.extend(window.gaps.iter().map(|gap| (gap.from_ns / 1_000_000, gap.to_ns / 1_000_000)));
                outcomes.requests += window.steps().map(|(_, _, cell)| u64::from(cell.requests)).sum::<u64>();
                for (_, _, cell) in window.checks() {
                    outcomes.checks.0 += u64::from(cell.evaluated);
                    outcomes.checks.1 += u64::from(cell.failed);
                }
                for (id, _, cell) in window.groups() {
                    let known = outcomes.groups.len().max(usize::from(id.0) + 1);
                    outcomes.groups.resize(known, (0, 0));
                    let group = &mut outcomes.groups[usize::from(id.0)];
                    group.0 += u64::from(cell.ended);
                    group.1 += u64::from(cell.failed);
                }
            }
            Event::Sample(sample) => outcomes.samples.push(*sample),
            Event::End(end) => outcomes.end = end,
        }
    }
    outcomes.names = (tables.steps.len(), tables.checks.len(), tables.groups.len());
    // Whatever happened: what was sent and what was recorded are the same requests, to the nanosecond.
    assert_eq!(in_flight_ns, flights_ns);
    outcomes
}

fn rows(columns: &crate::record::Columns, tables: &Tables) -> Vec<Row> {
    let in_ms = |ns: i64| ns.div_euclid(1_000_000);
    let mut traces = columns.traces.iter().peekable();
    (0..columns.rows)
        .map(|row| Row {
            step: tables.steps[usize::try_from(columns.step[row]).expect("a step")].name.clone(),
            outcome: Outcome::ALL[usize::try_from(columns.outcome[row]).expect("an outcome")],
            status: columns.status[row],
            phase: Phase::ALL[usize::try_from(columns.phase[row]).expect("a phase")],
            attempts: columns.attempts[row],
            reused: columns.reused[row] == 1,
            error: columns.standing[row] == crate::record::ERROR,
            superseded: columns.standing[row] == crate::record::SUPERSEDED,
            user: columns.user[row],
            iteration: columns.iteration[row],
            due_ms: in_ms(columns.due_ns[row]),
            lag_ms: in_ms(columns.lag_ns[row]),
            service_ms: in_ms(columns.service_ns[row]),
            trace: traces
                .next_if(|(of, _)| usize::try_from(*of) == Ok(row))
                .map(|(_, trace)| format!("{:016x}", trace.id)),
        })
        .collect()
}
