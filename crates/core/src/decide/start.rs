//! Decisions about the beginning: the intent, and the outcome of the request that it announces.

use std::time::Duration;

use super::draft::{Draft, Said};
use super::timers::Deadlines;
use crate::{
    Assurance, Attempt, AttemptNumber, Change, ConnectionName, EventKind, Fact, Facts, Principal,
    ProviderName, Reason, RequestedClaim, Revision, Sealed, SealedAction, SlotId, StartPhase,
    State, Timestamp, TraceParent, Verification, VerificationId, Wrapped,
};

/// A verification to make.
#[derive(Clone, Debug)]
pub struct NewVerification {
    /// Its name.
    pub id: VerificationId,
    /// Who asks for it.
    pub principal: Principal,
    /// At which connection.
    pub connection: ConnectionName,
    /// At which provider.
    pub provider: ProviderName,
    /// When it stops waiting for the end user.
    pub expire_time: Timestamp,
    /// How many attempts it may have.
    pub max_attempts: u32,
    /// How long what comes is kept after the end; for good if none.
    pub retention: Option<Duration>,
    /// What is asked for.
    pub claims: Vec<RequestedClaim>,
    /// Its data key.
    pub data_key: Wrapped,
    /// The subject, sealed at revision 1.
    pub subject: Sealed,
    /// The caller's reference, sealed at revision 1.
    pub subject_ref: Option<Sealed>,
    /// The labels, sealed at revision 1.
    pub labels: Option<Sealed>,
    /// The purpose, sealed at revision 1.
    pub purpose: Sealed,
    /// Where the call stands in a trace.
    pub trace_parent: Option<TraceParent>,
    /// Its first attempt.
    pub attempt: NewAttempt,
}

/// An attempt to make.
#[derive(Clone, Copy, Debug)]
pub struct NewAttempt {
    /// The slot that it takes.
    pub slot: SlotId,
    /// Whether the slot is made with it.
    pub made_slot: bool,
    /// The expiry that the provider will be asked for.
    pub requested_expiry: Timestamp,
}

/// The intent: the verification with its first attempt, before the provider is asked.
#[must_use]
pub fn create(new: NewVerification, now: Timestamp, deadlines: &Deadlines) -> Change {
    let attempt = intended(1, &new.connection, &new.provider, new.attempt, now);
    let mut draft = Draft::anew(Verification {
        id: new.id,
        revision: Revision::default(),
        principal: new.principal,
        connection: new.connection,
        provider: new.provider,
        create_time: now,
        update_time: now,
        expire_time: new.expire_time,
        max_attempts: new.max_attempts,
        retention: new.retention,
        forget_time: None,
        attempts: vec![attempt],
        claims: new.claims,
        data_key: new.data_key,
        subject: new.subject,
        subject_ref: new.subject_ref,
        labels: new.labels,
        purpose: new.purpose,
        trace_parent: new.trace_parent,
    });
    draft.tell(1, Said::ours(EventKind::Created));
    draft.finish(deadlines)
}

/// The intent of a new attempt, before the provider is asked.
///
/// # Errors
/// Why there can't be one: `NOT_RETRYABLE`, `VERIFICATION_OVER`, `ATTEMPTS_EXHAUSTED`.
pub fn retry(
    current: &Verification,
    new: NewAttempt,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Result<Change, Reason> {
    if let Some(reason) = current.not_retryable(now) {
        return Err(reason);
    }
    let newest = current.newest_attempt().ok_or(Reason::Internal)?;
    let number = newest.number.saturating_add(1);
    let mut draft = Draft::over(current, now);
    let attempt = intended(
        number,
        &newest.connection,
        &newest.provider,
        new,
        draft.now(),
    );
    draft.row().attempts.push(attempt);
    draft.tell(number, Said::ours(EventKind::AttemptStarted));
    Ok(draft.finish(deadlines))
}

fn intended(
    number: AttemptNumber,
    connection: &ConnectionName,
    provider: &ProviderName,
    new: NewAttempt,
    now: Timestamp,
) -> Attempt {
    Attempt {
        number,
        connection: connection.clone(),
        provider: provider.clone(),
        slot: new.slot,
        made_slot: new.made_slot,
        phase: StartPhase::Intended,
        facts: Facts::default(),
        provider_status: None,
        provider_rank: 0,
        start_time: now,
        requested_expiry: new.requested_expiry,
        expire_time: None,
        action: None,
        accept_time: None,
        confirm_time: None,
        end_time: None,
        handover: None,
    }
}

/// The provider took the request. `action` is sealed at the next revision. None if the intent is
/// not open any more.
#[must_use]
pub fn started(
    current: &Verification,
    number: AttemptNumber,
    action: Sealed,
    expire_time: Timestamp,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Option<Change> {
    open_intent(current, number)?;
    let mut draft = Draft::over(current, now);
    let revision = current.revision.next();
    draft.with_attempt(number, |attempt| {
        attempt.phase = StartPhase::Started;
        attempt.expire_time = Some(expire_time);
        attempt.action = Some(SealedAction {
            revision,
            sealed: action,
        });
    });
    draft.tell(number, Said::ours(EventKind::ActionAvailable));
    Some(draft.finish(deadlines))
}

/// The provider works already on what an earlier attempt asked for, and this one takes it over:
/// its callbacks carry `expire_time`. None if the intent is not open any more.
#[must_use]
pub fn adopted(
    current: &Verification,
    number: AttemptNumber,
    expire_time: Timestamp,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Option<Change> {
    open_intent(current, number)?;
    let mut draft = Draft::over(current, now);
    draft.with_attempt(number, |attempt| {
        attempt.phase = StartPhase::Started;
        attempt.expire_time = Some(expire_time);
    });
    draft.learn(number, Fact::Accepted);
    let said = Said {
        assurance: Assurance::Pulled,
        ..Said::ours(EventKind::RequestAdopted)
    };
    draft.tell(number, said);
    Some(draft.finish(deadlines))
}

/// The provider refused the request, or could not be reached before it lost its sense. None if the
/// intent is not open any more, or something has come of the request after all. `lapse_time` is when
/// somebody else's request lapses, which stands in the way.
#[must_use]
pub fn start_failed(
    current: &Verification,
    number: AttemptNumber,
    reason: Reason,
    lapse_time: Option<Timestamp>,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Option<Change> {
    if open_intent(current, number)?.state().0 != State::Pending {
        return None;
    }
    let mut draft = Draft::over(current, now);
    draft.with_attempt(number, |attempt| {
        attempt.phase = StartPhase::Ended;
        attempt.expire_time = lapse_time;
    });
    draft.learn(number, Fact::Failed(reason));
    draft.tell(number, Said::ours(EventKind::StartFailed));
    Some(draft.finish(deadlines))
}

/// A callback can overtake the answer to the request that it follows, so an intent stays open
/// while it waits for its outcome, whatever else is known; only an ended one is closed.
fn open_intent(current: &Verification, number: AttemptNumber) -> Option<&Attempt> {
    let attempt = current.attempt(number)?;
    let open = attempt.phase == StartPhase::Intended
        && matches!(
            attempt.state().0,
            State::Pending | State::Processing | State::InReview | State::Verified
        );
    open.then_some(attempt)
}
