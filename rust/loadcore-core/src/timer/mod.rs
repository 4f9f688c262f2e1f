//! Waiting without a timer for each request.
//!
//! Tokio's own timer rounds to whole milliseconds and costs half a microsecond for each use. Here every task that waits
//! has a [`Seat`], one heap holds all times at which somebody is to be woken, and one alarm (a timerfd) serves them all.
//!
//! A time-out costs a request two stores: its deadline is written when it is sent and taken back when it has ended. What
//! stands in the heap for it is a check, at most one for each seat; when that is due and the deadline has moved on, so does
//! the check.

mod alarm;
mod turns;
mod watch;

pub use alarm::Alarm;
pub use turns::Turns;
pub use watch::Watch;

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::clock::Clock;
use turns::BEAT_NS;

const NEVER: u64 = u64::MAX;

/// The waiting room of one worker. Single-threaded.
#[derive(Debug)]
pub struct Timer {
    clock: Clock,
    seats: RefCell<Seats>,
    /// Those that have been told to stop at once: whoever comes later is told, too.
    gone: RefCell<Vec<Party>>,
    all_gone: Cell<bool>,
    calls: RefCell<BinaryHeap<Reverse<Call>>>,
    /// When the alarm goes off; [`NEVER`] while it is off.
    armed_for: Cell<u64>,
    driver: RefCell<Option<Waker>>,
    turns: Arc<Turns>,
    /// For how long ahead the alarm is set at most.
    beat_ns: u64,
}

/// Somebody is to be woken, or a deadline is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    due_ns: u64,
    seat: u32,
    is_check: bool,
}

#[derive(Debug, Default)]
struct Seats {
    seats: Vec<Rc<SeatState>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct SeatState {
    waker: Waker,
    party: Party,
    interrupted: Cell<bool>,
    deadline_ns: Cell<u64>,
    /// When the heap has a check of the deadline.
    check_ns: Cell<u64>,
}

impl SeatState {
    fn new(waker: Waker, party: Party) -> Rc<Self> {
        let (deadline_ns, check_ns) = (Cell::new(NEVER), Cell::new(NEVER));
        Rc::new(Self { waker, party, interrupted: Cell::new(false), deadline_ns, check_ns })
    }
}

/// Those who leave together: the users of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Party(pub u16);

impl Party {
    /// Those who leave only with everybody.
    pub const NONE: Self = Self(u16::MAX);
}

/// A task's place in the waiting room. Giving it up frees the place.
#[derive(Debug)]
pub struct Seat {
    timer: Rc<Timer>,
    state: Rc<SeatState>,
    index: u32,
}

/// The task was told to stop at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted;

impl Timer {
    /// A waiting room that goes by `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Rc<Self> {
        Self::beating(clock, Arc::default(), NEVER)
    }

    /// The waiting room of a loop whose turns a [`Watch`] tells of.
    #[must_use]
    pub fn of_loop(clock: Clock, turns: Arc<Turns>) -> Rc<Self> {
        Self::beating(clock, turns, BEAT_NS)
    }

    fn beating(clock: Clock, turns: Arc<Turns>, beat_ns: u64) -> Rc<Self> {
        Rc::new(Self {
            clock,
            seats: RefCell::default(),
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
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Reads the clock.
    pub fn now(&self) -> u64 {
        let now = self.clock.now();
        self.turns.see(now);
        now
    }

    /// What the clock showed when it was last read: a moment ago in a busy turn, and good enough for a time-out.
    pub fn recent(&self) -> u64 {
        self.turns.recent()
    }

    /// For how long the client may have left an answer unread that ended now.
    #[inline]
    pub fn unread(&self, now: u64) -> u64 {
        self.turns.unread(now)
    }

    /// Takes a seat for the running task.
    pub async fn take_seat(self: &Rc<Self>, party: Party) -> Seat {
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let state = SeatState::new(waker, party);
        state.interrupted.set(self.is_gone(party));
        let mut seats = self.seats.borrow_mut();
        let index = if let Some(index) = seats.free.pop() {
            seats.seats[index as usize] = Rc::clone(&state);
            index
        } else {
            seats.seats.push(Rc::clone(&state));
            u32::try_from(seats.seats.len() - 1).unwrap_or(u32::MAX)
        };
        Seat { timer: Rc::clone(self), state, index }
    }

    /// Wakes the task in this seat.
    pub fn wake(&self, seat: u32) {
        self.seats.borrow().seats[seat as usize].waker.wake_by_ref();
    }

    /// Wakes all whose time has come. Cheap when there is none.
    pub fn fire(&self, now: u64) {
        let mut calls = self.calls.borrow_mut();
        while let Some(Reverse(call)) = calls.peek().copied() {
            if call.due_ns > now {
                break;
            }
            calls.pop();
            let seats = self.seats.borrow();
            let seat = &seats.seats[call.seat as usize];
            if call.is_check {
                // One that was left behind by a former holder of the seat, or overtaken by an earlier one, says nothing.
                if seat.check_ns.get() != call.due_ns {
                    continue;
                }
                let deadline_ns = seat.deadline_ns.get();
                if deadline_ns > now {
                    seat.check_ns.set(deadline_ns);
                    if deadline_ns != NEVER {
                        calls.push(Reverse(Call { due_ns: deadline_ns, ..call }));
                    }
                    continue;
                }
                seat.check_ns.set(NEVER);
            }
            seat.waker.wake_by_ref();
        }
    }

    /// Wakes everybody, so that each looks whether it still has something to wait for.
    pub fn wake_all(&self) {
        for seat in &self.seats.borrow().seats {
            seat.waker.wake_by_ref();
        }
    }

    /// Wakes all of a party.
    pub fn wake_party(&self, party: Party) {
        for seat in self.seats.borrow().seats.iter().filter(|seat| seat.party == party) {
            seat.waker.wake_by_ref();
        }
    }

    /// Tells all of a party to stop at once, those still to come included.
    pub fn interrupt(&self, party: Party) {
        self.gone.borrow_mut().push(party);
        self.interrupt_if(|seat| seat.party == party);
    }

    /// Tells the task in this seat to stop what it does at once.
    pub fn interrupt_seat(&self, seat: u32) {
        let seat = Rc::clone(&self.seats.borrow().seats[seat as usize]);
        seat.interrupted.set(true);
        seat.waker.wake_by_ref();
    }

    /// Whether all of a party have been told to stop.
    fn is_gone(&self, party: Party) -> bool {
        self.all_gone.get() || self.gone.borrow().contains(&party)
    }

    /// Tells everybody to stop at once, those still to come included.
    pub fn interrupt_all(&self) {
        self.all_gone.set(true);
        self.interrupt_if(|_| true);
    }

    fn interrupt_if(&self, chosen: impl Fn(&SeatState) -> bool) {
        for seat in self.seats.borrow().seats.iter().filter(|seat| chosen(seat)) {
            seat.interrupted.set(true);
            seat.waker.wake_by_ref();
        }
    }

    fn call(&self, call: Call) {
        self.calls.borrow_mut().push(Reverse(call));
        // The driver sets the alarm anew if this comes before what it is set to.
        if call.due_ns < self.armed_for.get() {
            self.armed_for.set(call.due_ns);
            if let Some(driver) = &*self.driver.borrow() {
                driver.wake_by_ref();
            }
        }
    }

    /// Rings the alarm for ever; to be run as a task of its own.
    pub async fn drive(self: Rc<Self>, mut alarm: Alarm) {
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

impl Seat {
    /// Waits until the clock shows `due_ns`.
    pub async fn sleep_until(&self, due_ns: u64) -> Result<(), Interrupted> {
        self.sleep_until_or(due_ns, || false).await
    }

    /// Waits until the clock shows `due_ns`, or, when woken before, until `enough` is true.
    pub async fn sleep_until_or(&self, due_ns: u64, enough: impl Fn() -> bool) -> Result<(), Interrupted> {
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
                self.timer.call(Call { due_ns, seat: self.index, is_check: false });
            }
            Poll::Pending
        })
        .await
    }

    /// Sets, or moves, the seat's deadline: its task is woken when that passes.
    #[inline]
    pub fn set_deadline(&self, deadline_ns: u64) {
        self.state.deadline_ns.set(deadline_ns);
        if deadline_ns < self.state.check_ns.get() {
            self.state.check_ns.set(deadline_ns);
            self.timer.call(Call { due_ns: deadline_ns, seat: self.index, is_check: true });
        }
    }

    /// Takes the deadline back.
    #[inline]
    pub fn clear_deadline(&self) {
        self.state.deadline_ns.set(NEVER);
    }

    /// Whether the deadline has passed.
    #[inline]
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        self.state.deadline_ns.get() <= self.timer.recent()
    }

    /// Which seat it is.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Tells this task to stop at once.
    pub fn interrupt(&self) {
        self.state.interrupted.set(true);
    }

    /// Goes on after an interruption that was the task's own, and not its party's.
    pub fn resume(&self) {
        self.state.interrupted.set(self.timer.is_gone(self.state.party));
    }

    /// Whether the task was told to stop at once.
    #[inline]
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.state.interrupted.get()
    }

    /// Runs `future` unless the task is told to stop at once.
    pub async fn unless_interrupted<F: Future>(&self, future: F) -> Result<F::Output, Interrupted> {
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

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.timer.seats.borrow_mut();
        // A call for the former holder may still wake the next one: a wake-up promises nothing.
        seats.seats[self.index as usize] = SeatState::new(Waker::noop().clone(), Party::NONE);
        seats.free.push(self.index);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use proptest::prelude::*;

    use super::*;

    async fn timer() -> Rc<Timer> {
        let timer = Timer::new(Clock::starting_now());
        tokio::task::spawn_local(Rc::clone(&timer).drive(Alarm::tokio()));
        tokio::task::yield_now().await;
        timer
    }

    fn in_virtual_time<F: Future>(test: F) -> F::Output {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().start_paused(true);
        builder.build_local(tokio::runtime::LocalOptions::default()).expect("a runtime").block_on(test)
    }

    /// Sleepers wake in the order of their times, whatever order they went to sleep in.
    #[test]
    fn sleepers_wake_in_order() {
        in_virtual_time(async {
            let timer = timer().await;
            let woken = Rc::new(RefCell::new(Vec::new()));
            let tasks: Vec<_> = [30, 10, 20]
                .map(|ms| {
                    let (timer, woken) = (Rc::clone(&timer), Rc::clone(&woken));
                    tokio::task::spawn_local(async move {
                        let seat = timer.take_seat(Party(0)).await;
                        seat.sleep_until(ms * 1_000_000).await.expect("not interrupted");
                        woken.borrow_mut().push((ms, timer.clock().now() / 1_000_000));
                    })
                })
                .into();
            for task in tasks {
                task.await.expect("no panic");
            }

            assert_eq!(vec![(10, 10), (20, 20), (30, 30)], *woken.borrow());
        });
    }

    /// An interrupted sleeper wakes at once and says so.
    #[test]
    fn sleepers_can_be_interrupted() {
        in_virtual_time(async {
            let timer = timer().await;
            let seat = Rc::new(timer.take_seat(Party(0)).await);
            timer.interrupt(Party(0));

            assert_eq!(Err(Interrupted), seat.sleep_until(1_000_000_000).await);
        });
    }

    /// A deadline wakes its seat when it passes, wherever it was moved to before, and one that was taken back does not.
    #[test]
    fn deadlines() {
        in_virtual_time(async {
            let timer = timer().await;
            let (late, moved, done) =
                (timer.take_seat(Party(0)).await, timer.take_seat(Party(0)).await, timer.take_seat(Party(0)).await);
            let overdue_at = |ms: u64| {
                let (late, moved, done, timer) = (&late, &moved, &done, &timer);
                async move {
                    tokio::time::sleep_until(timer.clock().instant(ms * 1_000_000)).await;
                    timer.now();
                    [late, moved, done].map(Seat::is_overdue)
                }
            };
            for seat in [&late, &moved, &done] {
                seat.set_deadline(5_000_000);
            }
            moved.set_deadline(8_000_000);
            done.clear_deadline();

            assert_eq!([false, false, false], overdue_at(4).await);
            assert_eq!([true, false, false], overdue_at(6).await);
            assert_eq!([true, true, false], overdue_at(9).await);
        });
    }

    proptest! {
        /// However deadlines are set, moved and taken back, a task is woken for exactly those that pass, and not before.
        #[test]
        fn exactly_the_passed_deadlines_wake(
            steps in prop::collection::vec((0_usize..4, prop::option::of(1_u64..60), 1_u64..30), 1..60),
        ) {
            let timer = Timer::new(Clock::starting_now());
            let woken: Vec<Arc<Count>> = (0..4).map(|_| Arc::new(Count::default())).collect();
            let seats: Vec<Seat> = woken.iter().map(|count| {
                let waker = Waker::from(Arc::clone(count));
                let future = std::pin::pin!(timer.take_seat(Party(0)));
                match future.poll(&mut Context::from_waker(&waker)) {
                    Poll::Ready(seat) => seat,
                    Poll::Pending => unreachable!("taking a seat does not wait"),
                }
            }).collect();
            let (mut now, mut model) = (0, [NEVER; 4]);
            for (seat, deadline, step) in steps {
                match deadline {
                    Some(after) => seats[seat].set_deadline(now + after),
                    None => seats[seat].clear_deadline(),
                }
                model[seat] = deadline.map_or(NEVER, |after| now + after);
                now += step;
                let before: Vec<usize> = woken.iter().map(|count| count.0.load(Ordering::Relaxed)).collect();
                timer.fire(now);
                for index in 0..4 {
                    let woke = woken[index].0.load(Ordering::Relaxed) > before[index];
                    prop_assert_eq!(model[index] <= now, woke, "seat {} at {}", index, now);
                    if woke {
                        seats[index].clear_deadline();
                        model[index] = NEVER;
                    }
                }
            }
        }
    }

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}
