//! Takes what a user's browser brought back, and binds it to the attempt that waits for it.
//!
//! Invariant: what was brought back belongs to one attempt for good, unless it turns out to be another
//! user's. The binding is committed with the attempt that goes on with it, so of two callers who hand
//! the same thing in one is refused.

use verilane_core::{
    Attempt, AuditAction, AuditRecord, Binding, BindingWrite, BlindIndex, Change, JobAbout,
    JobWrite, Pii, Reason, SlotHolder, Verification, decide,
};
use verilane_provider::Capability;
use verilane_store::{CommitError, Conflict};
use verilane_vault::{IndexKind, SealedWhat};

use crate::engine::{Engine, RACES};
use crate::pull::poll_job;
use crate::sealing::{Sealer, write_parts};
use crate::{ContinueVerification, EngineError, VerificationView};

impl Engine {
    /// Goes on with what a browser brought back: the provider is looked at from now on. Handing the
    /// same thing in again changes nothing.
    ///
    /// # Errors
    /// `VERIFICATION_NOT_FOUND`, `CONNECTION_NOT_FOUND`; `CONTINUATION_NOT_OFFERED`,
    /// `CONTINUATION_MALFORMED`, `CONTINUATION_TAKEN`, `ALREADY_CONTINUED`, `NOT_CONTINUABLE`;
    /// `REVISION_MISMATCH`; and those of the store.
    pub async fn continue_verification(
        &self,
        request: ContinueVerification,
    ) -> Result<VerificationView, EngineError> {
        let id = request.verification;
        for _ in 0..RACES {
            let row = self.load(id).await?.verification;
            let Some(attempt) = row.newest_attempt() else {
                return Err(EngineError::new(Reason::Internal).about(id));
            };
            let reference = self.read_continuation(attempt, &request)?;
            let key = self.binding_key(attempt, &reference)?;
            if let Some(bound) = self.store.binding(key).await? {
                let ours = bound.holder.verification == id;
                let own = row
                    .attempts
                    .iter()
                    .any(|a| a.number == bound.holder.attempt);
                return if ours && own {
                    self.view(row)
                } else {
                    Err(EngineError::new(Reason::ContinuationTaken))
                };
            }
            let expected = request.expected;
            if expected.is_some_and(|expected| expected != row.revision) {
                return Err(EngineError::new(Reason::RevisionMismatch)
                    .about(id)
                    .with("revision", row.revision.0));
            }
            let change = self.handing_over(&row, attempt, &request, (key, &reference))?;
            let after = change.verification.as_ref().map(|write| write.row.clone());
            match self.commit(change).await {
                Ok(_) => return self.view(after.unwrap_or(row)),
                Err(CommitError::Conflict(Conflict::Revision | Conflict::Binding)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::new(Reason::Contended).about(id))
    }

    fn read_continuation(
        &self,
        attempt: &Attempt,
        request: &ContinueVerification,
    ) -> Result<Pii<String>, EngineError> {
        let facade = &self.connection(&attempt.connection)?.facade;
        if !facade.has(Capability::Continue) {
            return Err(EngineError::new(Reason::ContinuationNotOffered)
                .with("connection", &attempt.connection));
        }
        let read = facade.read_continuation(&request.brought);
        read.map_err(|violation| EngineError::fields(vec![violation]))
    }

    /// The digest by which it is known whose a browser's bringing is. Connections of one provider can
    /// lead to one account, so it is the provider that counts.
    pub(crate) fn binding_key(
        &self,
        attempt: &Attempt,
        reference: &Pii<String>,
    ) -> Result<BlindIndex, EngineError> {
        let facade = &self.connection(&attempt.connection)?.facade;
        let request = facade.request_of(reference);
        let parts = [attempt.provider.as_str().as_bytes(), request.as_bytes()];
        Ok(self.keys.vault().index(IndexKind::Binding, &parts))
    }

    fn handing_over(
        &self,
        row: &Verification,
        attempt: &Attempt,
        request: &ContinueVerification,
        (key, reference): (BlindIndex, &Pii<String>),
    ) -> Result<Change, EngineError> {
        let id = row.id;
        let number = attempt.number;
        let now = self.now();
        let data_key = self.keys.of(row)?;
        let sealer = Sealer { id, key: &data_key };
        let revision = decide::next_revision(row);
        let sealed = sealer.seal(
            revision,
            SealedWhat::Reference { attempt: number },
            reference.expose().as_bytes(),
        )?;
        let refused = |reason| {
            EngineError::new(reason)
                .about(id)
                .with("state", row.state().0)
        };
        let deadlines = &self.config.deadlines;
        let mut change = decide::continued(row, number, sealed, now, deadlines).map_err(refused)?;
        change.binding = Some(BindingWrite::Make(Binding {
            key,
            holder: SlotHolder {
                verification: id,
                attempt: number,
            },
            create_time: now,
        }));
        change.jobs.push(JobWrite::Schedule {
            key: poll_job(JobAbout {
                verification: id,
                attempt: number,
            }),
            due: now,
            leased_until: None,
        });
        change.audit.push(AuditRecord {
            time: now,
            principal: request.principal.clone(),
            action: AuditAction::VerificationContinued,
            verification: Some(id),
            subject_matter: Vec::new(),
            details: Some(sealer.seal(
                revision,
                SealedWhat::AuditDetails,
                &write_parts(request.access.parts()),
            )?),
        });
        Ok(change)
    }
}
