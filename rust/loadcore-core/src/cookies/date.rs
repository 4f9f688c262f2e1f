//! Dates of cookies, which servers write in many ways (RFC 6265 section 5.1.1).

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Seconds since 1970; 0 for a date before that, `None` for anything that is not a date. Of each part the first that
/// fits counts, in whatever order they come.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    let delimiter = |character: char| !(character.is_ascii_alphanumeric() || character == ':' || !character.is_ascii());
    for token in text.split(delimiter).filter(|token| !token.is_empty()) {
        if let (None, Some(found)) = (time, time_of_day(token)) {
            time = Some(found);
        } else if let (None, Some(found)) = (day, number(token, 1..=2)) {
            day = Some(found);
        } else if let (None, Some(found)) = (month, month_number(token)) {
            month = Some(found);
        } else if let (None, Some(found)) = (year, number(token, 2..=4)) {
            year = Some(found);
        }
    }
    let year = match year? {
        year @ 70..=99 => year + 1900,
        year @ 0..=69 => year + 2000,
        year => year,
    };
    let (day, month) = (day?, month?);
    if !(1..=31).contains(&day) || year < 1601 {
        return None;
    }
    let days = days_before(year, month) + i64::from(day) - 1;
    Some(u64::try_from(days * 86_400 + i64::from(time?)).unwrap_or(0))
}

/// Seconds since midnight of `hh:mm:ss`.
fn time_of_day(token: &str) -> Option<u32> {
    let mut parts = token.splitn(3, ':').map(|part| number(part, 1..=2));
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    (hours < 24 && minutes < 60 && seconds < 60).then_some((hours * 60 + minutes) * 60 + seconds)
}

/// The number at the token's front, if it has this number of digits.
fn number(token: &str, digits: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let length = token.bytes().take_while(u8::is_ascii_digit).count();
    digits.contains(&length).then(|| token[..length].parse().ok())?
}

/// The number, from 1, of the month whose name the token begins with.
fn month_number(token: &str) -> Option<u32> {
    let name = token.get(..3)?.to_ascii_lowercase();
    (1..).zip(MONTHS).find(|(_, month)| *month == name).map(|(number, _)| number)
}

/// Days from 1970 to the first of a month, by Howard Hinnant's `days_from_civil`.
fn days_before(year: u32, month: u32) -> i64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let (era, of_era) = (year / 400, year % 400);
    let from_march = i64::from((month + 9) % 12);
    let of_year = (153 * from_march + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The usual ways to write a date, and some unusual ones.
    #[test]
    fn dates() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "06 nov 1994 8:49:37",
            "1994 06 November 08:49:37z",
        ] {
            assert_eq!(parse(text), Some(784_111_777), "{text}");
        }
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(parse("Thu, 29 Feb 2024 12:00:00 GMT"), Some(1_709_208_000));
        assert_eq!(parse("Fri, 31 Dec 9999 23:59:59 GMT"), Some(253_402_300_799));
        assert_eq!(parse("Mon, 01 Jan 1601 00:00:00 GMT"), Some(0));
    }

    /// A string that lacks a part, or has one out of range, is not a date.
    #[test]
    fn no_dates() {
        for text in [
            "",
            "0",
            "Sun, 06 Nov 1994",
            "06 1994 08:49:37",
            "Nov 1994 08:49:37",
            "32 Nov 1994 08:49:37",
            "06 Nov 1600 08:49:37",
            "06 Nov 1994 24:00:00",
            "06 Nov 1994 08:60:00",
            "06 Nov 12345 08:49:37",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
