//! A rate that orders have changed: segments of the plan and of rates that were ordered, one after another.
//!
//! Each segment continues the integral of the one before it, and arrivals keep their positions in that. So every share
//! derives its own arrivals from the same list, and none is doubled or lost where segments meet. Where a segment ends,
//! its integral is rounded up to a whole 2^-64 of an arrival: exactly what was due before an order stays due, at the
//! same nanosecond.

use std::sync::Arc;

use super::constant::Constant;
use super::order::{self, Change, Order};
use super::{Curve, ONE, Position, ScheduleProblem};
use crate::plan::Rate;

/// Segments one after another, from 0 to the plan's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segments {
    plan: Arc<Curve>,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segment {
    start_ns: u64,
    /// The integral at the segment's start and at its end.
    from: Position,
    to: Position,
    pace: Pace,
}

/// What the rate of a segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// The plan's, which has come to this position at the segment's start.
    Plan { entered: Position },
    /// One that was ordered.
    Level(Constant),
    /// 0.
    Nothing,
}

/// What orders have led to.
#[derive(Debug, Clone, Copy)]
struct Ordered {
    /// `None`: the plan's.
    rate: Option<Rate>,
    is_paused: bool,
}

/// Where in a curve the last position was found; positions are asked for in ascending order.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    segment: usize,
    pub(super) stage: usize,
}

impl Segments {
    /// The plan's curve as these orders change it.
    pub(super) fn new(plan: &Arc<Curve>, orders: &[Order]) -> Result<Self, ScheduleProblem> {
        let end_ns = plan.end_ns();
        let unchanged = Ordered { rate: None, is_paused: false };
        let mut made = Self { plan: Arc::clone(plan), segments: Vec::new() };
        for order in orders {
            match order.change {
                Change::Users { .. } => return Err(ScheduleProblem::OtherModel),
                Change::Rate { rate } => super::check_rate(rate)?,
                Change::Pause {} | Change::Resume {} => {}
            }
        }
        let mut from = 0;
        for (start_ns, stop_ns, ordered) in order::stretches(orders, end_ns, unchanged, Ordered::apply) {
            let (pace, gain) = made.pace(ordered, start_ns, stop_ns)?;
            let to = Position::saturating_add(from, gain);
            made.segments.push(Segment { start_ns, from, to, pace });
            from = to;
        }
        Ok(made)
    }

    /// The pace from `start_ns` to `stop_ns`, and its integral over that.
    fn pace(&self, ordered: Ordered, start_ns: u64, stop_ns: u64) -> Result<(Pace, Position), ScheduleProblem> {
        match ordered {
            Ordered { is_paused: true, .. } | Ordered { rate: Some(Rate { count: 0, .. }), .. } => {
                Ok((Pace::Nothing, 0))
            }
            Ordered { rate: None, .. } => {
                let entered = self.plan.position_at(start_ns);
                Ok((Pace::Plan { entered }, self.plan.position_at(stop_ns) - entered))
            }
            Ordered { rate: Some(rate), .. } => {
                let level = Constant::new(rate, stop_ns - start_ns)?;
                Ok((Pace::Level(level), level.position_at(stop_ns - start_ns)))
            }
        }
    }

    pub(super) fn end_ns(&self) -> u64 {
        self.plan.end_ns()
    }

    /// Arrivals that are due before the end.
    pub(super) fn total(&self) -> u64 {
        let reached = self.segments.last().map_or(0, |segment| segment.to);
        u64::try_from(reached.div_ceil(ONE)).unwrap_or(u64::MAX)
    }

    /// When the schedule gets to this position; `None` at the end and after it.
    pub(super) fn time_of(&self, position: Position, place: &mut Place) -> Option<u64> {
        while self.segments.get(place.segment)?.to <= position {
            place.segment += 1;
        }
        let segment = self.segments.get(place.segment)?;
        let gain = position - segment.from;
        match segment.pace {
            Pace::Plan { entered } => self.plan.time_of(entered + gain, place),
            Pace::Level(level) => level.time_of(gain).map(|time| segment.start_ns + time),
            Pace::Nothing => None,
        }
    }
}

impl Ordered {
    fn apply(self, change: Change) -> Self {
        match change {
            Change::Pause {} => Self { is_paused: true, ..self },
            Change::Resume {} => Self { is_paused: false, ..self },
            Change::Rate { rate } => Self { rate: Some(rate), ..self },
            Change::Users { .. } => self,
        }
    }
}
