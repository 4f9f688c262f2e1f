//! Tokens: who has one, when it is refreshed, and who fetches.
//!
//! A slot holds the token of one user, or of all users that share it:
//!
//! | the slot has | and | [`Pool::acquire`] says |
//! |---|---|---|
//! | a token that is good | it is not due for a refresh, or a fetch is under way | `Token` |
//! | a token that is good | it is due for a refresh and no back-off is on | `Fetch`: the asker refreshes, others
//! continue with the old one | | no good token | a fetch is under way | `Wait`, until the fetch has ended |
//! | no good token | a back-off is on | `Failed`, until then |
//! | no good token | neither | `Fetch` |
//!
//! A `Fetch` ends with exactly one of [`Pool::fetched`], [`Pool::failed`] and [`Pool::abandoned`]; then the caller
//! wakes those that wait for the slot, and they ask again.

use std::fmt;

use super::grant::How;
use super::response::{Granted, Refusal};
use crate::random::Random;
use crate::schedule::Share;

/// Back-off after the first failure; it doubles with each further one.
const FIRST_BACK_OFF_NS: u64 = 1_000_000_000;
const LONGEST_BACK_OFF_NS: u64 = 30_000_000_000;

/// A token that was fetched because the one before was rejected, and is rejected within this time itself, is not the
/// reason of the rejection.
const TRUST_NS: u64 = 10_000_000_000;

/// The tokens of one worker for one way to authenticate.
#[derive(Debug)]
pub(crate) struct Pool {
    slots: Vec<State>,
    shared: Option<usize>,
    share: Share,
    refresh_before_ns: u64,
    /// What precedes a token in its header.
    prefix: Box<str>,
    seed: u64,
}

/// Which token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenSlot(usize);

/// A token that may be used now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// Its slot.
    pub slot: TokenSlot,
    /// Which of the slot's tokens it is; [`Pool::rejected`] wants to know.
    pub generation: u32,
    /// The value of the header that it is sent in.
    pub value: &'a [u8],
}

/// A token request that the asker is to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fetch {
    /// The slot it is for.
    pub slot: TokenSlot,
    /// What to ask with.
    pub how: How,
}

/// What an asker gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Acquired<'a> {
    /// A token.
    Token(Token<'a>),
    /// Nothing yet: the asker must make this request and report the result.
    Fetch(Fetch),
    /// Nothing yet: another one is fetching. Ask again when that has ended.
    Wait(TokenSlot),
    /// Nothing before this time: the last fetch failed.
    Failed {
        /// When a fetch will be tried again.
        retry_at_ns: u64,
        /// Whether the server itself said when to come again.
        is_invited: bool,
        /// Why the last one failed.
        reason: &'a str,
    },
}

/// What to do after a 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// Ask for a token and send the request once more.
    Retry,
    /// The answer stands: a new token would be rejected too.
    Stands,
}

#[derive(Default)]
struct State {
    token: Option<PooledToken>,
    refresh_token: Option<Box<str>>,
    fetching: Option<Fetching>,
    /// Counts the slot's tokens.
    generation: u32,
    /// Whether the last token was rejected, so that the next one is its replacement.
    rejected: bool,
    /// Failed fetches since the last token.
    failures: u32,
    retry_at_ns: u64,
    is_invited: bool,
    reason: Box<str>,
}

struct PooledToken {
    value: Box<[u8]>,
    /// `u64::MAX` if the server does not say.
    expires_at_ns: u64,
    refresh_at_ns: u64,
    fetched_at_ns: u64,
    /// Whether it took the place of one that was rejected.
    replacement: bool,
}

#[derive(Clone, Copy)]
struct Fetching {
    since_ns: u64,
    refresh: bool,
}

impl Pool {
    /// A worker's tokens: one for each user, or, of `shared` tokens of the whole run, the worker's part, and at least
    /// one. `prefix` begins the value of the header of each: `Bearer `. `seed` decides the jitter; ways to authenticate
    /// of one plan should have different ones.
    #[must_use]
    pub(crate) fn new(shared: Option<u32>, share: Share, refresh_before_ns: u64, prefix: &str, seed: u64) -> Self {
        let shared = shared.map(|tokens| share.users(tokens).max(1) as usize);
        Self { slots: Vec::new(), shared, share, refresh_before_ns, prefix: prefix.into(), seed }
    }

    /// Asks for a token for a user, by its number over all workers.
    pub(crate) fn acquire(&mut self, user: u32, now_ns: u64) -> Acquired<'_> {
        let slot = self.slot_of(user);
        if self.slots.len() <= slot.0 {
            self.slots.resize_with(slot.0 + 1, State::default);
        }
        let state = &mut self.slots[slot.0];
        let is_good = state.token.as_ref().is_some_and(|token| now_ns < token.expires_at_ns);
        let is_due = state.token.as_ref().is_none_or(|token| now_ns >= token.refresh_at_ns);
        let may_fetch = state.fetching.is_none() && now_ns >= state.retry_at_ns;
        if may_fetch && (is_due || !is_good) {
            return Acquired::Fetch(Fetch { slot, how: state.begin(now_ns) });
        }
        match &state.token {
            Some(token) if is_good => Acquired::Token(token.token(slot, state.generation)),
            _ if state.fetching.is_some() => Acquired::Wait(slot),
            _ => {
                Acquired::Failed { retry_at_ns: state.retry_at_ns, is_invited: state.is_invited, reason: &state.reason }
            }
        }
    }

    /// The user's token, if it has one that is good and not due for a refresh: what [`Pool::acquire`] would give,
    /// without beginning anything.
    #[must_use]
    pub(crate) fn kept(&self, user: u32, now_ns: u64) -> Option<Token<'_>> {
        let slot = self.slot_of(user);
        let state = self.slots.get(slot.0)?;
        let token = state.token.as_ref()?;
        (now_ns < token.refresh_at_ns.min(token.expires_at_ns)).then(|| token.token(slot, state.generation))
    }

    /// A fetch has brought an answer. The asker gets the token even if it is good for no time at all, for one request; or
    /// the reason why there is none. If a refresh token was refused, the next fetch is by the grant, and at once.
    pub(crate) fn fetched(
        &mut self,
        slot: TokenSlot,
        answer: Result<Granted, Refusal>,
        now_ns: u64,
    ) -> Result<Token<'_>, String> {
        let (seed, lead_ns) = (self.seed, self.refresh_before_ns);
        let Some(state) = self.slots.get_mut(slot.0) else { return Err(String::new()) };
        match answer {
            Ok(granted) => {
                let number = ((slot.0 as u64) << 32) | u64::from(state.generation);
                let jitter = Random::new(seed, "refresh", number).below(lead_ns / 4 + 1);
                Ok(state.hold(slot, granted, &self.prefix, lead_ns - jitter, now_ns))
            }
            Err(refusal) => {
                let fetching = state.fetching.take();
                if refusal.by_server && fetching.is_some_and(|fetching| fetching.refresh) {
                    state.refresh_token = None;
                } else {
                    let number = ((slot.0 as u64) << 32) | u64::from(state.failures);
                    state.back_off(&refusal, &mut Random::new(seed, "back-off", number), now_ns);
                }
                Err(refusal.reason)
            }
        }
    }

    /// A fetch has brought no answer (refused, timed out, broken off), for this reason.
    pub(crate) fn failed(&mut self, slot: TokenSlot, reason: &str, now_ns: u64) {
        let refusal = Refusal { reason: reason.to_owned(), ..Refusal::default() };
        let _ = self.fetched(slot, Err(refusal), now_ns);
    }

    /// A fetch was given up before it ended, because its user stopped: as if it had never begun.
    pub(crate) fn abandoned(&mut self, slot: TokenSlot) {
        if let Some(state) = self.slots.get_mut(slot.0) {
            state.fetching = None;
        }
    }

    /// A request with this token got a 401. However many requests say so, a token is replaced once; and a replacement that
    /// is rejected at once is not replaced again, so that an API that rejects everything does not make a storm of token
    /// requests.
    pub(crate) fn rejected(&mut self, slot: TokenSlot, generation: u32, now_ns: u64) -> Rejected {
        let Some(state) = self.slots.get_mut(slot.0) else { return Rejected::Stands };
        if state.generation != generation {
            return Rejected::Retry;
        }
        match &state.token {
            Some(token) if token.replacement && now_ns < token.fetched_at_ns.saturating_add(TRUST_NS) => {
                Rejected::Stands
            }
            Some(_) => {
                state.token = None;
                state.rejected = true;
                Rejected::Retry
            }
            None => Rejected::Retry,
        }
    }

    /// Why the last fetch for the user returned no token; empty if it did.
    #[must_use]
    pub(crate) fn reason(&self, user: u32) -> &str {
        self.slots.get(self.slot_of(user).0).map_or("", |state| &state.reason)
    }

    fn slot_of(&self, user: u32) -> TokenSlot {
        let local = (user / self.share.count()) as usize;
        TokenSlot(self.shared.map_or(local, |tokens| local % tokens))
    }
}

impl State {
    /// Begins a fetch and says what to ask with.
    fn begin(&mut self, now_ns: u64) -> How {
        let how = self.refresh_token.clone().map_or(How::Grant, How::Refresh);
        self.fetching = Some(Fetching { since_ns: now_ns, refresh: how != How::Grant });
        how
    }

    fn hold(
        &mut self,
        slot: TokenSlot,
        granted: Granted,
        prefix: &str,
        refresh_before_ns: u64,
        now_ns: u64,
    ) -> Token<'_> {
        // The server counts from some time after the request was sent, so that is the safe side.
        let since_ns = self.fetching.take().map_or(now_ns, |fetching| fetching.since_ns);
        let lifetime_ns = granted.expires_in_ns.unwrap_or(u64::MAX);
        let expires_at_ns = since_ns.saturating_add(lifetime_ns);
        // A token that lives shorter than twice the lead would be refreshed all the time.
        let lead_ns = refresh_before_ns.min(lifetime_ns / 2);
        let refresh_at_ns = if expires_at_ns == u64::MAX { u64::MAX } else { expires_at_ns - lead_ns };
        if let Some(refresh_token) = granted.refresh_token {
            // Without a new one, the old one stays good (RFC 6749 section 6).
            self.refresh_token = Some(refresh_token.into());
        }
        self.generation = self.generation.wrapping_add(1);
        (self.failures, self.retry_at_ns) = (0, 0);
        let replacement = std::mem::take(&mut self.rejected);
        let value = [prefix, &granted.access_token].concat().into_bytes().into();
        let held = PooledToken { value, expires_at_ns, refresh_at_ns, fetched_at_ns: now_ns, replacement };
        self.token.insert(held).token(slot, self.generation)
    }

    /// Waits before the next fetch: as long as the server says, or twice as long each time; and a random quarter more,
    /// so that users whose fetches failed together do not come again together.
    fn back_off(&mut self, refusal: &Refusal, random: &mut Random, now_ns: u64) {
        let wait_ns = refusal.retry_after_ns.unwrap_or(FIRST_BACK_OFF_NS << self.failures.min(10));
        let wait_ns = wait_ns.clamp(FIRST_BACK_OFF_NS, LONGEST_BACK_OFF_NS);
        self.failures += 1;
        self.retry_at_ns = now_ns.saturating_add(wait_ns + random.below(wait_ns / 4));
        self.is_invited = refusal.retry_after_ns.is_some();
        self.reason = (*refusal.reason).into();
    }
}

impl PooledToken {
    fn token(&self, slot: TokenSlot, generation: u32) -> Token<'_> {
        Token { slot, generation, value: &self.value }
    }
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Token({:?}, generation {})", self.slot, self.generation)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (token, fetching) = (self.token.is_some(), self.fetching.is_some());
        write!(formatter, "State(token: {token}, fetching: {fetching}, failures: {})", self.failures)
    }
}

#[cfg(test)]
mod tests;
