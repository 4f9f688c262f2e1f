//! The engine against real sockets on loopback: every way a server can misbehave, and the required result.

#![expect(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
#![expect(clippy::print_stdout, reason = "figures of the suite")]

mod behaviours;
mod compressed;
mod connecting;
mod endless;
mod hints;
mod idle;
mod names;
mod redirects;
mod samples;
mod sending;
mod support;
mod tls;
