//! A constant rate.

use super::{Position, ScheduleProblem, whole_and_fraction};
use crate::plan::Rate;

/// `count` arrivals every `per_ns`, for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Constant {
    count: u64,
    per_ns: u64,
    duration_ns: u64,
}

impl Constant {
    pub(super) fn new(rate: Rate, duration_ns: u64) -> Result<Self, ScheduleProblem> {
        super::check_rate(rate)?;
        if rate.count == 0 {
            return Err(ScheduleProblem::NoArrivals);
        }
        Ok(Self { count: rate.count, per_ns: rate.per_ns, duration_ns: super::check_duration(duration_ns)? })
    }

    pub(super) const fn end_ns(&self) -> u64 {
        self.duration_ns
    }

    /// Arrivals that are due before the end, the one at 0 included.
    pub(super) fn total(&self) -> u64 {
        let arrivals = (u128::from(self.duration_ns) * u128::from(self.count)).div_ceil(u128::from(self.per_ns));
        u64::try_from(arrivals).unwrap_or(u64::MAX)
    }

    /// When the schedule gets to this position, rounded down to a whole nanosecond; `None` at the end and after it.
    /// Integer arithmetic throughout: the millionth arrival is as exact as the first.
    pub(super) fn time_of(&self, position: Position) -> Option<u64> {
        let (whole, fraction) = whole_and_fraction(position);
        let count = u128::from(self.count);
        let scaled = u128::from(whole) * u128::from(self.per_ns);
        let mut time = scaled / count;
        if fraction > 0 {
            // Counts and periods are below 2^62, so neither term passes 2^126.
            let rest = ((scaled % count) << 64) + u128::from(fraction) * u128::from(self.per_ns);
            time += (rest / count) >> 64;
        }
        u64::try_from(time).ok().filter(|time| *time < self.duration_ns)
    }

    /// The first position that is not reached before this time.
    pub(super) fn position_at(&self, time_ns: u64) -> Position {
        let (count, per_ns) = (u128::from(self.count), u128::from(self.per_ns));
        let area = u128::from(time_ns.min(self.duration_ns)) * count;
        let Ok(whole) = u64::try_from(area / per_ns) else { return Position::MAX };
        // The remainder is below 2^62, so its fraction is below 2^126.
        (u128::from(whole) << 64) + ((area % per_ns) << 64).div_ceil(per_ns)
    }
}
