//! The service as it runs: engine, SQLite in a folder, vault, relay, facade, and the CorePass plug-in
//! that asks the connector over HTTP. What lasts outlives the engines that are opened on it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use verilane_core::clock::{ManualClock, Sleep};
use verilane_core::decide::{Deadlines, Polls};
use verilane_core::{Assurance, Clock, ConnectionName, Event, Job, Pii, Sequence, Timestamp};
use verilane_engine::{
    Connection, CrashPoint, CrashPoints, Engine, EngineConfig, EngineParts, FrameEncoder, KeyCache,
    PullLimits, Relay, VerificationView,
};
use verilane_provider::http::HttpClient;
use verilane_provider::{Facade, Limits};
use verilane_provider_corepass::{CorePass, KeyUse, PinnedKeySetting, Settings};
use verilane_store::Store;
use verilane_store_sqlite::{SqliteConfig, SqliteStore};
use verilane_vault::{Keyring, Vault};

use crate::connector::Connector;
use crate::model::{DATA, PROCESSING};

const START: Timestamp = Timestamp::from_secs(1_700_000_000);
pub const BASE: &str = "https://verilane.test/callbacks";
/// How long is still asked about an attempt that has ended.
pub const AFTER_END: i64 = 24 * 3_600;
/// How long the end of an attempt waits for a connector that does not answer.
pub const PATIENCE: i64 = 300;
const KEYRING: &str = r#"{"version":1,"primary":"k","keys":[{"id":"k","secret":"1717171717171717171717171717171717171717171717171717171717171717"}],"index_key":"3939393939393939393939393939393939393939393939393939393939393939"}"#;

pub fn connection() -> ConnectionName {
    ConnectionName::new("corepass-test").unwrap()
}

/// How long it can take until nothing is due, by far. Real time: however busy the machine is.
const LONGEST_UNREST: Duration = Duration::from_secs(20);

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

/// What a watcher is sent, as text: the place, the hash of a transaction, the rest of the event.
pub struct Frames;

pub fn frame(event: &Event, tx: Option<&str>) -> String {
    let mut body = event.body.clone();
    body.tx_hash = None;
    format!("{} {} {body:?}", event.sequence.0, tx.unwrap_or("-"))
}

impl FrameEncoder for Frames {
    fn event(&self, event: &Event, tx_hash: Option<&Pii<String>>) -> Bytes {
        frame(event, tx_hash.map(|tx| tx.expose().as_str())).into()
    }

    fn snapshot(&self, _: &VerificationView) -> Bytes {
        Bytes::from_static(b"row")
    }

    fn snapshot_end(&self, _: u64) -> Bytes {
        Bytes::from_static(b"end")
    }

    fn heartbeat(&self, _: Timestamp) -> Bytes {
        Bytes::from_static(b"beat")
    }

    fn token(&self, token: &str) -> Bytes {
        Bytes::copy_from_slice(token.as_bytes())
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

/// Until when the jobs' runner rests; none while it does something. While a job runs there is room
/// for no other, and it rests for ever.
type Rests = watch::Sender<Option<Timestamp>>;

/// Ends a rest.
struct Rest(Arc<Rests>);

impl Drop for Rest {
    fn drop(&mut self) {
        self.0.send_replace(None);
    }
}

/// The clock of an engine. Nobody but the jobs' runner waits by it, so it knows when that one rests.
struct EngineClock {
    clock: ManualClock,
    rests: Arc<Rests>,
}

impl Clock for EngineClock {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn sleep_until(&self, deadline: Timestamp) -> Sleep {
        let (sleep, rests) = (self.clock.sleep_until(deadline), Arc::clone(&self.rests));
        Box::pin(async move {
            rests.send_replace(Some(deadline));
            let _rest = Rest(rests);
            sleep.await;
        })
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
            vault: Arc::new(Vault::new(&Keyring::parse(KEYRING).unwrap()).unwrap()),
        }
    }

    /// A place for a new history.
    pub fn place(&self) -> Lasting<'_> {
        self.clock.set(START);
        self.connector.world.lock().forget();
        // Where there is a file system in memory, it is the one to wear out.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        Lasting {
            folder: folder.unwrap(),
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

    /// Opens the service on what it left, and waits until it has done what it does when it starts.
    pub async fn open(&self) -> Running {
        let keys = KeyCache::new(Arc::clone(&self.workshop.vault), 100);
        // Small, so that watchers fall out of it.
        let relay = Relay::new(4, Arc::new(Frames), Arc::clone(&keys));
        let config = SqliteConfig::new(self.folder.path().join("data"));
        let observer = Arc::<Relay>::clone(&relay);
        let store = Arc::new(SqliteStore::open(config, observer).unwrap());
        let connection = Connection {
            facade: self.facade(),
            callback_base: BASE.to_owned(),
            slot_retention: Duration::from_secs(90 * 24 * 60 * 60),
            auto_approve: None,
        };
        let rests = Arc::new(Rests::new(None));
        let clock = EngineClock {
            clock: self.clock.clone(),
            rests: Arc::clone(&rests),
        };
        let engine = Engine::new(EngineParts {
            store: Arc::<SqliteStore>::clone(&store),
            relay,
            keys,
            clock: Arc::new(clock),
            connections: BTreeMap::from([(self::connection(), connection)]),
            config: self::config(),
            crash_points: Some(Arc::<Doom>::clone(&self.doom)),
        });
        Running {
            engine: engine.await.unwrap(),
            store,
            runner: None,
            clock: self.clock.clone(),
            rests,
        }
    }
}

/// The service while it runs.
pub struct Running {
    pub engine: Arc<Engine>,
    pub store: Arc<SqliteStore>,
    runner: Option<(watch::Sender<bool>, JoinHandle<()>)>,
    clock: ManualClock,
    rests: Arc<Rests>,
}

impl Running {
    /// Lets jobs run, from now on.
    pub fn run_jobs(&mut self) {
        let (shutdown, over) = watch::channel(false);
        let engine = Arc::clone(&self.engine);
        let runner = tokio::spawn(async move { engine.run_jobs(over).await });
        self.runner = Some((shutdown, runner));
    }

    /// Whether the log has more after so many events than what was pulled.
    pub async fn did_more_than_pull(&self, count: usize) -> bool {
        let log = self.store.events(Sequence(count as u64), u32::MAX).await;
        let pulled = |event: &Event| event.body.assurance == Assurance::Pulled;
        !log.unwrap().iter().all(pulled)
    }

    async fn jobs(&self) -> Vec<Job> {
        self.store.due_jobs(Timestamp::MAX, 1_000).await.unwrap()
    }

    /// Waits until nothing is due any more, and nothing that was due is under way. When the next is.
    pub async fn settled(&self) -> Result<Timestamp, String> {
        let settled = tokio::time::timeout(LONGEST_UNREST, self.rested()).await;
        match settled {
            Ok(next) => Ok(next),
            Err(_) => Err(format!(
                "at {:?} this does not come to rest: {:?}",
                self.clock.now(),
                self.jobs().await
            )),
        }
    }

    /// What is due stands among the jobs, but what is under way need not: whatever moves its
    /// verification meanwhile can put its job off. So the runner must rest too, and do so all the
    /// while.
    async fn rested(&self) -> Timestamp {
        let mut rests = self.rests.subscribe();
        loop {
            let until = *rests.borrow_and_update();
            let now = self.clock.now();
            if until.is_some_and(|until| until > now && until < Timestamp::MAX) {
                let jobs = self.jobs().await;
                let still = !rests.has_changed().unwrap();
                if still && jobs.iter().all(|job| job.due > now) {
                    let next = jobs.iter().map(|job| job.due).min();
                    return next.unwrap_or(Timestamp::MAX);
                }
            }
            // The sender is our own, and stays.
            let _ = rests.changed().await;
        }
    }

    /// Ends: in good order, or with whatever runs cut off.
    pub async fn end(mut self, in_good_order: bool) {
        if let Some((shutdown, runner)) = self.runner.take() {
            if in_good_order {
                shutdown.send_replace(true);
            } else {
                runner.abort();
            }
            let _ = runner.await;
        }
        drop(self.engine);
        self.store.close().await;
    }
}
