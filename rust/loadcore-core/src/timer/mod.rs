//! Waiting without a timer for each request.
//!
//! Tokio's own timer rounds to whole milliseconds and costs half a microsecond for each use. Here every task that waits
//! is registered as a [`Task`], one heap holds all wake-up times, and one alarm (a timerfd) serves them all.
//!
//! A timeout costs a request two stores: its deadline is written when it is sent and taken back when it has ended. The
//! heap holds a check for it, at most one for each task; when that is due and the deadline has moved on, so does the
//! check.

mod alarm;
mod turns;
mod watch;

pub(crate) use alarm::Alarm;
pub(crate) use turns::Turns;
pub(crate) use watch::Watch;

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::clock::Clock;
use crate::record::ScenarioId;
use turns::BEAT_NS;

const NEVER: u64 = u64::MAX;

/// Wakes the tasks of one worker. Single-threaded.
#[derive(Debug)]
pub(crate) struct Timer {
    clock: Clock,
    tasks: RefCell<Tasks>,
    /// Those that must stop at once, including later ones.
    gone: RefCell<Vec<TaskGroup>>,
    all_gone: Cell<bool>,
    calls: RefCell<BinaryHeap<Reverse<Call>>>,
    /// When the alarm goes off; [`NEVER`] while it is off.
    armed_for: Cell<u64>,
    driver: RefCell<Option<Waker>>,
    turns: Arc<Turns>,
    /// For how long ahead the alarm is set at most.
    beat_ns: u64,
}

/// A task must be woken, or a deadline checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    due_ns: u64,
    task: u32,
    is_check: bool,
}

#[derive(Debug, Default)]
struct Tasks {
    tasks: Vec<Rc<TaskState>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct TaskState {
    waker: Waker,
    group: TaskGroup,
    interrupted: Cell<bool>,
    deadline_ns: Cell<u64>,
    /// When the heap has a check of the deadline.
    check_ns: Cell<u64>,
}

impl TaskState {
    fn new(waker: Waker, group: TaskGroup) -> Rc<Self> {
        let (deadline_ns, check_ns) = (Cell::new(NEVER), Cell::new(NEVER));
        Rc::new(Self { waker, group, interrupted: Cell::new(false), deadline_ns, check_ns })
    }
}

/// Tasks that are interrupted together: the users of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskGroup(pub u16);

impl TaskGroup {
    /// Tasks that are interrupted only when all are.
    pub(crate) const NONE: Self = Self(u16::MAX);

    /// What a scenario's script has under way: it may clean up after its users have been interrupted.
    pub(crate) const fn of_script(scenario: ScenarioId) -> Self {
        Self(scenario.0 | 1 << 15)
    }
}

/// A task as its timer knows it: it waits, has a deadline and can be interrupted. Dropping it frees its place.
#[derive(Debug)]
pub(crate) struct Task {
    timer: Rc<Timer>,
    state: Rc<TaskState>,
    index: u32,
}

/// The task must stop at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interrupted;

impl Timer {
    /// A timer that goes by `clock`.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn new(clock: Clock) -> Rc<Self> {
        Self::beating(clock, Arc::default(), NEVER)
    }

    /// The timer of a loop whose turns a [`Watch`] reports.
    #[must_use]
    pub(crate) fn of_loop(clock: Clock, turns: Arc<Turns>) -> Rc<Self> {
        Self::beating(clock, turns, BEAT_NS)
    }

    fn beating(clock: Clock, turns: Arc<Turns>, beat_ns: u64) -> Rc<Self> {
        Rc::new(Self {
            clock,
            tasks: RefCell::default(),
            gone: RefCell::default(),
            all_gone: Cell::new(false),
            calls: RefCell::default(),
            armed_for: Cell::new(NEVER),
            driver: RefCell::default(),
            turns,
            beat_ns,
        })
    }

    /// The clock.
    #[must_use]
    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// Reads the clock.
    pub(crate) fn now(&self) -> u64 {
        let now = self.clock.now();
        self.turns.see(now);
        now
    }

    /// What the clock showed when it was last read: a moment ago in a busy turn, and good enough for a timeout.
    pub(crate) fn recent(&self) -> u64 {
        self.turns.recent()
    }

    /// Many users are about to be polled, in a task of theirs.
    pub(crate) fn begin_task(&self) {
        self.turns.begin_task();
    }

    /// For how long the client may have left an answer unread that ended now.
    #[inline]
    pub(crate) fn unread(&self, now: u64) -> u64 {
        self.turns.unread(now)
    }

    /// Registers the running task.
    pub(crate) async fn register(self: &Rc<Self>, group: TaskGroup) -> Task {
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let state = TaskState::new(waker, group);
        state.interrupted.set(self.is_gone(group));
        let mut tasks = self.tasks.borrow_mut();
        let index = if let Some(index) = tasks.free.pop() {
            tasks.tasks[index as usize] = Rc::clone(&state);
            index
        } else {
            tasks.tasks.push(Rc::clone(&state));
            u32::try_from(tasks.tasks.len() - 1).unwrap_or(u32::MAX)
        };
        Task { timer: Rc::clone(self), state, index }
    }

    /// Wakes this task.
    pub(crate) fn wake(&self, task: u32) {
        self.tasks.borrow().tasks[task as usize].waker.wake_by_ref();
    }

    /// Wakes all whose time has come. Cheap when there is none.
    pub(crate) fn fire(&self, now: u64) {
        let mut calls = self.calls.borrow_mut();
        while let Some(Reverse(call)) = calls.peek().copied() {
            if call.due_ns > now {
                break;
            }
            calls.pop();
            let tasks = self.tasks.borrow();
            let task = &tasks.tasks[call.task as usize];
            if call.is_check {
                // One that was left behind by a former task of this number, or overtaken by an earlier one, says
                // nothing.
                if task.check_ns.get() != call.due_ns {
                    continue;
                }
                let deadline_ns = task.deadline_ns.get();
                if deadline_ns > now {
                    task.check_ns.set(deadline_ns);
                    if deadline_ns != NEVER {
                        calls.push(Reverse(Call { due_ns: deadline_ns, ..call }));
                    }
                    continue;
                }
                task.check_ns.set(NEVER);
            }
            task.waker.wake_by_ref();
        }
    }

    /// Wakes all tasks, so that each checks whether it still has something to wait for.
    pub(crate) fn wake_all(&self) {
        for task in &self.tasks.borrow().tasks {
            task.waker.wake_by_ref();
        }
    }

    /// Wakes all of a group.
    pub(crate) fn wake_group(&self, group: TaskGroup) {
        for task in self.tasks.borrow().tasks.iter().filter(|task| task.group == group) {
            task.waker.wake_by_ref();
        }
    }

    /// Tells all of a group to stop at once, those still to come included.
    pub(crate) fn interrupt(&self, group: TaskGroup) {
        self.gone.borrow_mut().push(group);
        self.interrupt_if(|task| task.group == group);
    }

    /// Interrupts this task alone.
    pub(crate) fn interrupt_task(&self, task: u32) {
        let task = Rc::clone(&self.tasks.borrow().tasks[task as usize]);
        task.interrupted.set(true);
        task.waker.wake_by_ref();
    }

    /// Whether all of a group must stop.
    fn is_gone(&self, group: TaskGroup) -> bool {
        self.all_gone.get() || self.gone.borrow().contains(&group)
    }

    /// Tells all tasks to stop at once, those still to come included.
    pub(crate) fn interrupt_all(&self) {
        self.all_gone.set(true);
        self.interrupt_if(|_| true);
    }

    fn interrupt_if(&self, chosen: impl Fn(&TaskState) -> bool) {
        for task in self.tasks.borrow().tasks.iter().filter(|task| chosen(task)) {
            task.interrupted.set(true);
            task.waker.wake_by_ref();
        }
    }

    fn call(&self, call: Call) {
        self.calls.borrow_mut().push(Reverse(call));
        // The driver sets the alarm again if this comes before what it is set to.
        if call.due_ns < self.armed_for.get() {
            self.armed_for.set(call.due_ns);
            if let Some(driver) = &*self.driver.borrow() {
                driver.wake_by_ref();
            }
        }
    }

    /// Rings the alarm for ever; to be run as a task of its own.
    pub(crate) async fn drive(self: Rc<Self>, mut alarm: Alarm) {
        poll_fn(|cx| self.poll_drive(cx, &mut alarm)).await;
    }

    fn poll_drive(&self, cx: &mut Context<'_>, alarm: &mut Alarm) -> Poll<()> {
        self.driver.borrow_mut().get_or_insert_with(|| cx.waker().clone());
        loop {
            let now = self.now();
            self.fire(now);
            let call_ns = self.calls.borrow().peek().map_or(NEVER, |Reverse(call)| call.due_ns);
            let due_ns = call_ns.min(now.saturating_add(self.beat_ns));
            self.armed_for.set(due_ns);
            if due_ns == NEVER {
                return Poll::Pending;
            }
            alarm.set(&self.clock, due_ns);
            self.turns.expect_alarm(due_ns);
            if alarm.poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Task {
    /// Waits until the clock shows `due_ns`.
    pub(crate) async fn sleep_until(&self, due_ns: u64) -> Result<(), Interrupted> {
        self.sleep_until_or(due_ns, || false).await
    }

    /// Waits until the clock shows `due_ns`, or, when woken before, until `enough` is true.
    pub(crate) async fn sleep_until_or(&self, due_ns: u64, enough: impl Fn() -> bool) -> Result<(), Interrupted> {
        let mut called = false;
        poll_fn(|_| {
            if self.is_interrupted() {
                return Poll::Ready(Err(Interrupted));
            }
            if enough() || self.timer.now() >= due_ns {
                return Poll::Ready(Ok(()));
            }
            if !called && due_ns != NEVER {
                called = true;
                self.timer.call(Call { due_ns, task: self.index, is_check: false });
            }
            Poll::Pending
        })
        .await
    }

    /// Sets, or moves, the deadline: the task is woken when that passes.
    #[inline]
    pub(crate) fn set_deadline(&self, deadline_ns: u64) {
        self.state.deadline_ns.set(deadline_ns);
        if deadline_ns < self.state.check_ns.get() {
            self.state.check_ns.set(deadline_ns);
            self.timer.call(Call { due_ns: deadline_ns, task: self.index, is_check: true });
        }
    }

    /// Takes the deadline back.
    #[inline]
    pub(crate) fn clear_deadline(&self) {
        self.state.deadline_ns.set(NEVER);
    }

    /// Whether the deadline has passed.
    #[inline]
    #[must_use]
    pub(crate) fn is_overdue(&self) -> bool {
        self.state.deadline_ns.get() <= self.timer.recent()
    }

    /// Its number in the timer.
    #[must_use]
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Tells this task to stop at once.
    pub(crate) fn interrupt(&self) {
        self.state.interrupted.set(true);
    }

    /// Goes on after an interruption that was the task's own, and not its group's.
    pub(crate) fn resume(&self) {
        self.state.interrupted.set(self.timer.is_gone(self.state.group));
    }

    /// Whether the task must stop at once.
    #[inline]
    #[must_use]
    pub(crate) fn is_interrupted(&self) -> bool {
        self.state.interrupted.get()
    }

    /// Runs `future` unless the task must stop at once.
    pub(crate) async fn unless_interrupted<F: Future>(&self, future: F) -> Result<F::Output, Interrupted> {
        let mut future = std::pin::pin!(future);
        poll_fn(|cx| {
            if self.is_interrupted() {
                return Poll::Ready(Err(Interrupted));
            }
            future.as_mut().poll(cx).map(Ok)
        })
        .await
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let mut tasks = self.timer.tasks.borrow_mut();
        // A call for the former holder may still wake the next one: a wake-up promises nothing.
        tasks.tasks[self.index as usize] = TaskState::new(Waker::noop().clone(), TaskGroup::NONE);
        tasks.free.push(self.index);
    }
}

#[cfg(test)]
mod tests;
