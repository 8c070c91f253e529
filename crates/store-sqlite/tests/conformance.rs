//! The store keeps every promise that the port makes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use async_trait::async_trait;
use tempfile::TempDir;
use verilane_store::conformance::StoreUnderTest;
use verilane_store::{CommitObserver, Store};
use verilane_store_sqlite::{SqliteConfig, SqliteStore};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        // Beside the build, on a real disk: a temporary folder may be in memory.
        Self(TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap())
    }
}

#[async_trait]
impl StoreUnderTest for Folder {
    async fn open(&self, observer: Arc<dyn CommitObserver>) -> Arc<dyn Store> {
        let config = SqliteConfig::new(self.0.path());
        Arc::new(SqliteStore::open(config, observer).unwrap())
    }
}

verilane_store::conformance_tests!(Folder::new());
