//! Many users in one task of the runtime.
//!
//! As a task of its own, a user would go through the runtime's queue, budget and states for each response. Here a user
//! that is called is a number on a list, and a turn of the crowd polls all who are on it, in the order in which they were
//! called.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tokio::task::{JoinHandle, spawn_local, unconstrained};

use super::Worker;
use crate::exchange::Stack;
use crate::recorder::EndReason;
use crate::timer::Timer;

/// All that one user does.
type Life = Pin<Box<dyn Future<Output = ()>>>;

/// Users that are polled together.
pub(crate) struct Crowd {
    gate: Rc<Gate>,
    calls: Arc<Calls>,
    /// Gives what the first panic said, if there was one.
    turns: RefCell<Option<JoinHandle<Option<String>>>>,
}

/// Where users join.
#[derive(Default)]
struct Gate {
    joining: RefCell<Vec<Life>>,
    is_closed: Cell<bool>,
}

impl Crowd {
    /// A crowd without users, in a task of its own.
    pub(crate) fn new(timer: Rc<Timer>) -> Self {
        let (gate, calls) = (Rc::<Gate>::default(), Arc::<Calls>::default());
        let mut members = Members::new(Rc::clone(&gate), Arc::clone(&calls), timer);
        // Users limit themselves. A budget for all of them would keep the last ones of a turn from receiving.
        let turns = spawn_local(unconstrained(poll_fn(move |cx| members.poll_turn(cx))));
        Self { gate, calls, turns: RefCell::new(Some(turns)) }
    }

    /// Adds a user, to be polled from the next turn on.
    pub(crate) fn add(&self, life: impl Future<Output = ()> + 'static) {
        self.gate.joining.borrow_mut().push(Box::pin(life));
        self.calls.wake_crowd();
    }

    /// Waits until all users have ended. One that panicked ends the run, saying so.
    pub(crate) async fn end<T: Stack>(&self, worker: &Worker<T>) {
        self.gate.is_closed.set(true);
        self.calls.wake_crowd();
        let Some(turns) = self.turns.take() else { return };
        if let Some(message) = turns.await.unwrap_or_else(|error| Some(error.to_string())) {
            worker.stop(EndReason::Aborted, Some(message));
        }
    }
}

/// The users of a crowd, by number.
struct Members {
    places: Vec<Option<Member>>,
    /// Places of those that have ended.
    free: Vec<u32>,
    /// Trades places with the list of calls, so that neither is allocated again.
    called: Vec<u32>,
    gate: Rc<Gate>,
    calls: Arc<Calls>,
    timer: Rc<Timer>,
    panicked: Option<String>,
}

struct Member {
    life: Life,
    call: Arc<Call>,
    waker: Waker,
}

impl Members {
    fn new(gate: Rc<Gate>, calls: Arc<Calls>, timer: Rc<Timer>) -> Self {
        Self { places: Vec::new(), free: Vec::new(), called: Vec::new(), gate, calls, timer, panicked: None }
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Option<String>> {
        self.timer.begin_task();
        for life in self.gate.joining.take() {
            self.admit(life);
        }
        let mut called = std::mem::take(&mut self.called);
        self.calls.take(&mut called, cx.waker());
        for number in called.drain(..) {
            self.poll_member(number);
        }
        self.called = called;
        let is_over = self.gate.is_closed.get() && self.free.len() == self.places.len();
        if is_over && self.gate.joining.borrow().is_empty() { Poll::Ready(self.panicked.take()) } else { Poll::Pending }
    }

    fn admit(&mut self, life: Life) {
        let number = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            // No machine has room for 2^32 users.
            u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
        });
        let call = Arc::new(Call { number, is_made: AtomicBool::new(false), calls: Arc::clone(&self.calls) });
        call.wake_by_ref();
        self.places[number as usize] = Some(Member { life, waker: Arc::clone(&call).into(), call });
    }

    #[inline]
    fn poll_member(&mut self, number: u32) {
        let place = &mut self.places[number as usize];
        // A call for one that has ended may still wake the next one in its place: a wake-up promises nothing.
        let Some(Member { life, call, waker }) = place else { return };
        call.is_made.store(false, Ordering::Release);
        let polled = catch_unwind(AssertUnwindSafe(|| life.as_mut().poll(&mut Context::from_waker(waker))));
        match polled {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(())) => {}
            Err(panic) => drop(self.panicked.get_or_insert(said(&*panic))),
        }
        *place = None;
        self.free.push(number);
    }
}

/// The message of a panic.
#[cold]
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("a user panicked: {}", text.unwrap_or("it did not say why"))
}

/// The users of a crowd that have been called. Locked only because wakers have to be sent and shared; one thread uses it.
#[derive(Debug, Default)]
struct Calls(Mutex<Called>);

#[derive(Debug, Default)]
struct Called {
    numbers: Vec<u32>,
    crowd: Option<Waker>,
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, Called> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes all numbers, leaving an empty list; and wakes this from the next one on.
    fn take(&self, numbers: &mut Vec<u32>, crowd: &Waker) {
        let mut called = self.lock();
        std::mem::swap(&mut called.numbers, numbers);
        called.crowd.get_or_insert_with(|| crowd.clone());
    }

    #[inline]
    fn add(&self, number: u32) {
        let mut called = self.lock();
        called.numbers.push(number);
        if called.numbers.len() == 1
            && let Some(crowd) = &called.crowd
        {
            crowd.wake_by_ref();
        }
    }

    fn wake_crowd(&self) {
        if let Some(crowd) = &self.lock().crowd {
            crowd.wake_by_ref();
        }
    }
}

/// Calls one user.
#[derive(Debug)]
struct Call {
    number: u32,
    /// Whether it is on the list already.
    is_made: AtomicBool,
    calls: Arc<Calls>,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_made.swap(true, Ordering::AcqRel) {
            self.calls.add(self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    /// Polls a crowd until it waits, or is over.
    struct Polled {
        members: Members,
        gate: Rc<Gate>,
    }

    impl Polled {
        fn new() -> Self {
            let (gate, calls) = (Rc::<Gate>::default(), Arc::<Calls>::default());
            Self { members: Members::new(Rc::clone(&gate), calls, Timer::new(Clock::starting_now())), gate }
        }

        fn add(&self, life: impl Future<Output = ()> + 'static) {
            self.gate.joining.borrow_mut().push(Box::pin(life));
        }

        fn turn(&mut self) -> Poll<Option<String>> {
            self.members.poll_turn(&mut Context::from_waker(Waker::noop()))
        }
    }

    /// Waits to be called: each time it is polled it notes its name, and the last time it ends.
    fn noting(
        name: char,
        polls: usize,
        noted: &Rc<RefCell<String>>,
        waker: &Rc<RefCell<Option<Waker>>>,
    ) -> impl Future<Output = ()> + 'static {
        let (noted, waker, mut left) = (Rc::clone(noted), Rc::clone(waker), polls);
        poll_fn(move |cx| {
            noted.borrow_mut().push(name);
            waker.replace(Some(cx.waker().clone()));
            left -= 1;
            if left == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
    }

    /// Users are polled in the order in which they were called, each once in a turn, and only those.
    #[test]
    fn who_is_called_is_polled() {
        let (mut crowd, noted) = (Polled::new(), Rc::<RefCell<String>>::default());
        let wakers = ['a', 'b', 'c'].map(|name| {
            let waker = Rc::default();
            crowd.add(noting(name, 3, &noted, &waker));
            waker
        });
        let call = |index: usize| wakers[index].borrow().as_ref().expect("it was polled").wake_by_ref();

        assert!(crowd.turn().is_pending());
        for index in [2, 0, 2] {
            call(index);
        }
        assert!(crowd.turn().is_pending());
        assert!(crowd.turn().is_pending());
        assert_eq!(*noted.borrow(), "abcca");
    }

    /// A crowd that is closed is over once all have ended. Whoever joins before that is one of them, and takes a place
    /// that is free.
    #[test]
    fn a_crowd_ends_with_its_last_user() {
        let (mut crowd, noted, waker) = (Polled::new(), Rc::default(), Rc::default());
        crowd.add(noting('a', 1, &noted, &Rc::default()));
        assert!(crowd.turn().is_pending());
        crowd.gate.is_closed.set(true);
        crowd.add(noting('b', 2, &noted, &waker));
        assert!(crowd.turn().is_pending());
        waker.borrow().as_ref().expect("it was polled").wake_by_ref();
        assert_eq!(crowd.turn(), Poll::Ready(None));
        assert_eq!((&**noted.borrow(), crowd.members.places.len()), ("abb", 1));
    }

    /// A panic ends one user; the others continue, and the crowd tells.
    #[test]
    fn a_panic_is_told() {
        let (mut crowd, noted, waker) = (Polled::new(), Rc::default(), Rc::default());
        crowd.add(async { panic!("no {}", "way") });
        crowd.add(noting('a', 2, &noted, &waker));
        crowd.gate.is_closed.set(true);
        assert!(crowd.turn().is_pending());
        waker.borrow().as_ref().expect("it was polled").wake_by_ref();
        assert_eq!(crowd.turn(), Poll::Ready(Some("a user panicked: no way".to_owned())));
    }
}
