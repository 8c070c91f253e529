//! A verification's rows: of what stood before, only what differs is written.

use rusqlite::{Result, params};
use verilane_core::{Attempt, Mark, Reason, Sequence, Verification};

use super::statements::Statements;
use crate::columns::{int, span};

/// Writes `new` where `old` stood.
pub(super) fn write(
    statements: &mut Statements<'_>,
    old: Option<&Verification>,
    new: &Verification,
    last: Sequence,
) -> Result<()> {
    match old {
        None => add(statements, new, last)?,
        Some(old) => update(statements, old, new, last)?,
    }
    if old.is_none_or(|old| !same_secrets(old, new)) {
        statements.put_secrets.execute(params![
            new.id.as_bytes(),
            new.data_key.as_bytes(),
            new.subject.as_bytes(),
            new.subject_ref.as_ref().map(|sealed| sealed.as_bytes()),
            new.labels.as_ref().map(|sealed| sealed.as_bytes()),
            new.purpose.as_bytes(),
        ])?;
    }
    attempts(statements, old, new)?;
    requested(statements, old, new)
}

fn add(statements: &mut Statements<'_>, new: &Verification, last: Sequence) -> Result<()> {
    statements.add_verification.execute(params![
        new.id.as_bytes(),
        int(new.revision.0),
        new.state().0.as_str(),
        int(last.0),
        new.principal.as_str(),
        new.connection.as_str(),
        new.provider.as_str(),
        new.create_time.as_micros(),
        new.update_time.as_micros(),
        new.expire_time.as_micros(),
        new.max_attempts,
        new.trace_parent.as_ref().map(|parent| parent.0.as_str()),
        new.review_deadline().map(|time| time.as_micros()),
        new.retention.map(span),
        new.forget_time.map(|time| time.as_micros()),
    ])?;
    Ok(())
}

fn update(
    statements: &mut Statements<'_>,
    old: &Verification,
    new: &Verification,
    last: Sequence,
) -> Result<()> {
    let id = new.id.as_bytes();
    let revision = int(new.revision.0);
    let updated = new.update_time.as_micros();
    let state = new.state().0;
    // The state stands in an index: it is left alone while it stays the same.
    if old.state().0 == state {
        let values = params![id, revision, int(last.0), updated];
        statements.bump_verification.execute(values)?;
    } else {
        let values = params![id, revision, int(last.0), updated, state.as_str()];
        statements.move_verification.execute(values)?;
    }
    let deadline = new.review_deadline();
    if old.review_deadline() != deadline {
        let values = params![id, deadline.map(|time| time.as_micros())];
        statements.set_review_deadline.execute(values)?;
    }
    if !same_frame(old, new) {
        statements.rewrite_verification.execute(params![
            id,
            new.principal.as_str(),
            new.connection.as_str(),
            new.provider.as_str(),
            new.create_time.as_micros(),
            new.expire_time.as_micros(),
            new.max_attempts,
            new.trace_parent.as_ref().map(|parent| parent.0.as_str()),
            new.retention.map(span),
            new.forget_time.map(|time| time.as_micros()),
        ])?;
    }
    Ok(())
}

fn same_frame(old: &Verification, new: &Verification) -> bool {
    old.principal == new.principal
        && old.connection == new.connection
        && old.provider == new.provider
        && old.create_time == new.create_time
        && old.expire_time == new.expire_time
        && old.max_attempts == new.max_attempts
        && old.trace_parent == new.trace_parent
        && old.retention == new.retention
        && old.forget_time == new.forget_time
}

fn same_secrets(old: &Verification, new: &Verification) -> bool {
    old.data_key == new.data_key
        && old.subject == new.subject
        && old.subject_ref == new.subject_ref
        && old.labels == new.labels
        && old.purpose == new.purpose
}

fn attempts(
    statements: &mut Statements<'_>,
    old: Option<&Verification>,
    new: &Verification,
) -> Result<()> {
    let id = new.id.as_bytes();
    for attempt in &new.attempts {
        let before = old.and_then(|old| old.attempt(attempt.number));
        match before {
            Some(before) if before == attempt => {}
            Some(before) if same_start(before, attempt) => move_attempt(statements, id, attempt)?,
            _ => put_attempt(statements, id, attempt)?,
        }
        if before.and_then(|before| before.handover.as_ref()) != attempt.handover.as_ref() {
            handover(statements, id, attempt)?;
        }
    }
    for gone in old.map_or(&[][..], |old| &old.attempts) {
        if new.attempt(gone.number).is_none() {
            statements.drop_handover.execute(params![id, gone.number])?;
            statements.drop_attempt.execute(params![id, gone.number])?;
        }
    }
    Ok(())
}

fn same_start(old: &Attempt, new: &Attempt) -> bool {
    old.connection == new.connection
        && old.provider == new.provider
        && old.slot == new.slot
        && old.made_slot == new.made_slot
        && old.start_time == new.start_time
        && old.requested_expiry == new.requested_expiry
}

fn move_attempt(statements: &mut Statements<'_>, id: &[u8; 16], attempt: &Attempt) -> Result<()> {
    let (bits, failed, rejected, expired) = attempt.facts.to_parts();
    statements.move_attempt.execute(params![
        id,
        attempt.number,
        attempt.phase.as_str(),
        bits,
        failed.map(Reason::code),
        rejected.map(Reason::code),
        expired.map(Reason::code),
        attempt.provider_status.as_deref(),
        attempt.provider_rank,
        attempt.expire_time.map(|time| time.as_micros()),
        attempt.action.as_ref().map(|action| int(action.revision.0)),
        attempt
            .action
            .as_ref()
            .map(|action| action.sealed.as_bytes()),
        attempt.accept_time.map(|time| time.as_micros()),
        attempt.confirm_time.map(|time| time.as_micros()),
        attempt.end_time.map(|time| time.as_micros()),
    ])?;
    Ok(())
}

fn put_attempt(statements: &mut Statements<'_>, id: &[u8; 16], attempt: &Attempt) -> Result<()> {
    let (bits, failed, rejected, expired) = attempt.facts.to_parts();
    statements.put_attempt.execute(params![
        id,
        attempt.number,
        attempt.connection.as_str(),
        attempt.provider.as_str(),
        attempt.slot.as_bytes(),
        attempt.made_slot,
        attempt.phase.as_str(),
        bits,
        failed.map(Reason::code),
        rejected.map(Reason::code),
        expired.map(Reason::code),
        attempt.provider_status.as_deref(),
        attempt.provider_rank,
        attempt.start_time.as_micros(),
        attempt.requested_expiry.as_micros(),
        attempt.expire_time.map(|time| time.as_micros()),
        attempt.action.as_ref().map(|action| int(action.revision.0)),
        attempt
            .action
            .as_ref()
            .map(|action| action.sealed.as_bytes()),
        attempt.accept_time.map(|time| time.as_micros()),
        attempt.confirm_time.map(|time| time.as_micros()),
        attempt.end_time.map(|time| time.as_micros()),
    ])?;
    Ok(())
}

fn handover(statements: &mut Statements<'_>, id: &[u8; 16], attempt: &Attempt) -> Result<()> {
    let Some(handover) = &attempt.handover else {
        let values = params![id, attempt.number];
        statements.drop_handover.execute(values)?;
        return Ok(());
    };
    let review = handover.review.as_ref();
    let decided = review.and_then(|review| review.decided);
    statements.put_handover.execute(params![
        id,
        attempt.number,
        handover.reference.as_bytes(),
        int(handover.revision.0),
        marked(
            handover.shown.status.as_deref(),
            handover.shown.marks.status
        ),
        marked(
            handover.shown.progress.as_deref(),
            handover.shown.marks.progress
        ),
        handover.shown.offers.join(","),
        review.map(|review| review.open_time.as_micros()),
        review.and_then(|review| review.deadline.map(|time| time.as_micros())),
        review.is_some_and(|review| review.reminded),
        decided.map(|(decision, _)| decision.as_str()),
        decided.map(|(_, time)| time.as_micros()),
        handover.kind.as_str(),
    ])?;
    Ok(())
}

/// A word, and behind it the mark of what is not shown.
fn marked(word: Option<&str>, mark: Option<Mark>) -> Option<String> {
    let word = word?;
    Some(mark.map_or_else(
        || word.to_owned(),
        |Mark(mark)| format!("{word}#{mark:016x}"),
    ))
}

fn requested(
    statements: &mut Statements<'_>,
    old: Option<&Verification>,
    new: &Verification,
) -> Result<()> {
    let before = old.map_or(&[][..], |old| &old.claims);
    for (position, claim) in new.claims.iter().enumerate() {
        if before.get(position) != Some(claim) {
            statements.put_requested.execute(params![
                new.id.as_bytes(),
                int(position as u64),
                claim.name.as_str(),
                claim.document.map(|document| document.as_str()),
                claim.field,
                claim.required,
                claim.asked,
                claim.status.as_str(),
            ])?;
        }
    }
    if before.len() > new.claims.len() {
        let values = params![new.id.as_bytes(), int(new.claims.len() as u64)];
        statements.drop_requested.execute(values)?;
    }
    Ok(())
}
