//! Users that a script drives: takes its commands, and reports the results.
//!
//! A user may have several requests under way. Each has a [`Sender`], a task with a lane of its own; all senders of a
//! user share its cookies. One task of the scenario ([`obey`]) takes the script's commands and hands them on.

mod call;
mod iteration;
mod sender;
mod upload;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use super::send::HeldRow;
use super::{Crowd, Worker};
use crate::aggregate::ScenarioEvent;
use crate::cookies::Jar;
use crate::driver::script::{Body, Command, Notice, Request, RequestKey, Script};
use crate::exchange::Stack;
use crate::plan::Cookies;
use crate::program::ScenarioProgram;
use crate::record::{Phase, StepId};
use crate::step::Slot;
use crate::timer::TaskGroup;
use sender::{Job, Sender};
pub(super) use upload::Upload;

/// A script, and all that is under way for it.
pub(crate) struct Scripted {
    script: Rc<dyn Script>,
    users: RefCell<HashMap<u32, Rc<ScriptUser>>>,
    /// Who sends each request that has no answer yet.
    under_way: RefCell<HashMap<RequestKey, Rc<Sender>>>,
    /// Rows of requests whose outcome the script has yet to say, and whether their status is an error.
    held: RefCell<HashMap<RequestKey, (Box<HeldRow>, bool)>>,
    /// Steps by name, then method.
    steps: RefCell<HashMap<String, Vec<(String, StepId)>>>,
    /// All senders of its users, while it is obeyed.
    senders: RefCell<Option<Crowd>>,
    /// Nothing more is to begin.
    is_closed: Cell<bool>,
    /// Task of the task that obeys.
    task: Cell<Option<u32>>,
}

/// A user that a script drives: what its senders have in common.
pub(super) struct ScriptUser {
    number: u32,
    iteration: Cell<u32>,
    /// The phase of the iteration that it has begun.
    phase: Cell<Option<Phase>>,
    iterations_begun: Cell<u32>,
    cookies: Option<Rc<RefCell<Jar>>>,
    /// Its variables that have a value.
    values: RefCell<Vec<(Slot, Vec<u8>)>>,
    /// Those that it has, and those of them that have nothing to do.
    senders: RefCell<Vec<Rc<Sender>>>,
    free: RefCell<Vec<Rc<Sender>>>,
    /// Of a user of a load model: its task, and whether the iteration that it waits for is complete.
    waits: Cell<Option<u32>>,
    ended: Cell<Option<bool>>,
}

impl ScriptUser {
    fn new(number: u32, cookies: Option<Rc<RefCell<Jar>>>) -> Self {
        Self {
            number,
            iteration: Cell::new(0),
            phase: Cell::new(None),
            iterations_begun: Cell::new(0),
            cookies,
            values: RefCell::default(),
            senders: RefCell::default(),
            free: RefCell::default(),
            waits: Cell::new(None),
            ended: Cell::new(None),
        }
    }
}

impl Scripted {
    pub(super) fn new(script: Rc<dyn Script>) -> Rc<Self> {
        Rc::new(Self {
            script,
            users: RefCell::default(),
            under_way: RefCell::default(),
            held: RefCell::default(),
            steps: RefCell::default(),
            senders: RefCell::default(),
            is_closed: Cell::new(false),
            task: Cell::new(None),
        })
    }

    /// Nothing more is to begin: what is under way ends.
    pub(crate) fn close<T: Stack>(&self, worker: &Worker<T>) {
        self.is_closed.set(true);
        self.wake(worker);
    }

    fn wake<T: Stack>(&self, worker: &Worker<T>) {
        if let Some(task) = self.task.get() {
            worker.timer.wake(task);
        }
    }

    fn is_done(&self) -> bool {
        self.is_closed.get() && self.under_way.borrow().is_empty() && self.held.borrow().is_empty()
    }

    fn user(&self, number: u32) -> Option<Rc<ScriptUser>> {
        self.users.borrow().get(&number).cloned()
    }

    /// The user of a load model whose iteration the script is to decide.
    pub(super) fn enter(&self, number: u32, cookies: Option<&Rc<RefCell<Jar>>>) -> Rc<ScriptUser> {
        let mut users = self.users.borrow_mut();
        Rc::clone(users.entry(number).or_insert_with(|| Rc::new(ScriptUser::new(number, cookies.cloned()))))
    }

    /// The step of this name and method.
    fn step<T: Stack>(&self, worker: &Worker<T>, scenario: &ScenarioProgram, name: &str, method: &str) -> StepId {
        let mut steps = self.steps.borrow_mut();
        if let Some((_, step)) =
            steps.get(name).and_then(|by_method| by_method.iter().find(|(known, _)| known == method))
        {
            return *step;
        }
        let step = worker.recorder.borrow_mut().step(&scenario.name, name, method);
        steps.entry(name.to_owned()).or_default().push((method.to_owned(), step));
        step
    }

    fn perform<T: Stack>(&self, worker: &Rc<Worker<T>>, index: usize, command: Command) {
        let scenario = &worker.program.scenarios[index];
        match command {
            Command::Join { user } => self.join(worker, scenario, user),
            Command::Leave { user } => self.leave(worker, scenario, user),
            Command::Begin { user } => self.begin(worker, scenario, user),
            Command::End { user, is_complete } => self.end(worker, scenario, user, is_complete),
            Command::Send(request) => self.send(worker, index, request),
            Command::Piece { request, bytes, is_last } => {
                if let Some(sender) = self.under_way.borrow().get(&request) {
                    sender.piece(&bytes, is_last, &worker.timer);
                }
            }
            Command::Cancel { request } => {
                if let Some(sender) = self.under_way.borrow().get(&request) {
                    sender.cancel(&worker.timer);
                }
            }
            Command::Settle { request, is_error } => {
                if let Some((row, _)) = self.held.borrow_mut().remove(&request) {
                    row.settle(&mut worker.recorder.borrow_mut(), is_error);
                }
            }
            Command::Finish => {
                worker.stop(crate::recorder::EndReason::Finished, None);
                self.is_closed.set(true);
            }
        }
    }

    fn join<T: Stack>(&self, worker: &Worker<T>, scenario: &ScenarioProgram, number: u32) {
        let cookies = (worker.program.http.cookies != Cookies::Off).then(Rc::default);
        let mut users = self.users.borrow_mut();
        if users.insert(number, Rc::new(ScriptUser::new(number, cookies))).is_none() {
            worker.recorder.borrow_mut().users_mut(scenario.id).active += 1;
        }
    }

    fn leave<T: Stack>(&self, worker: &Worker<T>, scenario: &ScenarioProgram, number: u32) {
        let Some(user) = self.users.borrow_mut().remove(&number) else { return };
        for sender in user.senders.take() {
            sender.dismiss(&worker.timer);
        }
        // Those of a load model are counted by it.
        if user.waits.get().is_none() {
            if let Some(phase) = user.phase.take() {
                worker.count(scenario.id, phase, ScenarioEvent::IterationInterrupted);
            }
            worker.recorder.borrow_mut().users_mut(scenario.id).active -= 1;
        }
    }

    fn begin<T: Stack>(&self, worker: &Worker<T>, scenario: &ScenarioProgram, number: u32) {
        let Some(user) = self.user(number) else { return };
        let phase = worker.phase(scenario, worker.now());
        user.phase.set(Some(phase));
        user.iteration.set(user.iterations_begun.replace(user.iterations_begun.get() + 1));
        if worker.program.http.cookies == Cookies::Iteration
            && let Some(jar) = &user.cookies
        {
            jar.borrow_mut().clear();
        }
        worker.count(scenario.id, phase, ScenarioEvent::IterationStarted);
    }

    fn end<T: Stack>(&self, worker: &Worker<T>, scenario: &ScenarioProgram, number: u32, is_complete: bool) {
        let Some(user) = self.user(number) else { return };
        if let Some(task) = user.waits.get() {
            user.ended.set(Some(is_complete));
            return worker.timer.wake(task);
        }
        let event = if is_complete { ScenarioEvent::IterationCompleted } else { ScenarioEvent::IterationFailed };
        if let Some(phase) = user.phase.take() {
            worker.count(scenario.id, phase, event);
        }
    }

    /// Gives a request to a sender of its user that has nothing to do, or to a new one.
    fn send<T: Stack>(&self, worker: &Rc<Worker<T>>, index: usize, request: Box<Request>) {
        let Some(user) = self.user(request.user) else {
            let ended_ns = worker.now();
            let outcome = crate::record::Outcome::Interrupted;
            return self.script.notice(Notice::Unanswered { request: request.key, outcome, ended_ns });
        };
        let upload = matches!(request.body, Body::Pieces).then(Rc::<Upload>::default);
        let sender = user.free.borrow_mut().pop().unwrap_or_else(|| {
            let sender = Rc::new(Sender::default());
            user.senders.borrow_mut().push(Rc::clone(&sender));
            let task = sender::serve(Rc::clone(worker), index, Rc::clone(&user), Rc::clone(&sender));
            if let Some(senders) = &*self.senders.borrow() {
                senders.add(task);
            }
            sender
        });
        self.under_way.borrow_mut().insert(request.key, Rc::clone(&sender));
        let due_ns = request.due_ns.unwrap_or_else(|| worker.now());
        sender.give(Job { due_ns, iteration: user.iteration.get(), request, upload }, &worker.timer);
    }
}

/// Obeys the script of a scenario until it is over: nothing is to begin any more and nothing is under way, or the end
/// of the run cuts it off.
pub(crate) async fn obey<T: Stack>(worker: Rc<Worker<T>>, index: usize) {
    let Some(scripted) = worker.scripted(index) else { return };
    let scenario = &worker.program.scenarios[index];
    let task = worker.timer.register(TaskGroup(scenario.id.0)).await;
    scripted.task.set(Some(task.index()));
    scripted.senders.replace(Some(Crowd::new(Rc::clone(&worker.timer))));
    let mut is_told = false;
    poll_fn(|cx| {
        loop {
            if !is_told && worker.is_over(scenario) {
                is_told = true;
                scripted.script.notice(Notice::Stopping);
            }
            if task.is_interrupted() {
                return Poll::Ready(());
            }
            match scripted.script.poll_command(cx) {
                Poll::Ready(command) => scripted.perform(&worker, index, command),
                Poll::Pending if scripted.is_done() => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
    let users: Vec<u32> = scripted.users.borrow().keys().copied().collect();
    for user in users {
        scripted.leave(&worker, scenario, user);
    }
    let senders = scripted.senders.take();
    if let Some(senders) = senders {
        senders.end(&worker).await;
    }
    // The status decides what the script has not.
    for (row, is_error) in scripted.held.take().into_values() {
        row.settle(&mut worker.recorder.borrow_mut(), is_error);
    }
}
