//! Derived claims: what follows from another claim's value, as of a day.
//!
//! Pure, and done anew at each reading, so that nobody becomes of age in a row of a store. What the
//! other claim's value can't be read for leads to nothing, rather than to a guess.

use super::{ClaimValue, Date, normalise};
use crate::{ClaimName, Pii};

/// The value of a derived claim as of a day, from the provider's text for the claim that it is derived
/// from. None if that can't be read, or if the claim is not derived.
#[must_use]
pub fn derive(name: ClaimName, raw: &str, as_of: Date) -> Option<ClaimValue> {
    let (years, born) = parts(name, raw)?;
    let is_over = born.expose().is_years_before(years, as_of);
    Some(ClaimValue::Boolean(Pii::new(is_over)))
}

/// Whether a derived claim can be derived from this text, on whatever day.
#[must_use]
pub fn is_derivable(name: ClaimName, raw: &str) -> bool {
    parts(name, raw).is_some()
}

fn parts(name: ClaimName, raw: &str) -> Option<(u8, Pii<Date>)> {
    let years = match name {
        ClaimName::AgeOver16 => 16,
        ClaimName::AgeOver18 => 18,
        ClaimName::AgeOver21 => 21,
        _ => return None,
    };
    match normalise(name.derived_from()?, raw) {
        ClaimValue::Date(born) => Some((years, born)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn over(name: ClaimName, born: &str, as_of: &str) -> Option<bool> {
        let value = derive(name, born, Date::parse(as_of).unwrap())?;
        match value {
            ClaimValue::Boolean(yes) => Some(*yes.expose()),
            _ => panic!("an age is a yes or a no"),
        }
    }

    #[test]
    fn somebody_is_of_age_from_the_birthday_on() {
        use ClaimName::{AgeOver16, AgeOver18, AgeOver21};
        let table = [
            (AgeOver18, "2000-06-15", "2018-06-14", false),
            (AgeOver18, "2000-06-15", "2018-06-15", true),
            (AgeOver18, "2000-6-15", "2018-06-16", true),
            (AgeOver18, "2000-06-15", "2018-05-30", false),
            (AgeOver18, "2000-06-15", "2018-07-01", true),
            (AgeOver18, "2000-12-31", "2018-12-30", false),
            (AgeOver18, "2000-12-31", "2019-01-01", true),
            (AgeOver16, "2000-06-15", "2016-06-14", false),
            (AgeOver16, "2000-06-15", "2016-06-15", true),
            (AgeOver21, "2000-06-15", "2021-06-14", false),
            (AgeOver21, "2000-06-15", "2021-06-15", true),
            // Not born yet.
            (AgeOver16, "2030-01-01", "2026-01-01", false),
        ];
        for (name, born, as_of, expected) in table {
            assert_eq!(
                over(name, born, as_of),
                Some(expected),
                "{name} {born} {as_of}"
            );
        }
    }

    #[test]
    fn born_on_a_day_that_the_year_lacks_counts_from_the_first_of_march() {
        use ClaimName::{AgeOver16, AgeOver18};
        let table = [
            (AgeOver18, "2018-02-28", false),
            (AgeOver18, "2018-03-01", true),
            // A year that has the day.
            (AgeOver16, "2016-02-28", false),
            (AgeOver16, "2016-02-29", true),
        ];
        for (name, as_of, expected) in table {
            assert_eq!(over(name, "2000-02-29", as_of), Some(expected), "{as_of}");
        }
    }

    #[test]
    fn from_what_is_no_date_nothing_is_derived_nor_is_what_is_not_derived() {
        for born in ["", "06.09.1986", "1986", "2001-02-29", "unknown"] {
            assert_eq!(
                over(ClaimName::AgeOver18, born, "2026-01-01"),
                None,
                "{born}"
            );
        }
        let day = Date::parse("2026-01-01").unwrap();
        for name in ClaimName::ALL {
            let value = derive(*name, "1986-09-06", day);
            assert_eq!(value.is_some(), name.is_derived(), "{name}");
            assert_eq!(is_derivable(*name, "1986-09-06"), name.is_derived());
            assert!(!is_derivable(*name, "06.09.1986"));
        }
    }

    fn day() -> impl Strategy<Value = String> {
        (1900..2100_i32, 1..=12_u8, 1..=31_u8)
            .prop_map(|(year, month, day)| format!("{year}-{month}-{day}"))
            .prop_filter("is in the calendar", |text| Date::parse(text).is_some())
    }

    proptest! {
        #[test]
        fn nobody_gets_younger_and_who_is_over_more_is_over_less(
            born in day(),
            one in day(),
            other in day(),
        ) {
            let ages = [ClaimName::AgeOver16, ClaimName::AgeOver18, ClaimName::AgeOver21];
            let on = |day: &str| ages.map(|name| over(name, &born, day).unwrap());
            let read = |text: &str| Date::parse(text).unwrap();
            let (early, late) = if read(&one) <= read(&other) { (&one, &other) } else { (&other, &one) };
            for (then, later) in on(early).into_iter().zip(on(late)) {
                prop_assert!(later >= then);
            }
            prop_assert!(on(&one).is_sorted_by(|less, more| less >= more));
        }

        #[test]
        fn an_age_is_the_difference_of_years_less_one_before_the_birthday(
            born in day(),
            as_of in day(),
        ) {
            let (from, to) = (Date::parse(&born).unwrap(), Date::parse(&as_of).unwrap());
            let had = (to.month(), to.day()) >= (from.month(), from.day());
            let age = to.year() - from.year() - i32::from(!had);
            prop_assert_eq!(over(ClaimName::AgeOver18, &born, &as_of), Some(age >= 18));
        }
    }
}
