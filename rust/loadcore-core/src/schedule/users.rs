//! When each user of a closed model is on.
//!
//! The number of users is a line over time, and user *u* (from 0) is on while the line is above *u*: a ramp from 0 to
//! 10 in 10 s starts user 0 at once and user 9 after 9 s, and the same ramp downwards stops user 9 after 1 s and user 0
//! at the end. So a plateau of 10 has exactly the users 0 to 9, and users with high numbers come last and go first.
//!
//! An order cuts the line and continues it at the number that was ordered. A pause takes no user away: who is on then
//! begins nothing.

use std::sync::Arc;

use super::order::{self, Change, Order};
use super::{MOST_DURATION, ScheduleProblem};
use crate::plan::Load;

/// When the users of a closed model are on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSchedule {
    lines: Arc<[Line]>,
    /// When nothing begins.
    pauses: Arc<[(u64, u64)]>,
    peak: u32,
    end_ns: u64,
}

/// What a user does from some time on, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is off, and will be on again.
    Off {
        /// When it is on.
        until_ns: u64,
    },
    /// It is on, and begins nothing.
    Held {
        /// When it may begin, or is off.
        until_ns: u64,
    },
    /// It is on, and begins iterations.
    On {
        /// Since when.
        from_ns: u64,
        /// When it begins no more.
        until_ns: u64,
    },
}

/// A straight line of the number of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line {
    start_ns: u64,
    /// Above 0.
    duration_ns: u64,
    first: u32,
    last: u32,
    /// What counts of it, as times within the run: orders cut it.
    valid: (u64, u64),
}

impl UserSchedule {
    /// The schedule of a closed load.
    pub fn new(load: &Load) -> Result<Self, ScheduleProblem> {
        let mut lines = Vec::new();
        match load {
            Load::Users { users, duration_ns } => lines.push(Line::new(0, *duration_ns, (*users, *users))),
            Load::Iterations { users, max_duration_ns, .. } => {
                lines.push(Line::new(0, *max_duration_ns, (*users, *users)));
            }
            Load::UserStages { start, stages } => {
                let (mut users, mut start_ns) = (*start, 0_u64);
                for stage in stages {
                    lines.push(Line::new(start_ns, stage.duration_ns, (users, stage.users)));
                    start_ns = start_ns.saturating_add(stage.duration_ns);
                    users = stage.users;
                }
            }
            Load::ArrivalRate { .. } | Load::ArrivalStages { .. } | Load::Script {} => {
                return Err(ScheduleProblem::OtherModel);
            }
        }
        lines.retain(|line| line.duration_ns > 0);
        let end_ns = lines.last().map_or(0, |line| line.start_ns.saturating_add(line.duration_ns));
        if end_ns >= MOST_DURATION {
            return Err(ScheduleProblem::TooLong);
        }
        let peak = lines.iter().map(|line| line.first.max(line.last)).max().unwrap_or(0);
        if peak == 0 {
            return Err(ScheduleProblem::NoUsers);
        }
        Ok(Self { lines: lines.into(), pauses: Arc::default(), peak, end_ns })
    }

    /// The same schedule, changed by these orders, all that there have been.
    ///
    /// # Errors
    /// An order is about a rate.
    pub fn ordered(&self, orders: &[Order]) -> Result<Self, ScheduleProblem> {
        if orders.iter().any(|order| matches!(order.change, Change::Rate { .. })) {
            return Err(ScheduleProblem::OtherModel);
        }
        let (mut lines, mut pauses) = (Vec::new(), Vec::new());
        let unchanged = Ordered { users: None, is_paused: false };
        for (start_ns, stop_ns, ordered) in order::stretches(orders, self.end_ns, unchanged, Ordered::apply) {
            match ordered.users {
                Some(users) => lines.push(Line::new(start_ns, stop_ns - start_ns, (users, users))),
                None => lines.extend(self.lines.iter().filter_map(|line| line.within(start_ns, stop_ns))),
            }
            if ordered.is_paused {
                pauses.push((start_ns, stop_ns));
            }
        }
        let peak = lines.iter().map(|line| line.first.max(line.last)).max().unwrap_or(0);
        Ok(Self { lines: lines.into(), pauses: pauses.into(), peak, end_ns: self.end_ns })
    }

    /// What a user does at a time; `None`: it is off, for good.
    #[must_use]
    pub fn turn(&self, user: u32, at_ns: u64) -> Option<Turn> {
        let (start_ns, stop_ns) = self.intervals(user).find(|(_, stop_ns)| at_ns < *stop_ns)?;
        if at_ns < start_ns {
            return Some(Turn::Off { until_ns: start_ns });
        }
        if let Some((_, until_ns)) =
            self.pauses.iter().find(|(from_ns, until_ns)| (*from_ns..*until_ns).contains(&at_ns))
        {
            return Some(Turn::Held { until_ns: stop_ns.min(*until_ns) });
        }
        let before = self.pauses.iter().map(|(_, until_ns)| *until_ns).filter(|until_ns| *until_ns <= at_ns);
        let after = self.pauses.iter().map(|(from_ns, _)| *from_ns).filter(|from_ns| *from_ns > at_ns);
        Some(Turn::On {
            from_ns: before.max().unwrap_or(0).max(start_ns),
            until_ns: after.min().unwrap_or(u64::MAX).min(stop_ns),
        })
    }

    /// The most users that are on at one time from a time on.
    #[must_use]
    pub fn peak_from(&self, at_ns: u64) -> u32 {
        let still = self.lines.iter().filter(|line| at_ns < line.valid.1);
        still.map(|line| line.first.max(line.last)).max().unwrap_or(0)
    }

    /// The most users that are on at one time; every user from 0 to this, less one, is on at some time.
    #[must_use]
    pub const fn peak(&self) -> u32 {
        self.peak
    }

    /// When the schedule ends: no user is on then or later.
    #[must_use]
    pub const fn end_ns(&self) -> u64 {
        self.end_ns
    }

    /// When user number `user`, counted over the whole run, is on: half-open intervals `(start ns, stop ns)`,
    /// ascending, neither empty nor touching, pauses included. Times are rounded down to a whole nanosecond.
    #[must_use]
    pub fn intervals(&self, user: u32) -> Intervals {
        Intervals { lines: Arc::clone(&self.lines), next: 0, user }
    }
}

impl Line {
    const fn new(start_ns: u64, duration_ns: u64, (first, last): (u32, u32)) -> Self {
        Self { start_ns, duration_ns, first, last, valid: (start_ns, start_ns.saturating_add(duration_ns)) }
    }

    /// What counts of the line between these times.
    fn within(&self, start_ns: u64, stop_ns: u64) -> Option<Self> {
        let valid = (self.valid.0.max(start_ns), self.valid.1.min(stop_ns));
        (valid.0 < valid.1).then_some(Self { valid, ..*self })
    }

    /// The part of the line that is above `user`, as times within the run. May be empty after rounding.
    fn part_above(&self, user: u32) -> Option<(u64, u64)> {
        let end_ns = self.start_ns + self.duration_ns;
        let (start_ns, stop_ns) = match (self.first > user, self.last > user) {
            (true, true) => (self.start_ns, end_ns),
            (false, false) => return None,
            (false, true) => (self.start_ns + self.crossing(user - self.first), end_ns),
            (true, false) => (self.start_ns, self.start_ns + self.crossing(self.first - user)),
        };
        Some((start_ns.max(self.valid.0), stop_ns.min(self.valid.1)))
    }

    /// How long the line takes to have changed by `change` users.
    fn crossing(&self, change: u32) -> u64 {
        let height = u128::from(self.first.abs_diff(self.last));
        let time = u128::from(self.duration_ns) * u128::from(change) / height;
        // The change is within the line's height, so the time is within its duration.
        u64::try_from(time).unwrap_or(self.duration_ns)
    }
}

/// What orders have led to.
#[derive(Debug, Clone, Copy)]
struct Ordered {
    /// `None`: the plan's.
    users: Option<u32>,
    is_paused: bool,
}

impl Ordered {
    fn apply(self, change: Change) -> Self {
        match change {
            Change::Pause {} => Self { is_paused: true, ..self },
            Change::Resume {} => Self { is_paused: false, ..self },
            Change::Users { users } => Self { users: Some(users), ..self },
            Change::Rate { .. } => self,
        }
    }
}

/// Iterator over the intervals of a user. Made by [`UserSchedule::intervals`].
#[derive(Debug, Clone)]
pub struct Intervals {
    lines: Arc<[Line]>,
    next: usize,
    user: u32,
}

impl Iterator for Intervals {
    type Item = (u64, u64);

    fn next(&mut self) -> Option<(u64, u64)> {
        let mut found: Option<(u64, u64)> = None;
        while let Some(line) = self.lines.get(self.next) {
            match (found, line.part_above(self.user).filter(|(start, stop)| start < stop)) {
                (None, part) => found = part,
                (Some((first_start, first_stop)), Some((start, stop))) if start == first_stop => {
                    found = Some((first_start, stop));
                }
                (Some(_), _) => break,
            }
            self.next += 1;
        }
        found
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers here are small"
)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::{IterationScope, UserStage};

    const SECOND: u64 = 1_000_000_000;

    fn stages(start: u32, stages: &[(u32, u64)]) -> UserSchedule {
        let stages = stages.iter().map(|&(users, duration_ns)| UserStage { users, duration_ns }).collect();
        UserSchedule::new(&Load::UserStages { start, stages }).unwrap()
    }

    fn on(schedule: &UserSchedule, user: u32) -> Vec<(u64, u64)> {
        schedule.intervals(user).collect()
    }

    /// A constant number of users is on from beginning to end, and no other user is.
    #[test]
    fn level() {
        let schedule = UserSchedule::new(&Load::Users { users: 3, duration_ns: SECOND }).unwrap();
        assert_eq!(schedule.peak(), 3);
        assert_eq!(on(&schedule, 2), [(0, SECOND)]);
        assert_eq!(on(&schedule, 3), []);
        let scope = IterationScope::Shared;
        let load = Load::Iterations { users: 2, iterations: 9, scope, max_duration_ns: 5 * SECOND };
        assert_eq!(on(&UserSchedule::new(&load).unwrap(), 1), [(0, 5 * SECOND)]);
    }

    /// A ramp starts users at equal distances, the same ramp downwards stops the highest first.
    #[test]
    fn up_and_down() {
        let schedule = stages(0, &[(10, 10 * SECOND), (0, 10 * SECOND)]);
        assert_eq!(on(&schedule, 0), [(0, 20 * SECOND)]);
        assert_eq!(on(&schedule, 4), [(4 * SECOND, 16 * SECOND)]);
        assert_eq!(on(&schedule, 9), [(9 * SECOND, 11 * SECOND)]);
        assert_eq!(on(&schedule, 10), []);
    }

    /// A stage without length is a jump; a user that the line leaves and meets again is on twice.
    #[test]
    fn jumps_and_valleys() {
        let schedule = stages(0, &[(4, 0), (4, SECOND), (0, 2 * SECOND), (2, 0), (2, SECOND)]);
        assert_eq!(schedule.end_ns(), 4 * SECOND);
        assert_eq!(on(&schedule, 1), [(0, 2_500_000_000), (3 * SECOND, 4 * SECOND)]);
        assert_eq!(on(&schedule, 0), [(0, 4 * SECOND)]);
        assert_eq!(on(&schedule, 3), [(0, 1_500_000_000)]);
    }

    /// Loads without users, without length, or of the other kind are refused.
    #[test]
    fn refusals() {
        assert_eq!(UserSchedule::new(&Load::Users { users: 0, duration_ns: 1 }), Err(ScheduleProblem::NoUsers));
        assert_eq!(UserSchedule::new(&Load::Users { users: 1, duration_ns: 0 }), Err(ScheduleProblem::NoUsers));
        assert_eq!(UserSchedule::new(&Load::Users { users: 1, duration_ns: u64::MAX }), Err(ScheduleProblem::TooLong));
    }

    proptest! {
        /// At every time the number of users that are on is the line, rounded up, to within one nanosecond's change.
        #[test]
        fn as_many_as_the_line_says(
            start in 0_u32..40,
            lines in prop::collection::vec((1_u32..40, 0_u64..5_000_000), 1..5),
            at in 0.0..1.0_f64,
        ) {
            prop_assume!(lines.iter().any(|line| line.1 > 0));
            let schedule = stages(start, &lines);
            let at = (at * schedule.end_ns() as f64) as u64;
            let on_at = |time: u64| (0..schedule.peak())
                .filter(|user| schedule.intervals(*user).any(|(start, stop)| start <= time && time < stop)).count();
            let mut expected = None;
            let (mut begin, mut level) = (0, f64::from(start));
            for (users, duration) in lines {
                if at >= begin && at < begin + duration {
                    let along = |time: u64| level + (f64::from(users) - level) * (time - begin) as f64 / duration as f64;
                    expected = Some((along(at), along((at + 1).min(begin + duration))));
                }
                begin += duration;
                level = f64::from(users);
            }
            let (now, soon) = expected.unwrap();
            let counted = on_at(at) as f64;
            prop_assert!(counted >= now.min(soon) - 1e-6 && counted < now.max(soon) + 1.0 + 1e-6, "{counted} not in {now}..{soon}");
        }

        /// Intervals of a user ascend, are not empty and do not touch.
        #[test]
        fn intervals_are_apart(start in 0_u32..9, lines in prop::collection::vec((0_u32..9, 0_u64..50), 1..8), user in 0_u32..9) {
            let made = lines.iter().map(|&(users, duration_ns)| UserStage { users, duration_ns }).collect();
            let Ok(schedule) = UserSchedule::new(&Load::UserStages { start, stages: made }) else { return Ok(()) };
            let mut last = None;
            for (start, stop) in schedule.intervals(user) {
                prop_assert!(start < stop && stop <= schedule.end_ns());
                prop_assert!(last.is_none_or(|last| start > last));
                last = Some(stop);
            }
        }
    }
}
