//! Jobs, and the answers remembered for request ids.

use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use verilane_core::{
    BlindIndex, IdempotencyRecord, Job, JobAbout, JobKey, JobKind, Timestamp, VerificationId,
};

use crate::columns::Cells;

const DUE: &str = "SELECT kind, verification, attempt, due, tries FROM jobs \
     WHERE ready <= ?1 ORDER BY ready, kind, verification, attempt LIMIT ?2";

/// Jobs that are due and not leased, the longest due first.
pub(crate) fn due(connection: &Connection, now: Timestamp, limit: u32) -> Result<Vec<Job>> {
    connection
        .prepare_cached(DUE)?
        .query_map(params![now.as_micros(), limit], job)?
        .collect()
}

fn job(row: &Row<'_>) -> Result<Job> {
    let mut cells = Cells::of(row);
    let kind = cells.word(JobKind::from_name)?;
    let whose: Vec<u8> = cells.get()?;
    let attempt = cells.count()?;
    let about = <[u8; 16]>::try_from(whose).ok().map(|bytes| JobAbout {
        verification: VerificationId::from_bytes(bytes),
        attempt,
    });
    Ok(Job {
        key: JobKey { kind, about },
        due: cells.time()?,
        tries: cells.count()?,
    })
}

/// When the next job is due and free.
pub(crate) fn next_due(connection: &Connection) -> Result<Option<Timestamp>> {
    connection
        .prepare_cached("SELECT min(ready) FROM jobs")?
        .query_row([], |row| Cells::of(row).maybe_time())
}

/// The answer remembered for a request id.
pub(crate) fn idempotency(
    connection: &Connection,
    key: BlindIndex,
) -> Result<Option<IdempotencyRecord>> {
    connection
        .prepare_cached(
            "SELECT body, verification, attempt, joined, expire_time FROM requests WHERE key = ?1",
        )?
        .query_row([key.as_bytes()], |row| {
            let mut cells = Cells::of(row);
            Ok(IdempotencyRecord {
                key,
                body: cells.digest()?,
                verification: cells.verification()?,
                attempt: cells.count()?,
                joined: cells.get()?,
                expire_time: cells.time()?,
            })
        })
        .optional()
}
