//! The rules, once more and small: written from what is documented of the provider and promised to
//! callers, without a look at how the service does it. What is known of an attempt is a set, its state
//! the greatest that the set says; a verification is verified once an attempt is, else what its newest
//! one is. The model also tells which event each step must bring, word for word.

use std::collections::{BTreeMap, BTreeSet};

use verilane_core::{Assurance, EventKind, Reason, State};

use crate::connector::{Answer, Letter, Slot, What, asked, required};
use crate::told::Told;

pub const PROCESSING: i64 = 2 * 3_600;
pub const DATA: i64 = 24 * 3_600;
/// How long an action lives at least, and a margin.
const SHORTEST: i64 = 305;
const NONE: State = State::Pending;

/// The documented words in their order; a word's rank is its place, from 1.
pub const WORDS: [&str; 16] = [
    "PENDING",
    "ACCEPTED",
    "INITIATE_SUBMITTED",
    "INITIATED",
    "INITIATED_FAILED",
    "KYC_RECEIVED",
    "VALIDITY_CHECK",
    "VALIDITY_SUCCEED",
    "VALIDITY_FAILED",
    "CONFIRM_SUBMITTED",
    "CONFIRMED",
    "CONFIRM_FAILED",
    "CALLBACK_SUCCEED",
    "CALLBACK_FAILED",
    "FINISH_SUCCESS",
    "FINISH_FAILED",
];

pub fn canonical(word: &str) -> &str {
    match word {
        "CONFIRMED_FAILED" => "CONFIRM_FAILED",
        other => other,
    }
}

fn rank(word: &str) -> usize {
    let place = WORDS.iter().position(|known| *known == canonical(word));
    place.map_or(0, |place| place + 1)
}

fn failure(word: &str) -> Option<Reason> {
    Some(match canonical(word) {
        "INITIATED_FAILED" => Reason::InitiationFailed,
        "VALIDITY_FAILED" => Reason::ValidityFailed,
        "CONFIRM_FAILED" => Reason::ConfirmationFailed,
        _ => return None,
    })
}

/// What can come again under another time: deliveries fail as often as they are tried.
pub const RECURS: &str = "CALLBACK_FAILED";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    Intended,
    Started,
    Ended,
}

#[derive(Clone)]
pub struct Attempt {
    pub of: usize,
    pub number: u32,
    pub start: i64,
    pub phase: Phase,
    pub requested: i64,
    pub expires: Option<i64>,
    /// Whether its request can have reached the provider before.
    pub sent: bool,
    /// Whether the provider can hold a request of it.
    pub held: bool,
    pub cancelled: bool,
    pub data: Option<bool>,
    pub accepted: Option<i64>,
    pub confirmed: Option<i64>,
    pub ended: Option<i64>,
    /// Since when the provider has nothing more to tell.
    pub told_out: Option<i64>,
    failed: Option<Reason>,
    expired: Option<Reason>,
    settled: bool,
    unsettled: bool,
    undelivered: bool,
    extra: bool,
    discarded: bool,
    quarantined: bool,
    rank: usize,
    furthest: Option<String>,
    known: BTreeSet<String>,
    /// The times under which failed deliveries are known.
    undelivered_at: BTreeSet<i64>,
}

impl Attempt {
    pub fn state(&self) -> (State, Option<Reason>) {
        let incomplete = (self.data == Some(false)).then_some(Reason::RequiredItemMissing);
        let unsettled = self.unsettled.then_some(Reason::FinishFailed);
        let failed = self.failed.max(incomplete).max(unsettled);
        if self.cancelled {
            (State::Cancelled, Some(Reason::CancelledByCaller))
        } else if self.data == Some(true) {
            (State::Verified, None)
        } else if failed.is_some() {
            (State::Failed, failed)
        } else if self.expired.is_some() {
            (State::Expired, self.expired)
        } else if self.accepted.is_some() {
            (State::Processing, None)
        } else {
            (State::Pending, None)
        }
    }

    fn warnings(&self) -> Vec<Reason> {
        let delivered = self.is_delivered();
        let all = [
            (self.settled && !delivered, Reason::DataNotDelivered),
            (
                self.unsettled && self.data.is_some(),
                Reason::SettlementFailed,
            ),
            (self.undelivered && !delivered, Reason::DeliveryFailed),
            (self.extra, Reason::ItemNotRequested),
            (self.discarded, Reason::LateDataDiscarded),
        ];
        all.iter().filter(|one| one.0).map(|one| one.1).collect()
    }

    /// Whether the provider was told that its data arrived.
    const fn is_delivered(&self) -> bool {
        self.data.is_some() || self.discarded
    }

    /// Whether its provider has nothing more to bring.
    fn is_over(&self) -> bool {
        let ours = [
            Reason::ProviderStalled,
            Reason::DataNotDelivered,
            Reason::StartAbandoned,
        ];
        let gave_up = self.failed.is_some_and(|reason| !ours.contains(&reason));
        self.is_delivered() || self.settled || self.unsettled || gave_up
    }

    fn expiration(&self) -> i64 {
        self.expires.unwrap_or(self.requested)
    }

    fn hear(&mut self, word: &str, now: i64) {
        match canonical(word) {
            "PENDING" | "CALLBACK_SUCCEED" => return,
            "CALLBACK_FAILED" => return self.undelivered = true,
            "CONFIRMED" => self.confirmed = self.confirmed.or(Some(now)),
            "FINISH_SUCCESS" => {
                self.settled = true;
                self.confirmed = self.confirmed.or(Some(now));
            }
            "FINISH_FAILED" => self.unsettled = true,
            other if failure(other).is_some() => {
                return self.failed = self.failed.max(failure(other));
            }
            other if rank(other) == 0 => return,
            _ => {}
        }
        self.accepted = self.accepted.or(Some(now));
    }
}

#[derive(Clone)]
pub struct Verification {
    pub slot: Slot,
    pub principal: usize,
    pub expires: i64,
    pub most: usize,
    pub attempts: Vec<usize>,
    pub revision: u64,
    /// Accepted messages that are kept.
    pub messages: usize,
    pub quarantined: usize,
    /// What can be read, by field, once something came.
    pub claims: Option<BTreeMap<String, String>>,
    updated: i64,
}

/// What a step does that must show in the log.
#[derive(Clone, Debug)]
pub enum Cause {
    Create {
        slot: Slot,
        principal: usize,
        ttl: i64,
        most: usize,
    },
    Retry(usize),
    Cancel(usize),
    /// A callback that is taken, with the deadline under which it came.
    Letter(usize, Box<Letter>, i64),
    Quarantine(usize),
}

/// What must become of a callback.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judgement {
    Accepted(usize),
    Repeated,
    /// A status past its deadline, not known yet: the history decides.
    AskFirst(usize),
    Refused(Reason),
}

#[derive(Clone, Default)]
pub struct Model {
    pub verifications: Vec<Verification>,
    pub attempts: Vec<Attempt>,
}

/// What an event says beside what it changes.
struct Said {
    kind: EventKind,
    assurance: Assurance,
    word: Option<String>,
    time: Option<i64>,
    tx: Option<String>,
    late: bool,
    moved: bool,
}

fn ours(kind: EventKind) -> Said {
    Said {
        kind,
        assurance: Assurance::Local,
        word: None,
        time: None,
        tx: None,
        late: false,
        moved: true,
    }
}

impl Model {
    pub fn state(&self, v: usize) -> (State, Option<Reason>) {
        let states = || self.all(v).map(Attempt::state);
        let verified = states().find(|(state, _)| *state == State::Verified);
        verified.or_else(|| states().last()).unwrap_or((NONE, None))
    }

    pub fn warnings(&self, v: usize) -> Vec<Reason> {
        let mut all: Vec<_> = self.all(v).flat_map(Attempt::warnings).collect();
        let verified = self.all(v).filter(|a| a.data == Some(true) && !a.cancelled);
        if verified.count() > 1 {
            all.push(Reason::DuplicateSuccess);
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    fn all(&self, v: usize) -> impl Iterator<Item = &Attempt> + Clone {
        self.verifications[v]
            .attempts
            .iter()
            .map(|a| &self.attempts[*a])
    }

    pub fn not_retryable(&self, v: usize, now: i64) -> Option<Reason> {
        let row = &self.verifications[v];
        match self.state(v).0 {
            State::Expired | State::Failed if now >= row.expires => Some(Reason::VerificationOver),
            State::Expired | State::Failed if row.attempts.len() >= row.most => {
                Some(Reason::AttemptsExhausted)
            }
            State::Expired | State::Failed => None,
            _ => Some(Reason::NotRetryable),
        }
    }

    /// The attempts that used a slot, newest first.
    pub fn users(&self, slot: Slot) -> impl Iterator<Item = usize> {
        let of = move |a: &usize| self.verifications[self.attempts[*a].of].slot == slot;
        (0..self.attempts.len()).rev().filter(of)
    }

    /// The attempt that stands in a slot's way.
    pub fn open_on(&self, slot: Slot) -> Option<usize> {
        let last = self.users(slot).next()?;
        let attempt = &self.attempts[last];
        let open = matches!(attempt.state().0, State::Pending | State::Processing);
        (attempt.phase != Phase::Ended && open).then_some(last)
    }

    /// Whose a callback is: by its expiration, the newest that was not called off before one that was;
    /// else by its time.
    fn meant(&self, letter: &Letter, time: i64) -> Option<usize> {
        let held = || self.held(letter.slot);
        let carries = |a: &usize| letter.expiration == Some(self.attempts[*a].expiration());
        let goes_on = |a: &usize| carries(a) && !self.attempts[*a].cancelled;
        let by_expiration = held().find(goes_on).or_else(|| held().find(carries));
        by_expiration.or_else(|| self.by_time(letter.slot, time))
    }

    /// The attempt that had begun by then and had no successor yet. One whose request nobody took, for
    /// all that is known, succeeds nobody.
    fn by_time(&self, slot: Slot, time: i64) -> Option<usize> {
        let begun = self.begun_by(slot, time)?;
        let taken = |a: &usize| {
            let attempt = &self.attempts[*a];
            attempt.phase == Phase::Started || attempt.accepted.is_some() || attempt.data.is_some()
        };
        let since = || self.held(slot).filter(|a| *a <= begun);
        let a = since().find(taken).or_else(|| since().last())?;
        // Somebody may have taken its request over.
        let lives_by_it = |other: &usize| {
            let attempt = &self.attempts[*other];
            attempt.expiration() == self.attempts[a].expiration() && !attempt.cancelled
        };
        self.held(slot).filter(taken).find(lives_by_it).or(Some(a))
    }

    fn held(&self, slot: Slot) -> impl Iterator<Item = usize> {
        self.users(slot).filter(|a| self.attempts[*a].held)
    }

    fn begun_by(&self, slot: Slot, time: i64) -> Option<usize> {
        let start = |a: usize| self.attempts[a].start;
        let begun = self.held(slot).find(|a| start(*a) <= time);
        let first = || self.held(slot).last().filter(|a| start(*a) <= time + 60);
        begun.or_else(first)
    }

    /// Whose each entry of a slot's history is. An attempt that has no request, as far as its answer
    /// says, leaves all to the one before, until somebody accepts while nothing of that one is open.
    pub fn whose<'a>(
        &self,
        slot: Slot,
        history: impl Iterator<Item = &'a Letter>,
    ) -> Vec<(Option<usize>, &'a Letter)> {
        let mut own = BTreeSet::new();
        let mut open = None;
        let mut whose = Vec::new();
        for letter in history {
            let has_request = |a: &usize| {
                let attempt = &self.attempts[*a];
                attempt.phase == Phase::Started || own.contains(a)
            };
            let mut of = self.begun_by(slot, letter.time);
            if let Some(a) = of.filter(|a| !has_request(a)) {
                let older = || self.held(slot).filter(|other| *other < a);
                match older().find(has_request).or_else(|| older().last()) {
                    Some(before) if !letter.accepts() || open == Some(before) => of = Some(before),
                    Some(_) => drop(own.insert(a)),
                    None => {}
                }
            }
            if letter.ends() {
                open = None;
            } else if letter.accepts() {
                open = of;
            }
            whose.push((of, letter));
        }
        let over: BTreeSet<usize> = whose
            .iter()
            .filter_map(|(of, letter)| of.filter(|a| letter.ends() || self.attempts[*a].is_over()))
            .collect();
        for (of, _) in &mut whose {
            *of = of.map(|a| self.taker(slot, a, over.contains(&a)));
        }
        whose
    }

    /// Who lives by the request of an attempt now: the newest that was not called off. A request that is
    /// over nobody has taken over.
    fn taker(&self, slot: Slot, a: usize, over: bool) -> usize {
        let expiration = self.attempts[a].expiration();
        let started = |other: &usize| self.attempts[*other].phase == Phase::Started;
        let same = |other: &usize| self.attempts[*other].expiration() == expiration;
        // Oldest first, up to whoever has a request of its own.
        let mut newer: Vec<_> = self.held(slot).filter(|other| *other > a).collect();
        newer.reverse();
        let newer = newer.into_iter().take_while(|o| same(o) || !started(o));
        let older = self.held(slot).filter(|other| *other < a);
        let older = older.take_while(|o| same(o) || !started(o));
        let mut sharing: Vec<_> = newer.chain(older).chain([a]).filter(same).collect();
        sharing.sort_unstable();
        while sharing.last().is_some_and(|last| !started(last)) {
            sharing.pop();
        }
        if !sharing.contains(&a) {
            return a;
        }
        let goes_on = |other: &&usize| !self.attempts[**other].cancelled;
        let taker = sharing.iter().rfind(goes_on).or(sharing.last());
        taker
            .copied()
            .filter(|taker| *taker < a || !over)
            .unwrap_or(a)
    }

    /// Those who lived by the request of an attempt until they were called off.
    pub fn called_off_beside(&self, slot: Slot, a: usize) -> impl Iterator<Item = usize> {
        let expiration = self.attempts[a].expiration();
        self.held(slot).filter(move |other| {
            let attempt = &self.attempts[*other];
            *other != a && attempt.cancelled && attempt.expiration() == expiration
        })
    }

    pub fn judge(&self, letter: &Letter, deadline: i64, now: i64) -> Judgement {
        let Some(a) = self.meant(letter, deadline - 180) else {
            return Judgement::Refused(Reason::CallbackAttemptUnknown);
        };
        let (attempt, time) = (&self.attempts[a], deadline - 180);
        let is_status = matches!(letter.what, What::Status { .. });
        let (known, can_repeat) = if letter.is(RECURS) {
            let times = &attempt.undelivered_at;
            (times.contains(&time), !times.is_empty())
        } else {
            (attempt.known.contains(identity(letter)), false)
        };
        if known {
            Judgement::Repeated
        } else if is_status && (now > deadline || can_repeat) {
            Judgement::AskFirst(a)
        } else {
            Judgement::Accepted(a)
        }
    }

    /// The attempt whose quarantine takes data that is right in everything but its signature.
    pub fn quarantines(&self, letter: &Letter, deadline: i64) -> Option<usize> {
        let What::Data(items) = &letter.what else {
            return None;
        };
        let a = self.meant(letter, deadline - 180)?;
        let attempt = &self.attempts[a];
        let waits = attempt.data.is_none() && !attempt.cancelled && !attempt.quarantined;
        let has_some = items
            .iter()
            .any(|(field, _)| asked(letter.slot).contains(&field.as_str()));
        (waits && has_some).then_some(a)
    }

    pub fn knows(&self, a: usize, letter: &Letter) -> bool {
        self.attempts[a].known.contains(identity(letter))
    }

    /// Whether a failed delivery is known whose time began then, and ends with the next one's.
    pub fn knows_undelivered(&self, a: usize, from: i64, to: i64) -> bool {
        self.attempts[a]
            .undelivered_at
            .range(from..to)
            .next()
            .is_some()
    }

    /// The event of an attempt's timer, and when it is due.
    pub fn due(&self, a: usize) -> Option<(EventKind, i64)> {
        let attempt = &self.attempts[a];
        let row = &self.verifications[attempt.of];
        let newest = row.attempts.last() == Some(&a);
        match (attempt.phase, attempt.state().0) {
            (Phase::Intended, State::Pending) => {
                Some((EventKind::StartFailed, attempt.requested.min(row.expires)))
            }
            (_, State::Pending) => {
                Some((EventKind::Expired, attempt.expiration().min(row.expires)))
            }
            (_, State::Processing) => {
                let data = attempt.confirmed.map(|time| time + DATA);
                let all = attempt.accepted.map(|time| time + PROCESSING);
                Some((EventKind::DeadlinePassed, data.or(all)?))
            }
            _ if newest && self.not_retryable(attempt.of, row.updated).is_none() => {
                Some((EventKind::RetryClosed, row.expires))
            }
            _ => None,
        }
    }

    /// The event of a timer that has run out.
    pub fn run_out(&mut self, a: usize, kind: EventKind, due: i64, now: i64) -> Told {
        let stalled = self.attempts[a].confirmed.is_none();
        let over = due == self.verifications[self.attempts[a].of].expires;
        self.tell(a, now, ours(kind), |attempt| match kind {
            EventKind::StartFailed => {
                attempt.phase = Phase::Ended;
                attempt.failed = attempt.failed.max(Some(Reason::StartAbandoned));
            }
            EventKind::Expired if over => attempt.expired = Some(Reason::VerificationExpired),
            EventKind::Expired => attempt.expired = Some(Reason::ActionExpired),
            EventKind::DeadlinePassed if stalled => {
                attempt.failed = attempt.failed.max(Some(Reason::ProviderStalled));
            }
            EventKind::DeadlinePassed => {
                attempt.failed = attempt.failed.max(Some(Reason::DataNotDelivered));
            }
            _ => {}
        })
    }

    /// The event that the connector's answer to a start brings, if any.
    pub fn started(&mut self, slot: Slot, answer: Answer, now: i64) -> Option<Told> {
        let intended = |a: &usize| self.attempts[*a].phase == Phase::Intended;
        let pending = |a: &usize| self.attempts[*a].state().0 == State::Pending;
        let a = self
            .users(slot)
            .next()
            .filter(|a| intended(a) && pending(a))?;
        let again = std::mem::replace(&mut self.attempts[a].sent, true);
        match answer {
            Answer::Nothing => None,
            // What has brought data is used up, and can't be told from what was asked for with it.
            Answer::HeldAlready(expires) if self.is_used_up(a, expires) => {
                Some(self.refused(a, now))
            }
            // Whatever the connector holds here is ours: nobody else asks it.
            Answer::Holds(expires) | Answer::HeldAlready(expires) => {
                Some(
                    self.tell(a, now, ours(EventKind::ActionAvailable), |attempt| {
                        attempt.phase = Phase::Started;
                        attempt.expires = Some(expires);
                    }),
                )
            }
            Answer::Ongoing => match self.to_adopt(a) {
                Some(expires) => {
                    let said = Said {
                        assurance: Assurance::Pulled,
                        ..ours(EventKind::RequestAdopted)
                    };
                    Some(self.tell(a, now, said, |attempt| {
                        attempt.phase = Phase::Started;
                        attempt.expires = Some(expires);
                        attempt.accepted = attempt.accepted.or(Some(now));
                    }))
                }
                None if again => None,
                None => Some(self.refused(a, now)),
            },
        }
    }

    fn refused(&mut self, a: usize, now: i64) -> Told {
        self.tell(a, now, ours(EventKind::StartFailed), |attempt| {
            attempt.phase = Phase::Ended;
            attempt.held = false;
            attempt.failed = attempt.failed.max(Some(Reason::RequestAlreadyOpen));
        })
    }

    /// Whether data came of an attempt that can have asked for what expires then, or its user accepted
    /// for another caller. One that was not answered may have asked again, for as much more as an
    /// action lives at least.
    fn is_used_up(&self, a: usize, expires: i64) -> bool {
        let slot = self.verifications[self.attempts[a].of].slot;
        self.users(slot).any(|other| {
            let attempt = &self.attempts[other];
            let asked = attempt.requested..=attempt.requested + SHORTEST;
            let can_be = attempt
                .expires
                .map_or(asked.contains(&expires), |known| known == expires);
            let taken = attempt.accepted.is_some() && !self.is_same_caller(a, other);
            other != a && attempt.held && can_be && (attempt.is_delivered() || taken)
        })
    }

    fn is_same_caller(&self, a: usize, other: usize) -> bool {
        let principal = |a: usize| self.verifications[self.attempts[a].of].principal;
        principal(a) == principal(other)
    }

    /// The expiration of the request that the provider works on, if it is known whose it is, it can
    /// still bring data, and it was made for the same caller.
    fn to_adopt(&self, a: usize) -> Option<i64> {
        let slot = self.verifications[self.attempts[a].of].slot;
        let others = || {
            let held = |other: &usize| *other != a && self.attempts[*other].held;
            self.users(slot).filter(held)
        };
        let accepted = |other: &usize| {
            let attempt = &self.attempts[*other];
            attempt.accepted.is_some() || attempt.is_delivered()
        };
        let other = others().find(accepted)?;
        let expires = self.attempts[other].expiration();
        // Whoever has taken it over heard of its end, or whoever had it before.
        let mut sharing = others().filter(|one| self.attempts[*one].expiration() == expires);
        let works = self.attempts[other].phase != Phase::Ended
            && !sharing.any(|one| self.attempts[one].is_over());
        (works && self.is_same_caller(a, other)).then_some(expires)
    }

    /// The event of a status that was pulled.
    pub fn pulled(&mut self, a: usize, letter: &Letter, now: i64) -> Told {
        self.status(a, letter, letter.time, Assurance::Pulled, false, now)
    }

    /// The events of what a step did.
    pub fn apply(&mut self, cause: Cause, now: i64) -> Vec<Told> {
        match cause {
            Cause::Create {
                slot,
                principal,
                ttl,
                most,
            } => {
                self.verifications.push(Verification {
                    slot,
                    principal,
                    expires: now + ttl,
                    most,
                    attempts: Vec::new(),
                    revision: 0,
                    messages: 0,
                    quarantined: 0,
                    claims: None,
                    updated: now,
                });
                vec![self.begin(self.verifications.len() - 1, EventKind::Created, now)]
            }
            Cause::Retry(v) => vec![self.begin(v, EventKind::AttemptStarted, now)],
            Cause::Cancel(v) => {
                let newest = self.newest(v);
                let all = self.verifications[v].attempts.clone();
                let mut told = self.tell_of_all(newest, now, ours(EventKind::Cancelled), |model| {
                    for a in all {
                        model.attempts[a].cancelled = true;
                        model.attempts[a].ended = model.attempts[a].ended.or(Some(now));
                    }
                });
                told.tx = None;
                vec![told]
            }
            Cause::Quarantine(a) => {
                self.verifications[self.attempts[a].of].quarantined += 1;
                let said = Said {
                    moved: false,
                    ..ours(EventKind::DataQuarantined)
                };
                vec![self.tell(a, now, said, |attempt| attempt.quarantined = true)]
            }
            Cause::Letter(a, letter, deadline) => {
                let (time, late) = (deadline - 180, now > deadline);
                match &letter.what {
                    What::Data(items) => self.data(a, items, time, late, now),
                    _ => {
                        self.verifications[self.attempts[a].of].messages += 1;
                        vec![self.status(a, &letter, time, Assurance::Signed, late, now)]
                    }
                }
            }
        }
    }

    pub fn newest(&self, v: usize) -> usize {
        self.verifications[v]
            .attempts
            .last()
            .copied()
            .unwrap_or_default()
    }

    fn begin(&mut self, v: usize, kind: EventKind, now: i64) -> Told {
        let row = &mut self.verifications[v];
        row.attempts.push(self.attempts.len());
        self.attempts.push(Attempt {
            of: v,
            number: u32::try_from(row.attempts.len()).unwrap_or_default(),
            start: now,
            phase: Phase::Intended,
            requested: now + (row.expires - now).min(600).clamp(SHORTEST, 895),
            expires: None,
            sent: false,
            held: true,
            cancelled: false,
            data: None,
            accepted: None,
            confirmed: None,
            ended: None,
            told_out: None,
            failed: None,
            expired: None,
            settled: false,
            unsettled: false,
            undelivered: false,
            extra: false,
            discarded: false,
            quarantined: false,
            rank: 0,
            furthest: None,
            known: BTreeSet::new(),
            undelivered_at: BTreeSet::new(),
        });
        let a = self.attempts.len() - 1;
        // It was not there before, so its verification alone has a state before.
        let last = self.verifications[v].attempts.pop();
        let before = self.before(v, None);
        self.verifications[v].attempts.extend(last);
        self.told(a, now, ours(kind), before)
    }

    fn status(
        &mut self,
        a: usize,
        letter: &Letter,
        time: i64,
        assurance: Assurance,
        late: bool,
        now: i64,
    ) -> Told {
        let (word, tx, is_failure) = match &letter.what {
            What::Status { word, tx } => (word.as_str(), tx.clone(), false),
            What::Failure(error) => (error.as_str(), None, true),
            What::Data(_) => ("", None, false),
        };
        let (place, identity) = (rank(word), identity(letter).to_owned());
        let recurs = letter.is(RECURS);
        let shown = if place == 0 { "OTHER" } else { word }.to_owned();
        let said = Said {
            kind: if is_failure {
                EventKind::FailureReported
            } else {
                EventKind::ProviderStatus
            },
            assurance,
            word: Some(shown.clone()),
            time: Some(time),
            tx,
            late,
            moved: place > self.attempts[a].rank,
        };
        self.tell(a, now, said, |attempt| {
            if recurs {
                attempt.undelivered_at.insert(time);
            } else {
                attempt.known.insert(identity);
            }
            if place > attempt.rank {
                attempt.rank = place;
                attempt.furthest = Some(shown);
            }
            if !is_failure || word == "FINISH_FAILED" {
                attempt.hear(word, now);
            } else {
                let reason = failure(word).unwrap_or(Reason::ProviderFailed);
                attempt.failed = attempt.failed.max(Some(reason));
            }
        })
    }

    fn data(
        &mut self,
        a: usize,
        items: &[(String, String)],
        time: i64,
        late: bool,
        now: i64,
    ) -> Vec<Told> {
        let v = self.attempts[a].of;
        let slot = self.verifications[v].slot;
        let came = |field: &&str| items.iter().any(|(name, _)| name == field);
        let complete = required(slot).iter().all(came);
        let extra = items
            .iter()
            .any(|(name, _)| !asked(slot).contains(&name.as_str()));
        let discards = self.attempts[a].cancelled;
        let others = self.verifications[v].attempts.clone();
        let others = || others.iter().copied().filter(|other| *other != a);
        let verified = others().any(|other| self.attempts[other].state().0 == State::Verified);
        let newer = others().any(|other| other > a && self.attempts[other].data.is_some());
        if !discards {
            self.verifications[v].messages += 1;
            // A success stays; else what is complete comes first, then what is newer.
            if !verified && (complete || !newer) {
                let of = items
                    .iter()
                    .filter(|(name, _)| asked(slot).contains(&name.as_str()));
                self.verifications[v].claims = Some(of.cloned().collect());
            }
        }
        let said = Said {
            assurance: Assurance::Signed,
            time: Some(time),
            late,
            moved: !discards,
            ..ours(match (discards, complete && verified) {
                (true, _) => EventKind::DataDiscarded,
                (false, true) => EventKind::DuplicateSuccess,
                (false, false) => EventKind::DataReceived,
            })
        };
        let mut told = vec![self.tell(a, now, said, |attempt| {
            attempt.known.insert("data".to_owned());
            if discards {
                attempt.discarded = true;
            } else {
                attempt.extra |= extra;
                attempt.data = Some(complete);
            }
        })];
        if complete && !discards {
            let is_open = |a: &usize| {
                matches!(
                    self.attempts[*a].state().0,
                    State::Pending | State::Processing
                )
            };
            let open: Vec<_> = others().filter(is_open).collect();
            for other in open {
                let said = ours(EventKind::ActionWithdrawn);
                told.push(self.tell(other, now, said, |attempt| {
                    attempt.expired = attempt.expired.max(Some(Reason::ActionWithdrawn));
                }));
            }
        }
        told
    }

    fn tell(&mut self, a: usize, now: i64, said: Said, learn: impl FnOnce(&mut Attempt)) -> Told {
        self.tell_of_all(a, now, said, |model| learn(&mut model.attempts[a]))
    }

    fn tell_of_all(
        &mut self,
        a: usize,
        now: i64,
        said: Said,
        learn: impl FnOnce(&mut Self),
    ) -> Told {
        let before = self.before(self.attempts[a].of, Some(a));
        learn(self);
        self.told(a, now, said, before)
    }

    fn before(&self, v: usize, a: Option<usize>) -> Before {
        Before {
            state: (self.verifications[v].revision > 0).then(|| self.state(v)),
            attempt: a.map(|a| self.attempts[a].state()),
            warnings: self.warnings(v),
        }
    }

    fn told(&mut self, a: usize, now: i64, said: Said, before: Before) -> Told {
        let v = self.attempts[a].of;
        let (state, after) = (self.state(v), self.attempts[a].state());
        let attempt = &mut self.attempts[a];
        if after.0.is_end() {
            attempt.ended = attempt.ended.or(Some(now));
        }
        let told_out = attempt.unsettled || (attempt.settled && attempt.data.is_some());
        attempt.told_out = attempt.told_out.or(told_out.then_some(now));
        let moved = before.attempt != Some(after);
        let ends = moved && after.0.is_end();
        let furthest = attempt.furthest.clone().filter(|_| ends);
        let number = attempt.number;
        let was_over = |(state, _): (State, _)| state.is_end() && state != State::Verified;
        let row = &mut self.verifications[v];
        row.revision += 1;
        row.updated = now;
        let mut warnings = self.warnings(v);
        warnings.retain(|warning| !before.warnings.contains(warning));
        Told {
            verification: v,
            attempt: number,
            kind: said.kind,
            word: said.word,
            time: said.time,
            tx: said.tx,
            assurance: said.assurance,
            before: before.state.map(|(state, _)| state),
            after: state.0,
            applied: said.moved || moved || before.state != Some(state),
            late: said.late || before.attempt.is_some_and(was_over),
            reason: after.1.filter(|_| ends),
            warnings,
            furthest,
            retryable: self.not_retryable(v, now).is_none(),
        }
    }
}

struct Before {
    state: Option<(State, Option<Reason>)>,
    attempt: Option<(State, Option<Reason>)>,
    warnings: Vec<Reason>,
}

/// What makes a callback one and the same when it comes again, however it is signed.
fn identity(letter: &Letter) -> &str {
    match &letter.what {
        What::Status { word, .. } => canonical(word),
        What::Data(_) => "data",
        What::Failure(error) => match canonical(error) {
            "INITIATED_FAILED" => "failure to begin",
            "VALIDITY_FAILED" => "failure to check",
            "CONFIRM_FAILED" => "failure to confirm",
            "FINISH_FAILED" => "failure to finish",
            _ => "failure",
        },
    }
}
