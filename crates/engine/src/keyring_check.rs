//! Whether the keyring is the store's own: asked once, at start, so that a service with a foreign
//! keyring never begins to write what its own could not read, nor to answer that nobody is found.

use verilane_core::{LookupKind, Pii, Reason, Verification};
use verilane_store::ListQuery;
use verilane_vault::IndexKind;

use crate::EngineError;
use crate::engine::Engine;
use crate::sealing::Sealer;

impl Engine {
    /// Opens what the newest verification has sealed, and finds it again by its subject; one that has
    /// none, by its slot. An empty store takes any keyring.
    ///
    /// # Errors
    /// `INTERNAL` if the keyring can't open it or does not find it; those of the store.
    pub async fn check_keyring(&self) -> Result<(), EngineError> {
        let newest = ListQuery {
            limit: 1,
            ..ListQuery::default()
        };
        let Some(newest) = self.store.list(&newest).await?.pop() else {
            return Ok(());
        };
        let row = newest.verification;
        let key = self.keys.of(&row)?;
        let sealer = Sealer {
            id: row.id,
            key: &key,
        };
        let subject = sealer.subject(&row)?;
        let is_named = !subject.expose().is_empty() && row.forget_time.is_none();
        let is_found = match is_named {
            true => self.has_subject(&subject).await?,
            false => self.knows_slot(&row).await?,
        };
        if is_found {
            Ok(())
        } else {
            Err(EngineError::new(Reason::Internal).about(row.id))
        }
    }

    async fn has_subject(&self, subject: &Pii<String>) -> Result<bool, EngineError> {
        let by_subject = ListQuery {
            lookups: vec![(LookupKind::Subject, self.subject_index(subject))],
            limit: 1,
            ..ListQuery::default()
        };
        Ok(!self.store.list(&by_subject).await?.is_empty())
    }

    /// Whether a callback would find the slot of a verification; also where it has served its time.
    async fn knows_slot(&self, row: &Verification) -> Result<bool, EngineError> {
        let Some(attempt) = row.newest_attempt() else {
            return Ok(false);
        };
        let Some(slot) = self.store.slot_by_id(attempt.slot).await? else {
            return Ok(true);
        };
        let (status, _) = self.callback_paths(&slot)?;
        let vault = self.keys.vault();
        let index = vault.index(IndexKind::CallbackPath, &[status.expose().as_bytes()]);
        Ok(index == slot.status_path)
    }
}
