//! Laws of schedules that orders have changed.

use super::*;
use crate::plan::UserStage;

fn order(at_ns: u64, change: Change) -> Order {
    Order { at_ns, change }
}

fn per_second(count: u64) -> Rate {
    Rate { count, per_ns: SECOND }
}

/// Orders within this time, those of both models.
fn orders(within_ns: u64) -> impl Strategy<Value = Vec<Order>> {
    let change = prop_oneof![
        Just(Change::Pause {}),
        Just(Change::Resume {}),
        (0_u64..3000).prop_map(|count| Change::Rate { rate: per_second(count) }),
        (0_u32..20).prop_map(|users| Change::Users { users }),
    ];
    prop::collection::vec((0..within_ns, change), 0..6).prop_map(|mut orders| {
        orders.sort_by_key(|(at_ns, _)| *at_ns);
        orders.into_iter().map(|(at_ns, change)| order(at_ns, change)).collect()
    })
}

fn of_arrivals(orders: &[Order]) -> Vec<Order> {
    orders.iter().copied().filter(|order| !matches!(order.change, Change::Users { .. })).collect()
}

fn of_users(orders: &[Order]) -> Vec<Order> {
    orders.iter().copied().filter(|order| !matches!(order.change, Change::Rate { .. })).collect()
}

fn planned(start: u64, stages: &[(u64, u64)], poisson: bool) -> Option<ArrivalSchedule> {
    let arrivals = if poisson { plan::Arrivals::Poisson } else { plan::Arrivals::Even };
    ArrivalSchedule::new(&staged_load(start, stages, arrivals), 42).ok()
}

/// A rate holds from its order on; a pause has no arrivals; after it the rate is what it was.
#[test]
fn a_rate_a_pause_and_a_return() {
    let schedule = constant(2, SECOND, 10 * SECOND, plan::Arrivals::Even);
    let changed = schedule
        .ordered(&[
            order(2 * SECOND, Change::Rate { rate: per_second(4) }),
            order(3 * SECOND, Change::Pause {}),
            order(8 * SECOND, Change::Resume {}),
        ])
        .unwrap();
    let quarter = SECOND / 4;
    let mut expected = vec![0, 2 * quarter, 4 * quarter, 6 * quarter];
    expected.extend((8..12).chain(32..40).map(|quarters| quarters * quarter));
    assert_eq!(dues(&changed), expected);
    assert_eq!((changed.planned_total(), changed.end_ns()), (Some(16), 10 * SECOND));
}

/// A ramp that is paused continues where it would be without the pause.
#[test]
fn a_ramp_continues_after_a_pause() {
    let ramp = staged(0, &[(100, 10 * SECOND)]);
    let paused = ramp.ordered(&[order(2 * SECOND, Change::Pause {}), order(5 * SECOND, Change::Resume {})]).unwrap();
    let before = dues(&ramp).into_iter().filter(|due| *due < 2 * SECOND).count();
    let after = dues(&ramp).into_iter().filter(|due| *due >= 5 * SECOND).count();
    assert_eq!(paused.planned_total(), Some((before + after) as u64));
    assert!(dues(&paused).iter().all(|due| !(2 * SECOND..5 * SECOND).contains(due)));
}

/// Orders of the other model and rates that cannot be are refused.
#[test]
fn orders_that_do_not_fit() {
    let schedule = constant(2, SECOND, SECOND, plan::Arrivals::Even);
    let users = order(0, Change::Users { users: 1 });
    let rate = |count| order(0, Change::Rate { rate: per_second(count) });
    assert_eq!(schedule.ordered(&[users]).unwrap_err(), ScheduleProblem::OtherModel);
    assert_eq!(schedule.ordered(&[rate(u64::MAX)]).unwrap_err(), ScheduleProblem::RateTooHigh);
    let closed = UserSchedule::new(&Load::Users { users: 1, duration_ns: SECOND }).unwrap();
    assert_eq!(closed.ordered(&[rate(1)]).unwrap_err(), ScheduleProblem::OtherModel);
}

proptest! {
    /// What was due before an order stays due at the same nanosecond, and nothing is due in a pause. So the past never
    /// changes.
    #[test]
    fn the_past_stays(
        start in 0_u64..2000,
        stages in prop::collection::vec((0_u64..2000, 0_u64..900_000_000), 1..4),
        orders in orders(2_000_000_000), poisson: bool,
    ) {
        let Some(schedule) = planned(start, &stages, poisson) else { return Ok(()) };
        let orders = of_arrivals(&orders);
        for length in 0..orders.len() {
            let before = schedule.ordered(&orders[..length]).unwrap();
            let after = schedule.ordered(&orders[..=length]).unwrap();
            let at_ns = orders[length].at_ns;
            let until = |schedule: &ArrivalSchedule| -> Vec<(u64, u64)> {
                schedule.iter(Share::WHOLE).take_while(|(_, due)| *due < at_ns).collect()
            };
            prop_assert_eq!(until(&before), until(&after));
        }
        let same = schedule.ordered(&[]).unwrap();
        prop_assert_eq!(dues(&same), dues(&schedule));
        let ordered = schedule.ordered(&orders).unwrap();
        let paused = order::stretches(&orders, schedule.end_ns(), false, |paused, change| match change {
            Change::Pause {} => true,
            Change::Resume {} => false,
            _ => paused,
        });
        for due in dues(&ordered) {
            prop_assert!(!paused.iter().any(|(from, to, is_paused)| *is_paused && (*from..*to).contains(&due)));
        }
    }

    /// The shares' arrivals together are the whole's: each once, its numbers without a gap, in ascending order, as many
    /// as the integral says. They are the same for a share that follows the orders while it runs, each some time before
    /// it holds.
    #[test]
    fn shares_partition_what_is_ordered(
        start in 0_u64..2000,
        stages in prop::collection::vec((0_u64..2000, 0_u64..900_000_000), 1..4),
        orders in orders(2_000_000_000), shares in 1_u32..5, poisson: bool, lead_ns in 0_u64..300_000_000,
    ) {
        let Some(schedule) = planned(start, &stages, poisson) else { return Ok(()) };
        let orders = of_arrivals(&orders);
        let ordered = schedule.ordered(&orders).unwrap();
        let whole: Vec<(u64, u64)> = ordered.iter(Share::WHOLE).collect();
        prop_assert!(whole.iter().enumerate().all(|(place, (number, _))| place as u64 == *number));
        prop_assert!(whole.windows(2).all(|pair| pair[0].1 <= pair[1].1));
        prop_assert!(whole.last().is_none_or(|(_, due)| *due < schedule.end_ns()));
        if !poisson {
            prop_assert_eq!(Some(whole.len() as u64), ordered.planned_total());
        }
        let mut parts = Vec::new();
        for index in 0..shares {
            let mut times = schedule.iter(Share::new(index, shares).unwrap());
            let mut known = 0;
            loop {
                let due = times.peek().map_or(u64::MAX, |(_, due)| due);
                if orders.get(known).is_some_and(|next| next.at_ns.saturating_sub(lead_ns) <= due) {
                    known += 1;
                    times.follow(&schedule.ordered(&orders[..known]).unwrap());
                } else if let Some(arrival) = times.next() {
                    parts.push(arrival);
                } else {
                    break;
                }
            }
        }
        parts.sort_unstable();
        prop_assert_eq!(parts, whole);
    }

    /// A share that learns of an order too late still gives every number once, and as many as the others expect.
    #[test]
    fn a_late_order_loses_nothing(
        rate in 1_u64..2000, ordered in 0_u64..2000, at_ns in 0_u64..1_000_000_000, late_ns in 0_u64..500_000_000,
    ) {
        let schedule = constant(rate, SECOND, SECOND, plan::Arrivals::Even);
        let changed = schedule.ordered(&[order(at_ns, Change::Rate { rate: per_second(ordered) })]).unwrap();
        let mut times = schedule.iter(Share::WHOLE);
        let mut given = Vec::new();
        while let Some((_, due)) = times.peek() && due < at_ns + late_ns {
            given.extend(times.next());
        }
        times.follow(&changed);
        given.extend(times);
        let numbers: Vec<u64> = given.iter().map(|(number, _)| *number).collect();
        prop_assert!(numbers.iter().enumerate().all(|(place, number)| place as u64 == *number));
        prop_assert!(numbers.len() as u64 >= changed.planned_total().unwrap());
    }

    /// At every time, the users that are on are those with numbers below what the plan or the last order says, a pause
    /// holds all of them, and what was before an order stays.
    #[test]
    fn users_follow_orders(
        start in 0_u32..12,
        lines in prop::collection::vec((0_u32..12, 1_u64..900), 1..4),
        orders in orders(2000), at_ns in 0_u64..2500,
    ) {
        let stages = lines.iter().map(|&(users, duration_ns)| UserStage { users, duration_ns }).collect();
        let Ok(schedule) = UserSchedule::new(&Load::UserStages { start, stages }) else { return Ok(()) };
        let orders = of_users(&orders);
        let ordered = schedule.ordered(&orders).unwrap();
        let is_on = |schedule: &UserSchedule, user| schedule.intervals(user).any(|(from, to)| (from..to).contains(&at_ns));
        let (mut level, mut is_paused) = (None, false);
        for order in orders.iter().filter(|order| order.at_ns <= at_ns) {
            match order.change {
                Change::Users { users } => level = Some(users),
                Change::Pause {} => is_paused = true,
                Change::Resume {} | Change::Rate { .. } => is_paused = false,
            }
        }
        for user in 0..22 {
            let expected = match level {
                Some(level) => user < level && at_ns < schedule.end_ns(),
                None => is_on(&schedule, user),
            };
            prop_assert_eq!(is_on(&ordered, user), expected, "user {}", user);
            let known: Vec<Order> = orders.iter().copied().filter(|order| order.at_ns <= at_ns).collect();
            prop_assert_eq!(is_on(&schedule.ordered(&known).unwrap(), user), expected);
            match ordered.turn(user, at_ns) {
                Some(Turn::On { from_ns, until_ns }) => {
                    prop_assert!(expected && !is_paused && from_ns <= at_ns && at_ns < until_ns);
                }
                Some(Turn::Held { until_ns }) => prop_assert!(expected && is_paused && at_ns < until_ns),
                Some(Turn::Off { until_ns }) => prop_assert!(!expected && at_ns < until_ns),
                None => prop_assert!(!expected && ordered.intervals(user).all(|(_, to)| to <= at_ns)),
            }
            prop_assert!(!expected || user < ordered.peak_from(at_ns));
        }
    }
}
