//! The schema, and how an older database becomes a newer one.
//!
//! Migrations are numbered, only go forward, and run in one transaction: a database is at one
//! version or another, never between. A database from a newer version is refused, as is one that
//! somebody else made.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};
use verilane_core::{AUDIT_GENESIS, LogId};

use crate::OpenError;

/// Each takes the schema from its index to the next version.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_first.sql"),
    include_str!("../migrations/0002_review.sql"),
    include_str!("../migrations/0003_exchange.sql"),
    include_str!("../migrations/0004_document_words.sql"),
];

/// Stands in the file's header, so that it is known as ours ("Vrln").
const APPLICATION_ID: i64 = 0x5672_6c6e;

/// Brings the database to the newest schema.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    run(connection, path, MIGRATIONS)
}

fn run(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Result<(), OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i64 =
        transaction.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: u32 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let fresh = tables == 0 && found == 0 && application == 0;
    if !fresh && application != APPLICATION_ID {
        return Err(OpenError::Foreign {
            path: path.to_owned(),
        });
    }
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(OpenError::NewerSchema { found, known });
    }
    let pending = migrations.get(found as usize..).unwrap_or_default();
    if pending.is_empty() {
        return Ok(());
    }
    for migration in pending {
        transaction.execute_batch(migration)?;
    }
    if fresh {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.execute(
            "INSERT INTO log (one, id, last_sequence, purged_to, audit_number, audit_link)
             VALUES (1, ?1, 0, 0, 0, ?2)",
            params![LogId::generate().as_bytes(), AUDIT_GENESIS],
        )?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    tracing::info!(
        from = found,
        to = known,
        "database schema brought up to date"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Connection {
        Connection::open_in_memory().unwrap()
    }

    fn version(connection: &Connection) -> u32 {
        connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap()
    }

    const LOG: &str = "CREATE TABLE log (one ANY, id ANY, last_sequence ANY, purged_to ANY, audit_number ANY, audit_link ANY) STRICT";

    #[test]
    fn only_what_is_pending_runs() {
        let mut connection = open();
        let path = Path::new("x");
        run(&mut connection, path, &[LOG]).unwrap();
        run(
            &mut connection,
            path,
            &[LOG, "CREATE TABLE second (a ANY) STRICT"],
        )
        .unwrap();
        run(
            &mut connection,
            path,
            &[LOG, "CREATE TABLE second (a ANY) STRICT"],
        )
        .unwrap();
        assert_eq!(version(&connection), 2);
        connection
            .execute("INSERT INTO second VALUES (1)", [])
            .unwrap();
    }

    #[test]
    fn a_migration_that_fails_leaves_no_trace() {
        let mut connection = open();
        let path = Path::new("x");
        run(&mut connection, path, &[LOG]).unwrap();
        let broken = [LOG, "CREATE TABLE second (a ANY) STRICT", "CREATE NONSENSE"];
        assert!(matches!(
            run(&mut connection, path, &broken),
            Err(OpenError::Database(_))
        ));
        assert_eq!(version(&connection), 1);
        assert!(
            connection
                .execute("INSERT INTO second VALUES (1)", [])
                .is_err()
        );
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let mut connection = open();
        let path = Path::new("x");
        run(
            &mut connection,
            path,
            &[LOG, "CREATE TABLE second (a ANY) STRICT"],
        )
        .unwrap();
        assert!(matches!(
            run(&mut connection, path, &[LOG]),
            Err(OpenError::NewerSchema { found: 2, known: 1 })
        ));
    }

    #[test]
    fn somebody_elses_database_is_refused() {
        let mut connection = open();
        connection.execute_batch("CREATE TABLE theirs (a)").unwrap();
        assert!(matches!(
            migrate(&mut connection, Path::new("x")),
            Err(OpenError::Foreign { .. })
        ));
    }
}
