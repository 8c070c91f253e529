//! When a provider that keeps a history is next asked about an attempt: a pure function of the row,
//! and of how often it was asked since the last news.
//!
//! The time counts from now, so whoever commits news begins anew, and whoever found nothing waits
//! twice as long as before.

use std::time::Duration;

use crate::{Attempt, AttemptNumber, StartPhase, State, Timestamp, Verification};

/// How often is asked, by configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Polls {
    /// After the last news.
    pub first: Duration,
    /// At most between two polls of an attempt that is open.
    pub longest: Duration,
    /// How long an attempt that has ended is still asked about: a lost word can follow its end.
    pub after_end: Duration,
}

impl Polls {
    /// How long is waited after so many polls that found nothing.
    #[must_use]
    pub fn silence(&self, polls: u32) -> Duration {
        let factor = 1_u32.checked_shl(polls).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }
}

/// Whether a provider can have anything to tell of an attempt that is wanted: it was begun, and not
/// called off. A poll that was scheduled in time is run for such a one however late its turn comes,
/// since it is the last chance of a word that was lost.
#[must_use]
pub fn may_be_asked_about(attempt: &Attempt) -> bool {
    let never_begun = match attempt.phase {
        // The request is still to be sent.
        StartPhase::Intended => attempt.state().0 == State::Pending,
        // It was never taken, unless the provider tells of it all the same: an earlier try was then,
        // and its answer was lost.
        StartPhase::Ended => attempt.provider_status.is_none() && !attempt.facts.has_data(),
        StartPhase::Started => false,
    };
    !never_begun && !attempt.facts.is_cancelled()
}

/// When an attempt is next asked about, if `polls` polls have found nothing since its last news.
/// None if there is nothing to ask: it was not begun, or was called off, or the provider has nothing
/// more to tell.
#[must_use]
pub fn next_poll(
    row: &Verification,
    number: AttemptNumber,
    polls: u32,
    now: Timestamp,
    settings: &Polls,
) -> Option<Timestamp> {
    let attempt = row.attempt(number)?;
    if !may_be_asked_about(attempt) {
        return None;
    }
    let (state, facts) = (attempt.state().0, attempt.facts);
    if facts.is_told_out() {
        // Once more, for what was lost on the way there.
        return (polls == 0).then(|| now + settings.silence(0));
    }
    let due = now + settings.silence(polls);
    if state.is_end() {
        let last = attempt.end_time.unwrap_or(row.update_time) + settings.after_end;
        return (now < last).then(|| due.min(last));
    }
    if facts.is_settled() {
        // Only data is outstanding, and no poll brings it.
        return Some(now + settings.longest);
    }
    Some(due)
}

/// Whether looking at a provider can tell anything more of an attempt: something was brought back for
/// it, and it is neither called off nor decided.
#[must_use]
pub fn may_be_looked_at(attempt: &Attempt) -> bool {
    attempt.handover.is_some()
        && !attempt.exchanges_a_code()
        && match attempt.state().0 {
            State::Verified | State::Rejected | State::Cancelled => false,
            State::Pending
            | State::Processing
            | State::InReview
            | State::Expired
            | State::Failed => true,
        }
}

/// When a provider is next looked at for an attempt whose browser has brought something back, if
/// `looks` looks have found nothing since its last news. None if there is nothing to look at.
#[must_use]
pub fn next_look(
    row: &Verification,
    number: AttemptNumber,
    looks: u32,
    now: Timestamp,
    settings: &Polls,
) -> Option<Timestamp> {
    let attempt = row
        .attempt(number)
        .filter(|attempt| may_be_looked_at(attempt))?;
    let due = now + settings.silence(looks);
    if attempt.state().0.is_end() {
        let last = attempt.end_time.unwrap_or(row.update_time) + settings.after_end;
        return (now < last).then(|| due.min(last));
    }
    Some(due)
}
