//! A call whose answer is read while it comes.

use std::collections::VecDeque;

use loadcore_core::driver::script::{Command, Head, Piece};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use super::call::Call;
use super::future::{Future, State};
use super::user::ScriptUser;

/// A call whose answer is read piece by piece. As a future it is done when the answer has ended.
#[pyclass(extends = Call, subclass, module = "loadcore._core")]
#[derive(Default)]
pub(crate) struct StreamedCall {
    head: Option<Box<Head>>,
    pieces: VecDeque<Piece>,
    /// What is done when something more has come.
    news: Option<Py<Future>>,
    first_piece_ns: Option<u64>,
    longest_wait_ns: Option<u64>,
    is_closed: bool,
}

impl StreamedCall {
    /// Takes the head of the answer.
    pub(super) fn open(slf: &Bound<'_, Self>, head: Box<Head>) -> PyResult<()> {
        {
            let mut this = slf.borrow_mut();
            if head.is_error
                && let Some(user) = this.as_super().user_of(slf.py())
            {
                user.bind(slf.py()).borrow_mut().faults += 1;
            }
            this.head = Some(head);
        }
        Self::tell(slf)
    }

    /// Takes a piece of its body.
    pub(super) fn add(slf: &Bound<'_, Self>, piece: Piece) -> PyResult<()> {
        {
            let this = &mut *slf.borrow_mut();
            // The first one was waited for since the head, which has a time of its own.
            if this.first_piece_ns.is_some() {
                this.longest_wait_ns = this.longest_wait_ns.max(Some(piece.waited_ns));
            }
            this.first_piece_ns.get_or_insert(piece.at_ns);
            if this.is_closed {
                return Ok(());
            }
            this.pieces.push_back(piece);
        }
        Self::tell(slf)
    }

    /// Has whoever waits look again.
    pub(super) fn tell(slf: &Bound<'_, Self>) -> PyResult<()> {
        let news = slf.borrow_mut().news.take();
        news.map_or(Ok(()), |news| Future::complete(news.bind(slf.py())))
    }

    /// Whether the error that it is has been counted: when its head came.
    pub(super) fn was_counted(&self) -> bool {
        self.head.as_ref().is_some_and(|head| head.is_error)
    }

    fn say(slf: &Bound<'_, Self>, command: Command) {
        let user = slf.borrow().as_super().user_of(slf.py());
        if let Some(user) = user {
            ScriptUser::say(user.bind(slf.py()), command);
        }
    }
}

#[pymethods]
impl StreamedCall {
    #[new]
    fn new() -> PyClassInitializer<Self> {
        Call::initializer().add_subclass(Self::default())
    }

    /// Whether the head of the answer has come.
    #[getter]
    fn is_open(&self) -> bool {
        self.head.is_some()
    }

    /// The status of the answer; 0: none has come.
    #[getter]
    fn status(&self) -> u16 {
        self.head.as_ref().map_or(0, |head| head.status)
    }

    /// Whether an answer has come, whose status is expected, and nothing has gone wrong so far.
    #[getter]
    fn ok(slf: &Bound<'_, Self>) -> bool {
        let this = slf.borrow();
        let is_expected = this.head.as_ref().is_some_and(|head| !head.is_error);
        is_expected && this.as_super().is_well_so_far()
    }

    /// Names and values of the answer's headers, as they came. Made at each reading.
    #[getter]
    fn head<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let headers = PyList::empty(py);
        for (name, value) in self.head.iter().flat_map(|head| head.headers.iter()) {
            headers.append((PyBytes::new(py, name), PyBytes::new(py, value)))?;
        }
        Ok(headers)
    }

    /// Where the answer comes from, after redirects.
    #[getter]
    fn url(slf: &Bound<'_, Self>) -> Option<Py<PyString>> {
        let py = slf.py();
        let this = slf.borrow();
        match this.head.as_ref().and_then(|head| head.moved_to.as_deref()) {
            Some(moved_to) => Some(PyString::new(py, moved_to).unbind()),
            None => this.as_super().asked_url(py),
        }
    }

    /// When it was sent, since the run's start.
    #[getter]
    fn started_ns(slf: &Bound<'_, Self>) -> u64 {
        let this = slf.borrow();
        this.head.as_ref().map_or_else(|| this.as_super().ended(), |head| head.started_ns)
    }

    /// Send to first byte.
    #[getter]
    fn ttfb_ns(&self) -> u64 {
        self.head.as_ref().map_or(0, |head| head.first_byte_ns.saturating_sub(head.started_ns))
    }

    /// Send to the end.
    #[getter]
    fn service_ns(slf: &Bound<'_, Self>) -> u64 {
        let this = slf.borrow();
        this.head.as_ref().map_or(0, |head| this.as_super().ended().saturating_sub(head.started_ns))
    }

    /// Due to the first piece of the body; None: none has come.
    #[getter]
    fn ttft_ns(&self) -> Option<u64> {
        Some(self.first_piece_ns?.saturating_sub(self.head.as_ref()?.due_ns))
    }

    /// The longest time between two pieces so far; None: no two have come.
    #[getter]
    fn stall_ns(&self) -> Option<u64> {
        self.longest_wait_ns
    }

    /// The next piece of the body that has come, and when that was since the run's start; None: none is there.
    fn piece<'py>(slf: &Bound<'py, Self>) -> Option<(Bound<'py, PyBytes>, u64)> {
        let Piece { request, bytes, at_ns, .. } = slf.borrow_mut().pieces.pop_front()?;
        Self::say(slf, Command::Taken { request, bytes: bytes.len() });
        Some((PyBytes::new(slf.py(), &bytes), at_ns))
    }

    /// What is done when there is something to look at: the head, a piece, the end.
    fn news<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Future>> {
        let py = slf.py();
        if let Some(known) = slf.borrow().news.as_ref().map(|news| news.bind(py).clone())
            && known.borrow().state() == State::Pending
        {
            return Ok(known);
        }
        let news = Bound::new(py, Future::new())?;
        let (crossing, is_there) = {
            let this = slf.borrow();
            let is_over = this.as_super().as_super().state() != State::Pending;
            (this.as_super().crossing_of(py), is_over || !this.pieces.is_empty())
        };
        if let Some(crossing) = crossing {
            news.borrow_mut().of(crossing);
        }
        if is_there {
            Future::complete(&news)?;
        } else {
            slf.borrow_mut().news = Some(news.clone().unbind());
        }
        Ok(news)
    }

    /// Says that enough has come. What has not ended then is cut.
    fn close(slf: &Bound<'_, Self>) {
        let (request, user) = {
            let mut this = slf.borrow_mut();
            this.is_closed = true;
            this.pieces.clear();
            (this.as_super().key(), this.as_super().user_of(slf.py()))
        };
        if let Some(user) = user {
            let number = user.bind(slf.py()).borrow().number();
            ScriptUser::say(user.bind(slf.py()), Command::Close { request, user: number });
        }
    }
}
