//! The one writer: a thread with a connection of its own, which all writing goes through.
//!
//! It takes whatever changes wait (bounded in number and bytes, no timer) into one transaction, and
//! between two of these writes a bounded step of the side lane. Changes are committed in the order
//! in which they were queued. What was accepted is answered: when the store is closed, the queue is
//! drained first.
//!
//! When a commit fails, nobody can say whether it stands. The writer then closes every connection,
//! opens the database anew, and copies the write-ahead log into it: what is there after that is
//! durable, and everything else is gone. Until this succeeds, callers are told that the store is
//! unavailable.

mod batch;
mod check;
mod group;
mod instruments;
mod known;
mod lane;
mod purge;
mod row;
mod statements;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;
use tokio::sync::mpsc;
use verilane_core::Change;
use verilane_store::{CommitError, CommitObserver};

use self::group::{Broken, Group};
use self::instruments::Instruments;
use self::known::KnownRows;
use self::lane::Lane;
use self::statements::Statements;
use crate::config::SqliteConfig;
use crate::connection::{log_ahead, open_writer};
use crate::folder::Folder;
use crate::pool::Pool;

pub(crate) use self::group::Waiting;
pub(crate) use self::lane::Put;

/// What the writer is asked for.
pub(crate) enum Work {
    /// A change to commit.
    Change(Box<Waiting>),
    /// Chunks for the side lane.
    Chunks(Put),
}

/// The writer's thread.
pub(crate) struct Writer {
    config: SqliteConfig,
    observer: Arc<dyn CommitObserver>,
    pool: Arc<Pool>,
    serving: Arc<AtomicBool>,
    inbox: mpsc::Receiver<Work>,
    waiting: VecDeque<Waiting>,
    lane: Lane,
    // Last, so that the folder is let go after everything in it.
    folder: Folder,
}

/// Why the writer stopped serving a connection.
enum End {
    /// Everybody has gone, and everything is written.
    Closed,
    /// The connection can't be trusted any more.
    Broken(rusqlite::Error),
}

impl Writer {
    /// Starts the thread over an open database.
    pub(crate) fn start(
        config: SqliteConfig,
        folder: Folder,
        connection: Connection,
        observer: Arc<dyn CommitObserver>,
        pool: Arc<Pool>,
        serving: Arc<AtomicBool>,
        inbox: mpsc::Receiver<Work>,
    ) -> std::io::Result<JoinHandle<()>> {
        let writer = Self {
            config,
            observer,
            pool,
            serving,
            inbox,
            waiting: VecDeque::new(),
            lane: Lane::default(),
            folder,
        };
        thread::Builder::new()
            .name("verilane-store".to_owned())
            .spawn(move || writer.run(connection))
    }

    fn run(mut self, mut connection: Connection) {
        let mut rows = KnownRows::default();
        loop {
            self.pool.open();
            self.serving.store(true, Ordering::Release);
            match self.serve(&connection, &mut rows) {
                End::Closed => break,
                End::Broken(error) => {
                    tracing::error!(%error, "a commit failed; the database is opened anew");
                    self.serving.store(false, Ordering::Release);
                    rows.forget();
                    match self.mend(connection) {
                        Some(mended) => connection = mended,
                        None => return,
                    }
                }
            }
        }
        self.serving.store(false, Ordering::Release);
        self.pool.shut();
        if let Err(error) = connection.wal_checkpoint_v2(None::<&str>, CheckpointMode::TRUNCATE) {
            tracing::warn!(%error, "the write-ahead log stays; the next start reads it");
        }
    }

    fn serve(&mut self, connection: &Connection, rows: &mut KnownRows) -> End {
        let statements = match Statements::prepare(connection) {
            Ok(statements) => statements,
            Err(error) => return End::Broken(error),
        };
        let observer = Arc::clone(&self.observer);
        let hook = self.config.hook.clone();
        let instruments = Instruments::new();
        let mut group = Group {
            connection,
            statements,
            rows,
            observer: &*observer,
            hook: hook.as_ref(),
            instruments: &instruments,
        };
        while self.gather() {
            let batch = self.batch();
            if !batch.is_empty()
                && let Err(Broken(error)) = group.commit(batch)
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
            match self.inbox.blocking_recv() {
                Some(work) => self.sort(work),
                None => return false,
            }
        }
        while self.waiting.len() < self.config.batch_changes {
            match self.inbox.try_recv() {
                Ok(work) => self.sort(work),
                Err(_) => break,
            }
        }
        true
    }

    fn sort(&mut self, work: Work) {
        match work {
            Work::Change(waiting) => self.waiting.push_back(*waiting),
            Work::Chunks(put) => self.lane.push(put),
        }
    }

    /// The next batch, within its bounds.
    fn batch(&mut self) -> Vec<Waiting> {
        let mut bytes = 0_usize;
        let mut count = 0;
        for waiting in self.waiting.iter().take(self.config.batch_changes.max(1)) {
            bytes = bytes.saturating_add(weight(&waiting.change));
            if count > 0 && bytes > self.config.batch_bytes {
                break;
            }
            count += 1;
        }
        self.waiting.drain(..count).collect()
    }

    /// Copies the write-ahead log into the database once it is long enough. Readers delay that, but
    /// are not delayed by it; if they kept the log growing, the writer waits for those under way.
    fn checkpoint(&self, connection: &Connection) -> rusqlite::Result<()> {
        let enough = i32::try_from(self.config.checkpoint_pages).unwrap_or(i32::MAX);
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

    /// Opens the database anew until that succeeds. None if everybody has gone meanwhile.
    fn mend(&mut self, broken: Connection) -> Option<Connection> {
        self.pool.shut();
        drop(broken);
        let mut pause = Duration::from_millis(20);
        loop {
            match self.reopen() {
                Ok(connection) => {
                    tracing::info!("the database is open again");
                    return Some(connection);
                }
                Err(error) => tracing::error!(%error, "the database can't be opened"),
            }
            if !self.refuse() {
                return None;
            }
            thread::park_timeout(pause);
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    fn reopen(&self) -> rusqlite::Result<Connection> {
        let connection = open_writer(&self.folder.database())?;
        log_ahead(&connection)?;
        connection.wal_checkpoint_v2(None::<&str>, CheckpointMode::TRUNCATE)?;
        Ok(connection)
    }

    /// Tells everybody who waits that nothing can be served. False once everybody has gone.
    fn refuse(&mut self) -> bool {
        const WHY: &str = "the database is being opened anew";
        let mut open = true;
        loop {
            match self.inbox.try_recv() {
                Ok(work) => self.sort(work),
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => {
                    open = false;
                    break;
                }
            }
        }
        for waiting in self.waiting.drain(..) {
            waiting.refuse(CommitError::Unavailable(WHY.to_owned()));
        }
        self.lane.refuse(WHY);
        open
    }
}

/// About how many bytes a change brings.
fn weight(change: &Change) -> usize {
    let claims = change.claims.iter();
    let values = claims.map(|claim| claim.value.as_bytes().len());
    1_024 + 512 * change.events.len() + values.sum::<usize>()
}
