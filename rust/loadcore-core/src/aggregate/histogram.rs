//! The histogram that is merged, asked and stored.

use hdrhistogram::Histogram as Hdr;

use super::counts::{Counts, MAX_UNITS, UNIT_NS, units};
use super::encoding::{self, DIGITS, HistogramError, Writer};

/// Durations from 1 µs to one hour with three significant digits (an HDR histogram). Merging loses nothing. It takes as
/// much memory as its longest duration needs: a run has many of them for each step, and steps by the hundred.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    hdr: Hdr<u64>,
}

impl Histogram {
    /// An empty histogram.
    ///
    /// # Panics
    /// Never: the bounds are constants, and every test of this type makes one.
    #[must_use]
    #[expect(clippy::expect_used, reason = "constant bounds")]
    pub fn new() -> Self {
        let mut hdr = Hdr::new_with_bounds(1, 2, DIGITS).expect("constant bounds are valid");
        hdr.auto(true);
        Self { hdr }
    }

    /// Counts one duration.
    pub fn record(&mut self, duration_ns: u64) {
        self.count_units(units(duration_ns), 1);
    }

    /// Counts a value in units of the histogram.
    ///
    /// # Panics
    /// Never: there is memory for all values up to the bound.
    #[expect(clippy::expect_used, reason = "an index below the bound fits")]
    fn count_units(&mut self, value: u64, count: u64) {
        self.hdr.record_n(value.clamp(1, MAX_UNITS), count).expect("it grows");
    }

    /// Adds what a window counted.
    pub fn add_counts(&mut self, counts: &Counts) {
        for (value, count) in counts.iter() {
            self.count_units(value, u64::from(count));
        }
    }

    /// Adds another histogram.
    ///
    /// # Panics
    /// Never: it grows to what the other holds.
    #[expect(clippy::expect_used, reason = "an index below the bound fits")]
    pub fn add(&mut self, other: &Self) {
        self.hdr.add(&other.hdr).expect("it grows");
    }

    /// How many durations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.hdr.len()
    }

    /// The duration that the share `q` (0 to 1) of all durations does not exceed, to 0.1 %; 0 if there are none.
    #[must_use]
    pub fn quantile(&self, q: f64) -> u64 {
        self.hdr.value_at_quantile(q.clamp(0.0, 1.0)) * UNIT_NS
    }

    /// The shortest duration, to 0.1 %; 0 if there are none.
    #[must_use]
    pub fn min_ns(&self) -> u64 {
        self.hdr.min() * UNIT_NS
    }

    /// The longest duration, to 0.1 %; 0 if there are none.
    #[must_use]
    pub fn max_ns(&self) -> u64 {
        self.hdr.max() * UNIT_NS
    }

    /// The mean, to 0.1 %; 0 if there are none. Windows also carry exact sums.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a mean of durations is between 0 and one hour"
    )]
    pub fn mean_ns(&self) -> u64 {
        (self.hdr.mean() * 1_000.0).round() as u64
    }

    /// The durations that occurred, ascending: the upper end of each counter, in nanoseconds, and its count.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.hdr.iter_recorded().map(|bucket| (bucket.value_iterated_to() * UNIT_NS, bucket.count_at_value()))
    }

    /// The HDR V2 compressed encoding, values in microseconds: any HDR library reads it.
    ///
    /// # Errors
    /// A count is above `i64::MAX`.
    pub fn encode(&self) -> Result<Vec<u8>, HistogramError> {
        let mut bytes = Vec::new();
        let counts = self.hdr.iter_recorded().map(|bucket| (bucket.value_iterated_to(), bucket.count_at_value()));
        Writer::new().write(counts, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// The bytes are no HDR V2 histogram, or one with other bounds.
    pub fn decode(bytes: &[u8]) -> Result<Self, HistogramError> {
        let mut histogram = Self::new();
        histogram.add_encoded(bytes)?;
        Ok(histogram)
    }

    /// Adds what [`Self::encode`] wrote, all of it or, on an error, nothing.
    ///
    /// # Errors
    /// The bytes are no HDR V2 histogram, or one with other bounds.
    pub fn add_encoded(&mut self, bytes: &[u8]) -> Result<(), HistogramError> {
        for (value, count) in encoding::read(bytes)? {
            self.count_units(value, count);
        }
        Ok(())
    }

    /// Adds an encoded histogram with a difference to it: less the content of `less`, plus the content of `more`. A
    /// counter from which more is taken than it holds is left with nothing.
    ///
    /// # Errors
    /// Some of the bytes are no HDR V2 histogram, or one with other bounds. Nothing is added then.
    pub fn add_differing(
        &mut self,
        bytes: &[u8],
        less: Option<&[u8]>,
        more: Option<&[u8]>,
    ) -> Result<(), HistogramError> {
        let [counts, less, more] =
            [Some(bytes), less, more].map(|bytes| bytes.map_or_else(|| Ok(Vec::new()), encoding::read));
        let (counts, less, more) = (counts?, less?, more?);
        let mut less = less.into_iter().peekable();
        for (value, count) in counts {
            while less.next_if(|(other, _)| *other < value).is_some() {}
            let taken = less.next_if(|(other, _)| *other == value).map_or(0, |(_, taken)| taken);
            if count > taken {
                self.count_units(value, count - taken);
            }
        }
        for (value, count) in more {
            self.count_units(value, count);
        }
        Ok(())
    }

    /// How many durations an encoding holds in all, and how many of them are longer than each limit. A limit stands for
    /// all durations that share its counter.
    ///
    /// # Errors
    /// The bytes are no HDR V2 histogram, or one with other bounds.
    pub fn count_above(bytes: &[u8], limits_ns: &[u64]) -> Result<(u64, Vec<u64>), HistogramError> {
        let (mut total, mut above) = (0, vec![0; limits_ns.len()]);
        let limits: Vec<u64> = limits_ns.iter().map(|limit_ns| limit_ns / UNIT_NS).collect();
        for (value, count) in encoding::read(bytes)? {
            total += count;
            for (limit, longer) in limits.iter().zip(&mut above) {
                *longer += if value > *limit { count } else { 0 };
            }
        }
        Ok((total, above))
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

/// Encodes many [`Counts`], using its memory again.
#[derive(Debug)]
pub struct Encoder {
    writer: Writer,
}

impl Encoder {
    /// An encoder with its scratch memory.
    #[must_use]
    pub fn new() -> Self {
        Self { writer: Writer::new() }
    }

    /// The encoding of `counts`, as [`Histogram::encode`] would give it.
    ///
    /// # Errors
    /// None in practice: a window's counts are far below the limit of [`Histogram::encode`].
    pub fn encode(&mut self, counts: &Counts) -> Result<Vec<u8>, HistogramError> {
        self.encode_counts(counts.iter())
    }

    /// The encoding of what occurred more often in `counts` than in `other`; `None` if nothing did.
    ///
    /// # Errors
    /// As of [`Self::encode`].
    pub fn encode_excess(&mut self, counts: &Counts, other: &Counts) -> Result<Option<Vec<u8>>, HistogramError> {
        let mut excess = counts.excess_over(other).peekable();
        if excess.peek().is_none() {
            return Ok(None);
        }
        self.encode_counts(excess).map(Some)
    }

    fn encode_counts(&mut self, counts: impl Iterator<Item = (u64, u32)>) -> Result<Vec<u8>, HistogramError> {
        let mut bytes = Vec::new();
        self.writer.write(counts.map(|(value, count)| (value, u64::from(count))), &mut bytes)?;
        Ok(bytes)
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Durations of every magnitude, not mostly long ones.
    fn durations() -> impl Strategy<Value = Vec<u64>> {
        let duration = (0_u32..42).prop_flat_map(|bits| 0..(1_u64 << bits).max(1));
        prop::collection::vec(duration, 1..400)
    }

    fn counted(durations: &[u64]) -> Counts {
        let mut counts = Counts::new();
        for duration_ns in durations {
            counts.record(*duration_ns);
        }
        counts
    }

    fn histogram(durations: &[u64]) -> Histogram {
        let mut histogram = Histogram::new();
        histogram.add_counts(&counted(durations));
        histogram
    }

    proptest! {
        /// Our own counters and those of the HDR library say the same of every duration.
        #[test]
        fn counts_agree_with_the_library(durations in durations()) {
            let mut expected = Histogram::new();
            for duration_ns in &durations {
                expected.record(*duration_ns);
            }
            prop_assert_eq!(histogram(&durations), expected);
        }

        /// The merge of two parts is the histogram of the whole.
        #[test]
        fn parts_merge_to_the_whole(durations in durations(), at in any::<prop::sample::Index>()) {
            let (left, right) = durations.split_at(at.index(durations.len()));
            let mut merged = histogram(left);
            merged.add(&histogram(right));
            prop_assert_eq!(merged, histogram(&durations));
        }

        /// A quantile is at most 0.1 % (and half a microsecond) from the one found by sorting.
        #[test]
        fn quantiles_agree_with_sorting(mut durations in durations(), q in 0.0..=1.0_f64) {
            let seen = histogram(&durations).quantile(q);
            durations.sort_unstable();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a rank in a short list")]
            let rank = ((q * durations.len() as f64).ceil() as usize).clamp(1, durations.len());
            let exact = durations[rank - 1].clamp(UNIT_NS, MAX_UNITS * UNIT_NS);
            prop_assert!(seen.abs_diff(exact) <= exact / 1_000 + UNIT_NS / 2, "{seen} is not {exact}");
        }

        /// What an encoding holds above a limit is what comes after the limit's own counter.
        #[test]
        fn counts_above_a_limit_are_those_of_longer_counters(durations in durations(), at in any::<prop::sample::Index>()) {
            let histogram = histogram(&durations);
            let buckets: Vec<_> = histogram.buckets().collect();
            let place = at.index(buckets.len());
            let (total, above) = Histogram::count_above(&histogram.encode()?, &[buckets[place].0, 0])?;
            prop_assert_eq!(total, histogram.count());
            prop_assert_eq!(above[0], buckets[place + 1..].iter().map(|(_, count)| count).sum::<u64>());
            prop_assert_eq!(above[1], total);
        }

        /// What is encoded is read back the same; the encoder for counts writes the same bytes.
        #[test]
        fn encoding_is_read_back(durations in durations()) {
            let expected = histogram(&durations);
            let bytes = expected.encode()?;
            prop_assert_eq!(&Histogram::decode(&bytes)?, &expected);
            prop_assert_eq!(Encoder::new().encode(&counted(&durations))?, bytes);
        }

        /// Response times less their delays are what the response times give with the stored difference.
        #[test]
        fn a_histogram_and_a_difference_give_the_other(
            delayed in prop::collection::vec((0_u64..1 << 36, 0_u32..36), 0..400)
        ) {
            let response: Vec<u64> = delayed.iter().map(|(own, bits)| own + (1_u64 << bits) - 1).collect();
            let undelayed: Vec<u64> = delayed.iter().map(|(own, _)| *own).collect();
            let (there, without) = (counted(&response), counted(&undelayed));
            let mut encoder = Encoder::new();
            let less = encoder.encode_excess(&there, &without)?;
            let more = encoder.encode_excess(&without, &there)?;
            let mut seen = Histogram::new();
            seen.add_differing(&encoder.encode(&there)?, less.as_deref(), more.as_deref())?;
            prop_assert!(seen == histogram(&undelayed));
            prop_assert_eq!(less.is_none(), there.iter().eq(without.iter()));
        }

        /// Bytes that are not a histogram are refused, never a panic.
        #[test]
        fn noise_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(Histogram::decode(&bytes).is_err());
        }

        /// The buckets hold every duration once.
        #[test]
        fn buckets_hold_everything_once(durations in durations()) {
            let histogram = histogram(&durations);
            prop_assert_eq!(histogram.buckets().map(|(_, count)| count).sum::<u64>(), durations.len() as u64);
            prop_assert_eq!(histogram.count(), durations.len() as u64);
        }
    }

    /// A histogram with other bounds is refused with its bounds in the message.
    #[test]
    fn other_bounds_are_refused() -> Result<(), Box<dyn std::error::Error>> {
        use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

        let other = Hdr::<u64>::new_with_bounds(1, 1_000, 2)?;
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&other, &mut bytes)?;
        let message = Histogram::decode(&bytes).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains("from 1 to 1000 with 2 digits"), "{message}");
        Ok(())
    }

    /// A difference that is damaged adds nothing, and one that takes too much leaves nothing behind.
    #[test]
    fn a_difference_that_does_not_fit_is_harmless() -> Result<(), HistogramError> {
        let (bytes, more) = (histogram(&[5_000, 9_000]).encode()?, histogram(&[5_000, 5_000, 7_000]).encode()?);
        let mut seen = Histogram::new();
        assert!(seen.add_differing(&bytes, Some(&bytes[..9]), None).is_err());
        assert_eq!(seen.count(), 0);
        seen.add_differing(&bytes, Some(&more), None)?;
        assert_eq!(seen.buckets().collect::<Vec<_>>(), [(9_000, 1)]);
        Ok(())
    }

    /// What is short takes little memory, also of a histogram that short ones are added to; what is long is not cut off.
    #[test]
    fn it_grows_with_its_longest_duration() {
        let mut short = histogram(&[1_000_000]);
        short.add(&histogram(&[2_000_000]));
        assert!(short.hdr.distinct_values() <= 2_048);
        short.add(&histogram(&[2 * MAX_UNITS * UNIT_NS]));
        assert_eq!((short.count(), short.max_ns()), (3, histogram(&[MAX_UNITS * UNIT_NS]).max_ns()));
    }

    /// An empty histogram answers zero, before and after the encoding.
    #[test]
    fn an_empty_histogram_is_all_zero() -> Result<(), HistogramError> {
        let histogram = Histogram::decode(&Histogram::new().encode()?)?;
        assert_eq!(
            (histogram.count(), histogram.quantile(0.5), histogram.min_ns(), histogram.max_ns(), histogram.mean_ns()),
            (0, 0, 0, 0, 0)
        );
        Ok(())
    }
}
