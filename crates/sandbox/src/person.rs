//! Invented people: what each of the 46 fields says about one of them.
//!
//! Nobody here exists. The oddities are on purpose, since real data has them: countries stand as
//! ISO alpha-2 in some documents and alpha-3 in others, some dates lack zeros, names have letters
//! beyond ASCII, and one value holds the characters that Go's JSON encoder escapes. A person
//! depends on the seed and the person's number alone.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::fields;
use crate::images;
use crate::seed::Seed;

const GIVEN: [(&str, &str); 10] = [
    ("Marit", "F"),
    ("Tobiah", "M"),
    ("Zoë", "F"),
    ("Anselm", "M"),
    ("Ludmila", "F"),
    ("Ciarán", "M"),
    ("Perpetua", "F"),
    ("Evander", "M"),
    ("Ottilie", "F"),
    ("Jørn", "M"),
];

const FAMILY: [&str; 10] = [
    "Solberg-Quist",
    "Featherstonhaugh",
    "Çelik-Ardent",
    "Nightingale-Brandt",
    "Hrubcová",
    "O'Shaughnessy",
    "Winterbourne",
    "de la Fontaine-Roux",
    "Vandermeulen",
    "Åkerblom",
];

/// ISO 3166-1 alpha-2 and alpha-3 codes of one country each.
const COUNTRIES: [(&str, &str); 6] = [
    ("NO", "NOR"),
    ("DE", "DEU"),
    ("SK", "SVK"),
    ("GB", "GBR"),
    ("US", "USA"),
    ("FR", "FRA"),
];

/// Letters that the numbers of a document start with.
fn number_prefix(document: &str) -> &'static str {
    match document {
        "IDCard" => "IDX",
        "Passport" => "PX",
        "ResidencePermit" => "RPX",
        _ => "DLX",
    }
}

/// A date as one of the documents writes it.
fn date(document: &str, year: usize, month: usize, day: usize) -> String {
    match document {
        "IDCard" => format!("{year}-{month}-{day:02}"),
        "DriverLicense" => format!("{year}-{month}-{day}"),
        _ => format!("{year}-{month:02}-{day:02}"),
    }
}

/// One invented person.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    seed: Seed,
    number: u32,
}

impl Person {
    /// The `number`th person of `seed`.
    pub const fn new(seed: Seed, number: u32) -> Self {
        Self { seed, number }
    }

    fn label(self, what: &str) -> String {
        format!("person/{}/{what}", self.number)
    }

    /// Given name, family name, and gender. The first person is the same under every seed, so that
    /// a text about the sandbox can name her.
    fn name(self) -> (&'static str, &'static str, &'static str) {
        let mut draw = self.seed.draw(&self.label("name"));
        let (given, family) = if self.number == 0 {
            (0, 0)
        } else {
            (draw.below(GIVEN.len()), draw.below(FAMILY.len()))
        };
        let (given, gender) = GIVEN.get(given).copied().unwrap_or(("Nemo", "X"));
        let family = FAMILY.get(family).copied().unwrap_or("Nobody");
        (given, family, gender)
    }

    /// What a field says. `None` for a name that is not among the 46.
    pub fn value(self, field: &str) -> Option<String> {
        let (given, family, gender) = self.name();
        match field {
            fields::EMAIL => {
                let mark = self.seed.hex(&self.label("email"));
                let mark = mark.get(..6).unwrap_or("000000");
                return Some(format!(
                    "{}.{}+{mark}@mail.example",
                    ascii(given),
                    ascii(family)
                ));
            }
            fields::PHONE => {
                let mut draw = self.seed.draw(&self.label("phone"));
                return Some(format!(
                    "+999 {:03} {:04}",
                    draw.below(1_000),
                    draw.below(10_000)
                ));
            }
            _ => {}
        }
        let (document, part) = fields::split(field)?;
        let mut draw = self.seed.draw(&self.label(field));
        Some(match part {
            "FULLNAME" => format!("{given} {family}"),
            "DOB" => {
                let mut draw = self.seed.draw(&self.label("birth"));
                // Months up to nine, so that a missing zero can be seen.
                let year = 1950 + draw.below(50);
                date(document, year, 1 + draw.below(9), 1 + draw.below(28))
            }
            "IssueDate" => date(
                document,
                2016 + draw.below(8),
                1 + draw.below(9),
                1 + draw.below(28),
            ),
            "ExpiryDate" => date(
                document,
                2032 + draw.below(8),
                1 + draw.below(12),
                1 + draw.below(28),
            ),
            "DocumentNumber" => {
                let digits = draw.below(90_000_000) + 10_000_000;
                format!("{}{digits}", number_prefix(document))
            }
            "Gender" => gender.to_owned(),
            "Country" => {
                let mut draw = self.seed.draw(&self.label("country"));
                let (two, three) = COUNTRIES
                    .get(draw.below(COUNTRIES.len()))
                    .copied()
                    .unwrap_or(("NO", "NOR"));
                let short = matches!(document, "IDCard" | "DriverLicense");
                if short { two } else { three }.to_owned()
            }
            "AML_Check" => "true".to_owned(),
            "AML_Detail" => {
                let report = draw.below(1_000_000);
                format!(
                    r#"{{"report":"AML-{report:06}","lists":"PEP & sanctions","hits":"<none>"}}"#
                )
            }
            // Both images.
            _ => STANDARD.encode(images::noise(&draw.take(24 * 24), 24)?),
        })
    }

    /// The pepper of a field: hex of 49 drawn characters, the Core ID's 22 bytes, and the field's
    /// name, as in the documented samples.
    pub fn pepper(self, core_id: &str, field: &str) -> String {
        const SALT: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789&*!#";
        let mut draw = self.seed.draw(&self.label(&format!("pepper/{field}")));
        let salt: Vec<u8> = (0..49)
            .map(|_| SALT.get(draw.below(SALT.len())).copied().unwrap_or(b'A'))
            .collect();
        format!("{}{core_id}{}", hex::encode(salt), hex::encode(field))
    }
}

/// A name as it stands in an e-mail address: ASCII letters in lower case, without the rest.
fn ascii(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphabetic)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_field_has_a_value_and_no_other_has() {
        let person = Person::new(Seed(1), 0);
        for field in fields::all() {
            let value = person.value(&field).unwrap();
            assert!(!value.is_empty(), "{field}");
        }
        assert_eq!(person.value("SH_LibraryCard_DOB"), None);
        assert_eq!(
            person.value("SH_Passport_FULLNAME").unwrap(),
            "Marit Solberg-Quist"
        );
    }

    #[test]
    fn documents_of_one_person_agree_on_the_person_in_their_own_spelling() {
        let person = Person::new(Seed(1), 3);
        let dates: Vec<Vec<u32>> = fields::DOCUMENTS
            .iter()
            .map(|document| person.value(&format!("SH_{document}_DOB")).unwrap())
            .map(|date| date.split('-').map(|part| part.parse().unwrap()).collect())
            .collect();
        assert!(dates.iter().all(|date| *date == dates[0]), "{dates:?}");
        assert_eq!(person.value("SH_IDCard_Country").unwrap().len(), 2);
        assert_eq!(person.value("SH_Passport_Country").unwrap().len(), 3);
        let padded = person.value("SH_Passport_DOB").unwrap();
        assert_ne!(padded, person.value("SH_IDCard_DOB").unwrap());
        assert_eq!(padded.len(), 10);
    }

    #[test]
    fn peppers_have_the_documented_shape_and_differ_by_field_and_person() {
        let core_id = "ab432e666932c53128d9f73712b058a7a8f7df52f5cb";
        let pepper = Person::new(Seed(1), 0).pepper(core_id, "SH_DriverLicense_DOB");
        let bytes = hex::decode(&pepper).unwrap();
        assert_eq!(bytes.len(), 49 + 22 + 20);
        assert!(bytes[..49].is_ascii());
        assert_eq!(hex::encode(&bytes[49..71]), core_id);
        assert_eq!(&bytes[71..], b"SH_DriverLicense_DOB");
        assert_ne!(
            pepper,
            Person::new(Seed(1), 0).pepper(core_id, "SH_DriverLicense_IssueDate")
        );
        assert_ne!(
            pepper,
            Person::new(Seed(1), 1).pepper(core_id, "SH_DriverLicense_DOB")
        );
    }
}
