//! Claims that came, under the names that they were asked for by.
//!
//! Invariant: what a caller did not ask for is not among them, nor what a later delivery came without,
//! which is at rest all the same. A value that only a derived claim was
//! asked for stands at rest under the name of the claim that it is, but here only under the derived
//! one's, and whoever reads must not hand it out for that.

use verilane_core::{ClaimSelector, ClaimStatus, EvidenceRecord, RequestedClaim, StoredClaim};

/// A claim that was asked for, and what came for it.
#[derive(Clone, Copy)]
pub(super) struct Came<'a> {
    pub asked: &'a RequestedClaim,
    /// What is at rest: of a derived claim, the claim that it is derived from.
    pub stored: &'a StoredClaim,
}

impl Came<'_> {
    /// Whether one of these selectors means it.
    pub(super) fn is_meant(&self, selectors: &[ClaimSelector]) -> bool {
        let (name, document) = (self.asked.name, self.asked.document);
        selectors
            .iter()
            .any(|selector| selector.means(name, document, &self.asked.field))
    }

    /// Whether a piece of evidence is this claim's, and not that of a value which this one has
    /// replaced: a claim and its evidence are shown by the same change. Nothing is a derived claim's.
    pub(super) fn is_backed_by(&self, piece: &EvidenceRecord) -> bool {
        piece.kind.is_of_a_claim()
            && !self.asked.name.is_derived()
            && piece.field.as_ref() == Some(&self.stored.field)
            && piece.revision == self.stored.revision
    }

    /// Its name for the audit chain.
    pub(super) fn matter(&self) -> String {
        crate::view::matter(self.asked.name, self.asked.document)
    }
}

/// What came of these claims, sorted by field. All if none is selected. A complete delivery takes the
/// place of an incomplete one before it, what it lacks included.
pub(super) fn came<'a>(
    asked: &'a [RequestedClaim],
    stored: &'a [StoredClaim],
    selectors: &[ClaimSelector],
) -> Vec<Came<'a>> {
    let held = asked.iter();
    let held = held.filter(|asked| asked.status != ClaimStatus::NotHeld);
    let mut came: Vec<_> = held
        .filter_map(|asked| {
            let stored = stored.iter().find(|stored| stored.field == asked.field)?;
            Some(Came { asked, stored })
        })
        .filter(|came| selectors.is_empty() || came.is_meant(selectors))
        .collect();
    came.sort_by_key(|came| (&came.asked.field, came.asked.name));
    came
}

/// What can be handed out of what is at rest. Of a picture that could not be used nothing was kept; that
/// it came shows in its claim's status alone.
pub(super) fn usable(mut stored: Vec<StoredClaim>) -> Vec<StoredClaim> {
    stored.retain(|claim| claim.evidence.is_some() || !claim.name.is_image());
    stored
}
