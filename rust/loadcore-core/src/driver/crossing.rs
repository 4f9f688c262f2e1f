//! The crossing between an engine and the code of its scripts, which runs on a thread of its own: batches of commands one
//! way, batches of notices the other.
//!
//! Each side collects what it has to say in memory of its own and hands it over once a turn: one lock, which is held as long
//! as it takes to swap two vectors, and one wake-up, only if the other side sleeps. The vectors go back and forth, so that
//! nothing is allocated, and nothing is ever full. Why that, and not rings: docs/decisions/020-the-crossing.md.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::bell::Bell;
use super::script::{Command, MakeScript, Notice, Script};

/// One way of a crossing.
#[derive(Debug)]
struct Lane<T> {
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    batch: Vec<T>,
    /// The other side has found nothing, and sleeps until it is woken.
    is_asleep: bool,
    waker: Option<Waker>,
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self { state: Mutex::new(State { batch: Vec::new(), is_asleep: false, waker: None }) }
    }
}

impl<T> Lane<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over what `own` holds. Returns whether the other side sleeps, and has to be woken.
    fn hand_over(&self, own: &mut Vec<T>) -> (bool, Option<Waker>) {
        let mut state = self.lock();
        if state.batch.is_empty() {
            std::mem::swap(&mut state.batch, own);
        } else {
            state.batch.append(own);
        }
        let was_asleep = std::mem::take(&mut state.is_asleep);
        (was_asleep, if was_asleep { state.waker.clone() } else { None })
    }

    /// Takes what there is into `own`, which is empty. With nothing to take, the caller sleeps if it `may_sleep`.
    fn take(&self, own: &mut Vec<T>, may_sleep: bool, waker: Option<&Waker>) {
        let mut state = self.lock();
        std::mem::swap(&mut state.batch, own);
        if own.is_empty() && may_sleep {
            state.is_asleep = true;
            if let Some(waker) = waker
                && !state.waker.as_ref().is_some_and(|known| known.will_wake(waker))
            {
                state.waker = Some(waker.clone());
            }
        }
    }
}

/// What both sides share of one script.
#[derive(Debug, Default)]
struct Lanes {
    commands: Lane<Command>,
    notices: Lane<Notice>,
    /// Of the loads.
    edition: AtomicU32,
}

/// The side of the code: all scripts of a worker, and the descriptor that can be waited for.
#[derive(Debug)]
pub struct Crossing {
    bell: Arc<Bell>,
    scripts: Vec<CodeSide>,
}

/// One script as its code sees it.
#[derive(Debug)]
struct CodeSide {
    lanes: Arc<Lanes>,
    outgoing: Vec<Command>,
    incoming: Vec<Notice>,
}

impl Crossing {
    /// A crossing for this number of scripts, and what makes the engine's side of each.
    ///
    /// # Errors
    /// There is no descriptor left.
    pub fn new(scripts: usize) -> io::Result<(Self, Vec<MakeScript>)> {
        let bell = Arc::new(Bell::new()?);
        let lanes: Vec<Arc<Lanes>> = (0..scripts).map(|_| Arc::default()).collect();
        let makers = lanes.iter().map(|lanes| {
            let (lanes, bell) = (Arc::clone(lanes), Arc::clone(&bell));
            MakeScript::new(move || Rc::new(EngineSide::new(lanes, bell)))
        });
        let makers = makers.collect();
        let scripts = lanes.into_iter().map(|lanes| CodeSide { lanes, outgoing: Vec::new(), incoming: Vec::new() });
        let crossing = Self { bell, scripts: scripts.collect() };
        for script in &crossing.scripts {
            script.lanes.notices.lock().is_asleep = true;
        }
        Ok((crossing, makers))
    }

    /// What is readable when there are notices.
    #[must_use]
    pub fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// Says something to the engine, at the next [`flush`](Self::flush).
    pub fn say(&mut self, script: usize, command: Command) {
        if let Some(script) = self.scripts.get_mut(script) {
            script.outgoing.push(command);
        }
    }

    /// Which edition the loads of a script's scenario are of.
    #[must_use]
    pub fn edition(&self, script: usize) -> u32 {
        self.scripts.get(script).map_or(0, |script| script.lanes.edition.load(Ordering::Relaxed))
    }

    /// Hands over all commands.
    pub fn flush(&mut self) {
        for CodeSide { lanes, outgoing, .. } in &mut self.scripts {
            if outgoing.is_empty() {
                continue;
            }
            if let (true, Some(waker)) = lanes.commands.hand_over(outgoing) {
                waker.wake();
            }
        }
    }

    /// Hears the bell: it is silent until it is rung again.
    pub fn hear(&self) {
        self.bell.hear();
    }

    /// Takes the notices of all scripts that there are into `notices`, each with the number of its script.
    pub fn take(&mut self, notices: &mut VecDeque<(usize, Notice)>) {
        for (number, script) in self.scripts.iter_mut().enumerate() {
            script.lanes.notices.take(&mut script.incoming, false, None);
            notices.extend(script.incoming.drain(..).map(|notice| (number, notice)));
        }
    }

    /// The code is about to sleep. Where there is something already, or `is_busy` says so, the bell is rung.
    pub fn sleep(&mut self, is_busy: bool) {
        let mut is_awake = is_busy;
        for script in &self.scripts {
            let mut state = script.lanes.notices.lock();
            if state.batch.is_empty() {
                state.is_asleep = true;
            } else {
                is_awake = true;
            }
        }
        if is_awake {
            self.bell.ring();
        }
    }
}

/// One script as the engine sees it.
#[derive(Debug)]
struct EngineSide {
    lanes: Arc<Lanes>,
    bell: Arc<Bell>,
    notices: RefCell<Vec<Notice>>,
    commands: RefCell<Commands>,
}

/// A batch of commands and those of it that are left to obey.
#[derive(Debug, Default)]
struct Commands {
    incoming: Vec<Command>,
    ready: VecDeque<Command>,
}

impl EngineSide {
    fn new(lanes: Arc<Lanes>, bell: Arc<Bell>) -> Self {
        Self { lanes, bell, notices: RefCell::default(), commands: RefCell::default() }
    }
}

impl Script for EngineSide {
    fn poll_command(&self, cx: &mut Context<'_>) -> Poll<Command> {
        let Commands { incoming, ready } = &mut *self.commands.borrow_mut();
        if ready.is_empty() {
            self.lanes.commands.take(incoming, true, Some(cx.waker()));
            ready.extend(incoming.drain(..));
        }
        ready.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn notice(&self, notice: Notice) {
        self.notices.borrow_mut().push(notice);
    }

    fn edition(&self, edition: u32) {
        self.lanes.edition.store(edition, Ordering::Relaxed);
    }

    fn flush(&self) {
        let mut notices = self.notices.borrow_mut();
        if !notices.is_empty() && self.lanes.notices.hand_over(&mut notices).0 {
            self.bell.ring();
        }
    }
}
