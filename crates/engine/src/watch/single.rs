//! A watch of one verification.
//!
//! It is woken only by its own verification, and proves by revision that it missed nothing: what it
//! delivers next is its last revision plus one, from the topic or, where the topic has dropped it,
//! from the store.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use verilane_core::{AttemptNumber, Revision, Sequence, State, VerificationId};
use verilane_store::Head;
use verilane_telemetry::value::watch_kind;

use super::filter::hash_of_one;
use super::heartbeat::Heartbeat;
use super::token::TokenMaker;
use super::{Delivery, OpenWatch, WatchEnd, WatchStart};
use crate::engine::Engine;
use crate::relay::{Entry, Since, TopicGuard};
use crate::{EngineError, VerificationView};

/// How many events are read from the store at once. A run has about a dozen.
const PAGE: u32 = 64;

/// What is still to be sent of a snapshot.
enum Opening {
    Row(Box<VerificationView>),
    End,
    Done,
}

/// A watch of one verification. [`next`](Self::next) gives what comes.
pub struct WatchOne {
    engine: Arc<Engine>,
    topic: TopicGuard,
    tokens: Arc<TokenMaker>,
    id: VerificationId,
    /// The last revision delivered, or passed over.
    seen: Revision,
    /// Up to where the log has been examined.
    examined: Sequence,
    pending: VecDeque<Arc<Entry>>,
    opening: Opening,
    /// The newest revision that is known to exist.
    known: Revision,
    /// Whether the store was read since the topic was joined: from then on the topic has
    /// everything, as long as the relay has no new doubts.
    caught_up: bool,
    doubts: u64,
    end: WatchEnd,
    /// The newest attempt that is known of.
    newest: AttemptNumber,
    ended: bool,
    heartbeat: Heartbeat,
    open: OpenWatch,
}

impl Engine {
    /// Opens a watch of one verification.
    ///
    /// # Errors
    /// `VERIFICATION_NOT_FOUND`; `RESUME_TOKEN_MALFORMED`, `RESUME_TOKEN_FILTER_MISMATCH`,
    /// `RESUME_TOKEN_EXPIRED`, `RESUME_TOKEN_UNKNOWN`; `TOO_MANY_WATCHES`; those of the store.
    pub async fn watch_one(
        self: &Arc<Self>,
        id: VerificationId,
        start: &WatchStart,
        end: WatchEnd,
        heartbeat: Duration,
    ) -> Result<WatchOne, EngineError> {
        self.open_one(id, start, end, heartbeat, watch_kind::SINGLE)
            .await
    }

    pub(super) async fn open_one(
        self: &Arc<Self>,
        id: VerificationId,
        start: &WatchStart,
        end: WatchEnd,
        heartbeat: Duration,
        kind: &'static str,
    ) -> Result<WatchOne, EngineError> {
        let open = OpenWatch::new(self, kind)?;
        // The topic first: whatever is committed from here on is in it, or in what is read next.
        let topic = self.relay.subscribe(id);
        let head = self.store.head().await?;
        let row = self.load(id).await?.verification;
        let filter = hash_of_one(id);
        let (seen, examined) = match start {
            WatchStart::Snapshot | WatchStart::Now => (row.revision, head.last),
            WatchStart::Beginning => (self.before_first_kept(id).await?, head.purged_to),
            WatchStart::After(token) => {
                let place = self.place(token, &filter, &head)?;
                let seen = self.revision_at(id, place, &head).await?;
                // What was purged between the two looks may have stood between token and result.
                let head = self.store.head().await?;
                if head.purged_to > place {
                    return Err(self.expired(&filter, &head));
                }
                (seen, place)
            }
        };
        let known = row.revision;
        // Where the end has been passed already, no event will come that could end the watch.
        let ended =
            seen >= row.revision && ends(end, row.state().0, row.is_retryable(row.update_time));
        let newest = row.newest_attempt().map_or(0, |attempt| attempt.number);
        let opening = match start {
            WatchStart::Snapshot => Opening::Row(Box::new(self.view(row)?)),
            _ => Opening::Done,
        };
        Ok(WatchOne {
            tokens: self.token_makers.get(head.log, filter),
            engine: Arc::clone(self),
            topic,
            id,
            seen,
            examined,
            pending: VecDeque::new(),
            opening,
            known,
            caught_up: false,
            doubts: self.relay.doubts(),
            end,
            newest,
            ended,
            heartbeat: Heartbeat::every(heartbeat),
            open,
        })
    }

    /// The revision before the oldest event of a verification that is kept.
    async fn before_first_kept(&self, id: VerificationId) -> Result<Revision, EngineError> {
        let first = self.store.events_of(id, Revision::default(), 1).await?;
        Ok(match first.first() {
            Some(event) => Revision(event.body.revision.0.saturating_sub(1)),
            None => self.load(id).await?.verification.revision,
        })
    }

    /// The revision of a verification's newest event up to a place in the log.
    async fn revision_at(
        &self,
        id: VerificationId,
        place: Sequence,
        head: &Head,
    ) -> Result<Revision, EngineError> {
        let mut revision = self.before_first_kept(id).await?;
        if place >= head.last && place > Sequence(0) {
            // The usual case of a client that reconnects: nothing has happened since.
            let row = self.load(id).await?;
            let newest = row.verification.revision;
            let last = self
                .store
                .events_of(id, Revision(newest.0.saturating_sub(1)), 1)
                .await?;
            if last.first().is_some_and(|e| e.sequence <= place) {
                return Ok(newest);
            }
        }
        loop {
            let page = self.store.events_of(id, revision, PAGE).await?;
            let mut all_before = !page.is_empty();
            for event in page {
                if event.sequence > place {
                    all_before = false;
                    break;
                }
                revision = event.body.revision;
            }
            if !all_before {
                return Ok(revision);
            }
        }
    }
}

impl WatchOne {
    /// What comes next; none once the watch has ended by itself. Cancel-safe: what a dropped call
    /// had taken is given by the next one.
    ///
    /// # Errors
    /// Those of the store. The watch can't go on after one; a new one can, with the last token.
    pub async fn next(&mut self) -> Result<Option<Delivery>, EngineError> {
        if let Some(delivery) = self.open_with() {
            self.heartbeat.spoke();
            return Ok(Some(delivery));
        }
        loop {
            if let Some(entry) = self.take().await? {
                self.heartbeat.spoke();
                return Ok(Some(self.deliver(&entry)));
            }
            if self.ended {
                return Ok(None);
            }
            // Asked after the last look, so that its token is as fresh as can be.
            if self.heartbeat.is_due() {
                self.heartbeat.spoke();
                return Ok(Some(self.beat()));
            }
            let due = self.heartbeat.due();
            self.wait(due).await;
        }
    }

    fn open_with(&mut self) -> Option<Delivery> {
        let encoder = self.engine.relay.encoder();
        match std::mem::replace(&mut self.opening, Opening::Done) {
            Opening::Row(view) => {
                self.opening = Opening::End;
                Some(Delivery {
                    head: encoder.snapshot(&view),
                    token: bytes::Bytes::new(),
                })
            }
            Opening::End => Some(Delivery {
                head: encoder.snapshot_end(1),
                token: self.tokens.encoded(self.examined, encoder),
            }),
            Opening::Done => None,
        }
    }

    /// The next event that is there by now. Leaves the cursor where everything up to `examined`
    /// has been given.
    pub(super) async fn take(&mut self) -> Result<Option<Arc<Entry>>, EngineError> {
        if self.ended {
            return Ok(None);
        }
        if self.pending.is_empty() {
            // The head before the topic: all of this verification up to it is in the topic by now,
            // or in the store.
            let head = self.engine.relay.head();
            let doubts = self.engine.relay.doubts();
            if doubts != self.doubts {
                self.caught_up = false;
                self.doubts = doubts;
            }
            match self.topic.since(self.seen) {
                _ if !self.caught_up => self.read().await?,
                Since::Whole(entries) if entries.iter().all(|e| e.bytes.is_some()) => {
                    self.pending.extend(entries);
                }
                Since::Whole(_) => self.read().await?,
                Since::Hole(newest) => {
                    self.open.fell_behind(self.examined);
                    self.known = self.known.max(newest);
                    self.read().await?;
                }
            }
            if self.pending.is_empty() && self.caught_up {
                self.examined = self.examined.max(head);
            }
        }
        let Some(entry) = self.pending.pop_front() else {
            return Ok(None);
        };
        self.seen = entry.revision;
        self.examined = self.examined.max(entry.sequence);
        self.newest = self.newest.max(entry.attempt);
        self.ended =
            ends(self.end, entry.state_after, entry.retryable) && !is_followed(&entry, self.newest);
        Ok(Some(entry))
    }

    async fn read(&mut self) -> Result<(), EngineError> {
        let page = self
            .engine
            .store
            .events_of(self.id, self.seen, PAGE)
            .await?;
        let purged = match page.first() {
            Some(first) => first.body.revision != self.seen.next(),
            None => self.seen < self.known,
        };
        if purged {
            let head = self.engine.store.head().await?;
            return Err(self.engine.expired(self.tokens.filter(), &head));
        }
        let mut entries = Vec::with_capacity(page.len());
        for event in &page {
            entries.push(Arc::new(self.engine.entry(event).await?));
        }
        // All at once, after the last point at which a dropped call can end.
        self.caught_up = page.len() < PAGE as usize;
        self.pending.extend(entries);
        Ok(())
    }

    /// Waits for an event of this verification, until then at the longest.
    pub(super) async fn wait(&self, until: Option<Instant>) {
        let mut notified = pin!(self.topic.notify().notified());
        // Registered before the last look, so that nothing falls in between.
        notified.as_mut().enable();
        match self.topic.since(self.seen) {
            Since::Whole(entries) if entries.is_empty() => {}
            _ => return,
        }
        if self.engine.relay.doubts() != self.doubts {
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
            token: self.tokens.encoded(self.examined, encoder),
        }
    }

    pub(super) fn token(&self) -> String {
        self.tokens.token(self.examined).to_string()
    }
}

/// Whether a watch is over once a verification stands so.
const fn ends(end: WatchEnd, state: State, retryable: bool) -> bool {
    match end {
        WatchEnd::Never => false,
        WatchEnd::AttemptEnd => state.is_end(),
        WatchEnd::Final => state.is_end() && !retryable,
    }
}

/// Whether the event is the success of an earlier attempt while the newest was open: then the one
/// that withdraws the newest belongs to the same commit and comes next.
fn is_followed(entry: &Entry, newest: AttemptNumber) -> bool {
    entry.state_after == State::Verified
        && entry.attempt < newest
        && entry.state_before.is_some_and(|before| !before.is_end())
}
