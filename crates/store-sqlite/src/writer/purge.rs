//! What has served its time goes, a bounded number of rows at once.
//!
//! Events go oldest first, and only as a prefix of the log: what stays has no hole.

use rusqlite::{OptionalExtension, Result, Statement, params};
use verilane_core::{Purge, Sequence, Timestamp};

use super::statements::Statements;
use crate::columns::{Cells, int};

/// Carries out a purge. Whether it stopped at its bound and has more to do.
pub(super) fn purge(
    statements: &mut Statements<'_>,
    purge: &Purge,
    purged_to: &mut Sequence,
) -> Result<bool> {
    let limit = purge.at_most;
    let mut more = false;
    if let Some(before) = purge.events_before {
        more |= events(statements, before, limit, purged_to)?;
    }
    if let Some(before) = purge.changes_before {
        let (purge, old) = (&mut statements.purge_changes, &mut statements.old_changes);
        more |= rows(purge, old, before, limit)?;
    }
    if let Some(before) = purge.idempotency_before {
        let (purge, old) = (&mut statements.purge_requests, &mut statements.old_requests);
        more |= rows(purge, old, before, limit)?;
    }
    if let Some(before) = purge.slots_before {
        let (purge, old) = (&mut statements.purge_slots, &mut statements.old_slots);
        more |= rows(purge, old, before, limit)?;
    }
    if let Some(before) = purge.orphan_chunks_before {
        more |= orphans(statements, before, limit)?;
    }
    Ok(more)
}

fn rows(
    purge: &mut Statement<'_>,
    old: &mut Statement<'_>,
    before: Timestamp,
    limit: u32,
) -> Result<bool> {
    purge.execute(params![before.as_micros(), limit])?;
    old.exists([before.as_micros()])
}

fn events(
    statements: &mut Statements<'_>,
    before: Timestamp,
    limit: u32,
    purged_to: &mut Sequence,
) -> Result<bool> {
    let mut found = statements.old_events.query([i64::from(limit) + 1])?;
    let mut last = None;
    let mut taken = 0;
    let mut more = false;
    while let Some(row) = found.next()? {
        let mut cells = Cells::of(row);
        let sequence = cells.sequence()?;
        if cells.time()? >= before {
            break;
        }
        if taken == limit {
            more = true;
            break;
        }
        taken += 1;
        last = Some(sequence);
    }
    drop(found);
    if let Some(last) = last {
        statements.purge_events.execute([int(last.0)])?;
        *purged_to = last;
    }
    Ok(more)
}

fn orphans(statements: &mut Statements<'_>, before: Timestamp, limit: u32) -> Result<bool> {
    let mut room = u64::from(limit);
    loop {
        let oldest: Option<Vec<u8>> = statements
            .oldest_unshown
            .query_row([before.as_micros()], |row| row.get(0))
            .optional()?;
        let Some(evidence) = oldest else {
            return Ok(false);
        };
        if room == 0 {
            return Ok(true);
        }
        let gone = statements
            .purge_chunks
            .execute(params![evidence, int(room)])? as u64;
        if gone < room {
            statements.evidence_is_shown.execute([evidence])?;
        }
        room -= gone;
    }
}
