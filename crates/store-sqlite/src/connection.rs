//! Connections to the database, each with the same settings.
//!
//! A commit is durable once `COMMIT` returns: write-ahead log, synced at each commit. What is
//! deleted is overwritten with zeros.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// How long a statement waits for a lock. Only the first reader after a crash, which has to
/// rebuild the index of the write-ahead log, ever holds one for long.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The writer's connection. Before [`log_ahead`] it leaves the file as it is.
pub(crate) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    Ok(connection)
}

/// Turns to the write-ahead log. The writer copies it into the database itself, once it has
/// answered, and not in the middle of a commit.
pub(crate) fn log_ahead(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))
}

/// A connection that can't write.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -2_048)?;
    Ok(connection)
}

fn open(path: &Path, mode: OpenFlags) -> rusqlite::Result<Connection> {
    // A connection is used by one thread at a time, so SQLite needs no lock around it.
    let connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Else SQLite compiles a statement anew each time that another id is bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}
