//! Has a provider check again whether claims still hold.
//!
//! The values and peppers leave for the provider that they came from, and nobody else. The audit
//! record is durable before they do; what the provider says is durable before the caller is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use verilane_core::{
    AttemptNumber, AuditAction, AuditRecord, Change, ConnectionName, Pii, Reason, RequestedClaim,
    StoredClaim, Verification, decide,
};
use verilane_provider::{Capability, ValueToCheck};
use verilane_store::{CommitError, Conflict};
use verilane_vault::{DataKey, SealedWhat};

use super::granted::{Came, came, usable};
use super::read_claims::check_requested;
use crate::crash::CrashPoint;
use crate::engine::{Engine, RACES};
use crate::sealing::{Sealer, write_parts};
use crate::{EngineError, Revalidate, Revalidation, RevalidationView};

/// A value and its pepper, taken out of what is sealed.
pub(crate) struct Opened {
    pub(crate) field: String,
    pub(crate) value: Pii<String>,
    pub(crate) pepper: Pii<String>,
}

impl Engine {
    /// Has claims of a verification checked again. One that turns out not to hold any more is
    /// INVALID from then on, and an event says so.
    ///
    /// # Errors
    /// `PURPOSE_REQUIRED`; `VERIFICATION_NOT_FOUND`; `CLAIM_NOT_REQUESTED`; `CLAIMS_NOT_AVAILABLE` if
    /// none of the claims has come; `REVALIDATION_NOT_OFFERED` if the connection of one can't, or
    /// none has a pepper; `CONTENDED` if a value was replaced while it was checked; those of a provider that is asked, and of the store.
    pub async fn revalidate_claims(
        &self,
        revalidate: &Revalidate,
    ) -> Result<RevalidationView, EngineError> {
        revalidate.access.check()?;
        let id = revalidate.verification;
        let row = self.load(id).await?.verification;
        check_requested("claims", &revalidate.claims, &row.claims)?;
        let stored = usable(self.store.claims(id).await?);
        let claims = came(&row.claims, &stored, &revalidate.claims);
        if claims.is_empty() {
            return Err(EngineError::new(Reason::ClaimsNotAvailable)
                .about(id)
                .with("state", row.state().0));
        }
        // What is derived from a claim is checked as that claim, which is checked once.
        let mut values: Vec<&StoredClaim> = claims.iter().map(|claim| claim.stored).collect();
        values.dedup_by(|one, other| one.field == other.field);
        let groups = self.groups(&row, &values)?;
        let key = self.keys.of(&row)?;
        let sealer = Sealer { id, key: &key };
        let now = self.now();
        let mut change = Change::new(now);
        change.audit.push(AuditRecord {
            time: now,
            principal: revalidate.principal.clone(),
            action: AuditAction::ClaimsRevalidated,
            verification: Some(id),
            subject_matter: claims.iter().map(Came::matter).collect(),
            details: Some(sealer.seal(
                row.revision,
                SealedWhat::AuditDetails,
                &write_parts(revalidate.access.parts()),
            )?),
        });
        self.commit(change).await?;
        let subject = sealer.subject(&row)?;
        let mut outcomes: BTreeMap<String, Revalidation> = BTreeMap::new();
        let mut after = row.clone();
        for ((connection, attempt), claims) in groups {
            let mut opened = Vec::with_capacity(claims.len());
            for claim in &claims {
                opened.push(self.open_claim(&key, claim).await?);
            }
            let invalid = self.ask_again(&connection, &subject, &opened).await?;
            for opened in &opened {
                let holds = !invalid.contains(&opened.field);
                let said = if holds {
                    Revalidation::Holds
                } else {
                    Revalidation::DoesNotHold
                };
                outcomes.insert(opened.field.clone(), said);
            }
            after = self.invalidate(after, attempt, &claims, &invalid).await?;
        }
        let outcomes = claims.iter().map(|claim| {
            let said = outcomes.get(&claim.asked.field).copied();
            let said = said.unwrap_or(Revalidation::NotCheckable);
            let is_it = |now: &&RequestedClaim| {
                now.field == claim.asked.field && now.name == claim.asked.name
            };
            let now = after.claims.iter().find(is_it).unwrap_or(claim.asked);
            (now.clone(), said)
        });
        Ok(RevalidationView {
            claims: outcomes.collect(),
            row: after,
        })
    }

    /// The claims that can be checked, by the attempt that brought them.
    fn groups<'a>(
        &self,
        row: &Verification,
        claims: &[&'a StoredClaim],
    ) -> Result<BTreeMap<(ConnectionName, AttemptNumber), Vec<&'a StoredClaim>>, EngineError> {
        let not_offered = |connection: &ConnectionName| {
            EngineError::new(Reason::RevalidationNotOffered).with("connection", connection)
        };
        let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for &claim in claims {
            let attempt = row.attempt(claim.attempt);
            let connection = attempt.map_or(&row.connection, |attempt| &attempt.connection);
            if !self.can_revalidate(connection)? {
                return Err(not_offered(connection));
            }
            if claim.pepper.is_some() {
                let group = groups
                    .entry((connection.clone(), claim.attempt))
                    .or_default();
                group.push(claim);
            }
        }
        if groups.is_empty() {
            return Err(not_offered(&row.connection));
        }
        Ok(groups)
    }

    /// Whether a connection can check values again.
    pub(crate) fn can_revalidate(&self, connection: &ConnectionName) -> Result<bool, EngineError> {
        let profile = self.connection(connection)?.facade.profile();
        Ok(profile.capabilities.contains(&Capability::Revalidate))
    }

    async fn open_claim(
        &self,
        key: &Arc<DataKey>,
        claim: &StoredClaim,
    ) -> Result<Opened, EngineError> {
        let sealer = Sealer {
            id: claim.verification,
            key,
        };
        let what = SealedWhat::ClaimPepper {
            claim: &claim.field,
        };
        let pepper = claim.pepper.as_ref().ok_or(Reason::Internal);
        let pepper = pepper.map_err(EngineError::new)?;
        Ok(Opened {
            field: claim.field.clone(),
            value: self.value_as_received(key, claim).await?,
            pepper: sealer.open_text(claim.revision, what, pepper)?,
        })
    }

    /// Asks a connection's provider about values. Answers with the fields whose values don't hold.
    pub(crate) async fn ask_again(
        &self,
        connection: &ConnectionName,
        subject: &Pii<String>,
        opened: &[Opened],
    ) -> Result<Vec<String>, EngineError> {
        let values: Vec<_> = opened
            .iter()
            .map(|opened| ValueToCheck {
                field: &opened.field,
                value: &opened.value,
                pepper: &opened.pepper,
            })
            .collect();
        let facade = &self.connection(connection)?.facade;
        self.crash_point(CrashPoint::RevalidationAsked);
        let answer = facade.revalidate(subject, &values).await;
        let answer = answer.map_err(|error| super::start::provider_error(&error))?;
        self.crash_point(CrashPoint::RevalidationAnswered);
        Ok(answer.invalid)
    }

    /// Writes down which of the values that were checked don't hold any more, against whatever the row
    /// has become meanwhile. Nothing is said of a value that has replaced one of them.
    async fn invalidate(
        &self,
        mut row: Verification,
        attempt: AttemptNumber,
        checked: &[&StoredClaim],
        invalid: &[String],
    ) -> Result<Verification, EngineError> {
        let contended = |row: &Verification| EngineError::new(Reason::Contended).about(row.id);
        for _ in 0..RACES {
            // Read after the row: what is replaced later has moved the row too.
            let stored = self.store.claims(row.id).await?;
            let stands = |claim: &&&StoredClaim| {
                let is_it =
                    |now: &StoredClaim| now.field == claim.field && now.revision == claim.revision;
                stored.iter().any(is_it)
            };
            let standing: Vec<&&StoredClaim> = checked.iter().filter(stands).collect();
            let all_stand = standing.len() == checked.len();
            let fields = standing.iter().map(|claim| claim.field.as_str());
            let fields = fields.filter(|field| invalid.iter().any(|one| one == field));
            let fields: Vec<&str> = fields.collect();
            let deadlines = &self.config.deadlines;
            let now = self.now();
            let change = decide::claims_invalidated(&row, attempt, &fields, now, deadlines);
            let Some(change) = change else {
                return if all_stand {
                    Ok(row)
                } else {
                    Err(contended(&row))
                };
            };
            let after = change.verification.as_ref().map(|write| write.row.clone());
            match self.commit(change).await {
                Ok(_) if all_stand => return Ok(after.unwrap_or(row)),
                Ok(_) => return Err(contended(&row)),
                Err(CommitError::Conflict(Conflict::Revision)) => {
                    row = self.load(row.id).await?.verification;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(contended(&row))
    }
}
