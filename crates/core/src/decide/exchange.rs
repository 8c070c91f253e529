//! Decisions about an attempt whose browser brings back a code, and what its page tells on the way there.
//!
//! Ordering contract: a code is bound before it is sent, the answer is kept before it is read, and what
//! it says is decided as any data is. Each ends in one event, and nothing here moves an attempt that has
//! ended.

use super::draft::{Draft, Said};
use super::timers::Deadlines;
use crate::{
    Assurance, Attempt, AttemptNumber, Change, EventKind, Fact, ProviderStatus, Reason, SeenKey,
    SeenWrite, StartPhase, State, Timestamp, Verification,
};

/// How the identity of an error begins.
const PAGE_ERROR: &str = "PAGE_ERROR ";

/// What the provider's part of a page has told the page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PageEvent {
    /// The user has seen the request.
    Seen,
    /// The user has declined it.
    Declined,
    /// It has failed, for this reason in a word of its own. The user can try again.
    Error(ProviderStatus),
}

impl PageEvent {
    /// What makes it one and the same when it is told again.
    #[must_use]
    pub fn identity(&self) -> String {
        match self {
            Self::Seen => "PAGE_SEEN".to_owned(),
            Self::Declined => "PAGE_DECLINED".to_owned(),
            Self::Error(word) => format!("{PAGE_ERROR}{word}"),
        }
    }

    /// Whether an identity is that of an error.
    #[must_use]
    pub fn is_error(identity: &str) -> bool {
        identity.starts_with(PAGE_ERROR)
    }
}

/// The page tells what its user does. Not for what was told before: that only raises a counter.
///
/// # Errors
/// `NOT_CONTINUABLE`.
pub fn page_told(
    current: &Verification,
    number: AttemptNumber,
    event: &PageEvent,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Result<Change, Reason> {
    let attempt = current.attempt(number).ok_or(Reason::Internal)?;
    if !waits_for_browser(current, attempt, now) {
        return Err(Reason::NotContinuable);
    }
    let mut draft = Draft::over(current, now);
    let said = match event {
        PageEvent::Seen => Said::ours(EventKind::RequestSeen),
        PageEvent::Declined => {
            draft.learn(number, Fact::Rejected(Reason::UserDeclined));
            Said::ours(EventKind::RequestDeclined)
        }
        PageEvent::Error(word) => Said {
            status: Some(word.clone()),
            ..Said::ours(EventKind::PageError)
        },
    };
    draft.tell(number, said);
    let mut change = draft.finish(deadlines);
    change.seen.push(SeenWrite::First(SeenKey {
        verification: current.id,
        attempt: number,
        identity: event.identity(),
    }));
    Ok(change)
}

/// Whether an attempt waits for something that a browser brings back.
pub(super) fn waits_for_browser(current: &Verification, attempt: &Attempt, now: Timestamp) -> bool {
    let waits = attempt.phase == StartPhase::Started && attempt.state().0 == State::Pending;
    let until = attempt.expire_time.unwrap_or(attempt.requested_expiry);
    waits && now < until.min(current.expire_time)
}

/// Whether an attempt waits for the outcome of an exchange.
fn exchanges(attempt: &Attempt) -> bool {
    attempt.exchanges_a_code() && attempt.state().0 == State::Processing
}

/// The provider's answer is kept. Whoever calls adds it as evidence. None if the attempt has ended.
#[must_use]
pub fn code_exchanged(
    current: &Verification,
    number: AttemptNumber,
    now: Timestamp,
    deadlines: &Deadlines,
) -> Option<Change> {
    current
        .attempt(number)
        .filter(|attempt| exchanges(attempt))?;
    let mut draft = Draft::over(current, now);
    draft.tell(
        number,
        Said {
            assurance: Assurance::Pulled,
            ..Said::ours(EventKind::CodeExchanged)
        },
    );
    Some(draft.finish(deadlines))
}

/// An exchange came to nothing that could be taken: `fact` says why. None if the attempt has ended.
#[must_use]
pub fn exchange_ended(
    current: &Verification,
    number: AttemptNumber,
    (fact, assurance): (Fact, Assurance),
    now: Timestamp,
    deadlines: &Deadlines,
) -> Option<Change> {
    current
        .attempt(number)
        .filter(|attempt| exchanges(attempt))?;
    let mut draft = Draft::over(current, now);
    draft.learn(number, fact);
    draft.tell(
        number,
        Said {
            assurance,
            ..Said::ours(EventKind::FailureReported)
        },
    );
    Some(draft.finish(deadlines))
}

#[cfg(test)]
mod tests;
