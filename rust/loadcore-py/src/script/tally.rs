//! Answers that count under the same name, until someone wants to know how many there were.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// As many are kept at most before they should be taken.
const MOST: usize = 2_048;

/// What was in a tally.
type Taken<'py> = (usize, u64, u64, f64, f64, f64, Bound<'py, PyDict>, Vec<f64>);

/// Times and sizes. The first one that comes puts the tally's key in the list of those that have something.
#[pyclass(module = "loadcore._core")]
pub(crate) struct Tally {
    key: Py<PyAny>,
    filled: Py<PyList>,
    times_ms: Vec<f64>,
    untimed: u64,
    size: u64,
}

impl Tally {
    /// Adds an answer. Says whether it is time to take what there is.
    pub(super) fn count(slf: &Bound<'_, Self>, time_ms: Option<f64>, size: u64) -> PyResult<bool> {
        let mut this = slf.borrow_mut();
        let was_empty = this.times_ms.is_empty() && this.untimed == 0;
        match time_ms {
            Some(time_ms) => this.times_ms.push(time_ms),
            None => this.untimed += 1,
        }
        this.size += size;
        if was_empty {
            this.filled.bind(slf.py()).append(&this.key)?;
        }
        Ok(this.times_ms.len() >= MOST)
    }
}

#[pymethods]
impl Tally {
    #[new]
    fn new(key: Py<PyAny>, filled: Py<PyList>) -> Self {
        Self { key, filled, times_ms: Vec::new(), untimed: 0, size: 0 }
    }

    /// Adds an answer, with its time if it has one. Says whether it is time to take what there is.
    fn add(slf: &Bound<'_, Self>, time_ms: Option<f64>, size: u64) -> PyResult<bool> {
        Self::count(slf, time_ms, size)
    }

    /// What there is, to begin again: how many have a time and how many none, the bytes of all, sum, least and greatest of
    /// the times, how many there are of each whole number of milliseconds below a limit, rounded as Python does, and the
    /// others.
    fn take<'py>(&mut self, py: Python<'py>, whole_below_ms: f64) -> PyResult<Taken<'py>> {
        let times_ms = std::mem::take(&mut self.times_ms);
        let (whole, mut others) = (PyDict::new(py), Vec::new());
        let mut numbers = BTreeMap::<u64, u64>::new();
        for &time_ms in &times_ms {
            if (0.0..whole_below_ms).contains(&time_ms) {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to the limit")]
                let rounded = time_ms.round_ties_even() as u64;
                *numbers.entry(rounded).or_default() += 1;
            } else {
                others.push(time_ms);
            }
        }
        numbers.iter().try_for_each(|(rounded, number)| whole.set_item(rounded, number))?;
        let shortest_ms = times_ms.iter().copied().fold(f64::INFINITY, f64::min);
        let longest_ms = times_ms.iter().copied().fold(0.0, f64::max);
        let (untimed, size) = (std::mem::take(&mut self.untimed), std::mem::take(&mut self.size));
        let total_ms = times_ms.iter().sum();
        Ok((times_ms.len(), untimed, size, total_ms, shortest_ms, longest_ms, whole, others))
    }
}
