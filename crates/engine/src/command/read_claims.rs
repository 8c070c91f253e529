//! Reads claims: the audit record is durable before a value leaves.

use verilane_core::{
    AuditAction, AuditRecord, Change, ClaimSelector, Date, EvidenceRecord, Pii, Reason,
    RequestedClaim, VerificationId, derive,
};
use verilane_vault::SealedWhat;

use super::granted::{Came, came, usable};
use crate::engine::Engine;
use crate::sealing::{Sealer, write_parts};
use crate::{AccessContext, ClaimView, ClaimsView, Derived, EngineError, EvidenceView, ReadClaims};

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
    /// never part of it; `CLAIMS_NOT_AVAILABLE` if none has come, or what came was forgotten; and those of the store.
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
        let stored = usable(self.store.claims(id).await?);
        if came(&row.claims, &stored, &[]).is_empty() {
            return Err(EngineError::new(Reason::ClaimsNotAvailable)
                .about(id)
                .with("state", row.state().0));
        }
        let claims = came(&row.claims, &stored, &read.claims);
        let key = self.keys.of(&row)?;
        let sealer = Sealer { id, key: &key };
        let with_pepper =
            |claim: &Came<'_>| !claim.asked.name.is_derived() && claim.is_meant(&read.peppers_of);
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
                    let matter = claim.matter();
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
        let backs = |record: &EvidenceRecord| claims.iter().any(|claim| claim.is_backed_by(record));
        let evidence = evidence
            .into_iter()
            .filter(backs)
            .map(|record| EvidenceView::open(record, &sealer))
            .collect::<Result<_, _>>()?;
        let views = claims
            .iter()
            .map(|claim| open(claim, with_pepper(claim), &sealer, Date::on(now)))
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

/// A claim in clear. Of a derived one, nothing but what is derived.
fn open(
    came: &Came<'_>,
    with_pepper: bool,
    sealer: &Sealer<'_>,
    today: Date,
) -> Result<ClaimView, EngineError> {
    let Came { asked, stored } = came;
    let claim = stored.field.as_str();
    let value = match stored.evidence {
        Some(_) => None,
        None => {
            let what = SealedWhat::ClaimValue { claim };
            Some(sealer.open_text(stored.revision, what, &stored.value)?)
        }
    };
    let (raw, derived) = match asked.name.derived_from() {
        None => (value, None),
        Some(from) => {
            let value = value.and_then(|raw| derive(asked.name, raw.expose(), today));
            let as_of = Pii::new(today);
            (None, Some(Derived { from, as_of, value }))
        }
    };
    let pepper = stored.pepper.as_ref().filter(|_| with_pepper);
    let pepper = pepper.map(|sealed| {
        let what = SealedWhat::ClaimPepper { claim };
        sealer.open_text(stored.revision, what, sealed)
    });
    let word = stored.provider_document.as_ref();
    let word = word.map(|sealed| {
        let what = SealedWhat::ClaimDocument { claim };
        sealer.open_text(stored.revision, what, sealed)
    });
    Ok(ClaimView {
        name: asked.name,
        status: asked.status,
        claim: (*stored).clone(),
        raw,
        derived,
        pepper: pepper.transpose()?,
        provider_document: word.transpose()?,
    })
}
