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
use super::runner::{Park, Runner};

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

enum Callback {
    /// A function, in its context if it has one.
    Function(Py<PyAny>, Option<Py<PyAny>>),
    /// A user's code, which is stepped at once.
    Runner(Py<Runner>),
}

impl Callback {
    fn call(&self, future: &Bound<'_, Future>) -> PyResult<()> {
        let py = future.py();
        let (function, context) = match self {
            Self::Runner(runner) => return Runner::resume(runner.bind(py), future.as_any()),
            Self::Function(function, context) => (function.bind(py), context),
        };
        // A task of asyncio's enters its own place.
        let crossing = future.borrow().crossing.as_ref().map(|crossing| crossing.bind(py).clone());
        crossing.map_or(Ok(()), |crossing| Crossing::leave(&crossing))?;
        match context {
            Some(context) => context.bind(py).call_method1(intern!(py, "run"), (function, future))?,
            None => function.call1((future,))?,
        };
        Ok(())
    }

    fn call_soon(&self, future: &Bound<'_, PyAny>, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = future.py();
        let (function, context) = match self {
            Self::Runner(runner) => (runner.bind(py).getattr(intern!(py, "wake"))?, None),
            Self::Function(function, context) => (function.bind(py).clone(), context.as_ref()),
        };
        let options = context.map(|context| {
            let options = PyDict::new(py);
            options.set_item(intern!(py, "context"), context).map(|()| options)
        });
        let options = options.transpose()?;
        event_loop.call_method(intern!(py, "call_soon"), (function, future), options.as_ref())?;
        Ok(())
    }

    fn is_of(&self, runner: &Bound<'_, Runner>) -> bool {
        matches!(self, Self::Runner(own) if own.is(runner))
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

    /// It is to happen, whether it has happened before or not.
    pub(super) fn begin(&mut self, crossing: &Bound<'_, Crossing>) {
        (self.state, self.is_blocking, self.was_awaited) = (State::Pending, false, false);
        (self.first, self.cancel_message) = (None, None);
        self.more.clear();
        if self.crossing.is_none() {
            self.crossing = Some(crossing.clone().unbind());
        }
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
        let (first, more) = {
            let mut this = future.borrow_mut();
            if this.state != State::Pending {
                return Ok(());
            }
            this.state = State::Done;
            (this.first.take(), std::mem::take(&mut this.more))
        };
        for callback in first.iter().chain(&more) {
            callback.call(future).or_else(|error| report(future, error))?;
        }
        Ok(())
    }

    /// A runner waits for it, and its task does not have to.
    pub(super) fn wakes(&mut self, runner: Py<Runner>) {
        self.is_blocking = false;
        self.add(Callback::Runner(runner));
    }

    /// The runner waits for it no more.
    pub(super) fn wakes_no_more(&mut self, runner: &Bound<'_, Runner>) {
        let callbacks = self.first.take().into_iter().chain(std::mem::take(&mut self.more));
        let mut others = callbacks.filter(|callback| !callback.is_of(runner));
        self.first = others.next();
        self.more = others.collect();
    }

    /// It is what a task waits for from now on.
    pub(super) const fn yields(&mut self) {
        self.is_blocking = true;
    }

    fn add(&mut self, callback: Callback) {
        if self.first.is_none() {
            self.first = Some(callback);
        } else {
            self.more.push(callback);
        }
    }

    /// Whether anything waits for it.
    pub(super) const fn is_waited_for(&self) -> bool {
        self.first.is_some()
    }

    fn event_loop<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let crossing = self.crossing.as_ref()?;
        crossing.bind(py).borrow().event_loop(py)
    }

    /// The end of an `await`, with the future itself as its result.
    fn carried(&self, future: &Bound<'_, Self>) -> PyErr {
        let py = future.py();
        let crossing = self.crossing.as_ref().and_then(|crossing| crossing.bind(py).try_borrow_mut().ok());
        let Some(mut crossing) = crossing else { return PyStopIteration::new_err(future.clone().unbind()) };
        let carrier = crossing.carrier(py);
        drop(crossing);
        let ended = carrier.and_then(|it| it.value(py).setattr(intern!(py, "value"), future).map(|()| it));
        ended.unwrap_or_else(|error| error)
    }

    fn cancelled_error(&self, py: Python<'_>) -> PyErr {
        match &self.cancel_message {
            Some(message) => python::CancelledError::new_err((message.clone_ref(py),)),
            None => python::CancelledError::new_err(()),
        }
    }
}

/// Hands an exception of a callback to the loop's handler.
fn report(future: &Bound<'_, Future>, error: PyErr) -> PyResult<()> {
    let py = future.py();
    let event_loop = future.borrow().event_loop(py);
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
            State::Done => Err(this.carried(slf)),
            State::Cancelled => Err(this.cancelled_error(slf.py())),
        }
    }

    /// As of a coroutine: the next step.
    fn send<'py>(slf: &Bound<'py, Self>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        let _ = value;
        if slf.borrow().state == State::Done {
            // Python's own code sees this one, and may keep it.
            return Err(PyStopIteration::new_err(slf.clone().unbind()));
        }
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
        let callback = Callback::Function(function.unbind(), context.map(Bound::unbind));
        let mut this = slf.borrow_mut();
        if this.state != State::Pending {
            let event_loop = this.event_loop(slf.py());
            drop(this);
            return match event_loop {
                Some(event_loop) => callback.call_soon(slf.as_any(), &event_loop),
                None => callback.call(slf),
            };
        }
        this.add(callback);
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
            if let Callback::Function(known, _) = &callback
                && known.bind(py).eq(function)?
            {
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
    pub(super) fn cancel(slf: &Bound<'_, Self>, msg: Option<Bound<'_, PyAny>>) -> PyResult<bool> {
        if let Ok(park) = slf.cast::<Park>()
            && slf.borrow().state == State::Pending
            && !Park::cancel(park, msg.as_ref())?
        {
            return Ok(false);
        }
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
                None => callback.call(slf)?,
            }
        }
        Ok(true)
    }
}
