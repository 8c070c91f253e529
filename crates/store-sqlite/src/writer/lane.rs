//! The side lane: evidence chunks, in transactions of their own between batches of changes.
//!
//! One step writes or removes a bounded number of bytes, so a batch of changes waits for at most one step, and
//! a step for at most one batch. What waits is bounded in bytes by whoever fills the lane.

use std::collections::VecDeque;

use rusqlite::{Result, params};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use verilane_core::{EvidenceId, Sealed, Timestamp};
use verilane_store::StoreError;

use super::statements::Statements;
use crate::columns::int;

/// Bytes in one transaction, but always one chunk.
const STEP_BYTES: usize = 1 << 20;

/// About how many bytes a chunk has that is removed.
const CHUNK_BYTES: usize = 64 << 10;

/// Something to do to one piece of evidence.
pub(crate) struct Errand {
    pub(crate) evidence: EvidenceId,
    pub(crate) task: Task,
    pub(crate) answer: oneshot::Sender<std::result::Result<(), StoreError>>,
    /// Its place in the lane, given back when this is dropped.
    pub(crate) _room: OwnedSemaphorePermit,
}

/// What is to be done.
pub(crate) enum Task {
    /// Its chunks are written.
    Put(Put),
    /// Its chunks are removed, unless it is shown.
    Discard,
}

/// Chunks that wait to be written.
pub(crate) struct Put {
    /// The number of the first one that is still to be written.
    pub(crate) next: u32,
    pub(crate) chunks: VecDeque<Sealed>,
    pub(crate) written: Timestamp,
}

/// What waits, in order.
#[derive(Default)]
pub(super) struct Lane(VecDeque<Errand>);

impl Lane {
    pub(super) fn push(&mut self, errand: Errand) {
        self.0.push_back(errand);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Answers everybody that the store can't serve.
    pub(super) fn refuse(&mut self, why: &str) {
        for errand in self.0.drain(..) {
            errand.fail(why);
        }
    }

    /// Carries out one transaction. After an error it is rolled back, and whoever had a part in it has
    /// been told.
    pub(super) fn step(&mut self, statements: &mut Statements<'_>) -> Result<()> {
        let mut done = Vec::new();
        match self.run(statements, &mut done) {
            Ok(()) => {
                for errand in done {
                    // Nobody may be waiting any more; what was done stands all the same.
                    let _ = errand.answer.send(Ok(()));
                }
                Ok(())
            }
            Err(error) => {
                for errand in done.into_iter().chain(self.0.pop_front()) {
                    errand.fail(&error.to_string());
                }
                Err(error)
            }
        }
    }

    fn run(&mut self, statements: &mut Statements<'_>, done: &mut Vec<Errand>) -> Result<()> {
        statements.begin.execute([])?;
        let mut room = STEP_BYTES;
        while room > 0
            && let Some(mut errand) = self.0.pop_front()
        {
            let is_done = errand.run(statements, &mut room);
            if !matches!(is_done, Ok(true)) {
                self.0.push_front(errand);
                is_done?;
                break;
            }
            done.push(errand);
        }
        statements.commit.execute([])?;
        Ok(())
    }
}

impl Errand {
    /// Does as much as there is room for. Whether all of it is done.
    fn run(&mut self, statements: &mut Statements<'_>, room: &mut usize) -> Result<bool> {
        match &mut self.task {
            // Given up: what was written so far is purged as an orphan.
            Task::Put(_) if self.answer.is_closed() => Ok(true),
            Task::Put(put) => put.write(self.evidence, statements, room),
            Task::Discard => discard(self.evidence, statements, room),
        }
    }

    fn fail(self, why: &str) {
        let _ = self
            .answer
            .send(Err(StoreError::Unavailable(why.to_owned())));
    }
}

impl Put {
    fn write(
        &mut self,
        evidence: EvidenceId,
        statements: &mut Statements<'_>,
        room: &mut usize,
    ) -> Result<bool> {
        let id = evidence.as_bytes();
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
        Ok(self.chunks.is_empty())
    }
}

fn discard(
    evidence: EvidenceId,
    statements: &mut Statements<'_>,
    room: &mut usize,
) -> Result<bool> {
    let id = evidence.as_bytes();
    if statements.shown.exists([id])? {
        return Ok(true);
    }
    let most = room.div_ceil(CHUNK_BYTES);
    let limit = int(most as u64);
    let gone = statements.purge_chunks.execute(params![id, limit])?;
    *room = room.saturating_sub(gone.saturating_mul(CHUNK_BYTES));
    if gone == most {
        return Ok(false);
    }
    statements.evidence_is_shown.execute([id])?;
    Ok(true)
}
