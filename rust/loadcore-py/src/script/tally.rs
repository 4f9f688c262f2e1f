//! Answers that count under the same name, until someone wants to know how many there were.

use pyo3::prelude::*;
use pyo3::types::PyList;

/// As many are kept at most before they should be taken.
const MOST: usize = 2_048;

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

    /// Times, how many had none, and the bytes of all. Begins again.
    fn take<'py>(&mut self, py: Python<'py>) -> PyResult<(Bound<'py, PyList>, u64, u64)> {
        let times = PyList::new(py, &self.times_ms)?;
        self.times_ms.clear();
        Ok((times, std::mem::take(&mut self.untimed), std::mem::take(&mut self.size)))
    }
}
