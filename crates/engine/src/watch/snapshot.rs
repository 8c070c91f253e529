//! The snapshot that a watch of many begins with.
//!
//! The head is read first, rows follow page by page in short reads, then the end with the token of
//! that head. A row that was committed after the head carries events that the tail would bring
//! again: its revision is remembered, and those events are passed over. What is remembered is
//! bounded.

use std::collections::{HashMap, VecDeque};

use verilane_core::{Reason, Revision, Sequence, VerificationId};
use verilane_store::{ListQuery, PageMark};

use super::EventFilter;
use crate::engine::Engine;
use crate::{EngineError, VerificationView};

/// Rows read at once.
const PAGE: u32 = 100;

/// Revisions that the snapshot has shown although their events come after its head.
#[derive(Default)]
pub(super) struct Shown(HashMap<VerificationId, Revision>);

impl Shown {
    /// Whether the snapshot has shown this event's effect already. Forgets what it no longer
    /// needs.
    pub(super) fn covers(&mut self, id: VerificationId, revision: Revision) -> bool {
        match self.0.get(&id) {
            None => false,
            Some(shown) if revision < *shown => true,
            Some(shown) => {
                let covers = revision == *shown;
                self.0.remove(&id);
                covers
            }
        }
    }
}

/// A snapshot under way.
pub(super) struct Snapshot {
    query: ListQuery,
    head: Sequence,
    rows: VecDeque<VerificationView>,
    complete: bool,
    sent: u64,
    pub(super) shown: Shown,
}

impl Snapshot {
    pub(super) fn new(filter: &EventFilter, head: Sequence) -> Self {
        Self {
            query: ListQuery {
                connections: filter.connections.clone(),
                providers: filter.providers.clone(),
                states: filter.states.clone(),
                limit: PAGE,
                ..ListQuery::default()
            },
            head,
            rows: VecDeque::new(),
            complete: false,
            sent: 0,
            shown: Shown::default(),
        }
    }

    /// How many rows were given.
    pub(super) const fn sent(&self) -> u64 {
        self.sent
    }

    /// The next row; none once all have been given. Cancel-safe.
    pub(super) async fn next(
        &mut self,
        engine: &Engine,
    ) -> Result<Option<VerificationView>, EngineError> {
        if self.rows.is_empty() && !self.complete {
            self.read(engine).await?;
        }
        let row = self.rows.pop_front();
        self.sent = self.sent.saturating_add(u64::from(row.is_some()));
        Ok(row)
    }

    async fn read(&mut self, engine: &Engine) -> Result<(), EngineError> {
        let page = engine.store.list(&self.query).await?;
        self.complete = page.len() < PAGE as usize;
        self.query.after = page.last().map(|listed| PageMark {
            time: listed.verification.create_time,
            id: listed.verification.id,
        });
        for listed in page {
            let row = listed.verification;
            if listed.last_sequence > self.head {
                if self.shown.0.len() >= engine.config.max_snapshot_marks {
                    return Err(EngineError::new(Reason::Contended));
                }
                self.shown.0.insert(row.id, row.revision);
            }
            self.rows.push_back(engine.view(row)?);
        }
        Ok(())
    }
}
