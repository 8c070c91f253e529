//! The relay: what makes watching fast.
//!
//! The log is the truth; the relay is a cache of its newest part, fed by the store's writer after
//! each durable commit. Losing any of it loses nothing.
//!
//! Ordering contract: of a commit, each event is put into its verification's topic and into the
//! ring before the head moves past it, and the head moves before anybody is woken. Whoever reads
//! the head first and the topic or ring second therefore misses nothing up to that head.
//!
//! A store that failed in the middle of a commit may never have told of events that stand. Where the
//! head passes over such events, the doubts are counted up first: whoever reads the head, and then
//! the same count as before, has missed nothing; anybody else reads the store.

mod entry;
mod ring;
mod topic;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::Notify;
use verilane_core::{Event, Sequence, VerificationId};
use verilane_store::CommitObserver;

pub use entry::{Entry, FrameEncoder};
pub(crate) use ring::Behind;
use ring::Ring;
use topic::Topics;
pub(crate) use topic::{Since, TopicGuard};

use crate::KeyCache;
use crate::telemetry::RelayMetrics;

/// A bounded cache of the newest events, and those who wait for more.
pub struct Relay {
    ring: Ring,
    topics: Topics,
    head: AtomicU64,
    doubts: AtomicU64,
    tail: Notify,
    encoder: Arc<dyn FrameEncoder>,
    keys: Arc<KeyCache>,
    pub(crate) metrics: RelayMetrics,
}

impl Relay {
    /// A relay that keeps up to `capacity` events.
    #[must_use]
    pub fn new(capacity: usize, encoder: Arc<dyn FrameEncoder>, keys: Arc<KeyCache>) -> Arc<Self> {
        Arc::new(Self {
            ring: Ring::new(capacity),
            topics: Topics::default(),
            head: AtomicU64::new(0),
            doubts: AtomicU64::new(0),
            tail: Notify::new(),
            encoder,
            keys,
            metrics: RelayMetrics::new(),
        })
    }

    /// Starts where the log ends. To be called once, after the store was opened.
    pub fn start_at(&self, last: Sequence) {
        self.head.fetch_max(last.0, Ordering::AcqRel);
    }

    /// The newest event that has been published.
    #[must_use]
    pub fn head(&self) -> Sequence {
        Sequence(self.head.load(Ordering::Acquire))
    }

    /// Turns things into the bytes that are sent.
    #[must_use]
    pub fn encoder(&self) -> &dyn FrameEncoder {
        &*self.encoder
    }

    pub(crate) const fn tail(&self) -> &Notify {
        &self.tail
    }

    /// How often the head has passed over events that nobody told of. To be read after the head.
    pub(crate) fn doubts(&self) -> u64 {
        self.doubts.load(Ordering::Acquire)
    }

    /// The log has come to `last`, and not everything up to there was told: whoever watches looks
    /// into the store.
    pub(crate) fn pass_over(&self, last: Sequence) {
        if last <= self.head() {
            return;
        }
        self.doubts.fetch_add(1, Ordering::AcqRel);
        self.head.fetch_max(last.0, Ordering::AcqRel);
        self.topics.wake_all();
        self.tail.notify_waiters();
    }

    /// Up to `limit` entries after `after`, or that the ring does not hold them.
    pub(crate) fn read_after(
        &self,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<Arc<Entry>>, Behind> {
        if after >= self.head() {
            return Ok(Vec::new());
        }
        match self.ring.read_after(after, limit) {
            // The head has passed over what comes next.
            Ok(entries) if entries.is_empty() => Err(Behind),
            result => result,
        }
    }

    /// Takes part in what is told about one verification.
    pub(crate) fn subscribe(self: &Arc<Self>, id: VerificationId) -> TopicGuard {
        self.topics.subscribe(id)
    }
}

impl CommitObserver for Relay {
    fn committed(&self, events: &[Event]) {
        let began = Instant::now();
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            return;
        };
        let last = last.sequence;
        let passes_over = first.sequence > self.head().next();
        if passes_over {
            self.doubts.fetch_add(1, Ordering::AcqRel);
        }
        let mut concerned = Vec::new();
        for event in events {
            // Only an event that leads back to a person needs its verification's key, and whoever
            // committed it had just used that key.
            let tx_hash = match &event.body.tx_hash {
                None => Some(None),
                Some(sealed) => self
                    .keys
                    .cached(event.body.verification)
                    .and_then(|key| crate::sealing::open_tx_hash(&key, &event.body, sealed).ok())
                    .map(Some),
            };
            let bytes = tx_hash.map(|hash| self.encoder.event(event, hash.as_ref()));
            let entry = Arc::new(Entry::new(event, bytes));
            if let Some(topic) = self.topics.publish(&entry) {
                concerned.push(topic);
            }
            self.ring.push(entry);
        }
        self.head.fetch_max(last.0, Ordering::AcqRel);
        if passes_over {
            self.topics.wake_all();
        }
        for topic in concerned {
            topic.wake();
        }
        self.tail.notify_waiters();
        self.metrics.published(began.elapsed().as_secs_f64());
    }
}
