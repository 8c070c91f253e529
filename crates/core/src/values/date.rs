//! Dates of the Gregorian calendar, as documents and people have them: without a time or a zone.
//!
//! Only one order of the parts can be told apart from all others without guessing, the year with
//! its four digits first; everything else is nobody's date here. A date can be had by reading, or from
//! a point in time, and no other way: so it is always one that the calendar has.

use zeroize::Zeroize;

use crate::Timestamp;

/// A day. Which one it is may be personal data, so it can't be printed; keep it in a
/// [`Pii`](crate::Pii). An earlier day is less than a later one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: i32,
    month: u8,
    day: u8,
}

impl Date {
    /// Reads `2021-01-01`, also with a zero left out (`2021-1-01`), as providers do.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || year.len() != 4 {
            return None;
        }
        let date = Self {
            year: i32::from(number(year)?),
            month: short(month)?,
            day: short(day)?,
        };
        (date.year > 0 && (1..=days_in(date.year, date.month)).contains(&date.day)).then_some(date)
    }

    /// The day that a point in time falls on in UTC.
    #[must_use]
    pub fn on(time: Timestamp) -> Self {
        // Counted in years that begin in March, so that the day that some years lack is their last,
        // and in spans of 400 years, which all have as many days.
        const SPAN: i64 = 146_097;
        let days = time.as_secs().div_euclid(86_400) + 719_468;
        let (span, day) = (days.div_euclid(SPAN), days.rem_euclid(SPAN));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        // From March on, months have 31, 30, 31, 30, 31 days over and over.
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (year, month) = if month < 10 {
            (year, month + 3)
        } else {
            (year + 1, month - 9)
        };
        Self {
            year: i32::try_from(year + span * 400).unwrap_or(i32::MAX),
            month: u8::try_from(month).unwrap_or(1),
            day: u8::try_from(day).unwrap_or(1),
        }
    }

    /// Whether somebody born on this day has lived so many whole years on another day. One born on
    /// 29 February has completed a year on the first of March where the year lacks that day.
    #[must_use]
    pub fn is_years_before(&self, years: u8, day: Self) -> bool {
        let anniversary = (self.year + i32::from(years), self.month, self.day);
        (day.year, day.month, day.day) >= anniversary
    }

    /// The year, 1 to 9999 of a date that was read.
    #[must_use]
    pub const fn year(&self) -> i32 {
        self.year
    }

    /// The month, 1 to 12.
    #[must_use]
    pub const fn month(&self) -> u8 {
        self.month
    }

    /// The day of the month, 1 to 31.
    #[must_use]
    pub const fn day(&self) -> u8 {
        self.day
    }
}

impl Zeroize for Date {
    fn zeroize(&mut self) {
        self.year.zeroize();
        self.month.zeroize();
        self.day.zeroize();
    }
}

/// Plain digits: `parse` alone would take a sign too.
fn number(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|digit| digit.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

fn short(digits: &str) -> Option<u8> {
    let number = (digits.len() <= 2).then(|| number(digits)).flatten()?;
    u8::try_from(number).ok()
}

/// How many days a month has; none if there is no such month.
const fn days_in(year: i32, month: u8) -> u8 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> Option<(i32, u8, u8)> {
        Date::parse(text).map(|d| (d.year(), d.month(), d.day()))
    }

    #[test]
    fn dates_are_read_with_their_zeros_and_without() {
        for text in ["2021-01-01", "2021-1-01", "2021-01-1", "2021-1-1"] {
            assert_eq!(parts(text), Some((2021, 1, 1)), "{text}");
        }
        assert_eq!(parts("1986-09-06"), Some((1986, 9, 6)));
        assert_eq!(parts("0001-01-01"), Some((1, 1, 1)));
        assert_eq!(parts("9999-12-31"), Some((9999, 12, 31)));
    }

    #[test]
    fn what_could_be_read_in_two_ways_or_holds_more_is_no_date() {
        for text in [
            "",
            "-",
            "--",
            "---",
            "2021",
            "2021-01",
            "01-02-2021",
            "01.02.2021",
            "01/02/2021",
            "2021/01/02",
            "20210102",
            "21-01-02",
            "12021-01-02",
            "-2021-01-02",
            "+021-01-02",
            "2021-+1-02",
            "2021- 1-02",
            "2021-01-02 ",
            "2021-01-02-",
            "2021-001-02",
            "2021--02",
            "2021-01-",
            "2021-01-02T00:00:00Z",
            "2021-JAN-02",
            "２０２１-01-02",
            "2021‐01‐02",
        ] {
            assert_eq!(parts(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_that_the_calendar_lacks_is_no_date() {
        for text in [
            "0000-01-01",
            "2021-00-01",
            "2021-13-01",
            "2021-01-00",
            "2021-01-32",
            "2021-04-31",
            "2021-06-31",
            "2021-09-31",
            "2021-11-31",
            "2021-02-29",
            "1900-02-29",
            "2100-02-29",
            "2024-02-30",
            "2021-99-99",
        ] {
            assert_eq!(parts(text), None, "{text}");
        }
        assert_eq!(parts("2000-02-29"), Some((2000, 2, 29)));
        assert_eq!(parts("2024-2-29"), Some((2024, 2, 29)));
    }

    #[test]
    fn four_centuries_have_as_many_days_as_the_calendar_gives_them() {
        let days = (2001..=2400)
            .flat_map(|year| (0..=13).map(move |month| i32::from(days_in(year, month))))
            .sum::<i32>();
        assert_eq!(days, 146_097);
    }

    #[test]
    fn every_day_of_eight_centuries_follows_the_one_before() {
        let start = Timestamp::from_secs(-11_676_096_000); // 1600-01-01
        let mut expected = (1600, 1, 1);
        for day in 0..2 * 146_097_u64 {
            let time = start + std::time::Duration::from_secs(day * 86_400);
            for time in [time, time + std::time::Duration::from_secs(86_399)] {
                let date = Date::on(time);
                assert_eq!((date.year(), date.month(), date.day()), expected);
            }
            let (year, month, day) = expected;
            expected = match (month, day == days_in(year, month)) {
                (_, false) => (year, month, day + 1),
                (12, true) => (year + 1, 1, 1),
                (_, true) => (year, month + 1, 1),
            };
        }
        assert_eq!(expected, (2400, 1, 1));
    }

    #[test]
    fn a_day_turns_at_midnight_in_utc() {
        let on = |micros| {
            let date = Date::on(Timestamp::from_micros(micros));
            (date.year(), date.month(), date.day())
        };
        assert_eq!(on(-1), (1969, 12, 31));
        assert_eq!(on(0), (1970, 1, 1));
        assert_eq!(on(86_400_000_000 - 1), (1970, 1, 1));
        assert_eq!(on(86_400_000_000), (1970, 1, 2));
    }

    proptest! {
        #[test]
        fn every_day_of_the_calendar_is_read_as_written(
            (year, month, day) in (1..=9999_i32, 1..=12_u8)
                .prop_flat_map(|(y, m)| (Just(y), Just(m), 1..=days_in(y, m)))
        ) {
            prop_assert_eq!(parts(&format!("{year:04}-{month:02}-{day:02}")), Some((year, month, day)));
            prop_assert_eq!(parts(&format!("{year:04}-{month}-{day}")), Some((year, month, day)));
        }
    }
}
