//! Watching: cursors over the log, fed by the relay and, where that does not reach, by the store.
//!
//! Ordering contract: a cursor delivers every event after its start that matches its filter, once,
//! in sequence order, without a gap. Its token never names a place beyond what it has examined. It
//! holds no queue of its own but the few entries that it took last.

mod filter;
mod heartbeat;
mod list_events;
mod single;
mod snapshot;
mod tail;
mod token;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use verilane_core::{Event, Reason, Sequence};
use verilane_store::Head;

pub use filter::EventFilter;
pub(crate) use filter::TokenMakers;
pub use list_events::{EventPage, EventScope, ListEvents};
pub use single::WatchOne;
pub use tail::WatchMany;

use crate::engine::Engine;
use crate::relay::{Entry, Relay};
use crate::sealing::open_tx_hash;
use crate::{EngineError, KeyCache};

/// Where a watch begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WatchStart {
    /// With what stands, then what happens.
    Snapshot,
    /// With what happens from now on.
    Now,
    /// With the oldest event that is kept.
    Beginning,
    /// After the place that a token names.
    After(String),
}

/// When a watch of one verification ends by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WatchEnd {
    /// It does not.
    Never,
    /// With the event that ends the newest attempt. A late success may still follow it.
    AttemptEnd,
    /// With the event after which no attempt is possible any more. A late success may still
    /// follow it.
    Final,
}

/// One message of a watch: shared bytes, and the token that belongs to this watch.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Encoded once, however many are watching.
    pub head: Bytes,
    /// The token, encoded; empty in a snapshot's rows.
    pub token: Bytes,
}

/// How many entries a cursor takes at once. Bounds what a slow watch holds.
const TAKE: usize = 32;

/// Counts an open watch, for the limit and the gauge.
struct OpenWatch {
    relay: Arc<Relay>,
    open: Arc<AtomicUsize>,
    kind: &'static str,
}

impl OpenWatch {
    fn new(engine: &Engine, kind: &'static str) -> Result<Self, EngineError> {
        let open = Arc::clone(&engine.watches);
        if open.fetch_add(1, Ordering::Relaxed) >= engine.config.max_watches {
            open.fetch_sub(1, Ordering::Relaxed);
            return Err(
                EngineError::new(Reason::TooManyWatches).retry_after(Duration::from_secs(5))
            );
        }
        engine.relay.metrics.opened(kind);
        Ok(Self {
            relay: Arc::clone(&engine.relay),
            open,
            kind,
        })
    }

    fn woken(&self) {
        self.relay.metrics.woken(self.kind);
    }

    fn fell_behind(&self, cursor: Sequence) {
        let behind = self.relay.head().0.saturating_sub(cursor.0);
        self.relay.metrics.fell_behind(self.kind, behind);
    }
}

impl Drop for OpenWatch {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.relay.metrics.closed(self.kind);
    }
}

/// Whether something happens before a time; with none given, it is waited for as long as it takes.
async fn in_time(happens: impl Future<Output = ()>, until: Option<Instant>) -> bool {
    match until {
        Some(until) => tokio::time::timeout_at(until, happens).await.is_ok(),
        None => {
            happens.await;
            true
        }
    }
}

impl Engine {
    /// An event of the store as the relay would have it, encoded.
    pub(crate) async fn entry(&self, event: &Event) -> Result<Entry, EngineError> {
        let body = &event.body;
        let tx_hash = match &body.tx_hash {
            None => None,
            Some(sealed) => {
                let key = match self.keys.cached(body.verification) {
                    Some(key) => key,
                    None => {
                        let row = self.load(body.verification).await?.verification;
                        KeyCache::of(&self.keys, &row)?
                    }
                };
                Some(open_tx_hash(&key, body, sealed)?)
            }
        };
        let bytes = self.relay.encoder().event(event, tx_hash.as_ref());
        Ok(Entry::new(event, Some(bytes)))
    }

    /// The place that a token names, if it is of this log and this filter.
    fn place(
        &self,
        token: &str,
        filter: &filter::FilterHash,
        head: &Head,
    ) -> Result<Sequence, EngineError> {
        let token = token::ResumeToken::parse(token)?;
        if token.log != head.log {
            return Err(EngineError::new(Reason::ResumeTokenUnknown));
        }
        if token.filter != *filter {
            return Err(EngineError::new(Reason::ResumeTokenFilterMismatch));
        }
        if token.sequence > head.last {
            // Of this log, yet ahead of it: what it names was lost with a restored backup.
            return Err(EngineError::new(Reason::ResumeTokenUnknown));
        }
        if token.sequence < head.purged_to {
            return Err(self.expired(filter, head));
        }
        Ok(token.sequence)
    }

    fn expired(&self, filter: &filter::FilterHash, head: &Head) -> EngineError {
        let earliest = token::ResumeToken {
            log: head.log,
            sequence: head.purged_to,
            filter: *filter,
        };
        EngineError::new(Reason::ResumeTokenExpired).with("earliest_resume_token", earliest)
    }
}
