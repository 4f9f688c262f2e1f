//! An iteration of a load model that a script decides.

use std::rc::Rc;

use super::CLEAN_UP_NS;
use crate::driver::script::{Iterate, MayContinue, Notice, ScriptEnd, ScriptPart};
use crate::exchange::Stack;
use crate::plan::{Cookies, Reuse};
use crate::program::ScenarioProgram;
use crate::user::User;
use crate::user::drive::{Cut, Part};

/// How long a user rests whose script broke by a fault of its own: it would only break again.
const REST_WHEN_BROKEN_NS: u64 = CLEAN_UP_NS;

impl<T: Stack> User<T> {
    /// Tells the script that an iteration is due, and waits until it says that it, or the last one after it that the
    /// script has begun by itself, has ended.
    pub(in crate::user) async fn leave_to_script(
        &mut self,
        scenario: &ScenarioProgram,
        script: u32,
        part: Part,
    ) -> Result<(), Cut> {
        let worker = Rc::clone(&self.worker);
        let Some(scripted) = worker.scripted(usize::from(scenario.id.0)) else { return Err(Cut::Interrupted) };
        let number = self.state.number;
        let user = scripted.enter(number, self.state.cookies.as_ref());
        let named = |name: &str| {
            let slot = scenario.names.find(name)?;
            Some((slot, name.to_owned(), self.state.variables.get(slot)?.to_vec()))
        };
        let values: Vec<_> = scenario.names.iter().filter_map(named).collect();
        let variables = values.iter().map(|(_, name, value)| (name.clone(), value.clone())).collect();
        user.values.replace(values.into_iter().map(|(slot, _, value)| (slot, value)).collect());
        user.iteration.set(self.state.iteration);
        // Its stop uses those of its last iteration.
        user.connections.set(self.state.iteration.saturating_add(u32::from(part == Part::Iteration)));
        user.phase.set(Some(self.cursor.phase));
        user.waits.set(Some(self.lane.task.index()));
        user.ended.set(None);
        user.is_cut_short.set(false);
        user.is_beyond.set(false);
        let (iteration, due_ns) = (self.state.iteration, self.cursor.due_ns);
        // What arrives or is paced has a time of its own; others send when they have come to it.
        let has_schedule = self.state.arrival.is_some() || scenario.pacing.is_some();
        user.first_due_ns.set(has_schedule.then_some(due_ns));
        let may_continue = if part == Part::Iteration { self.may_continue(scenario) } else { None };
        let part = match part {
            Part::Start => ScriptPart::Start,
            Part::Iteration => ScriptPart::Iteration,
            Part::Stop => ScriptPart::Stop,
        };
        let noticed_ns = worker.timer.recent();
        let iterate = Iterate { user: number, iteration, script, part, due_ns, noticed_ns, variables, may_continue };
        scripted.script.notice(Notice::Iterate(iterate));
        scripted.wake(&worker);
        let waited = self.lane.task.sleep_until_or(u64::MAX, || user.ended.get().is_some()).await;
        user.waits.set(None);
        if let (Some(begun_ns), Some(phase)) = (user.continued_ns.take(), user.phase.get()) {
            self.state.iteration = user.iteration.get();
            (self.cursor.phase, self.cursor.iteration_due_ns, self.cursor.failures) = (phase, begun_ns, 0);
        }
        self.cursor.due_ns = worker.now();
        for (slot, value) in user.set.take() {
            self.state.variables.set(slot, &value);
        }
        match user.ended.take() {
            Some(ScriptEnd::Complete) => Ok(()),
            Some(ScriptEnd::Failed) => Err(Cut::Failed),
            Some(ScriptEnd::Interrupted) => Err(Cut::Interrupted),
            Some(ScriptEnd::Broken) => {
                self.cursor.due_ns += REST_WHEN_BROKEN_NS;
                Err(Cut::Failed)
            }
            None => {
                debug_assert!(waited.is_err(), "woken for nothing");
                user.is_cut_short.set(true);
                scripted.script.notice(Notice::Interrupted { user: number });
                scripted.wake(&worker);
                Err(Cut::Interrupted)
            }
        }
    }

    /// Whether the script may begin the iterations after this one by itself: the engine has nothing to do between them.
    fn may_continue(&self, scenario: &ScenarioProgram) -> Option<MayContinue> {
        let http = &self.worker.program.http;
        let begins_anew = http.reuse == Reuse::Iteration || http.cookies == Cookies::Iteration;
        let draws = !scenario.feeds.is_empty() || scenario.pacing.is_some() || self.state.arrival.is_some();
        // It would begin some at the end, and be cut off before they are heard of.
        let ends_at_once = self.worker.program.graceful_stop_ns == 0;
        let choice = scenario.choice.as_ref().filter(|_| !draws && !begins_anew && !ends_at_once)?;
        self.cursor.allowance.may_continue(self.worker.edition(), choice)
    }
}
