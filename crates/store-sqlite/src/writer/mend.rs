//! After a commit that failed.
//!
//! Nobody can say then whether it stands: its frames may be in the write-ahead log without being
//! durable, and this process would not see them until it opens the database anew. So every
//! connection is closed before anybody hears of the failure, lest somebody look a change up and be
//! told what a later start would contradict. Then the database is opened anew and the log copied
//! into it, each synced: what is there after that is durable, and everything else is gone. Until
//! this succeeds, callers are told that the store is unavailable.

use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;
use tokio::sync::mpsc::error::TryRecvError;
use verilane_store::CommitError;

use super::Writer;
use crate::connection::{log_ahead, open_writer};
use crate::read;

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const PAGE: u32 = 512;

impl Writer {
    /// Opens the database anew until that succeeds. None if everybody has gone meanwhile.
    pub(super) fn mend(&mut self, broken: Connection) -> Option<Connection> {
        drop(broken);
        let mut pause = FIRST_PAUSE;
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
            // Woken early when the store is closed.
            thread::park_timeout(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn reopen(&mut self) -> rusqlite::Result<Connection> {
        let connection = open_writer(&self.tools.folder.database())?;
        log_ahead(&connection)?;
        connection.wal_checkpoint_v2(None::<&str>, CheckpointMode::TRUNCATE)?;
        self.tell(&connection)?;
        Ok(connection)
    }

    /// Tells the observer of events that turned out to stand.
    fn tell(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        loop {
            let events = read::events::after(connection, self.told, PAGE)?;
            let Some(last) = events.last() else {
                return Ok(());
            };
            self.told = last.sequence;
            self.tools.observer.committed(&events);
        }
    }

    /// Tells everybody who waits that nothing can be served. False once everybody has gone.
    fn refuse(&mut self) -> bool {
        const WHY: &str = "the database is being opened anew";
        let open = loop {
            match self.tools.inbox.try_recv() {
                Ok(work) => self.sort(work),
                Err(TryRecvError::Empty) => break true,
                Err(TryRecvError::Disconnected) => break false,
            }
        };
        for waiting in self.waiting.drain(..) {
            waiting.refuse(CommitError::Unavailable(WHY.to_owned()));
        }
        self.lane.refuse(WHY);
        open
    }
}
