//! How often each duration occurred, cheap enough to be kept for every request.

/// What durations are counted in.
pub(super) const UNIT_NS: u64 = 1_000;
/// The longest distinct duration; longer ones count as this.
pub(super) const MAX_UNITS: u64 = 3_600_000_000;

/// Counters from one power of two to the next, and the bias: durations below this many units have a counter each.
const BLOCK: usize = 2_048;
/// What is added to a duration to round it and to bias it.
const BIAS_NS: u64 = BLOCK as u64 * UNIT_NS + UNIT_NS / 2;
/// The bits of a biased duration, as a float, that are not in its index: all but the exponent and 11 of the fraction.
const SHIFT: u32 = f64::MANTISSA_DIGITS - 1 - BLOCK.trailing_zeros();
/// The index bits of the shortest biased duration.
const FIRST: u64 = 2_048_f64.to_bits() >> SHIFT;
/// Counters found through the float: up to 8.4 seconds. Beyond that the bias would blur the edges of counters.
const SHORT: usize = 12 * BLOCK;

/// Counters from one power of two to the next, of long durations.
const LONG_BLOCK: usize = 1_024;
/// The power of two that long durations begin at, or a little below the next.
const LONG_POWER: u32 = 22;
const LENGTH: usize = SHORT + 10 * LONG_BLOCK;

/// Counts of durations: of each as often as it occurred, to 0.1 %.
///
/// Made for one second of one thread, and for a dozen instructions a duration: the exponent and the leading digits of a
/// floating-point number *are* a logarithmic index, and with a bias they are a linear one below 2 ms. Each counter lies
/// within one of an HDR histogram with three digits, microseconds and a maximum of one hour, so turning these into
/// [`super::Histogram`], the form to merge, ask and store, gives exactly what that would have counted.
///
/// Pages of counters that are never touched are never taken.
#[derive(Debug)]
pub struct Counts {
    counters: Box<[u32; LENGTH]>,
}

impl Counts {
    /// No durations yet.
    ///
    /// # Panics
    /// Never: the slice has the length of the array.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a slice of the array's length")]
    pub fn new() -> Self {
        // Through a vector, because an array of this size does not belong on a stack.
        let counters = vec![0; LENGTH].into_boxed_slice();
        Self { counters: counters.try_into().expect("a slice of the array's length") }
    }

    /// Counts one duration (below 2^63 ns), rounded to microseconds.
    #[inline]
    pub fn record(&mut self, duration_ns: u64) {
        let index = short_index(duration_ns);
        if index < SHORT {
            self.count(index);
        } else {
            self.record_long(duration_ns);
        }
    }

    #[cold]
    fn record_long(&mut self, duration_ns: u64) {
        self.count(long_index(units(duration_ns)));
    }

    #[inline]
    fn count(&mut self, index: usize) {
        self.counters[index] = self.counters[index].wrapping_add(1);
    }

    /// The counted values in microseconds, ascending, each with its count. A value stands for the durations that share
    /// its counter: it is the least of them.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        let touched = self.counters.chunks(BLOCK).enumerate().filter(|(_, block)| is_touched(block));
        touched.flat_map(|(number, block)| {
            let counted = block.iter().enumerate().filter(|(_, count)| **count > 0);
            counted.map(move |(offset, count)| (value_at(number * BLOCK + offset), *count))
        })
    }

    /// What occurred more often here than there, ascending, each value with the excess.
    pub fn excess_over(&self, other: &Self) -> impl Iterator<Item = (u64, u32)> {
        let blocks = self.counters.chunks(BLOCK).zip(other.counters.chunks(BLOCK)).enumerate();
        let touched = blocks.filter(|(_, (own, _))| is_touched(own));
        touched.flat_map(|(number, (own, theirs))| {
            let pairs = own.iter().zip(theirs).enumerate().filter(|(_, (own, theirs))| own > theirs);
            pairs.map(move |(offset, (own, theirs))| (value_at(number * BLOCK + offset), own - theirs))
        })
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        // Untouched blocks are only read, which takes no memory for them.
        self.counters.chunks_mut(BLOCK).filter(|block| is_touched(block)).for_each(|block| block.fill(0));
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self::new()
    }
}

/// A duration in whole units, rounded to the nearest, within the distinct range.
#[inline]
pub(super) fn units(duration_ns: u64) -> u64 {
    ((duration_ns.min(MAX_UNITS * UNIT_NS) + UNIT_NS / 2) / UNIT_NS).max(1)
}

/// The counter of a short duration; at or beyond [`SHORT`] for a long one.
#[inline]
#[expect(clippy::cast_precision_loss, reason = "exact up to 104 days, and longer durations are long anyway")]
fn short_index(duration_ns: u64) -> usize {
    // As a signed number, because that is one instruction to convert, and an unsigned one is ten.
    let biased_ns = duration_ns.wrapping_add(BIAS_NS).cast_signed();
    // 0.001 is rounded up in binary, so whole microseconds never come out just below themselves.
    let biased = biased_ns as f64 * 0.001;
    (biased.to_bits() >> SHIFT).wrapping_sub(FIRST) as usize
}

/// The counter of a long duration in units, at most [`MAX_UNITS`].
#[expect(clippy::cast_possible_truncation, reason = "below LENGTH")]
fn long_index(units: u64) -> usize {
    let shift = units.ilog2() - LONG_BLOCK.trailing_zeros();
    let block = (units.ilog2() - LONG_POWER) as usize;
    SHORT + block * LONG_BLOCK + (units >> shift) as usize - LONG_BLOCK
}

/// The least value, in units, that counts at this index.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number from 2,048 on")]
fn value_at(index: usize) -> u64 {
    let Some(long) = index.checked_sub(SHORT) else {
        let biased = f64::from_bits((FIRST + index as u64) << SHIFT);
        return (biased as u64 - BLOCK as u64).max(1);
    };
    let (block, offset) = (long / LONG_BLOCK, long % LONG_BLOCK);
    ((LONG_BLOCK + offset) as u64) << (block as u32 + LONG_POWER - LONG_BLOCK.trailing_zeros())
}

fn is_touched(block: &[u32]) -> bool {
    block.iter().fold(0, |all, count| all | count) != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Every duration counts where it is covered, to the nanosecond, from the first to the last.
        #[test]
        fn a_counter_covers_its_durations(units in units_of_all_sizes(), rest_ns in 0..UNIT_NS) {
            let (least, next) = counter(units * UNIT_NS - UNIT_NS / 2 + rest_ns);
            prop_assert!(least <= units && units < next, "{least} {units} {next}");
        }

        /// The values of one counter differ by less than a thousandth.
        #[test]
        fn a_counter_is_narrower_than_a_thousandth(units in units_of_all_sizes()) {
            let (least, next) = counter(units * UNIT_NS);
            prop_assert!(next - least == 1 || (next - least) * 1_000 < units);
        }
    }

    fn units_of_all_sizes() -> impl Strategy<Value = u64> {
        (0_u32..32).prop_flat_map(|bits| (1_u64 << bits)..(2_u64 << bits).min(MAX_UNITS))
    }

    /// The least value of the counter of a duration, and of the next one.
    fn counter(duration_ns: u64) -> (u64, u64) {
        let short = short_index(duration_ns);
        let index = if short < SHORT { short } else { long_index(units(duration_ns)) };
        assert!(index < LENGTH);
        let next = if index + 1 == SHORT { (1 << 23) - BLOCK as u64 } else { value_at(index + 1) };
        (value_at(index), next)
    }

    /// Whole microseconds and the nanosecond below them are distinct wherever counters are one unit wide.
    #[test]
    fn rounding_is_exact_in_the_linear_part() {
        for units in 2..BLOCK as u64 {
            assert_eq!(value_at(short_index(units * UNIT_NS - UNIT_NS / 2)), units);
            assert_eq!(value_at(short_index(units * UNIT_NS - UNIT_NS / 2 - 1)), units - 1);
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
        for duration_ns in [1, 2_500_000, 90_000_000_000, u64::MAX >> 1] {
            counts.record(duration_ns);
        }
        assert_eq!(counts.iter().map(|(_, count)| count).sum::<u32>(), 4);
        counts.clear();
        assert_eq!(counts.iter().count(), 0);
        assert!(counts.counters.iter().all(|counter| *counter == 0));
    }
}
