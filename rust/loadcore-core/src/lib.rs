//! The loadcore engine.
#![forbid(unsafe_code)]

pub mod aggregate;
pub mod clock;
pub mod engine;
pub mod error;
pub mod feeder;
pub mod h1;
pub mod health;
pub mod plan;
pub mod random;
pub mod record;
pub mod schedule;
pub mod step;
pub mod timer;
pub mod transport;
