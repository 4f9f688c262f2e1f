//! The loadcore engine.
#![forbid(unsafe_code)]

pub mod aggregate;
pub mod auth;
mod block;
pub mod clock;
mod content;
pub mod cookies;
pub mod driver;
pub mod engine;
pub mod error;
pub mod exchange;
mod executor;
pub mod feeder;
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
pub mod step;
pub mod timer;
pub mod transport;
mod user;
