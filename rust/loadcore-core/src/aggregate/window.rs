//! One second of a worker.

use super::cells::{Cell, CheckCell, GroupCell, ScenarioCell, ScenarioEvent, StepCell, Users};
use super::flows::Flows;
use super::{Counts, Elsewhere, Exemplar, Flow, Gap};
use crate::record::{CheckId, Durations, GroupId, Outcome, Phase, Record, ScenarioId, StepId, Tables, Trace};

/// What one worker counted in one second, by phase and name.
///
/// A request counts in the second in which it ended, under the phase in which it was due. Memory for a name is taken
/// when it first occurs and kept when the window is used again.
#[derive(Debug)]
pub struct Window {
    /// The second, from the run's start. If the reader fell behind, the last of the seconds that this window holds.
    pub second: u32,
    /// The phase that the second begins in.
    pub phase: Phase,
    /// The engine thread's id in `/proc`, if there is one.
    pub engine_thread: Option<u32>,
    /// CPU time of the engine thread up to its end; in the last window only, since it cannot be asked later.
    pub engine_cpu_ns: Option<u64>,
    /// The state of each scenario's users at the end of the second.
    pub users: Vec<Users>,
    /// The client's own lateness: due to send, less what it took to connect, of all requests that were sent.
    pub lag: Counts,
    /// The largest lag, exactly.
    pub lag_max_ns: u64,
    /// Rows that found no room in the row log.
    pub rows_dropped: u64,
    /// The integral of how many requests were in flight, over the second, by their sends and ends.
    pub in_flight_ns: i64,
    /// The sum of how long the requests that were recorded in the second had been in flight.
    pub flights_ns: i64,
    /// When the warm-up ended, in the window of that moment, if a script has ended it.
    pub warm_up_ns: Option<u64>,
    /// When the ramp-down began, likewise.
    pub ramp_down_ns: Option<u64>,
    /// The longest times in which no answer came though one was waited for.
    pub gaps: Vec<Gap>,
    /// How long it took to send, of requests that did not leave at once.
    pub sending: Counts,
    /// For how long scripts were kept from making their requests.
    pub script_lag: Counts,
    /// Until when the scenarios lasted, of those that have ended.
    pub ended_ns: Vec<Option<u64>>,
    /// Where it begins: what was due before belongs to another second.
    pub(crate) begin_ns: u64,
    elsewhere: Flows,
    steps: Table<StepCell>,
    checks: Table<CheckCell>,
    groups: Table<GroupCell>,
    scenarios: Table<ScenarioCell>,
}

impl Window {
    /// An empty window for these names.
    #[must_use]
    pub fn new(tables: &Tables) -> Self {
        Self {
            second: 0,
            phase: Phase::WarmUp,
            engine_thread: None,
            engine_cpu_ns: None,
            users: vec![Users::default(); tables.scenarios.len()],
            lag: Counts::new(),
            lag_max_ns: 0,
            rows_dropped: 0,
            in_flight_ns: 0,
            flights_ns: 0,
            warm_up_ns: None,
            ramp_down_ns: None,
            gaps: Vec::new(),
            sending: Counts::new(),
            script_lag: Counts::new(),
            ended_ns: vec![None; tables.scenarios.len()],
            begin_ns: 0,
            elsewhere: Flows::default(),
            steps: Table::new(tables.steps.len()),
            checks: Table::new(tables.checks.len()),
            groups: Table::new(tables.groups.len()),
            scenarios: Table::new(tables.scenarios.len()),
        }
    }

    /// Counts one request. Returns whether its response is one of the few that are looked at for hints.
    #[inline(always)]
    pub fn record(&mut self, record: &Record, durations: &Durations) -> bool {
        let is_looked_at = self.steps.cell(record.phase, record.step.0).record(record, durations);
        if record.due_ns < self.begin_ns || record.ended_in != record.phase {
            self.note_elsewhere(record);
        }
        if record.attempts > 0 {
            self.lag_max_ns = self.lag_max_ns.max(durations.own_lag_ns);
            self.lag.record(durations.own_lag_ns);
        }
        is_looked_at
    }

    /// Counts what user code saw by itself: it has no lag.
    pub fn seen(&mut self, record: &Record, durations: &Durations) {
        self.steps.cell(record.phase, record.step.0).record(record, durations);
        if record.due_ns < self.begin_ns || record.ended_in != record.phase {
            self.note_elsewhere(record);
        }
    }

    /// Notes what happened to a request in another second or phase than it is counted in.
    #[inline(never)]
    fn note_elsewhere(&mut self, record: &Record) {
        let Self { begin_ns, elsewhere, steps, .. } = self;
        let second = |at_ns: u64| (at_ns < *begin_ns).then(|| u32::try_from(at_ns / 1_000_000_000).unwrap_or(u32::MAX));
        let own = &mut steps.cell(record.phase, record.step.0).elsewhere;
        let mut note = |at_ns, phase, count: fn(&mut Flow) -> &mut u32| {
            let second = second(at_ns);
            if second.is_some() || phase != record.phase {
                *count(own) += 1;
                *count(elsewhere.of(second, phase, record.step)) += 1;
            }
        };
        note(record.due_ns, record.phase, |flow| &mut flow.asked);
        if record.attempts > 0 {
            note(record.start_ns, record.started_in, |flow| &mut flow.started);
        }
        // It ended in this second, unless it became known only later what it counts as.
        match record.outcome {
            Outcome::Ok | Outcome::Cut => note(record.end_ns, record.ended_in, |flow| &mut flow.answered),
            Outcome::Interrupted => {}
            _ => note(record.end_ns, record.ended_in, |flow| &mut flow.failed),
        }
    }

    /// What happened to requests that are counted here in another second or phase.
    #[must_use]
    pub fn elsewhere(&self) -> &[Elsewhere] {
        self.elsewhere.all()
    }

    /// Takes a request that has a trace: one of the slowest of its step, it may be.
    pub(crate) fn exemplar(&mut self, record: &Record, durations: &Durations, trace: Trace) {
        if !record.superseded && record.outcome != Outcome::Interrupted {
            self.steps.cell(record.phase, record.step.0).exemplar(&Exemplar::new(record, durations, trace));
        }
    }

    /// Adds what a response said about where its time went.
    pub fn hint(&mut self, step: StepId, phase: Phase, name: &str, time_ns: u64, ttfb_ns: u64) {
        self.steps.cell(phase, step.0).hint(name, time_ns, ttfb_ns);
    }

    /// What came besides requests: bytes that belong to no response, and interim responses.
    pub fn extra(&mut self, step: StepId, phase: Phase, surplus_bytes: u64, interim: u64) {
        let cell = self.steps.cell(phase, step.0);
        cell.surplus_bytes += surplus_bytes;
        cell.interim += interim;
    }

    /// Counts one evaluation of a check.
    #[inline]
    pub fn check(&mut self, check: CheckId, phase: Phase, held: bool) {
        let cell = self.checks.cell(phase, check.0);
        cell.evaluated += 1;
        cell.failed += u32::from(!held);
    }

    /// Counts one pass through a group.
    #[inline]
    pub fn group(&mut self, group: GroupId, phase: Phase, duration_ns: u64, ok: bool) {
        let cell = self.groups.cell(phase, group.0);
        cell.ended += 1;
        cell.failed += u32::from(!ok);
        cell.duration_sum_ns += duration_ns;
        cell.durations.record(duration_ns);
    }

    /// Counts events of a scenario.
    #[inline]
    pub fn scenario(&mut self, scenario: ScenarioId, phase: Phase, event: ScenarioEvent, times: u64) {
        self.scenarios.cell(phase, scenario.0).record(event, times);
    }

    /// The steps that had requests.
    pub fn steps(&self) -> impl Iterator<Item = (StepId, Phase, &StepCell)> {
        self.steps.occupied().map(|(id, phase, cell)| (StepId(id), phase, cell))
    }

    /// The checks that were evaluated.
    pub fn checks(&self) -> impl Iterator<Item = (CheckId, Phase, &CheckCell)> {
        self.checks.occupied().map(|(id, phase, cell)| (CheckId(id), phase, cell))
    }

    /// The groups that ended.
    pub fn groups(&self) -> impl Iterator<Item = (GroupId, Phase, &GroupCell)> {
        self.groups.occupied().map(|(id, phase, cell)| (GroupId(id), phase, cell))
    }

    /// The scenarios in which something happened.
    pub fn scenarios(&self) -> impl Iterator<Item = (ScenarioId, Phase, &ScenarioCell)> {
        self.scenarios.occupied().map(|(id, phase, cell)| (ScenarioId(id), phase, cell))
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.lag.clear();
        (self.lag_max_ns, self.rows_dropped) = (0, 0);
        (self.in_flight_ns, self.flights_ns) = (0, 0);
        (self.warm_up_ns, self.ramp_down_ns) = (None, None);
        self.gaps.clear();
        self.sending.clear();
        self.script_lag.clear();
        self.elsewhere.clear();
        self.steps.clear();
        self.checks.clear();
        self.groups.clear();
        self.scenarios.clear();
    }
}

const PHASES: usize = Phase::ALL.len();

/// Cells by id and phase.
#[derive(Debug)]
struct Table<T> {
    cells: Vec<Option<Box<T>>>,
}

impl<T: Cell> Table<T> {
    fn new(width: usize) -> Self {
        Self { cells: (0..width * PHASES).map(|_| None).collect() }
    }

    #[inline]
    fn cell(&mut self, phase: Phase, id: u16) -> &mut T {
        let index = usize::from(id) * PHASES + phase as usize;
        if index >= self.cells.len() {
            self.make_room(index);
        }
        self.cells[index].get_or_insert_with(first_of_its_name)
    }

    /// For a name that appeared at run time.
    #[cold]
    fn make_room(&mut self, index: usize) {
        self.cells.resize_with((index / PHASES + 1) * PHASES, || None);
    }

    /// Those that are not empty, phase by phase.
    fn occupied(&self) -> impl Iterator<Item = (u16, Phase, &T)> {
        let of = |phase: &'static Phase| {
            let cells = self.cells.iter().skip(*phase as usize).step_by(PHASES);
            (0_u16..).zip(cells).filter_map(move |(id, cell)| Some((id, *phase, cell.as_deref()?)))
        };
        Phase::ALL.iter().flat_map(of).filter(|(_, _, cell)| !cell.is_empty())
    }

    fn clear(&mut self) {
        self.cells.iter_mut().flatten().filter(|cell| !cell.is_empty()).for_each(|cell| cell.clear());
    }
}

/// Out of line, to keep what happens for every request short.
#[cold]
#[expect(clippy::unnecessary_box_returns, reason = "what is made is a box")]
fn first_of_its_name<T: Default>() -> Box<T> {
    Box::default()
}
