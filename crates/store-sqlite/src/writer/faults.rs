//! Commits that fail, for tests: by the path of their database, since each test has its own.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use rusqlite::{Connection, Error, ffi};

/// How a commit fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// The sync failed, and what was written survives nevertheless.
    Stands,
    /// The sync failed, and what was written is lost.
    Lost,
}

static PLANNED: LazyLock<Mutex<HashMap<String, Fault>>> = LazyLock::new(Mutex::default);

/// Lets the next commit to this database fail.
pub(crate) fn plan(database: &str, fault: Fault) {
    PLANNED.lock().unwrap().insert(database.to_owned(), fault);
}

/// Fails a commit if one was to fail.
pub(super) fn strike(connection: &Connection) -> rusqlite::Result<()> {
    let planned = PLANNED.lock().unwrap().remove(connection.path().unwrap());
    let Some(fault) = planned else {
        return Ok(());
    };
    let end = match fault {
        Fault::Stands => "COMMIT",
        Fault::Lost => "ROLLBACK",
    };
    connection.execute_batch(end).unwrap();
    let code = ffi::Error::new(ffi::SQLITE_IOERR_FSYNC);
    Err(Error::SqliteFailure(
        code,
        Some("disk I/O error".to_owned()),
    ))
}
