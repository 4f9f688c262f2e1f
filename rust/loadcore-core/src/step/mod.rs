//! Steps: what is made ready when the plan is compiled, and worked with for each request.
//!
//! Strings of a plan may hold slots:
//!
//! | written | means |
//! |---|---|
//! | `{name}` | the value of the user's variable `name`, escaped for its position |
//! | `{name:raw}` | in a URL: the value without percent-encoding |
//! | `{name:json}` | as a whole string of a JSON body: the value as JSON text, so that `12` stays a number |
//! | `{$uuid}` | a random UUID (version 4) |
//! | `{$counter}` | 0, 1, 2 …: no number comes twice in a run |
//! | `{$now}`, `{$now_ms}` | the time in UTC as RFC 3339, or in milliseconds since 1970 |
//! | `{$random(1,6)}` | a random whole number, both ends included |
//! | `{$user}`, `{$iteration}` | the user's number over all workers, and its iteration, both from 0 |
//! | `{$env.NAME}` | what the environment variable `NAME` holds when the run starts: a secret |
//! | `{{`, `}}` | `{` and `}` |

mod body;
mod builtins;
mod check;
mod compare;
mod encode;
mod extract;
mod jsonpath;
mod number;
mod response;
mod template;
mod variables;

pub(crate) use body::compile_body;
pub(crate) use builtins::{Builtins, Counter};
pub(crate) use check::{CompiledCheck, RuleProblem};
pub(crate) use compare::{CompiledComparison, Operand};
pub(crate) use encode::append_url_text;
pub(crate) use encode::{append_form_value, forbidden_in_head};
pub(crate) use extract::{CompiledExtract, Extracted};
pub(crate) use jsonpath::find_json;
pub(crate) use response::{Evaluation, Headers, Response, Scratch, Unreadable, Wanted};
pub(crate) use template::{Context, RenderError, Template, TemplateBuilder, TemplateProblem};
pub(crate) use template::{environment_variables, leading_variable};
pub(crate) use variables::{Names, Slot, Variables};
