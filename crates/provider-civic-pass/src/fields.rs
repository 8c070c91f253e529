//! What Civic has of a user, and what each is in our vocabulary.
//!
//! One table, read both ways. A value is a member of `verifiedInformation`, a picture a link by its
//! `rel`; the two generations of the API call the same picture by two names.

use verilane_core::ClaimName as Claim;

/// Where a field is found in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A member of `verifiedInformation` of the field's name.
    Value,
    /// A link with one of these `rel`s, the first that there is.
    Picture(&'static [&'static str]),
}

/// A field that Civic can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// The fact.
    pub claim: Claim,
    /// Where it is found.
    pub place: Place,
}

const fn value(name: &'static str, claim: Claim) -> Field {
    Field {
        name,
        claim,
        place: Place::Value,
    }
}

const fn picture(name: &'static str, claim: Claim, rels: &'static [&'static str]) -> Field {
    Field {
        name,
        claim,
        place: Place::Picture(rels),
    }
}

/// Every field. Of two with the same claim, the claim alone means the first.
#[rustfmt::skip]
pub static FIELDS: [Field; 11] = [
    value("email", Claim::Email),
    value("phoneNumber", Claim::PhoneNumber),
    value("name", Claim::Name),
    value("dateOfBirth", Claim::Birthdate),
    value("dateOfExpiry", Claim::DocumentExpiry),
    value("documentType", Claim::DocumentKind),
    value("documentNumber", Claim::DocumentNumber),
    value("issueCountry", Claim::DocumentCountry),
    picture("evidence-document", Claim::DocumentImage, &["evidence-document", "idDocumentFront"]),
    picture("idDocumentBack", Claim::DocumentImage, &["idDocumentBack"]),
    picture("evidence-selfie", Claim::FaceImage, &["evidence-selfie"]),
];

/// The field of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name == name)
}

/// The field that a claim means.
#[must_use]
pub fn by_claim(claim: Claim) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.claim == claim)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_field_has_a_name_of_its_own_and_is_found_by_it() {
        let mut names = BTreeSet::new();
        for field in &FIELDS {
            assert!(names.insert(field.name));
            assert_eq!(by_name(field.name), Some(field));
            let is_picture = matches!(field.place, Place::Picture(_));
            assert_eq!(field.claim.is_image(), is_picture, "{}", field.name);
        }
        assert_eq!(by_name("address"), None);
    }

    #[test]
    fn a_claim_alone_means_the_front_of_a_document() {
        assert_eq!(
            by_claim(Claim::DocumentImage).unwrap().name,
            "evidence-document"
        );
        assert_eq!(by_claim(Claim::Gender), None);
    }

    #[test]
    fn no_link_is_two_pictures() {
        let rels = FIELDS.iter().flat_map(|field| match field.place {
            Place::Picture(rels) => rels,
            Place::Value => &[],
        });
        let mut seen = BTreeSet::new();
        assert!(rels.into_iter().all(|rel| seen.insert(rel)));
    }
}
