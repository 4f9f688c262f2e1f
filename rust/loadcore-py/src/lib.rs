//! The extension module `loadcore._core`.
use pyo3::prelude::*;

/// What the Python package sees of the engine.
#[pymodule]
mod _core {}
