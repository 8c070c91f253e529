//! The service as it runs: engine, SQLite in a folder, vault, relay, facade, and a provider that spends
//! each code once. What lasts outlives the engines that are opened on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use verilane_core::clock::ManualClock;
use verilane_core::decide::Deadlines;
use verilane_core::{Clock, Timestamp};
use verilane_engine::{Connection, EngineConfig};
use verilane_provider::{Facade, Limits};
use verilane_vault::Vault;

use crate::histories::doom::Doom;
use crate::histories::running::{Running, Setting, folder, vault};
use crate::model::PROCESSING;
use crate::stage::codes::Codes;
use crate::stage::{DAY, START, codes_connection};

/// What of a history lasts when the service ends.
pub struct Lasting {
    folder: TempDir,
    vault: Arc<Vault>,
    pub clock: ManualClock,
    pub codes: Arc<Codes>,
    pub doom: Arc<Doom>,
}

impl Lasting {
    pub fn new() -> Self {
        Self {
            folder: folder(),
            vault: vault(),
            clock: ManualClock::new(START),
            codes: Arc::new(Codes::new()),
            doom: Arc::new(Doom::new()),
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn put_forward(&self, by: Duration) {
        self.clock.set(self.now() + by);
    }

    fn connection(&self) -> Connection {
        // What is answered is to be seen by the engine as it is, and limits of real time are not what is
        // tried here.
        let limits = Limits {
            tries: 1,
            circuit_failures: 0,
            per_second: 1_000_000,
            burst: 1_000_000,
            ..Limits::default()
        };
        let plugin = Arc::<Codes>::clone(&self.codes);
        let clock = Arc::new(self.clock.clone());
        Connection {
            facade: Facade::new(codes_connection(), plugin, clock, limits).unwrap(),
            callback_base: "https://verilane.test/callbacks".to_owned(),
            slot_retention: 90 * DAY,
            auto_approve: None,
        }
    }

    /// Opens the service on what it left.
    pub async fn open(&self) -> Running {
        let connections = [(codes_connection(), self.connection())];
        let setting = Setting {
            folder: self.folder.path().join("data"),
            vault: Arc::clone(&self.vault),
            clock: self.clock.clone(),
            connections: BTreeMap::from(connections),
            config: EngineConfig {
                deadlines: Deadlines {
                    processing: PROCESSING,
                    ..EngineConfig::default().deadlines
                },
                purge_interval: 1_000 * DAY,
                // One after the other, so that it is known whose end the end of the process was.
                max_jobs: 1,
                ..EngineConfig::default()
            },
            crash_points: Arc::<Doom>::clone(&self.doom),
        };
        Running::open(setting).await
    }
}
