//! The service as it runs: engine, SQLite in a folder, vault, relay, facade, and the CorePass plug-in
//! that asks the connector over HTTP. What lasts outlives the engines that are opened on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use verilane_core::clock::ManualClock;
use verilane_core::decide::{Deadlines, Polls};
use verilane_core::{Assurance, Clock, ConnectionName, Event, Sequence, Timestamp};
use verilane_engine::{Connection, CrashPoint, CrashPoints, EngineConfig, PullLimits};
use verilane_provider::http::HttpClient;
use verilane_provider::{Facade, Limits};
use verilane_provider_corepass::{CorePass, KeyUse, PinnedKeySetting, Settings};
use verilane_store::Store;
use verilane_vault::Vault;

use crate::connector::Connector;
use crate::histories::running::{Running, Setting, folder, vault};
use crate::model::{DATA, PROCESSING};

const START: Timestamp = Timestamp::from_secs(1_700_000_000);
pub const BASE: &str = "https://verilane.test/callbacks";
/// How long is still asked about an attempt that has ended.
pub const AFTER_END: i64 = 24 * 3_600;
/// How long the end of an attempt waits for a connector that does not answer.
pub const PATIENCE: i64 = 300;

pub fn connection() -> ConnectionName {
    ConnectionName::new("corepass-test").unwrap()
}

const fn seconds(count: i64) -> Duration {
    Duration::from_secs(count.unsigned_abs())
}

fn config() -> EngineConfig {
    EngineConfig {
        deadlines: Deadlines {
            processing: seconds(PROCESSING),
            data: seconds(DATA),
            start_lease: seconds(60),
            review: None,
            review_reminder: None,
            overdue: None,
        },
        purge_interval: seconds(1_000 * 24 * 3_600),
        // One after the other, so that what comes first is known.
        max_jobs: 1,
        polls: Polls {
            first: seconds(120),
            longest: seconds(12 * 3_600),
            after_end: seconds(AFTER_END),
        },
        pull_limits: PullLimits {
            spacing: seconds(30),
            // So many that what a restart spreads stays within a second.
            per_minute: u32::MAX,
            at_once: 8,
            patience: seconds(PATIENCE),
        },
        ..EngineConfig::default()
    }
}

/// Stands for every moment that no history ends at.
const NOT_MEANT: u8 = 0;

/// Ends the task that comes to a moment, as the end of the process would.
#[derive(Default)]
pub struct Doom(AtomicU8);

impl Doom {
    const fn number(point: CrashPoint) -> u8 {
        match point {
            CrashPoint::IntentWritten | CrashPoint::RetryIntentWritten => 1,
            CrashPoint::ProviderAnswered | CrashPoint::RetryAnswered => 2,
            _ => NOT_MEANT,
        }
    }

    pub fn set(&self, point: Option<CrashPoint>) {
        let number = point.map_or(NOT_MEANT, Self::number);
        self.0.store(number, Ordering::SeqCst);
    }
}

impl CrashPoints for Doom {
    fn reached(&self, point: CrashPoint) {
        let number = Self::number(point);
        if number != NOT_MEANT
            && self
                .0
                .compare_exchange(number, NOT_MEANT, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
        {
            std::panic::resume_unwind(Box::new("the process ends here"));
        }
    }
}

/// What serves one history after another: a connector, the plug-in that asks it, and a clock.
pub struct Workshop {
    clock: ManualClock,
    connector: Connector,
    plugin: Arc<CorePass>,
    vault: Arc<Vault>,
}

impl Workshop {
    pub async fn new() -> Self {
        let clock = ManualClock::new(START);
        let connector = Connector::serve(clock.clone()).await;
        Self {
            plugin: Arc::new(plugin(&connector)),
            connector,
            clock,
            vault: vault(),
        }
    }

    /// A place for a new history.
    pub fn place(&self) -> Lasting<'_> {
        self.clock.set(START);
        self.connector.world.lock().forget();
        Lasting {
            folder: folder(),
            clock: self.clock.clone(),
            connector: &self.connector,
            doom: Arc::default(),
            workshop: self,
        }
    }
}

fn plugin(connector: &Connector) -> CorePass {
    let [status, data] = connector.public_keys();
    let pin = |public_key, only_for| PinnedKeySetting {
        public_key,
        only_for: Some(only_for),
    };
    let settings = Settings {
        base_url: connector.base.clone(),
        callback_base_url: None,
        keys: vec![pin(status, KeyUse::Status), pin(data, KeyUse::Data)],
        allow_http: true,
        allow_private_addresses: true,
        connect_timeout_seconds: 5,
        request_timeout_seconds: 20,
        callback_retention_days: 90,
        revalidate: false,
        propagate_trace: false,
    };
    let http = HttpClient::new(settings.http(&connection()).unwrap()).unwrap();
    CorePass::new(&settings, http).unwrap()
}

/// What of a history lasts when the service ends.
pub struct Lasting<'w> {
    folder: TempDir,
    pub clock: ManualClock,
    pub connector: &'w Connector,
    pub doom: Arc<Doom>,
    workshop: &'w Workshop,
}

impl Lasting<'_> {
    pub fn now(&self) -> i64 {
        self.clock.now().as_secs()
    }

    fn facade(&self) -> Facade {
        // What the connector answers is to be seen by the engine as it is, and limits of real time
        // are not what is tried here.
        let limits = Limits {
            tries: 1,
            circuit_failures: 0,
            per_second: 1_000_000,
            burst: 1_000_000,
            ..Limits::default()
        };
        let plugin = Arc::<CorePass>::clone(&self.workshop.plugin);
        Facade::new(connection(), plugin, Arc::new(self.clock.clone()), limits).unwrap()
    }

    /// Opens the service on what it left.
    pub async fn open(&self) -> Running {
        let connection = Connection {
            facade: self.facade(),
            callback_base: BASE.to_owned(),
            slot_retention: Duration::from_secs(90 * 24 * 60 * 60),
            auto_approve: None,
        };
        let setting = Setting {
            folder: self.folder.path().join("data"),
            vault: Arc::clone(&self.workshop.vault),
            clock: self.clock.clone(),
            connections: BTreeMap::from([(self::connection(), connection)]),
            config: config(),
            crash_points: Arc::<Doom>::clone(&self.doom),
        };
        Running::open(setting).await
    }
}

/// Whether the log has more after so many events than what was pulled.
pub async fn did_more_than_pull(running: &Running, count: usize) -> bool {
    let log = running.store.events(Sequence(count as u64), u32::MAX).await;
    let pulled = |event: &Event| event.body.assurance == Assurance::Pulled;
    !log.unwrap().iter().all(pulled)
}
