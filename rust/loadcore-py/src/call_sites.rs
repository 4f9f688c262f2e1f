//! What was made of the arguments of a call, by the objects that a line of code gives again and again.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

const PLACES: usize = 1_024;

/// What was found for calls. Each has one place, and makes way for the next that comes there.
#[pyclass(module = "loadcore._core")]
pub(crate) struct CallSites {
    places: Vec<Option<Box<Site>>>,
}

struct Site {
    owner: Py<PyAny>,
    words: Vec<Py<PyAny>>,
    options: Vec<(Py<PyAny>, Value)>,
    found: Py<PyAny>,
}

enum Value {
    /// An object that does not change.
    One(Py<PyAny>),
    /// What a dictionary has in it, whichever that is.
    Items(Vec<(Py<PyAny>, Py<PyAny>)>),
}

/// Whether two objects are the same, or the same text.
fn is_same(now: &Bound<'_, PyAny>, before: &Py<PyAny>) -> bool {
    if now.is(before) {
        return true;
    }
    let before = before.bind(now.py());
    match (now.cast_exact::<PyString>(), before.cast_exact::<PyString>()) {
        (Ok(now), Ok(before)) => match (now.to_str(), before.to_str()) {
            (Ok(now), Ok(before)) => now == before,
            _ => false,
        },
        _ => false,
    }
}

impl Value {
    fn of(value: Bound<'_, PyAny>) -> Self {
        match value.cast_exact::<PyDict>() {
            Ok(dict) => Self::Items(dict.iter().map(|(key, value)| (key.unbind(), value.unbind())).collect()),
            Err(_) => Self::One(value.unbind()),
        }
    }

    fn is(&self, now: &Bound<'_, PyAny>) -> bool {
        match self {
            Self::One(before) => is_same(now, before),
            Self::Items(before) => now.cast_exact::<PyDict>().is_ok_and(|now| {
                now.len() == before.len()
                    && now
                        .iter()
                        .zip(before)
                        .all(|(now, before)| is_same(&now.0, &before.0) && is_same(&now.1, &before.1))
            }),
        }
    }
}

impl Site {
    fn is_of(&self, owner: &Bound<'_, PyAny>, words: &[&Bound<'_, PyAny>], options: &Bound<'_, PyDict>) -> bool {
        self.owner.is(owner)
            && self.words.iter().zip(words).all(|(before, now)| is_same(now, before))
            && options.len() == self.options.len()
            && options.iter().zip(&self.options).all(|(now, before)| is_same(&now.0, &before.0) && before.1.is(&now.1))
    }
}

/// The place of a call to a URL.
fn place(owner: &Bound<'_, PyAny>, url: &Bound<'_, PyAny>) -> Option<usize> {
    let url = url.cast_exact::<PyString>().ok()?;
    // Objects lie at multiples of 16.
    Some((url.hash().ok()?.unsigned_abs() ^ (owner.as_ptr().addr() >> 4)) % PLACES)
}

#[pymethods]
impl CallSites {
    #[new]
    fn new() -> Self {
        Self { places: (0..PLACES).map(|_| None).collect() }
    }

    /// What was kept for this call of an owner; None if it is new. Of an option that is a dictionary, its items count.
    #[expect(clippy::too_many_arguments, reason = "as many as a call has")]
    fn find(
        &self,
        owner: &Bound<'_, PyAny>,
        url: &Bound<'_, PyAny>,
        method: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        hold: &Bound<'_, PyAny>,
        kind: &Bound<'_, PyAny>,
        options: &Bound<'_, PyDict>,
    ) -> Option<Py<PyAny>> {
        let site = self.places[place(owner, url)?].as_ref()?;
        let is_it = site.is_of(owner, &[url, method, name, hold, kind], options);
        is_it.then(|| site.found.clone_ref(owner.py()))
    }

    /// Keeps what was found for a call. Its arguments do not change, but for dictionaries among its options.
    #[expect(clippy::too_many_arguments, reason = "as many as a call has")]
    fn keep(
        &mut self,
        owner: &Bound<'_, PyAny>,
        url: &Bound<'_, PyAny>,
        method: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        hold: &Bound<'_, PyAny>,
        kind: &Bound<'_, PyAny>,
        options: &Bound<'_, PyDict>,
        found: Py<PyAny>,
    ) {
        let Some(place) = place(owner, url) else { return };
        let words = [url, method, name, hold, kind].map(|word| word.clone().unbind()).into();
        let options = options.iter().map(|(key, value)| (key.unbind(), Value::of(value))).collect();
        self.places[place] = Some(Box::new(Site { owner: owner.clone().unbind(), words, options, found }));
    }
}
