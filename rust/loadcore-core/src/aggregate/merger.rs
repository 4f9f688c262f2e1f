//! Encoded histograms of many windows become those of fewer, longer ones.

use super::encoding::{COUNTERS, HistogramError, Reader, Writer, value_at};

/// Merges encoded histograms, a set after another, using its memory again. It costs what the counters in use cost, not
/// what a whole histogram does.
#[derive(Debug)]
pub struct Merger {
    reader: Reader,
    writer: Writer,
    counts: Vec<u64>,
    used: Vec<u64>,
}

impl Merger {
    /// A merger with its memory.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "a constant of some thousands")]
    pub fn new() -> Self {
        Self { reader: Reader::new(), writer: Writer::new(), counts: vec![0; COUNTERS as usize], used: Vec::new() }
    }

    /// Merges a set. The encoding of a single one is given back as it is, without a look into it.
    ///
    /// # Errors
    /// Some of the bytes are no HDR V2 histogram, or one with other bounds.
    pub fn merge(&mut self, encoded: &[&[u8]]) -> Result<Vec<u8>, HistogramError> {
        if let [only] = encoded {
            return Ok(only.to_vec());
        }
        let found = encoded.iter().try_for_each(|bytes| self.add(bytes));
        self.used.sort_unstable();
        let mut merged = Vec::new();
        let Self { counts, used, writer, .. } = self;
        #[expect(clippy::cast_possible_truncation, reason = "an index of `counts`")]
        let counted = used.drain(..).map(|index| (value_at(index), std::mem::take(&mut counts[index as usize])));
        // What a failed one left is taken out as well.
        let counted: Vec<_> = counted.collect();
        found?;
        writer.write(counted.into_iter(), &mut merged)?;
        Ok(merged)
    }

    #[expect(clippy::cast_possible_truncation, reason = "an index of `counts`")]
    fn add(&mut self, bytes: &[u8]) -> Result<(), HistogramError> {
        let Self { reader, counts, used, .. } = self;
        reader.read(bytes, |index, count| {
            let counter = &mut counts[index as usize];
            if *counter == 0 {
                used.push(index);
            }
            *counter = counter.saturating_add(count);
        })
    }
}

impl Default for Merger {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Histogram;
    use super::*;

    fn encoded(durations: &[u64]) -> Vec<u8> {
        let mut histogram = Histogram::new();
        for duration_ns in durations {
            histogram.record(*duration_ns);
        }
        histogram.encode().unwrap()
    }

    proptest! {
        /// A merge of encodings is that of their histograms, whatever was merged or refused before.
        #[test]
        fn encodings_merge_as_histograms_do(
            sets in prop::collection::vec(prop::collection::vec(prop::collection::vec(0_u64..5_000_000_000, 0..40), 1..5), 1..4)
        ) {
            let mut merger = Merger::new();
            for set in &sets {
                let parts: Vec<_> = set.iter().map(|durations| encoded(durations)).collect();
                let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
                prop_assert!(merger.merge(&[parts[0], b"damaged"]).is_err());
                let mut expected = Histogram::new();
                for part in &parts {
                    expected.add_encoded(part).unwrap();
                }
                let merged = merger.merge(&parts).unwrap();
                prop_assert_eq!(Histogram::decode(&merged).unwrap(), expected);
            }
        }
    }
}
