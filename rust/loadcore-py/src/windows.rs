//! A window as rows of a table: one for every name that something happened under.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, ListArray, StringArray,
    StructArray, UInt16Array,
};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType, Field};
use loadcore_core::aggregate::{Counts, Encoder, Exemplar, Flow, Gap, Hint, ScenarioEvent, StepCell, Users, Window};
use loadcore_core::health::Health;
use loadcore_core::record::{Phase, ScenarioId, StepId};

use crate::errors::BorderError;
use crate::lists::{self, ErrorTimes};
use crate::names::{Kind, NameKeys, Names, code};
use crate::rows::{table, trace_id};

/// A row in the making: what does not apply stays `None`.
#[derive(Default)]
struct Row {
    second: u32,
    phase: i8,
    kind: i8,
    scenario: Option<i16>,
    name: Option<i16>,
    section: Option<i8>,
    method: Option<i16>,
    step: Option<i16>,
    count: Option<i64>,
    errors: Option<i64>,
    hops: Option<i64>,
    repeats: Option<i64>,
    not_sent: Option<i64>,
    flow: Option<Flow>,
    outcomes: Option<Vec<(&'static str, i64)>>,
    statuses: Option<Vec<(u16, i64)>>,
    error_statuses: Option<Vec<(u16, i64)>>,
    service: Option<Vec<u8>>,
    response: Option<Vec<u8>>,
    ttfb: Option<Vec<u8>>,
    connect: Option<Vec<u8>>,
    error_times: Option<ErrorTimes>,
    hints: Option<Vec<Hint>>,
    exemplars: Option<Vec<(String, Exemplar)>>,
    lost_on_new: Option<i64>,
    delay_added: Option<Vec<u8>>,
    delay_taken: Option<Vec<u8>>,
    service_sum_ns: Option<i64>,
    response_sum_ns: Option<i64>,
    bytes_sent: Option<i64>,
    bytes_received: Option<i64>,
    attempts: Option<i64>,
    connections: Option<i64>,
    surplus_bytes: Option<i64>,
    interim: Option<i64>,
    events: Option<[i64; EVENTS.len()]>,
    users: Option<Users>,
    ended_ns: Option<i64>,
    lag: Option<Vec<u8>>,
    lag_max_ns: Option<i64>,
    rows_dropped: Option<i64>,
    in_flight_ns: Option<i64>,
    flights_ns: Option<i64>,
    warm_up_ns: Option<i64>,
    ramp_down_ns: Option<i64>,
    gaps: Option<Vec<Gap>>,
    sending: Option<Vec<u8>>,
    script_lag: Option<Vec<u8>>,
    health: Option<Health>,
}

/// The columns that count a scenario's events.
const EVENTS: [(&str, ScenarioEvent); 8] = [
    ("iterations_due", ScenarioEvent::IterationDue),
    ("iterations_started", ScenarioEvent::IterationStarted),
    ("iterations_completed", ScenarioEvent::IterationCompleted),
    ("iterations_failed", ScenarioEvent::IterationFailed),
    ("iterations_dropped", ScenarioEvent::IterationDropped),
    ("iterations_interrupted", ScenarioEvent::IterationInterrupted),
    ("users_lost", ScenarioEvent::UserLost),
    ("idle_steps", ScenarioEvent::IdleStep),
];

impl Row {
    fn new(kind: Kind, phase: Phase) -> Self {
        Self { kind: kind as i8, phase: code(Phase::ALL, phase), ..Self::default() }
    }

    fn named(kind: Kind, phase: Phase, names: NameKeys) -> Self {
        Self { scenario: Some(names.scenario), name: Some(names.name), ..Self::new(kind, phase) }
    }
}

/// Makes tables of windows.
pub(crate) struct WindowTables {
    encoder: Encoder,
}

impl WindowTables {
    pub(crate) fn new() -> Self {
        Self { encoder: Encoder::new() }
    }

    /// The rows of a window, and of how the worker did meanwhile.
    pub(crate) fn table(&mut self, window: &Window, health: Health, names: &Names) -> Result<StructArray, BorderError> {
        let mut rows = Vec::new();
        for (step, phase, cell) in window.steps() {
            rows.push(self.step(step, phase, cell, names)?);
        }
        for (check, phase, cell) in window.checks() {
            let keys = names.checks[usize::from(check.0)];
            let (count, errors) = (Some(i64::from(cell.evaluated)), Some(i64::from(cell.failed)));
            rows.push(Row { step: Some(keys.step), count, errors, ..Row::named(Kind::Check, phase, keys.names) });
        }
        for (group, phase, cell) in window.groups() {
            rows.push(Row {
                count: Some(i64::from(cell.ended)),
                errors: Some(i64::from(cell.failed)),
                response: Some(self.encode(&cell.durations)?),
                response_sum_ns: Some(cell.duration_sum_ns.cast_signed()),
                ..Row::named(Kind::Group, phase, names.groups[usize::from(group.0)])
            });
        }
        rows.extend(scenarios(window, names));
        rows.push(Row {
            lag: Some(self.encode(&window.lag)?),
            lag_max_ns: Some(window.lag_max_ns.cast_signed()),
            rows_dropped: Some(window.rows_dropped.cast_signed()),
            in_flight_ns: Some(window.in_flight_ns),
            flights_ns: Some(window.flights_ns),
            warm_up_ns: window.warm_up_ns.map(u64::cast_signed),
            ramp_down_ns: window.ramp_down_ns.map(u64::cast_signed),
            gaps: Some(window.gaps.clone()),
            sending: self.encode_any(&window.sending)?,
            script_lag: self.encode_any(&window.script_lag)?,
            health: Some(health),
            ..Row::new(Kind::Worker, window.phase)
        });
        for row in &mut rows {
            row.second = window.second;
        }
        rows.extend(window.elsewhere().iter().map(|elsewhere| {
            let keys = names.steps[usize::from(elsewhere.step.0)];
            Row {
                second: elsewhere.second.unwrap_or(window.second),
                section: Some(keys.section),
                method: Some(keys.method),
                flow: Some(elsewhere.flow),
                ..Row::named(Kind::Step, elsewhere.phase, keys.names)
            }
        }));
        Ok(columns(&rows, names)?)
    }

    /// No rows, for their types.
    pub(crate) fn empty(names: &Names) -> Result<StructArray, BorderError> {
        Ok(columns(&[], names)?)
    }

    fn step(&mut self, step: StepId, phase: Phase, cell: &StepCell, names: &Names) -> Result<Row, BorderError> {
        let keys = names.steps[usize::from(step.0)];
        Ok(Row {
            section: Some(keys.section),
            method: Some(keys.method),
            count: Some(i64::from(cell.requests)),
            errors: Some(i64::from(cell.errors)),
            hops: Some(i64::from(cell.hops)),
            repeats: Some(i64::from(cell.repeats)),
            not_sent: Some(i64::from(cell.not_sent)),
            flow: Some(cell.flow()),
            outcomes: Some(cell.outcomes().map(|(outcome, count)| (outcome.name(), i64::from(count))).collect()),
            statuses: Some(cell.statuses().map(|(status, count)| (status, i64::from(count))).collect()),
            error_statuses: Some(cell.error_statuses().map(|error| (error.status, i64::from(error.count))).collect()),
            service: Some(self.encode(&cell.service)?),
            response: Some(self.encode(&cell.response)?),
            ttfb: Some(self.encode(&cell.ttfb)?),
            connect: cell.connect.as_ref().map(|connect| self.encode_any(connect)).transpose()?.flatten(),
            error_times: Some(self.error_times(cell)?),
            hints: Some(cell.hints().to_vec()),
            exemplars: names.trace_prefix.map(|prefix| {
                let exemplars = cell.exemplars().iter();
                exemplars.map(|exemplar| (trace_id(prefix, exemplar.trace), *exemplar)).collect()
            }),
            lost_on_new: Some(i64::from(cell.lost_on_new)),
            delay_added: self.encoder.encode_excess(&cell.response, &cell.undelayed)?,
            delay_taken: self.encoder.encode_excess(&cell.undelayed, &cell.response)?,
            service_sum_ns: Some(cell.service_sum_ns.cast_signed()),
            response_sum_ns: Some(cell.response_sum_ns.cast_signed()),
            bytes_sent: Some(cell.bytes_sent.cast_signed()),
            bytes_received: Some(cell.bytes_received.cast_signed()),
            attempts: Some(cell.attempts.cast_signed()),
            connections: Some(i64::from(cell.connections)),
            surplus_bytes: Some(cell.surplus_bytes.cast_signed()),
            interim: Some(cell.interim.cast_signed()),
            ..Row::named(Kind::Step, phase, keys.names)
        })
    }

    fn error_times(&mut self, cell: &StepCell) -> Result<ErrorTimes, BorderError> {
        cell.error_statuses().map(|error| Ok((error.status, self.encode(&error.service)?))).collect()
    }

    /// `None` if there is nothing.
    fn encode_any(&mut self, counts: &Counts) -> Result<Option<Vec<u8>>, BorderError> {
        counts.iter().next().is_some().then(|| self.encode(counts)).transpose()
    }

    fn encode(&mut self, counts: &Counts) -> Result<Vec<u8>, BorderError> {
        Ok(self.encoder.encode(counts)?)
    }
}

/// A row per scenario and phase in which something happened; the phase at the end of the window always has one, for how the
/// users stand then.
fn scenarios(window: &Window, names: &Names) -> Vec<Row> {
    let mut rows: Vec<(ScenarioId, Row)> = Vec::new();
    for (scenario, phase, cell) in window.scenarios() {
        let events = Some(EVENTS.map(|(_, event)| cell.count(event).cast_signed()));
        rows.push((
            scenario,
            Row { events, ..Row::named(Kind::Scenario, phase, names.scenarios[usize::from(scenario.0)]) },
        ));
    }
    for ((scenario, users), keys) in (0_u16..).map(ScenarioId).zip(&window.users).zip(&names.scenarios) {
        let mut row = Row { events: Some([0; EVENTS.len()]), ..Row::named(Kind::Scenario, window.phase, *keys) };
        row.users = Some(*users);
        row.ended_ns = window.ended_ns[usize::from(scenario.0)].map(u64::cast_signed);
        match rows.iter_mut().find(|(id, other)| *id == scenario && other.phase == row.phase) {
            Some((_, other)) => (other.users, other.ended_ns) = (row.users, row.ended_ns),
            None => rows.push((scenario, row)),
        }
    }
    rows.into_iter().map(|(_, row)| row).collect()
}

fn columns(rows: &[Row], names: &Names) -> Result<StructArray, ArrowError> {
    let long = |of: fn(&Row) -> Option<i64>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<Int64Array>()) };
    let int = |of: fn(&Row) -> Option<u32>| -> ArrayRef {
        Arc::new(rows.iter().map(|row| of(row).map(u32::cast_signed)).collect::<Int32Array>())
    };
    let float = |of: fn(&Row) -> Option<f64>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<Float64Array>()) };
    let binary =
        |of: fn(&Row) -> Option<&Vec<u8>>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<BinaryArray>()) };
    let flow = |of: fn(&Flow) -> u32| -> ArrayRef {
        Arc::new(rows.iter().map(|row| row.flow.as_ref().map(|flow| i64::from(of(flow)))).collect::<Int64Array>())
    };
    let small = |of: fn(&Row) -> Option<i8>| rows.iter().map(of).collect::<Int8Array>();
    let large = |of: fn(&Row) -> Option<i16>| rows.iter().map(of).collect::<Int16Array>();
    let health = |of: fn(&Health) -> Option<u64>| -> ArrayRef {
        Arc::new(rows.iter().map(|row| row.health.as_ref().and_then(of).map(u64::cast_signed)).collect::<Int64Array>())
    };
    let mut columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("second", Arc::new(rows.iter().map(|row| Some(row.second.cast_signed())).collect::<Int32Array>()), false),
        ("worker", Arc::new(Int16Array::from_value(names.worker, rows.len())), false),
        ("phase", names.phase.small(small(|row| Some(row.phase)))?, false),
        ("kind", names.kind.small(small(|row| Some(row.kind)))?, false),
        ("scenario", names.scenario.large(large(|row| row.scenario))?, true),
        ("name", names.name.large(large(|row| row.name))?, true),
        ("section", names.section.small(small(|row| row.section))?, true),
        ("method", names.method.large(large(|row| row.method))?, true),
        ("step", names.step.large(large(|row| row.step))?, true),
        ("count", long(|row| row.count), true),
        ("errors", long(|row| row.errors), true),
        ("hops", long(|row| row.hops), true),
        ("repeats", long(|row| row.repeats), true),
        ("not_sent", long(|row| row.not_sent), true),
        ("asked", flow(|flow| flow.asked), true),
        ("started", flow(|flow| flow.started), true),
        ("answered", flow(|flow| flow.answered), true),
        ("failed", flow(|flow| flow.failed), true),
        ("outcomes", outcomes(rows)?, true),
        ("statuses", statuses(&rows.iter().map(|row| row.statuses.as_deref()).collect())?, true),
        ("error_statuses", statuses(&rows.iter().map(|row| row.error_statuses.as_deref()).collect())?, true),
        ("service", binary(|row| row.service.as_ref()), true),
        ("response", binary(|row| row.response.as_ref()), true),
        ("ttfb", binary(|row| row.ttfb.as_ref()), true),
        ("delay_added", binary(|row| row.delay_added.as_ref()), true),
        ("delay_taken", binary(|row| row.delay_taken.as_ref()), true),
        ("connect", binary(|row| row.connect.as_ref()), true),
        ("error_times", lists::error_times(&each(rows, |row| row.error_times.as_ref()))?, true),
        ("hints", lists::hints(&each(rows, |row| row.hints.as_ref()))?, true),
        ("exemplars", lists::exemplars(&each(rows, |row| row.exemplars.as_ref()))?, true),
        ("lost_on_new", long(|row| row.lost_on_new), true),
        ("service_sum_ns", long(|row| row.service_sum_ns), true),
        ("response_sum_ns", long(|row| row.response_sum_ns), true),
        ("bytes_sent", long(|row| row.bytes_sent), true),
        ("bytes_received", long(|row| row.bytes_received), true),
        ("attempts", long(|row| row.attempts), true),
        ("connections", long(|row| row.connections), true),
        ("surplus_bytes", long(|row| row.surplus_bytes), true),
        ("interim", long(|row| row.interim), true),
    ];
    for (place, (name, _)) in EVENTS.into_iter().enumerate() {
        let counts = rows.iter().map(|row| row.events.map(|events| events[place]));
        columns.push((name, Arc::new(counts.collect::<Int64Array>()), true));
    }
    columns.extend([
        ("users_active", int(|row| row.users.map(|users| users.active)), true),
        ("users_waiting", int(|row| row.users.map(|users| users.waiting)), true),
        ("ended_ns", long(|row| row.ended_ns), true),
        ("lag", binary(|row| row.lag.as_ref()), true),
        ("lag_max_ns", long(|row| row.lag_max_ns), true),
        ("cpu_ns", health(|health| health.cpu_ns), true),
        ("process_cpu_ns", health(|health| health.process_cpu_ns), true),
        ("wall_ns", health(|health| Some(health.wall_ns)), true),
        ("core_wait_ns", health(|health| health.core_wait_ns), true),
        ("involuntary_switches", health(|health| health.involuntary_switches), true),
        ("open_fds", int(|row| row.health.and_then(|health| health.open_fds)), true),
        ("fd_limit", int(|row| row.health.and_then(|health| health.fd_limit)), true),
        ("rows_dropped", long(|row| row.rows_dropped), true),
        ("in_flight_ns", long(|row| row.in_flight_ns), true),
        ("flights_ns", long(|row| row.flights_ns), true),
        ("warm_up_ns", long(|row| row.warm_up_ns), true),
        ("ramp_down_ns", long(|row| row.ramp_down_ns), true),
        ("gaps", lists::gaps(&each(rows, |row| row.gaps.as_ref()))?, true),
        ("sending", binary(|row| row.sending.as_ref()), true),
        ("script_lag", binary(|row| row.script_lag.as_ref()), true),
        ("psi_some_avg10", float(|row| row.health.and_then(|health| health.psi_some_avg10)), true),
        ("steal_ratio", float(|row| row.health.and_then(|health| health.steal_ratio)), true),
    ]);
    table(columns)
}

fn each<T>(rows: &[Row], of: fn(&Row) -> Option<&T>) -> Vec<Option<&T>> {
    rows.iter().map(of).collect()
}

fn outcomes(rows: &[Row]) -> Result<ArrayRef, ArrowError> {
    let counts: Vec<_> = rows.iter().map(|row| row.outcomes.as_deref()).collect();
    let names = counts.iter().copied().flatten().flatten().map(|(name, _)| *name);
    counted("name", Arc::new(StringArray::from_iter_values(names)), &counts)
}

/// Counts of status codes, a list for each row.
type StatusCounts<'a> = Vec<Option<&'a [(u16, i64)]>>;

fn statuses(counts: &StatusCounts<'_>) -> Result<ArrayRef, ArrowError> {
    let statuses = counts.iter().copied().flatten().flatten().map(|(status, _)| *status);
    counted("status", Arc::new(UInt16Array::from_iter_values(statuses)), counts)
}

/// A column of lists of what was counted and how often.
fn counted<T>(name: &str, what: ArrayRef, counts: &[Option<&[(T, i64)]>]) -> Result<ArrayRef, ArrowError> {
    let how_often = counts.iter().flatten().copied().flatten().map(|(_, count)| *count);
    let items = table(vec![(name, what, false), ("count", Arc::new(Int64Array::from_iter_values(how_often)), false)])?;
    let offsets = OffsetBuffer::from_lengths(counts.iter().map(|list| list.map_or(0, <[_]>::len)));
    let valid: BooleanBuffer = counts.iter().map(Option::is_some).collect();
    let item = Field::new("item", DataType::Struct(items.fields().clone()), false);
    Ok(Arc::new(ListArray::try_new(Arc::new(item), offsets, Arc::new(items), Some(NullBuffer::new(valid)))?))
}
