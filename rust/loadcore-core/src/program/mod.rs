//! The program: a plan that has been checked and made ready. Everything that can be looked up, parsed or serialised
//! once has been; what is left for the run walks a list and fills slots.

mod auth;
mod compiler;
mod envelope;
mod feeder;
mod flow;
mod load;
mod problems;
mod request;
mod script;
mod sizes;
mod url;
mod want;

pub(crate) use envelope::{Envelope, OriginId, Outgoing, is_idempotent};
pub(crate) use feeder::FeederProgram;
pub(crate) use flow::{BranchTest, Flow, Op};
pub(crate) use load::LoadProgram;
pub(crate) use request::{CLOSE, is_method, is_token, set_by_loadcore};
pub(crate) use script::ScriptProgram;
pub(crate) use want::Want;

use crate::auth::CompiledAuth;
use crate::driver::script::ScriptChoice;
use crate::engine::FeederInfo;
use crate::error::Problem;
use crate::exchange::h1::encode::Encoding;
use crate::feeder::{Binding, Dealer};
use crate::plan::{self, Plan};
use crate::random::Random;
use crate::record::{CheckId, ScenarioId, Tables};
use crate::sample::Secrets;
use crate::schedule::Share;
use crate::step::{CompiledCheck, CompiledExtract, Names, Slot, Template};
use crate::transport::Origin;

/// A plan ready to run. The same on every worker.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) tables: Tables,
    pub(crate) scenarios: Vec<ScenarioProgram>,
    pub(crate) origins: Vec<Origin>,
    pub(crate) pools: Vec<PoolProgram>,
    pub(crate) feeders: Vec<FeederProgram>,
    pub(crate) http: plan::Http,
    pub(crate) samples: plan::Samples,
    /// What must not be shown of anything that fails.
    pub(crate) secrets: Secrets,
    pub(crate) seed: u64,
    /// What the chance of users begins with.
    pub(crate) seed_of_users: u64,
    /// What the ids of its traces begin with.
    pub(crate) trace_prefix: u64,
    /// What is due before this offset from the run's start is another worker's.
    pub(crate) begins_ns: u64,
    /// None: a script says when the warm-up ends.
    pub(crate) warm_up_ns: Option<u64>,
    pub(crate) graceful_stop_ns: u64,
}

/// A scenario ready to run.
#[derive(Debug)]
pub(crate) struct ScenarioProgram {
    pub(crate) id: ScenarioId,
    pub(crate) name: String,
    /// What chance in its iterations begins with.
    pub(crate) seed: u64,
    pub(crate) load: LoadProgram,
    pub(crate) start_after_ns: u64,
    /// Offset from the run's start after which no iteration starts.
    pub(crate) planned_end_ns: u64,
    pub(crate) pacing: Option<plan::Think>,
    pub(crate) names: Names,
    /// Feeders of the program, and which column goes into which variable.
    pub(crate) feeds: Vec<(usize, Binding)>,
    pub(crate) on_start: Flow,
    pub(crate) on_stop: Flow,
    pub(crate) main: Flow,
    /// Which script an iteration is left to, if all of it is left to one.
    pub(crate) choice: Option<ScriptChoice>,
    pub(crate) requests: Vec<RequestProgram>,
    /// What its script's requests have in common, if a script drives it.
    pub(crate) script: Option<ScriptProgram>,
    /// Variables that responses give a value in an iteration.
    pub(crate) taken: Vec<Slot>,
    /// Variables that URLs begin with.
    pub(crate) links: Vec<LinkVariable>,
    pub(crate) auths: Vec<AuthProgram>,
}

/// A variable whose value is a URL.
#[derive(Debug)]
pub(crate) struct LinkVariable {
    pub(crate) slot: Slot,
    /// Whether a feeder sets it for each iteration.
    pub(crate) is_column: bool,
}

/// A way to authenticate that a scenario uses.
#[derive(Debug)]
pub(crate) struct AuthProgram {
    pub(crate) compiled: CompiledAuth,
    pub(crate) token: Option<TokenProgram>,
}

/// How a scenario's users get tokens.
#[derive(Debug)]
pub(crate) struct TokenProgram {
    /// Index in [`Program::pools`].
    pub(crate) pool: usize,
    /// What a token is asked for with; of OAuth 2.0, all but the form.
    pub(crate) request: RequestProgram,
}

/// Where tokens are kept.
#[derive(Debug)]
pub(crate) struct PoolProgram {
    /// Whose tokens they are: the way to authenticate, with its scenario if they are not shared.
    pub(crate) owner: String,
    /// What precedes a token in its header.
    pub(crate) prefix: String,
    pub(crate) shared: Option<u32>,
    pub(crate) refresh_before_ns: u64,
    pub(crate) seed: u64,
}

/// Index of a request in its scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId(u32);

impl RequestId {
    /// The id of the request at this place. A plan of 2^32 requests does not fit in memory.
    fn of(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// Its place in [`ScenarioProgram::requests`].
    #[inline]
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Index in [`ScenarioProgram::auths`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AuthId(pub(crate) u16);

/// A request of the plan.
#[derive(Debug)]
pub(crate) struct RequestProgram {
    pub(crate) envelope: Envelope,
    pub(crate) encoded: Encoded,
    pub(crate) looks: Looks,
}

/// A request ready to be rendered.
#[derive(Debug)]
pub(crate) struct Encoded {
    /// Where it leads, if its URL begins with a variable. Its origin is that of the scenario then, and the target in
    /// `head` a stopgap.
    pub(crate) link: Option<LinkProgram>,
    /// As HTTP/1.1 writes it, with all headers that are known when the plan is compiled.
    pub(crate) http1: Encoding,
    /// The value of its own `Cookie` header, where users keep cookies; the head is without it then.
    pub(crate) cookie: Option<Template>,
    pub(crate) body: Option<Template>,
}

/// What is looked at in the responses to a request.
#[derive(Debug)]
pub(crate) struct Looks {
    pub(crate) checks: Box<[(CheckId, CompiledCheck)]>,
    pub(crate) extracts: Box<[CompiledExtract]>,
    /// Whether they are looked at: by checks, extracts, or because all must be shown.
    pub(crate) is_looked_at: bool,
}

impl RequestProgram {
    /// As it is sent.
    #[inline]
    pub(crate) fn outgoing(&self) -> Outgoing<'_> {
        Outgoing { envelope: &self.envelope, whole: self.encoded.http1.whole() }
    }
}

/// A URL that begins with a variable.
#[derive(Debug)]
pub(crate) struct LinkProgram {
    /// Index in [`ScenarioProgram::links`].
    pub(crate) variable: usize,
    pub(crate) slot: Slot,
    /// Renders the reference to resolve.
    pub(crate) reference: Template,
    /// The path of the scenario's base URL, without a slash at its end.
    pub(crate) base: Template,
    /// Further query parameters, `a=1&b=2`.
    pub(crate) query: Template,
    /// A query parameter that authenticates.
    pub(crate) key: Option<Template>,
}

impl Program {
    /// Checks a plan and makes it ready.
    pub(crate) fn new(plan: &Plan) -> Result<Self, Vec<Problem>> {
        compiler::compile(plan)
    }

    /// Carries on a share from this offset from the run's start, which another worker has begun. Users begin again, with
    /// values that those before them have not drawn; arrivals keep theirs, since each is served once.
    pub(crate) fn carry_on(&mut self, begins_ns: u64) {
        self.begins_ns = begins_ns;
        self.seed_of_users = Random::new(self.seed, "carried on", begins_ns).next_u64();
        for scenario in &mut self.scenarios {
            if !matches!(scenario.load, LoadProgram::Arrivals { .. }) {
                scenario.seed = Random::new(scenario.seed, "carried on", begins_ns).next_u64();
            }
        }
    }

    /// The tables, with what is planned for one share.
    pub(crate) fn tables_of(&self, share: Share) -> Tables {
        let mut tables = self.tables.clone();
        for (info, scenario) in tables.scenarios.iter_mut().zip(&self.scenarios) {
            info.users = scenario.load.users_of(share);
            info.planned_iterations = scenario.load.iterations_of(share);
        }
        tables
    }

    /// The feeders that deal their rows one after the other, with the rows of one share.
    pub(crate) fn feeders_of(&self, share: Share) -> Vec<FeederInfo> {
        let dealt =
            |feeder: &FeederProgram| matches!(feeder.feeder.order, plan::Order::Sequential | plan::Order::Shuffled);
        let info = |(index, feeder): (usize, &FeederProgram)| FeederInfo {
            name: feeder.feeder.name.clone(),
            rows: self.dealing(index, share).map_or(0, |share| share.part(feeder.table.rows() as u64)),
            scenarios: self.drawing(index).map(|scenario| scenario.name.clone()).collect(),
        };
        self.feeders.iter().enumerate().filter(|(_, feeder)| dealt(feeder)).map(info).collect()
    }

    /// What deals the rows of each feeder to the users of one share.
    pub(crate) fn dealers_of(&self, share: Share) -> Vec<Dealer> {
        let dealer = |(index, feeder): (usize, &FeederProgram)| feeder.dealer(self.dealing(index, share), self.seed);
        self.feeders.iter().enumerate().map(dealer).collect()
    }

    /// The share of a feeder's rows that one share deals out, which goes by the scenario with the most users.
    fn dealing(&self, feeder: usize, share: Share) -> Option<Share> {
        let taking = self.drawing(feeder).filter_map(|scenario| scenario.load.taking(share));
        taking.max_by_key(|taking| taking.count())
    }

    /// The scenarios whose users draw from a feeder.
    fn drawing(&self, feeder: usize) -> impl Iterator<Item = &ScenarioProgram> {
        self.scenarios.iter().filter(move |scenario| scenario.feeds.iter().any(|(fed, _)| *fed == feeder))
    }

    /// Most connections one share may hold open: one for each user and origin of its scenario.
    pub(crate) fn connections_of(&self, share: Share) -> u64 {
        let of = |scenario: &ScenarioProgram| {
            let mut origins: Vec<u16> = scenario.requests.iter().map(|request| request.envelope.origin.0).collect();
            origins.extend(
                scenario
                    .auths
                    .iter()
                    .filter_map(|auth| auth.token.as_ref())
                    .map(|token| token.request.envelope.origin.0),
            );
            origins.sort_unstable();
            origins.dedup();
            u64::from(scenario.load.users_of(share)) * origins.len() as u64
        };
        self.scenarios.iter().map(of).sum()
    }
}
