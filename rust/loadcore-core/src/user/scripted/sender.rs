//! Senders: each carries one request of a user at a time, from the script's command to the notice of its response.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::{ScriptUser, Scripted, Upload};
use crate::driver::script::{Notice, Request, RequestKey, Response};
use crate::exchange::{Piece, Stack};
use crate::timer::{TaskGroup, Timer};
use crate::user::send::NoAnswer;
use crate::user::{User, Worker, send};

/// A request to send.
pub(super) struct Job {
    pub(super) request: Box<Request>,
    pub(super) iteration: u32,
    pub(super) due_ns: u64,
    /// Its body, if that comes in pieces.
    pub(super) upload: Option<Rc<Upload>>,
}

/// A task of a user that sends one request at a time, as others see it.
#[derive(Default)]
pub(super) struct Sender {
    /// The task of its task, once that has one.
    task: Cell<Option<u32>>,
    job: RefCell<Option<Job>>,
    /// The body of its current request, if that comes in pieces.
    upload: RefCell<Option<Rc<Upload>>>,
    /// Its current request is given up.
    is_cancelled: Cell<bool>,
    /// It is to end.
    is_dismissed: Cell<bool>,
}

impl Sender {
    pub(super) fn give(&self, job: Job, timer: &Timer) {
        self.is_cancelled.set(false);
        self.upload.replace(job.upload.clone());
        self.job.replace(Some(job));
        self.wake(timer);
    }

    /// Takes in a piece of the body of the current request.
    pub(super) fn piece(&self, bytes: &[u8], is_last: bool, timer: &Timer) {
        if let Some(upload) = &*self.upload.borrow() {
            upload.add(is_last, |out| Piece { bytes, is_last }.write(out));
            self.wake(timer);
        }
    }

    /// Gives up the current request.
    pub(super) fn cancel(&self, timer: &Timer) {
        self.is_cancelled.set(true);
        if let Some(task) = self.task.get() {
            timer.interrupt_task(task);
        }
    }

    /// Gives up the current request, if there is one, and ends.
    pub(super) fn dismiss(&self, timer: &Timer) {
        self.is_dismissed.set(true);
        self.cancel(timer);
    }

    fn wake(&self, timer: &Timer) {
        if let Some(task) = self.task.get() {
            timer.wake(task);
        }
    }
}

/// All that a sender does.
pub(super) async fn serve<T: Stack>(worker: Rc<Worker<T>>, index: usize, owner: Rc<ScriptUser>, sender: Rc<Sender>) {
    let Some(scripted) = worker.scripted(index) else { return };
    let program = Rc::clone(&worker.program);
    let scenario = &program.scenarios[index];
    let task = worker.timer.register(TaskGroup(scenario.id.0)).await;
    sender.task.set(Some(task.index()));
    let mut user = User::new(Rc::clone(&worker), scenario, owner.number, task);
    user.state.cookies.clone_from(&owner.cookies);
    loop {
        let is_wanted = || sender.job.borrow().is_some() || sender.is_dismissed.get();
        // Interrupted or not: what it was given has an end, too.
        let _ = user.lane.task.sleep_until_or(u64::MAX, is_wanted).await;
        let Some(job) = sender.job.take() else { break };
        if sender.is_cancelled.get() {
            user.lane.task.interrupt();
        }
        user.state.iteration = job.iteration;
        for (slot, value) in owner.values.borrow().iter() {
            user.state.variables.set(*slot, value);
        }
        user.lane.upload.clone_from(&job.upload);
        let answered = user.call(scenario, &scripted, &job).await;
        scripted.answered(&user, job.request.key, answered);
        user.lane.upload = None;
        user.give_back_request();
        scripted.wake(&worker);
        if sender.is_dismissed.get() {
            break;
        }
        user.lane.task.resume();
        owner.free.borrow_mut().push(Rc::clone(&sender));
    }
    sender.task.set(None);
}

impl Scripted {
    /// Reports a request's result to the script.
    fn answered<T: Stack>(&self, user: &User<T>, request: RequestKey, answered: Result<send::Answer, NoAnswer>) {
        self.under_way.borrow_mut().remove(&request);
        self.script.notice(match answered {
            Ok(answer) => {
                let capture = answer.capture();
                let headers = capture.headers().map(|(name, value)| (name.to_vec(), value.to_vec()));
                let response = Response {
                    status: answer.complete.status,
                    headers: headers.collect(),
                    body: capture.body().to_vec(),
                    service_ns: answer.service_ns,
                    ended_ns: answer.ended_ns,
                };
                user.worker.give_back(answer.kept.capture);
                Notice::Answered { request, response }
            }
            Err(NoAnswer { outcome, ended_ns }) => Notice::Unanswered { request, outcome, ended_ns },
        });
    }
}
