//! Logins that are not OAuth 2.0: where in the response of the user's own request the token is.

use serde_json::{Map, Value};

use super::reason;
use super::response::{Granted, Refusal, SECOND_NS, TokenAnswer, lifetime_of_jwt, nanoseconds, without_mark};
use crate::plan::{Extract, ExtractFrom, Login};
use crate::random::Random;
use crate::step::{CompiledExtract, Extracted, Names, Response, RuleProblem, Variables, Wanted};

/// More seconds than any token lives: such a number is a time since 1970.
const LONGEST_LIFE_NS: u64 = 1_000_000_000 * SECOND_NS;

/// What is read of the response to a login.
#[derive(Debug)]
pub(crate) struct LoginAnswer {
    /// Of the two values alone: users do not see them.
    names: Names,
    token: CompiledExtract,
    expires_in: Option<CompiledExtract>,
    lifetime_ns: Option<u64>,
    /// Where the token is, in words.
    place: String,
    prefix: String,
}

impl LoginAnswer {
    pub(super) fn compile(login: &Login) -> Result<Self, RuleProblem> {
        let (mut names, mut wanted) = (Names::new(), Wanted::default());
        let mut extract = |variable: &str, from: &ExtractFrom| {
            let extract = Extract { variable: variable.to_owned(), from: from.clone(), default: None, optional: false };
            CompiledExtract::compile(&extract, &mut names, &mut wanted)
        };
        let token = extract("token", &login.token)?;
        let expires_in = login.expires_in.as_ref().map(|from| extract("expires_in", from)).transpose()?;
        let place = match &login.token {
            ExtractFrom::Header { name } => format!("header {name}"),
            ExtractFrom::Json { path, .. } => format!("value at {path}"),
            ExtractFrom::Regex { pattern } => format!("match of /{pattern}/"),
        };
        Ok(Self { names, token, expires_in, lifetime_ns: login.lifetime_ns, place, prefix: login.prefix.clone() })
    }

    /// The token in an answer that the login expects.
    pub(crate) fn read(&self, answer: &TokenAnswer<'_>) -> Result<Granted, Refusal> {
        let body = without_mark(answer.body);
        let object: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
        if !answer.is_expected {
            return Err(answer.refused(object.as_ref()));
        }
        let token = self.value(&self.token, answer, body).filter(|token| !token.trim().is_empty());
        let Some(token) = token else {
            return Err(answer.refusal(reason::of_no_value(&self.place, answer, object.as_ref())));
        };
        let access_token = answer.sendable("token", &token, &self.prefix)?;
        let said = self.expires_in.as_ref().and_then(|extract| self.value(extract, answer, body));
        let said_ns = said.and_then(|seconds| nanoseconds(&Value::String(seconds)));
        let expires_in_ns = said_ns
            .map(|ns| if ns > LONGEST_LIFE_NS { ns.saturating_sub(answer.unix_ns) } else { ns })
            .or(self.lifetime_ns)
            .or_else(|| lifetime_of_jwt(&access_token, answer.unix_ns));
        Ok(Granted { access_token, expires_in_ns, refresh_token: None })
    }

    fn value(&self, extract: &CompiledExtract, answer: &TokenAnswer<'_>, body: &[u8]) -> Option<String> {
        let mut variables = Variables::new(&self.names);
        let response = Response {
            status: answer.status,
            headers: answer.headers,
            body,
            unreadable: answer.unreadable,
            body_bytes: answer.body_bytes,
            service_ns: 0,
        };
        let found = extract.apply(&response, &mut variables, &mut Random::new(0, "login", 0)) == Extracted::Found;
        variables.get(extract.slot()).filter(|_| found).and_then(|value| String::from_utf8(value.to_vec()).ok())
    }
}
