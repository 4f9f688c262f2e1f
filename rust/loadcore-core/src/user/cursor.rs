//! Where a user is in its work: which step of which iteration, and when that is due.

use super::allowance::Allowance;
use super::drive::Current;
use crate::driver::flow::Walk;
use crate::record::Phase;

/// The place of a user in its flow, and its times.
#[derive(Debug)]
pub(super) struct Cursor {
    pub(super) walk: Walk,
    /// The request step it is at.
    pub(super) current: Option<Current>,
    /// When what it does now, or does next, is due.
    pub(super) due_ns: u64,
    /// When its iteration was due.
    pub(super) iteration_due_ns: u64,
    /// Which part of the run its iteration belongs to.
    pub(super) phase: Phase,
    /// Whether the next iteration's rows have been drawn already.
    pub(super) fed: bool,
    /// Failed iterations in a row.
    pub(super) failures: u32,
    /// What it may begin by itself.
    pub(super) allowance: Allowance,
}

impl Default for Cursor {
    fn default() -> Self {
        Self {
            walk: Walk::default(),
            current: None,
            due_ns: 0,
            iteration_due_ns: 0,
            phase: Phase::WarmUp,
            fed: false,
            failures: 0,
            allowance: Allowance::default(),
        }
    }
}
