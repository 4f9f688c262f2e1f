//! What can be wrong with a plan.

use std::fmt;

use serde::Serialize;

/// One thing that is wrong with a plan. All of them are found before anything starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where in the plan: `scenarios[0].steps[1].url`. Empty: the plan as a whole.
    pub path: String,
    /// Where in the user's file, if the plan says so: `shop.py:12`.
    pub at: Option<String>,
    /// What is wrong, as a sentence.
    pub message: String,
    /// What to do about it, if there is something to say.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.at.as_deref().unwrap_or(&self.path), self.message)
    }
}
