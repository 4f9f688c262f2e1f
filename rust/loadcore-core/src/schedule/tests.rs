//! Laws of arrival schedules.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers here are small"
)]

mod orders;

use proptest::prelude::*;

use super::*;
use crate::plan::RateStage;

const SECOND: u64 = 1_000_000_000;

fn constant(count: u64, per_ns: u64, duration_ns: u64, arrivals: plan::Arrivals) -> ArrivalSchedule {
    let load = Load::ArrivalRate { rate: Rate { count, per_ns }, duration_ns, max_users: 1, arrivals };
    ArrivalSchedule::new(&load, 42).unwrap()
}

fn staged_load(start: u64, stages: &[(u64, u64)], arrivals: plan::Arrivals) -> Load {
    let stages = stages
        .iter()
        .map(|&(count, duration_ns)| RateStage { rate: Rate { count, per_ns: SECOND }, duration_ns })
        .collect();
    Load::ArrivalStages { start: Rate { count: start, per_ns: SECOND }, stages, max_users: 1, arrivals }
}

fn staged(start: u64, stages: &[(u64, u64)]) -> ArrivalSchedule {
    ArrivalSchedule::new(&staged_load(start, stages, plan::Arrivals::Even), 42).unwrap()
}

fn dues(schedule: &ArrivalSchedule) -> Vec<u64> {
    schedule.iter(Share::WHOLE).map(|(_, due)| due).collect()
}

/// The integral of the rate in floating point, computed another way than in the schedule: from the rate at each end.
fn integral(start: u64, stages: &[(u64, u64)], time: u64) -> f64 {
    let (mut begin, mut rate, mut sum) = (0, start as f64, 0.0);
    for &(next, duration) in stages {
        let inside = time.saturating_sub(begin).min(duration);
        if duration > 0 {
            let at = rate + (next as f64 - rate) * inside as f64 / duration as f64;
            sum += rate.midpoint(at) * inside as f64 / 1e9;
        }
        begin += duration;
        rate = next as f64;
    }
    sum
}

/// At a constant rate the first arrival is at 0, the k-th at k periods, and the one at the end is not among them.
#[test]
fn constant_rate() {
    let schedule = constant(3, SECOND, 2 * SECOND, plan::Arrivals::Even);
    assert_eq!(dues(&schedule), [0, 333_333_333, 666_666_666, SECOND, 1_333_333_333, 1_666_666_666]);
    assert_eq!(schedule.planned_total(), Some(6));
    assert_eq!(schedule.end_ns(), 2 * SECOND);
}

/// After a day at an odd rate the schedule is still exact: nothing has drifted.
#[test]
fn no_drift() {
    let rate = Constant::new(Rate { count: 99_991, per_ns: SECOND }, 2 * 86_400 * SECOND).unwrap();
    assert_eq!(rate.time_of(u128::from(99_991_u64 * 86_400) << 64), Some(86_400 * SECOND));
}

/// A ramp from 0 has its k-th arrival at the square root of its number; a ramp to 0 is its mirror image.
#[test]
fn ramps() {
    let up = staged(0, &[(2, 10 * SECOND)]);
    assert_eq!(up.planned_total(), Some(10));
    let expected: Vec<u64> = (0..10).map(|k| (f64::from(k) * 10.0).sqrt() * 1e9).map(|t| t as u64).collect();
    for (due, expected) in dues(&up).into_iter().zip(expected) {
        assert!(due.abs_diff(expected) <= 1, "{due} {expected}");
    }
    let down = dues(&staged(2, &[(0, 10 * SECOND)]));
    assert_eq!(down.len(), 10);
    assert_eq!(down[0], 0);
    assert!(down[9].abs_diff(10 * SECOND - 10_u64.pow(9) * 316_227_766 / 100_000_000) <= 2, "{}", down[9]);
}

/// A stage at rate 0 is a pause: the arrival that would fall on its first instant comes after it.
#[test]
fn pauses_and_jumps() {
    let schedule = staged(2, &[(2, SECOND), (0, 0), (0, 10 * SECOND), (1, 0), (1, 2 * SECOND)]);
    assert_eq!(dues(&schedule), [0, SECOND / 2, 11 * SECOND, 12 * SECOND]);
    assert_eq!(staged(0, &[(0, SECOND), (1, 0), (1, SECOND)]).iter(Share::WHOLE).next(), Some((0, SECOND)));
}

/// Parts of arrivals are carried over from stage to stage and rates of different units fit together.
#[test]
fn fractions_carry_over() {
    let third = Rate { count: 1, per_ns: 3 * SECOND };
    let stages = (0..6).map(|_| RateStage { rate: third, duration_ns: SECOND }).collect();
    let load = Load::ArrivalStages { start: third, stages, max_users: 1, arrivals: plan::Arrivals::Even };
    assert_eq!(dues(&ArrivalSchedule::new(&load, 0).unwrap()), [0, 3 * SECOND]);
    let minute = Rate { count: 60, per_ns: 60 * SECOND };
    let stages = vec![RateStage { rate: minute, duration_ns: 2 * SECOND }];
    let start = Rate { count: 1, per_ns: SECOND };
    let load = Load::ArrivalStages { start, stages, max_users: 1, arrivals: plan::Arrivals::Even };
    assert_eq!(dues(&ArrivalSchedule::new(&load, 0).unwrap()), [0, SECOND]);
}

/// What cannot be scheduled is refused with its reason, never scheduled wrongly.
#[test]
fn refusals() {
    let refused = |count, per_ns, duration_ns| {
        let load = Load::ArrivalRate {
            rate: Rate { count, per_ns },
            duration_ns,
            max_users: 1,
            arrivals: plan::Arrivals::Even,
        };
        ArrivalSchedule::new(&load, 0).unwrap_err()
    };
    assert_eq!(refused(0, SECOND, SECOND), ScheduleProblem::NoArrivals);
    assert_eq!(refused(1, 0, SECOND), ScheduleProblem::NoPeriod);
    assert_eq!(refused(1, SECOND, 0), ScheduleProblem::NoArrivals);
    assert_eq!(refused(u64::MAX, SECOND, 1), ScheduleProblem::RateTooHigh);
    assert_eq!(refused(1, SECOND, u64::MAX), ScheduleProblem::TooLong);
    let odd = |per_ns| Rate { count: 1, per_ns };
    let stages = vec![RateStage { rate: odd((1 << 40) - 87), duration_ns: SECOND }];
    let load = Load::ArrivalStages { start: odd((1 << 41) - 21), stages, max_users: 1, arrivals: plan::Arrivals::Even };
    assert_eq!(ArrivalSchedule::new(&load, 0).unwrap_err(), ScheduleProblem::PeriodsTooOdd);
    assert_eq!(
        ArrivalSchedule::new(&Load::Users { users: 1, duration_ns: 1 }, 0).unwrap_err(),
        ScheduleProblem::OtherModel
    );
}

/// Poisson arrivals of one seed are always the same; of another seed, others.
#[test]
fn poisson_is_seeded() {
    let load = staged_load(10, &[(200, 10 * SECOND)], plan::Arrivals::Poisson);
    let made = |seed| dues(&ArrivalSchedule::new(&load, seed).unwrap());
    assert_eq!(made(1), made(1));
    assert_ne!(made(1), made(2));
    assert_eq!(ArrivalSchedule::new(&load, 1).unwrap().planned_total(), None);
    assert_eq!(ArrivalSchedule::new(&load, 1).unwrap().expected_total(), 1050);
}

/// Gaps of Poisson arrivals are exponential: mean, variance and Kolmogorov-Smirnov distance at the 0.1 % level.
#[test]
fn poisson_gaps_are_exponential() {
    let times = dues(&constant(1000, SECOND, 60 * SECOND, plan::Arrivals::Poisson));
    let mut gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e6).collect();
    let count = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / count;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
    assert!((count - 60_000.0).abs() < 4.0 * 60_000_f64.sqrt(), "{count} arrivals");
    assert!((mean - 1.0).abs() < 0.02, "mean {mean}");
    assert!((variance - 1.0).abs() < 0.05, "variance {variance}");
    gaps.sort_by(f64::total_cmp);
    let distance = gaps.iter().enumerate().map(|(rank, gap)| ((1.0 - (-gap).exp()) - rank as f64 / count).abs());
    assert!(distance.fold(0.0, f64::max) < 1.95 / count.sqrt());
}

/// Under a ramp, Poisson arrivals mapped through the integral are uniform: the rate is right at every time.
#[test]
fn poisson_follows_the_rate() {
    let stages = [(2000, 20 * SECOND), (500, 20 * SECOND)];
    let load = staged_load(0, &stages, plan::Arrivals::Poisson);
    let times = dues(&ArrivalSchedule::new(&load, 9).unwrap());
    let (count, whole) = (times.len() as f64, integral(0, &stages, 40 * SECOND));
    assert!((count - whole).abs() < 4.0 * whole.sqrt());
    let distance = times
        .iter()
        .enumerate()
        .map(|(rank, time)| (integral(0, &stages, *time) / whole - rank as f64 / count).abs())
        .fold(0.0, f64::max);
    assert!(distance < 1.95 / count.sqrt(), "{distance}");
}

proptest! {
    /// Arrivals ascend, and each stands where the integral of the rate passes its number, to within a microsecond.
    #[test]
    fn staged_inverts_the_integral(
        start in 0_u64..2000,
        stages in prop::collection::vec((0_u64..2000, 0_u64..2_000_000_000), 1..5),
    ) {
        let load = staged_load(start, &stages, plan::Arrivals::Even);
        let Ok(schedule) = ArrivalSchedule::new(&load, 0) else { return Ok(()) };
        let times = dues(&schedule);
        prop_assert_eq!(Some(times.len() as u64), schedule.planned_total());
        prop_assert!(times.windows(2).all(|pair| pair[0] <= pair[1]));
        prop_assert!(times.last().is_none_or(|last| *last < schedule.end_ns()));
        for (number, due) in times.iter().enumerate() {
            let before = integral(start, &stages, due.saturating_sub(1000));
            let after = integral(start, &stages, due + 1000);
            prop_assert!(before <= number as f64 + 1e-6 && number as f64 <= after + 1e-6, "{number}: {before} {after}");
        }
        prop_assert!((times.len() as f64 - integral(start, &stages, schedule.end_ns())).abs() <= 1.0);
    }

    /// Within a stage the answer is exact: the integral is not past the position at that nanosecond, and is at the next.
    #[test]
    fn inverse_is_exact_over_long_stages(
        rates in (0_u64..100_000, 0_u64..100_000),
        duration_ns in 1_000_000_000_u64..400_000_000_000_000,
        along in 0.0..1.0_f64,
    ) {
        prop_assume!(rates.0 + rates.1 > 0);
        let load = staged_load(rates.0, &[(rates.1, duration_ns)], plan::Arrivals::Even);
        let schedule = ArrivalSchedule::new(&load, 0).unwrap();
        let number = (schedule.expected_total() as f64 * along) as u64;
        let Curve::Staged(curve) = &*schedule.curve else { panic!("not staged") };
        let Some(time) = curve.time_of(u128::from(number) << 64, &mut 0) else { return Ok(()) };
        // With the rates' denominator of 10^9, the integral at t is (2·d·a·t + (b - a)·t²) / (2·d·10^9).
        let passed = |time: u64| {
            let (a, b, d, t) = (i128::from(rates.0), i128::from(rates.1), i128::from(duration_ns), i128::from(time));
            a * t * 2 * d + (b - a) * t * t
        };
        let target = i128::from(number) * 2 * i128::from(duration_ns) * i128::from(SECOND);
        prop_assert!(passed(time) <= target);
        prop_assert!(time + 1 >= duration_ns || passed(time + 1) > target);
    }

    /// The shares' arrivals together are the whole's, each once, for even and for Poisson arrivals.
    #[test]
    fn shares_partition_arrivals(count in 1_u64..2000, per_ns in 1_u64..3_000_000_000, shares in 1_u32..6, poisson: bool) {
        let arrivals = if poisson { plan::Arrivals::Poisson } else { plan::Arrivals::Even };
        let duration_ns = (per_ns / count).saturating_mul(200).max(1);
        let schedule = constant(count, per_ns, duration_ns, arrivals);
        let whole: Vec<(u64, u64)> = schedule.iter(Share::WHOLE).collect();
        let mut parts: Vec<(u64, u64)> =
            (0..shares).flat_map(|index| schedule.iter(Share::new(index, shares).unwrap())).collect();
        parts.sort_unstable();
        prop_assert_eq!(parts, whole);
    }
}
