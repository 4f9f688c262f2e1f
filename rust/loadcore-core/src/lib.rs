//! The loadcore engine.
pub mod plan;
pub mod random;
pub mod record;
pub mod schedule;
