//! A call: a request from when it was made, and its answer once it came.

use std::sync::{Arc, Mutex, PoisonError};

use loadcore_core::driver::script::{self, Command, RequestKey, Settled};
use loadcore_core::record::Outcome;
use pyo3::exceptions::{PyAttributeError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use super::crossing::Crossing;
use super::future::{Future, State};
use super::tally::Tally;
use super::user::ScriptUser;

/// Boxes of calls that have been looked at, to be used again.
pub(super) type Spares = Arc<Mutex<Vec<Box<script::Call>>>>;

/// As many are kept.
const MOST_SPARES: usize = 4_096;

/// A request of a user, which is a future of its answer. A fault is an answer, too: it has no status.
#[pyclass(extends = Future, subclass, module = "loadcore._core")]
#[derive(Default)]
pub(crate) struct Call {
    key: RequestKey,
    /// The request with its answer, once it came back.
    content: Option<Box<script::Call>>,
    user: Option<Py<ScriptUser>>,
    name: Option<Py<PyString>>,
    method: Option<Py<PyString>>,
    url: Option<Py<PyString>>,
    spares: Option<Spares>,
    read: Read,
}

/// What was made of the answer when it was first read. It is kept here since the class over this one would have to be the
/// garbage collector's business if it had a place of its own.
#[derive(Default)]
pub(super) struct Read {
    content: Option<Py<PyAny>>,
    headers: Option<Py<PyAny>>,
    json: Option<Py<PyAny>>,
}

fn read(kept: Option<&Py<PyAny>>, py: Python<'_>) -> PyResult<Py<PyAny>> {
    kept.map(|kept| kept.clone_ref(py)).ok_or_else(|| PyAttributeError::new_err("it was not read yet"))
}

/// A line of code gives the same objects each time.
fn keep<T>(kept: &mut Option<Py<T>>, given: Option<&Bound<'_, T>>) {
    let is_kept = match (&*kept, given) {
        (Some(kept), Some(given)) => given.as_ptr() == kept.as_ptr(),
        (None, None) => true,
        _ => false,
    };
    if !is_kept {
        *kept = given.map(|given| given.clone().unbind());
    }
}

/// What a call has of the one that it was before.
pub(super) struct Before {
    pub(super) content: Option<Box<script::Call>>,
    /// Objects of users, whose end may be code of theirs: to be dropped while nothing is borrowed.
    pub(super) read: Read,
}

/// What a call is of.
pub(super) struct CallOf<'a, 'py> {
    pub(super) user: &'a Bound<'py, ScriptUser>,
    pub(super) name: Option<&'a Bound<'py, PyString>>,
    pub(super) method: Option<&'a Bound<'py, PyString>>,
    pub(super) url: Option<&'a Bound<'py, PyString>>,
}

impl Call {
    /// A call to which nothing has happened.
    pub(super) fn initializer() -> PyClassInitializer<Self> {
        PyClassInitializer::from(Future::new()).add_subclass(Self::default())
    }

    /// Begins a new one, or one that has ended, as another. Gives what it has of the one before.
    pub(super) fn begin(&mut self, key: RequestKey, of: &CallOf<'_, '_>, spares: &Spares) -> Before {
        self.key = key;
        keep(&mut self.user, Some(of.user));
        keep(&mut self.name, of.name);
        keep(&mut self.method, of.method);
        keep(&mut self.url, of.url);
        if self.spares.is_none() {
            self.spares = Some(Arc::clone(spares));
        }
        Before { content: self.content.take(), read: std::mem::take(&mut self.read) }
    }

    /// Takes what came back.
    pub(super) fn answer(&mut self, content: Box<script::Call>) {
        self.content = Some(content);
    }

    pub(super) fn user_of(&self, py: Python<'_>) -> Option<Py<ScriptUser>> {
        self.user.as_ref().map(|user| user.clone_ref(py))
    }

    pub(super) const fn key(&self) -> RequestKey {
        self.key
    }

    /// The URL that it was made with.
    pub(super) fn asked_url(&self, py: Python<'_>) -> Option<Py<PyString>> {
        self.url.as_ref().map(|url| url.clone_ref(py))
    }

    /// When it ended; 0: it has not.
    pub(super) fn ended(&self) -> u64 {
        self.time(|answer| answer.ended_ns)
    }

    /// The crossing that it goes over.
    pub(super) fn crossing_of(&self, py: Python<'_>) -> Option<Py<Crossing>> {
        Some(self.user.as_ref()?.bind(py).borrow().crossing(py))
    }

    /// Whether nothing has gone wrong with it so far.
    pub(super) fn is_well_so_far(&self) -> bool {
        self.came().is_none_or(|answer| answer.outcome.is_answered())
    }

    fn came(&self) -> Option<&script::Answer> {
        self.content.as_ref().map(|content| &content.answer)
    }

    fn time(&self, of: fn(&script::Answer) -> u64) -> u64 {
        self.came().map_or(0, of)
    }
}

/// Has the engine give a request up.
pub(super) fn cancel(call: &Bound<'_, Call>) {
    let py = call.py();
    let (key, user) = {
        let this = call.borrow();
        (this.key, this.user_of(py))
    };
    if let Some(user) = user {
        ScriptUser::say(user.bind(py), Command::Cancel { request: key });
    }
}

/// Makes sure that a call without an answer was given up: who reads one that is on its way has not awaited it.
fn given_up(call: &Bound<'_, Call>) -> PyResult<()> {
    let this = call.borrow();
    if this.as_super().state() != State::Pending {
        return Ok(());
    }
    let name = this.name.as_ref().map_or_else(String::new, |name| name.bind(call.py()).to_string());
    Err(PyRuntimeError::new_err(format!("{name} was read before it had a response: write await before the request")))
}

impl Drop for Call {
    fn drop(&mut self) {
        if let (Some(content), Some(spares)) = (self.content.take(), &self.spares) {
            let mut spares = spares.lock().unwrap_or_else(PoisonError::into_inner);
            if spares.len() < MOST_SPARES {
                spares.push(content);
            }
        }
    }
}

#[pymethods]
impl Call {
    #[new]
    fn new() -> PyClassInitializer<Self> {
        Self::initializer()
    }

    /// The status of the response; 0: none arrived. Raises `RuntimeError` as long as one may still arrive.
    #[getter]
    fn status(slf: &Bound<'_, Self>) -> PyResult<u16> {
        match slf.borrow().came() {
            Some(answer) => Ok(answer.status),
            None => given_up(slf).map(|()| 0),
        }
    }

    /// Why no response arrived, as results name it.
    #[getter]
    fn outcome(slf: &Bound<'_, Self>) -> Option<&'static str> {
        let this = slf.borrow();
        if this.as_super().state() == State::Cancelled {
            return Some(Outcome::Interrupted.name());
        }
        this.came().filter(|answer| answer.outcome != Outcome::Ok).map(|answer| answer.outcome.name())
    }

    /// Whether a response arrived with a status that is expected. Raises as `status` does.
    #[getter]
    fn ok(slf: &Bound<'_, Self>) -> PyResult<bool> {
        match slf.borrow().came() {
            Some(answer) => Ok(answer.has_arrived() && !answer.is_error),
            None => given_up(slf).map(|()| false),
        }
    }

    /// The body, decoded if it came compressed. Made at each reading.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.came().map_or(&[], script::Answer::body))
    }

    /// Names and values of the response's headers, as they came. Made at each reading.
    #[getter]
    fn head<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let head = PyList::empty(py);
        if let Some(answer) = self.came() {
            for (name, value) in answer.headers() {
                head.append((PyBytes::new(py, name), PyBytes::new(py, value)))?;
            }
        }
        Ok(head)
    }

    /// The value of the first header of this name, however that is written.
    fn header<'py>(&self, py: Python<'py>, name: &str) -> Option<Bound<'py, PyBytes>> {
        let value = self.came()?.header(name.as_bytes())?;
        Some(PyBytes::new(py, value))
    }

    /// The status of a response that ends its call and changes nothing of its session: it sets no cookie, and is not a
    /// redirect that has to be followed. 0 of all others.
    fn final_status(&self, follows: bool) -> u16 {
        let Some(answer) = self.came().filter(|answer| answer.outcome == Outcome::Ok) else { return 0 };
        let is_followed = follows && (301..=308).contains(&answer.status);
        if is_followed || answer.header(b"set-cookie").is_some() { 0 } else { answer.status }
    }

    /// Counts a response in a tally, with its service time. Says whether that is full.
    fn count_in(&self, tally: &Bound<'_, Tally>) -> PyResult<bool> {
        let Some(answer) = self.came() else { return Ok(false) };
        #[expect(clippy::cast_precision_loss, reason = "times are far below 2^53 ns, sizes exact")]
        let time_ms = answer.service_ns as f64 / 1e6;
        Tally::count(tally, Some(time_ms), answer.body().len() as u64)
    }

    /// The JSON of the first value at a `JSONPath` in the body; None if there is none.
    /// Raises `ValueError` if the body is not JSON, or the path cannot be read.
    fn find(&self, path: &str) -> PyResult<Option<String>> {
        let Some(answer) = self.came() else { return Ok(None) };
        let found = answer.find(path).map_err(PyValueError::new_err)?;
        found
            .map(|json| String::from_utf8(json.to_vec()))
            .transpose()
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    #[getter(_content)]
    fn kept_content(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        read(self.read.content.as_ref(), py)
    }

    #[setter(_content)]
    fn keep_content(&mut self, content: Py<PyAny>) {
        self.read.content = Some(content);
    }

    #[getter(_headers)]
    fn kept_headers(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        read(self.read.headers.as_ref(), py)
    }

    #[setter(_headers)]
    fn keep_headers(&mut self, headers: Py<PyAny>) {
        self.read.headers = Some(headers);
    }

    #[getter(_json)]
    fn kept_json(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        read(self.read.json.as_ref(), py)
    }

    #[setter(_json)]
    fn keep_json(&mut self, json: Py<PyAny>) {
        self.read.json = Some(json);
    }

    /// Where the response came from, after redirects.
    #[getter]
    fn url(&self, py: Python<'_>) -> Option<Py<PyString>> {
        match self.came().and_then(|answer| answer.moved_to.as_deref()) {
            Some(moved_to) => Some(PyString::new(py, moved_to).unbind()),
            None => self.asked_url(py),
        }
    }

    /// What it is counted under.
    #[getter]
    fn name(&self, py: Python<'_>) -> Option<Py<PyString>> {
        self.name.as_ref().map(|name| name.clone_ref(py))
    }

    /// The method it was made with.
    #[getter]
    fn method(&self, py: Python<'_>) -> Option<Py<PyString>> {
        self.method.as_ref().map(|method| method.clone_ref(py))
    }

    /// Whose it is.
    #[getter]
    fn user(&self, py: Python<'_>) -> Option<Py<ScriptUser>> {
        self.user_of(py)
    }

    /// Send to last byte.
    #[getter]
    fn service_ns(&self) -> u64 {
        self.time(|answer| answer.service_ns)
    }

    /// Due to last byte.
    #[getter]
    fn response_ns(&self) -> u64 {
        self.time(|answer| answer.response_ns)
    }

    /// Send to first byte.
    #[getter]
    fn ttfb_ns(&self) -> u64 {
        self.time(|answer| answer.ttfb_ns)
    }

    /// When it was sent, since the run's start.
    #[getter]
    fn started_ns(&self) -> u64 {
        self.time(|answer| answer.started_ns)
    }

    /// When it ended, since the run's start.
    #[getter]
    fn ended_ns(&self) -> u64 {
        self.time(|answer| answer.ended_ns)
    }

    /// Decides a call that was held: whether it is an error, or has made way for another request, or was cut off.
    #[pyo3(signature = (error, *, superseded = false, interrupted = false))]
    fn settle(slf: &Bound<'_, Self>, error: bool, superseded: bool, interrupted: bool) {
        let settled = match (superseded, interrupted) {
            (true, _) => Settled::Superseded,
            (_, true) => Settled::Interrupted,
            _ if error => Settled::Error,
            _ => Settled::Ok,
        };
        let (key, user) = {
            let this = slf.borrow();
            (this.key, this.user_of(slf.py()))
        };
        if let Some(user) = user {
            ScriptUser::say(user.bind(slf.py()), Command::Settle { request: key, settled });
        }
    }
}
