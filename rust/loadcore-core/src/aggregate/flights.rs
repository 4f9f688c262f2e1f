//! Requests in flight, counted twice: from their sends, and from their records.

/// What was sent so far: how many requests, and the sum of the times at which they were. A request that is sent again
/// over another connection counts once.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sends {
    pub(crate) count: u64,
    /// Wraps: only differences are of interest.
    pub(crate) sum_ns: u64,
}

impl Sends {
    /// Counts a request that was sent just now.
    #[inline]
    pub(crate) fn add(&mut self, now_ns: u64) {
        self.count += 1;
        self.sum_ns = self.sum_ns.wrapping_add(now_ns);
    }
}

/// The time that requests spent in flight, by Little's law in its exact form: the integral over time of how many were
/// in flight is the sum of how long each of them was. The integral is made of sends and of ends, the sum of records
/// alone, so that a request that was lost, or counted twice, or a clock that jumped, drives them apart.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    ends: Sends,
    took_ns: u64,
    told: (u64, u64),
}

impl Flights {
    /// Takes the record of a request that was sent.
    #[inline]
    pub(crate) fn ended(&mut self, end_ns: u64, took_ns: u64) {
        self.ends.add(end_ns);
        self.took_ns = self.took_ns.wrapping_add(took_ns);
    }

    /// The integral up to now, and the sum, each less what was reported before.
    ///
    /// With `n` requests in flight it is `n * now`, less the sum of all sends, and with the sum of all ends: a request
    /// that has ended adds the difference of its two times, one that has not the time since it was sent.
    pub(crate) fn settle(&mut self, sends: Sends, now_ns: u64) -> (i64, i64) {
        let in_flight = sends.count.wrapping_sub(self.ends.count);
        let integral = in_flight.wrapping_mul(now_ns).wrapping_sub(sends.sum_ns).wrapping_add(self.ends.sum_ns);
        let (integral_told, took_told) = std::mem::replace(&mut self.told, (integral, self.took_ns));
        (integral.wrapping_sub(integral_told).cast_signed(), self.took_ns.wrapping_sub(took_told).cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sends of these times.
    fn sent(times: &[u64]) -> Sends {
        times.iter().fold(Sends::default(), |mut sends, time| {
            sends.add(*time);
            sends
        })
    }

    proptest! {
        /// Told at any moments, the integral adds up to the sum of the times, once all requests have ended.
        #[test]
        fn the_integral_is_the_sum(
            requests in prop::collection::vec((0_u64..1 << 47, 0_u64..1 << 40), 1..60),
            moments in prop::collection::vec(0_u64..1 << 48, 0..8),
        ) {
            let mut moments = moments;
            moments.push(1 << 48);
            moments.sort_unstable();
            let (mut flights, mut total, mut by_moment) = (Flights::default(), (0, 0), Vec::new());
            let mut before = 0;
            for now in moments {
                for (start, took) in requests.iter().filter(|(start, took)| (before..now).contains(&(start + took))) {
                    flights.ended(start + took, *took);
                }
                let starts: Vec<u64> = requests.iter().map(|(start, _)| *start).filter(|start| *start < now).collect();
                let (integral, took) = flights.settle(sent(&starts), now);
                total = (total.0 + integral, total.1 + took);
                let overlap = |(start, took): &(u64, u64)| (start + took).min(now).saturating_sub((*start).max(before));
                by_moment.push((integral, requests.iter().map(overlap).sum::<u64>().cast_signed()));
                before = now;
            }
            prop_assert_eq!(total.0, total.1);
            // In each stretch it is the sum of what the requests overlap with it.
            for (integral, overlaps) in by_moment {
                prop_assert_eq!(integral, overlaps);
            }
        }
    }

    #[test]
    fn a_lost_record_drives_them_apart() {
        let mut flights = Flights::default();
        flights.ended(110, 10);
        // Of two that were sent one was recorded; the other is in flight until the end.
        assert_eq!(flights.settle(sent(&[100, 200]), 1_000), (810, 10));
    }

    #[test]
    fn a_record_made_twice_drives_them_apart() {
        let mut flights = Flights::default();
        flights.ended(110, 10);
        flights.ended(110, 10);
        assert_eq!(flights.settle(sent(&[100]), 1_000), (10 - 890, 20));
    }

    #[test]
    fn an_end_before_its_send_drives_them_apart() {
        // A clock that jumped back: the record says that it took no time.
        let mut flights = Flights::default();
        flights.ended(50, 0);
        assert_eq!(flights.settle(sent(&[100]), 1_000), (-50, 0));
    }
}
