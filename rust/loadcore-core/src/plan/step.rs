//! Steps: what one iteration does.

use serde::{Deserialize, Serialize};

use super::{Literal, Template, Timeouts};

/// One node of a flow.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Step {
    /// Send a request, receive its response, check it, take values from it.
    Request(Box<Request>),
    /// Pause.
    Think(Think),
    /// Steps whose time together is of interest, under one name.
    Group(Group),
    /// One of several lists of steps, by weight.
    Choice(Choice),
    /// The same steps several times.
    Repeat(Repeat),
    /// One list of steps or another, by a variable.
    Branch(Branch),
    /// Code of the user's own, which runs beside the engine.
    Script(ScriptStep),
}

impl Step {
    /// Whether code beside the engine does it, or a part of it.
    #[must_use]
    pub fn has_script(&self) -> bool {
        let any = |steps: &[Self]| steps.iter().any(Self::has_script);
        match self {
            Self::Script(_) => true,
            Self::Request(_) | Self::Think(_) => false,
            Self::Group(group) => any(&group.steps),
            Self::Choice(choice) => choice.options.iter().any(|(_, steps)| any(steps)),
            Self::Repeat(repeat) => any(&repeat.steps),
            Self::Branch(branch) => any(&branch.then) || any(&branch.otherwise),
        }
    }
}

/// What code does until it says that it is done. See [`crate::driver::script`].
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptStep {
    /// Its place in [`super::Plan::scripts`].
    pub script: u32,
    /// What it is called.
    pub name: String,
    /// Place in the user's file.
    #[serde(default)]
    pub at: Option<String>,
}

/// One exchange with the target.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The step's name in results. Requests of one scenario that share a name are counted together.
    pub name: String,
    /// The method, in capitals.
    pub method: String,
    /// Path and query, relative to the scenario's base URL, or an absolute URL.
    pub url: Template,
    /// Further query parameters, percent-encoded when rendered.
    #[serde(default)]
    pub query: Vec<(String, Template)>,
    /// Headers; `Host`, `Content-Length`, `Content-Type` are added where they are missing and needed.
    #[serde(default)]
    pub headers: Vec<(String, Template)>,
    /// The body.
    #[serde(default)]
    pub body: Option<Body>,
    /// Name of an entry of the plan's `auth`; `None` uses the scenario's.
    #[serde(default)]
    pub auth: Option<String>,
    /// Send this request without authentication, whatever the scenario says.
    #[serde(default)]
    pub anonymous: bool,
    /// Status codes that are not errors, as inclusive ranges. Empty: 0 to 399.
    #[serde(default)]
    pub expect: Vec<(u16, u16)>,
    /// Claims about the response.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// Values taken from the response.
    #[serde(default)]
    pub extracts: Vec<Extract>,
    /// In place of the run's timeouts.
    #[serde(default)]
    pub timeouts: Option<Timeouts>,
    /// In place of the run's number of redirects.
    #[serde(default)]
    pub max_redirects: Option<u8>,
    /// Place in the user's file.
    #[serde(default)]
    pub at: Option<String>,
}

/// A request's body.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Body {
    /// `application/json`. Strings of the value are templates; what they render is escaped.
    Json {
        /// The value as JSON text, whose numbers are sent digit by digit.
        text: String,
    },
    /// `application/x-www-form-urlencoded`.
    Form {
        /// Names and values, percent-encoded when rendered.
        fields: Vec<(String, Template)>,
    },
    /// Text sent as it renders.
    Text {
        /// The text.
        text: Template,
        /// Its `Content-Type`, if one must be sent.
        #[serde(default)]
        content_type: Option<String>,
    },
    /// Bytes sent as they are: no slots.
    Bytes {
        /// The bytes in base64.
        base64: String,
        /// Their `Content-Type`, if one must be sent.
        #[serde(default)]
        content_type: Option<String>,
    },
    /// `multipart/form-data`.
    Multipart {
        /// Its parts.
        parts: Vec<Part>,
    },
}

/// A part of a multipart body.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// The file's name, if the part is a file.
    #[serde(default)]
    pub filename: Option<String>,
    /// The part's `Content-Type`, if one must be sent.
    #[serde(default)]
    pub content_type: Option<String>,
    /// The content as a template; exactly one of `text` and `base64` is given.
    #[serde(default)]
    pub text: Option<Template>,
    /// The content as bytes in base64.
    #[serde(default)]
    pub base64: Option<String>,
}

/// A claim about one response. It is counted by its name; it does not stop the iteration unless it says so.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// What is claimed, in words; the name in results.
    pub name: String,
    /// What is looked at. Nested, since serde cannot refuse unknown fields beside a flattened one.
    #[serde(rename = "claim")]
    pub kind: CheckKind,
    /// Whether the iteration ends when the claim does not hold.
    #[serde(default)]
    pub stop: bool,
}

/// What a check looks at.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CheckKind {
    /// The status code is in one of these inclusive ranges.
    Status {
        /// The ranges.
        ranges: Vec<(u16, u16)>,
    },
    /// A header is there, and compares as said if `compare` is given.
    Header {
        /// The header's name.
        header: String,
        /// How its value compares.
        #[serde(default)]
        compare: Option<Comparison>,
    },
    /// The value at a JSONPath is there and not `null`, or compares as said if `compare` is given.
    Json {
        /// A JSONPath (RFC 9535); of several values, the first.
        path: String,
        /// How the value compares.
        #[serde(default)]
        compare: Option<Comparison>,
    },
    /// The body contains this text.
    Contains {
        /// The text.
        text: String,
    },
    /// A regular expression matches somewhere in the body.
    Regex {
        /// The expression, in the syntax of the Rust `regex` crate: linear time, no look-around.
        pattern: String,
    },
    /// The body's size in bytes.
    Size {
        /// How it compares.
        compare: Comparison,
    },
    /// The service time, in nanoseconds.
    ServiceTime {
        /// How it compares.
        compare: Comparison,
    },
}

/// How a value compares. Numbers compare as numbers, all else as text.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// One of `==`, `!=`, `<`, `<=`, `>`, `>=`.
    pub operator: String,
    /// What it is compared with: a string (a template), number, boolean or null.
    pub value: Literal,
}

/// Takes a value from a response into a variable.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Extract {
    /// The variable's name.
    pub variable: String,
    /// Where the value is.
    pub from: ExtractFrom,
    /// The value when there is none. Without it a missing value ends the iteration as failed.
    #[serde(default)]
    pub default: Option<String>,
    /// The iteration continues without a value when there is none.
    #[serde(default)]
    pub optional: bool,
}

/// Where an extracted value is.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ExtractFrom {
    /// What is at a JSONPath (RFC 9535). Strings are taken without quotes, all else as JSON text; `null` is not a
    /// value.
    Json {
        /// The path.
        path: String,
        /// Which of several values.
        #[serde(default)]
        pick: Pick,
    },
    /// Capture group 1 of a regular expression, or the whole match where it has no group.
    Regex {
        /// The expression.
        pattern: String,
    },
    /// The first header of this name.
    Header {
        /// The name.
        name: String,
    },
}

/// Which of the values that a JSONPath names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// The first.
    #[default]
    First,
    /// Any that is not `null`, drawn by the user.
    Random,
    /// All of them, as a JSON array.
    All,
}

/// A pause. As a step: think time. As a scenario's pacing: the distance between iteration starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "distribution", rename_all = "snake_case", deny_unknown_fields)]
pub enum Think {
    /// Always as long.
    Constant {
        /// How long.
        ns: u64,
    },
    /// Any length between two, equally likely.
    Uniform {
        /// The shortest.
        min_ns: u64,
        /// The longest.
        max_ns: u64,
    },
    /// Exponential, cut at ten times the mean.
    Exponential {
        /// The mean before the cut.
        mean_ns: u64,
    },
}

/// Steps timed together.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The group's name in results.
    pub name: String,
    /// What it does.
    pub steps: Vec<Step>,
    /// Place in the user's file.
    #[serde(default)]
    pub at: Option<String>,
}

/// One of several lists of steps, by weight.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Weights (above 0) and what is done.
    pub options: Vec<(u32, Vec<Step>)>,
    /// The option that is taken in each iteration, in place of chance: for trying each once. The last one holds on.
    #[serde(default)]
    pub turns: Vec<u32>,
    /// Place in the user's file.
    #[serde(default)]
    pub at: Option<String>,
}

/// The same steps several times.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How often.
    pub times: u32,
    /// What is repeated.
    pub steps: Vec<Step>,
    /// Place in the user's file.
    #[serde(default)]
    pub at: Option<String>,
}

/// One list of steps or another, by a variable.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// The variable that decides.
    pub variable: String,
    /// What is asked of it.
    pub test: Test,
    /// Done if the test holds.
    pub then: Vec<Step>,
    /// Done if it does not.
    #[serde(default)]
    pub otherwise: Vec<Step>,
    /// Place in the user's file.
    #[serde(default)]
    pub at: Option<String>,
}

/// What a branch asks of its variable.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// It has a value.
    Exists,
    /// Its value compares as said.
    Compare(Comparison),
}
