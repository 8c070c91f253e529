//! Whom a verification is about, as Civic knows him: by an id of its own, the same whenever the user
//! comes back to this application. In the domain it stands behind `subject-id:`.
//!
//! An id is opaque. Civic writes a digest in hexadecimal digits, whose letters mean the same in either
//! case.

use verilane_core::{Pii, SUBJECT_ID, subject_of_id};

/// The most bytes of an id.
const MAX_ID: usize = 256;

/// A subject in the one spelling under which it is found; none if Civic could not know it. Nobody is
/// spelt as nothing.
#[must_use]
pub fn canonical(subject: &str) -> Option<Pii<String>> {
    if subject.is_empty() {
        return Some(Pii::from(""));
    }
    let id = subject.strip_prefix(SUBJECT_ID)?;
    is_id(id).then(|| subject_of_id(id))
}

/// Whether an answer that names this id is about somebody else than a subject.
#[must_use]
pub fn is_another(subject: &str, id: &str) -> bool {
    !subject.is_empty() && subject != subject_of_id(id).expose()
}

/// Whether text can be an id.
#[must_use]
pub fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_civic_s_is_taken_and_nothing_else_is() {
        let taken = [
            ("", ""),
            ("subject-id:c6d5795f8a05", "subject-id:c6d5795f8a05"),
            ("subject-id:C6D5795F8A05", "subject-id:c6d5795f8a05"),
            ("subject-id:not-Hex", "subject-id:not-Hex"),
        ];
        for (said, spelt) in taken {
            assert_eq!(canonical(said).unwrap().expose(), spelt, "{said}");
        }
        let long = format!("subject-id:{}", "a".repeat(257));
        let refused = [
            "subject-id:",
            "subject-id:two words",
            "subject-id:a\u{0}",
            "subject-id:\u{430}bc",
            "SUBJECT-ID:ab",
            " subject-id:ab",
            "c6d5795f8a05",
            "wallet:ab",
            "did:sol:ab",
            &long,
        ];
        for said in refused {
            assert!(canonical(said).is_none(), "{said}");
        }
    }

    #[test]
    fn an_answer_is_another_s_only_if_somebody_was_named() {
        let table = [
            ("", "ab", false),
            ("subject-id:ab", "ab", false),
            ("subject-id:ab", "AB", false),
            ("subject-id:ab", "abc", true),
            ("subject-id:x-Y", "x-Y", false),
            ("subject-id:x-Y", "x-y", true),
        ];
        for (subject, id, is_anothers) in table {
            assert_eq!(is_another(subject, id), is_anothers, "{subject} {id}");
        }
    }
}
