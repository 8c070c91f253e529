//! The log, the outcome of changes, and the audit chain.

use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use verilane_core::{
    Assurance, AuditAction, AuditHash, AuditRecord, ChangeId, Committed, Decision, Event,
    EventKind, LogId, NewEvent, Revision, Sequence, State, VerificationId,
};
use verilane_store::Head;

use crate::columns::{Cells, int};

const AFTER: &str = "SELECT sequence, verification, revision, attempt, kind, state_before, \
     state_after, connection, provider, provider_status, provider_rank, provider_time, \
     commit_time, assurance, applied, late, reason, warnings, furthest_status, retryable, tx_hash, \
     provider_progress, decision FROM events WHERE sequence > ?1 ORDER BY sequence LIMIT ?2";

const OF_ONE: &str = "SELECT sequence, verification, revision, attempt, kind, state_before, \
     state_after, connection, provider, provider_status, provider_rank, provider_time, \
     commit_time, assurance, applied, late, reason, warnings, furthest_status, retryable, tx_hash, \
     provider_progress, decision FROM events WHERE verification = ?1 AND revision > ?2 ORDER BY revision LIMIT ?3";

const AUDIT: &str = "SELECT number, link, time, principal, action, verification, details \
     FROM audit WHERE number >= ?1 ORDER BY number LIMIT ?2";

const AUDIT_MATTER: &str = "SELECT name FROM audit_matter WHERE number = ?1 ORDER BY position";

/// Which log this is, and where it begins and ends.
pub(crate) fn head(connection: &Connection) -> Result<Head> {
    connection
        .prepare_cached("SELECT id, last_sequence, purged_to FROM log")?
        .query_row([], |row| {
            let mut cells = Cells::of(row);
            Ok(Head {
                log: cells.id(LogId::from_bytes)?,
                last: cells.sequence()?,
                purged_to: cells.sequence()?,
            })
        })
}

/// A page of the log.
pub(crate) fn after(connection: &Connection, after: Sequence, limit: u32) -> Result<Vec<Event>> {
    connection
        .prepare_cached(AFTER)?
        .query_map(params![int(after.0), limit], event)?
        .collect()
}

/// A page of one verification's events.
pub(crate) fn of(
    connection: &Connection,
    id: VerificationId,
    after: Revision,
    limit: u32,
) -> Result<Vec<Event>> {
    connection
        .prepare_cached(OF_ONE)?
        .query_map(params![id.as_bytes(), int(after.0), limit], event)?
        .collect()
}

fn event(row: &Row<'_>) -> Result<Event> {
    let mut cells = Cells::of(row);
    let sequence = cells.sequence()?;
    let body = NewEvent {
        verification: cells.verification()?,
        revision: cells.revision()?,
        attempt: cells.count()?,
        kind: cells.word(EventKind::from_name)?,
        state_before: cells.maybe_word(State::from_name)?,
        state_after: cells.word(State::from_name)?,
        connection: cells.connection()?,
        provider: cells.provider()?,
        provider_status: cells.status()?,
        provider_rank: cells.get()?,
        provider_time: cells.maybe_time()?,
        commit_time: cells.time()?,
        assurance: cells.word(Assurance::from_name)?,
        applied: cells.get()?,
        late: cells.get()?,
        reason: cells.reason()?,
        warnings: cells.reasons()?,
        furthest_status: cells.status()?,
        retryable: cells.get()?,
        tx_hash: cells.maybe_sealed()?,
        provider_progress: cells.status()?,
        decision: cells.maybe_word(Decision::from_name)?,
    };
    Ok(Event { sequence, body })
}

/// What became of a change.
pub(crate) fn outcome(connection: &Connection, id: ChangeId) -> Result<Option<Committed>> {
    connection
        .prepare_cached(
            "SELECT first_sequence, events, purge_unfinished FROM changes WHERE id = ?1",
        )?
        .query_row([id.as_bytes()], committed)
        .optional()
}

/// Takes apart what is kept of a change's outcome.
pub(crate) fn committed(row: &Row<'_>) -> Result<Committed> {
    let mut cells = Cells::of(row);
    let first: u64 = cells.count()?;
    let events: u64 = cells.count()?;
    Ok(Committed {
        sequences: (first..first.saturating_add(events))
            .map(Sequence)
            .collect(),
        purge_unfinished: cells.get()?,
    })
}

/// A page of the audit chain.
pub(crate) fn audit(
    connection: &Connection,
    from: u64,
    limit: u32,
) -> Result<Vec<(AuditHash, AuditRecord)>> {
    let mut links = connection.prepare_cached(AUDIT)?;
    let mut matter = connection.prepare_cached(AUDIT_MATTER)?;
    links
        .query_map(params![int(from), limit], |row| {
            let mut cells = Cells::of(row);
            let number: i64 = cells.get()?;
            let link: AuditHash = cells.get()?;
            let record = AuditRecord {
                time: cells.time()?,
                principal: cells.principal()?,
                action: cells.word(AuditAction::from_name)?,
                verification: cells.maybe_verification()?,
                subject_matter: Vec::new(),
                details: cells.maybe_sealed()?,
            };
            Ok((number, link, record))
        })?
        .map(|found| {
            let (number, link, mut record) = found?;
            record.subject_matter = matter
                .query_map([number], |row| row.get(0))?
                .collect::<Result<_>>()?;
            Ok((link, record))
        })
        .collect()
}
