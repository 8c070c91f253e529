//! Keeps one verification as an engine and its store do: applies what was decided, notes what was
//! seen, keeps jobs, and holds every change against what must be true of all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use verilane_core::decide::{
    self, Came, DataArrival, Deadlines, NewAttempt, NewVerification, StatusArrival,
};
use verilane_core::{
    Assurance, AttemptNumber, Change, ClaimName, ClaimStatus, ConnectionName, EventKind, JobKey,
    JobKind, JobWrite, NewEvent, Principal, ProviderName, Reason, RequestedClaim, Revision, Sealed,
    SeenKey, SeenWrite, SlotId, State, Timestamp, Verification, VerificationId, Wrapped,
};

use crate::model::{Outcome, told, wanted};
use crate::news::{Arrival, News, STATUSES, identity, rank};

pub const DEADLINES: Deadlines = Deadlines {
    processing: Duration::from_hours(24),
    data: Duration::from_hours(24 * 90),
    start_lease: Duration::from_secs(30),
    review: None,
    review_reminder: None,
    overdue: None,
};
/// When the verification is made.
pub const MADE: Timestamp = Timestamp::from_secs(1_677_255_000);
/// When its action expires, as the provider answered.
pub const ACTION_EXPIRY: Timestamp = Timestamp::from_secs(1_677_255_600);

/// What nobody waits for.
pub const FAR: Timestamp = Timestamp::from_secs(2_000_000_000);

/// A verification, and all that was kept of its past.
#[derive(Clone, Debug)]
pub struct Keeper {
    pub row: Verification,
    pub events: Vec<NewEvent>,
    pub jobs: BTreeMap<JobKey, Timestamp>,
    /// How often each of the provider's events was seen.
    pub seen: BTreeMap<(AttemptNumber, String), usize>,
    pub now: Timestamp,
}

fn claim(name: ClaimName, field: &str, required: bool) -> RequestedClaim {
    RequestedClaim {
        name,
        document: None,
        field: field.to_owned(),
        required,
        asked: true,
        status: ClaimStatus::Requested,
    }
}

impl Keeper {
    /// The intent is durable; the provider's answer is not here yet.
    pub fn intended(expire_time: Timestamp) -> Self {
        let new = NewVerification {
            id: VerificationId::generate(),
            principal: Principal::anonymous(),
            connection: ConnectionName::new("test").unwrap(),
            provider: ProviderName::new("corepass").unwrap(),
            expire_time,
            max_attempts: 3,
            retention: None,
            claims: vec![
                claim(ClaimName::Email, "A", true),
                claim(ClaimName::Name, "B", true),
                claim(ClaimName::Gender, "C", false),
            ],
            data_key: Wrapped::default(),
            subject: Sealed::default(),
            subject_ref: None,
            labels: None,
            purpose: Sealed::default(),
            trace_parent: None,
            attempt: NewAttempt {
                slot: SlotId::generate(),
                made_slot: true,
                requested_expiry: ACTION_EXPIRY,
            },
        };
        let change = decide::create(new, MADE, &DEADLINES);
        let mut keeper = Self {
            row: change.verification.clone().unwrap().row,
            events: Vec::new(),
            jobs: BTreeMap::new(),
            seen: BTreeMap::new(),
            now: MADE,
        };
        keeper.row.revision = Revision::default();
        keeper.commit(change);
        keeper
    }

    /// The user can act.
    pub fn started(expire_time: Timestamp) -> Self {
        let mut keeper = Self::intended(expire_time);
        assert!(keeper.start());
        keeper
    }

    /// The provider's answer to the request. False if it matters no more.
    pub fn start(&mut self) -> bool {
        let action = Sealed::default();
        let newest = self.row.newest_attempt().unwrap();
        let (number, expiry) = (newest.number, newest.requested_expiry);
        let change = decide::started(&self.row, number, action, expiry, self.now, &DEADLINES);
        self.commit_if_any(change)
    }

    /// A caller asks for a new attempt, whose action would expire then.
    pub fn retry(&mut self, expiry: Timestamp) -> Result<(), Reason> {
        let new = NewAttempt {
            slot: SlotId::generate(),
            made_slot: false,
            requested_expiry: expiry,
        };
        let change = decide::retry(&self.row, new, self.now, &DEADLINES)?;
        self.commit(change);
        Ok(())
    }

    /// The request is given up. False if there is nothing to give up any more.
    pub fn give_up(&mut self) -> bool {
        let reason = Reason::StartAbandoned;
        let change = decide::start_failed(&self.row, 1, reason, None, self.now, &DEADLINES);
        self.commit_if_any(change)
    }

    /// News of the first attempt comes in.
    pub fn hear(&mut self, arrival: Arrival) {
        self.hear_of(1, arrival);
    }

    /// News of an attempt comes in. What was noted before only raises a counter.
    pub fn hear_of(&mut self, attempt: AttemptNumber, arrival: Arrival) {
        self.now = Timestamp::from_micros(self.now.as_micros() + arrival.after * 1_000_000);
        let identity = identity(arrival.news);
        let count = self.seen.entry((attempt, identity.clone())).or_default();
        *count += 1;
        if *count > 1 {
            return;
        }
        let before = self.row.attempt(attempt).unwrap().state().0;
        let change = self.decide(attempt, arrival, &identity);
        let key = SeenKey {
            verification: self.row.id,
            attempt,
            identity,
        };
        assert_eq!(change.seen, [SeenWrite::First(key)]);
        let place = self.events.len();
        self.commit(change);
        let event = &self.events[place];
        assert_eq!(event.attempt, attempt);
        let ended = before.is_end() && before != State::Verified;
        assert_eq!(event.late, arrival.late || ended);
        assert_eq!(event.assurance, Assurance::Signed);
    }

    fn decide(&self, attempt: AttemptNumber, arrival: Arrival, identity: &str) -> Change {
        let report = |status: &'static str, fact, time| StatusArrival {
            status: status.into(),
            identity: identity.to_owned(),
            rank: rank(status),
            fact,
            provider_time: time,
            assurance: Assurance::Signed,
            late: arrival.late,
        };
        match arrival.news {
            News::Status(word, time) => {
                let fact = STATUSES
                    .iter()
                    .find(|(w, _)| *w == word)
                    .and_then(|(_, fact)| *fact);
                let report = report(word, fact, Some(Timestamp::from_secs(time)));
                decide::status_reported(&self.row, attempt, report, self.now, &DEADLINES)
            }
            News::Failure(word, reason) => {
                let fact = match reason {
                    Reason::FinishFailed => verilane_core::Fact::SettlementFailed,
                    reason => verilane_core::Fact::Failed(reason),
                };
                let report = report(word, Some(fact), None);
                decide::failure_reported(&self.row, attempt, report, self.now, &DEADLINES)
            }
            News::Data { complete, extra } => {
                let data = DataArrival {
                    came: Came {
                        fields: if complete { &["A", "B"] } else { &["C", "A"] },
                        ..Came::default()
                    },
                    extra,
                    digest_mismatch: false,
                    imported: false,
                    provider_time: None,
                    assurance: Assurance::Signed,
                    late: arrival.late,
                };
                decide::data_received(&self.row, attempt, &data, self.now, &DEADLINES)
            }
        }
    }

    /// The statuses of a flow are pulled. What was noted before is passed over.
    pub fn pull(&mut self, flow: &[News]) {
        let mut entries = Vec::new();
        for news in flow {
            let News::Status(word, time) = *news else {
                continue;
            };
            let count = self.seen.entry((1, identity(*news))).or_default();
            if *count == 0 {
                *count = 1;
                let place = STATUSES.iter().find(|(known, _)| *known == word);
                entries.push(StatusArrival {
                    status: word.into(),
                    identity: identity(*news),
                    rank: rank(word),
                    fact: place.and_then(|(_, fact)| *fact),
                    provider_time: Some(Timestamp::from_secs(time)),
                    assurance: Assurance::Pulled,
                    late: false,
                });
            }
        }
        let missed: Vec<_> = entries.iter().map(|e| e.status.clone()).collect();
        let noted: Vec<_> = entries.iter().map(|e| e.identity.clone()).collect();
        let change = decide::history_pulled(&self.row, 1, entries, self.now, &DEADLINES);
        let Some(change) = change else {
            assert!(missed.is_empty());
            return;
        };
        let told = change
            .events
            .iter()
            .filter_map(|e| e.provider_status.clone());
        assert_eq!(told.collect::<Vec<_>>(), missed, "in the provider's order");
        assert!(
            change
                .events
                .iter()
                .all(|e| e.assurance == Assurance::Pulled)
        );
        let seen = change.seen.iter().map(|seen| match seen {
            SeenWrite::First(key) => key.identity.clone(),
            SeenWrite::Again(_) => panic!("seen before"),
        });
        assert_eq!(seen.collect::<Vec<_>>(), noted);
        self.commit(change);
    }

    /// A caller calls it off. False if that is refused.
    pub fn cancel(&mut self) -> bool {
        let change = decide::cancel(&self.row, self.now, &DEADLINES);
        self.commit_if_any(change.ok().flatten())
    }

    /// A timer runs out. False if it matters no more, or not yet.
    pub fn run_out(&mut self, kind: JobKind, now: Timestamp) -> bool {
        let change = run_out(&self.row, kind, now);
        self.commit_if_any(change)
    }

    fn commit_if_any(&mut self, change: Option<Change>) -> bool {
        let any = change.is_some();
        change.into_iter().for_each(|change| self.commit(change));
        any
    }

    fn commit(&mut self, change: Change) {
        let write = change.verification.unwrap();
        let known = (self.row.revision != Revision(0)).then_some(self.row.revision);
        assert_eq!(write.expected, known);
        let (first, others) = change.events.split_first().unwrap();
        let withdraws = |e: &NewEvent| e.kind == EventKind::ActionWithdrawn;
        let is_pull = |e: &NewEvent| e.assurance == Assurance::Pulled;
        let pulled = !others.is_empty() && change.events.iter().all(is_pull);
        if !pulled {
            assert!(others.iter().all(withdraws), "one decision tells one thing");
            assert!(others.is_empty() || first.state_after == State::Verified);
        }
        let (mut known, now) = (self.row.warnings(), write.row.warnings());
        let new = |known: &[Reason]| -> Vec<Reason> {
            now.iter().filter(|w| !known.contains(w)).copied().collect()
        };
        if pulled {
            // What was pulled is told one by one, and ends at what the row says.
            let warned = change.events.iter().flat_map(|e| e.warnings.clone());
            let mut warned: Vec<_> = warned.collect();
            warned.sort_unstable();
            assert_eq!(warned, new(&known));
        }
        for event in change.events {
            let last = self.events.last();
            if !pulled {
                assert_eq!(event.warnings, new(&known));
                known.clone_from(&now);
                let told = event.furthest_status.is_some();
                let status = &write.row.attempt(event.attempt).unwrap().provider_status;
                assert!(!told || event.furthest_status == *status);
                assert!(told || event.reason.is_none() || status.is_none());
                assert_eq!(event.retryable, write.row.is_retryable(change.time));
            }
            assert_eq!(event.revision, self.row.revision.next());
            assert_eq!(event.state_before, last.map(|e| e.state_after));
            assert!(last.is_none_or(|e| e.commit_time <= event.commit_time));
            assert_eq!(event.commit_time, change.time);
            self.row.revision = event.revision;
            self.events.push(event);
        }
        assert_eq!(write.row.revision, self.row.revision);
        assert_eq!(write.row.update_time, change.time);
        self.row = write.row;
        assert_eq!(
            self.events.last().map(|e| e.state_after),
            Some(self.row.state().0)
        );
        assert_eq!(
            told(&self.events),
            self.row.state(),
            "events tell less than the row"
        );
        for job in change.jobs {
            self.apply(job);
        }
        assert_eq!(
            self.jobs,
            wanted(&self.row),
            "jobs differ from what the row needs"
        );
    }

    fn apply(&mut self, job: JobWrite) {
        match job {
            JobWrite::Schedule {
                key,
                due,
                leased_until,
            } => {
                let last = self.events.last().unwrap().kind;
                let intent = [EventKind::Created, EventKind::AttemptStarted].contains(&last);
                assert_eq!(key.kind == JobKind::Start, intent);
                assert_eq!(
                    leased_until.is_some(),
                    intent,
                    "only an intent is under way"
                );
                assert_ne!(
                    self.jobs.insert(key, due),
                    Some(due),
                    "scheduled for nothing"
                );
            }
            JobWrite::Drop(key) => assert!(self.jobs.remove(&key).is_some(), "no such job"),
            other => panic!("not for a decision to write: {other:?}"),
        }
    }

    /// What has come of it.
    pub fn outcome(&self) -> Outcome {
        let (state, reason) = self.row.state();
        let claims: Vec<_> = self.row.claims.iter().map(|claim| claim.status).collect();
        Outcome {
            state,
            reason,
            warnings: self.row.warnings(),
            provider_status: self.row.provider_status().cloned(),
            claims: claims.try_into().unwrap(),
        }
    }
}

pub fn run_out(row: &Verification, kind: JobKind, now: Timestamp) -> Option<Change> {
    let timer = match kind {
        JobKind::ExpireAction => decide::expire_action,
        JobKind::ProcessingDeadline => decide::miss_processing_deadline,
        JobKind::DataDeadline => decide::miss_data_deadline,
        JobKind::CloseRetry => decide::close_retry,
        JobKind::Forget => decide::forget,
        JobKind::Start
        | JobKind::ReviewReminder
        | JobKind::ReviewDeadline
        | JobKind::SendDecision
        | JobKind::Exchange
        | JobKind::Poll
        | JobKind::PollAll
        | JobKind::Purge => return None,
    };
    let newest = row.newest_attempt().unwrap().number;
    timer(row, newest, now, &DEADLINES)
}
