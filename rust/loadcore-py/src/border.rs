//! The one door between Python and the engine.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::prelude::*;

use crate::errors::BorderError;

/// Does work of the engine for Python: releases the GIL meanwhile, turns a panic into an error, and an error into the
/// exception that stands for it.
pub(crate) fn border<T: Send>(py: Python<'_>, work: impl Send + FnOnce() -> Result<T, BorderError>) -> PyResult<T> {
    let result = py.detach(|| catch_unwind(AssertUnwindSafe(work)));
    let result = result.unwrap_or_else(|panic| Err(BorderError::Panicked(panic_message(&*panic))));
    result.map_err(|error| error.into_exception(py))
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}

/// The process that something was made in. Threads do not survive a fork, so nothing that has one may be used in a child.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Home(u32);

impl Home {
    pub(crate) fn here() -> Self {
        Self(std::process::id())
    }

    pub(crate) fn check(self) -> Result<(), BorderError> {
        if self.0 == std::process::id() { Ok(()) } else { Err(BorderError::Forked) }
    }
}
