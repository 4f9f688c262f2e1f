//! Collects what is wrong while a plan is walked.

use std::fmt;

use crate::error::Problem;

/// A place in the plan and in the user's file.
#[derive(Debug, Clone)]
pub(super) struct Location {
    path: String,
    at: Option<String>,
}

/// What was found so far, and where in the plan the walk is.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: Vec<Problem>,
    path: Vec<String>,
    places: Vec<Option<String>>,
}

impl Problems {
    /// Goes one level deeper into the plan; `at` is the place in the user's file, where one is known.
    pub(super) fn enter(&mut self, part: impl Into<String>, at: Option<&String>) {
        self.path.push(part.into());
        self.places.push(at.cloned());
    }

    pub(super) fn leave(&mut self) {
        self.path.pop();
        self.places.pop();
    }

    pub(super) fn add(&mut self, message: impl fmt::Display) {
        self.push(message.to_string(), None);
    }

    pub(super) fn add_with_hint(&mut self, message: impl fmt::Display, hint: impl Into<String>) {
        self.push(message.to_string(), Some(hint.into()));
    }

    /// A problem one level deeper.
    pub(super) fn add_in(&mut self, part: impl Into<String>, message: impl fmt::Display) {
        self.enter(part, None);
        self.add(message);
        self.leave();
    }

    /// Where the walk is, to come back to with [`Problems::add_at`].
    pub(super) fn here(&self) -> Location {
        Location { path: self.path_text(), at: self.places.iter().rev().find_map(Clone::clone) }
    }

    pub(super) fn add_at(&mut self, place: &Location, message: String, hint: &str) {
        let Location { path, at } = place.clone();
        self.found.push(Problem { path, at, message, hint: Some(hint.to_owned()) });
    }

    /// The value, or its error as a problem one level deeper.
    pub(super) fn take<V, E: fmt::Display>(&mut self, part: &str, result: Result<V, E>) -> Option<V> {
        result.map_err(|error| self.add_in(part, error)).ok()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(super) fn into_found(self) -> Vec<Problem> {
        self.found
    }

    fn push(&mut self, message: String, hint: Option<String>) {
        let Location { path, at } = self.here();
        self.found.push(Problem { path, at, message, hint });
    }

    fn path_text(&self) -> String {
        let mut path = String::new();
        for part in &self.path {
            if !path.is_empty() && !part.starts_with('[') {
                path.push('.');
            }
            path.push_str(part);
        }
        path
    }
}
