//! The side lane: evidence chunks, in transactions of their own between batches of changes.
//!
//! One step writes a bounded number of bytes, so a batch of changes waits for at most one step, and
//! a step for at most one batch. What waits is bounded in bytes by whoever fills the lane.

use std::collections::VecDeque;

use rusqlite::{Result, params};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use verilane_core::{EvidenceId, Sealed, Timestamp};
use verilane_store::StoreError;

use super::statements::Statements;

/// Bytes in one transaction, but always one chunk.
const STEP_BYTES: usize = 1 << 20;

/// Chunks of one piece of evidence that wait to be written.
pub(crate) struct Put {
    pub(crate) evidence: EvidenceId,
    /// The number of the first one that is still to be written.
    pub(crate) next: u32,
    pub(crate) chunks: VecDeque<Sealed>,
    pub(crate) written: Timestamp,
    pub(crate) answer: oneshot::Sender<std::result::Result<(), StoreError>>,
    /// Its place in the lane, given back when this is dropped.
    pub(crate) _room: OwnedSemaphorePermit,
}

/// What waits, in order.
#[derive(Default)]
pub(super) struct Lane(VecDeque<Put>);

impl Lane {
    pub(super) fn push(&mut self, put: Put) {
        self.0.push_back(put);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Answers everybody that the store can't serve.
    pub(super) fn refuse(&mut self, why: &str) {
        for put in self.0.drain(..) {
            put.fail(why);
        }
    }

    /// Writes one transaction. After an error it is rolled back, and whoever had a part in it has
    /// been told.
    pub(super) fn step(&mut self, statements: &mut Statements<'_>) -> Result<()> {
        let mut done = Vec::new();
        match self.write(statements, &mut done) {
            Ok(()) => {
                for put in done {
                    // Nobody may be waiting any more; the chunks stand all the same.
                    let _ = put.answer.send(Ok(()));
                }
                Ok(())
            }
            Err(error) => {
                for put in done.into_iter().chain(self.0.pop_front()) {
                    put.fail(&error.to_string());
                }
                Err(error)
            }
        }
    }

    fn write(&mut self, statements: &mut Statements<'_>, done: &mut Vec<Put>) -> Result<()> {
        statements.begin.execute([])?;
        let mut room = STEP_BYTES;
        while room > 0
            && let Some(mut put) = self.0.pop_front()
        {
            let written = put.write(statements, &mut room);
            if written.is_err() || !put.chunks.is_empty() {
                self.0.push_front(put);
                written?;
                break;
            }
            done.push(put);
        }
        statements.commit.execute([])?;
        Ok(())
    }
}

impl Put {
    fn write(&mut self, statements: &mut Statements<'_>, room: &mut usize) -> Result<()> {
        if self.answer.is_closed() {
            // Given up: what was written so far is purged as an orphan.
            self.chunks.clear();
            return Ok(());
        }
        let id = self.evidence.as_bytes();
        while *room > 0
            && let Some(chunk) = self.chunks.front()
        {
            let bytes = chunk.as_bytes();
            // A chunk that stands is never replaced: it may be shown already.
            statements
                .add_chunk
                .execute(params![id, self.next, bytes])?;
            *room = room.saturating_sub(bytes.len().max(1));
            self.next = self.next.saturating_add(1);
            self.chunks.pop_front();
        }
        if !statements.shown.exists([id])? {
            let values = params![id, self.written.as_micros()];
            statements.note_unshown.execute(values)?;
        }
        Ok(())
    }

    fn fail(self, why: &str) {
        let _ = self
            .answer
            .send(Err(StoreError::Unavailable(why.to_owned())));
    }
}
