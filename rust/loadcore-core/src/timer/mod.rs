//! Waiting without a timer for each request.
//!
//! Tokio's own timer rounds to whole milliseconds and costs half a microsecond for each use. Here every task that waits
//! has a [`Seat`]; sleeping seats stand in one heap, requests in flight stand in one queue for each distinct time-out
//! ([`Deadlines`]), and one alarm (a timerfd) serves them all.

mod alarm;
mod deadlines;

pub use alarm::Alarm;
pub use deadlines::{Deadline, DeadlineQueue};

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::clock::Clock;
use deadlines::Deadlines;

/// The waiting room of one worker. Single-threaded.
#[derive(Debug)]
pub struct Timer {
    clock: Clock,
    seats: RefCell<Seats>,
    sleepers: RefCell<BinaryHeap<Reverse<(u64, u32)>>>,
    deadlines: RefCell<Deadlines>,
    /// When the alarm goes off; `u64::MAX` while it is off.
    armed_for: Cell<u64>,
    driver: RefCell<Option<Waker>>,
    /// What the clock showed last.
    recent: Cell<u64>,
}

#[derive(Debug, Default)]
struct Seats {
    seats: Vec<SeatState>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct SeatState {
    waker: Waker,
    party: Party,
    expired: Option<Deadline>,
    interrupted: bool,
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
    index: u32,
}

/// The task was told to stop at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted;

impl Timer {
    /// A waiting room that goes by `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Rc<Self> {
        Rc::new(Self {
            clock,
            seats: RefCell::default(),
            sleepers: RefCell::default(),
            deadlines: RefCell::default(),
            armed_for: Cell::new(u64::MAX),
            driver: RefCell::default(),
            recent: Cell::new(0),
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
        self.recent.set(now);
        now
    }

    /// What the clock showed when it was last read: a moment ago in a busy turn, and good enough for a time-out.
    pub fn recent(&self) -> u64 {
        self.recent.get()
    }

    /// The queue of requests that may take `timeout_ns`. One queue for each distinct value.
    pub fn queue(&self, timeout_ns: u64) -> DeadlineQueue {
        self.deadlines.borrow_mut().queue(timeout_ns)
    }

    /// Takes a seat for the running task.
    pub async fn take_seat(self: &Rc<Self>, party: Party) -> Seat {
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let state = SeatState { waker, party, expired: None, interrupted: false };
        let mut seats = self.seats.borrow_mut();
        let index = if let Some(index) = seats.free.pop() {
            seats.seats[index as usize] = state;
            index
        } else {
            seats.seats.push(state);
            u32::try_from(seats.seats.len() - 1).unwrap_or(u32::MAX)
        };
        Seat { timer: Rc::clone(self), index }
    }

    /// Wakes the task in this seat.
    pub fn wake(&self, seat: u32) {
        self.seats.borrow().seats[seat as usize].waker.wake_by_ref();
    }

    /// Wakes all whose time has come. Cheap when there is none.
    pub fn fire(&self, now: u64) {
        let mut sleepers = self.sleepers.borrow_mut();
        while let Some(Reverse((due, index))) = sleepers.peek().copied() {
            if due > now {
                break;
            }
            sleepers.pop();
            self.seats.borrow().seats[index as usize].waker.wake_by_ref();
        }
        drop(sleepers);
        let mut deadlines = self.deadlines.borrow_mut();
        if deadlines.next_check() <= now {
            let mut seats = self.seats.borrow_mut();
            deadlines.expire(now, |index, deadline| {
                let seat = &mut seats.seats[index as usize];
                seat.expired = Some(deadline);
                seat.waker.wake_by_ref();
            });
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

    /// Tells all of a party to stop at once.
    pub fn interrupt(&self, party: Party) {
        self.interrupt_if(|seat| seat.party == party);
    }

    /// Tells everybody to stop at once.
    pub fn interrupt_all(&self) {
        self.interrupt_if(|_| true);
    }

    fn interrupt_if(&self, chosen: impl Fn(&SeatState) -> bool) {
        for seat in self.seats.borrow_mut().seats.iter_mut().filter(|seat| chosen(seat)) {
            seat.interrupted = true;
            seat.waker.wake_by_ref();
        }
    }

    fn next_due(&self) -> u64 {
        let sleeper = self.sleepers.borrow().peek().map_or(u64::MAX, |Reverse((due, _))| *due);
        sleeper.min(self.deadlines.borrow().next_check())
    }

    /// Makes the driver set the alarm anew if `due` comes before it.
    fn expect(&self, due: u64) {
        if due < self.armed_for.get() {
            self.armed_for.set(due);
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
            self.fire(self.now());
            let due = self.next_due();
            self.armed_for.set(due);
            if due == u64::MAX {
                return Poll::Pending;
            }
            alarm.set(&self.clock, due);
            if alarm.poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Seat {
    /// Waits until the clock shows `due`.
    pub async fn sleep_until(&self, due: u64) -> Result<(), Interrupted> {
        self.sleep_until_or(due, || false).await
    }

    /// Waits until the clock shows `due`, or, when woken before, until `enough` is true.
    pub async fn sleep_until_or(&self, due: u64, enough: impl Fn() -> bool) -> Result<(), Interrupted> {
        let mut queued = false;
        poll_fn(|_| {
            if self.is_interrupted() {
                return Poll::Ready(Err(Interrupted));
            }
            if enough() || self.timer.now() >= due {
                return Poll::Ready(Ok(()));
            }
            if !queued && due != u64::MAX {
                queued = true;
                self.timer.sleepers.borrow_mut().push(Reverse((due, self.index)));
                self.timer.expect(due);
            }
            Poll::Pending
        })
        .await
    }

    /// Starts a deadline of this seat.
    pub fn start_deadline(&self, deadline: Deadline, queue: DeadlineQueue, now: u64) {
        let due = self.timer.deadlines.borrow_mut().start(self.index, deadline, queue, now);
        self.timer.expect(due);
    }

    /// Ends a deadline of this seat, if it runs.
    pub fn end_deadline(&self, deadline: Deadline) {
        self.timer.deadlines.borrow_mut().end(self.index, deadline);
    }

    /// The deadline that passed since this was last asked.
    #[must_use]
    pub fn take_expired(&self) -> Option<Deadline> {
        self.timer.seats.borrow_mut().seats[self.index as usize].expired.take()
    }

    /// Which seat it is.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Wakes the task.
    pub fn wake(&self) {
        self.timer.wake(self.index);
    }

    /// Whether the task was told to stop at once.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.timer.seats.borrow().seats[self.index as usize].interrupted
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
        self.timer.deadlines.borrow_mut().end(self.index, Deadline::FirstByte);
        self.timer.deadlines.borrow_mut().end(self.index, Deadline::Total);
        let mut seats = self.timer.seats.borrow_mut();
        // A sleep of the former holder may still wake the next one: a wake-up promises nothing.
        let seat = &mut seats.seats[self.index as usize];
        (seat.waker, seat.party) = (Waker::noop().clone(), Party::NONE);
        seats.free.push(self.index);
    }
}

#[cfg(test)]
mod tests {
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

    /// A deadline wakes its seat when it passes, and one that was ended does not.
    #[test]
    fn deadlines_expire_unless_ended() {
        in_virtual_time(async {
            let timer = timer().await;
            let queue = timer.queue(5_000_000);
            let (late, done) = (timer.take_seat(Party(0)).await, timer.take_seat(Party(0)).await);
            late.start_deadline(Deadline::Total, queue, 0);
            done.start_deadline(Deadline::Total, queue, 0);
            done.end_deadline(Deadline::Total);

            late.sleep_until(6_000_000).await.expect("not interrupted");

            assert_eq!((Some(Deadline::Total), None), (late.take_expired(), done.take_expired()));
        });
    }
}
