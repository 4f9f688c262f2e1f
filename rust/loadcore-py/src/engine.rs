//! The engine as a Python class.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use loadcore_core::clock::Clock;
use loadcore_core::driver::crossing::Crossing as CodeSide;
use loadcore_core::engine::{self, Control};
use loadcore_core::error::Problem;
use loadcore_core::plan::Plan;
use loadcore_core::schedule::{Order, Share};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::batch::Batch;
use crate::border::{Home, border};
use crate::errors::BorderError;
use crate::files::FileEncoder;
use crate::names::Names;
use crate::reader::{Item, Reader};
use crate::rows::no_rows;
use crate::script::Crossing;
use crate::windows::WindowTables;

/// How long a wait may keep a pending Ctrl-C waiting.
const SIGNAL_CHECK: Duration = Duration::from_millis(100);

/// A share of a plan: checked when it is made, started once, read until it ends.
#[pyclass(frozen, module = "loadcore._core")]
pub(crate) struct Engine {
    home: Home,
    description: String,
    names: Arc<Names>,
    control: OnceLock<Control>,
    clock: Arc<OnceLock<Clock>>,
    crossing: Mutex<Option<(CodeSide, usize)>>,
    state: Mutex<State>,
}

enum State {
    Ready(Box<engine::Engine>),
    Running(Box<Reader>),
    Ended,
}

#[pymethods]
impl Engine {
    /// Checks a plan and makes share `share` of `shares` ready. Raises `PlanError` with everything that is wrong.
    #[new]
    fn new(py: Python<'_>, plan_json: &str, share: u32, shares: u32) -> PyResult<Self> {
        border(py, || {
            let no_share = BorderError::Share { share, shares };
            let (Some(part), Ok(worker)) = (Share::new(share, shares), i16::try_from(share)) else {
                return Err(no_share);
            };
            let (engine, crossing) = prepare(plan_json, part)?;
            Ok(Self {
                home: Home::here(),
                description: serde_json::to_string(engine.describe())?,
                names: Arc::new(Names::new(&engine.describe().tables, worker)?.tracing(engine.trace_prefix())),
                control: OnceLock::new(),
                clock: Arc::default(),
                crossing: Mutex::new(crossing),
                state: Mutex::new(State::Ready(Box::new(engine))),
            })
        })
    }

    /// What this share will do, as JSON: `scenarios`, `steps`, `checks`, `groups` and `connections`.
    fn describe(&self) -> &str {
        &self.description
    }

    /// Two tables without rows, for their types: requests and windows.
    fn empty_batches(&self, py: Python<'_>) -> PyResult<(Batch, Batch)> {
        border(py, || Ok((Batch::new(no_rows(&self.names)?), Batch::new(WindowTables::empty(&self.names)?))))
    }

    /// What encodes this engine's rows as a file. Each file needs one of its own.
    ///
    /// Args:
    ///     metadata: Written into the schema.
    fn file_encoder(&self, py: Python<'_>, metadata: HashMap<String, String>) -> PyResult<FileEncoder> {
        border(py, || Ok(FileEncoder::new(&no_rows(&self.names)?, metadata)?))
    }

    /// The way to the code of users, for the thread that runs it; None if the plan has none, or it was given before.
    fn crossing(&self) -> Option<Crossing> {
        let (core, scripts) = self.crossing.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(Crossing::new(core, scripts, Arc::clone(&self.clock)))
    }

    /// Starts the engine thread and returns. The run begins at `start_at_ns` of the monotonic clock, which is
    /// `wall_start_us` of the wall clock, in microseconds since 1970. What is due before `begins_ns` of the run is another
    /// worker's.
    #[pyo3(signature = (start_at_ns, wall_start_us, begins_ns = 0))]
    fn start(&self, py: Python<'_>, start_at_ns: u64, wall_start_us: i64, begins_ns: u64) -> PyResult<()> {
        border(py, || {
            self.home.check()?;
            let mut state = self.lock();
            match std::mem::replace(&mut *state, State::Ended) {
                State::Ready(mut engine) => {
                    if begins_ns > 0 {
                        *engine = engine.carrying_on(begins_ns);
                    }
                    *engine = engine.beginning_at(wall_start_us);
                    let names = self.names.extended(&engine.describe().tables)?.tracing(engine.trace_prefix());
                    self.clock.get_or_init(|| Clock::starting_at(start_at_ns));
                    let reader = Reader::new(*engine, start_at_ns, wall_start_us, Arc::new(names));
                    self.control.get_or_init(|| reader.control());
                    *state = State::Running(Box::new(reader));
                    Ok(())
                }
                other => {
                    *state = other;
                    Err(BorderError::Started)
                }
            }
        })
    }

    /// The next of `("rows", Batch)`, `("windows", Batch)`, `("sample", str)` and, last, `("end", str)`; None if none comes in time, and for
    /// ever after the end. Waits without the GIL, and lets Ctrl-C through.
    fn next_event(&self, py: Python<'_>, timeout_ms: u32) -> PyResult<Option<(&'static str, Py<PyAny>)>> {
        let deadline = Instant::now() + Duration::from_millis(u64::from(timeout_ms));
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if let Some(item) = border(py, || self.wait(left.min(SIGNAL_CHECK)))? {
                return Ok(Some(event(py, item)?));
            }
            py.check_signals()?;
            if left.is_zero() || border(py, || Ok(matches!(*self.lock(), State::Ended)))? {
                return Ok(None);
            }
        }
    }

    /// Start no more iterations; let running ones finish within the plan's `graceful_stop_ns`. Before the start there is
    /// nothing to stop.
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        self.ask(py, Control::stop)
    }

    /// Change the load of the scenario at this place in the plan, from `at_ns` after the start on. `change` is JSON. One that
    /// does not fit the load changes nothing, and so does one before the start.
    fn order(&self, py: Python<'_>, scenario: usize, at_ns: u64, change: &str) -> PyResult<()> {
        border(py, || {
            self.home.check()?;
            let change = serde_json::from_str(change)?;
            if let Some(control) = self.control.get() {
                control.order(scenario, Order { at_ns, change });
            }
            Ok(())
        })
    }

    /// Stop now; requests in flight are recorded as `interrupted`.
    fn interrupt(&self, py: Python<'_>) -> PyResult<()> {
        self.ask(py, Control::interrupt)
    }
}

impl Engine {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, py: Python<'_>, what: fn(&Control)) -> PyResult<()> {
        border(py, || {
            self.home.check()?;
            if let Some(control) = self.control.get() {
                what(control);
            }
            Ok(())
        })
    }

    fn wait(&self, timeout: Duration) -> Result<Option<Item>, BorderError> {
        self.home.check()?;
        let mut state = self.lock();
        let item = match &mut *state {
            State::Ready(_) => return Err(BorderError::NotStarted),
            State::Running(reader) => reader.next(timeout)?,
            State::Ended => return Ok(None),
        };
        if matches!(item, Some(Item::End(_))) {
            *state = State::Ended;
        }
        Ok(item)
    }
}

type Prepared = (engine::Engine, Option<(CodeSide, usize)>);

/// An engine for a share of a plan; and, where users' code runs beside it, the way to that, with the number of scenarios.
fn prepare(plan_json: &str, share: Share) -> Result<Prepared, BorderError> {
    let plan: Plan = serde_json::from_str(plan_json).map_err(|error| {
        let hint = Some("plans are written by loadcore's compiler: do both have the same version?".to_owned());
        let message = format!("the plan cannot be read: {error}");
        BorderError::Plan(vec![Problem { path: String::new(), at: None, message, hint }])
    })?;
    let scenarios = plan.scenarios.len();
    let scripted: Vec<_> = plan.scenarios.iter().map(|each| each.has_script().then(|| each.name.clone())).collect();
    if scripted.iter().all(Option::is_none) {
        return Ok((engine::Engine::new(plan, share).map_err(BorderError::Plan)?, None));
    }
    let (code, scripts) = CodeSide::new(scenarios).map_err(BorderError::Crossing)?;
    let scripts = scripted.into_iter().zip(scripts).filter_map(|(name, script)| Some((name?, script))).collect();
    let engine = engine::Engine::with_scripts(plan, share, scripts).map_err(BorderError::Plan)?;
    Ok((engine, Some((code, scenarios))))
}

fn event(py: Python<'_>, item: Item) -> PyResult<(&'static str, Py<PyAny>)> {
    let batch = |table| Ok::<_, PyErr>(Py::new(py, Batch::new(table))?.into_any());
    match item {
        Item::Rows(table) => Ok(("rows", batch(table)?)),
        Item::Windows(table) => Ok(("windows", batch(table)?)),
        Item::Sample(sample) => Ok(("sample", text(py, serde_json::to_string(&sample))?)),
        Item::End(end) => Ok(("end", text(py, serde_json::to_string(&end))?)),
    }
}

fn text(py: Python<'_>, json: serde_json::Result<String>) -> PyResult<Py<PyAny>> {
    let json = json.map_err(|error| BorderError::from(error).into_exception(py))?;
    Ok(PyString::new(py, &json).into_any().unbind())
}
