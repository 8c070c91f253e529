//! The attempts that a callback can be about, as a plug-in is told of them.
//!
//! Invariant: however many attempts a slot has had, no more than one of their verifications is read
//! whole, and none but that one's key is used. The user and the items are those of the slot, so they
//! are the same for all.

use std::sync::Arc;

use verilane_core::{Pii, Tenancy, Verification};
use verilane_provider::Candidate;
use verilane_store::{CallbackTarget, Loaded};

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
