//! The extension module `loadcore._core`: the engine as Python sees it.
//!
//! Plans come in as JSON, results go out as Arrow through the C data interface; nothing else crosses. Only
//! `python/loadcore/engine.py` imports this module.
#![forbid(unsafe_code)]

mod batch;
mod border;
mod call_sites;
mod engine;
mod errors;
mod files;
mod histogram;
mod lifeline;
mod lists;
mod names;
mod null_target;
mod reader;
mod rows;
mod script;
mod snapshot;
mod windows;

use pyo3::prelude::*;

/// What the Python package sees of the engine.
#[pymodule(gil_used = true)]
mod _core {
    use loadcore_core::record::Outcome;
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::batch::Batch;
    #[pymodule_export]
    use crate::call_sites::CallSites;
    #[pymodule_export]
    use crate::engine::Engine;
    #[pymodule_export]
    use crate::files::FileEncoder;
    #[pymodule_export]
    use crate::histogram::Histogram;
    #[pymodule_export]
    use crate::null_target::NullTarget;
    #[pymodule_export]
    use crate::script::Call;
    #[pymodule_export]
    use crate::script::Crossing;
    #[pymodule_export]
    use crate::script::Future;
    #[pymodule_export]
    use crate::script::Prepared;
    #[pymodule_export]
    use crate::script::Runner;
    #[pymodule_export]
    use crate::script::ScriptUser;
    #[pymodule_export]
    use crate::script::StreamedCall;
    #[pymodule_export]
    use crate::script::Tally;
    #[pymodule_export]
    use crate::script::Turn;
    #[pymodule_export]
    use crate::snapshot::Snapshot;

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name that Python gives it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    const MAX_DEPTH: usize = loadcore_core::plan::MAX_DEPTH;
    #[pymodule_export]
    const MAX_REDIRECTS: u8 = loadcore_core::plan::MAX_REDIRECTS;

    /// Ends this process a moment after the other end of `lifeline` was closed, whatever holds the interpreter: user code may
    /// do so for ever.
    #[pyfunction]
    fn end_without(lifeline: i32) -> PyResult<()> {
        crate::lifeline::watch(lifeline).map_err(Into::into)
    }

    /// The stable names of all outcomes, each with its cause.
    #[pyfunction]
    fn outcomes() -> Vec<(&'static str, &'static str)> {
        Outcome::ALL.iter().map(|outcome| (outcome.name(), outcome.cause())).collect()
    }
}
