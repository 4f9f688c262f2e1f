//! An iteration of a load model that a script decides.

use std::rc::Rc;

use crate::driver::script::Notice;
use crate::exchange::Stack;
use crate::program::ScenarioProgram;
use crate::user::User;
use crate::user::drive::Cut;

impl<T: Stack> User<T> {
    /// Tells the script that an iteration is due, and waits until it says that it has ended.
    pub(in crate::user) async fn leave_to_script(&mut self, scenario: &ScenarioProgram) -> Result<(), Cut> {
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
        user.waits.set(Some(self.lane.task.index()));
        let (iteration, due_ns) = (self.state.iteration, self.cursor.due_ns);
        scripted.script.notice(Notice::Iterate { user: number, iteration, due_ns, variables });
        let waited = self.lane.task.sleep_until_or(u64::MAX, || user.ended.get().is_some()).await;
        self.cursor.due_ns = worker.now();
        match user.ended.take() {
            Some(true) => Ok(()),
            Some(false) => Err(Cut::Failed),
            None => {
                debug_assert!(waited.is_err(), "woken for nothing");
                scripted.script.notice(Notice::Interrupted { user: number });
                Err(Cut::Interrupted)
            }
        }
    }
}
