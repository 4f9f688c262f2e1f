//! Shares: which part of a run is a worker's.

/// Share `index` of `count`: a worker owns the users, arrivals and feeder draws whose number leaves `index` when divided
/// by `count`. The shares of a run are its whole, and no two overlap. A run with one worker is share 0 of 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    index: u32,
    count: u32,
}

impl Share {
    /// The only share of a run with one worker.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Share `index` of `count`; `None` unless `index < count`.
    #[must_use]
    pub const fn new(index: u32, count: u32) -> Option<Self> {
        if index < count { Some(Self { index, count }) } else { None }
    }

    /// Which share this is, from 0.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }

    /// How many shares there are.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Whether the thing of this number, counted over the whole run, belongs to this share.
    #[must_use]
    pub fn owns(self, number: u64) -> bool {
        number % u64::from(self.count) == u64::from(self.index)
    }

    /// The run-wide number of this share's thing number `position`. Saturates.
    #[must_use]
    pub fn nth(self, position: u64) -> u64 {
        position.saturating_mul(u64::from(self.count)).saturating_add(u64::from(self.index))
    }

    /// How many of `total` things belong to this share.
    #[must_use]
    pub fn part(self, total: u64) -> u64 {
        let whole_rounds = total / u64::from(self.count);
        whole_rounds + u64::from(total % u64::from(self.count) > u64::from(self.index))
    }

    /// This share of what `users` users take, which is dealt out among the shares that have users; `None` without one.
    #[must_use]
    pub fn among_users(self, users: u32) -> Option<Self> {
        Self::new(self.index, self.count.min(users))
    }

    /// How many of `total` things that `users` users take belong to this share.
    #[must_use]
    pub fn part_of_users(self, total: u64, users: u32) -> u64 {
        self.among_users(users).map_or(0, |share| share.part(total))
    }

    /// How many of `total` users belong to this share.
    #[must_use]
    pub fn users(self, total: u32) -> u32 {
        total / self.count + u32::from(total % self.count > self.index)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A share that is not among its siblings cannot be made.
    #[test]
    fn index_must_be_below_count() {
        assert_eq!(Share::new(0, 0), None);
        assert_eq!(Share::new(2, 2), None);
        assert_eq!(Share::new(0, 1), Some(Share::WHOLE));
    }

    proptest! {
        /// What users take is dealt out whole, and only to shares that have users.
        #[test]
        fn what_users_take_goes_to_shares_with_users(total in 0_u64..500, users in 1_u32..9, count in 1_u32..9) {
            let shares = (0..count).map(|index| Share::new(index, count).unwrap());
            let parts: Vec<(u64, u32)> = shares.map(|it| (it.part_of_users(total, users), it.users(users))).collect();
            prop_assert_eq!(parts.iter().map(|(part, _)| part).sum::<u64>(), total);
            prop_assert!(parts.iter().all(|(part, users)| *part == 0 || *users > 0));
        }

        /// Every thing belongs to exactly one share, and counting, listing and asking agree.
        #[test]
        fn shares_partition_the_whole(total in 0_u64..500, count in 1_u32..9) {
            let mut owners = vec![0; usize::try_from(total).unwrap()];
            for index in 0..count {
                let share = Share::new(index, count).unwrap();
                let listed: Vec<u64> = (0..total).map(|position| share.nth(position)).take_while(|number| *number < total).collect();
                prop_assert_eq!(listed.len() as u64, share.part(total));
                prop_assert_eq!(u64::from(share.users(u32::try_from(total).unwrap())), share.part(total));
                for number in listed {
                    prop_assert!(share.owns(number));
                    owners[usize::try_from(number).unwrap()] += 1;
                }
            }
            prop_assert!(owners.iter().all(|times| *times == 1));
        }
    }
}
