//! The loadcore engine.
pub mod h1;
pub mod plan;
pub mod random;
pub mod record;
pub mod schedule;
pub mod step;
