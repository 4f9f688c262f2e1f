//! What the code of users sees of the engine: the crossing of a worker, the users, their calls and turns.
//!
//! All of it is used by one thread, the one that runs user code, with the GIL. The engine's thread never takes that: it sees
//! the other side of the crossing, which is [`loadcore_core::driver::crossing`].

mod call;
mod crossing;
mod current;
mod forms;
mod future;
mod pool;
mod prepared;
mod runner;
mod streamed;
mod tally;
mod user;

pub(crate) use call::Call;
pub(crate) use crossing::Crossing;
pub(crate) use future::Future;
pub(crate) use prepared::Prepared;
pub(crate) use runner::Runner;
pub(crate) use streamed::StreamedCall;
pub(crate) use tally::Tally;
pub(crate) use user::{ScriptUser, Turn};
