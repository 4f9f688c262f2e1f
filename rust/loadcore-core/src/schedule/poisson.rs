//! Positions of a Poisson process of rate 1.
//!
//! A Poisson process of any rate, constant or not, is the process of rate 1 seen through the integral of that rate:
//! where even arrivals are at the positions 0, 1, 2 …, these are at sums of exponential gaps, and the same inverse
//! turns both into times.

use super::{ONE, Position};
use crate::random::Random;

/// Ascending positions with independent exponential gaps of mean 1. The same seed gives the same positions on every
/// worker, which is how each of them knows its own without asking.
#[derive(Debug, Clone)]
pub(super) struct UnitProcess {
    random: Random,
    position: Position,
}

impl UnitProcess {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: Random::new(seed, "poisson", 0), position: 0 }
    }

    /// The next position.
    pub(super) fn next_position(&mut self) -> Position {
        #[expect(clippy::cast_precision_loss, reason = "2^64 is a power of two")]
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a gap is between 0 and 37")]
        let gap = (self.random.exponential() * ONE as f64) as Position;
        self.position = self.position.saturating_add(gap);
        self.position
    }
}
