//! The slot that an attempt takes: our record of what a provider can hold only once.
//!
//! Invariant: a slot keeps its callback paths from its first attempt to its last, since the provider
//! goes on calling those that it was given first.

use verilane_core::{
    BlindIndex, ConnectionName, Pii, Slot, SlotHolder, SlotId, SlotWrite, StartPhase, State,
    Timestamp, Verification,
};
use verilane_vault::{IndexKind, WrapPurpose};

use crate::EngineError;
use crate::engine::Engine;
use crate::sealing::write_parts;

/// Who wants a slot, and for what.
pub(crate) struct Wanted<'a> {
    pub connection: &'a ConnectionName,
    pub subject: &'a Pii<String>,
    /// What the provider is to be asked for, sorted.
    pub fields: Vec<&'a str>,
    pub holder: SlotHolder,
}

/// The slot for a user and a set of items.
pub(super) enum SlotFor {
    /// It is made, or taken from an attempt that has ended.
    Free(SlotWrite),
    /// An attempt of this verification holds it, and is open.
    Held(Box<Verification>, SlotHolder),
}

impl SlotFor {
    /// The slot's name, and whether it is made.
    pub(super) const fn name_of(write: &SlotWrite) -> (SlotId, bool) {
        match write {
            SlotWrite::Make(slot) => (slot.id, true),
            SlotWrite::Take { slot, .. } => (slot.id, false),
        }
    }
}

impl Engine {
    /// The name of the slot for what is wanted.
    fn slot_key(&self, wanted: &Wanted<'_>) -> Result<BlindIndex, EngineError> {
        let mut parts = vec![
            wanted.connection.as_str().as_bytes(),
            wanted.subject.expose().as_bytes(),
        ];
        parts.extend(wanted.fields.iter().map(|field| field.as_bytes()));
        let number = wanted.holder.attempt.to_be_bytes();
        let profile = self.connection(wanted.connection)?.facade.profile();
        if !profile.holds_one_request {
            // Nobody else's request is in the way of this one: each attempt has a slot of its own.
            parts.extend([wanted.holder.verification.as_bytes().as_slice(), &number]);
        }
        Ok(self.keys.vault().index(IndexKind::Slot, &parts))
    }

    /// The slot that there is for what is wanted.
    pub(crate) async fn slot_of(&self, wanted: &Wanted<'_>) -> Result<Option<Slot>, EngineError> {
        Ok(self.store.slot(self.slot_key(wanted)?).await?)
    }

    pub(super) async fn slot_for(
        &self,
        wanted: &Wanted<'_>,
        now: Timestamp,
    ) -> Result<SlotFor, EngineError> {
        let vault = self.keys.vault();
        let key = self.slot_key(wanted)?;
        let holder = wanted.holder;
        let keep_until = now + self.connection(wanted.connection)?.slot_retention;
        let Some(slot) = self.store.slot(key).await? else {
            let slot_id = SlotId::generate();
            let (status, data) = (vault.random_path()?, vault.random_path()?);
            let path = |path: &str| vault.index(IndexKind::CallbackPath, &[path.as_bytes()]);
            let paths = write_parts([status.as_bytes(), data.as_bytes()]);
            return Ok(SlotFor::Free(SlotWrite::Make(Slot {
                id: slot_id,
                key,
                connection: wanted.connection.clone(),
                paths: vault.wrap_secret(WrapPurpose::SlotPaths, &[slot_id.as_bytes()], &paths)?,
                status_path: path(&status),
                data_path: path(&data),
                holder,
                create_time: now,
                keep_until,
            })));
        };
        if let Some(held) = self.store.load(slot.holder.verification).await?
            && is_open(&held.verification, slot.holder.attempt)
        {
            return Ok(SlotFor::Held(Box::new(held.verification), slot.holder));
        }
        Ok(SlotFor::Free(SlotWrite::Take {
            expected: slot.holder,
            slot: Slot {
                holder,
                keep_until,
                ..slot
            },
        }))
    }
}

fn is_open(row: &Verification, attempt: u32) -> bool {
    row.attempt(attempt).is_some_and(|attempt| {
        attempt.phase != StartPhase::Ended
            && matches!(
                attempt.state().0,
                State::Pending | State::Processing | State::InReview
            )
    })
}
