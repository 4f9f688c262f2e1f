//! The V2 compressed encoding of HDR histograms, for the one kind of histogram that loadcore has.
//!
//! The HDR library has it too, but takes a new compressor and a fresh array of all counters for each histogram, which
//! is ten times the work of encoding the few hundred counters of a second. The tests compare this with the library.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::counts::MAX_UNITS;

/// Significant digits of every histogram.
pub(super) const DIGITS: u8 = 3;

const COOKIE: u32 = 0x1C84_9303 | 0x10;
const COMPRESSED_COOKIE: u32 = 0x1C84_9304 | 0x10;
const HEAD_BYTES: usize = 40;
/// Counters from one power of two to the next.
const BLOCK: u64 = 1_024;
/// All counters: 22 powers of two up to [`MAX_UNITS`], the lowest of twice the size.
pub(super) const COUNTERS: u64 = 23 * BLOCK;
/// What a count takes at most.
const VARINT_BYTES: usize = 9;
/// What a histogram takes at most before it is compressed.
const PLAIN_BYTES: usize = HEAD_BYTES + 23 * 1_024 * VARINT_BYTES;
/// What nearly every window needs. All of the memory is cleared first, which would take longer than the rest.
const USUAL_BYTES: usize = 8 << 10;

/// Why bytes are not a histogram of ours, or one that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum HistogramError {
    /// Not the compressed V2 encoding, or damaged.
    #[error("not an encoded histogram: {0}")]
    Malformed(&'static str),
    /// A histogram, but with other bounds than ours: it could not be merged without loss.
    #[error(
        "the histogram counts from {low} to {high} with {digits} digits; loadcore's count microseconds up to one hour with 3"
    )]
    OtherBounds {
        /// Its lowest value.
        low: u64,
        /// Its highest value.
        high: u64,
        /// Its significant digits.
        digits: u32,
    },
    /// A count is too large to be written.
    #[error("cannot encode the histogram: {0}")]
    Unencodable(String),
}

/// Writes encodings, using its memory again.
#[derive(Debug)]
pub(super) struct Writer {
    plain: Vec<u8>,
    compress: Compress,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { plain: Vec::new(), compress: Compress::new(Compression::fast(), true) }
    }

    /// Appends the encoding of these counts, given with their values in ascending order.
    pub(super) fn write(
        &mut self,
        counts: impl Iterator<Item = (u64, u64)>,
        bytes: &mut Vec<u8>,
    ) -> Result<(), HistogramError> {
        self.plain.clear();
        self.plain.resize(HEAD_BYTES, 0);
        self.write_counts(counts)?;
        self.write_head();
        let start = bytes.len();
        bytes.extend_from_slice(&COMPRESSED_COOKIE.to_be_bytes());
        bytes.extend_from_slice(&[0; 4]);
        // More than incompressible bytes would grow by.
        bytes.reserve(self.plain.len() + self.plain.len() / 8 + 64);
        self.compress.reset();
        let status = self.compress.compress_vec(&self.plain, bytes, FlushCompress::Finish);
        if !matches!(status, Ok(Status::StreamEnd)) {
            return Err(HistogramError::Unencodable("the compressor did not finish".into()));
        }
        let length = u32::try_from(bytes.len() - start - 8).unwrap_or(u32::MAX);
        bytes[start + 4..start + 8].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    fn write_counts(&mut self, counts: impl Iterator<Item = (u64, u64)>) -> Result<(), HistogramError> {
        let mut counts = counts.map(|(value, count)| (index_of(value), count)).peekable();
        let mut next = 0;
        while let Some((index, mut count)) = counts.next() {
            while let Some((_, more)) = counts.next_if(|(other, _)| *other == index) {
                count += more;
            }
            let count = i64::try_from(count).map_err(|_| HistogramError::Unencodable(format!("a count of {count}")))?;
            match index - next {
                0 => {}
                1 => self.plain.push(0),
                gap => self.write_varint(-gap.cast_signed()),
            }
            self.write_varint(count);
            next = index + 1;
        }
        Ok(())
    }

    /// A number with its sign in the lowest bit, seven bits a byte; the ninth byte has eight.
    fn write_varint(&mut self, number: i64) {
        let mut rest = ((number << 1) ^ (number >> 63)).cast_unsigned();
        for _ in 1..VARINT_BYTES {
            if rest < 0x80 {
                break;
            }
            self.plain.push(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        self.plain.push(rest.to_le_bytes()[0]);
    }

    fn write_head(&mut self) {
        let counts = u32::try_from(self.plain.len() - HEAD_BYTES).unwrap_or(u32::MAX);
        let fields: [&[u8]; 7] = [
            &COOKIE.to_be_bytes(),
            &counts.to_be_bytes(),
            &0_u32.to_be_bytes(),
            &u32::from(DIGITS).to_be_bytes(),
            &1_u64.to_be_bytes(),
            &MAX_UNITS.to_be_bytes(),
            &1_f64.to_be_bytes(),
        ];
        self.plain[..HEAD_BYTES].copy_from_slice(&fields.concat());
    }
}

/// Reads an encoding: the least value of each counter in use, ascending, and its count.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<(u64, u64)>, HistogramError> {
    let mut counts = Vec::new();
    Reader::new().read(bytes, |index, count| counts.push((value_at(index), count)))?;
    Ok(counts)
}

/// Reads many encodings, using its memory again.
#[derive(Debug)]
pub(super) struct Reader {
    inflate: Decompress,
    plain: Vec<u8>,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self { inflate: Decompress::new(true), plain: Vec::with_capacity(USUAL_BYTES) }
    }

    /// Gives each counter in use, ascending, and its count. On an error some may have been given already.
    pub(super) fn read(&mut self, bytes: &[u8], mut each: impl FnMut(u64, u64)) -> Result<(), HistogramError> {
        self.decompress(bytes)?;
        let (mut rest, mut index) = (check_head(&self.plain)?, 0);
        while !rest.is_empty() {
            let number = read_varint(&mut rest)?;
            let next = index + if number < 0 { number.unsigned_abs().min(COUNTERS) } else { 1 };
            if next > COUNTERS {
                return Err(malformed("it has more counters than there are values"));
            }
            if number > 0 {
                each(index, number.unsigned_abs());
            }
            index = next;
        }
        Ok(())
    }

    fn decompress(&mut self, bytes: &[u8]) -> Result<(), HistogramError> {
        let (cookie, rest) = split_u32(bytes)?;
        if cookie != COMPRESSED_COOKIE {
            return Err(malformed("it does not begin as a compressed V2 histogram does"));
        }
        let (length, rest) = split_u32(rest)?;
        let packed = rest.get(..length as usize).ok_or_else(|| malformed("it is cut short"))?;
        if self.plain.capacity() > USUAL_BYTES {
            self.plain = Vec::with_capacity(USUAL_BYTES);
        }
        // As much as a histogram can have, the second time: what unpacks to more is none.
        for room in [USUAL_BYTES, PLAIN_BYTES] {
            self.plain.clear();
            self.plain.reserve_exact(room);
            self.inflate.reset(true);
            let status = self.inflate.decompress_vec(packed, &mut self.plain, FlushDecompress::Finish);
            if matches!(status, Ok(Status::StreamEnd)) {
                return Ok(());
            }
        }
        Err(malformed("its compressed part is damaged"))
    }
}

/// Checks the head and gives the bytes of the counts.
fn check_head(plain: &[u8]) -> Result<&[u8], HistogramError> {
    let (head, counts) = plain.split_first_chunk::<HEAD_BYTES>().ok_or_else(|| malformed("its head is cut short"))?;
    let (cookie, head) = split_u32(head)?;
    let (length, head) = split_u32(head)?;
    let (offset, head) = split_u32(head)?;
    let (digits, head) = split_u32(head)?;
    let (low, head) = split_u64(head)?;
    let (high, _) = split_u64(head)?;
    if cookie != COOKIE || offset != 0 || length as usize != counts.len() {
        return Err(malformed("its head contradicts it"));
    }
    if (low, high, digits) != (1, MAX_UNITS, u32::from(DIGITS)) {
        return Err(HistogramError::OtherBounds { low, high, digits });
    }
    Ok(counts)
}

fn read_varint(bytes: &mut &[u8]) -> Result<i64, HistogramError> {
    let mut number = 0_u64;
    for place in 0..VARINT_BYTES {
        let (byte, rest) = bytes.split_first().ok_or_else(|| malformed("a count is cut short"))?;
        *bytes = rest;
        let last = place + 1 == VARINT_BYTES;
        let bits = if last { *byte } else { *byte & 0x7F };
        number |= u64::from(bits) << (7 * place);
        if last || *byte < 0x80 {
            break;
        }
    }
    Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

/// The counter of a value: one each up to 2,047, then 1,024 for each power of two.
fn index_of(value: u64) -> u64 {
    let shift = u64::from((value | (2 * BLOCK - 1)).ilog2() - BLOCK.ilog2());
    shift * BLOCK + (value >> shift)
}

/// The least value of a counter.
pub(super) fn value_at(index: u64) -> u64 {
    let shift = (index / BLOCK).saturating_sub(1);
    (index - shift * BLOCK) << shift
}

fn split_u32(bytes: &[u8]) -> Result<(u32, &[u8]), HistogramError> {
    let (first, rest) = bytes.split_first_chunk().ok_or_else(|| malformed("it is cut short"))?;
    Ok((u32::from_be_bytes(*first), rest))
}

fn split_u64(bytes: &[u8]) -> Result<(u64, &[u8]), HistogramError> {
    let (first, rest) = bytes.split_first_chunk().ok_or_else(|| malformed("it is cut short"))?;
    Ok((u64::from_be_bytes(*first), rest))
}

fn malformed(what: &'static str) -> HistogramError {
    HistogramError::Malformed(what)
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram as Hdr;
    use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
    use proptest::prelude::*;

    use super::*;

    type Values = std::collections::BTreeMap<u64, u64>;

    fn library(values: &Values) -> Hdr<u64> {
        let mut histogram = Hdr::new_with_bounds(1, MAX_UNITS, DIGITS).unwrap();
        for (value, count) in values {
            histogram.record_n(*value, *count).unwrap();
        }
        histogram
    }

    fn values() -> impl Strategy<Value = Values> {
        let value = (0_u32..32).prop_flat_map(|bits| (1_u64 << bits)..(2_u64 << bits).min(MAX_UNITS + 1));
        prop::collection::btree_map(value, 1..u64::MAX >> 12, 0..200)
    }

    proptest! {
        /// The library reads what is written here.
        #[test]
        fn the_library_reads_what_we_write(values in values()) {
            let mut bytes = Vec::new();
            Writer::new().write(values.iter().map(|(value, count)| (*value, *count)), &mut bytes).unwrap();
            let read: Hdr<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
            prop_assert_eq!(read, library(&values));
        }

        /// What the library writes is read here.
        #[test]
        fn we_read_what_the_library_writes(values in values()) {
            let mut bytes = Vec::new();
            V2DeflateSerializer::new().serialize(&library(&values), &mut bytes).unwrap();
            let seen: Values = read(&bytes).unwrap().into_iter().collect();
            prop_assert_eq!(library(&seen), library(&values));
        }

        /// Bytes cut short anywhere are refused.
        #[test]
        fn a_cut_is_refused(values in values(), at in any::<prop::sample::Index>()) {
            let mut bytes = Vec::new();
            Writer::new().write(values.iter().map(|(value, count)| (*value, *count)), &mut bytes).unwrap();
            let cut = read(&bytes[..at.index(bytes.len())]);
            prop_assert!(cut.is_err());
        }

        /// Bytes changed anywhere are refused or read, never a panic, and never a value out of range.
        #[test]
        fn a_changed_byte_does_no_harm(values in values(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = Vec::new();
            Writer::new().write(values.iter().map(|(value, count)| (*value, *count)), &mut bytes).unwrap();
            let place = at.index(bytes.len());
            bytes[place] = byte;
            let largest = read(&bytes).unwrap_or_default().last().map_or(0, |(value, _)| *value);
            prop_assert!(largest < 1 << 32);
        }
    }

    /// The largest histogram there can be is read back, and so is one that unpacks to just what is usual.
    #[test]
    fn a_full_histogram_is_read_back() {
        let largest = u64::MAX >> 1;
        for (counters, count) in [(COUNTERS, largest), (COUNTERS, 1), ((USUAL_BYTES - HEAD_BYTES) as u64, 1)] {
            let values: Vec<_> = (0..counters).map(|index| (value_at(index), count)).collect();
            let mut bytes = Vec::new();
            Writer::new().write(values.iter().copied(), &mut bytes).unwrap();
            assert_eq!(read(&bytes).unwrap(), values);
        }
    }

    /// A small file that unpacks to a large one is refused before it is unpacked.
    #[test]
    fn a_bomb_is_refused() {
        let mut packed = Vec::with_capacity(1 << 16);
        let mut compress = Compress::new(Compression::best(), true);
        compress.compress_vec(&vec![0; 1 << 22], &mut packed, FlushCompress::Finish).unwrap();
        let length = u32::try_from(packed.len()).unwrap();
        let bytes = [&COMPRESSED_COOKIE.to_be_bytes()[..], &length.to_be_bytes(), &packed].concat();
        assert!(matches!(read(&bytes), Err(HistogramError::Malformed(_))));
    }
}
