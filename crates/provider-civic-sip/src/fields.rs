//! What Civic has of a user, what each is in our vocabulary, and which scope requests give it.
//!
//! One table, read both ways. The user's id stands in the answer, outside what is signed; everything
//! else is a label in the signed data.

use verilane_core::ClaimName as Claim;

use crate::scope::Scope;

/// The user's id, which every scope request gives.
pub const USER_ID: &str = "userId";
/// The kind of document.
pub const DOCUMENT_TYPE: &str = "documents.genericId.type";
/// The picture of the document.
pub const IMAGE: &str = "documents.genericId.image";
/// Its digest.
pub const IMAGE_MD5: &str = "documents.genericId.image_md5";
/// To be ignored by the document's own word: neither a claim nor a sign of how far to trust one. But what
/// Civic says beside it, it says of the user, and where he logs in, it says so nowhere else.
pub const IGNORED: &str = "verifications.levels.CIVIC:IAL1";

/// A field that Civic can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Civic's label for it.
    pub name: &'static str,
    /// The fact.
    pub claim: Claim,
    /// The smallest scope request that gives it.
    pub scope: Scope,
}

const fn of_identity(name: &'static str, claim: Claim) -> Field {
    Field {
        name,
        claim,
        scope: Scope::ProofOfIdentity,
    }
}

const fn of_account(name: &'static str, claim: Claim) -> Field {
    Field {
        name,
        claim,
        scope: Scope::BasicSignup,
    }
}

/// Every field.
pub static FIELDS: [Field; 12] = [
    Field {
        name: USER_ID,
        claim: Claim::ProviderSubject,
        scope: Scope::AnonymousLogin,
    },
    of_account("contact.personal.email", Claim::Email),
    of_account("contact.personal.phoneNumber", Claim::PhoneNumber),
    of_identity(DOCUMENT_TYPE, Claim::DocumentKind),
    of_identity("documents.genericId.number", Claim::DocumentNumber),
    of_identity("documents.genericId.name", Claim::Name),
    of_identity("documents.genericId.dateOfBirth", Claim::Birthdate),
    of_identity("documents.genericId.dateOfIssue", Claim::DocumentIssuance),
    of_identity("documents.genericId.dateOfExpiry", Claim::DocumentExpiry),
    of_identity(IMAGE, Claim::DocumentImage),
    of_identity(IMAGE_MD5, Claim::DocumentImageMd5),
    of_identity("documents.genericId.country", Claim::DocumentCountry),
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

/// Everything that a scope request gives.
pub fn given_by(scope: Scope) -> impl Iterator<Item = &'static Field> {
    FIELDS.iter().filter(move |field| scope.covers(field.scope))
}

/// The smallest scope request that gives all of these fields.
#[must_use]
pub fn smallest_for<'a>(names: impl IntoIterator<Item = &'a str>) -> Scope {
    let needed = names.into_iter().filter_map(by_name);
    let largest = needed.map(|field| field.scope).max();
    largest.unwrap_or(Scope::AnonymousLogin)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_field_and_every_claim_stands_in_the_table_once() {
        let mut names = BTreeSet::new();
        let mut claims = BTreeSet::new();
        for field in &FIELDS {
            assert!(names.insert(field.name) && claims.insert(field.claim));
            assert_eq!(by_name(field.name), Some(field));
            assert_eq!(by_claim(field.claim), Some(field));
            assert_eq!(field.claim.is_image(), field.name == IMAGE);
            let is_of_document = field.name.starts_with("documents.");
            assert_eq!(field.claim.is_from_document(), is_of_document);
        }
        assert_eq!(by_name(IGNORED), None);
    }

    #[test]
    fn each_scope_gives_what_the_document_says_and_is_needed_for_all_of_it() {
        for (scope, count) in Scope::ALL.into_iter().zip([1, 3, 12]) {
            let given: Vec<&str> = given_by(scope).map(|field| field.name).collect();
            assert_eq!(given.len(), count);
            assert!(given.contains(&USER_ID));
            assert_eq!(smallest_for(given), scope);
        }
    }
}
