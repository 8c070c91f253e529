//! Calls a verification off: every attempt of it, at once and for good.

use verilane_core::{
    AuditAction, AuditRecord, Principal, Reason, Revision, State, VerificationId, decide,
};
use verilane_store::{CommitError, Conflict};
use verilane_vault::SealedWhat;

use crate::engine::{Engine, RACES};
use crate::sealing::{Sealer, write_parts};
use crate::{AccessContext, EngineError, VerificationView};

impl Engine {
    /// Calls a verification off. Repeating it changes nothing more.
    ///
    /// # Errors
    /// `VERIFICATION_NOT_FOUND`; `ALREADY_VERIFIED`; `DECISION_PENDING`; `REVISION_MISMATCH` if it is not at the
    /// expected revision; and those of the store.
    pub async fn cancel(
        &self,
        id: VerificationId,
        expected: Option<Revision>,
        principal: &Principal,
        access: &AccessContext,
    ) -> Result<VerificationView, EngineError> {
        for _ in 0..RACES {
            let row = self.load(id).await?.verification;
            let state = row.state().0;
            if state == State::Cancelled {
                return self.view(row);
            }
            if expected.is_some_and(|expected| expected != row.revision) {
                return Err(EngineError::new(Reason::RevisionMismatch)
                    .about(id)
                    .with("revision", row.revision.0));
            }
            let now = self.now();
            let change = decide::cancel(&row, now, &self.config.deadlines)
                .map_err(|reason| EngineError::new(reason).about(id))?;
            let Some(mut change) = change else {
                return self.view(row);
            };
            let key = self.keys.of(&row)?;
            let sealer = Sealer { id, key: &key };
            let details = sealer.seal(
                decide::next_revision(&row),
                SealedWhat::AuditDetails,
                &write_parts(access.parts()),
            )?;
            change.audit.push(AuditRecord {
                time: now,
                principal: principal.clone(),
                action: AuditAction::VerificationCancelled,
                verification: Some(id),
                subject_matter: Vec::new(),
                details: Some(details),
            });
            let after = change.verification.as_ref().map(|write| write.row.clone());
            match self.commit(change).await {
                Ok(_) => return self.view(after.unwrap_or(row)),
                Err(CommitError::Conflict(Conflict::Revision)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::new(Reason::Contended).about(id))
    }
}
