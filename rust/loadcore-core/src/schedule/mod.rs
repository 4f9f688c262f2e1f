//! When things are due: pure functions from an index to nanoseconds since the scenario's start.
//!
//! Nothing here asks the time, waits, or keeps more than a few words of state. An open model's arrivals come from
//! [`ArrivalSchedule`], a closed model's users from [`UserSchedule`], and [`Share`] says which of them are a worker's.

mod constant;
mod order;
mod poisson;
mod segments;
mod share;
mod staged;
mod users;

use std::sync::Arc;

pub use order::{Change, Order};
pub use share::Share;
pub use users::{Intervals, Turn, UserSchedule};

use constant::Constant;
use poisson::UnitProcess;
use segments::{Place, Segments};
use staged::Staged;

use crate::plan::{self, Load, Rate};

/// How far a schedule has come, in arrivals, as a fixed-point number with 64 bits before the point and 64 after it.
type Position = u128;

/// One arrival.
const ONE: Position = 1 << 64;

/// Counts and periods of rates stay below this, and all lengths together below a 64th of it: products then fit 128 bits.
const MOST: u64 = 1 << 62;

/// The longest schedule: 2^56 ns, more than two years.
const MOST_DURATION: u64 = MOST >> 6;

/// Why a schedule cannot be made from a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleProblem {
    /// The load is of the other kind: users where arrivals were asked for, or arrivals where users were.
    #[error("the load model has no schedule of this kind")]
    OtherModel,
    /// The rate is 0 throughout, or the schedule has no length.
    #[error("the schedule has no arrivals: its rate or its duration is 0")]
    NoArrivals,
    /// No user is on at any time, or the schedule has no length.
    #[error("the load never has any users: their number or the duration is 0")]
    NoUsers,
    /// A period is 0.
    #[error("a rate's period must be above 0")]
    NoPeriod,
    /// A count or an integral does not fit.
    #[error("the rate is too high to be scheduled")]
    RateTooHigh,
    /// Two neighbouring rates have periods without a common multiple in range.
    #[error("neighbouring stages have periods that do not fit together; give their rates per the same unit of time")]
    PeriodsTooOdd,
    /// The schedule is longer than two years.
    #[error("the schedule is too long: the limit is two years")]
    TooLong,
}

/// When iterations of an open model are due.
///
/// Arrival *k* is due when the integral of the rate passes *k*, rounded down to a whole nanosecond: the first at 0 (or
/// when the rate is first above 0), and at a constant rate the others at `k · per_ns / count`. Every arrival due *before*
/// the end belongs to the schedule, so there are as many as the integral over the whole, rounded up. With
/// [`plan::Arrivals::Poisson`], the gaps are exponential instead, with the same rate at every time.
#[derive(Debug, Clone)]
pub struct ArrivalSchedule {
    curve: Arc<Curve>,
    spread: Spread,
}

/// The rate over time, as its integral.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Curve {
    Constant(Constant),
    Staged(Staged),
    Ordered(Segments),
}

impl Curve {
    fn end_ns(&self) -> u64 {
        match self {
            Self::Constant(constant) => constant.end_ns(),
            Self::Staged(staged) => staged.end_ns(),
            Self::Ordered(segments) => segments.end_ns(),
        }
    }

    fn total(&self) -> u64 {
        match self {
            Self::Constant(constant) => constant.total(),
            Self::Staged(staged) => staged.total(),
            Self::Ordered(segments) => segments.total(),
        }
    }

    /// When the schedule gets to this position; `None` at the end and after it.
    #[inline]
    fn time_of(&self, position: Position, place: &mut Place) -> Option<u64> {
        match self {
            Self::Constant(constant) => constant.time_of(position),
            Self::Staged(staged) => staged.time_of(position, &mut place.stage),
            Self::Ordered(segments) => segments.time_of(position, place),
        }
    }

    /// The first position that is not reached before this time: what lies before it is due before the time, and what
    /// does not is not.
    fn position_at(&self, time_ns: u64) -> Position {
        match self {
            Self::Constant(constant) => constant.position_at(time_ns),
            Self::Staged(staged) => staged.position_at(time_ns),
            // Orders are always those of a plan.
            Self::Ordered(_) => 0,
        }
    }
}

#[derive(Debug, Clone)]
enum Spread {
    Even,
    Poisson { seed: u64 },
}

impl ArrivalSchedule {
    /// The schedule of an open load. `seed` decides the gaps of Poisson arrivals; scenarios of one run should have
    /// different ones.
    pub fn new(load: &Load, seed: u64) -> Result<Self, ScheduleProblem> {
        let (curve, arrivals) = match load {
            Load::ArrivalRate { rate, duration_ns, arrivals, .. } => {
                (Curve::Constant(Constant::new(*rate, *duration_ns)?), *arrivals)
            }
            Load::ArrivalStages { start, stages, arrivals, .. } => {
                (Curve::Staged(Staged::new(*start, stages)?), *arrivals)
            }
            Load::Users { .. } | Load::UserStages { .. } | Load::Iterations { .. } | Load::Script {} => {
                return Err(ScheduleProblem::OtherModel);
            }
        };
        let spread = match arrivals {
            plan::Arrivals::Even => Spread::Even,
            plan::Arrivals::Poisson => Spread::Poisson { seed },
        };
        Ok(Self { curve: Arc::new(curve), spread })
    }

    /// The same schedule, changed by these orders, all that there have been.
    ///
    /// # Errors
    /// A rate is too high, or an order is about users.
    pub fn ordered(&self, orders: &[Order]) -> Result<Self, ScheduleProblem> {
        let curve = Arc::new(Curve::Ordered(Segments::new(&self.curve, orders)?));
        Ok(Self { curve, spread: self.spread.clone() })
    }

    /// The share's arrivals as (number over the whole run, due ns), ascending. Lazy; keeps a few words of memory.
    #[must_use]
    pub fn iter(&self, share: Share) -> ArrivalTimes {
        let positions = match self.spread {
            Spread::Even => Positions::Even { next: u64::from(share.index()) },
            Spread::Poisson { seed } => Positions::Poisson { next: 0, process: UnitProcess::new(seed) },
        };
        ArrivalTimes { curve: Arc::clone(&self.curve), place: Place::default(), share, positions, ahead: None }
    }

    /// How many arrivals there are in the whole run; `None` where chance decides.
    #[must_use]
    pub fn planned_total(&self) -> Option<u64> {
        match self.spread {
            Spread::Even => Some(self.expected_total()),
            Spread::Poisson { .. } => None,
        }
    }

    /// The integral of the rate over the whole run, rounded up: of Poisson arrivals, how many to expect.
    #[must_use]
    pub fn expected_total(&self) -> u64 {
        self.curve.total()
    }

    /// When the schedule ends; no arrival is due then or later.
    #[must_use]
    pub fn end_ns(&self) -> u64 {
        self.curve.end_ns()
    }
}

/// Iterator over the arrivals of a share. Made by [`ArrivalSchedule::iter`].
#[derive(Debug, Clone)]
pub struct ArrivalTimes {
    curve: Arc<Curve>,
    /// Where the last arrival was found.
    place: Place,
    share: Share,
    positions: Positions,
    /// The next arrival, once it has been looked at.
    ahead: Option<Ahead>,
}

/// An arrival that has not been taken.
#[derive(Debug, Clone, Copy)]
struct Ahead {
    number: u64,
    position: Position,
    /// `None`: not before the end.
    due_ns: Option<u64>,
}

#[derive(Debug, Clone)]
enum Positions {
    Even { next: u64 },
    Poisson { next: u64, process: UnitProcess },
}

impl ArrivalTimes {
    /// The next arrival, which stays the next one.
    pub fn peek(&mut self) -> Option<(u64, u64)> {
        let ahead = self.ahead.get_or_insert_with(|| {
            let (number, position) = self.positions.take(self.share);
            Ahead { number, position, due_ns: self.curve.time_of(position, &mut self.place) }
        });
        Some((ahead.number, ahead.due_ns?))
    }

    /// From now on, arrivals are due as in this schedule: the same one with further orders. Those that were taken before
    /// are not given again, and none is left out.
    pub fn follow(&mut self, schedule: &ArrivalSchedule) {
        (self.curve, self.place) = (Arc::clone(&schedule.curve), Place::default());
        if let Some(ahead) = &mut self.ahead {
            ahead.due_ns = self.curve.time_of(ahead.position, &mut self.place);
        }
    }
}

impl Iterator for ArrivalTimes {
    type Item = (u64, u64);

    fn next(&mut self) -> Option<(u64, u64)> {
        let arrival = self.peek()?;
        self.ahead = None;
        Some(arrival)
    }
}

impl Positions {
    /// The share's next arrival and its position.
    fn take(&mut self, share: Share) -> (u64, Position) {
        match self {
            Self::Even { next } => {
                let number = *next;
                *next = number.saturating_add(u64::from(share.count()));
                (number, u128::from(number) << 64)
            }
            Self::Poisson { next, process } => loop {
                let (number, position) = (*next, process.next_position());
                *next += 1;
                if share.owns(number) {
                    return (number, position);
                }
            },
        }
    }
}

fn check_rate(rate: Rate) -> Result<(), ScheduleProblem> {
    match rate {
        Rate { per_ns: 0, .. } => Err(ScheduleProblem::NoPeriod),
        Rate { count, .. } if count >= MOST => Err(ScheduleProblem::RateTooHigh),
        Rate { per_ns, .. } if per_ns >= MOST => Err(ScheduleProblem::TooLong),
        Rate { .. } => Ok(()),
    }
}

fn check_duration(duration_ns: u64) -> Result<u64, ScheduleProblem> {
    match duration_ns {
        0 => Err(ScheduleProblem::NoArrivals),
        1..MOST_DURATION => Ok(duration_ns),
        MOST_DURATION.. => Err(ScheduleProblem::TooLong),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
fn whole_and_fraction(position: Position) -> (u64, u64) {
    ((position >> 64) as u64, position as u64)
}

#[cfg(test)]
mod tests;
