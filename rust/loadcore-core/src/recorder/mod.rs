//! The engine thread's end of all recording: every record is counted in a window, becomes a row, and goes to whoever
//! writes.

#![expect(
    clippy::inline_always,
    reason = "on the path of every request: docs/decisions/013-one-walk-for-all-requests.md"
)]

mod event;
mod names;

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

pub use event::{EndReason, Event, RunEnd};
use names::Added;

use crate::aggregate::{Flights, Gaps, ScenarioEvent, Sends, Users, Window};
use crate::health;
use crate::record::{CheckId, Chunk, GroupId, Name, Outcome, Phase, Record, ScenarioId, StepId, Tables, Trace};
use crate::sample::{Class, Samples, Seen};

/// Events that may wait for the reader: with a chunk and a window a second, 16 seconds of a stalled disk. In virtual
/// time, seconds pass faster than a busy machine lets the reader run.
const EVENTS: usize = if cfg!(test) { 4_096 } else { 32 };
/// Used chunks and windows that may wait to be used again.
const SPARE: usize = 8;
/// Takes every record of a worker. Lives on the engine thread; no locks, and no allocations once its memory has come
/// round.
///
/// The reader may fall behind, the load may not: a chunk that finds no room is emptied and its rows counted as dropped;
/// a window that finds no room stays open for another second, so nothing counted is ever lost.
pub struct Recorder {
    window: Box<Window>,
    spare_window: Option<Box<Window>>,
    chunk: Option<Box<Chunk>>,
    users: Vec<Users>,
    flights: Flights,
    ended_ns: Vec<Option<u64>>,
    gaps: Gaps,
    samples: Samples,
    tables: Tables,
    /// Names that were met at run time, and those of them that the reader does not know yet.
    added: Added,
    new_names: Vec<Name>,
    rows_dropped: u64,
    started_late_ns: u64,
    events: SyncSender<Event>,
    used_chunks: Receiver<Box<Chunk>>,
    used_windows: Receiver<Box<Window>>,
}

/// Brings used memory back to the recorder.
#[derive(Debug, Clone)]
pub struct Recycler {
    chunks: SyncSender<Box<Chunk>>,
    windows: SyncSender<Box<Window>>,
}

impl Recorder {
    /// A recorder for these names, the reader's end, and the way back for what the reader has used. Without a row log
    /// only windows are handed over.
    #[must_use]
    pub fn channel(tables: Tables, row_log: bool) -> (Self, Receiver<Event>, Recycler) {
        let (events, reader) = sync_channel(EVENTS);
        let (chunks, used_chunks) = sync_channel(SPARE);
        let (windows, used_windows) = sync_channel(SPARE);
        let recorder = Self {
            window: Box::new(Window::new(&tables)),
            spare_window: None,
            chunk: row_log.then(Box::default),
            users: vec![Users::default(); tables.scenarios.len()],
            flights: Flights::default(),
            ended_ns: vec![None; tables.scenarios.len()],
            gaps: Gaps::default(),
            samples: Samples::default(),
            tables,
            added: Added::default(),
            new_names: Vec::new(),
            rows_dropped: 0,
            started_late_ns: 0,
            events,
            used_chunks,
            used_windows,
        };
        (recorder, reader, Recycler { chunks, windows })
    }

    /// The worker begins, this long after the moment of the start.
    pub(crate) fn begin(&mut self, late_ns: u64) {
        self.started_late_ns = late_ns;
    }

    /// Samples every request from now on, and not only failures.
    pub(crate) fn sample_everything(&mut self) {
        self.samples = Samples::new(true);
    }

    /// Whether to make a sample of this class.
    pub(crate) fn wants_sample(&self, class: Class) -> bool {
        self.samples.wants(class)
    }

    /// Takes a sample that is wanted.
    pub(crate) fn sample(&mut self, class: Class, seen: Seen) {
        self.samples.keep(class, &self.tables, seen);
    }

    /// Takes one ended request. Returns whether its response is one of the few that are looked at for hints.
    ///
    #[inline(always)]
    pub fn record(&mut self, record: &Record) -> bool {
        self.answered(record);
        self.count(record)
    }

    /// Takes what is known of a request when its answer has ended, whatever it counts as: [`count`](Self::count) is to
    /// follow.
    #[inline(always)]
    pub(crate) fn answered(&mut self, record: &Record) {
        let service_ns = record.end_ns.saturating_sub(record.start_ns);
        if record.outcome == Outcome::Ok {
            self.flights.ended(record.end_ns, service_ns);
            self.gaps.answered(record.start_ns, record.end_ns, record.unread_ns, &mut self.window.gaps);
        } else if record.attempts > 0 {
            self.flights.ended(record.end_ns, service_ns);
            // Of a stream that its user has closed, all that was waited for has been noted.
            if record.outcome != Outcome::Cut {
                self.gaps.unanswered(record.start_ns, record.end_ns);
            }
        }
    }

    /// Takes a sign of life of a response that has not ended: whoever waited for it did so until then.
    #[inline(never)]
    pub(crate) fn went_on(&mut self, since_ns: u64, at_ns: u64, unread_ns: u64) {
        self.gaps.answered(since_ns, at_ns, unread_ns, &mut self.window.gaps);
    }

    /// Counts a request, and makes its row. Returns whether its response is one of the few that are looked at for
    /// hints.
    #[inline(always)]
    pub(crate) fn count(&mut self, record: &Record) -> bool {
        let durations = record.durations();
        let is_looked_at = self.window.record(record, &durations);
        if let Some(chunk) = &mut self.chunk
            && chunk.push(record, &durations)
        {
            self.hand_over_rows();
        }
        is_looked_at
    }

    /// Notes the trace of a request that is counted next.
    #[cold]
    pub(crate) fn traced(&mut self, record: &Record, trace: Trace) {
        if let Some(chunk) = &mut self.chunk {
            chunk.trace(trace);
        }
        self.window.exemplar(record, &record.durations(), trace);
    }

    /// Takes what user code saw by itself, which was not a request: a row, and a count of its step.
    pub(crate) fn seen(&mut self, record: &Record) {
        let durations = record.durations();
        self.window.seen(record, &durations);
        if let Some(chunk) = &mut self.chunk
            && chunk.push(record, &durations)
        {
            self.hand_over_rows();
        }
    }

    /// Takes for how long a script was kept from making the request that was recorded last. Of a row that filled its chunk,
    /// and has gone with it, that is not known.
    pub(crate) fn script_lag(&mut self, script_lag_ns: u64) {
        self.window.script_lag.record(script_lag_ns);
        if let Some(chunk) = &mut self.chunk {
            chunk.script_lag(script_lag_ns);
        }
    }

    /// Takes what a response said about where its time went.
    pub(crate) fn hint(&mut self, step: StepId, phase: Phase, name: &str, time_ns: u64, ttfb_ns: u64) {
        self.window.hint(step, phase, name, time_ns, ttfb_ns);
    }

    /// Takes how long it took to send a request that did not leave at once.
    pub(crate) fn sending(&mut self, duration_ns: u64) {
        self.window.sending.record(duration_ns);
    }

    /// Takes what came besides requests: bytes that belong to no response, and interim (1xx) responses.
    pub fn extra(&mut self, step: StepId, phase: Phase, surplus_bytes: u64, interim: u64) {
        self.window.extra(step, phase, surplus_bytes, interim);
    }

    /// Takes one evaluation of a check.
    #[inline]
    pub fn check(&mut self, check: CheckId, phase: Phase, held: bool) {
        self.window.check(check, phase, held);
    }

    /// Takes one pass through a group; `ok` unless a failure cut it short.
    #[inline]
    pub fn group(&mut self, group: GroupId, phase: Phase, duration_ns: u64, ok: bool) {
        self.window.group(group, phase, duration_ns, ok);
    }

    /// Takes events of a scenario.
    #[inline]
    pub fn scenario(&mut self, scenario: ScenarioId, phase: Phase, event: ScenarioEvent, times: u64) {
        self.window.scenario(scenario, phase, event, times);
    }

    /// Sets the state of a scenario's users, until it is set again.
    pub fn users(&mut self, scenario: ScenarioId, users: Users) {
        self.users[usize::from(scenario.0)] = users;
    }

    /// How a scenario's users stand, to change it in place.
    #[inline]
    pub fn users_mut(&mut self, scenario: ScenarioId) -> &mut Users {
        &mut self.users[usize::from(scenario.0)]
    }

    /// Notes until when a scenario lasted.
    pub fn scenario_ended(&mut self, scenario: ScenarioId, at_ns: u64) {
        self.ended_ns[usize::from(scenario.0)] = Some(at_ns);
    }

    /// Notes when a warm-up ended whose end was not planned.
    pub(crate) fn warm_up_ended(&mut self, at_ns: u64) {
        self.window.warm_up_ns = Some(at_ns);
    }

    /// Notes when a ramp-down began that was not planned.
    pub(crate) fn ramp_down_began(&mut self, at_ns: u64) {
        self.window.ramp_down_ns = Some(at_ns);
    }

    /// Rows that found no room so far.
    #[must_use]
    pub fn rows_dropped(&self) -> u64 {
        self.rows_dropped
    }

    /// Takes what was sent so far, to hold the records against it.
    pub(crate) fn settle(&mut self, sends: Sends, now_ns: u64) {
        let (in_flight_ns, flights_ns) = self.flights.settle(sends, now_ns);
        self.window.in_flight_ns += in_flight_ns;
        self.window.flights_ns += flights_ns;
    }

    /// Ends a second (`second`, from the run's start) in this phase: hands over its rows and its window. Never waits.
    pub fn roll(&mut self, second: u32, phase: Phase) {
        self.hand_over_rows();
        self.hand_over_samples();
        self.close_window(second, phase);
        if !self.hand_over_names() {
            return;
        }
        let spare = self.spare_window.take().or_else(|| self.used_windows.try_recv().ok());
        let mut next = spare.unwrap_or_else(|| Box::new(Window::new(&self.tables)));
        next.begin_ns = (u64::from(second) + 1) * 1_000_000_000;
        let window = std::mem::replace(&mut self.window, next);
        if let Err(TrySendError::Full(event) | TrySendError::Disconnected(event)) =
            self.events.try_send(Event::Window(window))
            && let Event::Window(window) = event
        {
            self.spare_window = Some(std::mem::replace(&mut self.window, window));
        }
    }

    /// Ends the recording: hands over the rest and the end. Waits for room, since no load depends on it any more.
    pub fn finish(mut self, second: u32, phase: Phase, reason: EndReason, error: Option<String>) {
        if !self.new_names.is_empty() {
            let _ = self.events.send(Event::Names(std::mem::take(&mut self.new_names)));
        }
        if let Some(chunk) = self.chunk.take()
            && !chunk.is_empty()
        {
            let rows = chunk.len();
            if self.events.send(Event::Rows(chunk)).is_err() {
                self.drop_rows(rows);
            }
        }
        for sample in self.samples.waiting().drain(..).rev() {
            let _ = self.events.send(Event::Sample(Box::new(sample)));
        }
        self.close_window(second, phase);
        self.window.engine_cpu_ns = health::this_thread_cpu();
        let end = RunEnd { reason, error, rows_dropped: self.rows_dropped, started_late_ns: self.started_late_ns };
        // A reader that is gone needs to know nothing.
        let _ = self.events.send(Event::Window(self.window)).and_then(|()| self.events.send(Event::End(end)));
    }

    /// Those that find no room wait for the next second.
    fn hand_over_samples(&mut self) {
        let waiting = self.samples.waiting();
        while let Some(sample) = waiting.pop() {
            if let Err(TrySendError::Full(event) | TrySendError::Disconnected(event)) =
                self.events.try_send(Event::Sample(Box::new(sample)))
            {
                if let Event::Sample(sample) = event {
                    waiting.push(*sample);
                }
                return;
            }
        }
    }

    #[inline(never)]
    fn hand_over_rows(&mut self) {
        let are_names_told = self.hand_over_names();
        let Some(chunk) = self.chunk.take_if(|chunk| !chunk.is_empty()) else {
            return;
        };
        let event = Event::Rows(chunk);
        match if are_names_told { self.events.try_send(event) } else { Err(TrySendError::Full(event)) } {
            Ok(()) => self.chunk = Some(self.used_chunks.try_recv().unwrap_or_default()),
            Err(TrySendError::Full(event) | TrySendError::Disconnected(event)) => {
                if let Event::Rows(mut chunk) = event {
                    self.drop_rows(chunk.len());
                    chunk.clear();
                    self.chunk = Some(chunk);
                }
            }
        }
    }

    fn drop_rows(&mut self, rows: usize) {
        self.rows_dropped += rows as u64;
        self.window.rows_dropped += rows as u64;
    }

    fn close_window(&mut self, second: u32, phase: Phase) {
        self.gaps.settle(&mut self.window.gaps);
        if self.window.engine_thread.is_none() {
            self.window.engine_thread = health::this_thread();
        }
        self.window.second = second;
        self.window.phase = phase;
        self.window.users.clone_from(&self.users);
        self.window.ended_ns.clone_from(&self.ended_ns);
    }
}

impl Recycler {
    /// Empties a chunk and brings it back.
    pub fn chunk(&self, mut chunk: Box<Chunk>) {
        chunk.clear();
        // Without room the memory is simply freed.
        let _ = self.chunks.try_send(chunk);
    }

    /// Empties a window and brings it back.
    pub fn window(&self, mut window: Box<Window>) {
        window.clear();
        let _ = self.windows.try_send(window);
    }
}
