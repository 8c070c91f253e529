//! Decisions about what a provider says, and about a caller's calling off.
//!
//! Ordering contract: reports may come in any order and any number; each is a set of facts added to
//! the attempt's own, so the end is the same. What was noted under its identity before must not be
//! decided again: that only raises a counter.

use super::came::Came;
use super::draft::{Draft, Said};
use super::timers::Deadlines;
use crate::{
    Assurance, Attempt, AttemptNumber, Change, EventKind, Fact, ProviderStatus, Reason, SeenKey,
    SeenWrite, State, Timestamp, Verification,
};

/// How far the provider says it is.
#[derive(Clone, Debug)]
pub struct StatusArrival {
    /// Its word.
    pub status: ProviderStatus,
    /// What makes it one and the same when it comes again.
    pub identity: String,
    /// The word's place in the provider's order, from 1; 0 if it has none.
    pub rank: u16,
    /// What it tells about the attempt.
    pub fact: Option<Fact>,
    /// The provider's own time of it.
    pub provider_time: Option<Timestamp>,
    /// How far it can be trusted.
    pub assurance: Assurance,
    /// Whether it came after its deadline.
    pub late: bool,
}

/// Data that came.
#[derive(Clone, Debug)]
pub struct DataArrival<'a> {
    /// What came, of what was asked for.
    pub came: Came<'a>,
    /// Whether others came too.
    pub extra: bool,
    /// Whether a picture is not the one whose digest came beside it.
    pub digest_mismatch: bool,
    /// Whether an operator handed it in, without a signature that holds.
    pub imported: bool,
    /// The provider's own time of it.
    pub provider_time: Option<Timestamp>,
    /// How far it can be trusted.
    pub assurance: Assurance,
    /// Whether it came after its deadline.
    pub late: bool,
}

/// The identity under which the data of an attempt is noted: it is kept once.
pub const DATA_IDENTITY: &str = "DATA";

fn note(current: &Verification, number: AttemptNumber, identity: &str) -> SeenKey {
    SeenKey {
        verification: current.id,
        attempt: number,
        identity: identity.to_owned(),
    }
}

/// The provider reported how far it is, on the status channel.
#[must_use]
pub fn status_reported(
    current: &Verification,
    number: AttemptNumber,
    report: StatusArrival,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Change {
    reported(
        current,
        number,
        report,
        EventKind::ProviderStatus,
        now,
        deadlines,
    )
}

/// The provider reported a failure, on the data channel.
#[must_use]
pub fn failure_reported(
    current: &Verification,
    number: AttemptNumber,
    report: StatusArrival,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Change {
    reported(
        current,
        number,
        report,
        EventKind::FailureReported,
        now,
        deadlines,
    )
}

fn reported(
    current: &Verification,
    number: AttemptNumber,
    report: StatusArrival,
    kind: EventKind,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Change {
    let mut draft = Draft::over(current, now);
    let seen = note(current, number, &report.identity);
    tell(&mut draft, number, report, kind);
    let mut change = draft.finish(deadlines);
    change.seen.push(SeenWrite::First(seen));
    change
}

/// What the provider noted of an attempt was fetched. The entries are those not seen before, oldest
/// first; each becomes an event, in this order. None if there are none.
#[must_use]
pub fn history_pulled(
    current: &Verification,
    number: AttemptNumber,
    entries: Vec<StatusArrival>,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Option<Change> {
    if entries.is_empty() {
        return None;
    }
    let mut draft = Draft::over(current, now);
    let mut seen = Vec::with_capacity(entries.len());
    for entry in entries {
        seen.push(SeenWrite::First(note(current, number, &entry.identity)));
        tell(&mut draft, number, entry, EventKind::ProviderStatus);
    }
    let mut change = draft.finish(deadlines);
    change.seen = seen;
    Some(change)
}

fn tell(draft: &mut Draft, number: AttemptNumber, report: StatusArrival, kind: EventKind) {
    let mut moved = false;
    draft.with_attempt(number, |attempt| {
        if report.rank > attempt.provider_rank {
            attempt.provider_rank = report.rank;
            attempt.provider_status = Some(report.status.clone());
            moved = true;
        }
    });
    if let Some(fact) = report.fact {
        draft.learn(number, fact);
    }
    draft.tell(
        number,
        Said {
            assurance: report.assurance,
            status: Some(report.status),
            rank: Some(report.rank),
            provider_time: report.provider_time,
            late: report.late,
            moved,
            ..Said::ours(kind)
        },
    );
}

/// What is kept of data that comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DataKept {
    /// Its claims and the message that brought them.
    Claims,
    /// The message alone, as evidence: another attempt's claims stand, and are not mixed with these.
    Message,
    /// Nothing: the attempt was called off.
    Nothing,
}

/// What is kept of data for an attempt if this comes. The claims of the first success stay; else those of
/// a complete delivery come before any other, and those of a newer attempt before an older one's.
#[must_use]
pub fn data_kept(current: &Verification, number: AttemptNumber, came: &Came<'_>) -> DataKept {
    let cancelled = current.attempt(number).map(|a| a.facts.is_cancelled());
    if cancelled == Some(true) {
        return DataKept::Nothing;
    }
    let others = || current.attempts.iter().filter(|a| a.number != number);
    let succeeds = came.is_complete(current) && !came.is_refuted(current);
    let stands = others().any(|a| a.state().0 == State::Verified)
        || (!succeeds && others().any(|a| a.number > number && a.facts.has_data()));
    if stands {
        DataKept::Message
    } else {
        DataKept::Claims
    }
}

/// The provider delivered data. Whoever calls adds the sealed claims and the message as evidence, as
/// far as [`data_kept`] says. A success takes back what users of other attempts had to do.
#[must_use]
pub fn data_received(
    current: &Verification,
    number: AttemptNumber,
    data: &DataArrival<'_>,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Change {
    let mut draft = Draft::over(current, now);
    let kept = data_kept(current, number, &data.came);
    let complete = data.came.is_complete(current);
    let succeeds = complete && !data.came.is_refuted(current);
    if kept == DataKept::Claims {
        data.came.grant(&mut draft.row().claims);
    }
    let kind = if kept == DataKept::Nothing {
        draft.learn(number, Fact::DataDiscarded);
        EventKind::DataDiscarded
    } else {
        if data.extra {
            draft.learn(number, Fact::ExtraItems);
        }
        if kept == DataKept::Claims && !data.came.unusable.is_empty() {
            draft.learn(number, Fact::UnusableImages);
        }
        if kept == DataKept::Claims && data.digest_mismatch {
            draft.learn(number, Fact::DigestMismatch);
        }
        if kept == DataKept::Claims && succeeds && data.came.is_refuted_in_part(current) {
            draft.learn(number, Fact::RefutedInPart);
        }
        draft.learn(
            number,
            match (complete, succeeds) {
                (_, true) => Fact::DataComplete,
                (true, false) => Fact::DataRefuted,
                (false, _) => Fact::DataIncomplete,
            },
        );
        let verified = |a: &Attempt| a.number != number && a.state().0 == State::Verified;
        if succeeds && current.attempts.iter().any(verified) {
            EventKind::DuplicateSuccess
        } else if data.imported {
            EventKind::DataImported
        } else {
            EventKind::DataReceived
        }
    };
    draft.tell(
        number,
        Said {
            assurance: data.assurance,
            provider_time: data.provider_time,
            late: data.late,
            moved: kept != DataKept::Nothing,
            ..Said::ours(kind)
        },
    );
    if succeeds && kept != DataKept::Nothing {
        withdraw_others(&mut draft, current, number);
    }
    let mut change = draft.finish(deadlines);
    change
        .seen
        .push(SeenWrite::First(note(current, number, DATA_IDENTITY)));
    change
}

/// Ends what is still open beside a success. Expiry is the weakest of ends: data that comes for
/// such an attempt all the same is still a success of its own.
pub(super) fn withdraw_others(draft: &mut Draft, current: &Verification, number: AttemptNumber) {
    let open = |a: &&Attempt| a.number != number && !a.state().0.is_end();
    for other in current.attempts.iter().filter(open) {
        draft.learn(other.number, Fact::Expired(Reason::ActionWithdrawn));
        draft.tell(other.number, Said::ours(EventKind::ActionWithdrawn));
    }
}

/// A caller calls the verification off. None if it is called off already.
///
/// # Errors
/// `ALREADY_VERIFIED`. `DECISION_PENDING`: what was decided is told until the provider has it, and then the
/// provider has the last word.
pub fn cancel(
    current: &Verification,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Result<Option<Change>, Reason> {
    let mut attempts = current.attempts.iter();
    match current.state().0 {
        State::Verified => return Err(Reason::AlreadyVerified),
        State::Cancelled => return Ok(None),
        _ if attempts.any(|attempt| attempt.pending_decision().is_some()) => {
            return Err(Reason::DecisionPending);
        }
        _ => {}
    }
    let newest = current.newest_attempt().ok_or(Reason::Internal)?.number;
    let mut draft = Draft::over(current, now);
    for attempt in &current.attempts {
        draft.learn(attempt.number, Fact::Cancelled);
    }
    draft.tell(newest, Said::ours(EventKind::Cancelled));
    Ok(Some(draft.finish(deadlines)))
}
