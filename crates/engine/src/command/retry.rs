//! Asks for a new attempt of a verification whose newest one has ended without success.
//!
//! Like a first attempt it stands between two commits: the intent, with the slot that it takes over,
//! is durable before the provider is asked, and a job resumes it. What the user holds is not asked
//! again: the provider is asked for the same items, or it would be another slot.

use verilane_core::decide::{self, NewAttempt};
use verilane_core::{
    AuditAction, AuditRecord, Change, Reason, SlotHolder, SlotWrite, Timestamp, Verification,
};
use verilane_provider::{ActionLifetime, deadline};
use verilane_store::{CommitError, Conflict};
use verilane_vault::SealedWhat;

use super::create::action_expiry;
use super::idempotency::RequestDigest;
use super::slot::{SlotFor, Wanted};
use super::start::SentAs;
use crate::crash::CrashPoint;
use crate::engine::{Engine, RACES};
use crate::sealing::{Sealer, write_parts};
use crate::{EngineError, RetryVerification, VerificationView};

impl Engine {
    /// Asks for a new attempt, and its provider to start it. What the provider still has to deliver
    /// for earlier attempts is taken all the same.
    ///
    /// # Errors
    /// `PURPOSE_REQUIRED`, `ACTION_LIFETIME_OUT_OF_RANGE`; `VERIFICATION_NOT_FOUND`;
    /// `REQUEST_ID_REUSED`; `REVISION_MISMATCH`; `NOT_RETRYABLE`, `VERIFICATION_OVER`,
    /// `ATTEMPTS_EXHAUSTED`; and, as with the first attempt, `REQUEST_ALREADY_OPEN`, those of the
    /// provider and those of the store.
    pub async fn retry(&self, request: RetryVerification) -> Result<VerificationView, EngineError> {
        let digest = self.digest_of_retry(&request);
        if let Some(view) = self.repeated(digest.as_ref()).await? {
            return Ok(view);
        }
        request.access.check()?;
        for _ in 0..RACES {
            let intent = match self.new_attempt(&request, digest.as_ref()).await {
                Ok(intent) => intent,
                // It has moved on perhaps because another call with this request id was quicker.
                Err(error) => return self.repeated(digest.as_ref()).await?.ok_or(error),
            };
            // Until here nothing is stored, and a caller who is gone misses nothing.
            if deadline::has_passed() {
                return Err(EngineError::new(Reason::DeadlineExceeded));
            }
            let (number, change) = intent;
            match self.commit(change).await {
                Ok(_) => {
                    self.crash_point(CrashPoint::RetryIntentWritten);
                    let id = request.verification;
                    return self
                        .send_start(id, number, SentAs::First, request.without_picture)
                        .await;
                }
                Err(CommitError::Conflict(Conflict::RequestId)) => {
                    if let Some(view) = self.repeated(digest.as_ref()).await? {
                        return Ok(view);
                    }
                }
                // Verification or slot moved on in between: look at them again.
                Err(CommitError::Conflict(Conflict::Revision | Conflict::Slot)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::new(Reason::Contended).about(request.verification))
    }

    /// The intent of a new attempt, against the row as it is, and the attempt's number.
    async fn new_attempt(
        &self,
        request: &RetryVerification,
        digest: Option<&RequestDigest>,
    ) -> Result<(u32, Change), EngineError> {
        let id = request.verification;
        let row = self.load(id).await?.verification;
        let now = self.now();
        if request
            .expected
            .is_some_and(|expected| expected != row.revision)
        {
            return Err(EngineError::new(Reason::RevisionMismatch)
                .about(id)
                .with("revision", row.revision.0));
        }
        if let Some(reason) = row.not_retryable(now) {
            return Err(refusal(reason, &row));
        }
        let newest = row
            .newest_attempt()
            .ok_or_else(|| EngineError::new(Reason::Internal).about(id))?;
        let number = newest.number.saturating_add(1);
        let accepted = self
            .connection(&newest.connection)?
            .facade
            .profile()
            .action_lifetime;
        let requested_expiry = expiry(request, &row, accepted, now)?;
        let key = self.keys.of(&row)?;
        let sealer = Sealer { id, key: &key };
        let wanted = Wanted {
            connection: &newest.connection,
            subject: &sealer.subject(&row)?,
            fields: row.asked_fields().collect(),
            holder: SlotHolder {
                verification: id,
                attempt: number,
            },
        };
        let slot = match self.slot_for(&wanted, now).await? {
            SlotFor::Free(slot) => slot,
            // Another retry was quicker; the row was read before it.
            SlotFor::Held(row, holder) if holder.verification == id => {
                return Err(refusal(Reason::NotRetryable, &row));
            }
            // Another verification took it meanwhile. Nothing is told about it.
            SlotFor::Held(..) => return Err(EngineError::new(Reason::RequestAlreadyOpen)),
        };
        let mut change = self.intent_of(&row, &slot, requested_expiry, now)?;
        change.slot = Some(slot);
        change.idempotency = digest.map(|digest| self.remember(digest, id, number, false));
        change.audit.push(AuditRecord {
            time: now,
            principal: request.principal.clone(),
            action: AuditAction::VerificationRetried,
            verification: Some(id),
            subject_matter: Vec::new(),
            details: Some(sealer.seal(
                decide::next_revision(&row),
                SealedWhat::AuditDetails,
                &write_parts(request.access.parts()),
            )?),
        });
        Ok((number, change))
    }

    fn intent_of(
        &self,
        row: &Verification,
        slot: &SlotWrite,
        requested_expiry: Timestamp,
        now: Timestamp,
    ) -> Result<Change, EngineError> {
        let (slot, made_slot) = SlotFor::name_of(slot);
        let new = NewAttempt {
            slot,
            made_slot,
            requested_expiry,
        };
        decide::retry(row, new, now, &self.config.deadlines).map_err(|reason| refusal(reason, row))
    }
}

fn refusal(reason: Reason, row: &Verification) -> EngineError {
    EngineError::new(reason)
        .about(row.id)
        .with("state", row.state().0)
}

/// Until when the new action shall live.
fn expiry(
    request: &RetryVerification,
    row: &Verification,
    accepted: ActionLifetime,
    now: Timestamp,
) -> Result<Timestamp, EngineError> {
    let lifetime = request.action_lifetime.unwrap_or(accepted.default);
    if !(accepted.min..=accepted.max).contains(&lifetime) {
        let (min, max) = (accepted.min.as_secs(), accepted.max.as_secs());
        return Err(EngineError::field(
            Reason::ActionLifetimeOutOfRange,
            "action_lifetime",
            &format!("must be {min} to {max} seconds"),
        ));
    }
    // What the user can do ends with the verification at the latest.
    let lifetime = lifetime.min(row.expire_time.since(now));
    Ok(action_expiry(now, lifetime, accepted))
}
