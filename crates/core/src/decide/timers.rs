//! Which timers a verification needs, as a pure function of its row, and what happens when one runs
//! out.
//!
//! Since timers follow from the row, a decision never names them: the draft compares what was
//! needed before with what is needed now.

use std::collections::BTreeMap;
use std::time::Duration;

use super::draft::{Draft, Said};
use crate::{
    Attempt, AttemptNumber, Change, Decision, EventKind, Fact, JobAbout, JobKey, JobKind, JobWrite,
    Reason, StartPhase, State, Timestamp, Verification,
};

/// How long is waited, by configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deadlines {
    /// From acceptance until the provider must have completed its part.
    pub processing: Duration,
    /// From completion until the data must have come: the provider's whole retry schedule.
    pub data: Duration,
    /// How long whoever commits an intent keeps others from resuming it.
    pub start_lease: Duration,
    /// How long a caller has for a decision; for ever if none.
    pub review: Option<Duration>,
    /// After how much of that the caller is reminded; never if none.
    pub review_reminder: Option<Duration>,
    /// What stands for the decision that nobody made in time; the attempt has failed if none.
    pub overdue: Option<Decision>,
}

fn needed(
    row: &Verification,
    attempt: &Attempt,
    deadlines: &Deadlines,
) -> Option<(JobKind, Timestamp)> {
    match (attempt.phase, attempt.state().0) {
        (StartPhase::Intended, State::Pending) => Some((JobKind::Start, attempt.start_time)),
        (StartPhase::Started, State::Pending) => {
            let action = attempt.expire_time.unwrap_or(attempt.requested_expiry);
            // Once the browser has brought something back, there is nothing left to show.
            let until = match attempt.handover {
                Some(_) => row.expire_time,
                None => action.min(row.expire_time),
            };
            Some((JobKind::ExpireAction, until))
        }
        (_, State::InReview) => review_timer(attempt, deadlines),
        (_, State::Processing) if attempt.exchanges_a_code() => {
            // Its outcome ends the attempt in any case, and where a fault of ours keeps it from that, so does
            // the time that an attempt may be processed, which it looks at itself.
            let accepted = attempt.accept_time.unwrap_or(attempt.start_time);
            Some((JobKind::Exchange, accepted))
        }
        (_, State::Processing) => Some(match (attempt.confirm_time, attempt.accept_time) {
            (Some(confirmed), _) => (JobKind::DataDeadline, confirmed + deadlines.data),
            (None, accepted) => (
                JobKind::ProcessingDeadline,
                accepted.unwrap_or(attempt.start_time) + deadlines.processing,
            ),
        }),
        // Whoever waits for the last word is told when no attempt can follow any more. An event
        // from after that time has told it already.
        _ if is_newest(row, attempt) && row.is_retryable(row.update_time) => {
            Some((JobKind::CloseRetry, row.expire_time))
        }
        _ if is_newest(row, attempt) => Some((JobKind::Forget, forget_due(row)?)),
        _ => None,
    }
}

/// When what came is forgotten: not before every attempt has ended, nor while a new one may be asked for.
fn forget_due(row: &Verification) -> Option<Timestamp> {
    let retention = row.retention?;
    if row.forget_time.is_some() || row.attempts.iter().any(|a| !a.state().0.is_end()) {
        return None;
    }
    let ended = row.attempts.iter().filter_map(|a| a.end_time).max()?;
    Some(ended + retention)
}

fn review_timer(attempt: &Attempt, deadlines: &Deadlines) -> Option<(JobKind, Timestamp)> {
    let review = attempt.handover.as_ref()?.review.as_ref()?;
    if let Some((_, decided)) = review.decided {
        return Some((JobKind::SendDecision, decided));
    }
    let reminder = deadlines
        .review_reminder
        .filter(|_| !review.reminded)
        .map(|after| review.open_time + after)
        .filter(|due| review.deadline.is_none_or(|deadline| *due < deadline));
    match reminder {
        Some(due) => Some((JobKind::ReviewReminder, due)),
        None => review.deadline.map(|due| (JobKind::ReviewDeadline, due)),
    }
}

fn is_newest(row: &Verification, attempt: &Attempt) -> bool {
    row.newest_attempt()
        .is_some_and(|newest| newest.number == attempt.number)
}

fn timers(row: &Verification, deadlines: &Deadlines) -> BTreeMap<JobKey, Timestamp> {
    row.attempts
        .iter()
        .filter_map(|attempt| {
            let (kind, due) = needed(row, attempt, deadlines)?;
            let about = JobAbout {
                verification: row.id,
                attempt: attempt.number,
            };
            Some((
                JobKey {
                    kind,
                    about: Some(about),
                },
                due,
            ))
        })
        .collect()
}

/// Schedules and drops what differs between the row before and after.
pub(super) fn write_timers(
    before: &Verification,
    after: &Verification,
    deadlines: &Deadlines,
    jobs: &mut Vec<JobWrite>,
) {
    let old = timers(before, deadlines);
    let new = timers(after, deadlines);
    for key in old.keys().filter(|key| !new.contains_key(key)) {
        jobs.push(JobWrite::Drop(*key));
    }
    for (key, due) in new {
        if old.get(&key) != Some(&due) {
            // Whoever commits an intent is about to send the request himself.
            let leased_until =
                (key.kind == JobKind::Start).then(|| after.update_time + deadlines.start_lease);
            jobs.push(JobWrite::Schedule {
                key,
                due,
                leased_until,
            });
        }
    }
}

/// The action's time has come. None if it matters no more, or not yet.
#[must_use]
pub fn expire_action(
    current: &Verification,
    number: AttemptNumber,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Option<Change> {
    let attempt = current.attempt(number)?;
    let (JobKind::ExpireAction, due) = needed(current, attempt, deadlines)? else {
        return None;
    };
    if now < due {
        return None;
    }
    let reason = if due == current.expire_time {
        Reason::VerificationExpired
    } else {
        Reason::ActionExpired
    };
    Some(end(
        current,
        number,
        Fact::Expired(reason),
        EventKind::Expired,
        now,
        deadlines,
    ))
}

/// No new attempt may be asked for any more, since the verification's time has come. None if that
/// matters no more, or not yet.
#[must_use]
pub fn close_retry(
    current: &Verification,
    number: AttemptNumber,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Option<Change> {
    let (needed, due) = needed_timer(current, number, deadlines)?;
    (needed == JobKind::CloseRetry && now >= due).then(|| {
        let mut draft = Draft::over(current, now);
        draft.tell(number, Said::ours(EventKind::RetryClosed));
        draft.finish(deadlines)
    })
}

/// The provider did not complete its part in time. None if it matters no more, or not yet.
#[must_use]
pub fn miss_processing_deadline(
    current: &Verification,
    number: AttemptNumber,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Option<Change> {
    let missed = (JobKind::ProcessingDeadline, Reason::ProviderStalled);
    miss(current, number, missed, now, deadlines)
}

/// The data did not come within the provider's whole retry schedule. None if it matters no more,
/// or not yet.
#[must_use]
pub fn miss_data_deadline(
    current: &Verification,
    number: AttemptNumber,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Option<Change> {
    let missed = (JobKind::DataDeadline, Reason::DataNotDelivered);
    miss(current, number, missed, now, deadlines)
}

fn miss(
    current: &Verification,
    number: AttemptNumber,
    (kind, reason): (JobKind, Reason),
    now: Timestamp,
    deadlines: &Deadlines,
) -> Option<Change> {
    let (needed, due) = needed_timer(current, number, deadlines)?;
    (needed == kind && now >= due).then(|| {
        let fact = Fact::Failed(reason);
        end(
            current,
            number,
            fact,
            EventKind::DeadlinePassed,
            now,
            deadlines,
        )
    })
}

/// The timer that an attempt needs now: what runs it out, and when.
#[must_use]
pub fn needed_timer(
    current: &Verification,
    number: AttemptNumber,
    deadlines: &Deadlines,
) -> Option<(JobKind, Timestamp)> {
    needed(current, current.attempt(number)?, deadlines)
}

fn end(
    current: &Verification,
    number: AttemptNumber,
    fact: Fact,
    kind: EventKind,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Change {
    let mut draft = Draft::over(current, now);
    draft.learn(number, fact);
    draft.tell(number, Said::ours(kind));
    draft.finish(deadlines)
}
