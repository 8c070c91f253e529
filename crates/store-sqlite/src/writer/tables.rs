//! One row each of the tables that a change adds to, beside its verification.

use rusqlite::{Result, params};
use verilane_core::{
    BindingWrite, Change, Checks, Decision, EvidenceRecord, IdempotencyRecord, JobWrite,
    LookupKind, NewEvent, Reason, Sequence, Slot, SlotWrite, State, StoredClaim, VerificationId,
};

use super::check;
use super::statements::Statements;
use crate::columns::{int, reasons};

pub(super) fn event(
    statements: &mut Statements<'_>,
    sequence: Sequence,
    event: &NewEvent,
) -> Result<()> {
    statements.add_event.execute(params![
        int(sequence.0),
        event.verification.as_bytes(),
        int(event.revision.0),
        event.attempt,
        event.kind.as_str(),
        event.state_before.map(State::as_str),
        event.state_after.as_str(),
        event.connection.as_str(),
        event.provider.as_str(),
        event.provider_status.as_deref(),
        event.provider_rank,
        event.provider_time.map(|time| time.as_micros()),
        event.commit_time.as_micros(),
        event.assurance.as_str(),
        event.applied,
        event.late,
        event.reason.map(Reason::code),
        reasons(&event.warnings),
        event.furthest_status.as_deref(),
        event.retryable,
        event.tx_hash.as_ref().map(|sealed| sealed.as_bytes()),
        event.provider_progress.as_deref(),
        event.decision.map(Decision::as_str),
    ])?;
    Ok(())
}

pub(super) fn binding(statements: &mut Statements<'_>, write: &BindingWrite) -> Result<()> {
    match write {
        BindingWrite::Make(binding) => statements.add_binding.execute(params![
            binding.key.as_bytes(),
            binding.holder.verification.as_bytes(),
            binding.holder.attempt,
            binding.create_time.as_micros(),
        ])?,
        BindingWrite::Release(key) => statements.drop_binding.execute([key.as_bytes()])?,
    };
    Ok(())
}

pub(super) fn slot(statements: &mut Statements<'_>, write: &SlotWrite) -> Result<()> {
    let (statement, slot): (_, &Slot) = match write {
        SlotWrite::Make(slot) => (&mut statements.add_slot, slot),
        SlotWrite::Take { slot, .. } => (&mut statements.set_slot, slot),
    };
    statement.execute(params![
        slot.id.as_bytes(),
        slot.key.as_bytes(),
        slot.connection.as_str(),
        slot.paths.as_bytes(),
        slot.status_path.as_bytes(),
        slot.data_path.as_bytes(),
        slot.holder.verification.as_bytes(),
        slot.holder.attempt,
        slot.create_time.as_micros(),
        slot.keep_until.as_micros(),
    ])?;
    Ok(())
}

pub(super) fn claim(statements: &mut Statements<'_>, claim: &StoredClaim) -> Result<()> {
    statements.put_claim.execute(params![
        claim.verification.as_bytes(),
        claim.field,
        claim.attempt,
        claim.name.as_str(),
        claim.document.map(|document| document.as_str()),
        claim.value.as_bytes(),
        claim.evidence.as_ref().map(|id| id.as_bytes()),
        claim.pepper.as_ref().map(|sealed| sealed.as_bytes()),
        int(claim.revision.0),
        claim.provider_time.map(|time| time.as_micros()),
        claim.receive_time.as_micros(),
        claim.assurance.as_str(),
        claim.key_fingerprint,
        claim.imported,
        claim.checks.map(Checks::to_bits),
        claim
            .provider_document
            .as_ref()
            .map(|sealed| sealed.as_bytes()),
    ])?;
    Ok(())
}

/// What was kept for a verification goes, and the lookups by its subject.
pub(super) fn forget(statements: &mut Statements<'_>, id: VerificationId) -> Result<()> {
    let id = id.as_bytes();
    statements.forget_claims.execute([id])?;
    // While the evidence tells which they are.
    statements.forget_chunks.execute([id])?;
    statements.forget_evidence.execute([id])?;
    let lookups = params![id, LookupKind::Subject.number()];
    statements.forget_lookups.execute(lookups)?;
    Ok(())
}

/// By what a verification is found.
pub(super) fn lookups(
    statements: &mut Statements<'_>,
    id: VerificationId,
    change: &Change,
) -> Result<()> {
    let id = id.as_bytes();
    let subject = LookupKind::Subject;
    if change.subjects.is_some() {
        let before = params![id, subject.number()];
        statements.forget_lookups.execute(before)?;
    }
    let subjects = change.subjects.iter().flatten();
    let subjects = subjects.map(|digest| (subject, *digest));
    for (kind, digest) in change.indexes.iter().copied().chain(subjects) {
        let values = params![kind.number(), digest.as_bytes(), id];
        statements.add_lookup.execute(values)?;
    }
    Ok(())
}

pub(super) fn evidence(statements: &mut Statements<'_>, record: &EvidenceRecord) -> Result<()> {
    statements.add_evidence.execute(params![
        record.id.as_bytes(),
        record.verification.as_bytes(),
        record.attempt,
        record.kind.as_str(),
        record.field,
        int(record.size),
        record.chunks,
        record.description.as_bytes(),
        int(record.revision.0),
        record.receive_time.as_micros(),
    ])?;
    statements
        .evidence_is_shown
        .execute([record.id.as_bytes()])?;
    Ok(())
}

pub(super) fn request(statements: &mut Statements<'_>, record: &IdempotencyRecord) -> Result<()> {
    statements.put_request.execute(params![
        record.key.as_bytes(),
        record.body.as_bytes(),
        record.verification.as_bytes(),
        record.attempt,
        record.joined,
        record.expire_time.as_micros(),
    ])?;
    Ok(())
}

pub(super) fn job(statements: &mut Statements<'_>, write: &JobWrite) -> Result<()> {
    match write {
        JobWrite::Schedule {
            key,
            due,
            leased_until,
        } => {
            let (kind, id, attempt) = check::job_columns(key);
            let leased = leased_until.map(|time| time.as_micros());
            let values = params![kind, id, attempt, due.as_micros(), leased];
            statements.schedule_job.execute(values)?;
        }
        JobWrite::Lease { key, until } => {
            let (kind, id, attempt) = check::job_columns(key);
            let values = params![kind, id, attempt, until.as_micros()];
            statements.lease_job.execute(values)?;
        }
        JobWrite::Postpone { key, due } => {
            let (kind, id, attempt) = check::job_columns(key);
            let values = params![kind, id, attempt, due.as_micros()];
            statements.postpone_job.execute(values)?;
        }
        JobWrite::Hasten { key, due } => {
            let (kind, id, attempt) = check::job_columns(key);
            let values = params![kind, id, attempt, due.as_micros()];
            statements.hasten_job.execute(values)?;
        }
        JobWrite::Drop(key) => {
            let (kind, id, attempt) = check::job_columns(key);
            statements.drop_job.execute(params![kind, id, attempt])?;
        }
    }
    Ok(())
}
