//! A watch of every verification that a filter lets pass.
//!
//! All tail watches are woken together. One that falls behind the ring reads pages from the store
//! and comes back.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use verilane_core::{Reason, Sequence};
use verilane_telemetry::value::watch_kind;

use super::heartbeat::Heartbeat;
use super::snapshot::{Shown, Snapshot};
use super::token::TokenMaker;
use super::{Delivery, EventFilter, OpenWatch, TAKE, WatchStart};
use crate::EngineError;
use crate::engine::Engine;
use crate::relay::{Behind, Entry};

/// How many events are read from the store at once.
const PAGE: u32 = 256;

/// What a look into the log came to.
#[derive(PartialEq, Eq)]
enum Looked {
    /// There can be more.
    Further,
    /// Everything there is has been examined.
    Everywhere,
}

/// A watch of many verifications. [`next`](Self::next) gives what comes.
pub struct WatchMany {
    engine: Arc<Engine>,
    filter: EventFilter,
    tokens: Arc<TokenMaker>,
    /// Up to where the log has been examined; what is pending was examined too.
    examined: Sequence,
    /// Up to where everything that matches has been given.
    given: Sequence,
    pending: VecDeque<Arc<Entry>>,
    snapshot: Option<Box<Snapshot>>,
    shown: Shown,
    heartbeat: Heartbeat,
    open: OpenWatch,
}

impl Engine {
    /// Opens a watch of all verifications that a filter lets pass.
    ///
    /// # Errors
    /// `RESUME_TOKEN_MALFORMED`, `RESUME_TOKEN_FILTER_MISMATCH`, `RESUME_TOKEN_EXPIRED`,
    /// `RESUME_TOKEN_UNKNOWN`; `TOO_MANY_WATCHES`; those of the store.
    pub async fn watch_many(
        self: &Arc<Self>,
        filter: EventFilter,
        start: &WatchStart,
        heartbeat: Duration,
    ) -> Result<WatchMany, EngineError> {
        self.open_many(filter, start, heartbeat, watch_kind::TAIL)
            .await
    }

    pub(super) async fn open_many(
        self: &Arc<Self>,
        filter: EventFilter,
        start: &WatchStart,
        heartbeat: Duration,
        kind: &'static str,
    ) -> Result<WatchMany, EngineError> {
        let open = OpenWatch::new(self, kind)?;
        let filter = filter.canonical();
        let head = self.store.head().await?;
        let tokens = self.token_makers.get(head.log, filter.hash());
        let place = match start {
            WatchStart::Snapshot | WatchStart::Now => head.last,
            WatchStart::Beginning => head.purged_to,
            WatchStart::After(token) => self.place(token, tokens.filter(), &head)?,
        };
        let snapshot =
            matches!(start, WatchStart::Snapshot).then(|| Box::new(Snapshot::new(&filter, place)));
        Ok(WatchMany {
            engine: Arc::clone(self),
            filter,
            tokens,
            examined: place,
            given: place,
            pending: VecDeque::new(),
            snapshot,
            shown: Shown::default(),
            heartbeat: Heartbeat::every(heartbeat),
            open,
        })
    }
}

impl WatchMany {
    /// What comes next; it never ends by itself. Cancel-safe: what a dropped call had taken is
    /// given by the next one.
    ///
    /// # Errors
    /// `RESUME_TOKEN_EXPIRED` if events were purged before this watch came to them; `CONTENDED`
    /// if too much changed during a snapshot; those of the store. The watch can't go on after one.
    pub async fn next(&mut self) -> Result<Option<Delivery>, EngineError> {
        if let Some(delivery) = self.open_with().await? {
            self.heartbeat.spoke();
            return Ok(Some(delivery));
        }
        loop {
            let looked = self.look().await?;
            if let Some(entry) = self.pop() {
                self.heartbeat.spoke();
                return Ok(Some(self.deliver(&entry)));
            }
            if self.heartbeat.is_due() {
                self.heartbeat.spoke();
                return Ok(Some(self.beat()));
            }
            if looked == Looked::Everywhere {
                let due = self.heartbeat.due();
                self.wait(due).await;
            }
        }
    }

    async fn open_with(&mut self) -> Result<Option<Delivery>, EngineError> {
        let Some(snapshot) = &mut self.snapshot else {
            return Ok(None);
        };
        let encoder = self.engine.relay.encoder();
        if let Some(row) = snapshot.next(&self.engine).await? {
            return Ok(Some(Delivery {
                head: encoder.snapshot(&row),
                token: bytes::Bytes::new(),
            }));
        }
        let end = Delivery {
            head: encoder.snapshot_end(snapshot.sent()),
            token: self.tokens.encoded(self.given, encoder),
        };
        self.shown = std::mem::take(&mut snapshot.shown);
        self.snapshot = None;
        Ok(Some(end))
    }

    /// The next event that is there by now and matches, within a bounded part of the log: where a
    /// filter lets little pass, none is found though there can be more.
    pub(super) async fn take(&mut self) -> Result<Option<Arc<Entry>>, EngineError> {
        let examined = self.examined;
        loop {
            let looked = self.look().await?;
            let entry = self.pop();
            let far = self.examined.0 - examined.0 >= self.engine.config.max_examined_events;
            if entry.is_some() || looked == Looked::Everywhere || far {
                return Ok(entry);
            }
        }
    }

    fn pop(&mut self) -> Option<Arc<Entry>> {
        let entry = self.pending.pop_front();
        self.given = entry.as_ref().map_or(self.examined, |e| e.sequence);
        entry
    }

    /// Looks at what comes next in the log, a bounded part of it, unless something is pending.
    async fn look(&mut self) -> Result<Looked, EngineError> {
        if !self.pending.is_empty() {
            return Ok(Looked::Further);
        }
        let (last, matching) = match self.engine.relay.read_after(self.examined, TAKE) {
            Ok(mut entries) if entries.iter().all(|e| e.bytes.is_some()) => {
                let last = entries.last().map(|e| e.sequence);
                entries.retain(|entry| self.filter.matches(entry));
                (last, entries)
            }
            Ok(_) | Err(Behind) => self.read().await?,
        };
        let Some(last) = last else {
            return Ok(Looked::Everywhere);
        };
        self.examined = last;
        let shown = &mut self.shown;
        let new = |entry: &Arc<Entry>| !shown.covers(entry.verification, entry.revision);
        self.pending.extend(matching.into_iter().filter(new));
        Ok(Looked::Further)
    }

    /// A page from the store: where it ends, and what matches in it. Only that is encoded.
    async fn read(&self) -> Result<(Option<Sequence>, Vec<Arc<Entry>>), EngineError> {
        self.open.fell_behind(self.examined);
        let page = self.engine.store.events(self.examined, PAGE).await?;
        if page.first().map(|e| e.sequence) != Some(self.examined.next()) {
            let head = self.engine.store.head().await?;
            if head.purged_to > self.examined {
                return Err(self.engine.expired(self.tokens.filter(), &head));
            }
            if !page.is_empty() {
                tracing::error!(after = self.examined.0, "the log has a hole");
                return Err(EngineError::new(Reason::Internal));
            }
        }
        let mut matching = Vec::new();
        for event in &page {
            if self.filter.matches(&Entry::new(event, None)) {
                matching.push(Arc::new(self.engine.entry(event).await?));
            }
        }
        Ok((page.last().map(|e| e.sequence), matching))
    }

    /// Waits for any event, until then at the longest.
    pub(super) async fn wait(&self, until: Option<Instant>) {
        let mut notified = pin!(self.engine.relay.tail().notified());
        // Registered before the last look at the head, so that nothing falls in between.
        notified.as_mut().enable();
        if self.engine.relay.head() > self.examined {
            return;
        }
        if super::in_time(notified, until).await {
            self.open.woken();
        }
    }

    fn deliver(&self, entry: &Entry) -> Delivery {
        Delivery {
            head: entry.bytes.clone().unwrap_or_default(),
            token: self
                .tokens
                .encoded(entry.sequence, self.engine.relay.encoder()),
        }
    }

    fn beat(&self) -> Delivery {
        let encoder = self.engine.relay.encoder();
        Delivery {
            head: encoder.heartbeat(self.engine.now()),
            token: self.tokens.encoded(self.given, encoder),
        }
    }

    pub(super) fn token(&self) -> String {
        self.tokens.token(self.given).to_string()
    }
}
