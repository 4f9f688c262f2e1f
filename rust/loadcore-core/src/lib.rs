//! The loadcore engine.
pub mod plan;
pub mod record;
