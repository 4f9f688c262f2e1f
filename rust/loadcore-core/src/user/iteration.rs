//! The iterations of a user: when each begins, what it begins with, and what counts when it ends.

use super::User;
use super::drive::Part;
use crate::aggregate::ScenarioEvent;
use crate::driver::flow::duration;
use crate::exchange::Stack;
use crate::plan::{Cookies, Reuse};
use crate::program::ScenarioProgram;

/// A user whose iteration took no time rests this long: it did nothing, and would continue to do nothing endlessly.
const IDLE_NS: u64 = 1_000_000;
/// A user whose iterations fail rests, at first this long …
const BACK_OFF_NS: u64 = 10_000_000;
/// … and twice as long with each further failure, up to this. A login that failed once is not tried a million times.
const LONGEST_BACK_OFF_NS: u64 = 1_000_000_000;

/// What became of an iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IterationEnd {
    /// All its steps were taken.
    Completed,
    /// A step cut it short.
    Failed,
    /// The end of the run cut it short.
    Interrupted,
}

impl<T: Stack> User<T> {
    /// Draws the next row of each feeder of the scenario. False: a feeder has no more rows. The first iteration has the
    /// row that the user's start had: the account that logged in continues.
    #[inline]
    pub(crate) fn feed(&mut self, scenario: &ScenarioProgram) -> bool {
        scenario.feeds.is_empty() || std::mem::take(&mut self.cursor.fed) || self.draw_rows(scenario)
    }

    fn draw_rows(&mut self, scenario: &ScenarioProgram) -> bool {
        if self.state.links.is_some() {
            self.state.forget_links(scenario);
        }
        self.worker.feed(scenario, self.state.number, self.state.chance(scenario).state(), &mut self.state.variables)
    }

    /// The user's next iteration is that of an arrival, by its number over all workers.
    pub(crate) fn serve(&mut self, scenario: &ScenarioProgram, arrival: u64) {
        if self.state.arrival.replace(arrival).is_some() {
            self.state.begin_visit(scenario);
        }
    }

    /// When its next iteration is due.
    pub(crate) fn due_ns(&self) -> u64 {
        self.cursor.due_ns
    }

    /// Whether the user may begin an iteration that is due at `due_ns` by itself. If so, it has been taken from its
    /// allowance, and its rows have been drawn.
    pub(crate) fn may_begin(&mut self, scenario: &ScenarioProgram, due_ns: u64) -> bool {
        if !self.cursor.allowance.take(due_ns, self.worker.edition()) {
            return false;
        }
        let has_rows = self.feed(scenario);
        if !has_rows {
            self.cursor.allowance.use_up();
        }
        has_rows
    }

    /// Runs an iteration, due at `due_ns`, and those after it for as long as each is due at once and allowed. Counts
    /// their results, and reports the last one's.
    pub(crate) fn iterate(&mut self, scenario: &ScenarioProgram, due_ns: u64) -> impl Future<Output = IterationEnd> {
        self.begin_iteration(scenario, due_ns);
        self.walk_flow(scenario, &scenario.main, Part::Iteration)
    }

    #[inline(always)]
    fn begin_iteration(&mut self, scenario: &ScenarioProgram, due_ns: u64) {
        (self.cursor.due_ns, self.cursor.iteration_due_ns) = (due_ns, due_ns);
        self.cursor.phase = self.worker.phase(scenario, due_ns);
        self.state.random = self.state.chance(scenario);
        self.worker.count(scenario.id, self.cursor.phase, ScenarioEvent::IterationStarted);
        if self.worker.program.http.reuse == Reuse::Iteration {
            self.lane.connections.drop_all();
        }
        if self.worker.program.http.cookies == Cookies::Iteration {
            self.state.renew_cookies();
        }
    }

    #[inline(always)]
    pub(super) fn end_iteration(&mut self, scenario: &ScenarioProgram, end: IterationEnd) {
        self.state.iteration = self.state.iteration.wrapping_add(1);
        let event = match end {
            IterationEnd::Completed => ScenarioEvent::IterationCompleted,
            IterationEnd::Failed => ScenarioEvent::IterationFailed,
            IterationEnd::Interrupted => ScenarioEvent::IterationInterrupted,
        };
        self.worker.count(scenario.id, self.cursor.phase, event);
        self.cursor.failures = if end == IterationEnd::Failed { self.cursor.failures.saturating_add(1) } else { 0 };
        self.cursor.due_ns = self.next_due(scenario);
    }

    /// Ends an iteration that is complete, and begins the next one if that is to start at once.
    #[inline]
    pub(super) fn turn(&mut self, scenario: &ScenarioProgram) -> bool {
        self.end_iteration(scenario, IterationEnd::Completed);
        let due_ns = self.cursor.due_ns;
        let begins = due_ns <= self.worker.timer.recent() && self.may_begin(scenario, due_ns);
        if begins {
            self.begin_iteration(scenario, due_ns);
        }
        begins
    }

    /// When the next iteration is due, now that one has ended: at once, or as the pacing says, or later if iterations
    /// fail.
    fn next_due(&mut self, scenario: &ScenarioProgram) -> u64 {
        let free_since_ns = self.cursor.due_ns;
        let mut due_ns = free_since_ns;
        if due_ns == self.cursor.iteration_due_ns {
            due_ns = due_ns.max(self.worker.timer.recent()).saturating_add(IDLE_NS);
            self.cursor.walk.rested();
        }
        if let Some(pacing) = scenario.pacing {
            due_ns = due_ns.max(self.cursor.iteration_due_ns.saturating_add(duration(pacing, &mut self.state.random)));
        }
        if self.cursor.failures > 0 {
            let longest = (BACK_OFF_NS << (self.cursor.failures - 1).min(10)).min(LONGEST_BACK_OFF_NS);
            due_ns = due_ns.max(free_since_ns.saturating_add(self.state.random.between(longest / 2, longest)));
        }
        due_ns
    }
}
