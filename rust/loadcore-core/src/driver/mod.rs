//! Drivers: who decides what a user does next. A user asks its driver for the next request, sends it, and asks again.
//!
//! - [`flow`] walks the compiled steps of a scenario;
//! - [`script`] obeys a program that runs beside the engine, and makes its requests while it runs;
//! - [`crossing`] is the way to such a program on a thread of its own.

mod bell;
mod continuing;
pub mod crossing;
pub(crate) mod flow;
pub mod script;
