//! The draft of a change: a copy of the row that learns facts, and the events that tell of it.
//!
//! Invariant: each event raises the revision by one, and the row's revision is that of the last
//! event. Timers follow from the row alone: the draft schedules and drops what differs between the
//! row before and after.

use super::timers::{Deadlines, write_timers};
use crate::{
    Assurance, Attempt, AttemptNumber, Change, Decision, EventKind, Fact, Handover, NewEvent,
    ProviderStatus, Reason, Review, Revision, State, Timestamp, Verification, VerificationWrite,
};

/// What an event says beside what the row shows.
#[derive(Debug)]
pub(super) struct Said {
    pub kind: EventKind,
    pub assurance: Assurance,
    pub status: Option<ProviderStatus>,
    pub rank: Option<u16>,
    pub progress: Option<ProviderStatus>,
    pub decision: Option<Decision>,
    pub provider_time: Option<Timestamp>,
    pub late: bool,
    /// Whether the event moved the provider's status; a move of the state counts in any case.
    pub moved: bool,
}

impl Said {
    pub(super) const fn ours(kind: EventKind) -> Self {
        Self {
            kind,
            assurance: Assurance::Local,
            status: None,
            rank: None,
            progress: None,
            decision: None,
            provider_time: None,
            late: false,
            moved: true,
        }
    }
}

pub(super) struct Draft {
    before: Verification,
    row: Verification,
    change: Change,
    /// What is known to those who have read every event so far.
    told: Option<Told>,
}

struct Told {
    state: State,
    reason: Option<Reason>,
    warnings: Vec<Reason>,
    attempts: Vec<(AttemptNumber, AttemptState)>,
}

type AttemptState = (State, Option<Reason>);

impl Told {
    fn of(row: &Verification) -> Self {
        let (state, reason) = row.state();
        Self {
            state,
            reason,
            warnings: row.warnings(),
            attempts: row.attempts.iter().map(|a| (a.number, a.state())).collect(),
        }
    }

    fn of_attempt(&self, number: AttemptNumber) -> Option<AttemptState> {
        let known = self.attempts.iter().find(|(n, _)| *n == number);
        known.map(|(_, state)| *state)
    }
}

impl Draft {
    /// A draft over a verification that stands.
    pub(super) fn over(current: &Verification, now: Timestamp) -> Self {
        // Events of one verification never go back in time, whatever the clock does.
        let now = now.max(current.update_time);
        let mut row = current.clone();
        row.update_time = now;
        Self {
            told: Some(Told::of(&row)),
            before: current.clone(),
            row,
            change: Change::new(now),
        }
    }

    /// A draft that makes a verification.
    pub(super) fn anew(row: Verification) -> Self {
        let mut before = row.clone();
        before.attempts.clear();
        let change = Change::new(row.update_time);
        Self {
            before,
            row,
            change,
            told: None,
        }
    }

    pub(super) const fn now(&self) -> Timestamp {
        self.change.time
    }

    pub(super) const fn row(&mut self) -> &mut Verification {
        &mut self.row
    }

    /// Works on an attempt; does nothing if there is none of this number.
    pub(super) fn with_attempt(&mut self, number: AttemptNumber, work: impl FnOnce(&mut Attempt)) {
        if let Some(attempt) = self.row.attempts.iter_mut().find(|a| a.number == number) {
            work(attempt);
        }
    }

    /// Works on what a browser brought back for an attempt; does nothing if that is nothing.
    pub(super) fn with_handover(
        &mut self,
        number: AttemptNumber,
        work: impl FnOnce(&mut Handover),
    ) {
        self.with_attempt(number, |attempt| {
            if let Some(handover) = &mut attempt.handover {
                work(handover);
            }
        });
    }

    /// Works on an attempt's review; does nothing if there is none.
    pub(super) fn with_review(&mut self, number: AttemptNumber, work: impl FnOnce(&mut Review)) {
        self.with_handover(number, |handover| {
            if let Some(review) = &mut handover.review {
                work(review);
            }
        });
    }

    /// The state that an attempt is in by now.
    pub(super) fn state_of(&self, number: AttemptNumber) -> Option<State> {
        self.row.attempt(number).map(|attempt| attempt.state().0)
    }

    /// Adds a fact to what is known about an attempt.
    pub(super) fn learn(&mut self, number: AttemptNumber, fact: Fact) {
        let now = self.now();
        self.with_attempt(number, |attempt| {
            attempt.facts = attempt.facts.with(fact);
            if attempt.facts.is_accepted() {
                attempt.accept_time = attempt.accept_time.or(Some(now));
            }
            if attempt.facts.is_confirmed() {
                attempt.confirm_time = attempt.confirm_time.or(Some(now));
            }
            if attempt.state().0.is_end() {
                attempt.end_time = attempt.end_time.or(Some(now));
            }
        });
    }

    /// Tells of what was learnt since the last event.
    pub(super) fn tell(&mut self, number: AttemptNumber, said: Said) {
        let told = Told::of(&self.row);
        let before = self.told.take();
        let state_before = before.as_ref().map(|before| before.state);
        let attempt_before = before.as_ref().and_then(|before| before.of_attempt(number));
        let attempt_after = told.of_attempt(number);
        // Of several reasons the greatest stands, so one can take another's place after the end.
        let attempt_moved = attempt_before != attempt_after;
        let moved = attempt_moved
            || before
                .as_ref()
                .is_none_or(|before| (before.state, before.reason) != (told.state, told.reason));
        let warned = before.map(|before| before.warnings).unwrap_or_default();
        self.row.revision = self.row.revision.next();
        let (connection, provider, furthest) = self.row.attempt(number).map_or_else(
            || (self.row.connection.clone(), self.row.provider.clone(), None),
            |a| {
                (
                    a.connection.clone(),
                    a.provider.clone(),
                    a.provider_status.clone(),
                )
            },
        );
        let (attempt_state, attempt_reason) = attempt_after.unwrap_or((told.state, told.reason));
        let ends = attempt_moved && attempt_state.is_end();
        self.change.events.push(NewEvent {
            verification: self.row.id,
            revision: self.row.revision,
            attempt: number,
            kind: said.kind,
            state_before,
            state_after: told.state,
            connection,
            provider,
            provider_status: said.status,
            provider_rank: said.rank,
            provider_progress: said.progress,
            decision: said.decision,
            provider_time: said.provider_time,
            commit_time: self.now(),
            assurance: said.assurance,
            applied: said.moved || moved,
            late: said.late
                || attempt_before
                    .is_some_and(|(before, _)| before.is_end() && before != State::Verified),
            reason: if ends { attempt_reason } else { None },
            warnings: told
                .warnings
                .iter()
                .filter(|w| !warned.contains(w))
                .copied()
                .collect(),
            furthest_status: if ends { furthest } else { None },
            retryable: self.row.is_retryable(self.now()),
            tx_hash: None,
        });
        self.told = Some(told);
    }

    /// The change, with the timers that follow from the row.
    pub(super) fn finish(mut self, deadlines: &Deadlines) -> Change {
        write_timers(&self.before, &self.row, deadlines, &mut self.change.jobs);
        let expected =
            (self.before.revision != Revision::default()).then_some(self.before.revision);
        self.change.verification = Some(VerificationWrite {
            expected,
            row: self.row,
        });
        self.change
    }
}

/// The revision of the next event of a verification: what is sealed with it names this one.
#[must_use]
pub const fn next_revision(current: &Verification) -> Revision {
    current.revision.next()
}
