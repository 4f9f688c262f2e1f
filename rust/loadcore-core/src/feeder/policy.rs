//! Which row is next.

use std::sync::Arc;

use super::Fault;
use super::table::Table;
use crate::plan::{AtEnd, Feeder, Order};
use crate::random::Random;
use crate::schedule::Share;

/// Deals a feeder's rows to the users of one worker. Dealers of all workers together deal as one would.
#[derive(Debug, Clone)]
pub(crate) struct Dealer {
    rows: u64,
    order: Order,
    at_end: AtEnd,
    share: Share,
    seed: u64,
    /// Draws made by this worker.
    draws: u64,
    /// For [`Order::Shuffled`]: which row is at each place.
    places: Arc<[u32]>,
}

/// What a draw gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dealt {
    /// This row.
    Row(usize),
    /// The rows are used up and the user is to stop.
    Stop,
    /// The rows are used up and the run is to end as failed.
    Fail,
}

impl Dealer {
    /// A worker's dealer. `seed` is the plan's; feeders of one plan draw differently because their names differ. Without
    /// a share, others deal out the rows: users who come to the worker all the same get rows only if those are dealt
    /// again and again.
    #[must_use]
    pub(crate) fn new(feeder: &Feeder, table: &Table, share: Option<Share>, seed: u64) -> Self {
        let seed = Random::new(seed, &feeder.name, 0).next_u64();
        let places = if feeder.order == Order::Shuffled { permutation(table.rows(), seed) } else { Arc::default() };
        let (order, rows) = (feeder.order, table.rows() as u64);
        let is_dealt_once = matches!(order, Order::Sequential | Order::Shuffled) && feeder.at_end != AtEnd::Recycle;
        let (rows, at_end) = if share.is_none() && is_dealt_once { (0, AtEnd::Stop) } else { (rows, feeder.at_end) };
        Self { rows, order, at_end, share: share.unwrap_or(Share::WHOLE), seed, draws: 0, places }
    }

    /// How many more draws give a row, whoever makes them. Users with rows of their own may be without one at any time.
    #[must_use]
    pub(crate) fn left(&self) -> u64 {
        match (self.order, self.at_end) {
            (Order::Sequential | Order::Shuffled, AtEnd::Stop) => self.share.part(self.rows).saturating_sub(self.draws),
            _ => u64::MAX,
        }
    }

    /// Passes over rows that were drawn elsewhere.
    pub(crate) const fn pass(&mut self, draws: u64) {
        self.draws = self.draws.saturating_add(draws);
    }

    /// The next row for a user, by its number over all workers, and for what its iteration draws, by `chance`. Each call is
    /// a draw, except where users have rows of their own, and where chance alone says which row it is.
    pub(crate) fn draw(&mut self, user: u32, chance: u64) -> Dealt {
        let number = match self.order {
            Order::Random => Random::new(self.seed, "draw", chance).below(self.rows),
            Order::PerUser | Order::Unique => u64::from(user),
            Order::Sequential | Order::Shuffled => {
                self.draws += 1;
                self.share.nth(self.draws - 1)
            }
        };
        let place = match (self.order, self.at_end) {
            _ if number < self.rows => number,
            (Order::Unique, _) | (_, AtEnd::Fail) => return Dealt::Fail,
            (_, AtEnd::Stop) => return Dealt::Stop,
            (_, AtEnd::Recycle) => number.checked_rem(self.rows).unwrap_or(0),
        };
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        Dealt::Row(self.places.get(place).map_or(place, |row| *row as usize))
    }
}

/// Whether users of a scenario would be without a row of their own, which is found before the start.
pub(crate) fn missing_rows(order: Order, table: &Table, users: u64) -> Result<(), Fault> {
    if order == Order::Unique && users > table.rows() as u64 {
        return Err(Fault::TooFewRows { users, rows: table.rows() });
    }
    Ok(())
}

/// The numbers below `rows` in an order that depends on the seed alone (Fisher and Yates).
fn permutation(rows: usize, seed: u64) -> Arc<[u32]> {
    let mut random = Random::new(seed, "shuffle", 0);
    // A table holds less than 2^30 bytes and so fewer rows than that, unless all its values are empty.
    let mut places: Vec<u32> = (0..u32::try_from(rows).unwrap_or(u32::MAX)).collect();
    for last in (1..places.len()).rev() {
        let other = usize::try_from(random.below(last as u64 + 1)).unwrap_or(last);
        places.swap(last, other);
    }
    places.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::feeder::load;
    use crate::plan::{Literal, Source};

    fn table(rows: usize) -> Table {
        load(&Source::Rows {
            columns: vec!["n".to_owned()],
            rows: (0..rows).map(|row| vec![Literal::Text(row.to_string())]).collect(),
        })
        .unwrap()
    }

    fn feeder(order: Order, at_end: AtEnd) -> Feeder {
        let source = Source::Rows { columns: Vec::new(), rows: Vec::new() };
        Feeder { name: "users".to_owned(), source, order, at_end, at: None }
    }

    fn dealer(order: Order, at_end: AtEnd, rows: usize, share: Share) -> Dealer {
        Dealer::new(&feeder(order, at_end), &table(rows), Some(share), 42)
    }

    /// Rows come in order; at the end they begin again, or the user stops, or the run fails.
    #[test]
    fn sequential() {
        let drawn = |at_end| {
            let mut dealer = dealer(Order::Sequential, at_end, 2, Share::WHOLE);
            [dealer.draw(0, 0), dealer.draw(7, 0), dealer.draw(0, 0)]
        };
        assert_eq!(drawn(AtEnd::Recycle), [Dealt::Row(0), Dealt::Row(1), Dealt::Row(0)]);
        assert_eq!(drawn(AtEnd::Stop), [Dealt::Row(0), Dealt::Row(1), Dealt::Stop]);
        assert_eq!(drawn(AtEnd::Fail), [Dealt::Row(0), Dealt::Row(1), Dealt::Fail]);
    }

    /// Users with rows of their own have the same one each time, and only some feeders share them out again.
    #[test]
    fn rows_of_users() {
        let mut own = dealer(Order::PerUser, AtEnd::Recycle, 3, Share::WHOLE);
        assert_eq!([own.draw(1, 0), own.draw(1, 0), own.draw(4, 0)], [Dealt::Row(1); 3]);
        assert_eq!(dealer(Order::PerUser, AtEnd::Stop, 3, Share::WHOLE).draw(3, 0), Dealt::Stop);
        assert_eq!(dealer(Order::Unique, AtEnd::Recycle, 3, Share::WHOLE).draw(3, 0), Dealt::Fail);
        assert_eq!(missing_rows(Order::Unique, &table(3), 3), Ok(()));
        assert_eq!(missing_rows(Order::Unique, &table(3), 4), Err(Fault::TooFewRows { users: 4, rows: 3 }));
        assert_eq!(missing_rows(Order::PerUser, &table(3), 4), Ok(()));
    }

    /// Where others deal out the rows, a user who comes all the same gets one only if rows are dealt again and again.
    #[test]
    fn without_a_share() {
        let drawn = |order, at_end| Dealer::new(&feeder(order, at_end), &table(2), None, 42).draw(1, 0);
        assert_eq!(drawn(Order::Sequential, AtEnd::Stop), Dealt::Stop);
        assert_eq!(drawn(Order::Sequential, AtEnd::Fail), Dealt::Stop);
        assert_eq!(drawn(Order::Sequential, AtEnd::Recycle), Dealt::Row(0));
        assert_eq!(drawn(Order::PerUser, AtEnd::Fail), Dealt::Row(1));
    }

    /// Random draws are spread evenly and never leave the table.
    #[test]
    fn random() {
        let mut dealer = dealer(Order::Random, AtEnd::Fail, 4, Share::WHOLE);
        let mut counts = [0; 4];
        for chance in 0..4000 {
            let Dealt::Row(row) = dealer.draw(0, chance) else { panic!("no row") };
            counts[row] += 1;
        }
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
    }

    /// Feeders of other names and seeds shuffle differently; the order is not the table's.
    #[test]
    fn shuffles_differ() {
        let drawn = |name: &str, seed| {
            let feeder = Feeder { name: name.to_owned(), ..feeder(Order::Shuffled, AtEnd::Stop) };
            let mut dealer = Dealer::new(&feeder, &table(50), Some(Share::WHOLE), seed);
            (0..50).map(|_| dealer.draw(0, 0)).collect::<Vec<_>>()
        };
        assert_eq!(drawn("a", 1), drawn("a", 1));
        assert_ne!(drawn("a", 1), drawn("a", 2));
        assert_ne!(drawn("a", 1), drawn("b", 1));
        assert_ne!(drawn("a", 1), (0..50).map(Dealt::Row).collect::<Vec<_>>());
    }

    proptest! {
        /// Over any number of workers, every row is dealt exactly once before the end.
        #[test]
        fn workers_deal_the_whole_table_once(rows in 1_usize..200, workers in 1_u32..8, shuffled: bool) {
            let order = if shuffled { Order::Shuffled } else { Order::Sequential };
            let mut times = vec![0; rows];
            for index in 0..workers {
                let mut dealer = dealer(order, AtEnd::Stop, rows, Share::new(index, workers).unwrap());
                while let Dealt::Row(row) = dealer.draw(0, 0) {
                    times[row] += 1;
                }
            }
            prop_assert!(times.iter().all(|times| *times == 1), "{times:?}");
        }

        /// As many workers as there may be, the draws of a number give the same row.
        #[test]
        fn draws_do_not_depend_on_workers(rows in 1_usize..50, workers in 1_u32..6, draws in 1_u64..100) {
            for order in [Order::Sequential, Order::Shuffled] {
                let mut alone = dealer(order, AtEnd::Recycle, rows, Share::WHOLE);
                let mut many: Vec<Dealer> = (0..workers)
                    .map(|index| dealer(order, AtEnd::Recycle, rows, Share::new(index, workers).unwrap()))
                    .collect();
                for draw in 0..draws {
                    let worker = usize::try_from(draw % u64::from(workers)).unwrap();
                    prop_assert_eq!(alone.draw(0, 0), many[worker].draw(0, 0));
                }
            }
        }

        /// Users of all workers have rows of their own, none twice.
        #[test]
        fn users_have_their_own_rows(users in 1_u32..100, workers in 1_u32..6) {
            let mut times = vec![0; users as usize];
            for index in 0..workers {
                let share = Share::new(index, workers).unwrap();
                let mut dealer = dealer(Order::Unique, AtEnd::Fail, users as usize, share);
                for position in 0..share.users(users) {
                    let user = u32::try_from(share.nth(u64::from(position))).unwrap();
                    let Dealt::Row(row) = dealer.draw(user, 0) else { panic!("no row") };
                    times[row] += 1;
                }
            }
            prop_assert!(times.iter().all(|times| *times == 1));
        }
    }
}
