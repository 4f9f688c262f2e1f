//! Forms of requests, numbered when they are first met.

use std::collections::HashMap;

use loadcore_core::driver::script::{Form, FormTimeouts, Holds};
use pyo3::prelude::*;
use pyo3::types::PyString;

/// As many are kept; after that it begins again.
const MOST_FORMS: u32 = 4_096;

/// What is not usual about a request, apart from its name and method.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Unusual {
    pub(crate) timeouts: FormTimeouts,
    pub(crate) expect: Vec<(u16, u16)>,
    pub(crate) max_redirects: Option<u8>,
    pub(crate) is_anonymous: bool,
    pub(crate) is_once: bool,
    pub(crate) holds: Holds,
    pub(crate) is_streamed: bool,
}

/// The forms of a script, by name.
#[derive(Debug, Default)]
pub(crate) struct Forms {
    by_name: HashMap<String, Vec<Known>>,
    count: u32,
    /// How often it began again.
    epoch: u32,
    /// Those met lately that are usual, each in the place that its name's object leads to.
    recent: [Option<Recent>; PLACES],
}

const PLACES: usize = 32;

/// A form by the objects of its name and method: a line of code has the same ones each time.
#[derive(Debug)]
struct Recent {
    name: Py<PyString>,
    method: Py<PyString>,
    is_once: bool,
    number: u32,
}

/// Where a name has its place. Objects lie at multiples of 16.
fn place(name: &Bound<'_, PyString>) -> usize {
    (name.as_ptr().addr() >> 4) % PLACES
}

#[derive(Debug)]
struct Known {
    method: String,
    unusual: Unusual,
    number: u32,
}

impl Forms {
    /// Until when numbers hold.
    pub(crate) const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The number of a form that is usual, if it was met lately.
    pub(crate) fn recent(
        &self,
        name: &Bound<'_, PyString>,
        method: &Bound<'_, PyString>,
        is_once: bool,
    ) -> Option<u32> {
        let recent = self.recent[place(name)].as_ref()?;
        let is_it = recent.name.is(name) && recent.method.is(method) && recent.is_once == is_once;
        is_it.then_some(recent.number)
    }

    /// Remembers a form that is usual.
    pub(crate) fn remember(
        &mut self,
        name: &Bound<'_, PyString>,
        method: &Bound<'_, PyString>,
        is_once: bool,
        number: u32,
    ) {
        let (kept_name, method) = (name.clone().unbind(), method.clone().unbind());
        self.recent[place(name)] = Some(Recent { name: kept_name, method, is_once, number });
    }

    /// The number of a form, and the form itself if it is new.
    pub(crate) fn number(&mut self, name: &str, method: &str, unusual: Unusual) -> (u32, Option<Box<Form>>) {
        let known = self.by_name.get(name).and_then(|forms| {
            forms.iter().find(|known| known.method == method && known.unusual == unusual).map(|known| known.number)
        });
        if let Some(number) = known {
            return (number, None);
        }
        if self.count == MOST_FORMS {
            // Names that hold ids would fill the memory. The engine keeps what is under way.
            *self = Self { epoch: self.epoch.wrapping_add(1), ..Self::default() };
        }
        let number = self.count;
        self.count += 1;
        let form = Form {
            number,
            name: name.to_owned(),
            method: method.to_owned(),
            timeouts: unusual.timeouts,
            expect: unusual.expect.clone(),
            max_redirects: unusual.max_redirects,
            is_anonymous: unusual.is_anonymous,
            is_once: unusual.is_once,
            holds: unusual.holds,
            is_streamed: unusual.is_streamed,
        };
        let known = Known { method: method.to_owned(), unusual, number };
        self.by_name.entry(name.to_owned()).or_default().push(known);
        (number, Some(Box::new(form)))
    }
}
