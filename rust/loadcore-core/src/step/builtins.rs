//! Values that a template makes itself.

use crate::random::Random;
use crate::schedule::Share;

/// What built-in slots draw from. Made for each rendering out of what the user and its worker keep.
#[derive(Debug)]
pub struct Builtins<'a> {
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
pub struct Counter {
    share: Share,
    given: u64,
}

impl Counter {
    /// The counter of a worker.
    #[must_use]
    pub const fn new(share: Share) -> Self {
        Self { share, given: 0 }
    }

    /// The next number.
    pub fn next_number(&mut self) -> u64 {
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

    /// Writes the value to the front of `text` and returns its length.
    pub(super) fn write(self, builtins: &mut Builtins<'_>, text: &mut Text) -> usize {
        match self {
            Self::Uuid => uuid(builtins.random.next_u64(), builtins.random.next_u64(), text),
            Self::Counter => decimal(builtins.counter.next_number(), text),
            Self::Now => rfc3339(builtins.unix_ns, text),
            Self::NowMs => decimal(builtins.unix_ns / 1_000_000, text),
            Self::Random { least, most } => {
                let drawn = builtins.random.between(0, most.abs_diff(least));
                signed(i128::from(least) + i128::from(drawn), text)
            }
            Self::User => decimal(u64::from(builtins.user), text),
            Self::Iteration => decimal(u64::from(builtins.iteration), text),
        }
    }
}

/// Room for the longest built-in value, a UUID.
pub(super) type Text = [u8; 36];

fn decimal(mut number: u64, text: &mut Text) -> usize {
    let length = number.checked_ilog10().map_or(1, |log| log as usize + 1);
    for place in text[..length].iter_mut().rev() {
        // Below 10.
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
    length
}

fn signed(number: i128, text: &mut Text) -> usize {
    let size = u64::try_from(number.unsigned_abs()).unwrap_or(u64::MAX);
    let length = decimal(size, text);
    if number >= 0 {
        return length;
    }
    text.copy_within(..length, 1);
    text[0] = b'-';
    length + 1
}

/// A UUID of version 4 (RFC 9562 section 5.4).
fn uuid(high: u64, low: u64, text: &mut Text) -> usize {
    let high = (high & !0xf000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    let mut bits = (u128::from(high) << 64) | u128::from(low);
    for (place, character) in text.iter_mut().enumerate() {
        *character = if matches!(place, 8 | 13 | 18 | 23) {
            b'-'
        } else {
            bits = bits.rotate_left(4);
            b"0123456789abcdef"[(bits & 15) as usize]
        };
    }
    text.len()
}

/// `2026-11-24T06:24:49.123Z`.
fn rfc3339(unix_ns: u64, text: &mut Text) -> usize {
    let milliseconds = unix_ns / 1_000_000;
    let (days, of_day) = (milliseconds / 86_400_000, milliseconds % 86_400_000);
    let (year, month, day) = civil(days);
    text[..24].copy_from_slice(b"0000-00-00T00:00:00.000Z");
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
    24
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
        let (mut random, mut counter) = (Random::new(1, "test", 0), Counter::new(Share::new(1, 3).unwrap()));
        let mut builtins = Builtins { user: 7, iteration: 0, unix_ns, random: &mut random, counter: &mut counter };
        let mut buffer = [0; 36];
        let length = Builtin::parse(text).unwrap().write(&mut builtins, &mut buffer);
        String::from_utf8(buffer[..length].to_vec()).unwrap()
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
        let mut text = [0; 36];
        uuid_of_ones(&mut text);
        assert_eq!(&text, b"ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    fn uuid_of_ones(text: &mut Text) {
        uuid(u64::MAX, u64::MAX, text);
    }

    /// Numbers: the counter steps over other workers' numbers, random ones stay within their bounds, signs included.
    #[test]
    fn numbers() {
        assert_eq!(written("user", 0), "7");
        assert_eq!(written("iteration", 0), "0");
        assert_eq!(written("counter", 0), "1");
        let mut counter = Counter::new(Share::new(1, 3).unwrap());
        assert_eq!([counter.next_number(), counter.next_number()], [1, 4]);
        assert_eq!(written("random(-5, -5)", 0), "-5");
        assert_eq!(written("random(9,9)", 0), "9");
        assert_eq!(written(&format!("random({0},{0})", i64::MIN), 0), i64::MIN.to_string());
        let mut text = [0; 36];
        assert_eq!(decimal(u64::MAX, &mut text), 20);
        assert_eq!(&text[..20], u64::MAX.to_string().as_bytes());
    }

    /// What is no built-in is not taken for one.
    #[test]
    fn unknown() {
        for text in ["", "uuid4", "random", "random()", "random(1)", "random(6,1)", "random(a,b)", "now()"] {
            assert_eq!(Builtin::parse(text), None, "{text}");
        }
    }
}
