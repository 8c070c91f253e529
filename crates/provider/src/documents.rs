//! The kinds of documents by the words that providers have for them, in any case. Their lists are "not
//! exhaustive" by their own word, so an unknown kind is kept as the word it is.

use verilane_core::{DocumentType as Kind, Pii};

use crate::DocumentSeen;

/// Those that we have a name for, in small letters. Of the others that are listed (visa, voter ID),
/// we have none.
const KINDS: [(&str, Kind); 9] = [
    ("passport", Kind::Passport),
    ("driving license", Kind::DrivingPermit),
    ("driving licence", Kind::DrivingPermit),
    ("driver license", Kind::DrivingPermit),
    ("drivers license", Kind::DrivingPermit),
    ("id card", Kind::IdCard),
    ("identity card", Kind::IdCard),
    ("residence permit", Kind::ResidencePermit),
    ("biometric residence permit", Kind::ResidencePermit),
];

/// The most bytes of a word that is kept.
const MAX_WORD: usize = 128;

/// A document by a provider's word for its kind; none if that is no word.
#[must_use]
pub fn seen(word: &str) -> Option<DocumentSeen> {
    let word = word.trim();
    if word.is_empty() || word.len() > MAX_WORD || word.contains(char::is_control) {
        return None;
    }
    let spelt = word
        .to_lowercase()
        .replace(['-', '_'], " ")
        .replace('\'', "");
    let kind = KINDS.iter().find(|(known, _)| *known == spelt);
    Some(DocumentSeen {
        kind: kind.map(|(_, kind)| *kind),
        word: Pii::from(word),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_kind_is_known_in_any_case_and_others_are_kept() {
        let table = [
            ("Passport", Some(Kind::Passport)),
            ("passport", Some(Kind::Passport)),
            ("Driving License", Some(Kind::DrivingPermit)),
            ("Driver's License", Some(Kind::DrivingPermit)),
            ("ID Card", Some(Kind::IdCard)),
            ("id_card", Some(Kind::IdCard)),
            ("Residence Permit", Some(Kind::ResidencePermit)),
            ("Biometric Residence Permit", Some(Kind::ResidencePermit)),
            ("Visa", None),
            ("Voter ID", None),
            ("PAN Card", None),
            ("passport copy", None),
        ];
        for (word, kind) in table {
            let seen = seen(word).unwrap();
            assert_eq!(seen.kind, kind, "{word}");
            assert_eq!(seen.word.expose(), word);
        }
    }

    #[test]
    fn what_is_no_word_names_no_document() {
        for nonsense in ["", "  ", "a\u{0}b", &"x".repeat(129)] {
            assert!(seen(nonsense).is_none());
        }
    }
}
