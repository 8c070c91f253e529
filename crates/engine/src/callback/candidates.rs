//! The attempts that a callback can be about, as a plug-in is told of them.
//!
//! Invariant: however many attempts a slot has had, no more than one of their verifications is read
//! whole, and none but that one's key is used. The user and the items are those of the slot, so they
//! are the same for all.

use std::sync::Arc;

use verilane_core::{
    Attempt, AttemptNumber, ConnectionName, Pii, SlotHolder, SlotId, Tenancy, Verification,
};
use verilane_provider::Candidate;
use verilane_store::{CallbackTarget, Loaded};

use crate::command::slot::Wanted;
use crate::engine::Engine;
use crate::sealing::Sealer;
use crate::{EngineError, KeyCache};

/// How many attempts of a slot are asked about after a callback that could not be verified.
const HINTED: usize = 4;

/// Who can be meant.
pub(super) struct Meant {
    /// The attempts whose request the provider can hold, newest first.
    pub(super) tenancies: Vec<Tenancy>,
    /// The same, for the plug-in.
    pub(super) candidates: Vec<Candidate>,
    /// The verification of the newest.
    newest: Option<Loaded>,
}

/// What is asked of whom.
pub(super) struct Asked {
    subject: Pii<String>,
    fields: Arc<[String]>,
}

impl Asked {
    pub(super) fn by(row: &Verification, keys: &KeyCache) -> Result<Self, EngineError> {
        let key = keys.of(row)?;
        let sealer = Sealer {
            id: row.id,
            key: &key,
        };
        Ok(Self {
            subject: sealer.subject(row)?,
            fields: row.asked_fields().map(str::to_owned).collect(),
        })
    }

    pub(super) fn candidate(&self, tenancy: &Tenancy) -> Candidate {
        Candidate {
            subject: self.subject.clone(),
            fields: Arc::clone(&self.fields),
            start_time: tenancy.start_time,
            requested_expiry: tenancy.requested_expiry,
            expire_time: tenancy.expire_time,
            is_cancelled: tenancy.facts.is_cancelled(),
            was_taken: tenancy.was_taken(),
        }
    }
}

impl Engine {
    pub(super) async fn meant(&self, target: &CallbackTarget) -> Result<Meant, EngineError> {
        let held = target.tenancies.iter().filter(|one| one.may_be_held());
        let tenancies: Vec<Tenancy> = held.copied().collect();
        let (mut newest, mut candidates) = (None, Vec::new());
        if let Some(first) = tenancies.first() {
            let loaded = self.load(first.holder.verification).await?;
            let asked = Asked::by(&loaded.verification, &self.keys)?;
            candidates = tenancies.iter().map(|one| asked.candidate(one)).collect();
            newest = Some(loaded);
        }
        Ok(Meant {
            tenancies,
            candidates,
            newest,
        })
    }

    /// The attempts that a message over this connection can be about, whoever's they are: those of the
    /// slots that the verification has used there, and of the one for the same that there is now. Only
    /// among all of them does a message's expiration tell whose it is. Newest first.
    pub(super) async fn may_be_meant(
        &self,
        row: &Verification,
        connection: &ConnectionName,
        came_for: Option<AttemptNumber>,
    ) -> Result<Vec<Tenancy>, EngineError> {
        let over = row.attempts.iter().rev();
        let over: Vec<&Attempt> = over.filter(|a| a.connection == *connection).collect();
        let mut slots: Vec<SlotId> = over.iter().map(|attempt| attempt.slot).collect();
        if let Some(newest) = over.first() {
            let key = self.keys.of(row)?;
            let sealer = Sealer {
                id: row.id,
                key: &key,
            };
            let wanted = Wanted {
                connection,
                subject: &sealer.subject(row)?,
                fields: row.asked_fields().collect(),
                holder: newest.tenancy(row.id).holder,
            };
            let now = self.slot_of(&wanted).await?;
            slots.splice(..0, now.map(|slot| slot.id));
        }
        slots.dedup();
        let mut meant = Vec::new();
        for slot in slots {
            meant.extend(self.store.tenancies(slot).await?);
        }
        meant.retain(Tenancy::may_be_held);
        // Whose a message is does not change with who has asked since it came.
        if let Some(attempt) = came_for {
            let holder = SlotHolder {
                verification: row.id,
                attempt,
            };
            let newer = meant.iter().position(|one| one.holder == holder);
            meant.drain(..newer.unwrap_or_default());
        }
        Ok(meant)
    }

    /// The verification of an attempt that was meant, as it was a moment ago.
    pub(super) async fn loaded(
        &self,
        meant: Meant,
        tenancy: Tenancy,
    ) -> Result<Loaded, EngineError> {
        let id = tenancy.holder.verification;
        match meant.newest.filter(|loaded| loaded.verification.id == id) {
            Some(loaded) => Ok(loaded),
            None => self.load(id).await,
        }
    }

    /// Has the newest attempts asked about soon.
    pub(super) async fn hint_newest(&self, target: &CallbackTarget, meant: &Meant) {
        if !self.is_polled(&target.slot.connection) {
            return;
        }
        let mut rows = Vec::new();
        for one in meant.tenancies.iter().take(HINTED) {
            let holder = one.holder;
            match self.load(holder.verification).await {
                Ok(loaded) => rows.push((holder.attempt, loaded.verification)),
                Err(error) => tracing::warn!(%error, "a poll could not be brought forward"),
            }
        }
        self.hint(rows.iter().map(|(number, row)| (*number, row)))
            .await;
    }
}
