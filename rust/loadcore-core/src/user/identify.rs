//! Who a user says it is: credentials that are known only when a request is sent.

use super::User;
use crate::auth::{CompiledAuth, Credential, Token, TokenSlot, TokenSource};
use crate::exchange::Stack;
use crate::program::{AuthProgram, Envelope, ScenarioProgram, TokenProgram};
use crate::step::RenderError;

/// What a request is sent with.
pub(super) enum Identity {
    /// Nothing that is not in its template.
    Anonymous,
    /// A token at hand.
    Token(TokenRef),
    /// A token that has to be got first.
    NoToken,
}

/// How a request gets its token.
pub(super) struct TokenAccess<'a> {
    pub(super) source: &'a TokenSource,
    pub(super) token: &'a TokenProgram,
}

/// Which token a request was sent with.
#[derive(Debug, Clone, Copy)]
pub(super) struct TokenRef {
    pub(super) slot: TokenSlot,
    pub(super) generation: u32,
}

impl TokenRef {
    /// Makes the token what authenticates the request.
    pub(super) fn take(token: &Token<'_>, credential: &mut Vec<u8>) -> Self {
        credential.clear();
        credential.extend_from_slice(token.value);
        Self { slot: token.slot, generation: token.generation }
    }
}

impl<T: Stack> User<T> {
    /// Finds what authenticates a request, if it can be known at once.
    pub(super) fn identify(
        &mut self,
        scenario: &ScenarioProgram,
        envelope: &Envelope,
    ) -> Result<Identity, RenderError> {
        self.lane.credential.clear();
        let Some(id) = envelope.auth else { return Ok(Identity::Anonymous) };
        if let Some(access) = Self::token_access(scenario, envelope) {
            let pool = self.worker.pools[access.token.pool].pool.borrow();
            return Ok(match pool.kept(self.state.number, self.worker.timer.recent()) {
                Some(token) => Identity::Token(TokenRef::take(&token, &mut self.lane.credential)),
                None => Identity::NoToken,
            });
        }
        if let CompiledAuth::Header { value, .. } = &scenario.auths[usize::from(id.0)].compiled {
            self.render_credential(value)?;
        }
        Ok(Identity::Anonymous)
    }

    /// Makes this what authenticates the request.
    pub(super) fn render_credential(&mut self, value: &Credential) -> Result<(), RenderError> {
        let mut credential = std::mem::take(&mut self.lane.credential);
        credential.clear();
        let rendered = self.with_builtins(|variables, builtins, _| value.render(variables, builtins, &mut credential));
        self.lane.credential = credential;
        rendered
    }

    /// How the request gets a token, if it needs one.
    pub(super) fn token_access<'a>(scenario: &'a ScenarioProgram, envelope: &Envelope) -> Option<TokenAccess<'a>> {
        match &scenario.auths[usize::from(envelope.auth?.0)] {
            AuthProgram { compiled: CompiledAuth::Token(source), token: Some(token) } => {
                Some(TokenAccess { source, token })
            }
            _ => None,
        }
    }
}
