//! What a script has seen by itself, counted under names that it made.

use std::collections::HashMap;

use super::Scripted;
use crate::driver::script::Seen;
use crate::exchange::Stack;
use crate::program::ScenarioProgram;
use crate::record::{CheckId, GroupId, Outcome, Record, Section, StepId};
use crate::user::Worker;

/// Names that were met, so that the recorder need not look for them.
#[derive(Debug, Default)]
pub(super) struct Names {
    checks: HashMap<(String, String), CheckId>,
    groups: HashMap<String, GroupId>,
    rows: HashMap<(String, String), StepId>,
}

impl Scripted {
    /// Counts what the script has seen.
    pub(super) fn count<T: Stack>(&self, worker: &Worker<T>, scenario: &ScenarioProgram, seen: Seen) {
        let names = &mut *self.names.borrow_mut();
        let recorder = &mut *worker.recorder.borrow_mut();
        let of = |user: u32| {
            let user = self.user(user);
            let phase = user.as_ref().and_then(|user| user.phase.get());
            (phase.unwrap_or_else(|| worker.phase(scenario, worker.now())), user.map_or(0, |user| user.iteration.get()))
        };
        let (Seen::Check { user, .. } | Seen::Group { user, .. } | Seen::Row { user, .. }) = &seen;
        if self.user(*user).is_some_and(|user| user.is_beyond.get()) {
            return;
        }
        match seen {
            Seen::Check { user, step, name, held } => {
                let key = (step, name);
                let make = |key: &(String, String)| recorder.check_id(&scenario.name, &key.0, &key.1);
                let id = *names.checks.entry(key).or_insert_with_key(make);
                recorder.check(id, of(user).0, held);
            }
            Seen::Group { user, name, duration_ns, is_ok } => {
                let id = *names.groups.entry(name).or_insert_with_key(|name| recorder.group_id(&scenario.name, name));
                recorder.group(id, of(user).0, duration_ns, is_ok);
            }
            Seen::Row { user, name, kind, started_ns, duration_ns, bytes, is_error } => {
                let key = (name, kind);
                let make = |key: &(String, String)| recorder.step(&scenario.name, &key.0, &key.1, Section::User);
                let step = *names.rows.entry(key).or_insert_with_key(make);
                let end_ns = started_ns.saturating_add(duration_ns);
                let phase = worker.phase(scenario, started_ns);
                recorder.seen(&Record {
                    step,
                    outcome: Outcome::Ok,
                    status: 0,
                    error: is_error,
                    superseded: false,
                    phase,
                    started_in: phase,
                    ended_in: worker.phase(scenario, end_ns),
                    attempts: 1,
                    reused: false,
                    user,
                    iteration: of(user).1,
                    due_ns: started_ns,
                    start_ns: started_ns,
                    first_byte_ns: None,
                    end_ns,
                    unread_ns: 0,
                    connection: None,
                    bytes_sent: 0,
                    bytes_received: bytes,
                });
            }
        }
    }
}
