//! What can go wrong, and which Python exception stands for it.

use arrow_schema::ArrowError;
use loadcore_core::aggregate::HistogramError;
use loadcore_core::error::Problem;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The exceptions, which are Python's own: one definition, with its documentation, that can be pickled.
mod python {
    pyo3::import_exception!(loadcore.errors, InternalError);
    pyo3::import_exception!(loadcore.errors, PlanError);
}

/// What can go wrong at the border.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BorderError {
    /// The plan is not valid.
    #[error("the plan is not valid")]
    Plan(Vec<Problem>),
    /// A share that does not exist.
    #[error("share {share} of {shares} does not exist")]
    Share { share: u32, shares: u32 },
    /// Too many names for the columns that hold them.
    #[error("the plan has more than 32,767 different names of one kind")]
    TooManyNames,
    /// `start` was called twice.
    #[error("the engine has been started already")]
    Started,
    /// A batch for a file that takes no more: something failed before.
    #[error("the file takes no more batches")]
    Finished,
    /// An event was asked for before the start.
    #[error("the engine has not been started")]
    NotStarted,
    /// An engine was taken into a forked process.
    #[error("this engine was made in another process: start workers with spawn, not with fork")]
    Forked,
    /// A quantile that is none.
    #[error("a quantile is between 0 and 1, not {0}")]
    Quantile(f64),
    /// Bytes that are not a histogram.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
    /// Columns that do not fit together.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// JSON that could not be written.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// There is no descriptor left for the crossing.
    #[error(transparent)]
    Crossing(std::io::Error),
    /// The null target cannot listen or serve.
    #[error(transparent)]
    NullTarget(std::io::Error),
    /// A panic.
    #[error("{0}")]
    Panicked(String),
}

impl BorderError {
    /// The exception for Python to raise.
    pub(crate) fn into_exception(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Plan(problems) => plan_error(py, problems).unwrap_or_else(|error| error),
            Self::Share { .. } | Self::Quantile(_) | Self::Histogram(_) => PyValueError::new_err(self.to_string()),
            Self::TooManyNames => {
                let problem = Problem { path: String::new(), at: None, message: self.to_string(), hint: None };
                plan_error(py, vec![problem]).unwrap_or_else(|error| error)
            }
            Self::Started | Self::NotStarted | Self::Finished | Self::Forked => {
                PyRuntimeError::new_err(self.to_string())
            }
            Self::NullTarget(error) | Self::Crossing(error) => error.into(),
            Self::Arrow(_) | Self::Json(_) | Self::Panicked(_) => python::InternalError::new_err(self.to_string()),
        }
    }
}

fn plan_error(py: Python<'_>, problems: Vec<Problem>) -> PyResult<PyErr> {
    let dicts = problems.into_iter().map(|problem| {
        let dict = PyDict::new(py);
        dict.set_item("path", problem.path)?;
        dict.set_item("at", problem.at)?;
        dict.set_item("message", problem.message)?;
        dict.set_item("hint", problem.hint)?;
        Ok(dict.unbind())
    });
    Ok(python::PlanError::new_err((dicts.collect::<PyResult<Vec<_>>>()?,)))
}
