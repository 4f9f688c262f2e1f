//! The loadcore engine.
#![forbid(unsafe_code)]

pub mod aggregate;
mod auth;
mod block;
pub mod clock;
mod content;
mod cookies;
pub mod driver;
pub mod engine;
pub mod error;
pub mod exchange;
mod executor;
mod feeder;
pub mod health;
pub mod http;
mod json;
pub mod plan;
mod program;
pub mod random;
pub mod record;
pub mod recorder;
pub mod sample;
pub mod schedule;
mod step;
mod timer;
mod transport;
mod user;
