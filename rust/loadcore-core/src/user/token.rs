//! stub
use super::User;
use super::send::{Answer, NoAnswer};
use super::worker::OriginId;
use crate::program::{AuthId, RequestProgram, ScenarioProgram};
use crate::record::Outcome;
use crate::transport::Transport;

pub(super) struct Token;
impl Token {
    pub(super) fn append_header(&self, _: &mut Vec<u8>) {}
}

impl<T: Transport> User<T> {
    pub(super) async fn token(&mut self, _: &ScenarioProgram, _: AuthId, _: &RequestProgram, due: u64) -> Result<(Token, u64), NoAnswer> { Ok((Token, due)) }
    pub(super) async fn replace_token(&mut self, _: &ScenarioProgram, _: AuthId, _: &RequestProgram, token: Token, due: u64) -> Result<(Token, u64), NoAnswer> { Ok((token, due)) }
    pub(super) fn append_cookies(&self, _: OriginId, _: &str, _: &mut Vec<u8>) {}
    pub(super) fn store_cookies(&mut self, _: OriginId, _: &str, _: &Answer) {}
    pub(super) fn refuse(&self, _: &ScenarioProgram, _: &RequestProgram, due: u64, outcome: Outcome) -> NoAnswer { NoAnswer { outcome, ended_ns: due } }
}
