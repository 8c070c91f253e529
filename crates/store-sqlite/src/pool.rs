//! Connections for reading, lent to tokio's blocking threads.
//!
//! As many reads run at once as there are connections; further ones wait in order. Each read is one
//! short transaction, so that the write-ahead log can be copied into the database again and again.
//! While the writer mends the database the pool is shut, and every connection is closed.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use tokio::sync::Semaphore;
use verilane_store::StoreError;

use crate::connection::open_reader;
use crate::error::read_error;

/// Lends connections.
pub(crate) struct Pool {
    path: PathBuf,
    places: Arc<Semaphore>,
    state: Mutex<State>,
    returned: Condvar,
}

struct State {
    open: bool,
    idle: Vec<Connection>,
    lent: usize,
}

/// A connection on loan. Comes back when dropped, whatever happened to the read.
struct Loan<'p> {
    pool: &'p Pool,
    connection: Option<Connection>,
}

impl Pool {
    /// A pool that is shut. Connections are opened when they are first needed.
    pub(crate) fn new(path: PathBuf, readers: usize) -> Self {
        Self {
            path,
            places: Arc::new(Semaphore::new(readers.max(1))),
            state: Mutex::new(State {
                open: false,
                idle: Vec::new(),
                lent: 0,
            }),
            returned: Condvar::new(),
        }
    }

    /// Begins to lend.
    pub(crate) fn open(&self) {
        self.state.lock().open = true;
    }

    /// Whether it lends.
    #[cfg(test)]
    pub(crate) fn is_open(&self) -> bool {
        self.state.lock().open
    }

    /// Lends no more, waits for what is lent, and closes every connection.
    pub(crate) fn shut(&self) {
        let mut state = self.state.lock();
        state.open = false;
        while state.lent > 0 {
            self.returned.wait(&mut state);
        }
        state.idle.clear();
    }

    /// Reads within one transaction.
    pub(crate) async fn read<T, F>(self: &Arc<Self>, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| shut())?;
        let pool = Arc::clone(self);
        let reading = tokio::task::spawn_blocking(move || {
            let answer = pool.read_here(read);
            drop(place);
            answer
        });
        reading
            .await
            .map_err(|_| StoreError::Unavailable("the read was cut off".to_owned()))?
    }

    fn read_here<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let loan = self.lend()?;
        let Some(connection) = loan.connection.as_ref() else {
            return Err(shut());
        };
        let transaction = connection
            .unchecked_transaction()
            .map_err(|error| read_error(&error))?;
        let answer = read(&transaction).map_err(|error| read_error(&error))?;
        transaction.finish().map_err(|error| read_error(&error))?;
        Ok(answer)
    }

    fn lend(&self) -> Result<Loan<'_>, StoreError> {
        let mut state = self.state.lock();
        if !state.open {
            return Err(shut());
        }
        let idle = state.idle.pop();
        state.lent += 1;
        drop(state);
        let mut loan = Loan {
            pool: self,
            connection: idle,
        };
        if loan.connection.is_none() {
            loan.connection = Some(open_reader(&self.path).map_err(|error| read_error(&error))?);
        }
        Ok(loan)
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state.lock();
        state.lent -= 1;
        match self.connection.take() {
            // A transaction that a panic left open would hold the log for ever.
            Some(connection) if state.open && connection.is_autocommit() => {
                state.idle.push(connection);
            }
            other => drop(other),
        }
        self.pool.returned.notify_all();
    }
}

fn shut() -> StoreError {
    StoreError::Unavailable("the database is not open".to_owned())
}
