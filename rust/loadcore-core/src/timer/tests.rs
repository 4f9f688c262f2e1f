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
                    let task = timer.register(TaskGroup(0)).await;
                    task.sleep_until(ms * 1_000_000).await.expect("not interrupted");
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
        let task = Rc::new(timer.register(TaskGroup(0)).await);
        timer.interrupt(TaskGroup(0));

        assert_eq!(Err(Interrupted), task.sleep_until(1_000_000_000).await);
    });
}

/// A deadline wakes its task when it passes, wherever it was moved to before, and one that was taken back does not.
#[test]
fn deadlines() {
    in_virtual_time(async {
        let timer = timer().await;
        let (late, moved, done) = (
            timer.register(TaskGroup(0)).await,
            timer.register(TaskGroup(0)).await,
            timer.register(TaskGroup(0)).await,
        );
        let overdue_at = |ms: u64| {
            let (late, moved, done, timer) = (&late, &moved, &done, &timer);
            async move {
                tokio::time::sleep_until(timer.clock().instant(ms * 1_000_000)).await;
                timer.now();
                [late, moved, done].map(Task::is_overdue)
            }
        };
        for task in [&late, &moved, &done] {
            task.set_deadline(5_000_000);
        }
        moved.set_deadline(8_000_000);
        done.clear_deadline();

        assert_eq!([false, false, false], overdue_at(4).await);
        assert_eq!([true, false, false], overdue_at(6).await);
        assert_eq!([true, true, false], overdue_at(9).await);
    });
}

proptest! {
    /// However deadlines are set, moved and taken back, a task is woken for exactly those that pass, and not
    /// before.
    #[test]
    fn exactly_the_passed_deadlines_wake(
        steps in prop::collection::vec((0_usize..4, prop::option::of(1_u64..60), 1_u64..30), 1..60),
    ) {
        let timer = Timer::new(Clock::starting_now());
        let woken: Vec<Arc<Count>> = (0..4).map(|_| Arc::new(Count::default())).collect();
        let tasks: Vec<Task> = woken.iter().map(|count| {
            let waker = Waker::from(Arc::clone(count));
            let future = std::pin::pin!(timer.register(TaskGroup(0)));
            match future.poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(task) => task,
                Poll::Pending => unreachable!("taking a task does not wait"),
            }
        }).collect();
        let (mut now, mut model) = (0, [NEVER; 4]);
        for (task, deadline, step) in steps {
            match deadline {
                Some(after) => tasks[task].set_deadline(now + after),
                None => tasks[task].clear_deadline(),
            }
            model[task] = deadline.map_or(NEVER, |after| now + after);
            now += step;
            let before: Vec<usize> = woken.iter().map(|count| count.0.load(Ordering::Relaxed)).collect();
            timer.fire(now);
            for index in 0..4 {
                let woke = woken[index].0.load(Ordering::Relaxed) > before[index];
                prop_assert_eq!(model[index] <= now, woke, "task {} at {}", index, now);
                if woke {
                    tasks[index].clear_deadline();
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
