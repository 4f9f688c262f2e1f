//! How often each duration occurred, cheap enough to be kept for every request.

/// What durations are counted in.
pub(super) const UNIT_NS: u64 = 1_000;
/// The longest duration told apart; longer ones count as this.
pub(super) const MAX_UNITS: u64 = 3_600_000_000;
/// Counters between one power of two and the next: three significant digits.
const BLOCK: usize = 1_024;
/// Blocks up to the one of [`MAX_UNITS`].
const BLOCKS: usize = 23;
const LENGTH: usize = BLOCK * BLOCKS;
/// Values below this have a counter each; the bits of this, less one, are those of the largest of them.
const LINEAR: u64 = 2 * BLOCK as u64;
const LINEAR_BITS: u32 = 64 - (LINEAR - 1).leading_zeros();

/// Counts of durations, in the layout of an HDR histogram with three digits, microseconds and a maximum of one hour.
///
/// Made for one second of one thread: counters are 32 bits wide and nothing else is kept, so that counting takes some
/// twenty instructions. The mask of touched blocks makes reading and clearing cost what was counted, not what could be,
/// and leaves the pages of untouched blocks unused. [`super::Histogram`] is the form to merge, ask and store.
#[derive(Debug)]
pub struct Counts {
    counters: Box<[u32]>,
    touched: u32,
}

impl Counts {
    /// No durations yet.
    #[must_use]
    pub fn new() -> Self {
        Self { counters: vec![0; LENGTH].into_boxed_slice(), touched: 0 }
    }

    /// Counts one duration, rounded to microseconds: at least 1 µs, at most one hour.
    #[inline]
    pub fn record(&mut self, duration_ns: u64) {
        let index = index_of(units(duration_ns));
        if let Some(counter) = self.counters.get_mut(index) {
            *counter = counter.wrapping_add(1);
            self.touched |= 1 << (index / BLOCK);
        }
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.touched == 0
    }

    /// The counted values in microseconds, ascending, each with its count. A value stands for the durations that share
    /// its counter: it is the least of them.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.touched_blocks().flat_map(move |block| {
            let start = block * BLOCK;
            let counters = self.counters.get(start..start + BLOCK).unwrap_or_default();
            counters
                .iter()
                .enumerate()
                .filter(|(_, count)| **count > 0)
                .map(move |(offset, count)| (value_at(start + offset), *count))
        })
    }

    /// Forgets everything, in time proportional to what was counted.
    pub fn clear(&mut self) {
        for block in self.touched_blocks() {
            if let Some(counters) = self.counters.get_mut(block * BLOCK..(block + 1) * BLOCK) {
                counters.fill(0);
            }
        }
        self.touched = 0;
    }

    fn touched_blocks(&self) -> impl Iterator<Item = usize> + use<> {
        let touched = self.touched;
        (0..BLOCKS).filter(move |block| touched & (1 << block) != 0)
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self::new()
    }
}

/// A duration in whole units, rounded to the nearest, within what is told apart.
#[inline]
pub(super) fn units(duration_ns: u64) -> u64 {
    ((duration_ns.min(MAX_UNITS * UNIT_NS) + UNIT_NS / 2) / UNIT_NS).max(1)
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "an index is below LENGTH for every value up to MAX_UNITS")]
fn index_of(value: u64) -> usize {
    let shift = u64::BITS - (value | (LINEAR - 1)).leading_zeros() - LINEAR_BITS;
    shift as usize * BLOCK + (value >> shift) as usize
}

/// The least value that [`index_of`] maps to this index.
fn value_at(index: usize) -> u64 {
    let index = index as u64;
    let block = BLOCK as u64;
    let shift = (index / block).saturating_sub(1);
    (index - shift * block) << shift
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Every value lies at or above the value of its own index and below that of the next.
        #[test]
        fn an_index_covers_its_value(value in 1..=MAX_UNITS) {
            let index = index_of(value);
            prop_assert!(index < LENGTH);
            prop_assert!(value_at(index) <= value);
            prop_assert!(value_at(index + 1) > value);
        }

        /// The values of one counter differ by less than a thousandth.
        #[test]
        fn a_counter_is_narrower_than_a_thousandth(value in 1..=MAX_UNITS) {
            let index = index_of(value);
            let width = value_at(index + 1) - value_at(index);
            prop_assert!(width == 1 || width * 1_000 < value);
        }
    }

    /// Rounds to the nearest microsecond, up to one hour and down to one microsecond.
    #[test]
    fn durations_are_rounded_into_range() {
        let seen: Vec<u64> = [0, 400, 1_499, 1_500, 3_600_000_000_000, u64::MAX].into_iter().map(units).collect();
        assert_eq!(seen, [1, 1, 1, 2, MAX_UNITS, MAX_UNITS]);
    }

    /// Clearing leaves nothing behind, in whichever blocks it was.
    #[test]
    fn cleared_counts_are_empty() {
        let mut counts = Counts::new();
        for duration_ns in [1, 2_500_000, 90_000_000_000, u64::MAX] {
            counts.record(duration_ns);
        }
        assert_eq!(counts.iter().map(|(_, count)| count).sum::<u32>(), 4);
        counts.clear();
        assert!(counts.is_empty());
        assert_eq!(counts.iter().count(), 0);
        assert!(counts.counters.iter().all(|counter| *counter == 0));
    }
}
