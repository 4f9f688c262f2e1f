//! The only one who asks what time it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// Time as nanoseconds since the run's start. Monotonic; 0 before the start.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
    /// The origin on `CLOCK_MONOTONIC`; `None` for a clock that goes by tokio's time.
    origin_ns: Option<u64>,
}

impl Clock {
    /// A clock whose 0 is `start_at_ns` on `CLOCK_MONOTONIC`, which all processes of a machine share.
    #[must_use]
    pub fn starting_at(start_at_ns: u64) -> Self {
        let now_ns = monotonic_ns();
        let instant = Instant::now();
        let origin = if start_at_ns >= now_ns {
            instant + Duration::from_nanos(start_at_ns - now_ns)
        } else {
            let late = Duration::from_nanos(now_ns - start_at_ns);
            instant.checked_sub(late).unwrap_or(instant)
        };
        Self { origin, origin_ns: Some(start_at_ns) }
    }

    /// A clock that starts now and goes by tokio's time, which tests can pause.
    #[must_use]
    pub fn starting_now() -> Self {
        Self { origin: Instant::now(), origin_ns: None }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> u64 {
        if let Some(origin_ns) = self.origin_ns {
            return monotonic_ns().saturating_sub(origin_ns);
        }
        let elapsed = Instant::now().saturating_duration_since(self.origin);
        elapsed.as_secs() * 1_000_000_000 + u64::from(elapsed.subsec_nanos())
    }

    /// How long until this clock's 0; nothing once it is past.
    #[must_use]
    pub fn until_start(&self) -> Duration {
        self.origin.saturating_duration_since(Instant::now())
    }

    /// The wall clock at this clock's 0, in nanoseconds since 1970.
    #[must_use]
    pub fn started_unix_ns(&self) -> u64 {
        let unix = wall();
        let instant = Instant::now();
        let started = if self.origin > instant {
            unix + (self.origin - instant)
        } else {
            unix.saturating_sub(instant - self.origin)
        };
        u64::try_from(started.as_nanos()).unwrap_or(0)
    }

    /// The instant at which this clock shows `ns`.
    #[must_use]
    pub fn instant(&self, ns: u64) -> Instant {
        self.origin + Duration::from_nanos(ns)
    }
}

/// `CLOCK_MONOTONIC` in nanoseconds: what [`Clock::starting_at`] takes, and what all processes of a machine share.
#[must_use]
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // Never negative.
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

/// The wall clock in nanoseconds since 1970: what the kernel stamps packets with.
pub(crate) fn wall_ns() -> u64 {
    u64::try_from(wall().as_nanos()).unwrap_or(0)
}

fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock whose start lies in the past shows how long ago it was.
    #[test]
    fn a_past_start_counts_up() {
        let clock = Clock::starting_at(monotonic_ns() - 5_000_000);

        assert!((5_000_000..1_000_000_000).contains(&clock.now()));
    }

    /// A clock shows 0 until its start.
    #[test]
    fn a_future_start_shows_zero() {
        let clock = Clock::starting_at(monotonic_ns() + 3_600_000_000_000);

        assert_eq!(0, clock.now());
        assert!(clock.until_start() > Duration::from_mins(50));
    }
}
