//! Reads claims: the audit record is durable before a value leaves.

use verilane_core::{
    AuditAction, AuditRecord, Change, ClaimSelector, ClaimStatus, EvidenceRecord, Reason,
    RequestedClaim, StoredClaim, VerificationId,
};
use verilane_vault::SealedWhat;

use crate::engine::Engine;
use crate::sealing::{Sealer, write_parts};
use crate::{AccessContext, ClaimView, ClaimsView, EngineError, EvidenceView, ReadClaims};

impl AccessContext {
    /// Refuses one without a purpose.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        if self.purpose.expose().trim().is_empty() {
            return Err(EngineError::field(
                Reason::PurposeRequired,
                "access_context.purpose",
                "must be stated",
            ));
        }
        Ok(())
    }

    pub(crate) fn parts(&self) -> [&[u8]; 3] {
        [
            self.purpose.expose().as_bytes(),
            self.actor.expose().as_bytes(),
            self.reference.expose().as_bytes(),
        ]
    }
}

/// Whether a selector means a claim.
pub(super) fn names(selector: &ClaimSelector, claim: &StoredClaim) -> bool {
    selector.means(claim.name, claim.document, &claim.field)
}

fn was_requested(selector: &ClaimSelector, claims: &[RequestedClaim]) -> bool {
    let mut claims = claims.iter();
    claims.any(|claim| selector.means(claim.name, claim.document, &claim.field))
}

/// Refuses selectors that mean nothing that was asked for.
pub(super) fn check_requested(
    field: &str,
    selectors: &[ClaimSelector],
    claims: &[RequestedClaim],
) -> Result<(), EngineError> {
    for (place, selector) in selectors.iter().enumerate() {
        if !was_requested(selector, claims) {
            return Err(EngineError::field(
                Reason::ClaimNotRequested,
                &format!("{field}[{place}]"),
                "was not part of this verification",
            ));
        }
    }
    Ok(())
}

impl Engine {
    /// Reads the claims of a verification.
    ///
    /// # Errors
    /// `PURPOSE_REQUIRED`; `VERIFICATION_NOT_FOUND`; `CLAIM_NOT_REQUESTED` for a claim that was
    /// never part of it; `CLAIMS_NOT_AVAILABLE` if none has come; and those of the store.
    pub async fn read_claims(
        &self,
        id: VerificationId,
        read: &ReadClaims,
    ) -> Result<ClaimsView, EngineError> {
        read.access.check()?;
        let row = self.load(id).await?.verification;
        for (field, selectors) in [("claims", &read.claims), ("peppers_of", &read.peppers_of)] {
            check_requested(field, selectors, &row.claims)?;
        }
        let mut claims = self.store.claims(id).await?;
        // A complete delivery takes the place of an incomplete one before it, what it lacks included.
        let granted = |field: &str| {
            let claim = row.claims.iter().find(|claim| claim.field == field);
            claim.is_some_and(|claim| claim.status != ClaimStatus::NotHeld)
        };
        claims.retain(|claim| granted(&claim.field));
        if claims.is_empty() {
            return Err(EngineError::new(Reason::ClaimsNotAvailable)
                .about(id)
                .with("state", row.state().0));
        }
        if !read.claims.is_empty() {
            claims.retain(|claim| read.claims.iter().any(|s| names(s, claim)));
        }
        let key = self.keys.of(&row)?;
        let sealer = Sealer { id, key: &key };
        let with_pepper = |claim: &StoredClaim| read.peppers_of.iter().any(|s| names(s, claim));
        let now = self.now();
        let mut change = Change::new(now);
        change.audit.push(AuditRecord {
            time: now,
            principal: read.principal.clone(),
            action: AuditAction::ClaimsRead,
            verification: Some(id),
            subject_matter: claims
                .iter()
                .map(|claim| {
                    let matter = crate::view::matter(claim.name, claim.document);
                    if with_pepper(claim) {
                        format!("{matter} with pepper")
                    } else {
                        matter
                    }
                })
                .collect(),
            details: Some(sealer.seal(
                row.revision,
                SealedWhat::AuditDetails,
                &write_parts(read.access.parts()),
            )?),
        });
        let evidence = self.store.evidence(id).await?;
        let backs = |record: &EvidenceRecord| {
            let of_a_claim = record.kind.is_of_a_claim();
            of_a_claim
                && claims
                    .iter()
                    .any(|c| record.field.as_ref() == Some(&c.field))
        };
        let evidence = evidence
            .into_iter()
            .filter(backs)
            .map(|record| EvidenceView::open(record, &sealer))
            .collect::<Result<_, _>>()?;
        let views = claims
            .into_iter()
            .map(|claim| {
                let value = SealedWhat::ClaimValue {
                    claim: &claim.field,
                };
                let raw = match claim.evidence {
                    Some(_) => None,
                    None => Some(sealer.open_text(claim.revision, value, &claim.value)?),
                };
                let pepper = claim
                    .pepper
                    .as_ref()
                    .filter(|_| with_pepper(&claim))
                    .map(|sealed| {
                        let what = SealedWhat::ClaimPepper {
                            claim: &claim.field,
                        };
                        sealer.open_text(claim.revision, what, sealed)
                    })
                    .transpose()?;
                Ok(ClaimView { raw, pepper, claim })
            })
            .collect::<Result<_, EngineError>>()?;
        let subject = sealer.subject(&row)?;
        self.commit(change).await?;
        Ok(ClaimsView {
            row,
            subject,
            claims: views,
            evidence,
        })
    }
}
