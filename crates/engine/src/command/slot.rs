//! The slot that an attempt takes: our record of what a provider can hold only once.
//!
//! Invariant: a slot keeps its callback paths from its first attempt to its last, since the provider
//! goes on calling those that it was given first.

use verilane_core::{
    Reason, RequestedClaim, Slot, SlotHolder, SlotId, SlotWrite, StartPhase, State, Timestamp,
    Verification, VerificationId, asked_fields,
};
use verilane_provider::Prepared;
use verilane_vault::{IndexKind, WrapPurpose};

use crate::engine::Engine;
use crate::sealing::write_parts;
use crate::{CreateVerification, EngineError};

impl Engine {
    /// The slot for this user and these items: made, or taken from an attempt that has ended.
    pub(super) async fn slot_for(
        &self,
        id: VerificationId,
        request: &CreateVerification,
        prepared: &Prepared,
        claims: &[RequestedClaim],
        now: Timestamp,
    ) -> Result<SlotWrite, EngineError> {
        let vault = self.keys.vault();
        let mut parts = vec![
            request.connection.as_str().as_bytes(),
            prepared.subject.expose().as_bytes(),
        ];
        parts.extend(asked_fields(claims).map(str::as_bytes));
        let key = vault.index(IndexKind::Slot, &parts);
        let holder = SlotHolder {
            verification: id,
            attempt: 1,
        };
        let keep_until = now + self.config.slot_retention;
        let Some(slot) = self.store.slot(key).await? else {
            let slot_id = SlotId::generate();
            let (status, data) = (vault.random_path()?, vault.random_path()?);
            let path = |path: &str| vault.index(IndexKind::CallbackPath, &[path.as_bytes()]);
            let paths = write_parts([status.as_bytes(), data.as_bytes()]);
            return Ok(SlotWrite::Make(Slot {
                id: slot_id,
                key,
                connection: request.connection.clone(),
                paths: vault.wrap_secret(WrapPurpose::SlotPaths, &[slot_id.as_bytes()], &paths)?,
                status_path: path(&status),
                data_path: path(&data),
                holder,
                create_time: now,
                keep_until,
            }));
        };
        let held = self.store.load(slot.holder.verification).await?;
        let is_open = held.is_some_and(|held| is_open(&held.verification, slot.holder.attempt));
        if is_open {
            // Nothing is told about it: it can be another caller's.
            return Err(EngineError::new(Reason::RequestAlreadyOpen));
        }
        Ok(SlotWrite::Take {
            expected: slot.holder,
            slot: Slot {
                holder,
                keep_until,
                ..slot
            },
        })
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
