//! What runs the code of a user for its task: a coroutine around the user's own.
//!
//! A task takes a call for a foreign future, and deals with it by attributes: it asks for the loop, adds a callback, has
//! that called in its context, asks for the result. With a runner, the task waits for one [`Park`] instead, and the drain
//! that completes a call steps the user's code itself, in the task's context and as the current task, as often as that
//! waits for calls. All else is the task's: futures of asyncio's, cancellation, and the end.

use pyo3::exceptions::PyStopIteration;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::crossing::Crossing;
use super::future::{Future, State};

/// A coroutine around the one of a user.
#[pyclass(module = "loadcore._core")]
pub(crate) struct Runner {
    crossing: Py<Crossing>,
    coroutine: Py<PyAny>,
    /// Its `send`.
    send: Py<PyAny>,
    /// How a drain steps it; nothing before it knows its task, and after its end.
    entry: Option<Entry>,
    /// The call, or the turn, that the user's code waits for.
    awaited: Option<Py<Future>>,
    /// What the task waits for meanwhile.
    park: Option<Py<Park>>,
    /// What a drain has met that is the task's to deal with.
    met: Option<Met>,
    is_stepping: bool,
    /// The task was cancelled by what a drain stepped.
    is_cancelled: bool,
}

/// What steps the code of a task as that does: as the current one, in its context.
struct Entry {
    task: Py<PyAny>,
    /// The `run` of the context, and what is run there.
    run: Py<PyAny>,
    step: Py<PyTuple>,
}

/// Where a step of the user's code led.
enum Met {
    Yielded(Py<PyAny>),
    Returned(Py<PyAny>),
    Raised(PyErr),
}

impl Met {
    /// What has come of `send`.
    fn of(py: Python<'_>, sent: PyResult<Bound<'_, PyAny>>) -> Self {
        match sent {
            Ok(value) => Self::Yielded(value.unbind()),
            Err(error) if error.is_instance_of::<PyStopIteration>(py) => {
                let value = error.value(py).getattr(intern!(py, "value"));
                value.map_or_else(Self::Raised, |value| Self::Returned(value.unbind()))
            }
            Err(error) => Self::Raised(error),
        }
    }
}

impl Runner {
    pub(super) fn new(crossing: Py<Crossing>, coroutine: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self {
            crossing,
            coroutine: coroutine.clone().unbind(),
            send: coroutine.getattr(intern!(coroutine.py(), "send"))?.unbind(),
            entry: None,
            awaited: None,
            park: None,
            met: None,
            is_stepping: false,
            is_cancelled: false,
        })
    }

    /// What the user's code waits for has happened: steps it, and resumes the task if that is to deal with the result.
    pub(super) fn resume(runner: &Bound<'_, Self>, future: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = runner.py();
        let (crossing, task, run, step) = {
            let this = &mut *runner.borrow_mut();
            if !this.awaited.as_ref().is_some_and(|awaited| awaited.is(future)) {
                return Ok(());
            }
            (this.awaited, this.is_cancelled) = (None, false);
            let Some(Entry { task, run, step }) = &this.entry else { return Ok(()) };
            this.is_stepping = true;
            let crossing = this.crossing.bind(py).clone();
            (crossing, task.bind(py).clone(), run.bind(py).clone(), step.bind(py).clone())
        };
        let ran = Crossing::enter(&crossing, &task).and_then(|()| run.call1(step));
        let is_cancelled = {
            let mut this = runner.borrow_mut();
            this.is_stepping = false;
            this.is_cancelled
        };
        let met = Met::of(py, ran);
        let met = match met {
            Met::Yielded(value) => match own(value.bind(py)) {
                // The task throws its cancellation in.
                Some(future) if is_cancelled => Future::cancel(future, None).map(|_| None)?,
                Some(future) => {
                    Self::wait_for(runner, future);
                    return Ok(());
                }
                None => Some(Met::Yielded(value)),
            },
            met => Some(met),
        };
        let park = {
            let mut this = runner.borrow_mut();
            this.met = met;
            this.park.take()
        };
        park.map_or(Ok(()), |park| Future::complete(park.bind(py).as_super()))
    }

    fn wait_for(runner: &Bound<'_, Self>, future: &Bound<'_, Future>) {
        future.borrow_mut().wakes(runner.clone().unbind());
        runner.borrow_mut().awaited = Some(future.clone().unbind());
    }

    fn next(runner: &Bound<'_, Self>) -> Met {
        let py = runner.py();
        let send = {
            let mut this = runner.borrow_mut();
            this.is_stepping = true;
            this.send.bind(py).clone()
        };
        let led_to = send.call1((py.None(),));
        runner.borrow_mut().is_stepping = false;
        Met::of(py, led_to)
    }

    /// Tells the task: of a call that the user's code waits for only that there is something to wait for.
    fn tell<'py>(runner: &Bound<'py, Self>, met: Met) -> PyResult<Bound<'py, PyAny>> {
        let py = runner.py();
        let value = match met {
            Met::Yielded(value) => value.into_bound(py),
            Met::Returned(value) => {
                runner.borrow_mut().entry = None;
                return Err(PyStopIteration::new_err((value,)));
            }
            Met::Raised(error) => {
                runner.borrow_mut().entry = None;
                return Err(error);
            }
        };
        let Some(future) = own(&value).filter(|_| runner.borrow().entry.is_some()) else { return Ok(value) };
        Self::wait_for(runner, future);
        let park = PyClassInitializer::from(Future::new()).add_subclass(Park { runner: runner.clone().unbind() });
        let park = Bound::new(py, park)?;
        {
            let crossing = runner.borrow().crossing.clone_ref(py);
            let mut new = park.borrow_mut();
            new.as_super().of(crossing);
            new.as_super().yields();
        }
        runner.borrow_mut().park = Some(park.clone().unbind());
        Ok(park.into_any())
    }
}

/// What is yielded, if a drain completes it.
fn own<'a, 'py>(value: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, Future>> {
    value.cast::<Future>().ok().filter(|future| future.borrow().state() == State::Pending)
}

#[pymethods]
impl Runner {
    /// Says what task it is the coroutine of, and in what context that runs.
    fn belongs_to(slf: &Bound<'_, Self>, task: &Bound<'_, PyAny>, context: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let step = (&slf.borrow().send, py.None()).into_pyobject(py)?;
        let run = context.getattr("run")?.unbind();
        slf.borrow_mut().entry = Some(Entry { task: task.clone().unbind(), run, step: step.unbind() });
        Ok(())
    }

    /// What it waited for was cancelled by another than its task.
    fn wake(slf: &Bound<'_, Self>, future: &Bound<'_, PyAny>) -> PyResult<()> {
        let resumed = Self::resume(slf, future);
        let crossing = slf.borrow().crossing.bind(slf.py()).clone();
        Crossing::leave(&crossing).and(resumed)
    }

    fn __await__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let met = slf.borrow_mut().met.take();
        let met = met.unwrap_or_else(|| Self::next(slf));
        Self::tell(slf, met)
    }

    /// As of a coroutine: the next step.
    fn send<'py>(slf: &Bound<'py, Self>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let _ = value;
        Self::__next__(slf)
    }

    /// As of a coroutine: raises this where the user's code waits.
    #[pyo3(signature = (kind, value = None, traceback = None))]
    fn throw<'py>(
        slf: &Bound<'py, Self>,
        kind: Bound<'py, PyAny>,
        value: Option<Bound<'py, PyAny>>,
        traceback: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let met = slf.borrow_mut().met.take();
        match met {
            // The user's code has ended before it could be cancelled.
            Some(Met::Raised(error)) => return Self::tell(slf, Met::Raised(error)),
            Some(Met::Yielded(future)) if !future.is_none(slf.py()) => {
                future.call_method0(slf.py(), intern!(slf.py(), "cancel"))?;
            }
            Some(Met::Returned(_)) => return Self::tell(slf, Met::Raised(PyErr::from_value(value.unwrap_or(kind)))),
            Some(Met::Yielded(_)) | None => {}
        }
        let coroutine = {
            let mut this = slf.borrow_mut();
            this.is_stepping = true;
            this.coroutine.bind(slf.py()).clone()
        };
        let throw = intern!(slf.py(), "throw");
        let thrown = match (value, traceback) {
            (None, _) => coroutine.call_method1(throw, (kind,)),
            (Some(value), None) => coroutine.call_method1(throw, (kind, value)),
            (Some(value), Some(traceback)) => coroutine.call_method1(throw, (kind, value, traceback)),
        };
        slf.borrow_mut().is_stepping = false;
        Self::tell(slf, thrown.map_or_else(Met::Raised, |value| Met::Yielded(value.unbind())))
    }

    /// As of a coroutine: nothing more is run.
    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        let coroutine = {
            let mut this = slf.borrow_mut();
            (this.entry, this.awaited, this.park) = (None, None, None);
            this.coroutine.bind(slf.py()).clone()
        };
        coroutine.call_method0("close").map(|_| ())
    }

    /// Where the user's code is, to those that look.
    fn __getattr__<'py>(slf: &Bound<'py, Self>, name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let coroutine = slf.borrow().coroutine.bind(slf.py()).clone();
        coroutine.getattr(name.cast::<pyo3::types::PyString>()?)
    }
}

/// What a task waits for while a drain steps its code.
#[pyclass(extends = Future, module = "loadcore._core")]
pub(crate) struct Park {
    runner: Py<Runner>,
}

impl Park {
    /// Gives up what the user's code waits for. Says whether it does wait: code that runs is cancelled by its task, once
    /// it does.
    pub(super) fn cancel(park: &Bound<'_, Self>, message: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        let py = park.py();
        let runner = park.borrow().runner.bind(py).clone();
        let awaited = {
            let this = &mut *runner.borrow_mut();
            if this.is_stepping {
                this.is_cancelled = true;
                return Ok(false);
            }
            this.park = None;
            this.awaited.take()
        };
        if let Some(awaited) = awaited {
            let awaited = awaited.bind(py);
            awaited.borrow_mut().wakes_no_more(&runner);
            Future::cancel(awaited, message.cloned())?;
        }
        Ok(true)
    }
}
