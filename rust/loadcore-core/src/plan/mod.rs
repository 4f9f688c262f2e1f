//! The plan: what a run is to do, as data.
//!
//! A plan is JSON, written by the Python compiler and read here. These types give it a shape and nothing else: whether
//! the shape makes sense is for [`crate::program`] to say, which reports every problem at once.
//!
//! Conventions: durations are whole nanoseconds in fields named `*_ns`; every string that may hold `{slots}` has the
//! type [`Template`]; `at` is the place in the user's file (`"checkout.py:12"`) that a problem is reported for.

mod auth;
mod feeder;
mod http;
mod literal;
mod load;
mod step;

pub use auth::{Auth, AuthKind, Client, ClientPlace, Grant, KeyPlace, Login, OAuth2, Secret};
pub use feeder::{AtEnd, Feeder, Order, Source};
pub use http::{Cookies, Http, Limits, Reuse, Timeouts, Tls, TlsResumption, UpstreamHeader, Version};
pub use literal::Literal;
pub use load::{Arrivals, IterationScope, Load, Rate, RateStage, UserStage};
pub use step::{
    Body, Branch, Check, CheckKind, Choice, Comparison, Extract, ExtractFrom, Group, Part, Pick, Repeat, Request,
    ScriptStep, Step, Test, Think,
};

use serde::{Deserialize, Serialize};

/// The plan version that this engine reads.
pub const VERSION: u32 = 1;

/// How deep steps may be nested. What is nested deeper was not written by hand.
pub const MAX_DEPTH: usize = 32;

/// How many redirects of a request may be followed.
pub const MAX_REDIRECTS: u8 = 10;

/// Text with `{name}` slots, not yet parsed. See [`crate::step`] for the grammar.
pub type Template = String;

/// A whole run.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Always [`VERSION`]; another number is refused.
    pub version: u32,
    /// What the run is called in reports: the file's name, or the scenario's.
    pub name: String,
    /// Where every random choice of the run comes from.
    pub seed: u64,
    /// Records due before this offset carry the phase `warm_up` and stay out of the summary. Null: a script says when the
    /// warm-up ends.
    #[serde(default = "no_warm_up")]
    pub warm_up_ns: Option<u64>,
    /// From the planned end of a scenario: how long running iterations may continue before they are interrupted.
    pub graceful_stop_ns: u64,
    /// Which requests are kept to be shown, as [`crate::sample`] says.
    #[serde(default)]
    pub samples: Samples,
    /// How this run speaks HTTP.
    pub http: Http,
    /// Where rows of test data come from.
    #[serde(default)]
    pub feeders: Vec<Feeder>,
    /// The ways to authenticate that steps refer to by name.
    #[serde(default)]
    pub auth: Vec<Auth>,
    /// Code that steps leave iterations to. What it is, only those know who run it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scripts: Vec<serde_json::Value>,
    /// What runs, side by side.
    pub scenarios: Vec<Scenario>,
}

#[expect(clippy::unnecessary_wraps, reason = "the type of the field")]
fn no_warm_up() -> Option<u64> {
    Some(0)
}

/// Which requests are kept to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Samples {
    /// One for each kind of failure.
    #[default]
    Failures,
    /// All, up to 256: for trying a plan once.
    Everything,
}

/// One flow and the load it is put under.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Unique in the plan.
    pub name: String,
    /// What relative request URLs are joined to: `http://host:port` or `https://…`, with an optional path prefix.
    pub base_url: String,
    /// How load is offered.
    pub load: Load,
    /// Offset of this scenario's start from the run's start.
    #[serde(default)]
    pub start_after_ns: u64,
    /// Least distance between the starts of two iterations of one user (closed models only).
    #[serde(default)]
    pub pacing: Option<Think>,
    /// Sent with every request of the scenario; a request's own header of that name wins.
    #[serde(default)]
    pub headers: Vec<(String, Template)>,
    /// Name of an entry of [`Plan::auth`] used by every request that names none itself.
    #[serde(default)]
    pub auth: Option<String>,
    /// Names of the feeders that give this scenario's users their variables, a new row for each iteration.
    #[serde(default)]
    pub feeders: Vec<String>,
    /// Walked once by every user before its first iteration. A user whose start fails is lost: it never iterates.
    #[serde(default)]
    pub on_start: Vec<Step>,
    /// Walked once by every user that iterated, after its last iteration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_stop: Vec<Step>,
    /// One iteration.
    pub steps: Vec<Step>,
    /// Whether a script decides iterations during the run: there are no steps then. See
    /// [`crate::driver::script`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub script: bool,
    /// Place in the user's file.
    #[serde(default)]
    pub at: Option<String>,
}

impl Scenario {
    /// Whether code beside the engine does any of its iterations, or a part of them.
    #[must_use]
    pub fn has_script(&self) -> bool {
        self.script || [&self.on_start, &self.steps].into_iter().flatten().any(Step::has_script)
    }
}
