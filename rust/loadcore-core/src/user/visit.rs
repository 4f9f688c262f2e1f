//! Whose session it is. In a closed model a user is a person, who keeps what it was given. In an open one each arrival is a visitor
//! of its own, and the user is only the place that it takes: it finds what the user's start left, and nothing of the visitor
//! before.

use super::state::State;
use crate::cookies::Jar;
use crate::program::ScenarioProgram;
use crate::step::Slot;

/// What the start of a user left, for all its visitors or iterations.
#[derive(Debug, Default)]
pub(super) struct Left {
    cookies: Jar,
    /// Of the variables that iterations give values: those that have one.
    values: Vec<(Slot, Vec<u8>)>,
}

impl State {
    /// Keeps what the user's start has left.
    pub(super) fn keep_what_start_left(&mut self, scenario: &ScenarioProgram) {
        let value = |slot: &Slot| Some((*slot, self.variables.get(*slot)?.to_vec()));
        self.left = Some(Box::new(Left {
            cookies: self.cookies.as_ref().map(|jar| jar.borrow().clone()).unwrap_or_default(),
            values: scenario.taken.iter().filter_map(value).collect(),
        }));
    }

    /// Takes the user's cookies away, but for those that its start left.
    pub(super) fn renew_cookies(&mut self) {
        let Some(jar) = &self.cookies else { return };
        let mut jar = jar.borrow_mut();
        match &self.left {
            Some(left) => jar.clone_from(&left.cookies),
            None => jar.clear(),
        }
    }

    /// Another visitor takes the user's place.
    pub(super) fn begin_visit(&mut self, scenario: &ScenarioProgram) {
        self.renew_cookies();
        for slot in &scenario.taken {
            self.variables.clear(*slot);
        }
        if let Some(left) = &self.left {
            for (slot, value) in &left.values {
                self.variables.set(*slot, value);
            }
        }
        self.links = None;
    }
}
