//! Users that a script drives: takes its commands, and reports the results.
//!
//! A user may have several requests under way. Each has a [`Sender`], a task with a lane of its own; all senders of a
//! user share its cookies. One task of the scenario ([`obey`]) takes the script's commands and hands them on.

mod answer;
mod call;
mod download;
mod form;
mod iteration;
mod seen;
mod sender;
mod upload;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use super::send::HeldRow;
use super::{Crowd, Worker};
use crate::aggregate::ScenarioEvent;
use crate::cookies::Jar;
use crate::driver::script::{BodyFraming, Call, Command, Notice, RequestKey, Script, ScriptEnd, Settled};
use crate::exchange::Stack;
use crate::plan::Cookies;
use crate::program::{LoadProgram, ScenarioProgram};
use crate::record::{Outcome, Phase};
use crate::recorder::Recorder;
use crate::step::Slot;
use crate::timer::TaskGroup;
pub use answer::Answer;
pub(super) use download::Download;
use form::FormProgram;
use sender::{Job, Sender};
pub(super) use upload::Upload;

/// How long users may clean up that the end of the run cut short.
pub(crate) const CLEAN_UP_NS: u64 = 1_000_000_000;

/// A script, and all that is under way for it.
pub(crate) struct Scripted {
    script: Rc<dyn Script>,
    users: RefCell<BTreeMap<u32, Rc<ScriptUser>>>,
    /// By the slots of requests that have no answer yet: their generation, and who sends them.
    under_way: RefCell<Vec<UnderWay>>,
    count_under_way: Cell<usize>,
    /// Rows of requests whose outcome the script has yet to say.
    held: RefCell<HashMap<RequestKey, Held>>,
    forms: RefCell<Vec<Option<Rc<FormProgram>>>>,
    names: RefCell<seen::Names>,
    /// All senders of its users, while it is obeyed.
    senders: RefCell<Option<Crowd>>,
    /// Nothing more is to begin.
    is_closed: Cell<bool>,
    /// The script has said that nothing more comes.
    is_finished: Cell<bool>,
    /// It is known until when that is waited for.
    has_deadline: Cell<bool>,
    /// Task of the task that obeys.
    task: Cell<Option<u32>>,
}

/// A row whose outcome the script has yet to say.
struct Held {
    row: Box<HeldRow>,
    /// Whether its status is an error.
    is_error: bool,
    script_lag_ns: u64,
}

impl Held {
    fn settle(self, recorder: &mut Recorder, settled: Settled) {
        self.row.settle(recorder, settled);
        recorder.script_lag(self.script_lag_ns);
    }
}

/// The generation of a slot's request, and who sends it.
type UnderWay = Option<(u32, Rc<Sender>)>;

/// A user that a script drives: what its senders have in common.
pub(super) struct ScriptUser {
    number: u32,
    /// Whether it joined by a command, and is not one of a load model.
    has_joined: bool,
    iteration: Cell<u32>,
    /// The phase of the iteration that it has begun.
    phase: Cell<Option<Phase>>,
    iterations_begun: Cell<u32>,
    /// Which connections it uses, where they last for an iteration: 0 for those of its start.
    connections: Cell<u32>,
    /// The end of the run has cut its iteration short.
    is_cut_short: Cell<bool>,
    /// When the first request of its iteration is due, until that is sent.
    first_due_ns: Cell<Option<u64>>,
    cookies: Option<Rc<RefCell<Jar>>>,
    /// Its variables that have a value.
    values: RefCell<Vec<(Slot, Vec<u8>)>>,
    /// Variables that its script has given a value since its turn began.
    set: RefCell<Vec<(Slot, Vec<u8>)>>,
    /// Those that it has, and those of them that have nothing to do.
    senders: RefCell<Vec<Rc<Sender>>>,
    free: RefCell<Vec<Rc<Sender>>>,
    /// Of a user of a load model: its task, and how the iteration has ended that it waits for.
    waits: Cell<Option<u32>>,
    ended: Cell<Option<ScriptEnd>>,
    /// When it began the last of the iterations that it has begun by itself.
    continued_ns: Cell<Option<u64>>,
    /// It has begun an iteration by itself that is none any more: the one before it was cut short.
    is_beyond: Cell<bool>,
}

impl ScriptUser {
    fn new(number: u32, has_joined: bool, cookies: Option<Rc<RefCell<Jar>>>) -> Self {
        Self {
            number,
            has_joined,
            iteration: Cell::new(0),
            phase: Cell::new(None),
            iterations_begun: Cell::new(0),
            connections: Cell::new(0),
            is_cut_short: Cell::new(false),
            first_due_ns: Cell::new(None),
            cookies,
            values: RefCell::default(),
            set: RefCell::default(),
            senders: RefCell::default(),
            free: RefCell::default(),
            waits: Cell::new(None),
            ended: Cell::new(None),
            continued_ns: Cell::new(None),
            is_beyond: Cell::new(false),
        }
    }
}

impl Scripted {
    pub(super) fn new(script: Rc<dyn Script>) -> Rc<Self> {
        Rc::new(Self {
            script,
            users: RefCell::default(),
            under_way: RefCell::default(),
            count_under_way: Cell::new(0),
            held: RefCell::default(),
            forms: RefCell::default(),
            names: RefCell::default(),
            senders: RefCell::default(),
            is_closed: Cell::new(false),
            is_finished: Cell::new(false),
            has_deadline: Cell::new(false),
            task: Cell::new(None),
        })
    }

    /// No user continues by itself under an older edition of the loads.
    pub(super) fn next_edition(&self, edition: u32) {
        self.script.edition(edition);
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
        // Rows that are held still will not be decided: the code that could has finished.
        self.is_closed.get() && self.is_finished.get() && self.count_under_way.get() == 0
    }

    fn user(&self, number: u32) -> Option<Rc<ScriptUser>> {
        self.users.borrow().get(&number).cloned()
    }

    /// The user of a load model whose iteration the script is to decide.
    pub(super) fn enter(&self, number: u32, cookies: Option<&Rc<RefCell<Jar>>>) -> Rc<ScriptUser> {
        let mut users = self.users.borrow_mut();
        Rc::clone(users.entry(number).or_insert_with(|| Rc::new(ScriptUser::new(number, false, cookies.cloned()))))
    }

    fn perform<T: Stack>(&self, worker: &Rc<Worker<T>>, index: usize, command: Command) {
        let scenario = &worker.program.scenarios[index];
        match command {
            Command::Join { user } => self.join(worker, scenario, user),
            Command::Leave { user } => self.leave(worker, scenario, user),
            Command::Begin { user } => self.begin(worker, scenario, user),
            Command::End { user, end, next_ns: None } => self.end(worker, scenario, user, end),
            Command::End { user, next_ns: Some(next_ns), .. } => self.proceed(worker, scenario, user, next_ns),
            Command::Form(form) => self.add_form(worker, scenario, *form),
            Command::Send(call) => self.send(worker, index, call, None),
            Command::Wait { call, wait_ns } => self.send(worker, index, call, Some(wait_ns)),
            Command::Piece { request, bytes, is_last } => {
                if let Some(sender) = self.sender(request) {
                    sender.piece(&bytes, is_last, &worker.timer);
                }
            }
            Command::Taken { request, bytes } => {
                if let Some(sender) = self.sender(request) {
                    sender.taken(bytes, &worker.timer);
                }
            }
            Command::Close { request, user } => {
                // What the end of the run has made a user close is cut off by that.
                let is_cut_short = self.user(user).is_none_or(|user| user.is_cut_short.get());
                match self.sender(request) {
                    Some(sender) if is_cut_short => sender.cancel(&worker.timer),
                    Some(sender) => sender.close(&worker.timer),
                    None => {}
                }
            }
            Command::Cancel { request } => {
                if let Some(sender) = self.sender(request) {
                    sender.cancel(&worker.timer);
                }
            }
            Command::Settle { request, settled } => {
                if let Some(held) = self.held.borrow_mut().remove(&request) {
                    held.settle(&mut worker.recorder.borrow_mut(), settled);
                }
            }
            Command::Set { user, name, value } => {
                if let (Some(user), Some(slot)) = (self.user(user), scenario.names.find(&name)) {
                    user.set.borrow_mut().push((slot, value));
                }
            }
            Command::Count(seen) => self.count(worker, scenario, *seen),
            Command::Steady { from_ns } => {
                if matches!(scenario.load, LoadProgram::Script) {
                    // Without a request before it, there was nothing to warm up with.
                    let has_sent = !self.under_way.borrow().is_empty();
                    worker.end_warm_up(if has_sent { from_ns } else { 0 });
                }
            }
            Command::RampDown { from_ns } => {
                if matches!(scenario.load, LoadProgram::Script) {
                    worker.wind_up(from_ns);
                }
            }
            Command::Finish => {
                self.is_finished.set(true);
                if matches!(scenario.load, LoadProgram::Script) {
                    worker.stop(crate::recorder::EndReason::Finished, None);
                    self.is_closed.set(true);
                }
            }
        }
    }

    fn join<T: Stack>(&self, worker: &Worker<T>, scenario: &ScenarioProgram, number: u32) {
        let cookies = (worker.program.http.cookies != Cookies::Off).then(Rc::default);
        let mut users = self.users.borrow_mut();
        if users.insert(number, Rc::new(ScriptUser::new(number, true, cookies))).is_none() {
            worker.recorder.borrow_mut().users_mut(scenario.id).active += 1;
        }
    }

    fn leave<T: Stack>(&self, worker: &Worker<T>, scenario: &ScenarioProgram, number: u32) {
        let Some(user) = self.users.borrow_mut().remove(&number) else { return };
        for sender in user.senders.take() {
            sender.dismiss(&worker.timer);
        }
        // Those of a load model are counted by it.
        if user.has_joined {
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
        user.connections.set(user.iterations_begun.get());
        if worker.program.http.cookies == Cookies::Iteration
            && let Some(jar) = &user.cookies
        {
            jar.borrow_mut().clear();
        }
        worker.count(scenario.id, phase, ScenarioEvent::IterationStarted);
    }

    fn end<T: Stack>(&self, worker: &Worker<T>, scenario: &ScenarioProgram, number: u32, end: ScriptEnd) {
        let Some(user) = self.user(number) else { return };
        if let Some(task) = user.waits.get() {
            user.ended.set(Some(end));
            return worker.timer.wake(task);
        }
        let event = match end {
            ScriptEnd::Complete => ScenarioEvent::IterationCompleted,
            ScriptEnd::Interrupted => ScenarioEvent::IterationInterrupted,
            ScriptEnd::Failed | ScriptEnd::Broken => ScenarioEvent::IterationFailed,
        };
        // What the end of the run has cut short, the load model has counted.
        if let Some(phase) = user.phase.take().filter(|_| user.has_joined) {
            worker.count(scenario.id, phase, event);
        }
    }

    /// A user of a load model has ended an iteration, and begun the next one by itself.
    fn proceed<T: Stack>(&self, worker: &Worker<T>, scenario: &ScenarioProgram, number: u32, begun_ns: u64) {
        let Some(user) = self.user(number) else { return };
        let Some(ended_in) = user.phase.get().filter(|_| user.waits.get().is_some()) else {
            return user.is_beyond.set(true);
        };
        let begun_in = worker.phase(scenario, begun_ns);
        worker.count(scenario.id, ended_in, ScenarioEvent::IterationCompleted);
        worker.count(scenario.id, begun_in, ScenarioEvent::IterationStarted);
        user.phase.set(Some(begun_in));
        user.iteration.set(user.iteration.get().wrapping_add(1));
        user.continued_ns.set(Some(begun_ns));
    }

    /// Who sends a request that is under way.
    fn sender(&self, key: RequestKey) -> Option<Rc<Sender>> {
        let under_way = self.under_way.borrow();
        let (generation, sender) = under_way.get(key.slot as usize)?.as_ref()?;
        (*generation == key.generation).then(|| Rc::clone(sender))
    }

    /// Gives a call to a sender of its user that has nothing to do, or to a new one.
    fn send<T: Stack>(&self, worker: &Rc<Worker<T>>, index: usize, mut call: Box<Call>, wait_ns: Option<u64>) {
        let Some(user) = self.user(call.user).filter(|user| !user.is_beyond.get()) else {
            // Its box has been used before.
            call.answer = Answer { outcome: Outcome::Interrupted, ended_ns: worker.now(), ..Answer::default() };
            return self.script.notice(Notice::Ended(call));
        };
        let upload = (call.framing == BodyFraming::Pieces).then(Rc::<Upload>::default);
        let form = self.form(call.form);
        let download = match &form {
            Some(form) if wait_ns.is_none() => form.download(call.key),
            _ => None,
        };
        let sender = user.free.borrow_mut().pop().unwrap_or_else(|| {
            let sender = Rc::new(Sender::default());
            user.senders.borrow_mut().push(Rc::clone(&sender));
            let task = sender::serve(Rc::clone(worker), index, Rc::clone(&user), Rc::clone(&sender));
            if let Some(senders) = &*self.senders.borrow() {
                senders.add(task);
            }
            sender
        });
        let slot = call.key.slot as usize;
        let mut under_way = self.under_way.borrow_mut();
        if slot >= under_way.len() {
            under_way.resize(slot + 1, None);
        }
        under_way[slot] = Some((call.key.generation, Rc::clone(&sender)));
        self.count_under_way.set(self.count_under_way.get() + 1);
        let made_ns = call.made_ns.unwrap_or_else(|| worker.now());
        call.script_lag_ns += worker.timer.recent().saturating_sub(made_ns);
        let first_due_ns = if wait_ns.is_none() { user.first_due_ns.take() } else { None };
        let due_ns = call.due_ns.or(first_due_ns).unwrap_or(made_ns);
        let iteration = user.iteration.get();
        sender.give(Job { call, form, wait_ns, iteration, due_ns, upload, download }, &worker.timer);
    }
}

/// Obeys the script of a scenario until it is over: nothing is to begin any more and nothing is under way, or the end
/// of the run cuts it off.
pub(crate) async fn obey<T: Stack>(worker: Rc<Worker<T>>, index: usize) {
    let Some(scripted) = worker.scripted(index) else { return };
    let scenario = &worker.program.scenarios[index];
    let task = worker.timer.register(TaskGroup::of_script(scenario.id)).await;
    scripted.task.set(Some(task.index()));
    scripted.senders.replace(Some(Crowd::new(Rc::clone(&worker.timer))));
    let mut is_told = false;
    poll_fn(|cx| {
        if !is_told && (scripted.is_closed.get() || worker.is_over(scenario)) {
            is_told = true;
            scripted.script.notice(Notice::Stopping);
        }
        scripted.script.flush();
        loop {
            if task.is_interrupted() || task.is_overdue() {
                return Poll::Ready(());
            }
            match scripted.script.poll_command(cx) {
                Poll::Ready(command) => scripted.perform(&worker, index, command),
                Poll::Pending if scripted.is_done() => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        if scripted.is_closed.get() && !scripted.has_deadline.replace(true) {
            let grace_ns = worker.program.graceful_stop_ns.max(CLEAN_UP_NS);
            task.set_deadline(worker.now().saturating_add(grace_ns));
        }
        // What a command was answered at once.
        scripted.script.flush();
        Poll::Pending
    })
    .await;
    // In order, as below: the same run leaves the same rows.
    let users: Vec<u32> = scripted.users.borrow().keys().copied().collect();
    for user in users {
        scripted.leave(&worker, scenario, user);
    }
    let senders = scripted.senders.take();
    if let Some(senders) = senders {
        senders.end(&worker).await;
    }
    let undecided: BTreeMap<RequestKey, Held> = scripted.held.take().into_iter().collect();
    for held in undecided.into_values() {
        let settled = if scripted.is_finished.get() {
            // Code that has finished without deciding was cut off before it could.
            Settled::Interrupted
        } else if held.is_error {
            // The status decides what a script has not, which did not finish in time.
            Settled::Error
        } else {
            Settled::Ok
        };
        held.settle(&mut worker.recorder.borrow_mut(), settled);
    }
    scripted.script.notice(Notice::Closed);
    scripted.script.flush();
}
