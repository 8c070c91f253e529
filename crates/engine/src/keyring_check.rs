//! Whether the keyring is the store's own: asked once, at start, so that a service with a foreign
//! keyring never begins to write what its own could not read, nor to answer that nobody is found.

use verilane_core::{LookupKind, Reason};
use verilane_store::ListQuery;

use crate::EngineError;
use crate::engine::Engine;
use crate::sealing::Sealer;

impl Engine {
    /// Opens what the newest verification has sealed, and finds it again by its subject. An empty
    /// store takes any keyring.
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
        let by_subject = ListQuery {
            lookups: vec![(LookupKind::Subject, self.subject_index(&subject))],
            limit: 1,
            ..ListQuery::default()
        };
        if self.store.list(&by_subject).await?.is_empty() {
            return Err(EngineError::new(Reason::Internal).about(row.id));
        }
        Ok(())
    }
}
