//! What becomes of each claim that was asked for when a provider's data comes. Pure.

use crate::{ClaimName, ClaimStatus, DocumentType, RequestedClaim, Verification};

/// What came, by field.
#[derive(Clone, Copy, Default, Debug)]
pub struct Came<'a> {
    /// The fields that came, of those asked for.
    pub fields: &'a [&'a str],
    /// Those of them whose value is a picture that can't be used.
    pub unusable: &'a [&'a str],
    /// Those of them whose value can't be read for what is derived from it.
    pub underivable: &'a [&'a str],
    /// Those of them of whose value the provider itself says that it does not hold.
    pub refuted: &'a [&'a str],
    /// Where one document decides which claims these are, and not the fields: which it is.
    pub document: Option<Document>,
}

/// The one document that data comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Document {
    /// Of a kind that we know.
    Known(DocumentType),
    /// Of another kind, or the provider names none.
    Other,
}

impl Document {
    /// The one that a provider names in its own word, if it names one.
    #[must_use]
    pub fn of_word(word: Option<&str>) -> Self {
        let known = word.and_then(DocumentType::of_word);
        known.map_or(Self::Other, Self::Known)
    }

    /// Its kind, if we know it.
    #[must_use]
    pub const fn kind(self) -> Option<DocumentType> {
        match self {
            Self::Known(kind) => Some(kind),
            Self::Other => None,
        }
    }
}

impl Came<'_> {
    /// Marks what has become of each claim.
    pub(super) fn grant(&self, claims: &mut [RequestedClaim]) {
        for claim in claims.iter_mut().filter(|claim| claim.asked) {
            claim.status = self.status_of(claim);
        }
    }

    /// Whether each required claim has a value. A derived one that can't be derived has none, so the
    /// verification is worth nothing without it, though what it is derived from came. A picture that
    /// can't be used has come all the same.
    pub(super) fn is_complete(&self, row: &Verification) -> bool {
        let has_come = |claim: &RequestedClaim| self.has(claim) && !self.is_underivable(claim);
        let mut asked = row.claims.iter().filter(|claim| claim.asked);
        asked.all(|claim| has_come(claim) || !claim.required)
    }

    /// Whether the provider itself speaks against a required claim, or against all that came but its own
    /// name for the user: then nothing is verified.
    pub(super) fn is_refuted(&self, row: &Verification) -> bool {
        let came = || row.claims.iter().filter(|claim| self.has_been_asked(claim));
        let mut facts = came().filter(|claim| claim.name != ClaimName::ProviderSubject);
        let is_against = |claim: &RequestedClaim| self.speaks_against(claim);
        came().any(|claim| claim.required && is_against(claim))
            || (facts.clone().next().is_some() && facts.all(is_against))
    }

    /// Whether the provider itself speaks against any claim.
    pub(super) fn is_refuted_in_part(&self, row: &Verification) -> bool {
        let mut came = row.claims.iter().filter(|claim| self.has_been_asked(claim));
        came.any(|claim| self.speaks_against(claim))
    }

    fn has_been_asked(&self, claim: &RequestedClaim) -> bool {
        claim.asked && self.has(claim)
    }

    fn speaks_against(&self, claim: &RequestedClaim) -> bool {
        self.refuted.contains(&claim.field.as_str())
    }

    /// Whether a claim came, from the document that it was asked for from.
    #[must_use]
    pub fn has(&self, claim: &RequestedClaim) -> bool {
        let of_another = self.document.is_some_and(|document| {
            let named = claim.document.map(Document::Known);
            named.is_some_and(|named| named != document)
        });
        !of_another && self.fields.contains(&claim.field.as_str())
    }

    fn is_underivable(&self, claim: &RequestedClaim) -> bool {
        claim.name.is_derived() && self.underivable.contains(&claim.field.as_str())
    }

    fn status_of(&self, claim: &RequestedClaim) -> ClaimStatus {
        let is_unusable = self.unusable.contains(&claim.field.as_str());
        if !self.has(claim) {
            ClaimStatus::NotHeld
        } else if is_unusable || self.is_underivable(claim) || self.speaks_against(claim) {
            ClaimStatus::Invalid
        } else {
            ClaimStatus::Granted
        }
    }
}
