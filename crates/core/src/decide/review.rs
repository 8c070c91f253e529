//! Decisions about an attempt that goes on with what a browser brought back: what a look at the
//! provider shows, the claims that it gives, and the caller's review.
//!
//! Ordering contract: a look is compared with the one before, and each difference is one event, in
//! the order status, progress, offers. What the looks tell is added to the attempt's facts, so that
//! looks that were missed, or come in another order, end in the same state.

use super::came::Came;
use super::draft::{Draft, Said};
use super::exchange::waits_for_browser;
use super::report::{DataKept, data_kept, withdraw_others};
use super::timers::{Deadlines, needed_timer};
use crate::{
    Assurance, Attempt, AttemptNumber, Change, Decision, EventKind, Fact, Facts, Handover,
    HandoverKind, JobKind, Marks, ProviderStatus, Reason, Review, Sealed, Shown, State, Timestamp,
    Verification, Whose,
};

/// What a provider shows of a request now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Look {
    /// Its word.
    pub status: ProviderStatus,
    /// The word's place in the provider's order, from 1; 0 if it has none.
    pub rank: u16,
    /// What it tells about the attempt, if the request is its user's.
    pub fact: Option<Fact>,
    /// Whose the request is.
    pub whose: Whose,
    /// Its second word.
    pub progress: Option<ProviderStatus>,
    /// What tells these two apart from others that are not shown either.
    pub marks: Marks,
    /// What it links to, asked for or not, by its own names.
    pub offers: Vec<String>,
}

impl Look {
    /// What it tells about an attempt. A yes to somebody who has not been named yet is not heard before he
    /// is; once he was named, only another's name says that the request is not his.
    fn facts(&self, attempt: &Attempt) -> impl Iterator<Item = Fact> + use<> {
        let is_matched = attempt.facts.is_matched();
        let (about_whom, fact) = match self.whose {
            Whose::Anothers => (Some(Fact::Rejected(Reason::SubjectMismatch)), None),
            Whose::Theirs => ((!is_matched).then_some(Fact::Matched), self.fact),
            Whose::Unsaid | Whose::Nameless if is_matched => (None, self.fact),
            Whose::Unsaid | Whose::Nameless => (
                None,
                match self.fact {
                    Some(Fact::Approved) => Some(Fact::Confirmed),
                    fact => fact,
                },
            ),
        };
        about_whom.into_iter().chain(fact)
    }

    /// Whether it ends what binds a request to an attempt: the request is another's, or has come to a bad end
    /// without anybody having been named.
    #[must_use]
    pub fn frees(&self, attempt: &Attempt) -> bool {
        let is_no = matches!(self.fact, Some(Fact::Failed(_) | Fact::Rejected(_)));
        match self.whose {
            Whose::Anothers => true,
            Whose::Theirs => false,
            Whose::Unsaid | Whose::Nameless => is_no && !attempt.facts.is_matched(),
        }
    }
}

/// Who has to know of a decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reviewer {
    /// The provider: the decision counts once it says so.
    Provider,
    /// Nobody: the decision counts at once.
    CallerAlone,
}

/// Claims that a provider gave when it was asked.
#[derive(Clone, Debug)]
pub struct PulledClaims<'a> {
    /// What came, of what was asked for.
    pub came: Came<'a>,
    /// The decision that configuration makes in the caller's place.
    pub decision: Option<Decision>,
}

/// The browser brought back the name of the provider's request, or the code that it takes, sealed at the
/// next revision. With a code the user has done his part.
///
/// # Errors
/// `NOT_CONTINUABLE`, `ALREADY_CONTINUED`.
pub fn continued(
    current: &Verification,
    number: AttemptNumber,
    (kind, reference): (HandoverKind, Sealed),
    now: Timestamp,
    deadlines: &Deadlines,
) -> Result<Change, Reason> {
    let attempt = current.attempt(number).ok_or(Reason::Internal)?;
    if attempt.handover.is_some() {
        return Err(Reason::AlreadyContinued);
    }
    if !waits_for_browser(current, attempt, now) {
        return Err(Reason::NotContinuable);
    }
    let mut draft = Draft::over(current, now);
    let revision = current.revision.next();
    draft.with_attempt(number, |attempt| {
        attempt.handover = Some(Handover {
            kind,
            reference,
            revision,
            shown: Shown::default(),
            review: None,
        });
    });
    if kind == HandoverKind::Code {
        draft.learn(number, Fact::Accepted);
    }
    draft.tell(number, Said::ours(EventKind::Continued));
    Ok(draft.finish(deadlines))
}

/// The provider was looked at. None if it shows what it showed before.
#[must_use]
pub fn looked(
    current: &Verification,
    number: AttemptNumber,
    mut look: Look,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Option<Change> {
    look.offers.sort_unstable();
    look.offers.dedup();
    let attempt = current.attempt(number)?;
    let shown = &attempt.handover.as_ref()?.shown;
    let learns = look.facts(attempt).fold(attempt.facts, Facts::with) != attempt.facts;
    let said = |kind| Said {
        assurance: Assurance::Pulled,
        status: Some(look.status.clone()),
        rank: Some(look.rank),
        progress: look.progress.clone(),
        ..Said::ours(kind)
    };
    let mut draft = Draft::over(current, now);
    let mut is_news = false;
    let is_new_word = shown.status.as_ref() != Some(&look.status);
    if learns || is_new_word || shown.marks.status != look.marks.status {
        is_news = true;
        let mut moved = false;
        draft.with_attempt(number, |attempt| {
            if look.rank > attempt.provider_rank {
                attempt.provider_rank = look.rank;
                attempt.provider_status = Some(look.status.clone());
                moved = true;
            }
        });
        for fact in look.facts(attempt) {
            draft.learn(number, fact);
        }
        let said = said(EventKind::ProviderStatus);
        draft.tell(number, Said { moved, ..said });
    }
    if shown.progress != look.progress || shown.marks.progress != look.marks.progress {
        is_news = true;
        draft.tell(number, said(EventKind::ProviderProgress));
    }
    if shown.offers != look.offers {
        is_news = true;
        draft.tell(number, said(EventKind::EvidenceOffered));
    }
    if !is_news {
        return None;
    }
    let shown = Shown {
        status: Some(look.status),
        progress: look.progress,
        marks: look.marks,
        offers: look.offers,
    };
    draft.with_handover(number, |handover| handover.shown = shown);
    withdraw_if_verified(&mut draft, current, number);
    Some(draft.finish(deadlines))
}

/// The provider knows nothing of what the browser brought back. None if it has said something of it
/// before, or the attempt has ended.
#[must_use]
pub fn unknown_to_provider(
    current: &Verification,
    number: AttemptNumber,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Option<Change> {
    let attempt = current.attempt(number)?;
    let shown = &attempt.handover.as_ref()?.shown;
    if shown.status.is_some() || attempt.state().0.is_end() {
        return None;
    }
    let mut draft = Draft::over(current, now);
    draft.learn(number, Fact::Failed(Reason::ProviderFailed));
    draft.tell(
        number,
        Said {
            assurance: Assurance::Pulled,
            ..Said::ours(EventKind::FailureReported)
        },
    );
    Some(draft.finish(deadlines))
}

/// The provider gave its claims, and they are durable with their evidence. Whoever calls adds them, as
/// far as [`data_kept`] says. If nothing that is required is missing, the caller must decide now, unless the decision is known.
#[must_use]
pub fn claims_pulled(
    current: &Verification,
    number: AttemptNumber,
    claims: &PulledClaims<'_>,
    reviewer: Reviewer,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Change {
    let mut draft = Draft::over(current, now);
    let kept = data_kept(current, number, &claims.came) == DataKept::Claims;
    let complete = claims.came.is_complete(current);
    let pulled = |kind| Said {
        assurance: Assurance::Pulled,
        ..Said::ours(kind)
    };
    if kept {
        claims.came.grant(&mut draft.row().claims);
        if !claims.came.unusable.is_empty() {
            draft.learn(number, Fact::UnusableImages);
        }
    }
    if !complete {
        draft.learn(number, Fact::DataIncomplete);
        draft.tell(number, pulled(EventKind::DataReceived));
        return draft.finish(deadlines);
    }
    let open_time = draft.now();
    draft.learn(number, Fact::ReviewNeeded);
    draft.with_handover(number, |handover| {
        handover.review.get_or_insert(Review {
            open_time,
            deadline: deadlines.review.map(|time| open_time + time),
            reminded: false,
            decided: None,
        });
    });
    let waits = draft.state_of(number) == Some(State::InReview);
    draft.tell(
        number,
        pulled(match (kept, waits) {
            (false, _) => EventKind::DuplicateSuccess,
            (true, true) => EventKind::ReviewNeeded,
            (true, false) => EventKind::DataReceived,
        }),
    );
    if let Some(decision) = claims.decision.filter(|_| waits) {
        decide(
            &mut draft,
            number,
            (decision, EventKind::ReviewDecided),
            reviewer,
        );
    }
    withdraw_if_verified(&mut draft, current, number);
    draft.finish(deadlines)
}

/// A caller decides. None if that is what was decided before.
///
/// # Errors
/// `REVIEW_NOT_OPEN`, `REVIEW_DECIDED_OTHERWISE`.
pub fn decided(
    current: &Verification,
    number: AttemptNumber,
    decision: Decision,
    reviewer: Reviewer,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Result<Option<Change>, Reason> {
    let attempt = current.attempt(number).ok_or(Reason::Internal)?;
    let review = attempt.handover.as_ref().and_then(|h| h.review);
    match review.and_then(|review| review.decided) {
        Some((before, _)) if before == decision => return Ok(None),
        Some(_) => return Err(Reason::ReviewDecidedOtherwise),
        None => {}
    }
    if attempt.open_review().is_none() {
        return Err(Reason::ReviewNotOpen);
    }
    let mut draft = Draft::over(current, now);
    decide(
        &mut draft,
        number,
        (decision, EventKind::ReviewDecided),
        reviewer,
    );
    withdraw_if_verified(&mut draft, current, number);
    Ok(Some(draft.finish(deadlines)))
}

/// The caller is reminded that a decision is waited for. None if that matters no more, or not yet.
#[must_use]
pub fn remind_reviewer(
    current: &Verification,
    number: AttemptNumber,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Option<Change> {
    let (needed, due) = needed_timer(current, number, deadlines)?;
    (needed == JobKind::ReviewReminder && now >= due).then(|| {
        let mut draft = Draft::over(current, now);
        draft.with_review(number, |review| review.reminded = true);
        draft.tell(number, Said::ours(EventKind::ReviewReminder));
        draft.finish(deadlines)
    })
}

/// Nobody decided in time. None if that matters no more, or not yet.
#[must_use]
pub fn miss_review_deadline(
    current: &Verification,
    number: AttemptNumber,
    reviewer: Reviewer,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Option<Change> {
    let (needed, due) = needed_timer(current, number, deadlines)?;
    (needed == JobKind::ReviewDeadline && now >= due).then(|| {
        let mut draft = Draft::over(current, now);
        match deadlines.overdue {
            Some(decision) => {
                decide(
                    &mut draft,
                    number,
                    (decision, EventKind::ReviewOverdue),
                    reviewer,
                );
                withdraw_if_verified(&mut draft, current, number);
            }
            None => {
                draft.learn(number, Fact::Failed(Reason::ReviewOverdue));
                draft.tell(number, Said::ours(EventKind::ReviewOverdue));
            }
        }
        draft.finish(deadlines)
    })
}

fn decide(
    draft: &mut Draft,
    number: AttemptNumber,
    (decision, kind): (Decision, EventKind),
    reviewer: Reviewer,
) {
    let now = draft.now();
    draft.with_review(number, |review| review.decided = Some((decision, now)));
    if reviewer == Reviewer::CallerAlone {
        draft.learn(
            number,
            match decision {
                Decision::Approve => Fact::Approved,
                Decision::Reject => Fact::Rejected(Reason::ReviewRejected),
            },
        );
    }
    draft.tell(
        number,
        Said {
            decision: Some(decision),
            ..Said::ours(kind)
        },
    );
}

fn withdraw_if_verified(draft: &mut Draft, current: &Verification, number: AttemptNumber) {
    let before = current.attempt(number).map(|attempt| attempt.state().0);
    let after = draft.state_of(number);
    if before != after && after == Some(State::Verified) {
        withdraw_others(draft, current, number);
    }
}

#[cfg(test)]
mod tests;
