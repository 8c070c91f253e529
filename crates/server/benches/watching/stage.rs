//! An engine with many verifications, and watchers that are polled by hand: each has a waker that
//! counts, so that it is known who was woken and how often.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex;
use tempfile::TempDir;
use verilane_core::clock::ManualClock;
use verilane_core::{Change, Event, Sequence, Verification};
use verilane_engine::{
    Engine, EngineConfig, EngineParts, KeyCache, Relay, WatchEnd, WatchOne, WatchStart,
};
use verilane_grpc::WireEncoder;
use verilane_store::conformance::sample;
use verilane_store::{CommitObserver as _, Store};
use verilane_store_sqlite::{SqliteConfig, SqliteStore};
use verilane_vault::{Keyring, Vault};

/// Longer than any run.
const HEARTBEAT: Duration = Duration::from_secs(300);
/// How many verifications are created at the same time.
const AT_ONCE: usize = 256;

/// Who was woken since the last look, in order.
type Woken = Arc<Mutex<Vec<usize>>>;

/// A watcher's waker.
struct Alarm {
    place: usize,
    woken: Woken,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.woken.lock().push(self.place);
    }
}

/// A watch that takes whatever comes.
struct Watcher {
    takes: Pin<Box<dyn Future<Output = ()>>>,
    waker: Waker,
    taken: Arc<AtomicU64>,
}

/// An engine, its verifications, and those who watch the first of them.
pub struct Stage {
    store: Arc<SqliteStore>,
    relay: Arc<Relay>,
    rows: Vec<Verification>,
    watchers: Vec<Watcher>,
    woken: Woken,
    last: Sequence,
    _folder: TempDir,
}

impl Stage {
    /// As many verifications, and so many of them watched.
    pub async fn new(verifications: usize, watched: usize) -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let keyring = Keyring::generate_at(&folder.path().join("keyring")).unwrap();
        let keys = KeyCache::new(Arc::new(Vault::new(&keyring).unwrap()), 1);
        let relay = Relay::new(65_536, Arc::new(WireEncoder), Arc::clone(&keys));
        let config = SqliteConfig::new(folder.path().join("store"));
        let store = Arc::new(SqliteStore::open(config, Arc::clone(&relay) as _).unwrap());
        let engine = Engine::new(EngineParts {
            store: Arc::clone(&store) as _,
            relay: Arc::clone(&relay),
            keys,
            clock: Arc::new(ManualClock::new(sample::START)),
            connections: BTreeMap::new(),
            config: EngineConfig::default(),
            crash_points: None,
        })
        .await
        .unwrap();
        let mut stage = Self {
            store,
            relay,
            rows: Vec::with_capacity(verifications),
            watchers: Vec::with_capacity(watched),
            woken: Woken::default(),
            last: Sequence(0),
            _folder: folder,
        };
        stage.create(verifications).await;
        for place in 0..watched {
            let id = stage.rows[place].id;
            let watch = engine
                .watch_one(id, &WatchStart::Now, WatchEnd::Never, HEARTBEAT)
                .await
                .unwrap();
            stage.seat(watch);
        }
        stage.settle().await;
        stage
    }

    async fn create(&mut self, count: usize) {
        while self.rows.len() < count {
            let batch = AT_ONCE.min(count - self.rows.len());
            let changes: Vec<_> = (0..batch)
                .map(|_| nobodys(sample::create(sample::START)))
                .collect();
            self.rows.extend(changes.iter().map(sample::row));
            self.commit_all(changes).await;
        }
    }

    fn seat(&mut self, mut watch: WatchOne) {
        let taken = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&taken);
        let takes = async move {
            while watch.next().await.unwrap().is_some() {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        };
        let alarm = Alarm {
            place: self.watchers.len(),
            woken: Arc::clone(&self.woken),
        };
        self.watchers.push(Watcher {
            // The runtime's budget is for tasks; these are polled from within a single one.
            takes: Box::pin(tokio::task::unconstrained(takes)),
            waker: Arc::new(alarm).into(),
            taken,
        });
    }

    /// Gives every watcher an event of its own to take. Afterwards each has caught up with the
    /// store and waits: nothing but the relay can wake it.
    async fn settle(&mut self) {
        for place in 0..self.watchers.len() {
            self.poll(place);
        }
        for first in (0..self.watchers.len()).step_by(AT_ONCE) {
            let places = first..(first + AT_ONCE).min(self.watchers.len());
            let changes: Vec<_> = places.map(|place| self.step(place)).collect();
            self.commit_all(changes).await;
        }
        while (0..self.watchers.len()).any(|place| self.taken(place) == 0) {
            for place in self.take_woken() {
                self.poll(place);
            }
            tokio::task::yield_now().await;
        }
        self.take_woken();
    }

    async fn commit_all(&mut self, changes: Vec<Change>) {
        let commits = changes.into_iter().map(|change| self.store.commit(change));
        for outcome in join_all(commits).await {
            let sequences = outcome.unwrap().sequences;
            self.last = sequences.into_iter().fold(self.last, Sequence::max);
        }
    }

    /// The change that brings a verification's next event.
    fn step(&mut self, place: usize) -> Change {
        let mut change = nobodys(sample::status(&self.rows[place], "ACCEPTED"));
        change.seen.clear();
        self.rows[place] = sample::row(&change);
        change
    }

    fn poll(&mut self, place: usize) {
        let watcher = &mut self.watchers[place];
        let mut context = Context::from_waker(&watcher.waker);
        let ended = watcher.takes.as_mut().poll(&mut context).is_ready();
        assert!(!ended, "a watch without an end has ended");
    }

    /// How many events a watcher has taken.
    pub fn taken(&self, place: usize) -> u64 {
        self.watchers[place].taken.load(Ordering::Relaxed)
    }

    /// Who was woken since the last look, and how often.
    pub fn take_woken(&self) -> Vec<usize> {
        std::mem::take(&mut *self.woken.lock())
    }

    /// Has a watcher take what there is.
    pub fn take(&mut self, place: usize) {
        self.poll(place);
    }

    /// One event of a verification: durable, and told by the store.
    pub async fn commit(&mut self, place: usize) {
        let change = self.step(place);
        self.commit_all(vec![change]).await;
    }

    /// So many further events of a verification, to be told with [`publish`](Self::publish).
    pub fn events(&mut self, place: usize, count: usize) -> Vec<Event> {
        let further = (0..count).map(|_| {
            self.last = self.last.next();
            let body = self.step(place).events.remove(0);
            Event {
                sequence: self.last,
                body,
            }
        });
        further.collect()
    }

    /// Tells of an event as the store does, without its having been committed: what the store does
    /// is not what is measured.
    pub fn publish(&self, event: &Event) {
        self.relay.committed(std::slice::from_ref(event));
    }
}

/// Without what only a verification's key could open: these have none.
fn nobodys(mut change: Change) -> Change {
    for event in &mut change.events {
        event.tx_hash = None;
    }
    change
}
