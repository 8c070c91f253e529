//! Joins a verification that is open already: the provider can hold one request for a user and a set
//! of items, so a second one of the same caller is the first one.
//!
//! Invariant: whoever is not the same caller, with the same purpose and the same claims, learns only
//! that something is open.

use verilane_core::{
    AuditAction, AuditRecord, Change, Pii, Reason, RequestedClaim, SlotHolder, Verification,
};
use verilane_store::{CommitError, Conflict};
use verilane_vault::{IndexKind, SealedWhat};

use super::idempotency::RequestDigest;
use crate::engine::Engine;
use crate::sealing::{FIRST, Sealer, write_parts};
use crate::{CreateVerification, EngineError, VerificationView};

impl Engine {
    /// Answers the open verification instead of a new one, and remembers that durably. None if
    /// another call with the same request id was quicker.
    ///
    /// # Errors
    /// `REQUEST_ALREADY_OPEN` if it is another caller's, or for something else; those of the store.
    pub(super) async fn join(
        &self,
        request: &CreateVerification,
        claims: &[RequestedClaim],
        open: Verification,
        holder: SlotHolder,
        digest: Option<&RequestDigest>,
    ) -> Result<Option<VerificationView>, EngineError> {
        let key = self.keys.of(&open)?;
        let sealer = Sealer {
            id: open.id,
            key: &key,
        };
        let purpose = sealer.open_text(FIRST, SealedWhat::Purpose, &open.purpose)?;
        if open.principal != request.principal
            || !self.is_same(&purpose, &request.access.purpose)
            || !are_same(claims, &open.claims)
        {
            return Err(EngineError::new(Reason::RequestAlreadyOpen));
        }
        let now = self.now();
        let mut change = Change::new(now);
        change.idempotency =
            digest.map(|digest| self.remember(digest, open.id, holder.attempt, true));
        change.audit.push(AuditRecord {
            time: now,
            principal: request.principal.clone(),
            action: AuditAction::VerificationJoined,
            verification: Some(open.id),
            subject_matter: Vec::new(),
            details: Some(sealer.seal(
                open.revision,
                SealedWhat::AuditDetails,
                &write_parts(request.access.parts()),
            )?),
        });
        match self.commit(change).await {
            Ok(_) => Ok(Some(VerificationView {
                joined: true,
                ..self.view(open)?
            })),
            Err(CommitError::Conflict(Conflict::RequestId)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether two texts are the same, compared by their keyed digests, so that timing tells nothing
    /// about either.
    pub(super) fn is_same(&self, one: &Pii<String>, other: &Pii<String>) -> bool {
        let digest = |text: &Pii<String>| {
            let parts: [&[u8]; 2] = [b"purpose", text.expose().as_bytes()];
            self.keys.vault().index(IndexKind::Request, &parts)
        };
        digest(one) == digest(other)
    }
}

/// Whether the same is asked for, of the same necessity. What became of it does not matter.
fn are_same(one: &[RequestedClaim], other: &[RequestedClaim]) -> bool {
    let parts = |claim: &RequestedClaim| {
        let field = claim.field.clone();
        (field, claim.name, claim.required, claim.asked)
    };
    one.iter().map(parts).eq(other.iter().map(parts))
}
