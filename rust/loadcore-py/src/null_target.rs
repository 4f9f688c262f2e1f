//! The target of calibrations as a Python class.

use std::io;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

use crate::border::border;
use crate::errors::BorderError;

/// A server on loopback with an answer for each number: a path `/7/...` gets that of this number, any other the first.
#[pyclass(frozen, module = "loadcore._core")]
pub(crate) struct NullTarget {
    port: u16,
    target: Mutex<Option<loadcore_null::NullTarget>>,
}

#[pymethods]
impl NullTarget {
    /// Listens on a free port. Answers are whole responses.
    #[new]
    fn new(py: Python<'_>, answers: Vec<Vec<u8>>) -> PyResult<Self> {
        border(py, || {
            let target = loadcore_null::NullTarget::new(answers).map_err(BorderError::NullTarget)?;
            let port = target.address().map_err(BorderError::NullTarget)?.port();
            Ok(Self { port, target: Mutex::new(Some(target)) })
        })
    }

    /// Where it listens.
    #[getter]
    const fn port(&self) -> u16 {
        self.port
    }

    /// Serves until standard input, which must be a pipe, ends. Once.
    fn serve(&self, py: Python<'_>) -> PyResult<()> {
        border(py, || {
            let taken = self.target.lock().unwrap_or_else(PoisonError::into_inner).take();
            taken.map_or(Ok(()), |target| target.serve(&mut io::stdin())).map_err(BorderError::NullTarget)
        })
    }
}
