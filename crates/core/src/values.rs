//! Claim values, typed: what providers spell in several ways is spelt in one.
//!
//! Normalising never fails and never guesses. What can't be read for certain as what the claim
//! should be stays text, and whoever calls keeps the raw value beside it in any case. Typed values
//! are personal data as raw ones are: all of them stand in [`Pii`], so `Debug` shows their kind at
//! most.

mod age;
mod country;
mod date;

pub use age::{derive, is_derivable};
pub use country::Country;
pub use date::Date;

use crate::{ClaimName, DocumentType, Pii};

/// A claim's value by its type.
#[derive(Clone, Debug)]
pub enum ClaimValue {
    /// Text as the provider gave it, trimmed.
    Text(Pii<String>),
    /// A calendar date.
    Date(Pii<Date>),
    /// A country.
    Country(Pii<Country>),
    /// Yes or no.
    Boolean(Pii<bool>),
}

/// The value of a claim, from the provider's text for it.
///
/// - dates: `2021-01-01` and, with a zero left out, `2021-1-01`;
/// - countries: ISO 3166-1 alpha-2 or alpha-3, in any case, become both;
/// - gender: `M`, `F` and the words, in any case, become OpenID Connect's `male` and `female`;
/// - kinds of document: the providers' words for the four that we know become those of OpenID Identity
///   Assurance;
/// - the check against money-laundering lists: `true` and `false`, in any case, become yes and no.
///   So would a derived claim, which no provider spells: see [`derive`];
///
/// and everything else is text.
#[must_use]
pub fn normalise(name: ClaimName, raw: &str) -> ClaimValue {
    let text = raw.trim();
    let typed = match name {
        ClaimName::Birthdate | ClaimName::DocumentIssuance | ClaimName::DocumentExpiry => {
            Date::parse(text).map(|date| ClaimValue::Date(Pii::new(date)))
        }
        ClaimName::DocumentCountry => {
            Country::from_code(text).map(|country| ClaimValue::Country(Pii::new(country)))
        }
        ClaimName::DocumentKind => {
            let kind = DocumentType::of_word(text);
            kind.map(|kind| ClaimValue::Text(kind.as_str().into()))
        }
        ClaimName::Gender => gender(text).map(|word| ClaimValue::Text(word.into())),
        ClaimName::AmlCheck
        | ClaimName::AgeOver16
        | ClaimName::AgeOver18
        | ClaimName::AgeOver21 => yes_or_no(text).map(|yes| ClaimValue::Boolean(Pii::new(yes))),
        ClaimName::ProviderSubject
        | ClaimName::Name
        | ClaimName::Email
        | ClaimName::PhoneNumber
        | ClaimName::DocumentNumber
        | ClaimName::DocumentImage
        | ClaimName::DocumentImageMd5
        | ClaimName::FaceImage
        | ClaimName::AmlDetail => None,
    };
    typed.unwrap_or_else(|| ClaimValue::Text(text.into()))
}

/// OpenID Connect defines these two words and allows others, so a third gender stays as given.
fn gender(text: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str); 4] = [
        ("m", "male"),
        ("male", "male"),
        ("f", "female"),
        ("female", "female"),
    ];
    WORDS
        .into_iter()
        .find_map(|(given, word)| text.eq_ignore_ascii_case(given).then_some(word))
}

/// The provider documents no words for the outcome. Of `passed`, `hit` or `1` nobody could say
/// which way they count.
fn yes_or_no(text: &str) -> Option<bool> {
    [("true", true), ("false", false)]
        .into_iter()
        .find_map(|(word, yes)| text.eq_ignore_ascii_case(word).then_some(yes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The one spelling of a value, with its kind before it.
    fn spelt(value: &ClaimValue) -> (&'static str, String) {
        match value {
            ClaimValue::Text(text) => ("text", text.expose().clone()),
            ClaimValue::Date(date) => {
                let date = date.expose();
                let (year, month, day) = (date.year(), date.month(), date.day());
                ("date", format!("{year:04}-{month:02}-{day:02}"))
            }
            ClaimValue::Country(country) => {
                let country = country.expose();
                (
                    "country",
                    format!("{}/{}", country.alpha2(), country.alpha3()),
                )
            }
            ClaimValue::Boolean(yes) => ("boolean", yes.expose().to_string()),
        }
    }

    #[test]
    fn values_are_normalised_by_what_the_claim_should_be() {
        use ClaimName as Claim;
        let table = [
            (Claim::Birthdate, "2021-1-01", "date", "2021-01-01"),
            (
                Claim::DocumentIssuance,
                " 2020-11-12\n",
                "date",
                "2020-11-12",
            ),
            (Claim::DocumentExpiry, "2032-2-29", "date", "2032-02-29"),
            (Claim::DocumentExpiry, "2033-02-29", "text", "2033-02-29"),
            (Claim::Birthdate, "06.09.1986", "text", "06.09.1986"),
            (Claim::Birthdate, "", "text", ""),
            (Claim::DocumentCountry, "DE", "country", "DE/DEU"),
            (Claim::DocumentCountry, "gbr", "country", "GB/GBR"),
            (Claim::DocumentCountry, "\tUsa ", "country", "US/USA"),
            (Claim::DocumentCountry, "Germany", "text", "Germany"),
            (Claim::DocumentCountry, " UK ", "text", "UK"),
            (Claim::DocumentKind, "Passport", "text", "passport"),
            (
                Claim::DocumentKind,
                "Driving License",
                "text",
                "driving_permit",
            ),
            (
                Claim::DocumentKind,
                "driving_permit",
                "text",
                "driving_permit",
            ),
            (
                Claim::DocumentKind,
                "Biometric Residence Permit",
                "text",
                "residence_permit",
            ),
            (Claim::DocumentKind, "ID Card", "text", "idcard"),
            (Claim::DocumentKind, "Voter ID", "text", "Voter ID"),
            (Claim::Gender, "M", "text", "male"),
            (Claim::Gender, "f", "text", "female"),
            (Claim::Gender, " Female ", "text", "female"),
            (Claim::Gender, "MALE", "text", "male"),
            (Claim::Gender, "X", "text", "X"),
            (Claim::Gender, "Non-Binary", "text", "Non-Binary"),
            (Claim::AmlCheck, "true", "boolean", "true"),
            (Claim::AmlCheck, "False", "boolean", "false"),
            (Claim::AmlCheck, "PASSED", "text", "PASSED"),
            (Claim::AmlCheck, "1", "text", "1"),
            (Claim::AmlDetail, "true", "text", "true"),
            (Claim::Name, " Zoë  Çelik ", "text", "Zoë  Çelik"),
            (Claim::Email, "A@mail.example", "text", "A@mail.example"),
            (Claim::PhoneNumber, "+999 123 4567", "text", "+999 123 4567"),
            (Claim::DocumentNumber, "2021-1-01", "text", "2021-1-01"),
            (Claim::DocumentNumber, "DE", "text", "DE"),
        ];
        for (name, raw, kind, value) in table {
            let expected = (kind, value.to_owned());
            assert_eq!(spelt(&normalise(name, raw)), expected, "{name}: {raw:?}");
        }
    }

    #[test]
    fn no_value_can_be_seen_in_debug() {
        for (name, raw, shown) in [
            (ClaimName::Name, "MUSTERMANN", "Text(Pii(..))"),
            (ClaimName::Birthdate, "1986-09-06", "Date(Pii(..))"),
            (ClaimName::DocumentCountry, "GBR", "Country(Pii(..))"),
            (ClaimName::AmlCheck, "true", "Boolean(Pii(..))"),
        ] {
            assert_eq!(format!("{:?}", normalise(name, raw)), shown);
        }
    }

    /// Any text, and texts that come near what is read.
    fn raw() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[ \t]{0,2}[0-9]{3,5}[-./][0-9]{0,3}[-./][0-9]{0,3}[ \n]{0,2}",
            "[12][0-9]{3}-(0?[1-9]|1[0-3])-([0-2]?[0-9]|3[0-2])",
            " ?[A-Za-z]{1,4} ?",
            "(?i) ?(true|false|male|female|m|f|x)",
        ]
    }

    proptest! {
        #[test]
        fn any_text_is_normalised_and_what_is_normal_stays(
            name in prop::sample::select(ClaimName::ALL),
            raw in raw(),
        ) {
            let once = spelt(&normalise(name, &raw));
            // Each of a country's two codes leads back to both.
            let several = once.0 == "country";
            let codes: Vec<_> = once.1.split(|c| several && c == '/').collect();
            for spelling in codes {
                prop_assert_eq!(&spelt(&normalise(name, spelling)), &once);
            }
        }

        #[test]
        fn text_is_never_changed_but_trimmed_and_put_into_openids_words(
            name in prop::sample::select(ClaimName::ALL),
            raw in raw(),
        ) {
            let (kind, value) = spelt(&normalise(name, &raw));
            if kind == "text" && !matches!(name, ClaimName::Gender | ClaimName::DocumentKind) {
                prop_assert_eq!(value, raw.trim());
            }
        }
    }
}
