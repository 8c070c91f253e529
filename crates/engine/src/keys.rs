//! The data keys in use: opened once, kept for a while, bounded in number.
//!
//! A key here is a copy of one that the store keeps wrapped; whoever erases a verification drops
//! it here too.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use parking_lot::Mutex;
use verilane_core::{Verification, VerificationId};
use verilane_vault::{DataKey, Vault, VaultError};

/// Opens data keys and remembers the newest.
pub struct KeyCache {
    vault: Arc<Vault>,
    keys: Mutex<LruCache<VerificationId, Arc<DataKey>>>,
}

impl KeyCache {
    /// Remembers up to `capacity` keys.
    #[must_use]
    pub fn new(vault: Arc<Vault>, capacity: usize) -> Arc<Self> {
        let capacity = NonZeroUsize::new(capacity).unwrap_or(NonZeroUsize::MIN);
        Arc::new(Self {
            vault,
            keys: Mutex::new(LruCache::new(capacity)),
        })
    }

    /// The data key of a verification, opened if need be.
    pub(crate) fn of(&self, row: &Verification) -> Result<Arc<DataKey>, VaultError> {
        if let Some(key) = self.cached(row.id) {
            return Ok(key);
        }
        let key = Arc::new(self.vault.open_data_key(row.id, &row.data_key)?);
        self.remember(row.id, Arc::clone(&key));
        Ok(key)
    }

    pub(crate) fn cached(&self, id: VerificationId) -> Option<Arc<DataKey>> {
        self.keys.lock().get(&id).cloned()
    }

    pub(crate) fn remember(&self, id: VerificationId, key: Arc<DataKey>) {
        self.keys.lock().put(id, key);
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.vault
    }
}
