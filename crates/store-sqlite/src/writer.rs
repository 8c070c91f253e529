//! The one writer: a thread with a connection of its own, which all writing goes through.
//!
//! It takes whatever changes wait (bounded in number and bytes, no timer) into one transaction, and
//! between two of these writes a bounded step of the side lane. Changes are committed in the order
//! in which they were queued. What was accepted is answered: when the store is closed, the queue is
//! drained first.
//!
//! How it goes on after a commit that failed is in `mend`. A panic is a fault of the program, after
//! which nobody goes on: the store refuses everything, and says that it has failed.

mod batch;
mod check;
#[cfg(test)]
pub(crate) mod faults;
mod group;
mod instruments;
mod known;
mod lane;
mod mend;
mod purge;
mod row;
mod statements;
mod tables;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;
use tokio::sync::{mpsc, watch};
use verilane_core::{Change, Sequence};
use verilane_store::CommitObserver;

use self::group::{Broken, Group};
use self::instruments::Instruments;
use self::known::KnownRows;
use self::lane::Lane;
use self::statements::Statements;
use crate::config::SqliteConfig;
use crate::folder::Folder;
use crate::pool::Pool;

pub(crate) use self::group::Waiting;
pub(crate) use self::lane::{Errand, Put, Task};

/// What the writer is asked for.
pub(crate) enum Work {
    /// A change to commit.
    Change(Box<Waiting>),
    /// Something about chunks, for the side lane.
    Chunks(Errand),
}

/// What the writer works with.
pub(crate) struct Tools {
    pub(crate) config: SqliteConfig,
    pub(crate) observer: Arc<dyn CommitObserver>,
    pub(crate) pool: Arc<Pool>,
    /// Whether changes are taken.
    pub(crate) serving: Arc<AtomicBool>,
    pub(crate) inbox: mpsc::Receiver<Work>,
    /// Told if the writer ends by a panic.
    pub(crate) failed: watch::Sender<bool>,
    /// Let go when the writer ends, after everything in it.
    pub(crate) folder: Folder,
}

fn doubt(tools: &Tools) {
    tools.serving.store(false, Ordering::Release);
    tools.pool.shut();
}

/// The writer's thread.
pub(crate) struct Writer {
    waiting: VecDeque<Waiting>,
    lane: Lane,
    /// The newest event that the observer has heard of.
    told: Sequence,
    // Last: the folder is let go after everything in it.
    tools: Tools,
}

/// Why the writer stopped serving a connection.
enum End {
    /// Everybody has gone, and everything is written.
    Closed,
    /// The connection can't be trusted any more.
    Broken(rusqlite::Error),
}

impl Drop for Writer {
    fn drop(&mut self) {
        if thread::panicking() {
            self.doubt();
            tracing::error!("the writer panicked; the store is of no use any more");
            self.tools.failed.send_replace(true);
        }
    }
}

impl Writer {
    /// Starts the thread over an open database whose log ends at `told`.
    pub(crate) fn start(
        tools: Tools,
        connection: Connection,
        told: Sequence,
    ) -> std::io::Result<JoinHandle<()>> {
        let writer = Self {
            tools,
            waiting: VecDeque::new(),
            lane: Lane::default(),
            told,
        };
        thread::Builder::new()
            .name("verilane-store".to_owned())
            .spawn(move || writer.run(connection))
    }

    fn run(mut self, mut connection: Connection) {
        let mut rows = KnownRows::default();
        while let End::Broken(error) = self.serve(&connection, &mut rows) {
            tracing::error!(%error, "a commit failed; the database is opened anew");
            self.doubt();
            rows.forget();
            match self.mend(connection) {
                Some(mended) => connection = mended,
                None => return,
            }
        }
        self.doubt();
        if let Err(error) = connection.wal_checkpoint_v2(None::<&str>, CheckpointMode::TRUNCATE) {
            tracing::warn!(%error, "the write-ahead log stays; the next start reads it");
        }
    }

    /// Lets nobody read or commit any more.
    fn doubt(&self) {
        doubt(&self.tools);
    }

    fn serve(&mut self, connection: &Connection, rows: &mut KnownRows) -> End {
        let statements = match Statements::prepare(connection) {
            Ok(statements) => statements,
            Err(error) => return End::Broken(error),
        };
        let mut group = Group {
            connection,
            statements,
            rows,
            instruments: Instruments::new(),
        };
        self.tools.pool.open();
        self.tools.serving.store(true, Ordering::Release);
        while self.gather() {
            let batch = self.batch();
            if !batch.is_empty()
                && let Err(Broken(error)) = group.commit(&self.tools, &mut self.told, batch)
            {
                return End::Broken(error);
            }
            if !self.lane.is_empty()
                && let Err(error) = self.lane.step(&mut group.statements)
            {
                return End::Broken(error);
            }
            if let Err(error) = self.checkpoint(connection) {
                return End::Broken(error);
            }
        }
        End::Closed
    }

    /// Takes what waits; waits for something if there is nothing at all. False once everybody has
    /// gone and nothing is left.
    fn gather(&mut self) -> bool {
        if self.waiting.is_empty() && self.lane.is_empty() {
            match self.tools.inbox.blocking_recv() {
                Some(work) => self.sort(work),
                None => return false,
            }
        }
        while self.waiting.len() < self.tools.config.batch_changes {
            match self.tools.inbox.try_recv() {
                Ok(work) => self.sort(work),
                Err(_) => break,
            }
        }
        true
    }

    fn sort(&mut self, work: Work) {
        match work {
            Work::Change(waiting) => self.waiting.push_back(*waiting),
            Work::Chunks(errand) => self.lane.push(errand),
        }
    }

    /// The next batch, within its bounds.
    fn batch(&mut self) -> Vec<Waiting> {
        let mut bytes = 0_usize;
        let mut count = 0;
        for waiting in self
            .waiting
            .iter()
            .take(self.tools.config.batch_changes.max(1))
        {
            bytes = bytes.saturating_add(weight(&waiting.change));
            if count > 0 && bytes > self.tools.config.batch_bytes {
                break;
            }
            count += 1;
        }
        self.waiting.drain(..count).collect()
    }

    /// Copies the write-ahead log into the database once it is long enough. Readers delay that, but
    /// are not delayed by it; if they kept the log growing, the writer waits for those under way.
    fn checkpoint(&self, connection: &Connection) -> rusqlite::Result<()> {
        let enough = i32::try_from(self.tools.config.checkpoint_pages).unwrap_or(i32::MAX);
        let (pages, copied) = connection.wal_checkpoint_v2(None::<&str>, CheckpointMode::NOOP)?;
        if pages - copied < enough {
            return Ok(());
        }
        let mode = if pages > enough.saturating_mul(8) {
            CheckpointMode::RESTART
        } else {
            CheckpointMode::PASSIVE
        };
        match connection.wal_checkpoint_v2(None::<&str>, mode) {
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
                Ok(())
            }
            other => other.map(|_| ()),
        }
    }
}

/// About how many bytes a change brings.
fn weight(change: &Change) -> usize {
    let claims = change.claims.iter();
    let values = claims.map(|claim| claim.value.as_bytes().len());
    1_024 + 512 * change.events.len() + values.sum::<usize>()
}
