//! stub
use super::*;
#[derive(Debug)]
pub(crate) struct TokenProgram { pub(crate) scenario: ScenarioId, pub(crate) origin: u16 }
#[derive(Debug, Default)]
pub(super) struct AuthUse { pub(super) header: Option<Template>, pub(super) query: Option<(String, Template)>, pub(super) kind: Option<AuthKind> }
impl compiler::ScenarioCompiler<'_, '_> { pub(super) fn auth(&mut self, _: &plan::Request) -> AuthUse { AuthUse::default() } }
