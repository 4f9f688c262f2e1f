//! The loadcore engine.
pub mod aggregate;
pub mod engine;
pub mod error;
pub mod h1;
pub mod health;
pub mod plan;
pub mod random;
pub mod record;
pub mod schedule;
pub mod step;
