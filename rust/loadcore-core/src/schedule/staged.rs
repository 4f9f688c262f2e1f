//! A rate that follows straight lines from stage to stage.
//!
//! Arrival *k* is due when the integral of the rate passes *k*. Within a stage of length *d* whose rate goes from *a/P*
//! to *b/P*, the integral after *t* is `(2·d·a·t + (b - a)·t²) / (2·d·P)`, a ratio of whole numbers. So "has the
//! integral passed *k* at *t*?" is answered exactly, with 256-bit products, and floating point only guesses where to
//! ask. The one rounding is where stages meet: the integral is carried on in units of 2^-64 arrivals.

use super::{ONE, Position, ScheduleProblem};
use crate::plan::{Rate, RateStage};

/// Stages one after another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Staged {
    stages: Vec<Stage>,
    end_ns: u64,
}

/// One straight line of rate with the integral before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stage {
    start_ns: u64,
    duration_ns: u64,
    /// Rates at both ends as numerators over `denominator`, in arrivals per nanosecond.
    first: u128,
    last: u128,
    denominator: u128,
    /// The integral at the stage's start and at its end.
    from: Position,
    to: Position,
}

/// Products of the inverse stay within 256 bits below this.
const MOST_DENOMINATOR: u128 = 1 << 63;
const MOST_NUMERATOR: u128 = 1 << 68;

impl Staged {
    pub(super) fn new(start: Rate, stages: &[RateStage]) -> Result<Self, ScheduleProblem> {
        super::check_rate(start)?;
        let mut made = Self { stages: Vec::with_capacity(stages.len()), end_ns: 0 };
        let mut rate = start;
        let mut reached: Position = 0;
        for stage in stages {
            super::check_rate(stage.rate)?;
            if stage.duration_ns > 0 {
                let line = Stage::new(made.end_ns, stage.duration_ns, (rate, stage.rate), reached)?;
                reached = line.to;
                made.end_ns = super::check_duration(made.end_ns.saturating_add(stage.duration_ns))?;
                made.stages.push(line);
            }
            rate = stage.rate;
        }
        super::check_duration(made.end_ns)?;
        if reached == 0 {
            return Err(ScheduleProblem::NoArrivals);
        }
        Ok(made)
    }

    pub(super) const fn end_ns(&self) -> u64 {
        self.end_ns
    }

    /// Arrivals that are due before the end: the integral of the rate, rounded up to a whole number, because the first
    /// arrival has the number 0.
    pub(super) fn total(&self) -> u64 {
        let reached = self.stages.last().map_or(0, |stage| stage.to);
        u64::try_from(reached.div_ceil(ONE)).unwrap_or(u64::MAX)
    }

    /// When the schedule gets to this position, rounded down to a whole nanosecond; `None` at the end and after it.
    /// `stage` remembers where the last answer was found: positions are asked for in ascending order.
    pub(super) fn time_of(&self, position: Position, stage: &mut usize) -> Option<u64> {
        while self.stages.get(*stage)?.to <= position {
            *stage += 1;
        }
        let line = self.stages.get(*stage)?;
        Some(line.start_ns + line.time_after(position - line.from))
    }

    /// The first position that is not reached before this time.
    pub(super) fn position_at(&self, time_ns: u64) -> Position {
        let holding = |stage: &&Stage| time_ns < stage.start_ns + stage.duration_ns;
        match self.stages.iter().find(holding) {
            Some(stage) => stage.from + stage.gain_before(time_ns.saturating_sub(stage.start_ns)),
            None => self.stages.last().map_or(0, |stage| stage.to),
        }
    }
}

impl Stage {
    fn new(
        start_ns: u64,
        duration_ns: u64,
        (first, last): (Rate, Rate),
        from: Position,
    ) -> Result<Self, ScheduleProblem> {
        super::check_duration(duration_ns)?;
        let (first, last) = (reduced(first), reduced(last));
        let denominator = first.1 / common_divisor(first.1, last.1) * last.1;
        if denominator >= MOST_DENOMINATOR {
            return Err(ScheduleProblem::PeriodsTooOdd);
        }
        let numerators = (first.0.checked_mul(denominator / first.1), last.0.checked_mul(denominator / last.1));
        let (Some(first), Some(last)) = numerators else { return Err(ScheduleProblem::RateTooHigh) };
        if first.max(last) >= MOST_NUMERATOR {
            return Err(ScheduleProblem::RateTooHigh);
        }
        let area = (first + last) * u128::from(duration_ns);
        let whole = u64::try_from(area / (2 * denominator)).map_err(|_| ScheduleProblem::RateTooHigh)?;
        let fraction = ((area % (2 * denominator)) << 64) / (2 * denominator);
        let gain = (u128::from(whole) << 64) + fraction;
        let to = from.checked_add(gain).ok_or(ScheduleProblem::RateTooHigh)?;
        Ok(Self { start_ns, duration_ns, first, last, denominator, from, to })
    }

    /// The last whole nanosecond of the stage at which no more than `gain` has been integrated in it.
    fn time_after(&self, gain: Position) -> u64 {
        let last = self.duration_ns - 1;
        let mut low = self.guess(gain).min(last);
        // Widen from the guess until the answer is in [low, high), then halve. The guess is nearly always right or
        // next to right; only where a rate fades to 0 is it off by more.
        let mut width = 1;
        let mut high = low + 1;
        while low > 0 && !self.within(low, gain) {
            high = low;
            low = low.saturating_sub(width);
            width *= 2;
        }
        while high <= last && self.within(high, gain) {
            low = high;
            high = high.saturating_add(width).min(self.duration_ns);
            width *= 2;
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.within(middle, gain) {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    /// What has been integrated in this stage at `time`, rounded up. Halves the range: orders are rare.
    fn gain_before(&self, time: u64) -> Position {
        let (mut low, mut high) = (0, self.to - self.from);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.within(time, middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }

    /// Whether the integral after `time` in this stage is at most `gain`. Exact.
    fn within(&self, time: u64, gain: Position) -> bool {
        let (duration, time) = (u128::from(self.duration_ns), u128::from(time));
        let level = 2 * duration * self.first;
        let slope = if self.last >= self.first {
            level + (self.last - self.first) * time
        } else {
            level - (self.first - self.last) * time
        };
        product(slope, time << 64) <= product(2 * duration * self.denominator, gain)
    }

    /// The inverse of the integral in floating point, in the form without cancellation.
    #[expect(clippy::cast_precision_loss, reason = "a guess that is then made exact")]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, and the caller cuts it"
    )]
    fn guess(&self, gain: Position) -> u64 {
        let gain = gain as f64 / ONE as f64 * self.denominator as f64;
        let (first, last) = (self.first as f64, self.last as f64);
        let root = (first * first + 2.0 * (last - first) * gain / self.duration_ns as f64).max(0.0).sqrt();
        (2.0 * gain / (first + root)) as u64
    }
}

/// A rate in lowest terms.
fn reduced(rate: Rate) -> (u128, u128) {
    let (count, per_ns) = (u128::from(rate.count), u128::from(rate.per_ns));
    let divisor = common_divisor(count, per_ns);
    (count / divisor, per_ns / divisor)
}

fn common_divisor(mut left: u128, mut right: u128) -> u128 {
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left
}

/// A 256-bit product as its upper and lower half, which compare as the product does.
fn product(left: u128, right: u128) -> (u128, u128) {
    let (low, high) = left.carrying_mul(right, 0);
    (high, low)
}
