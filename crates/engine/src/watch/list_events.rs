//! The stream's promises for callers that can't hold a stream: pages of events, with a wait.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use verilane_core::VerificationId;
use verilane_telemetry::value::watch_kind;

use super::{EventFilter, WatchEnd, WatchMany, WatchOne, WatchStart};
use crate::EngineError;
use crate::engine::Engine;
use crate::relay::Entry;

/// Whose events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EventScope {
    /// Of one verification.
    One(VerificationId),
    /// Of all that a filter lets pass.
    Many(EventFilter),
}

/// A page of events to read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListEvents {
    /// Whose.
    pub scope: EventScope,
    /// From where. A snapshot is not possible.
    pub start: WatchStart,
    /// At most so many.
    pub page_size: usize,
    /// How long to wait for the first one if there is none.
    pub wait: Duration,
}

/// A page of events.
#[derive(Clone, Debug)]
pub struct EventPage {
    /// Each as a watch would send it, all but its token.
    pub events: Vec<Bytes>,
    /// Where the next page begins; never beyond what was examined for this one.
    pub next_token: String,
}

enum Cursor {
    One(WatchOne),
    Many(WatchMany),
}

impl Cursor {
    async fn take(&mut self) -> Result<Option<Arc<Entry>>, EngineError> {
        match self {
            Self::One(cursor) => cursor.take().await,
            Self::Many(cursor) => cursor.take().await,
        }
    }

    async fn wait(&self, until: Option<Instant>) {
        match self {
            Self::One(cursor) => cursor.wait(until).await,
            Self::Many(cursor) => cursor.wait(until).await,
        }
    }

    fn token(&self) -> String {
        match self {
            Self::One(cursor) => cursor.token(),
            Self::Many(cursor) => cursor.token(),
        }
    }
}

impl Engine {
    /// A page of events.
    ///
    /// # Errors
    /// As for a watch.
    pub async fn list_events(self: &Arc<Self>, list: ListEvents) -> Result<EventPage, EngineError> {
        let kind = watch_kind::LONG_POLL;
        let start = &list.start;
        let mut cursor = match list.scope {
            EventScope::One(id) => Cursor::One(
                self.open_one(id, start, WatchEnd::Never, list.wait, kind)
                    .await?,
            ),
            EventScope::Many(filter) => {
                Cursor::Many(self.open_many(filter, start, list.wait, kind).await?)
            }
        };
        let deadline = Instant::now().checked_add(list.wait);
        let mut events = Vec::new();
        loop {
            while events.len() < list.page_size {
                let Some(entry) = cursor.take().await? else {
                    break;
                };
                events.push(entry.bytes.clone().unwrap_or_default());
            }
            let is_over = deadline.is_some_and(|deadline| deadline <= Instant::now());
            if !events.is_empty() || is_over {
                return Ok(EventPage {
                    events,
                    next_token: cursor.token(),
                });
            }
            cursor.wait(deadline).await;
        }
    }
}
