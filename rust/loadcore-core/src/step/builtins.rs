//! Values that a template makes itself.

use super::encode::Encoding;
use crate::block;
use crate::random::Random;
use crate::schedule::Share;

/// What built-in slots draw from. Made for each rendering out of what the user and its worker keep.
#[derive(Debug)]
pub(crate) struct Builtins<'a> {
    /// The user's number, counted over all workers.
    pub user: u32,
    /// The user's iteration, from 0.
    pub iteration: u32,
    /// The wall clock, in nanoseconds since 1970.
    pub unix_ns: u64,
    /// The user's own generator.
    pub random: &'a mut Random,
    /// The worker's counter.
    pub counter: &'a mut Counter,
}

/// Counts so that no number comes twice in a run: worker *i* of *N* gives *i*, *i + N*, *i + 2N* …
#[derive(Debug, Clone)]
pub(crate) struct Counter {
    share: Share,
    given: u64,
}

impl Counter {
    /// The counter of a worker. One that carries on a share begins above what the worker before it can have counted,
    /// even at a number each microsecond.
    #[must_use]
    pub(crate) const fn new(share: Share, begins_ns: u64) -> Self {
        Self { share, given: begins_ns / 1_000 }
    }

    /// The next number.
    pub(crate) fn next_number(&mut self) -> u64 {
        let number = self.share.nth(self.given);
        self.given += 1;
        number
    }
}

/// A built-in slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Builtin {
    Uuid,
    Counter,
    Now,
    NowMs,
    Random { least: i64, most: i64 },
    User,
    Iteration,
}

impl Builtin {
    /// The built-in of this text, without the braces and the `$`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "uuid" => Self::Uuid,
            "counter" => Self::Counter,
            "now" => Self::Now,
            "now_ms" => Self::NowMs,
            "user" => Self::User,
            "iteration" => Self::Iteration,
            _ => {
                let (least, most) = text.strip_prefix("random(")?.strip_suffix(')')?.split_once(',')?;
                let (least, most) = (least.trim().parse().ok()?, most.trim().parse().ok()?);
                if least > most {
                    return None;
                }
                Self::Random { least, most }
            }
        })
    }

    /// Whether it is a number.
    pub(super) const fn is_number(self) -> bool {
        !matches!(self, Self::Uuid | Self::Now)
    }

    /// Appends the value.
    // Inlined into a loop over segments, its arithmetic is done ahead of the loop, for templates without built-ins too.
    #[inline(never)]
    pub(super) fn append(&self, encoding: Encoding, builtins: &mut Builtins<'_>, out: &mut Vec<u8>) {
        match *self {
            Self::Uuid => append_uuid(builtins.random.next_u64(), builtins.random.next_u64(), out),
            Self::Counter => append_decimal(builtins.counter.next_number(), out),
            Self::Now => append_now(builtins.unix_ns, encoding, out),
            Self::NowMs => append_decimal(builtins.unix_ns / 1_000_000, out),
            Self::Random { least, most } => append_random(least, most, builtins.random, out),
            Self::User => append_decimal(u64::from(builtins.user), out),
            Self::Iteration => append_decimal(u64::from(builtins.iteration), out),
        }
    }
}

/// The only value that is not made of digits, letters and dashes, which stand for themselves everywhere.
#[inline(never)]
fn append_now(unix_ns: u64, encoding: Encoding, out: &mut Vec<u8>) {
    encoding.append(&rfc3339(unix_ns), out);
}

#[inline(never)]
fn append_random(least: i64, most: i64, random: &mut Random, out: &mut Vec<u8>) {
    let drawn = random.between(0, most.abs_diff(least));
    let number = i128::from(least) + i128::from(drawn);
    if number < 0 {
        out.push(b'-');
    }
    // Not above `most` and not below `least`.
    append_decimal(u64::try_from(number.unsigned_abs()).unwrap_or(u64::MAX), out);
}

/// Appends a number's digits.
#[inline]
fn append_decimal(number: u64, out: &mut Vec<u8>) {
    match u32::try_from(number) {
        Ok(number @ ..FOUR_DIGITS) => append_short_decimal(number, out),
        _ => append_usual_decimal(number, out),
    }
}

/// Appends the digits of a number that has at most four, as those of most users and iterations do.
#[inline]
fn append_short_decimal(number: u32, out: &mut Vec<u8>) {
    let digits = four_digits(number);
    let unwritten = (digits | 1 << 24).trailing_zeros() / 8;
    let end = out.len() + 4 - unwritten as usize;
    out.extend_from_slice(&((digits | 0x3030_3030) >> (8 * unwritten)).to_le_bytes());
    out.truncate(end);
}

/// Appends a number's digits, whatever their number.
#[inline(never)]
fn append_usual_decimal(number: u64, out: &mut Vec<u8>) {
    if number >= EIGHT_DIGITS {
        return append_long_decimal(number, out);
    }
    let digits = eight_digits(number);
    // Zeros in front are not written, but for the last digit.
    let unwritten = (digits | 1 << 56).trailing_zeros() / 8;
    let written = (digits | ZEROS) >> (8 * unwritten);
    block::append(&u128::from(written).to_le_bytes(), 8 - unwritten as usize, out);
}

/// Appends the digits of a number that has more than eight.
#[inline(never)]
fn append_long_decimal(number: u64, out: &mut Vec<u8>) {
    append_usual_decimal(number / EIGHT_DIGITS, out);
    out.extend_from_slice(&(eight_digits(number % EIGHT_DIGITS) | ZEROS).to_le_bytes());
}

/// The first number that has more than four.
const FOUR_DIGITS: u32 = 10_000;

/// The first number that has more than eight.
const EIGHT_DIGITS: u64 = 100_000_000;

/// `00000000`.
const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);

/// The eight digits of a number, one in each byte, the first in the lowest. All pairs of digits are parted at once, and
/// so are all digits; each division is a multiplication that is exact for numbers this small.
const fn eight_digits(number: u64) -> u64 {
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let pairs = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((pairs - tens * 10) << 8)
}

/// The four digits of a number, as [`eight_digits`] has eight.
const fn four_digits(number: u32) -> u32 {
    let hundreds = (number * 10_486) >> 20;
    let pairs = hundreds | ((number - hundreds * 100) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f;
    tens | ((pairs - tens * 10) << 8)
}

/// A UUID of version 4 (RFC 9562 section 5.4).
#[inline(never)]
fn append_uuid(high: u64, low: u64, out: &mut Vec<u8>) {
    let high = (high & !0xf000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    let [first, second, third, last] =
        [high >> 32, high & 0xffff_ffff, low >> 32, low & 0xffff_ffff].map(eight_hex_digits);
    let mut text = [b'-'; 36];
    text[..8].copy_from_slice(&first);
    text[9..13].copy_from_slice(&second[..4]);
    text[14..18].copy_from_slice(&second[4..]);
    text[19..23].copy_from_slice(&third[..4]);
    text[24..28].copy_from_slice(&third[4..]);
    text[28..].copy_from_slice(&last);
    out.extend_from_slice(&text);
}

/// The hexadecimal digits of a number below 2^32.
const fn eight_hex_digits(number: u64) -> [u8; 8] {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    // Halves, then quarters, then the digits are moved apart, one into each byte.
    let halves = (number | number << 16) & 0x0000_ffff_0000_ffff;
    let quarters = (halves | halves << 8) & 0x00ff_00ff_00ff_00ff;
    let digits = (quarters | quarters << 4) & (ONES * 0x0f);
    // What is above 9 carries into the next half byte when 6 is added.
    let letters = (digits + ONES * 6) >> 4 & ONES;
    (digits + ZEROS + letters * (b'a' - b'0' - 10) as u64).to_be_bytes()
}

/// `2026-11-24T06:24:49.123Z`.
fn rfc3339(unix_ns: u64) -> [u8; 24] {
    let milliseconds = unix_ns / 1_000_000;
    let (days, of_day) = (milliseconds / 86_400_000, milliseconds % 86_400_000);
    let (year, month, day) = civil(days);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let fields = [
        (0, 4, year),
        (5, 2, month),
        (8, 2, day),
        (11, 2, of_day / 3_600_000),
        (14, 2, of_day / 60_000 % 60),
        (17, 2, of_day / 1000 % 60),
        (20, 3, of_day % 1000),
    ];
    for (start, width, mut value) in fields {
        for place in text[start..start + width].iter_mut().rev() {
            *place = b'0' + (value % 10) as u8;
            value /= 10;
        }
    }
    text
}

/// Year, month and day of a number of days since 1970, by Howard Hinnant's `civil_from_days`: years begin in March, so
/// that the leap day is their last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, unix_ns: u64) -> String {
        let (mut random, mut counter) = (Random::new(1, "test", 0), Counter::new(Share::new(1, 3).unwrap(), 0));
        let mut builtins = Builtins { user: 7, iteration: 0, unix_ns, random: &mut random, counter: &mut counter };
        let mut out = Vec::new();
        Builtin::parse(text).unwrap().append(Encoding::Verbatim, &mut builtins, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// Times are written as RFC 3339 says, over leap days and the ends of years.
    #[test]
    fn times() {
        assert_eq!(written("now", 0), "1970-01-01T00:00:00.000Z");
        assert_eq!(written("now", 1_709_210_096_789_000_000), "2024-02-29T12:34:56.789Z");
        assert_eq!(written("now", 4_102_444_799_999_999_999), "2099-12-31T23:59:59.999Z");
        assert_eq!(written("now", 951_868_800_000_000_000), "2000-03-01T00:00:00.000Z");
        assert_eq!(written("now_ms", 1_709_210_096_789_999_999), "1709210096789");
    }

    /// A UUID has the version and the variant of a random one.
    #[test]
    fn uuids() {
        let uuid = written("uuid", 0);
        let dashes: Vec<usize> = uuid.match_indices('-').map(|(place, _)| place).collect();
        assert_eq!(dashes, [8, 13, 18, 23]);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
        let mut ones = Vec::new();
        append_uuid(u64::MAX, u64::MAX, &mut ones);
        assert_eq!(ones, b"ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    /// Numbers: the counter steps over other workers' numbers, random ones stay within their bounds, signs included.
    #[test]
    fn numbers() {
        assert_eq!(written("user", 0), "7");
        assert_eq!(written("iteration", 0), "0");
        assert_eq!(written("counter", 0), "1");
        let mut counter = Counter::new(Share::new(1, 3).unwrap(), 0);
        assert_eq!([counter.next_number(), counter.next_number()], [1, 4]);
        assert_eq!(written("random(-5, -5)", 0), "-5");
        assert_eq!(written("random(9,9)", 0), "9");
        assert_eq!(written(&format!("random({0},{0})", i64::MIN), 0), i64::MIN.to_string());
    }

    /// Numbers of all lengths come with all their digits and no zeros in front.
    #[test]
    fn digits() {
        let powers = (0..20).map(|power| 10_u64.pow(power));
        let numbers = powers.flat_map(|power| [power - 1, power, power + 1, power.saturating_mul(7)]).chain(0..=10_000);
        let mut random = Random::new(1, "test", 0);
        let drawn = (0..10_000).map(|index| random.next_u64() >> (index % 64));
        for number in numbers.chain(drawn).chain([u64::MAX]) {
            let mut text = b"before ".to_vec();
            append_decimal(number, &mut text);
            assert_eq!(text, format!("before {number}").as_bytes());
            let digits = eight_hex_digits(number >> 32);
            assert_eq!(digits, *format!("{:08x}", number >> 32).as_bytes());
        }
    }

    /// Unknown names are not built-ins.
    #[test]
    fn unknown() {
        for text in ["", "uuid4", "random", "random()", "random(1)", "random(6,1)", "random(a,b)", "now()"] {
            assert_eq!(Builtin::parse(text), None, "{text}");
        }
    }
}
