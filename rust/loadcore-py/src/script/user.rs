//! A user of a script, and its turns.

use std::thread::{self, ThreadId};

use loadcore_core::driver::script::{
    self, BodyFraming, Command, FormTimeouts, Holds, Iterate, MayContinue, ScriptEnd, ScriptPart, Seen,
};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};

use super::call::{Call, CallOf};
use super::crossing::Crossing;
use super::forms::Unusual;
use super::future::{Future, State};

/// A virtual user whose code is Python's.
#[pyclass(module = "loadcore._core")]
pub(crate) struct ScriptUser {
    crossing: Py<Crossing>,
    home: ThreadId,
    /// The scenario's number.
    #[pyo3(get)]
    scenario: usize,
    /// The user's number, counted over all workers.
    #[pyo3(get)]
    number: u32,
    /// Its iteration, from 0.
    #[pyo3(get)]
    iteration: u32,
    /// How many requests of its turn were errors.
    #[pyo3(get)]
    pub(super) faults: usize,
    /// Whether its turn is its start or its stop.
    pub(super) is_once: bool,
    /// How many of its calls are under way.
    pub(super) under_way: usize,
    /// A turn that waits for its iteration.
    turn: Option<Py<Turn>>,
    /// An iteration that waits for its turn.
    due: Option<Iterate>,
    /// For how long it waited, until the first request of it is made.
    kept_ns: u64,
    /// The turn that it has begun.
    current: Option<Py<Turn>>,
    /// Whether it may begin the next one by itself.
    may_continue: Option<MayContinue>,
    /// A call of its turn has ended: others have had their turn meanwhile.
    pub(super) has_waited: bool,
    /// Its turn has given variables a value.
    has_set: bool,
}

impl ScriptUser {
    pub(super) fn new(crossing: Py<Crossing>, scenario: usize, number: u32) -> Self {
        let home = thread::current().id();
        Self {
            crossing,
            home,
            scenario,
            number,
            iteration: 0,
            faults: 0,
            is_once: false,
            under_way: 0,
            turn: None,
            due: None,
            kept_ns: 0,
            current: None,
            may_continue: None,
            has_waited: false,
            has_set: false,
        }
    }

    /// Takes an iteration that is due, and gives the turn that has waited for it.
    pub(super) fn due(&mut self, mut iterate: Iterate) -> Option<Py<Turn>> {
        (self.iteration, self.faults) = (iterate.iteration, 0);
        self.is_once = iterate.part != ScriptPart::Iteration;
        (self.may_continue, self.has_waited, self.has_set) = (iterate.may_continue.take(), false, false);
        self.due = Some(iterate);
        self.turn.take()
    }

    /// Begins the next iteration with the end of one, if that is allowed, and gives its turn and when that was. One that
    /// has waited for nothing is followed by others' turns: it may do nothing for ever.
    fn proceed<'py>(slf: &Bound<'py, Self>) -> Option<(Bound<'py, Turn>, u64)> {
        let py = slf.py();
        let this = &mut *slf.borrow_mut();
        let MayContinue { edition, until_ns, left, choice } =
            this.may_continue.as_ref().filter(|_| this.has_waited && !this.has_set)?;
        let begun_ns = {
            let mut crossing = this.crossing.bind(py).borrow_mut();
            (crossing.edition(this.scenario) == *edition).then(|| crossing.read_clock())?
        };
        let turn = this.current.as_ref().filter(|_| begun_ns < *until_ns)?.bind(py).clone();
        if left.as_ref().is_some_and(|left| !left.take()) {
            return None;
        }
        let iteration = this.iteration.wrapping_add(1);
        turn.borrow_mut().proceed(iteration, choice.script(this.number, iteration), begun_ns);
        (this.iteration, this.faults, this.has_waited) = (iteration, 0, false);
        Some((turn, begun_ns))
    }

    pub(super) fn say(slf: &Bound<'_, Self>, command: Command) {
        let (crossing, scenario) = {
            let this = slf.borrow();
            (this.crossing.clone_ref(slf.py()), this.scenario)
        };
        // Only a loop that is closed says no, and that runs nothing any more.
        let _ = Crossing::say(crossing.bind(slf.py()), scenario, command);
    }

    /// A call that is about to be made. Its content has no URL, no headers and no body yet.
    pub(super) fn open<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyString>,
        method: &Bound<'py, PyString>,
        url: &Bound<'py, PyString>,
        is_streamed: bool,
        form: impl FnOnce(&mut Crossing, usize) -> PyResult<u32>,
    ) -> PyResult<OpenCall<'py>> {
        let py = slf.py();
        let this = slf.borrow();
        this.at_home()?;
        let (scenario, number, kept_ns) = (this.scenario, this.number, this.kept_ns);
        let crossing = this.crossing.bind(py).clone();
        drop(this);
        let of = CallOf { user: slf, name: Some(name), method: Some(method), url: Some(url) };
        let (call, mut content) = Crossing::new_call(&crossing, &of, is_streamed)?;
        {
            let mut crossing = crossing.borrow_mut();
            content.form = form(&mut crossing, scenario)?;
            content.script_lag_ns = crossing.script_lag_ns().max(kept_ns);
            content.made_ns = Some(crossing.read_clock());
        }
        content.user = number;
        Ok(OpenCall { call, content, crossing, scenario })
    }

    /// Makes a call. It leaves with the others of this drain, or when the loop comes round.
    pub(super) fn submit<'py>(slf: &Bound<'py, Self>, open: OpenCall<'py>) -> PyResult<Bound<'py, Call>> {
        {
            let mut this = slf.borrow_mut();
            (this.under_way, this.kept_ns) = (this.under_way + 1, 0);
        }
        Crossing::say(&open.crossing, open.scenario, Command::Send(open.content))?;
        Ok(open.call)
    }

    pub(super) const fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn crossing(&self, py: Python<'_>) -> Py<Crossing> {
        self.crossing.clone_ref(py)
    }

    fn at_home(&self) -> PyResult<()> {
        if self.home == thread::current().id() {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(
            "a client was used in another thread: users use theirs in the thread that runs them; take what the other \
             thread gives back, and send it there",
        ))
    }
}

/// A call, and what is sent for it.
pub(super) struct OpenCall<'py> {
    call: Bound<'py, Call>,
    pub(super) content: Box<script::Call>,
    crossing: Bound<'py, Crossing>,
    scenario: usize,
}

/// Which answers wait for a verdict.
pub(super) const fn holds(all: bool, redirects: bool) -> Holds {
    match (all, redirects) {
        (true, _) => Holds::All,
        (_, true) => Holds::Redirects,
        _ => Holds::None,
    }
}

pub(super) type Timeouts = (Option<u64>, Option<u64>, Option<u64>);

#[pymethods]
impl ScriptUser {
    /// It is there from now on. Only where no load model decides that.
    fn join(slf: &Bound<'_, Self>) {
        Self::say(slf, Command::Join { user: slf.borrow().number });
    }

    /// It goes: its requests are given up, its connections closed.
    fn leave(slf: &Bound<'_, Self>) {
        Self::say(slf, Command::Leave { user: slf.borrow().number });
    }

    /// It begins an iteration, having joined.
    fn begin(slf: &Bound<'_, Self>) {
        Self::say(slf, Command::Begin { user: slf.borrow().number });
    }

    /// It has ended its iteration: "complete", "failed", "broken" by a fault of its own, or "interrupted". Gives its next
    /// turn, if that has begun with this end.
    #[pyo3(signature = (how = "complete"))]
    fn end(slf: &Bound<'_, Self>, how: &str) -> PyResult<Option<Py<Turn>>> {
        let end = match how {
            "complete" => ScriptEnd::Complete,
            "failed" => ScriptEnd::Failed,
            "broken" => ScriptEnd::Broken,
            "interrupted" => ScriptEnd::Interrupted,
            _ => return Err(PyValueError::new_err(format!("an iteration does not end {how:?}"))),
        };
        let next = if end == ScriptEnd::Complete { Self::proceed(slf) } else { None };
        let next_ns = next.as_ref().map(|(_, begun_ns)| *begun_ns);
        Self::say(slf, Command::End { user: slf.borrow().number, end, next_ns });
        Ok(next.map(|(turn, _)| turn.unbind()))
    }

    /// Its next iteration, to be awaited.
    fn turn(slf: &Bound<'_, Self>) -> PyResult<Py<Turn>> {
        let py = slf.py();
        let turn = Bound::new(py, PyClassInitializer::from(Future::new()).add_subclass(Turn::default()))?;
        {
            let crossing = slf.borrow().crossing.clone_ref(py);
            let mut new = turn.borrow_mut();
            new.user = Some(slf.clone().unbind());
            new.as_super().of(crossing);
        }
        let due_since_ns = {
            let mut this = slf.borrow_mut();
            this.turn = Some(turn.clone().unbind());
            this.due.as_ref().map(|iterate| iterate.noticed_ns)
        };
        if let Some(noticed_ns) = due_since_ns {
            let now_ns = slf.borrow().crossing.bind(py).borrow_mut().read_clock();
            slf.borrow_mut().kept_ns = now_ns.saturating_sub(noticed_ns);
            slf.borrow_mut().turn = None;
            Turn::complete(&turn)?;
        }
        Ok(turn.unbind())
    }

    /// Sends a request. It leaves with the others of this drain, or when the loop comes round.
    #[pyo3(signature = (name, method, url, headers = None, body = None, *, timeouts = None, expect = None,
        max_redirects = None, anonymous = false, held = false, held_redirects = false, streamed = false,
        due_ns = None))]
    #[expect(clippy::too_many_arguments, reason = "as many as a request has")]
    #[expect(clippy::fn_params_excessive_bools, reason = "Python gives them by name")]
    fn send<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyString>,
        method: &Bound<'py, PyString>,
        url: &Bound<'py, PyString>,
        headers: Option<&Bound<'py, PyAny>>,
        body: Option<&Bound<'py, PyBytes>>,
        timeouts: Option<Timeouts>,
        expect: Option<Vec<(u16, u16)>>,
        max_redirects: Option<u8>,
        anonymous: bool,
        held: bool,
        held_redirects: bool,
        streamed: bool,
        due_ns: Option<u64>,
    ) -> PyResult<Bound<'py, Call>> {
        let (connect_ns, first_byte_ns, total_ns) = timeouts.unwrap_or_default();
        let unusual = Unusual {
            timeouts: FormTimeouts { connect_ns, first_byte_ns, total_ns },
            expect: expect.unwrap_or_default(),
            max_redirects,
            is_anonymous: anonymous,
            is_once: slf.borrow().is_once,
            holds: holds(held, held_redirects),
            is_streamed: streamed,
        };
        let mut open = Self::open(slf, name, method, url, streamed, |crossing, scenario| {
            crossing.form(scenario, name, method, unusual)
        })?;
        let content = &mut open.content;
        content.due_ns = due_ns;
        content.url.push_str(url.to_str()?);
        if let Some(headers) = headers {
            add_headers(&mut content.headers, headers)?;
        }
        if let Some(body) = body {
            content.framing = BodyFraming::Whole;
            content.body.extend_from_slice(body.as_bytes());
        }
        Self::submit(slf, open)
    }

    /// A pause on the engine's timers, to be awaited.
    fn wait<'py>(slf: &Bound<'py, Self>, ns: u64) -> PyResult<Bound<'py, Call>> {
        let py = slf.py();
        let (scenario, number, crossing) = {
            let this = slf.borrow();
            this.at_home()?;
            (this.scenario, this.number, this.crossing.bind(py).clone())
        };
        let of = CallOf { user: slf, name: None, method: None, url: None };
        let (call, mut content) = Crossing::new_call(&crossing, &of, false)?;
        content.user = number;
        content.made_ns = Some(crossing.borrow_mut().read_clock());
        {
            let mut this = slf.borrow_mut();
            (this.under_way, this.kept_ns) = (this.under_way + 1, 0);
        }
        Crossing::say(&crossing, scenario, Command::Wait { call: content, wait_ns: ns })?;
        Ok(call)
    }

    /// Counts a claim, which held or did not.
    #[pyo3(signature = (name, held, step = ""))]
    fn check(slf: &Bound<'_, Self>, name: &str, held: bool, step: &str) {
        let user = slf.borrow().number;
        let seen = Seen::Check { user, step: step.to_owned(), name: name.to_owned(), held };
        Self::say(slf, Command::Count(Box::new(seen)));
    }

    /// Counts steps that were timed together.
    fn group(slf: &Bound<'_, Self>, name: &str, duration_ns: u64, ok: bool) {
        let user = slf.borrow().number;
        let seen = Seen::Group { user, name: name.to_owned(), duration_ns, is_ok: ok };
        Self::say(slf, Command::Count(Box::new(seen)));
    }

    /// A row of something that was not a request of the engine's.
    #[pyo3(signature = (name, kind, started_ns, duration_ns, size = 0, error = false))]
    fn row(slf: &Bound<'_, Self>, name: &str, kind: &str, started_ns: u64, duration_ns: u64, size: u64, error: bool) {
        let user = slf.borrow().number;
        let (name, kind) = (name.to_owned(), kind.to_owned());
        let seen = Seen::Row { user, name, kind, started_ns, duration_ns, bytes: size, is_error: error };
        Self::say(slf, Command::Count(Box::new(seen)));
    }

    /// Gives a variable of its iteration a value, for declared steps that follow.
    fn set(slf: &Bound<'_, Self>, name: &str, value: &str) {
        let user = {
            let mut this = slf.borrow_mut();
            this.has_set = true;
            this.number
        };
        Self::say(slf, Command::Set { user, name: name.to_owned(), value: value.as_bytes().to_vec() });
    }

    /// Its calls that are under way, and that nothing waits for.
    fn pending<'py>(slf: &Bound<'py, Self>) -> Vec<Bound<'py, Call>> {
        let py = slf.py();
        if slf.borrow().under_way == 0 {
            return Vec::new();
        }
        let crossing = slf.borrow().crossing.bind(py).clone();
        crossing.borrow().calls_of(py, slf)
    }
}

pub(super) fn add_headers(
    headers: &mut loadcore_core::driver::script::Headers,
    given: &Bound<'_, PyAny>,
) -> PyResult<()> {
    for pair in given.try_iter()? {
        let pair = pair?;
        let pair = pair.cast::<PyTuple>()?;
        let (name, value) = (pair.get_item(0)?, pair.get_item(1)?);
        let name = name.cast::<PyString>()?.to_str()?.as_bytes();
        if let Ok(text) = value.cast::<PyString>() {
            headers.push(name, text.to_str()?.as_bytes());
        } else if let Ok(bytes) = value.cast::<PyBytes>() {
            headers.push(name, bytes.as_bytes());
        } else {
            return Err(PyTypeError::new_err("the value of a header is a str or bytes"));
        }
    }
    Ok(())
}

/// An iteration of a user: a future of when it is due.
#[pyclass(extends = Future, module = "loadcore._core")]
#[derive(Default)]
pub(crate) struct Turn {
    user: Option<Py<ScriptUser>>,
    iterate: Option<Iterate>,
}

impl Turn {
    /// Takes the iteration that is due, and wakes who waits.
    pub(super) fn complete(turn: &Bound<'_, Self>) -> PyResult<()> {
        let py = turn.py();
        let user = {
            let mut this = turn.borrow_mut();
            let is_pending = this.as_super().state() == State::Pending;
            this.user.take().filter(|_| is_pending)
        };
        if let Some(user) = user {
            let mut user = user.bind(py).borrow_mut();
            turn.borrow_mut().iterate = user.due.take();
            user.current = Some(turn.clone().unbind());
        }
        Future::complete(turn.as_super())
    }

    /// It is the next iteration from now on.
    fn proceed(&mut self, iteration: u32, script: u32, begun_ns: u64) {
        if let Some(iterate) = &mut self.iterate {
            (iterate.iteration, iterate.script, iterate.due_ns) = (iteration, script, begun_ns);
        }
    }

    fn of<R: Default>(&self, what: impl FnOnce(&Iterate) -> R) -> R {
        self.iterate.as_ref().map(what).unwrap_or_default()
    }
}

#[pymethods]
impl Turn {
    /// The user's iteration, from 0.
    #[getter]
    fn iteration(&self) -> u32 {
        self.of(|iterate| iterate.iteration)
    }

    /// Which of the plan's scripts it is.
    #[getter]
    fn script(&self) -> u32 {
        self.of(|iterate| iterate.script)
    }

    /// "start", "iteration" or "stop".
    #[getter]
    fn part(&self) -> &'static str {
        self.of(|iterate| iterate.part.name())
    }

    /// When it is due, since the run's start.
    #[getter]
    fn due_ns(&self) -> u64 {
        self.of(|iterate| iterate.due_ns)
    }

    /// What has a value: the row that feeders gave it, and what its start took from responses.
    #[getter]
    fn variables<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let variables = PyDict::new(py);
        if let Some(iterate) = &self.iterate {
            for (name, value) in &iterate.variables {
                variables.set_item(name, String::from_utf8_lossy(value))?;
            }
        }
        Ok(variables)
    }
}
