//! What asyncio takes for a future, and for a coroutine as well: so it can be awaited, gathered, shielded, timed and made a
//! task of.
//!
//! What waits for one is woken by the drain that completes it, in its own context: no handle is made for it, and the loop
//! does not have to come round.

use pyo3::exceptions::{PyException, PyStopIteration};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use super::crossing::Crossing;

mod python {
    pyo3::import_exception!(asyncio, CancelledError);
    pyo3::import_exception!(asyncio, InvalidStateError);
}

/// Something that will have happened. Its result is itself.
#[pyclass(subclass, module = "loadcore._core")]
pub(crate) struct Future {
    state: State,
    /// asyncio's mark that it was awaited by a task, and not by mistake without one.
    #[pyo3(get, set, name = "_asyncio_future_blocking")]
    is_blocking: bool,
    was_awaited: bool,
    first: Option<Callback>,
    more: Vec<Callback>,
    crossing: Option<Py<Crossing>>,
    cancel_message: Option<Py<PyAny>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Done,
    Cancelled,
}

struct Callback {
    function: Py<PyAny>,
    context: Option<Py<PyAny>>,
}

impl Callback {
    fn call(&self, future: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = future.py();
        match &self.context {
            Some(context) => context.bind(py).call_method1(intern!(py, "run"), (&self.function, future))?,
            None => self.function.bind(py).call1((future,))?,
        };
        Ok(())
    }

    fn call_soon(&self, future: &Bound<'_, PyAny>, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = future.py();
        let options = self.context.as_ref().map(|context| {
            let options = PyDict::new(py);
            options.set_item(intern!(py, "context"), context).map(|()| options)
        });
        let options = options.transpose()?;
        event_loop.call_method(intern!(py, "call_soon"), (&self.function, future), options.as_ref())?;
        Ok(())
    }
}

impl Future {
    pub(super) fn new() -> Self {
        Self {
            state: State::Pending,
            is_blocking: false,
            was_awaited: false,
            first: None,
            more: Vec::new(),
            crossing: None,
            cancel_message: None,
        }
    }

    pub(super) fn of(&mut self, crossing: Py<Crossing>) {
        self.crossing = Some(crossing);
    }

    pub(super) const fn state(&self) -> State {
        self.state
    }

    pub(super) const fn was_awaited(&self) -> bool {
        self.was_awaited
    }

    /// Says that it has happened, and calls all that wait for it. Errors of theirs are the loop's to report; what is not an
    /// ordinary exception ends the drain.
    pub(super) fn complete(future: &Bound<'_, Self>) -> PyResult<()> {
        let (first, more, event_loop) = {
            let mut this = future.borrow_mut();
            if this.state != State::Pending {
                return Ok(());
            }
            this.state = State::Done;
            (this.first.take(), std::mem::take(&mut this.more), this.event_loop(future.py()))
        };
        for callback in first.iter().chain(&more) {
            callback.call(future.as_any()).or_else(|error| report(future, error, event_loop.as_ref()))?;
        }
        Ok(())
    }

    /// Whether anything waits for it.
    pub(super) const fn is_waited_for(&self) -> bool {
        self.first.is_some()
    }

    fn event_loop<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let crossing = self.crossing.as_ref()?;
        crossing.bind(py).borrow().event_loop(py)
    }

    fn cancelled_error(&self, py: Python<'_>) -> PyErr {
        match &self.cancel_message {
            Some(message) => python::CancelledError::new_err((message.clone_ref(py),)),
            None => python::CancelledError::new_err(()),
        }
    }
}

/// Hands an exception of a callback to the loop's handler.
fn report(future: &Bound<'_, Future>, error: PyErr, event_loop: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    let py = future.py();
    let Some(event_loop) = event_loop.filter(|_| error.is_instance_of::<PyException>(py)) else { return Err(error) };
    let context = PyDict::new(py);
    context.set_item("message", "a callback of a request raised")?;
    context.set_item("exception", error.value(py))?;
    context.set_item("future", future)?;
    event_loop.call_method1("call_exception_handler", (context,))?;
    Ok(())
}

#[pymethods]
impl Future {
    fn __await__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf.borrow_mut().was_awaited = true;
        slf
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let mut this = slf.borrow_mut();
        match this.state {
            State::Pending => {
                this.is_blocking = true;
                this.was_awaited = true;
                Ok(slf.clone())
            }
            State::Done => Err(PyStopIteration::new_err((slf.clone().unbind(),))),
            State::Cancelled => Err(this.cancelled_error(slf.py())),
        }
    }

    /// As of a coroutine: the next step.
    fn send<'py>(slf: &Bound<'py, Self>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        let _ = value;
        Self::__next__(slf)
    }

    /// As of a coroutine: raises this where it waits, which is nowhere.
    #[pyo3(signature = (kind, value = None, traceback = None))]
    fn throw(
        &self,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let _ = (self.state, traceback);
        let error = match (kind.cast::<PyType>(), value) {
            (Ok(_), Some(value)) if !value.is_instance_of::<PyType>() && value.is_instance(&kind)? => value,
            (Ok(_), Some(value)) => kind.call1((value,))?,
            (Ok(_), None) => kind.call0()?,
            (Err(_), _) => kind,
        };
        Err(PyErr::from_value(error))
    }

    /// As of a coroutine: nothing is left to do.
    fn close(&self) {
        let _ = self.state;
    }

    /// Whether it has happened, or was cancelled.
    fn done(&self) -> bool {
        self.state != State::Pending
    }

    /// Whether it was cancelled.
    fn cancelled(&self) -> bool {
        self.state == State::Cancelled
    }

    /// Itself, once it has happened.
    fn result<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let this = slf.borrow();
        match this.state {
            State::Done => Ok(slf.clone()),
            State::Cancelled => Err(this.cancelled_error(slf.py())),
            State::Pending => Err(python::InvalidStateError::new_err("it has not happened yet")),
        }
    }

    /// None, once it has happened.
    fn exception(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::result(slf).map(|_| ())
    }

    /// The loop that it was made for.
    fn get_loop<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.event_loop(py)
    }

    /// Has a function called with it when it has happened.
    #[pyo3(signature = (function, *, context = None))]
    fn add_done_callback(
        slf: &Bound<'_, Self>,
        function: Bound<'_, PyAny>,
        context: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let callback = Callback { function: function.unbind(), context: context.map(Bound::unbind) };
        let mut this = slf.borrow_mut();
        if this.state != State::Pending {
            let event_loop = this.event_loop(slf.py());
            drop(this);
            return match event_loop {
                Some(event_loop) => callback.call_soon(slf.as_any(), &event_loop),
                None => callback.call(slf.as_any()),
            };
        }
        if this.first.is_none() {
            this.first = Some(callback);
        } else {
            this.more.push(callback);
        }
        Ok(())
    }

    /// Calls this function no more. Says how often it would have been.
    fn remove_done_callback(slf: &Bound<'_, Self>, function: &Bound<'_, PyAny>) -> PyResult<usize> {
        let py = slf.py();
        let (first, more) = {
            let mut this = slf.borrow_mut();
            (this.first.take(), std::mem::take(&mut this.more))
        };
        let (mut kept, mut removed) = (Vec::new(), 0);
        for callback in first.into_iter().chain(more) {
            if callback.function.bind(py).eq(function)? {
                removed += 1;
            } else {
                kept.push(callback);
            }
        }
        let mut kept = kept.into_iter();
        let mut this = slf.borrow_mut();
        this.first = kept.next();
        this.more = kept.collect();
        Ok(removed)
    }

    /// Gives it up. The loop wakes what waits for it, as of any future.
    #[pyo3(signature = (msg = None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<Bound<'_, PyAny>>) -> PyResult<bool> {
        let (callbacks, event_loop) = {
            let mut this = slf.borrow_mut();
            if this.state != State::Pending {
                return Ok(false);
            }
            this.state = State::Cancelled;
            this.cancel_message = msg.map(Bound::unbind);
            let callbacks: Vec<_> = this.first.take().into_iter().chain(std::mem::take(&mut this.more)).collect();
            (callbacks, this.event_loop(slf.py()))
        };
        if let Ok(call) = slf.cast::<super::Call>() {
            super::call::cancel(call);
        }
        for callback in callbacks {
            match &event_loop {
                Some(event_loop) => callback.call_soon(slf.as_any(), event_loop)?,
                None => callback.call(slf.as_any())?,
            }
        }
        Ok(true)
    }
}
