//! From the plan to the program, reporting every problem on the way.

use std::time::Duration;

use super::feeder::{Unusable, load_feeders};
use super::flow::{BranchTest, Flow, Op};
use super::problems::{Location, Problems};
use super::sizes::{self, Ids};
use super::{AuthProgram, LinkVariable, LoadProgram, Program, RequestId, RequestProgram, ScenarioProgram};
use crate::error::Problem;
use crate::plan::{self, Load, MAX_DEPTH, MAX_REDIRECTS, Plan, Step};
use crate::random::Random;
use crate::record::{
    CheckId, CheckInfo, GroupId, GroupInfo, ScenarioId, ScenarioInfo, Section, StepId, StepInfo, Tables,
};
use crate::sample::Secrets;
use crate::schedule::{ArrivalSchedule, UserSchedule};
use crate::step::{CompiledComparison, Names, Slot};
use crate::transport::Origin;

pub(super) fn compile(plan: &Plan) -> Result<Program, Vec<Problem>> {
    let mut problems = Problems::default();
    if plan.version != plan::VERSION {
        let message = format!("the plan has version {}; this engine reads version {}", plan.version, plan::VERSION);
        problems.add_in("version", message);
        return Err(problems.into_found());
    }
    let mut program = Program {
        tables: Tables::default(),
        scenarios: Vec::new(),
        origins: Vec::new(),
        pools: Vec::new(),
        feeders: Vec::new(),
        http: plan.http.clone(),
        samples: plan.samples,
        secrets: Secrets::of_plan(&plan.auth).with_environment(&(&plan.auth, &plan.scenarios)),
        seed: plan.seed,
        seed_of_users: plan.seed,
        trace_prefix: 0,
        begins_ns: 0,
        warm_up_ns: plan.warm_up_ns,
        graceful_stop_ns: plan.graceful_stop_ns,
    };
    check_settings(plan, &mut problems);
    let unusable = load_feeders(plan, &mut program, &mut problems);
    for (index, scenario) in plan.scenarios.iter().enumerate() {
        problems.enter(format!("scenarios[{index}]"), scenario.at.as_ref());
        let compiler = ScenarioCompiler {
            plan,
            scenario,
            id: ScenarioId(u16::try_from(index).unwrap_or(u16::MAX)),
            program: &mut program,
            problems: &mut problems,
            names: Names::new(),
            set: Vec::new(),
            unusable: &unusable,
            columns: Vec::new(),
            any_variable: false,
            used: Vec::new(),
            ids: Ids::default(),
            requests: Vec::new(),
            links: Vec::new(),
            auths: Vec::new(),
            is_sure: true,
            early: Vec::new(),
        };
        compiler.compile();
        problems.leave();
    }
    check_warm_up(&program, &mut problems);
    sizes::check(plan, &program, &mut problems);
    if problems.is_empty() { Ok(program) } else { Err(problems.into_found()) }
}

fn check_settings(plan: &Plan, problems: &mut Problems) {
    if plan.scenarios.is_empty() {
        problems.add_in("scenarios", "the plan has no scenario");
    }
    if !(0.0..=1.0).contains(&plan.http.trace_sample) {
        problems.add_in("http.trace_sample", "the share of requests that are traced is between 0 and 1");
    }
    if plan.http.max_redirects > MAX_REDIRECTS {
        problems.add_in("http.max_redirects", format!("at most {MAX_REDIRECTS} redirects are followed"));
    }
    for (index, scenario) in plan.scenarios.iter().enumerate() {
        if plan.scenarios[..index].iter().any(|other| other.name == scenario.name) {
            problems.enter(format!("scenarios[{index}]"), scenario.at.as_ref());
            problems.add_in("name", format!("another scenario is called `{}` too", scenario.name));
            problems.leave();
        }
    }
    for (index, auth) in plan.auth.iter().enumerate() {
        if plan.auth[..index].iter().any(|other| other.name == auth.name) {
            problems.add_in(
                format!("auth[{index}].name"),
                format!("another way to authenticate is called `{}` too", auth.name),
            );
        }
    }
}

/// A warm-up that covers the whole run leaves nothing to measure.
fn check_warm_up(program: &Program, problems: &mut Problems) {
    let Some(end_ns) = program.scenarios.iter().map(|scenario| scenario.planned_end_ns).max() else { return };
    let Some(warm_up_ns) = program.warm_up_ns else {
        if program.scenarios.iter().any(|scenario| !matches!(scenario.load, LoadProgram::Script)) {
            problems.add_in("warm_up_ns", "only the script of a scenario without a load model can end the warm-up");
        }
        return;
    };
    if warm_up_ns > 0 && warm_up_ns >= end_ns {
        let [warm_up, end] = [warm_up_ns, end_ns].map(Duration::from_nanos);
        problems.enter("warm_up", None);
        problems.add_with_hint(
            format!("the warm-up of {warm_up:?} covers the whole run, which is planned to end after {end:?}"),
            "shorten the warm-up or lengthen the run: what is due in the warm-up stays out of the summary",
        );
        problems.leave();
    }
}

/// Compiles one scenario.
pub(super) struct ScenarioCompiler<'a, 'p> {
    pub(super) plan: &'p Plan,
    pub(super) scenario: &'p plan::Scenario,
    pub(super) id: ScenarioId,
    pub(super) program: &'a mut Program,
    pub(super) problems: &'a mut Problems,
    pub(super) names: Names,
    /// Variables that a feeder or an extract gives a value.
    pub(super) set: Vec<Slot>,
    /// Feeders that could not be loaded.
    pub(super) unusable: &'a [Unusable],
    /// Columns of the feeders, each with its feeder.
    pub(super) columns: Vec<(Slot, &'p plan::Feeder)>,
    /// A feeder of unknown columns could give any variable a value.
    pub(super) any_variable: bool,
    /// Where each variable was met first: (variables met by then, place).
    pub(super) used: Vec<(usize, Location)>,
    ids: Ids,
    requests: Vec<RequestProgram>,
    /// Variables that URLs begin with.
    pub(super) links: Vec<LinkVariable>,
    /// By name; without a program where there was a problem.
    pub(super) auths: Vec<(String, Option<AuthProgram>)>,
    /// Whether every iteration that comes as far makes the request that is being compiled.
    pub(super) is_sure: bool,
    /// Variables that a request authenticates with before a step sets them: with the request's name and place.
    pub(super) early: Vec<(Slot, String, Location)>,
}

impl ScenarioCompiler<'_, '_> {
    fn compile(mut self) {
        let scenario = self.scenario;
        if scenario.name.is_empty() {
            self.problems.add_in("name", "a scenario needs a name");
        }
        self.base_url();
        let feeds = self.feeds();
        let load = self.load();
        self.pacing();
        self.authenticates_once();
        let on_start = self.flow("on_start", &scenario.on_start, Section::Start);
        let on_stop = self.flow("on_stop", &scenario.on_stop, Section::Start);
        let (main, script) = self.iteration([&on_start, &on_stop]);
        self.find_unset();
        let feeds = feeds.into_iter().map(|feed| (feed, self.program.feeders[feed].table.bind(&self.names))).collect();
        let Some(load) = load else { return };
        let planned_end_ns = scenario.start_after_ns.saturating_add(load.end_ns());
        self.program.tables.scenarios.push(ScenarioInfo {
            name: scenario.name.clone(),
            model: load.model(),
            planned_start_ns: scenario.start_after_ns,
            planned_end_ns: (planned_end_ns < u64::MAX).then_some(planned_end_ns),
            planned_iterations: None,
            users: load.users(),
        });
        let seed = Random::new(self.plan.seed, &scenario.name, u64::MAX).next_u64();
        self.program.scenarios.push(ScenarioProgram {
            id: self.id,
            name: scenario.name.clone(),
            seed,
            load,
            start_after_ns: scenario.start_after_ns,
            planned_end_ns,
            pacing: scenario.pacing,
            names: self.names,
            feeds,
            on_start,
            on_stop,
            taken: main.takes(&self.requests),
            choice: main.choice(seed),
            main,
            requests: self.requests,
            script,
            links: self.links,
            auths: self.auths.into_iter().filter_map(|(_, auth)| auth).collect(),
        });
    }

    fn load(&mut self) -> Option<LoadProgram> {
        let load = &self.scenario.load;
        let program = match load {
            Load::Users { .. } | Load::UserStages { .. } => {
                let schedule = UserSchedule::new(load);
                LoadProgram::Users(self.problems.take("load", schedule)?)
            }
            Load::Iterations { iterations, scope, .. } => {
                if *iterations == 0 {
                    self.problems.add_in("load.iterations", "0 iterations leave nothing to do");
                }
                let users = UserSchedule::new(load);
                let users = self.problems.take("load", users)?;
                LoadProgram::Iterations { users, iterations: *iterations, scope: *scope }
            }
            Load::ArrivalRate { max_users, .. } | Load::ArrivalStages { max_users, .. } => {
                sizes::check_rate(load, self.problems);
                if *max_users == 0 {
                    self.problems.add_in("load.max_users", "arrivals need at least one user to serve them");
                }
                let seed = Random::new(self.plan.seed, "arrivals", u64::from(self.id.0)).next_u64();
                let schedule = ArrivalSchedule::new(load, seed);
                LoadProgram::Arrivals { schedule: self.problems.take("load", schedule)?, max_users: *max_users }
            }
            Load::Script {} => LoadProgram::Script,
        };
        Some(program)
    }

    fn pacing(&mut self) {
        let Some(pacing) = self.scenario.pacing else { return };
        self.pause("pacing", pacing);
        if matches!(self.scenario.load, Load::ArrivalRate { .. } | Load::ArrivalStages { .. }) {
            self.problems.add_in("pacing", "pacing is for users; with arrivals, the rate says when iterations start");
        }
    }

    fn pause(&mut self, part: &str, pause: plan::Think) {
        if let plan::Think::Uniform { min_ns, max_ns } = pause
            && min_ns > max_ns
        {
            self.problems.add_in(part, "the shortest pause is longer than the longest");
        }
    }

    pub(super) fn flow(&mut self, part: &str, steps: &[Step], section: Section) -> Flow {
        let mut flow = Flow::default();
        self.steps(part, steps, section, &mut flow, Nesting::default());
        flow
    }

    fn steps(&mut self, part: &str, steps: &[Step], section: Section, flow: &mut Flow, nesting: Nesting) {
        if nesting.depth > MAX_DEPTH {
            self.problems.add_in(part, format!("steps are nested more than {MAX_DEPTH} deep"));
            return;
        }
        for (index, step) in steps.iter().enumerate() {
            self.problems.enter(format!("{part}[{index}]"), place(step));
            self.step_ops(step, section, flow, nesting.deeper());
            self.meet_variables();
            self.problems.leave();
        }
    }

    fn step_ops(&mut self, step: &Step, section: Section, flow: &mut Flow, nesting: Nesting) {
        match step {
            Step::Request(request) => {
                self.is_sure = !nesting.is_optional;
                let id = RequestId::of(self.requests.len());
                if let Some(request) = self.request(request, section) {
                    self.requests.push(request);
                }
                // Pushed even for a request with problems, so that a flow of such is not called empty as well.
                flow.ops.push(Op::Request(id));
            }
            Step::Think(think) => {
                self.pause("think", *think);
                flow.ops.push(Op::Think(*think));
            }
            Step::Group(group) => {
                let id = self.group(&group.name);
                flow.ops.push(Op::GroupStart(id));
                self.steps("steps", &group.steps, section, flow, nesting);
                flow.ops.push(Op::GroupEnd);
            }
            Step::Choice(choice) => self.choice(choice, section, flow, nesting),
            Step::Repeat(repeat) => {
                if repeat.times == 0 {
                    self.problems.add_in("times", "steps that are repeated 0 times do nothing");
                }
                let level = nesting.repeats;
                flow.depth = flow.depth.max(level + 1);
                flow.ops.push(Op::RepeatStart { level });
                let back = flow.ops.len();
                self.steps("steps", &repeat.steps, section, flow, Nesting { repeats: level + 1, ..nesting });
                flow.ops.push(Op::RepeatEnd { level, times: repeat.times, back });
            }
            Step::Branch(branch) => self.branch(branch, section, flow, nesting),
            Step::Script(script) => {
                if script.script as usize >= self.plan.scripts.len() {
                    self.problems.add_in("script", "the plan has no script of this number");
                }
                // It may give any variable a value.
                self.any_variable = true;
                flow.ops.push(Op::Script(script.script));
            }
        }
    }

    fn choice(&mut self, choice: &plan::Choice, section: Section, flow: &mut Flow, nesting: Nesting) {
        if choice.options.is_empty() {
            self.problems.add_in("options", "a choice needs at least one option");
        }
        let at = flow.ops.len();
        flow.ops.push(Op::Choose(Box::default()));
        let (mut targets, mut ends, mut total) = (Vec::new(), Vec::new(), 0);
        for (index, (weight, steps)) in choice.options.iter().enumerate() {
            if *weight == 0 {
                self.problems.add_in(format!("options[{index}]"), "an option of weight 0 is never chosen");
            }
            total += u64::from(*weight);
            targets.push((total, flow.ops.len()));
            self.steps(&format!("options[{index}]"), steps, section, flow, nesting.optional());
            ends.push(flow.ops.len());
            flow.ops.push(Op::Jump(0));
        }
        let end = flow.ops.len();
        for jump in ends {
            flow.ops[jump] = Op::Jump(end);
        }
        flow.ops[at] = if choice.turns.is_empty() {
            Op::Choose(targets.into())
        } else {
            let target = |turn: &u32| targets.get(*turn as usize).map(|(_, target)| *target);
            let taken: Option<Box<[usize]>> = choice.turns.iter().map(target).collect();
            if taken.is_none() {
                self.problems.add_in("turns", "a turn takes an option that does not exist");
            }
            Op::Take(taken.unwrap_or_default())
        };
    }

    fn branch(&mut self, branch: &plan::Branch, section: Section, flow: &mut Flow, nesting: Nesting) {
        let slot = self.names.slot(&branch.variable);
        let test = match &branch.test {
            plan::Test::Exists => BranchTest::Exists,
            plan::Test::Compare(comparison) => {
                let compiled = CompiledComparison::compile(comparison, &mut self.names);
                match self.problems.take("test", compiled) {
                    Some(compiled) => BranchTest::Compare(compiled),
                    None => return,
                }
            }
        };
        let at = flow.ops.len();
        flow.ops.push(Op::Jump(0));
        self.steps("then", &branch.then, section, flow, nesting.optional());
        let jump = flow.ops.len();
        flow.ops.push(Op::Jump(0));
        let otherwise = flow.ops.len();
        self.steps("otherwise", &branch.otherwise, section, flow, nesting.optional());
        flow.ops[jump] = Op::Jump(flow.ops.len());
        flow.ops[at] = Op::Branch { slot, test, otherwise };
    }

    /// Remembers the place where variables were met that no step before had.
    fn meet_variables(&mut self) {
        if self.used.last().map_or(0, |(count, _)| *count) < self.names.len() {
            self.used.push((self.names.len(), self.problems.here()));
        }
    }

    /// Variables that are used but never set.
    fn find_unset(&mut self) {
        if self.any_variable {
            return;
        }
        let mut first = 0;
        for (count, place) in std::mem::take(&mut self.used) {
            for name in self.names.iter().skip(first).take(count - first) {
                let Some(slot) = self.names.find(name) else { continue };
                if !self.set.contains(&slot) {
                    let hint = "a variable is a column of a feeder of the scenario, or is extracted from a response; a literal brace is written {{";
                    self.problems.add_at(&place, format!("nothing gives `{{{name}}}` a value"), hint);
                }
            }
            first = count;
        }
        for (slot, request, place) in std::mem::take(&mut self.early) {
            if self.set.contains(&slot) {
                let name = self.names.name(slot);
                let message = format!(
                    "`{request}` authenticates with `{{{name}}}`, which has no value before this step has ended"
                );
                self.problems.add_at(
                    &place,
                    message,
                    "write auth=anonymous on the steps that come before the value, the login itself among them",
                );
            }
        }
    }

    pub(super) fn step(&mut self, name: &str, method: &str, section: Section) -> StepId {
        let info = StepInfo {
            scenario: self.scenario.name.clone(),
            name: name.to_owned(),
            method: method.to_owned(),
            section,
        };
        StepId(self.ids.steps.id_of(info, &mut self.program.tables.steps))
    }

    pub(super) fn check(&mut self, step: &str, name: &str) -> CheckId {
        let info = CheckInfo { scenario: self.scenario.name.clone(), step: step.to_owned(), name: name.to_owned() };
        CheckId(self.ids.checks.id_of(info, &mut self.program.tables.checks))
    }

    fn group(&mut self, name: &str) -> GroupId {
        if name.is_empty() {
            self.problems.add_in("name", "a group needs a name");
        }
        let info = GroupInfo { scenario: self.scenario.name.clone(), name: name.to_owned() };
        GroupId(self.ids.groups.id_of(info, &mut self.program.tables.groups))
    }

    pub(super) fn origin(&mut self, origin: Origin) -> u16 {
        let origins = &mut self.program.origins;
        sizes::id(origins.iter().position(|known| *known == origin).unwrap_or_else(|| {
            origins.push(origin);
            origins.len() - 1
        }))
    }
}

/// How deep in a flow the compiler is.
#[derive(Debug, Clone, Copy, Default)]
struct Nesting {
    depth: usize,
    repeats: usize,
    /// Whether an iteration may leave the steps out.
    is_optional: bool,
}

impl Nesting {
    const fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    const fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }
}

fn place(step: &Step) -> Option<&String> {
    match step {
        Step::Request(request) => request.at.as_ref(),
        Step::Think(_) => None,
        Step::Group(group) => group.at.as_ref(),
        Step::Choice(choice) => choice.at.as_ref(),
        Step::Repeat(repeat) => repeat.at.as_ref(),
        Step::Branch(branch) => branch.at.as_ref(),
        Step::Script(script) => script.at.as_ref(),
    }
}
