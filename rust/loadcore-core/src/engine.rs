//! The engine: carries out one share of a plan on a thread of its own.

use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use serde::Serialize;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::Notify;
use tokio::task::spawn_local;

use crate::clock::Clock;
use crate::driver::script::MakeScript;
use crate::error::Problem;
use crate::exchange::Stack;
use crate::executor;
use crate::plan::Plan;
use crate::program::Program;
use crate::random::Random;
use crate::record::{Phase, Tables};
use crate::recorder::{EndReason, Recorder, Recycler};
use crate::schedule::{Order, Share};
use crate::timer::{Alarm, TaskGroup, Timer, Turns, Watch};
use crate::transport::{Net, NetOptions};
use crate::user::{Work, Worker};

pub use crate::recorder::{Event, RunEnd};

const SECOND_NS: u64 = 1_000_000_000;

/// A share of a plan, checked and ready to start.
#[derive(Debug)]
pub struct Engine {
    program: Program,
    share: Share,
    net: NetOptions,
    row_log: bool,
    description: Description,
    scripts: Vec<Option<MakeScript>>,
}

/// What a share of a plan will do, before it does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description {
    /// Everything that has a name.
    #[serde(flatten)]
    pub tables: Tables,
    /// Most sockets that this share may hold open at a time.
    pub connections: u64,
    /// Feeders that deal their rows one after the other.
    pub feeders: Vec<FeederInfo>,
}

/// A feeder that deals its rows one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeederInfo {
    /// Its name.
    pub name: String,
    /// How many of its rows are this share's.
    pub rows: u64,
    /// Scenarios each of whose iterations begins with one of them.
    pub scenarios: Vec<String>,
}

/// A share of a plan while it is carried out.
#[derive(Debug)]
pub struct Running {
    /// What the engine thread hands over, up to [`Event::End`].
    pub events: Receiver<Event>,
    /// Brings back chunks and windows that have been read.
    pub recycler: Recycler,
    /// Stops it, or changes its load.
    pub control: Control,
    /// Ends after [`Event::End`] has been handed over.
    pub engine_thread: JoinHandle<()>,
}

/// Stops a running engine, or changes its load, from any thread. Asking for an end more than once changes nothing; an
/// interrupt outranks a stop.
#[derive(Debug, Clone, Default)]
pub struct Control {
    asked: Arc<Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    what: AtomicU8,
    /// Orders that have not been carried out, each with its scenario's place in the plan.
    orders: Mutex<Vec<(usize, Order)>>,
    bell: Notify,
}

impl Control {
    const STOP: u8 = 1;
    const INTERRUPT: u8 = 2;

    /// Start no more iterations; let running ones finish for as long as the plan allows.
    pub fn stop(&self) {
        self.ask(Self::STOP);
    }

    /// Stop now. Requests in flight are recorded as interrupted.
    pub fn interrupt(&self) {
        self.ask(Self::INTERRUPT);
    }

    /// Change the load of the scenario at this place in the plan; the order's time counts from the run's start. One that
    /// does not fit changes nothing.
    pub fn order(&self, scenario: usize, order: Order) {
        self.asked.orders.lock().unwrap_or_else(PoisonError::into_inner).push((scenario, order));
        self.asked.bell.notify_one();
    }

    fn ask(&self, what: u8) {
        self.asked.what.fetch_max(what, Ordering::AcqRel);
        self.asked.bell.notify_one();
    }

    /// Passes on what is asked, for ever.
    async fn obey<T: Stack>(self, worker: Rc<Worker<T>>) {
        loop {
            let orders = std::mem::take(&mut *self.asked.orders.lock().unwrap_or_else(PoisonError::into_inner));
            for (scenario, order) in orders {
                worker.order(scenario, order);
            }
            match self.asked.what.load(Ordering::Acquire) {
                0 => {}
                Self::STOP => worker.stop(EndReason::Stopped, None),
                _ => worker.interrupt(),
            }
            self.asked.bell.notified().await;
        }
    }
}

impl Engine {
    /// Checks a plan and makes this share of it ready.
    ///
    /// # Errors
    /// Everything that is wrong with the plan.
    pub fn new(plan: Plan, share: Share) -> Result<Self, Vec<Problem>> {
        Self::with_scripts(plan, share, Vec::new())
    }

    /// The same, with the scripts of scenarios by their names.
    ///
    /// # Errors
    /// Everything that is wrong with the plan, or a scenario that has no script though it needs one.
    #[expect(clippy::needless_pass_by_value, reason = "a plan is made ready once")]
    pub fn with_scripts(plan: Plan, share: Share, scripts: Vec<(String, MakeScript)>) -> Result<Self, Vec<Problem>> {
        let program = Program::new(&plan)?;
        let scripts = scripts_of(&program, scripts)?;
        let net = NetOptions {
            tls: plan.http.tls.clone(),
            version: plan.http.version,
            // A script may go anywhere.
            uses_tls: program.origins.iter().any(|origin| origin.tls) || scripts.iter().any(Option::is_some),
        };
        // Loaded here only to find what is wrong before the start.
        Net::new(&net, Arc::default()).map_err(|error| {
            vec![Problem { path: "http.tls".into(), at: None, message: error.to_string(), hint: None }]
        })?;
        let description = Description {
            tables: program.tables_of(share),
            connections: program.connections_of(share),
            feeders: program.feeders_of(share),
        };
        Ok(Self { program, share, net, row_log: true, description, scripts })
    }

    /// The same, keeping no row of each request: only windows are handed over.
    #[must_use]
    pub fn without_rows(self) -> Self {
        Self { row_log: false, ..self }
    }

    /// The same, carrying on a share that another worker has begun: what is due before this offset from the run's start
    /// is left to that one.
    #[must_use]
    pub fn carrying_on(mut self, begins_ns: u64) -> Self {
        self.program.carry_on(begins_ns);
        self
    }

    /// The same, of a run that begins at this time of the wall clock, in microseconds since 1970: so begin the ids of its
    /// traces, as some collectors want it, and no other run's.
    #[must_use]
    pub fn beginning_at(mut self, wall_start_us: i64) -> Self {
        let begins_us = wall_start_us.cast_unsigned();
        let own = Random::new(self.program.seed, "traces", begins_us).next_u64();
        self.program.trace_prefix = (begins_us / 1_000_000) << 32 | own >> 32;
        self
    }

    /// What the ids of its traces begin with; `None` if it traces no request.
    #[must_use]
    pub fn trace_prefix(&self) -> Option<u64> {
        (self.program.http.trace_sample > 0.0).then_some(self.program.trace_prefix)
    }

    /// What this share will do.
    #[must_use]
    pub fn describe(&self) -> &Description {
        &self.description
    }

    /// Starts the engine thread; the run begins at this time of the monotonic clock.
    #[must_use]
    pub fn start(self, start_at_ns: u64) -> Running {
        let (recorder, events, recycler) = Recorder::channel(self.description.tables.clone(), self.row_log);
        let control = Control::default();
        let asked = control.clone();
        let engine_thread = thread::spawn(move || {
            let clock = Clock::starting_at(start_at_ns);
            let turns = Arc::<Turns>::default();
            let watch = Watch::new(Arc::clone(&turns), clock);
            let net = || Net::new(&self.net, Arc::clone(&turns)).map_err(io::Error::other);
            let prepared = runtime(watch).and_then(|runtime| Ok((runtime, net()?)));
            match prepared {
                Ok((runtime, net)) => {
                    // All workers begin together; until then there is nothing to do, and no user is late.
                    thread::sleep(clock.until_start());
                    let timer = Timer::of_loop(clock, turns);
                    let scripts = self.scripts.into_iter().map(|make| make.map(MakeScript::make)).collect();
                    let work = Work { program: self.program, share: self.share, scripts };
                    run_on(runtime, work, net, timer, recorder, asked);
                }
                Err(error) => recorder.finish(0, Phase::Steady, EndReason::Aborted, Some(error.to_string())),
            }
        });
        Running { events, recycler, control, engine_thread }
    }
}

/// The scripts in the order of the scenarios: each that has no steps has one, and no other.
fn scripts_of(program: &Program, scripts: Vec<(String, MakeScript)>) -> Result<Vec<Option<MakeScript>>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut problem = |path, message| problems.push(Problem { path, at: None, message, hint: None });
    let mut of_scenarios: Vec<_> = program.scenarios.iter().map(|_| None).collect();
    for (name, script) in scripts {
        match program.scenarios.iter().position(|scenario| scenario.name == name && scenario.script.is_some()) {
            Some(index) => of_scenarios[index] = Some(script),
            None => problem("scenarios".into(), format!("a script is given for `{name}`, which is not driven by one")),
        }
    }
    for (index, scenario) in program.scenarios.iter().enumerate() {
        if scenario.script.is_some() && of_scenarios[index].is_none() {
            let message = format!("`{}` is driven by a script, and none is given", scenario.name);
            problem(format!("scenarios[{index}].script"), message);
        }
    }
    if problems.is_empty() { Ok(of_scenarios) } else { Err(problems) }
}

fn runtime(watch: Watch) -> io::Result<LocalRuntime> {
    let mut builder = Builder::new_current_thread();
    watch.over(builder.enable_all());
    builder.build_local(LocalOptions::default())
}

fn run_on(runtime: LocalRuntime, work: Work, net: Net, timer: Rc<Timer>, recorder: Recorder, control: Control) {
    runtime.block_on(async move {
        match Alarm::system() {
            Ok(alarm) => run(work, net, timer, alarm, recorder, control).await,
            Err(error) => recorder.finish(0, Phase::Steady, EndReason::Aborted, Some(error.to_string())),
        }
    });
    // A name that is still being looked up is not waited for.
    runtime.shutdown_background();
}

/// Carries out a share of a program, over any transport and by any timer.
pub(crate) async fn run<T: Stack>(
    work: Work,
    transport: T,
    timer: Rc<Timer>,
    alarm: Alarm,
    mut recorder: Recorder,
    control: Control,
) {
    let scenarios = work.program.scenarios.len();
    recorder.begin(timer.clock().now().saturating_sub(work.program.begins_ns));
    let worker = Worker::new(work, Rc::clone(&timer), transport, recorder);
    let background = [
        spawn_local(Rc::clone(&timer).drive(alarm)),
        spawn_local(Rc::clone(&worker.outbox).flush_turns()),
        spawn_local(roll_windows(Rc::clone(&worker))),
        spawn_local(control.obey(Rc::clone(&worker))),
    ];
    let executors: Vec<_> =
        (0..scenarios).map(|index| spawn_local(executor::execute(Rc::clone(&worker), index))).collect();
    for executor in executors {
        worker.join(executor.await);
    }
    for task in &background {
        task.abort();
    }
    for task in background {
        // Ended by the abort.
        let _ = task.await;
    }
    finish(worker);
}

/// Hands over a window at each full second.
async fn roll_windows<T: Stack>(worker: Rc<Worker<T>>) {
    let task = worker.timer.register(TaskGroup::NONE).await;
    let first = u32::try_from(worker.program.begins_ns / SECOND_NS).unwrap_or(u32::MAX);
    for second in first.. {
        if task.sleep_until((u64::from(second) + 1) * SECOND_NS).await.is_err() {
            // An interrupt ends the run, and with it this.
            return;
        }
        let phase = worker.phase_of_second(second);
        let mut recorder = worker.recorder.borrow_mut();
        recorder.settle(worker.outbox.sends(), worker.now());
        recorder.roll(second, phase);
    }
}

fn finish<T: Stack>(worker: Rc<Worker<T>>) {
    let (reason, error) = worker.end();
    let second = u32::try_from(worker.now() / SECOND_NS).unwrap_or(u32::MAX);
    let phase = worker.phase_of_second(second);
    // Every task has ended, so nothing else holds the worker. If something did, the reader would see the events end
    // without an end, and call the run aborted.
    if let Some(worker) = Rc::into_inner(worker) {
        let (sends, now_ns) = (worker.outbox.sends(), worker.now());
        let mut recorder = worker.recorder.into_inner();
        recorder.settle(sends, now_ns);
        recorder.finish(second, phase, reason, error);
    }
}

#[cfg(test)]
mod tests;
