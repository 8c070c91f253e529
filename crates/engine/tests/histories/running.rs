//! The service as it runs in a history: its engine and store, a clock that knows when its jobs rest, and
//! what watchers are sent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use verilane_core::clock::{ManualClock, Sleep};
use verilane_core::{Clock, ConnectionName, Event, Job, Pii, Timestamp};
use verilane_engine::{
    Connection, CrashPoints, Engine, EngineConfig, EngineParts, FrameEncoder, KeyCache, Relay,
    VerificationView,
};
use verilane_store::Store;
use verilane_store_sqlite::{SqliteConfig, SqliteStore};
use verilane_vault::{Keyring, Vault};

/// How long it can take until nothing is due, by far. Real time: however busy the machine is.
const LONGEST_UNREST: Duration = Duration::from_secs(20);

const KEYRING: &str = r#"{"version":1,"primary":"k","keys":[{"id":"k","secret":"1717171717171717171717171717171717171717171717171717171717171717"}],"index_key":"3939393939393939393939393939393939393939393939393939393939393939"}"#;

pub fn vault() -> Arc<Vault> {
    Arc::new(Vault::new(&Keyring::parse(KEYRING).unwrap()).unwrap())
}

/// A folder of a history's own. Where there is a file system in memory, it is the one to wear out.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    folder.unwrap()
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

/// The service while it runs.
pub struct Running {
    pub engine: Arc<Engine>,
    pub store: Arc<SqliteStore>,
    runner: Option<(watch::Sender<bool>, JoinHandle<()>)>,
    clock: ManualClock,
    rests: Arc<Rests>,
}

/// What a service is opened with.
pub struct Setting {
    pub folder: PathBuf,
    pub vault: Arc<Vault>,
    pub clock: ManualClock,
    pub connections: BTreeMap<ConnectionName, Connection>,
    pub config: EngineConfig,
    pub crash_points: Arc<dyn CrashPoints>,
}

impl Running {
    /// Opens the service on what it left, and waits until it has done what it does when it starts.
    pub async fn open(setting: Setting) -> Self {
        let keys = KeyCache::new(setting.vault, 100);
        // Small, so that watchers fall out of it.
        let relay = Relay::new(4, Arc::new(Frames), Arc::clone(&keys));
        let observer = Arc::<Relay>::clone(&relay);
        let config = SqliteConfig::new(setting.folder);
        let store = Arc::new(SqliteStore::open(config, observer).unwrap());
        let rests = Arc::new(Rests::new(None));
        let clock = EngineClock {
            clock: setting.clock.clone(),
            rests: Arc::clone(&rests),
        };
        let engine = Engine::new(EngineParts {
            store: Arc::<SqliteStore>::clone(&store),
            relay,
            keys,
            clock: Arc::new(clock),
            connections: setting.connections,
            config: setting.config,
            crash_points: Some(setting.crash_points),
        });
        Self {
            engine: engine.await.unwrap(),
            store,
            runner: None,
            clock: setting.clock,
            rests,
        }
    }

    /// Lets jobs run, from now on.
    pub fn run_jobs(&mut self) {
        let (shutdown, over) = watch::channel(false);
        let engine = Arc::clone(&self.engine);
        let runner = tokio::spawn(async move { engine.run_jobs(over).await });
        self.runner = Some((shutdown, runner));
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
