//! Numbers by their digits. They compare as exactly as they are written: an id of twenty digits is not its neighbour.

use std::cmp::Ordering;

/// A number and its text, which is borrowed or owned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number<T> {
    short: Option<Short>,
    text: T,
}

/// A number of few digits, as most are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Short {
    Whole(i128),
    Real(f64),
}

impl<T: AsRef<[u8]>> Number<T> {
    /// The number of a string in JSON's number syntax. Leading zeros are passed over.
    pub(super) fn parse(text: T) -> Option<Self> {
        let short = Short::parse(text.as_ref());
        if short.is_none() {
            Decimal::parse(text.as_ref())?;
        }
        Some(Self { short, text })
    }

    /// How it stands to another.
    pub(super) fn compare<U: AsRef<[u8]>>(&self, other: &Number<U>) -> Option<Ordering> {
        match (self.short, other.short) {
            (Some(left), Some(right)) => left.compare(right),
            _ => Some(Decimal::parse(self.text.as_ref())?.compare(&Decimal::parse(other.text.as_ref())?)),
        }
    }

    /// How a whole number stands to it.
    pub(super) fn compare_integer(&self, integer: u64) -> Option<Ordering> {
        match self.short {
            Some(short) if integer < Short::LIMIT => Short::Whole(i128::from(integer)).compare(short),
            _ => Number::parse(integer.to_string())?.compare(self),
        }
    }
}

impl Short {
    /// The most digits that an `f64` keeps apart.
    const MOST_DIGITS: usize = 15;
    /// The least number of more digits.
    const LIMIT: u64 = 1_000_000_000_000_000;

    /// A number of a few digits, which may have a point. With this few, the digits are exact in both types, and so is
    /// the power of ten: then one division rounds as a longer calculation would.
    #[expect(clippy::cast_precision_loss, reason = "15 digits fit an f64 exactly")]
    fn parse(text: &[u8]) -> Option<Self> {
        let (negative, size) = match text {
            [b'-', size @ ..] => (true, size),
            size => (false, size),
        };
        let (mut digits, mut point) = (0_i64, None);
        for (place, byte) in size.iter().enumerate().take(Self::MOST_DIGITS + 2) {
            match byte {
                b'0'..=b'9' => digits = digits * 10 + i64::from(byte - b'0'),
                b'.' if point.is_none() => point = Some(place),
                _ => return None,
            }
        }
        let digits = if negative { -digits } else { digits };
        match point {
            None if (1..=Self::MOST_DIGITS).contains(&size.len()) => Some(Self::Whole(i128::from(digits))),
            Some(point @ 1..) if (point + 2..=Self::MOST_DIGITS + 1).contains(&size.len()) && digits != 0 => {
                Some(Self::Real(digits as f64 / POWERS_OF_TEN[size.len() - point - 1]))
            }
            _ => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "15 digits fit an f64 exactly")]
    fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(left), Self::Whole(right)) => Some(left.cmp(&right)),
            (Self::Whole(left), Self::Real(right)) => (left as f64).partial_cmp(&right),
            (Self::Real(left), Self::Whole(right)) => left.partial_cmp(&(right as f64)),
            (Self::Real(left), Self::Real(right)) => left.partial_cmp(&right),
        }
    }
}

/// 1, 10, 100 … as far as a number of 15 digits can be divided.
const POWERS_OF_TEN: [f64; 15] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];

/// A number of any length: its digits, and where the point is.
#[derive(Debug)]
struct Decimal<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

impl<'a> Decimal<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |text| (true, text));
        let (whole, mut rest) = digits(text);
        let mut fraction = &[][..];
        if let Some(after) = rest.strip_prefix(b".") {
            (fraction, rest) = digits(after);
            if fraction.is_empty() {
                return None;
            }
        }
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', exponent @ ..] => parse_exponent(exponent)?,
            _ => return None,
        };
        (!whole.is_empty()).then_some(Self { negative, whole, fraction, exponent })
    }

    /// Digits from the first that is not 0, and the power of ten that this one counts; `None` for zero.
    fn significant(&self) -> Option<(i64, impl Iterator<Item = u8> + 'a)> {
        let digits = self.whole.iter().chain(self.fraction).copied();
        let zeros = digits.clone().position(|digit| digit != b'0')?;
        let length = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let power = self.exponent.saturating_add(length(self.whole.len())).saturating_sub(length(zeros));
        Some((power, digits.skip(zeros)))
    }

    fn compare(&self, other: &Self) -> Ordering {
        let sign = |number: &Self, is_zero: bool| match (is_zero, number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        match (self.significant(), other.significant()) {
            (Some((power, mut digits)), Some((other_power, mut other_digits))) if self.negative == other.negative => {
                let mut size = power.cmp(&other_power);
                while size.is_eq() {
                    size = match (digits.next(), other_digits.next()) {
                        (None, None) => break,
                        (digit, other) => digit.unwrap_or(b'0').cmp(&other.unwrap_or(b'0')),
                    };
                }
                if self.negative { size.reverse() } else { size }
            }
            (left, right) => sign(self, left.is_none()).cmp(&sign(other, right.is_none())),
        }
    }
}

/// A run of digits, and what follows it.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len()))
}

/// An exponent; one beyond all others for one that no number needs.
fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, size) = match text {
        [b'-', size @ ..] => (true, size),
        [b'+', size @ ..] | size => (false, size),
    };
    let (size, rest) = digits(size);
    if size.is_empty() || !rest.is_empty() {
        return None;
    }
    let size = size.iter().fold(0_i64, |sum, digit| sum.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    Some(if negative { -size } else { size })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compare(left: &str, right: &str) -> Option<Ordering> {
        Number::parse(left)?.compare(&Number::parse(right)?)
    }

    /// Numbers of any length and writing compare by what they are worth.
    #[test]
    fn exactly() {
        let equal = [
            ("1e2", "100"),
            ("-0", "0.00"),
            ("-0e9", "0"),
            ("12345678901234567890123", "12345678901234567890123.000"),
            ("1.50", "15e-1"),
            ("0.1", "1e-1"),
            ("100000000000000000000", "1e20"),
            ("007", "7"),
        ];
        for (left, right) in equal {
            assert_eq!(compare(left, right), Some(Ordering::Equal), "{left} {right}");
        }
        let ascending = [
            "-1e400",
            "-12345678901234567890124",
            "-12345678901234567890123",
            "-1",
            "-1e-400",
            "0",
            "1e-400",
            "0.1",
            "0.1000000000000000000001",
            "9007199254740992",
            "9007199254740993",
            "12345678901234567890122",
            "12345678901234567890123",
            "12345678901234567890123.5",
            "340282366920938463463374607431768211456",
            "1e400",
            "1e401",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Some(Ordering::Less), "{pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Some(Ordering::Greater), "{pair:?}");
        }
    }

    /// What is not a number in JSON's syntax is none.
    #[test]
    fn not_numbers() {
        for text in ["", "-", ".", "1.", ".5", "-.5", "+1", "1e", "1e+", "1.2.3", "inf", "nan", "0x1", "1 ", "1e5x"] {
            assert!(Number::parse(text).is_none(), "{text}");
        }
    }

    /// The short way is taken for what is usual.
    #[test]
    fn short_numbers() {
        for text in ["0", "-1", "19.5", "123456789012345", "0.00000000000001", "-12345.6789", "007"] {
            assert!(Short::parse(text.as_bytes()).is_some(), "{text}");
        }
        for text in ["1e3", "1234567890123456"] {
            assert_eq!(Short::parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        /// Whole numbers compare as integers do, and whole counts with them.
        #[test]
        fn as_integers(left in any::<i128>(), right in any::<i128>(), bits in 0_u32..128) {
            let right = if right & 1 == 0 { left } else { right >> bits };
            prop_assert_eq!(compare(&left.to_string(), &right.to_string()), Some(left.cmp(&right)));
            let count = u64::try_from(left.unsigned_abs() >> 64).unwrap() >> (bits / 2);
            let number = Number::parse(right.to_string()).unwrap();
            prop_assert_eq!(number.compare_integer(count), Some(i128::from(count).cmp(&right)));
        }

        /// The short way and the long way agree.
        #[test]
        fn short_as_long(left in "-?[0-9]{1,9}(\\.[0-9]{1,6})?", right in "-?[0-9]{1,9}(\\.[0-9]{1,6})?") {
            let long = |text| Decimal::parse(text).unwrap();
            prop_assert_eq!(compare(&left, &right), Some(long(left.as_bytes()).compare(&long(right.as_bytes()))));
        }

        /// A number times a power of ten, its point moved, is the same number.
        #[test]
        fn moved_points(whole in "[1-9][0-9]{0,30}", fraction in "[0-9]{1,30}") {
            let moved = format!("{whole}{fraction}e-{}", fraction.len());
            prop_assert_eq!(compare(&format!("{whole}.{fraction}"), &moved), Some(Ordering::Equal));
        }
    }
}
