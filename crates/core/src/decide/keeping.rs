//! Decisions about what is kept beside what a provider reports: data that nobody believes, claims that
//! do not hold any more, and the end of keeping any.
//!
//! Invariant: none moves a state. What is quarantined changes nothing but the log.

use super::draft::{Draft, Said};
use super::timers::{Deadlines, needed_timer};
use crate::{
    Assurance, AttemptNumber, Change, ClaimStatus, EventKind, JobKind, SeenKey, SeenWrite,
    Timestamp, Verification,
};

/// The identity under which the quarantine of an attempt is noted: it holds one message.
pub const QUARANTINE_IDENTITY: &str = "QUARANTINE";

/// Data came that is right in everything but its signature. Whoever calls adds the evidence. What
/// the message says of itself, its time too, is not repeated.
#[must_use]
pub fn quarantined(
    current: &Verification,
    number: AttemptNumber,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Change {
    let mut draft = Draft::over(current, now);
    draft.tell(
        number,
        Said {
            moved: false,
            ..Said::ours(EventKind::DataQuarantined)
        },
    );
    let mut change = draft.finish(deadlines);
    change.seen.push(SeenWrite::First(SeenKey {
        verification: current.id,
        attempt: number,
        identity: QUARANTINE_IDENTITY.to_owned(),
    }));
    change
}

/// The provider says that the values of these fields do not hold any more. None if that is known of
/// each. `number` is the attempt that brought them.
#[must_use]
pub fn claims_invalidated(
    current: &Verification,
    number: AttemptNumber,
    fields: &[&str],
    now: Timestamp,
    deadlines: &Deadlines,
) -> Option<Change> {
    let mut draft = Draft::over(current, now);
    let mut turned = false;
    for claim in &mut draft.row().claims {
        if claim.status == ClaimStatus::Granted && fields.contains(&claim.field.as_str()) {
            claim.status = ClaimStatus::Invalid;
            turned = true;
        }
    }
    if !turned {
        return None;
    }
    draft.tell(
        number,
        Said {
            assurance: Assurance::Pulled,
            ..Said::ours(EventKind::ClaimInvalidated)
        },
    );
    Some(draft.finish(deadlines))
}

/// What came has been kept as long as it was to be. None if that matters no more, or not yet.
///
/// What came later would be kept for good. Nothing can: only those providers' verifications are ever
/// forgotten whose attempts exchange a code, and nothing moves such an attempt once it has ended.
#[must_use]
pub fn forget(
    current: &Verification,
    number: AttemptNumber,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Option<Change> {
    let (needed, due) = needed_timer(current, number, deadlines)?;
    if needed != JobKind::Forget || now < due {
        return None;
    }
    let mut draft = Draft::over(current, now);
    let now = draft.now();
    let row = draft.row();
    row.forget_time = Some(now);
    for claim in &mut row.claims {
        if matches!(claim.status, ClaimStatus::Granted | ClaimStatus::Invalid) {
            claim.status = ClaimStatus::Forgotten;
        }
    }
    draft.tell(number, Said::ours(EventKind::ClaimsForgotten));
    let mut change = draft.finish(deadlines);
    change.forget = true;
    Some(change)
}

#[cfg(test)]
mod tests;
