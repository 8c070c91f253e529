//! Takes a caller's decision on what was verified.
//!
//! The decision is durable when the caller is answered. Where the provider has the last word, a job
//! tells it until it knows, and the state moves with its answer; elsewhere it moves at once.

use verilane_core::decide::{self, Reviewer};
use verilane_core::{AuditAction, AuditRecord, ConnectionName, Reason};
use verilane_provider::Capability;
use verilane_store::{CommitError, Conflict};
use verilane_vault::SealedWhat;

use crate::engine::{Engine, RACES};
use crate::sealing::{Sealer, write_parts};
use crate::{EngineError, ReviewVerification, VerificationView};

impl Engine {
    /// Decides a review. Deciding the same again changes nothing.
    ///
    /// # Errors
    /// `PURPOSE_REQUIRED`; `VERIFICATION_NOT_FOUND`; `REVIEW_NOT_OPEN`, `REVIEW_DECIDED_OTHERWISE`;
    /// `REVISION_MISMATCH`; and those of the store.
    pub async fn review_verification(
        &self,
        request: ReviewVerification,
    ) -> Result<VerificationView, EngineError> {
        request.access.check()?;
        let id = request.verification;
        for _ in 0..RACES {
            let row = self.load(id).await?.verification;
            let Some(attempt) = row.newest_attempt() else {
                return Err(EngineError::new(Reason::Internal).about(id));
            };
            let now = self.now();
            let decided = decide::decided(
                &row,
                attempt.number,
                request.decision,
                self.reviewer(&attempt.connection),
                now,
                &self.config.deadlines,
            );
            let refused = |reason| {
                EngineError::new(reason)
                    .about(id)
                    .with("state", row.state().0)
            };
            let Some(mut change) = decided.map_err(refused)? else {
                return self.view(row);
            };
            // After the decision's own refusals: what was decided before is told in any case.
            let expected = request.expected;
            if expected.is_some_and(|expected| expected != row.revision) {
                return Err(EngineError::new(Reason::RevisionMismatch)
                    .about(id)
                    .with("revision", row.revision.0));
            }
            let key = self.keys.of(&row)?;
            let sealer = Sealer { id, key: &key };
            let [purpose, actor, reference] = request.access.parts();
            let why = request.reason.expose().as_bytes();
            change.audit.push(AuditRecord {
                time: now,
                principal: request.principal.clone(),
                action: AuditAction::ReviewDecided,
                verification: Some(id),
                subject_matter: vec![request.decision.as_str().to_owned()],
                details: Some(sealer.seal(
                    decide::next_revision(&row),
                    SealedWhat::AuditDetails,
                    &write_parts([purpose, actor, reference, why]),
                )?),
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

    /// Who has to know of decisions over a connection.
    pub(crate) fn reviewer(&self, connection: &ConnectionName) -> Reviewer {
        let connection = self.connections.get(connection);
        if connection.is_some_and(|connection| connection.facade.has(Capability::Review)) {
            Reviewer::Provider
        } else {
            Reviewer::CallerAlone
        }
    }
}
