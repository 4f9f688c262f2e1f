//! A worker's crossing, as the thread of user code sees it.

use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, OnceLock, PoisonError};

use loadcore_core::clock::Clock;
use loadcore_core::driver::crossing;
use loadcore_core::driver::script::{self, Command, Notice, RequestKey};
use pyo3::exceptions::PyStopIteration;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyType};

use super::call::{Call, CallOf, Spares};
use super::current::Current;
use super::forms::{Forms, Unusual};
use super::future::Future;
use super::pool::{MOST_BYTES, Pool};
use super::runner::Runner;
use super::streamed::StreamedCall;
use super::user::{ScriptUser, Turn};
use crate::border::Home;

/// After this time a drain lets timers and signals have their turn.
const LONGEST_DRAIN_NS: u64 = 1_000_000;

/// The crossing between the engine of a worker and the code of its users.
#[pyclass(module = "loadcore._core")]
pub(crate) struct Crossing {
    home: Home,
    core: crossing::Crossing,
    clock: Arc<OnceLock<Clock>>,
    incoming: VecDeque<(usize, Notice)>,
    slots: Slots,
    spares: Spares,
    /// Calls that have ended.
    ended: Pool,
    forms: Vec<Forms>,
    users: HashMap<(usize, u32), Py<ScriptUser>>,
    event_loop: Option<Py<PyAny>>,
    current: Option<Current>,
    flusher: Option<Py<PyAny>>,
    answers: Option<Py<PyType>>,
    carrier: Option<Py<PyAny>>,
    /// Commands leave at the end of the drain, or when the loop comes round.
    is_draining: bool,
    is_flush_due: bool,
    /// What the clock showed when it was last read.
    recent_ns: u64,
    /// For how long the user that runs had been kept from running.
    script_lag_ns: u64,
}

/// Calls that are under way, by the slots of their keys.
#[derive(Default)]
struct Slots {
    calls: Vec<(u32, Option<Py<Call>>)>,
    free: Vec<u32>,
}

impl Slots {
    fn take(&mut self) -> RequestKey {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.calls.push((0, None));
            u32::try_from(self.calls.len() - 1).unwrap_or(u32::MAX)
        });
        let generation = &mut self.calls[slot as usize].0;
        *generation = generation.wrapping_add(1);
        RequestKey { slot, generation: *generation }
    }

    /// A call whose answer is read while it comes.
    fn streamed<'py>(&self, py: Python<'py>, key: RequestKey) -> Option<Bound<'py, StreamedCall>> {
        let (generation, call) = self.calls.get(key.slot as usize)?;
        let call = call.as_ref().filter(|_| *generation == key.generation)?;
        call.bind(py).cast::<StreamedCall>().ok().cloned()
    }

    fn end(&mut self, key: RequestKey) -> Option<Py<Call>> {
        let (generation, call) = self.calls.get_mut(key.slot as usize)?;
        if *generation != key.generation {
            return None;
        }
        self.free.push(key.slot);
        call.take()
    }
}

impl Crossing {
    /// The code's side of a crossing with this number of scripts.
    pub(crate) fn new(core: crossing::Crossing, scripts: usize, clock: Arc<OnceLock<Clock>>) -> Self {
        Self {
            home: Home::here(),
            core,
            clock,
            incoming: VecDeque::new(),
            slots: Slots::default(),
            spares: Spares::default(),
            ended: Pool::default(),
            forms: (0..scripts).map(|_| Forms::default()).collect(),
            users: HashMap::new(),
            event_loop: None,
            current: None,
            flusher: None,
            answers: None,
            carrier: None,
            is_draining: false,
            is_flush_due: false,
            recent_ns: 0,
            script_lag_ns: 0,
        }
    }

    /// The exception that carries the result of a future. The same object for as long as only the interpreter sees it,
    /// which unpacks it at once: to make one costs as much as the rest of an `await`.
    pub(super) fn carrier(&mut self, py: Python<'_>) -> PyResult<PyErr> {
        if let Some(carrier) = &self.carrier {
            let carrier = PyErr::from_value(carrier.bind(py).clone());
            // Code that has caught it has left its frame in it, and may keep it.
            if carrier.traceback(py).is_none() {
                return Ok(carrier);
            }
        }
        let carrier = py.get_type::<PyStopIteration>().call0()?;
        self.carrier = Some(carrier.clone().unbind());
        Ok(PyErr::from_value(carrier))
    }

    pub(super) fn event_loop<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.event_loop.as_ref().map(|event_loop| event_loop.bind(py).clone())
    }

    pub(super) fn read_clock(&mut self) -> u64 {
        self.recent_ns = self.clock.get().map_or(0, Clock::now);
        self.recent_ns
    }

    pub(super) fn edition(&self, script: usize) -> u32 {
        self.core.edition(script)
    }

    pub(super) const fn script_lag_ns(&self) -> u64 {
        self.script_lag_ns
    }

    /// Says something to the engine. Outside a drain the loop is asked to have it handed over.
    pub(super) fn say(slf: &Bound<'_, Self>, script: usize, command: Command) -> PyResult<()> {
        let mut this = slf.borrow_mut();
        this.core.say(script, command);
        if this.is_draining || this.is_flush_due {
            return Ok(());
        }
        let py = slf.py();
        let (Some(event_loop), Some(flusher)) = (&this.event_loop, &this.flusher) else { return Ok(()) };
        let (event_loop, flusher) = (event_loop.bind(py).clone(), flusher.clone_ref(py));
        this.is_flush_due = true;
        drop(this);
        event_loop.call_method1(intern!(py, "call_soon"), (flusher,))?;
        Ok(())
    }

    /// The task of a user is the current one from now on, until another is or the drain ends.
    pub(super) fn enter(slf: &Bound<'_, Self>, task: &Bound<'_, PyAny>) -> PyResult<()> {
        slf.borrow_mut().current.as_mut().map_or(Ok(()), |current| current.enter(task))
    }

    /// No task of a user is the current one.
    pub(super) fn leave(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.borrow_mut().current.as_mut().map_or(Ok(()), |current| current.leave(slf.py()))
    }

    /// A call of the class that was attached, and its box.
    pub(super) fn new_call<'py>(
        slf: &Bound<'py, Self>,
        of: &CallOf<'_, 'py>,
        is_streamed: bool,
    ) -> PyResult<(Bound<'py, Call>, Box<script::Call>)> {
        let py = slf.py();
        let (call, key, spare, before) = {
            let this = &mut *slf.borrow_mut();
            let again = if is_streamed { None } else { this.ended.take(py) };
            let call = match (again, &this.answers) {
                (Some(call), _) => call,
                _ if is_streamed => py.get_type::<StreamedCall>().call0()?.cast_into::<Call>()?,
                (None, Some(class)) => class.bind(py).call0()?.cast_into::<Call>()?,
                (None, None) => Bound::new(py, Call::initializer())?,
            };
            let key = this.slots.take();
            this.slots.calls[key.slot as usize].1 = Some(call.clone().unbind());
            let before = {
                let mut new = call.borrow_mut();
                new.as_super().begin(slf);
                new.begin(key, of, &this.spares)
            };
            let spares = before.content.is_none().then(|| this.spares.lock().unwrap_or_else(PoisonError::into_inner));
            let spare = spares.and_then(|mut spares| spares.pop());
            (call, key, spare, before)
        };
        drop(before.read);
        let mut content = before.content.or(spare).unwrap_or_default();
        content.key = key;
        content.headers.clear();
        content.body.clear();
        content.url.clear();
        content.framing = script::BodyFraming::None;
        content.due_ns = None;
        content.answer.moved_to = None;
        Ok((call, content))
    }

    /// The number of a form. The engine gets a new one first.
    pub(super) fn form(
        &mut self,
        script: usize,
        name: &Bound<'_, PyString>,
        method: &Bound<'_, PyString>,
        unusual: Unusual,
    ) -> PyResult<u32> {
        let forms = &mut self.forms[script];
        let is_once = unusual.is_once;
        let is_usual = unusual == Unusual { is_once, ..Unusual::default() };
        if is_usual && let Some(number) = forms.recent(name, method, is_once) {
            return Ok(number);
        }
        let (number, new) = forms.number(name.to_str()?, method.to_str()?, unusual);
        if is_usual {
            forms.remember(name, method, is_once, number);
        }
        if let Some(form) = new {
            self.core.say(script, Command::Form(form));
        }
        Ok(number)
    }

    /// Until when the numbers of forms hold.
    pub(super) fn forms_epoch(&self, script: usize) -> u32 {
        self.forms[script].epoch()
    }

    /// Calls of a user that are under way, and that nothing waits for.
    pub(super) fn calls_of<'py>(&self, py: Python<'py>, user: &Bound<'py, ScriptUser>) -> Vec<Bound<'py, Call>> {
        let calls = self.slots.calls.iter().filter_map(|(_, call)| Some(call.as_ref()?.bind(py).clone()));
        let is_pending = |call: &Bound<'py, Call>| {
            let call = call.borrow();
            let is_own = call.user_of(py).is_some_and(|owner| owner.is(user));
            is_own && !call.as_super().was_awaited() && !call.as_super().is_waited_for()
        };
        calls.filter(is_pending).collect()
    }

    fn user_of(slf: &Bound<'_, Self>, script: usize, number: u32) -> PyResult<Py<ScriptUser>> {
        let py = slf.py();
        if let Some(user) = slf.borrow().users.get(&(script, number)) {
            return Ok(user.clone_ref(py));
        }
        let user = Py::new(py, ScriptUser::new(slf.clone().unbind(), script, number))?;
        slf.borrow_mut().users.insert((script, number), user.clone_ref(py));
        Ok(user)
    }

    /// Takes the next notice, and notes for how long it has lain there. After the last one, the commands of meanwhile are
    /// handed over and what has come of meanwhile is taken: a turn of the loop costs more than some requests.
    fn next(slf: &Bound<'_, Self>) -> Option<(usize, Notice)> {
        let this = &mut *slf.borrow_mut();
        if this.incoming.is_empty() {
            this.core.flush();
            this.core.take(&mut this.incoming);
        }
        let (script, notice) = this.incoming.pop_front()?;
        // Whoever was dealt with before may have worked for long.
        let now_ns = this.read_clock();
        let noticed_ns = match &notice {
            Notice::Ended(call) => call.answer.ended_ns,
            Notice::Opened(head) => head.first_byte_ns,
            Notice::Piece(piece) => piece.at_ns,
            Notice::Iterate(iterate) => iterate.noticed_ns,
            _ => now_ns,
        };
        this.script_lag_ns = now_ns.saturating_sub(noticed_ns);
        Some((script, notice))
    }

    /// Deals with a notice; with `calls`, ended calls are put there and not completed.
    fn deal(
        slf: &Bound<'_, Self>,
        script: usize,
        notice: Notice,
        told: &Bound<'_, PyList>,
        takes: bool,
    ) -> PyResult<()> {
        let py = slf.py();
        match notice {
            Notice::Ended(content) => {
                let Some(call) = slf.borrow_mut().slots.end(content.key) else { return Ok(()) };
                let call = call.into_bound(py);
                let owner = call.borrow().user_of(py);
                let streamed = call.cast::<StreamedCall>().ok();
                let is_small = content.answer.body().len() <= MOST_BYTES;
                if let Some(user) = owner {
                    let was_counted = streamed.is_some_and(|streamed| streamed.borrow().was_counted());
                    let mut user = user.bind(py).borrow_mut();
                    user.under_way = user.under_way.saturating_sub(1);
                    user.has_waited = true;
                    user.faults += usize::from(content.answer.is_error && !was_counted);
                }
                call.borrow_mut().answer(content);
                Future::complete(call.as_super())?;
                if let Some(streamed) = streamed {
                    StreamedCall::tell(streamed)?;
                }
                let is_streamed = streamed.is_some();
                if takes {
                    told.append(&call)?;
                }
                if is_small && !is_streamed {
                    slf.borrow_mut().ended.put(call);
                }
            }
            Notice::Opened(head) => {
                let Some(call) = slf.borrow().slots.streamed(py, head.request) else { return Ok(()) };
                StreamedCall::open(&call, head)?;
                if takes {
                    told.append(call)?;
                }
            }
            Notice::Piece(piece) => {
                let Some(call) = slf.borrow().slots.streamed(py, piece.request) else { return Ok(()) };
                StreamedCall::add(&call, piece)?;
                if takes {
                    told.append(call)?;
                }
            }
            Notice::Iterate(iterate) => {
                let number = iterate.user;
                let user = Self::user_of(slf, script, number)?;
                let turn = user.bind(py).borrow_mut().due(iterate);
                if let Some(turn) = turn {
                    Turn::complete(turn.bind(py))?;
                } else {
                    told.append((intern!(py, "iterate"), script, number))?;
                }
            }
            Notice::Interrupted { user } => told.append((intern!(py, "interrupted"), script, user))?,
            Notice::Stopping => told.append((intern!(py, "stopping"), script))?,
            Notice::Closed => {
                let ended = slf.borrow_mut().ended.clear();
                drop(ended);
                told.append((intern!(py, "closed"), script))?;
            }
        }
        Ok(())
    }

    /// Works off up to `limit` notices, and hands over the commands of meanwhile.
    fn work<'py>(slf: &Bound<'py, Self>, limit: usize, takes: bool) -> PyResult<Bound<'py, PyList>> {
        let told = PyList::empty(slf.py());
        let began_ns = {
            let this = &mut *slf.borrow_mut();
            this.core.hear();
            this.is_draining = true;
            this.read_clock()
        };
        let mut dealt = Ok(());
        for _ in 0..limit {
            let Some((script, notice)) = Self::next(slf) else { break };
            dealt = Self::deal(slf, script, notice, &told, takes);
            if dealt.is_err() || slf.borrow().recent_ns > began_ns + LONGEST_DRAIN_NS {
                break;
            }
        }
        let left = Self::leave(slf);
        let this = &mut *slf.borrow_mut();
        this.is_draining = false;
        this.script_lag_ns = 0;
        this.core.flush();
        let is_busy = !this.incoming.is_empty();
        this.core.sleep(is_busy);
        dealt.and(left).map(|()| told)
    }
}

#[pymethods]
impl Crossing {
    /// Readable when there is something to drain or to take.
    fn fileno(&self) -> RawFd {
        self.core.bell().as_raw_fd()
    }

    /// Says what loop runs the code, and what class calls have; both are asyncio's way.
    #[pyo3(signature = (event_loop, answer = None))]
    fn attach(slf: &Bound<'_, Self>, event_loop: Bound<'_, PyAny>, answer: Option<Bound<'_, PyType>>) -> PyResult<()> {
        let flusher = slf.getattr("flush")?.unbind();
        let current = Current::of(&event_loop)?;
        // Of another class, it may be.
        let ended = slf.borrow_mut().ended.clear();
        drop(ended);
        let mut this = slf.borrow_mut();
        this.current = Some(current);
        this.event_loop = Some(event_loop.unbind());
        this.flusher = Some(flusher);
        this.answers = answer.map(Bound::unbind);
        Ok(())
    }

    /// Completes what has ended: what waits for it runs at once. Gives back what concerns none that waits.
    #[pyo3(signature = (limit = 256))]
    fn drain<'py>(slf: &Bound<'py, Self>, limit: usize) -> PyResult<Bound<'py, PyList>> {
        Self::work(slf, limit, false)
    }

    /// The calls that have ended, and what else there is to tell.
    #[pyo3(signature = (limit = 256))]
    fn take<'py>(slf: &Bound<'py, Self>, limit: usize) -> PyResult<Bound<'py, PyList>> {
        Self::work(slf, limit, true)
    }

    /// Hands over the commands since the last drain.
    fn flush(&mut self) {
        self.is_flush_due = false;
        self.core.flush();
    }

    /// What runs the coroutine of a user, in place of it.
    fn runner(slf: &Bound<'_, Self>, coroutine: &Bound<'_, PyAny>) -> PyResult<Runner> {
        Runner::new(slf.clone().unbind(), coroutine)
    }

    /// A user of a scenario, by their numbers: always the same object.
    fn user(slf: &Bound<'_, Self>, scenario: usize, number: u32) -> PyResult<Py<ScriptUser>> {
        slf.borrow().home.check().map_err(|error| error.into_exception(slf.py()))?;
        Self::user_of(slf, scenario, number)
    }

    /// The code of a scenario has warmed up: what it sends from now on is measured. Only where no load model decides that.
    fn steady(&mut self, scenario: usize) {
        let from_ns = self.read_clock();
        self.core.say(scenario, Command::Steady { from_ns });
        self.core.flush();
    }

    /// The code of a scenario winds up: what it still sends is ramp-down. Only where no load model decides that.
    fn ramp_down(&mut self, scenario: usize) {
        let from_ns = self.read_clock();
        self.core.say(scenario, Command::RampDown { from_ns });
        self.core.flush();
    }

    /// The code of a scenario has ended: nothing more will come.
    fn finish(&mut self, scenario: usize) {
        self.core.say(scenario, Command::Finish);
        self.core.flush();
    }

    /// The time since the run's start.
    fn now_ns(&mut self) -> u64 {
        self.read_clock()
    }
}
