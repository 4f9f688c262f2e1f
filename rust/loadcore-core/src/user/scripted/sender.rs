//! Senders: each carries one request of a user at a time, from the script's command to the notice of its response.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::call::Called;
use super::form::FormProgram;
use super::{Answer, Download, ScriptUser, Scripted, Upload};
use crate::driver::script::{Call, Notice};
use crate::exchange::{Piece, Stack};
use crate::plan::Reuse;
use crate::record::Outcome;
use crate::timer::{TaskGroup, Timer};
use crate::user::send::NoAnswer;
use crate::user::{User, Worker};

/// A request to send, or a time to wait.
pub(super) struct Job {
    pub(super) call: Box<Call>,
    /// Its form, as it was when it came.
    pub(super) form: Option<Rc<FormProgram>>,
    /// How long to wait, if that is all.
    pub(super) wait_ns: Option<u64>,
    pub(super) iteration: u32,
    pub(super) due_ns: u64,
    /// Its body, if that comes in pieces.
    pub(super) upload: Option<Rc<Upload>>,
    /// Where the body of its answer goes, if that is handed over in pieces.
    pub(super) download: Option<Rc<Download>>,
}

impl Job {
    /// Whether the status of the answer is an error, if as much of it has come.
    fn is_error_so_far(&self) -> bool {
        self.download.as_ref().is_some_and(|download| download.is_error())
    }
}

/// A task of a user that sends one request at a time, as others see it.
#[derive(Default)]
pub(super) struct Sender {
    /// The task of its task, once that has one.
    task: Cell<Option<u32>>,
    job: RefCell<Option<Job>>,
    /// The body of its current request, if that comes in pieces.
    upload: RefCell<Option<Rc<Upload>>>,
    /// Where the body of its answer goes, if that is handed over in pieces.
    download: RefCell<Option<Rc<Download>>>,
    /// Its current request is given up.
    is_cancelled: Cell<bool>,
    /// It is to end.
    is_dismissed: Cell<bool>,
}

impl Sender {
    pub(super) fn give(&self, job: Job, timer: &Timer) {
        self.is_cancelled.set(false);
        self.upload.replace(job.upload.clone());
        self.download.replace(job.download.clone());
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

    /// Some of what was handed over of the current answer has been taken.
    pub(super) fn taken(&self, bytes: usize, timer: &Timer) {
        if let Some(download) = &*self.download.borrow()
            && download.taken(bytes)
        {
            self.wake(timer);
        }
    }

    /// Enough has come of the current answer.
    pub(super) fn close(&self, timer: &Timer) {
        if let Some(download) = &*self.download.borrow() {
            download.close();
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
    let task = worker.timer.register(TaskGroup::of_script(scenario.id)).await;
    sender.task.set(Some(task.index()));
    let mut user = User::new(Rc::clone(&worker), scenario, owner.number, task);
    user.state.cookies.clone_from(&owner.cookies);
    let mut connections = 0;
    loop {
        let is_wanted = || sender.job.borrow().is_some() || sender.is_dismissed.get();
        // Interrupted or not: what it was given has an end, too.
        let _ = user.lane.task.sleep_until_or(u64::MAX, is_wanted).await;
        let Some(mut job) = sender.job.take() else { break };
        if sender.is_cancelled.get() {
            user.lane.task.interrupt();
        }
        if let Some(wait_ns) = job.wait_ns {
            let waited = user.lane.task.sleep_until(job.due_ns.saturating_add(wait_ns)).await;
            let outcome = waited.map_or(Outcome::Interrupted, |()| Outcome::Ok);
            job.call.answer = Answer { outcome, ended_ns: worker.now(), ..Answer::default() };
        } else {
            if program.http.reuse == Reuse::Iteration && connections != owner.connections.get() {
                user.lane.connections.drop_all();
                connections = owner.connections.get();
            }
            user.take_over(&owner, &mut job);
            let answered = user.call(scenario, &scripted, &mut job).await;
            if answered.is_err() {
                user.hold(&scripted, &job.call, job.is_error_so_far());
            }
            user.answer(&mut job, answered);
        }
        scripted.give_back(job.call);
        scripted.wake(&worker);
        if sender.is_dismissed.get() {
            break;
        }
        user.lane.task.resume();
        owner.free.borrow_mut().push(Rc::clone(&sender));
    }
    sender.task.set(None);
}

impl<T: Stack> User<T> {
    /// Takes what it needs for a job: its owner's variables, and what the call brings of memory.
    fn take_over(&mut self, owner: &ScriptUser, job: &mut Job) {
        self.state.iteration = job.iteration;
        for (slot, value) in owner.values.borrow().iter() {
            self.state.variables.set(*slot, value);
        }
        self.lane.upload.clone_from(&job.upload);
        self.lane.download.clone_from(&job.download);
        self.worker.give_back(job.call.answer.capture.take());
    }

    /// Writes into a job's call what came back.
    fn answer(&mut self, job: &mut Job, answered: Result<Called, NoAnswer>) {
        let is_error_so_far = job.is_error_so_far();
        let answer = &mut job.call.answer;
        match answered {
            Ok(Called { answer: came, is_error, moved_to }) => {
                let started_ns = came.ended_ns.saturating_sub(came.service_ns);
                let first_byte_ns = self.lane.flight.arrival.first_byte_ns;
                *answer = Answer {
                    outcome: Outcome::Ok,
                    status: came.complete.status,
                    is_error,
                    started_ns,
                    ttfb_ns: first_byte_ns.min(came.ended_ns).saturating_sub(started_ns),
                    service_ns: came.service_ns,
                    response_ns: came.ended_ns.saturating_sub(job.due_ns),
                    ended_ns: came.ended_ns,
                    moved_to,
                    capture: came.kept.capture,
                };
            }
            Err(NoAnswer { outcome, ended_ns }) => {
                let response_ns = ended_ns.saturating_sub(job.due_ns);
                let is_error = match outcome {
                    Outcome::Interrupted => false,
                    Outcome::Cut => is_error_so_far,
                    _ => true,
                };
                let started_ns = ended_ns;
                *answer = Answer { outcome, is_error, started_ns, response_ns, ended_ns, ..Answer::default() };
            }
        }
        (self.lane.upload, self.lane.download) = (None, None);
        self.give_back_request();
    }
}

impl Scripted {
    /// Gives a call back to the script.
    fn give_back(&self, call: Box<Call>) {
        if let Some(place) = self.under_way.borrow_mut().get_mut(call.key.slot as usize) {
            *place = None;
        }
        self.count_under_way.set(self.count_under_way.get() - 1);
        self.script.notice(Notice::Ended(call));
    }
}
