//! Creates a verification: everything is checked before the provider is asked anything, the
//! provider is asked what the user holds before anything is stored, and the intent is durable before
//! the request that can't be taken back.

use verilane_core::decide::{self, NewAttempt, NewVerification};
use verilane_core::{
    AuditAction, AuditRecord, BlindIndex, Change, FieldViolation, LookupKind, Reason,
    RequestedClaim, SlotHolder, SlotWrite, Timestamp, VerificationId, asked_fields,
};
use verilane_provider::{ActionLifetime, Prepared, StartRequest, deadline};
use verilane_store::{CommitError, Conflict};
use verilane_vault::SealedWhat;

use super::idempotency::RequestDigest;
use super::slot::{SlotFor, Wanted};
use super::start::SentAs;
use crate::crash::CrashPoint;
use crate::engine::{Engine, RACES};
use crate::sealing::{FIRST, Sealer, write_parts};
use crate::{CreateVerification, EngineError, Expire, VerificationView};

/// Kept from both ends of the lifetimes that a provider accepts: the request needs time to reach
/// it, and its clock is not ours.
pub(super) const LIFETIME_MARGIN: std::time::Duration = std::time::Duration::from_secs(5);

impl Engine {
    /// Creates a verification and asks its provider to start; or joins one that the same caller has
    /// open already for the same purpose, user and claims.
    ///
    /// Where the provider can't be reached in time after the intent was committed, the answer is
    /// the verification without an action; the request is sent again by itself, and the event that
    /// makes the action available tells.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` and its kin for what is wrong with the request; `CONNECTION_NOT_FOUND`;
    /// `REQUEST_ID_REUSED`; `CLAIMS_NOT_HELD`; `REQUEST_ALREADY_OPEN`;
    /// `PROVIDER_REQUEST_NOT_OURS`; `PROVIDER_REFUSED`, `PROVIDER_UNAVAILABLE`,
    /// `PROVIDER_ANSWER_INVALID`; and those of the store.
    pub async fn create(
        &self,
        request: CreateVerification,
    ) -> Result<VerificationView, EngineError> {
        let digest = self.digest(&request);
        if let Some(view) = self.repeated(digest.as_ref()).await? {
            return Ok(view);
        }
        let (prepared, expire_time) = self.checked(&request)?;
        let claims = self.claims_to_ask(&request, &prepared).await?;
        for _ in 0..RACES {
            let id = VerificationId::generate();
            let wanted = Wanted {
                connection: &request.connection,
                subject: &prepared.subject,
                fields: asked_fields(&claims).collect(),
                holder: SlotHolder {
                    verification: id,
                    attempt: 1,
                },
            };
            let slot = match self.slot_for(&wanted, self.now()).await? {
                SlotFor::Free(slot) => slot,
                SlotFor::Held(open, holder) => {
                    // Open perhaps because another call with this request id was quicker.
                    if let Some(view) = self.repeated(digest.as_ref()).await? {
                        return Ok(view);
                    }
                    match self
                        .join(&request, &claims, *open, holder, digest.as_ref())
                        .await?
                    {
                        Some(view) => return Ok(view),
                        None => continue,
                    }
                }
            };
            let change = self.intent(
                id,
                &request,
                &prepared,
                &claims,
                expire_time,
                slot,
                digest.as_ref(),
            )?;
            // Until here nothing is stored, and a caller who is gone misses nothing.
            if deadline::has_passed() {
                return Err(EngineError::new(Reason::DeadlineExceeded));
            }
            match self.commit(change).await {
                Ok(_) => {
                    self.crash_point(CrashPoint::IntentWritten);
                    return self
                        .send_start(id, 1, SentAs::First, request.without_picture)
                        .await;
                }
                Err(CommitError::Conflict(Conflict::RequestId)) => {
                    if let Some(view) = self.repeated(digest.as_ref()).await? {
                        return Ok(view);
                    }
                }
                // The slot was taken in between: look at it again.
                Err(CommitError::Conflict(Conflict::Slot)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::new(Reason::Contended))
    }

    /// Checks everything that can be checked without asking anybody, and says all that is wrong.
    fn checked(&self, request: &CreateVerification) -> Result<(Prepared, Timestamp), EngineError> {
        let connection = self.connection(&request.connection)?;
        let prepared = connection.facade.prepare(&StartRequest {
            scope: request.scope.clone(),
            subject: request.subject.clone(),
            claims: request.claims.clone(),
            action_lifetime: request.action_lifetime,
        });
        let expire_time = self.expire_time(request.expire);
        let mut violations = Vec::new();
        if let Err(wrong) = &prepared {
            violations.extend(wrong.iter().cloned());
        }
        if let Err(error) = request.access.check() {
            violations.extend(error.violations);
        }
        if let Err(error) = &expire_time {
            violations.extend(error.violations.iter().cloned());
        }
        let most = self.config.attempts_max;
        if let Some(attempts) = request.max_attempts
            && !(1..=most).contains(&attempts)
        {
            violations.push(FieldViolation {
                field: "max_attempts".to_owned(),
                description: format!("must be 1 to {most} or unset"),
                reason: Reason::InvalidArgument,
            });
        }
        match (prepared, expire_time) {
            (Ok(prepared), Ok(time)) if violations.is_empty() => Ok((prepared, time)),
            _ => Err(EngineError::fields(violations)),
        }
    }

    fn expire_time(&self, expire: Expire) -> Result<Timestamp, EngineError> {
        let now = self.now();
        let time = match expire {
            Expire::Default => now + self.config.expire_default,
            Expire::After(ttl) => now + ttl,
            Expire::At(time) => time,
        };
        // A second of grace each way: the caller counted from his own now.
        let grace = std::time::Duration::from_secs(1);
        let earliest = now + self.config.expire_min.saturating_sub(grace);
        let latest = now + self.config.expire_max + grace;
        if (earliest..=latest).contains(&time) {
            return Ok(time);
        }
        let field = if matches!(expire, Expire::At(_)) {
            "expire_time"
        } else {
            "ttl"
        };
        Err(EngineError::field(
            Reason::ExpireTimeOutOfRange,
            field,
            &format!(
                "must be {} to {} seconds from now",
                self.config.expire_min.as_secs(),
                self.config.expire_max.as_secs()
            ),
        ))
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "each is a part of the one intent"
    )]
    fn intent(
        &self,
        id: VerificationId,
        request: &CreateVerification,
        prepared: &Prepared,
        claims: &[RequestedClaim],
        expire_time: Timestamp,
        slot: SlotWrite,
        digest: Option<&RequestDigest>,
    ) -> Result<Change, EngineError> {
        let now = self.now();
        let connection = self.connection(&request.connection)?;
        let profile = connection.facade.profile();
        let vault = self.keys.vault();
        let (key, data_key) = vault.new_data_key(id)?;
        let sealer = Sealer { id, key: &key };
        let (slot_id, made_slot) = SlotFor::name_of(&slot);
        let seal = |what, plain: &[u8]| sealer.seal(FIRST, what, plain);
        let subject_ref = request.subject_ref.as_ref();
        let mut change = decide::create(
            NewVerification {
                id,
                principal: request.principal.clone(),
                connection: request.connection.clone(),
                provider: profile.provider.clone(),
                expire_time,
                max_attempts: request.max_attempts.unwrap_or(self.config.attempts_default),
                retention: prepared.retention,
                claims: claims.to_vec(),
                data_key,
                subject: seal(SealedWhat::Subject, prepared.subject.expose().as_bytes())?,
                subject_ref: subject_ref
                    .map(|r| seal(SealedWhat::SubjectRef, r.expose().as_bytes()))
                    .transpose()?,
                labels: (!request.labels.is_empty())
                    .then(|| sealer.seal_labels(&request.labels))
                    .transpose()?,
                purpose: seal(
                    SealedWhat::Purpose,
                    request.access.purpose.expose().as_bytes(),
                )?,
                trace_parent: request.trace_parent.clone(),
                attempt: NewAttempt {
                    slot: slot_id,
                    made_slot,
                    requested_expiry: action_expiry(
                        now,
                        // What the user can do ends with the verification at the latest.
                        prepared.action_lifetime.min(expire_time.since(now)),
                        profile.action_lifetime,
                    ),
                },
            },
            now,
            &self.config.deadlines,
        );
        change.slot = Some(slot);
        change.indexes = self.lookups(request, prepared);
        change.idempotency = digest.map(|digest| self.remember(digest, id, 1, false));
        change.audit.push(AuditRecord {
            time: now,
            principal: request.principal.clone(),
            action: AuditAction::VerificationCreated,
            verification: Some(id),
            subject_matter: claims
                .iter()
                .map(|c| crate::view::matter(c.name, c.document))
                .collect(),
            details: Some(seal(
                SealedWhat::AuditDetails,
                &write_parts(request.access.parts()),
            )?),
        });
        self.keys.remember(id, key.into());
        Ok(change)
    }

    fn lookups(
        &self,
        request: &CreateVerification,
        prepared: &Prepared,
    ) -> Vec<(LookupKind, BlindIndex)> {
        let mut lookups = Vec::new();
        if !prepared.subject.expose().is_empty() {
            let subject = self.subject_index(&prepared.subject);
            lookups.push((LookupKind::Subject, subject));
        }
        if let Some(reference) = &request.subject_ref {
            lookups.push((LookupKind::SubjectRef, self.subject_ref_index(reference)));
        }
        for (key, value) in &request.labels {
            lookups.push((LookupKind::Label, self.label_index(key, value)));
        }
        lookups
    }
}

/// Until when the action shall live, in whole seconds as providers count, a margin inside what the
/// provider accepts.
pub(super) fn action_expiry(
    now: Timestamp,
    lifetime: std::time::Duration,
    accepted: ActionLifetime,
) -> Timestamp {
    let shortest = accepted.min + LIFETIME_MARGIN;
    let longest = accepted.max.saturating_sub(LIFETIME_MARGIN).max(shortest);
    Timestamp::from_secs((now + lifetime.clamp(shortest, longest)).as_secs())
}
