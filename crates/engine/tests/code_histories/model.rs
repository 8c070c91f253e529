//! The rules, in small: what each thing that a provider does with a code must come to. Of the service it
//! uses only the names of states and reasons.

use std::collections::BTreeSet;
use std::time::Duration;

use verilane_core::{Reason, State, Timestamp};

use crate::stage::codes::{Link, Reply};
use crate::steps::Approval;

pub type AttemptState = (State, Option<Reason>);

/// How often a code is sent that may have been taken.
const SENDS: u32 = 2;
const SECOND: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
const LINK_LIFE: Duration = Duration::from_secs(120);

/// How long an exchange may take at most where a fault of ours keeps it from its end, and the longest rest
/// meanwhile.
pub const PROCESSING: Duration = Duration::from_secs(600);
const LONGEST_OF_FAULTS: Duration = Duration::from_secs(3_600);

/// A code that a page was given.
#[derive(Clone, Debug)]
pub struct Code {
    pub name: String,
    pub until: Timestamp,
    pub grants: Approval,
    /// The verification and the attempt that it was handed to first.
    pub holder: Option<(usize, usize)>,
}

/// What an exchange must come to next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// It waits until then.
    Waits(Timestamp),
    /// The answer is to be kept.
    Kept,
    /// It ends without data.
    Ends(AttemptState),
    /// It ends with data.
    Data(AttemptState),
}

/// What an answer points to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rest {
    /// It is where the link leads, if it is anywhere.
    IsThere,
    /// It was fetched.
    Came,
    /// It is durable: the link is not followed any more.
    Durable,
}

/// An exchange that is not over.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The place of its code.
    pub code: usize,
    bound: Timestamp,
    /// How often the code may have been sent.
    pub sent: u32,
    /// When its answer became durable.
    pub kept: Option<Timestamp>,
    pub rest: Rest,
    pub next: Next,
}

#[derive(Clone, Debug)]
pub struct Attempt {
    pub expires: Timestamp,
    pub state: AttemptState,
    pub exchange: Option<Exchange>,
    /// Whether a code was handed in for it.
    pub was_handed: bool,
    /// What its pages have told.
    pub told: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub struct Verification {
    pub user: Option<usize>,
    pub expires: Timestamp,
    /// How long the action of an attempt lives.
    pub lifetime: Duration,
    pub most: u32,
    pub attempts: Vec<Attempt>,
    pub revision: u64,
    /// The attempt whose claims stand.
    pub claims: Option<usize>,
    /// When its last event was.
    pub moved: Timestamp,
}

fn failed(reason: Reason) -> AttemptState {
    (State::Failed, Some(reason))
}

impl Exchange {
    pub fn of(code: usize, now: Timestamp) -> Self {
        Self {
            code,
            bound: now,
            sent: 0,
            kept: None,
            rest: Rest::IsThere,
            next: Next::Waits(now),
        }
    }

    /// How it ends if the code is sent no more.
    fn unsent(&self) -> Next {
        Next::Ends(failed(if self.sent > 0 {
            Reason::ExchangeOutcomeUnknown
        } else {
            Reason::ExchangeAbandoned
        }))
    }

    fn waits(&mut self, due: Timestamp, code: &Code) {
        self.next = if due <= code.until {
            Next::Waits(due)
        } else {
            self.unsent()
        };
    }

    /// The provider has done something with the code.
    pub fn was_sent(&mut self, reply: Reply, is_spent: bool, code: &Code, now: Timestamp) {
        let tried = now.since(self.bound);
        match reply {
            Reply::Busy(Some(asked)) => self.waits(now + asked.max(SECOND), code),
            Reply::Busy(None) | Reply::NotSent => {
                self.waits(now + tried.clamp(SECOND, LONGEST), code);
            }
            Reply::IsLost | Reply::NeverGotIt => self.is_unclear(now + SECOND, code),
            Reply::Overloaded(asked) => self.is_unclear(now + asked.unwrap_or(SECOND), code),
            Reply::Refuses(Reason::CodeAlreadyUsed) => self.is_refused_as_spent(),
            Reply::Refuses(reason) => self.next = Next::Ends(failed(reason)),
            _ if is_spent => self.is_refused_as_spent(),
            Reply::Nonsense => self.next = Next::Ends(failed(Reason::ExchangeAnswerInvalid)),
            Reply::Gives => self.next = Next::Kept,
        }
    }

    fn is_unclear(&mut self, due: Timestamp, code: &Code) {
        self.sent += 1;
        if self.sent >= SENDS {
            self.next = self.unsent();
        } else {
            self.waits(due, code);
        }
    }

    const fn is_refused_as_spent(&mut self) {
        let reason = if self.sent > 0 {
            Reason::ExchangeOutcomeUnknown
        } else {
            Reason::CodeAlreadyUsed
        };
        self.next = Next::Ends((State::Failed, Some(reason)));
    }

    /// A link was followed; nothing is left but to read if it gave what it points to.
    pub fn was_followed(&mut self, link: Link, now: Timestamp) {
        let lives = self.kept.is_some_and(|kept| now < kept + LINK_LIFE);
        match link {
            Link::Gives => self.rest = Rest::Came,
            Link::IsSlow if lives => self.next = Next::Waits(now + SECOND),
            Link::IsSlow | Link::IsDead => {
                self.next = Next::Ends(failed(Reason::ExchangeOutcomeUnknown));
            }
            Link::Nonsense => self.next = Next::Ends(failed(Reason::ExchangeAnswerInvalid)),
        }
    }

    /// There was no turn to read what was granted, or a fault.
    pub fn was_not_read(&mut self, why: Reason, now: Timestamp) {
        self.rest = Rest::Durable;
        let deadline = self.bound + PROCESSING;
        self.next = if why == Reason::CallbackOverload {
            let kept = self.kept.unwrap_or(now);
            Next::Waits(now + now.since(kept).clamp(SECOND, LONGEST))
        } else if now < deadline {
            let tried = now.since(self.bound).clamp(SECOND, LONGEST_OF_FAULTS);
            Next::Waits(deadline.min(now + tried))
        } else {
            Next::Ends(failed(Reason::ExchangeAnswerInvalid))
        };
    }

    /// What was granted was read.
    pub fn was_read(&mut self, code: &Code, user: Option<usize>) {
        self.rest = Rest::Durable;
        let grants = &code.grants;
        self.next = if user.is_some_and(|user| user != grants.user) {
            Next::Ends((State::Rejected, Some(Reason::SubjectMismatch)))
        } else if grants.lacks {
            Next::Data(failed(Reason::RequiredItemMissing))
        } else if grants.is_refuted {
            Next::Data((State::Rejected, Some(Reason::ClaimNotValid)))
        } else {
            Next::Data((State::Verified, None))
        };
    }

    /// It comes to its turn, and its code is not sent: why, if it is right.
    pub fn unsent_at(&self, code: &Code, now: Timestamp) -> Option<Next> {
        let is_over = self.kept.is_none() && (self.sent >= SENDS || now > code.until);
        let unknown = Next::Ends(failed(Reason::ExchangeOutcomeUnknown));
        is_over.then(|| {
            if self.sent >= SENDS {
                unknown
            } else {
                self.unsent()
            }
        })
    }
}

impl Attempt {
    pub const fn until(expires: Timestamp) -> Self {
        Self {
            expires,
            state: (State::Pending, None),
            exchange: None,
            was_handed: false,
            told: BTreeSet::new(),
        }
    }

    pub fn ends(&mut self, state: AttemptState) {
        self.state = state;
        self.exchange = None;
    }
}

impl Verification {
    pub fn state(&self) -> AttemptState {
        self.attempts.last().unwrap().state
    }

    pub fn newest(&mut self) -> &mut Attempt {
        self.attempts.last_mut().unwrap()
    }

    pub fn is_retryable(&self, now: Timestamp) -> bool {
        let is_end = matches!(
            self.state().0,
            State::Expired | State::Failed | State::Rejected
        );
        is_end && now < self.expires && self.attempts.len() < self.most as usize
    }

    /// When the user's time is over, while he is waited for.
    pub fn waits_until(&self) -> Option<Timestamp> {
        let newest = self.attempts.last()?;
        (newest.state.0 == State::Pending).then(|| newest.expires.min(self.expires))
    }

    /// When its callers are to be told that no attempt can follow.
    pub fn closes_at(&self) -> Option<Timestamp> {
        let before = self.expires.min(self.moved);
        (self.is_retryable(before) && self.moved < self.expires).then_some(self.expires)
    }
}
