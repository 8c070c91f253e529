//! The stage that the engine's tests play on: a real store in a folder of its own, a clock that
//! stands still until it is moved, and a provider that follows a script.
//!
//! A [`Stage`] outlives the engines that are opened on it, so that restarts can be played.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "shared by several test binaries, each of which uses a part and may stop at once"
)]

pub mod calls;
pub mod codes;
pub mod faults;
pub mod frames;
pub mod puppet;

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use verilane_core::clock::ManualClock;
use verilane_core::{
    ClaimName, ClaimRequest, ClaimSelector, Clock, ConnectionName, Event, Pii, Principal, Revision,
    Sequence, Timestamp, VerificationId,
};
use verilane_engine::{
    AccessContext, Connection, CrashPoints, CreateVerification, Engine, EngineConfig, EngineParts,
    Expire, KeyCache, Relay, VerificationView,
};
use verilane_provider::{Facade, Limits, Provider};
use verilane_store::{CommitObserver, Store};
use verilane_store_sqlite::{SqliteConfig, SqliteStore};
use verilane_vault::{Keyring, Vault};

use self::codes::Codes;
use self::frames::Frames;
use self::puppet::Puppet;

/// When every play begins.
pub const START: Timestamp = Timestamp::from_secs(1_700_000_000);
pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(60 * 60);
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// What the paths of callbacks are appended to.
pub const BASE: &str = "https://verilane.test/callbacks";
/// How long a test waits in real time for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for what must come; a test that waits for ever fails instead.
pub async fn soon<T>(happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, happens)
        .await
        .expect("what had to come did not")
}

pub fn connection() -> ConnectionName {
    ConnectionName::new("puppet-test").unwrap()
}

/// The connection over which codes are exchanged.
pub fn codes_connection() -> ConnectionName {
    ConnectionName::new("codes-test").unwrap()
}

/// One that is looked at.
pub fn looked_at_connection() -> ConnectionName {
    ConnectionName::new("looked-at-test").unwrap()
}

/// What lasts when an engine is closed.
pub struct Stage {
    pub folder: TempDir,
    pub clock: ManualClock,
    pub puppet: Arc<Puppet>,
    pub codes: Arc<Codes>,
    pub config: EngineConfig,
    /// How many events the relay keeps.
    pub ring: usize,
    pub crash_points: Option<Arc<dyn CrashPoints>>,
    /// Each leads to the puppet, if not to those who take codes or are looked at, and keeps its slots so
    /// long.
    pub connections: Vec<(ConnectionName, Duration)>,
    vault: Arc<Vault>,
}

impl Stage {
    pub fn new() -> Self {
        let clock = ManualClock::new(START);
        let secret = |byte: &str| byte.repeat(32);
        let keyring = format!(
            r#"{{"version":1,"primary":"k","keys":[{{"id":"k","secret":"{}"}}],"index_key":"{}"}}"#,
            secret("17"),
            secret("39")
        );
        Self {
            folder: tempfile::tempdir().unwrap(),
            puppet: Arc::new(Puppet::new()),
            codes: Arc::new(Codes::new()),
            clock,
            config: EngineConfig::default(),
            ring: 1_024,
            crash_points: None,
            connections: vec![(connection(), 90 * DAY)],
            vault: Arc::new(Vault::new(&Keyring::parse(&keyring).unwrap()).unwrap()),
        }
    }

    /// One whose provider can be asked what it has noted.
    pub fn keeping_history() -> Self {
        Self {
            puppet: Arc::new(Puppet::keeping_history()),
            ..Self::new()
        }
    }

    /// One whose provider takes codes, beside another that is looked at.
    pub fn exchanging() -> Self {
        let names = [codes_connection(), looked_at_connection()];
        Self {
            connections: names.map(|name| (name, 90 * DAY)).into(),
            ..Self::new()
        }
    }

    fn plugin(&self, name: &ConnectionName) -> Arc<dyn Provider> {
        if *name == codes_connection() {
            Arc::<Codes>::clone(&self.codes)
        } else if *name == looked_at_connection() {
            Arc::new(Codes::looked_at())
        } else {
            Arc::<Puppet>::clone(&self.puppet)
        }
    }

    pub fn with(mut self, change: impl FnOnce(&mut EngineConfig)) -> Self {
        change(&mut self.config);
        self
    }

    pub fn with_ring(mut self, ring: usize) -> Self {
        self.ring = ring;
        self
    }

    /// An engine on what is stored here.
    pub async fn open(&self) -> Play {
        self.open_behind(|relay| relay, |store| store).await
    }

    /// The same, with something between the relay, the store and the engine.
    pub async fn open_behind(
        &self,
        hears: impl FnOnce(Arc<dyn CommitObserver>) -> Arc<dyn CommitObserver>,
        stores: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
    ) -> Play {
        let keys = KeyCache::new(Arc::clone(&self.vault), 10_000);
        let relay = Relay::new(self.ring, Arc::new(Frames), Arc::clone(&keys));
        let config = SqliteConfig::new(self.folder.path().join("data"));
        let observer = hears(Arc::<Relay>::clone(&relay));
        let sqlite = Arc::new(SqliteStore::open(config, observer).unwrap());
        let store = stores(Arc::<SqliteStore>::clone(&sqlite));
        let connect = |(name, slot_retention): &(ConnectionName, Duration)| {
            let facade = Facade::new(
                name.clone(),
                self.plugin(name),
                Arc::new(self.clock.clone()),
                // Each failure is to be seen by the engine itself.
                Limits {
                    tries: 1,
                    circuit_failures: 0,
                    ..Limits::default()
                },
            );
            let connection = Connection {
                facade: facade.unwrap(),
                callback_base: BASE.to_owned(),
                slot_retention: *slot_retention,
                auto_approve: None,
            };
            (name.clone(), connection)
        };
        let engine = Engine::new(EngineParts {
            store: Arc::clone(&store),
            relay: Arc::clone(&relay),
            keys,
            clock: Arc::new(self.clock.clone()),
            connections: self.connections.iter().map(connect).collect(),
            config: self.config,
            crash_points: self.crash_points.clone(),
        });
        Play {
            engine: engine.await.unwrap(),
            store,
            relay,
            sqlite,
            runner: None,
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Every byte of every file that the store left behind.
    pub fn bytes_on_disk(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path().join("data")).unwrap();
        files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    }

    /// The data key of a verification, to open what was sealed under it.
    pub fn data_key(&self, row: &verilane_core::Verification) -> verilane_vault::DataKey {
        self.vault.open_data_key(row.id, &row.data_key).unwrap()
    }
}

/// An engine that runs.
pub struct Play {
    pub engine: Arc<Engine>,
    pub store: Arc<dyn Store>,
    pub relay: Arc<Relay>,
    sqlite: Arc<SqliteStore>,
    runner: Option<(watch::Sender<bool>, JoinHandle<()>)>,
}

impl Play {
    /// Lets jobs run beside the test.
    pub fn run_jobs(&mut self) {
        let (shutdown, over) = watch::channel(false);
        let engine = Arc::clone(&self.engine);
        let runner = tokio::spawn(async move { engine.run_jobs(over).await });
        self.runner = Some((shutdown, runner));
    }

    pub async fn stop_jobs(&mut self) {
        if let Some((shutdown, runner)) = self.runner.take() {
            shutdown.send_replace(true);
            soon(runner).await.unwrap();
        }
    }

    /// Ends in good order.
    pub async fn close(mut self) {
        self.stop_jobs().await;
        drop(self.engine);
        self.sqlite.close().await;
    }

    /// Ends as a process does that is killed.
    pub async fn cut_off(mut self) {
        if let Some((_, runner)) = self.runner.take() {
            runner.abort();
            // It may have ended by itself, or by what killed the process.
            let _ = runner.await;
        }
        drop(self.engine);
        self.sqlite.close().await;
    }

    /// Every event in the log.
    pub async fn log(&self) -> Vec<Event> {
        self.log_after(Sequence::default()).await
    }

    pub async fn log_after(&self, after: Sequence) -> Vec<Event> {
        self.store.events(after, u32::MAX).await.unwrap()
    }

    pub async fn events_of(&self, id: VerificationId) -> Vec<Event> {
        let all = self.store.events_of(id, Revision::default(), u32::MAX);
        all.await.unwrap()
    }

    pub async fn view(&self, id: VerificationId) -> VerificationView {
        self.engine.get(id).await.unwrap()
    }

    /// Waits until the log shows what is looked for, woken by each event.
    pub async fn until(&self, holds: impl Fn(&[Event]) -> bool) -> Vec<Event> {
        let filter = verilane_engine::EventFilter::default();
        let start = verilane_engine::WatchStart::Beginning;
        let watch = self.engine.watch_many(filter, &start, Duration::MAX).await;
        let mut watch = watch.unwrap();
        soon(async {
            loop {
                let log = self.log().await;
                if holds(&log) {
                    return log;
                }
                watch.next().await.unwrap().unwrap();
            }
        })
        .await
    }
}

/// A claim by the provider's name for it.
pub fn field(name: &str, required: bool) -> ClaimRequest {
    ClaimRequest {
        selector: ClaimSelector::ProviderField(name.to_owned()),
        required,
    }
}

pub fn email() -> ClaimSelector {
    ClaimSelector::Claim {
        name: ClaimName::Email,
        document: None,
    }
}

pub fn access() -> AccessContext {
    AccessContext {
        purpose: Pii::from("opening an account"),
        actor: Pii::from("clerk 7"),
        reference: Pii::from("case 12"),
    }
}

/// A request for the e-mail address of a user.
pub fn request(subject: &str) -> CreateVerification {
    CreateVerification {
        principal: Principal::anonymous(),
        request_id: None,
        connection: connection(),
        subject: Pii::from(subject),
        subject_ref: None,
        claims: vec![field("EMAIL", true)],
        scope: None,
        labels: Vec::new(),
        access: access(),
        expire: Expire::Default,
        action_lifetime: None,
        max_attempts: None,
        without_picture: false,
        trace_parent: None,
    }
}

/// The same under a request id.
pub fn request_as(request_id: &str, subject: &str) -> CreateVerification {
    CreateVerification {
        request_id: Some(request_id.to_owned()),
        ..request(subject)
    }
}
