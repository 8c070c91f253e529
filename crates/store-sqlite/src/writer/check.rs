//! Whether a change makes sense, and whether it holds. Almost everything is asked before anything is
//! written, so that a change that conflicts leaves no trace and needs no savepoint.

use rusqlite::{OptionalExtension, Result, params};
use verilane_core::{
    BindingWrite, Change, JobKey, JobWrite, Revision, SeenWrite, SlotHolder, SlotWrite,
    VerificationId,
};
use verilane_store::Conflict;

use super::statements::Statements;

/// What is wrong with a change in itself, whatever is stored.
pub(super) fn sense(change: &Change) -> std::result::Result<(), &'static str> {
    match &change.verification {
        None => {
            if !change.events.is_empty() {
                return Err("events without their verification");
            }
            if !change.indexes.is_empty() || change.subjects.is_some() {
                return Err("lookups without their verification");
            }
            if change.forget {
                return Err("nothing is named that is to be forgotten");
            }
        }
        Some(write) => {
            let before = write.expected.unwrap_or(Revision(0));
            let mut revision = before;
            for event in &change.events {
                revision = revision.next();
                if event.verification != write.row.id {
                    return Err("an event of another verification");
                }
                if event.revision != revision {
                    return Err("revisions of events that do not follow one another");
                }
            }
            if revision == before {
                return Err("a verification without an event");
            }
            if revision != write.row.revision {
                return Err("a revision that is not the last event's");
            }
            if write.row.attempts.is_empty() {
                return Err("a verification without an attempt");
            }
        }
    }
    for (place, seen) in change.seen.iter().enumerate() {
        let earlier = change.seen.get(..place).unwrap_or_default();
        if matches!(seen, SeenWrite::First(_)) && earlier.contains(seen) {
            return Err("an identity seen first twice");
        }
    }
    if change
        .purge
        .as_ref()
        .is_some_and(|purge| purge.at_most == 0)
    {
        return Err("a purge of nothing");
    }
    Ok(())
}

/// Why a change does not hold, but for its revision and what it has seen first.
pub(super) fn conflict(
    statements: &mut Statements<'_>,
    change: &Change,
) -> Result<Option<Conflict>> {
    if let Some(record) = &change.idempotency {
        let expires: Option<i64> = statements
            .request
            .query_row([record.key.as_bytes()], |row| row.get(0))
            .optional()?;
        // One that has served its time but was not purged yet gives way.
        if expires.is_some_and(|time| time > change.time.as_micros()) {
            return Ok(Some(Conflict::RequestId));
        }
    }
    if let Some(write) = &change.slot
        && !slot_holds(statements, write)?
    {
        return Ok(Some(Conflict::Slot));
    }
    if let Some(BindingWrite::Make(binding)) = &change.binding
        && statements.bound.exists([binding.key.as_bytes()])?
    {
        return Ok(Some(Conflict::Binding));
    }
    for job in &change.jobs {
        if let JobWrite::Lease { key, .. } = job {
            let (kind, verification, attempt) = job_columns(key);
            if !statements
                .job
                .exists(params![kind, verification, attempt])?
            {
                return Ok(Some(Conflict::Job));
            }
        }
    }
    Ok(None)
}

fn slot_holds(statements: &mut Statements<'_>, write: &SlotWrite) -> Result<bool> {
    match write {
        SlotWrite::Make(slot) => {
            let taken = statements.slot_taken.exists(params![
                slot.id.as_bytes(),
                slot.key.as_bytes(),
                slot.status_path.as_bytes(),
                slot.data_path.as_bytes()
            ])?;
            Ok(!taken)
        }
        SlotWrite::Take { expected, slot } => {
            let holder = statements
                .slot_holder
                .query_row([slot.id.as_bytes()], |row| {
                    Ok(SlotHolder {
                        verification: VerificationId::from_bytes(row.get(0)?),
                        attempt: row.get(1)?,
                    })
                })
                .optional()?;
            Ok(holder.as_ref() == Some(expected))
        }
    }
}

/// A job's name in its columns.
pub(super) fn job_columns(key: &JobKey) -> (&'static str, &[u8], u32) {
    match &key.about {
        Some(about) => (
            key.kind.as_str(),
            about.verification.as_bytes(),
            about.attempt,
        ),
        None => (key.kind.as_str(), &[], 0),
    }
}
