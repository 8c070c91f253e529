//! The rules, in small: what each thing that happens must come to. Of the service it uses only the names
//! of states, reasons and events.

use std::collections::BTreeMap;
use std::time::Duration;

use verilane_core::{Assurance, Decision, EventKind, Reason, State, Timestamp, Whose};

use crate::civic::{self, FAIL, Link, Noted, PASS, Request, SUCCESS, Seen};
use crate::service::{CONNECTIONS, Reviews};

pub const PROCESSING: Duration = Duration::from_secs(24 * 3_600);
pub const DATA: Duration = Duration::from_secs(3 * 24 * 3_600);
/// An action lives so long at least.
const SHORTEST: Duration = Duration::from_secs(305);

/// After how many looks without news a request that is not known, or that names nobody, is given up.
const PATIENCE: u32 = 5;
/// What Civic says of a request that leads nowhere.
const BAD_ENDS: [&str; 3] = ["verification-failed", "user-cancelled", FAIL];

/// What an operator has decided about reviews.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub review: Option<Duration>,
    pub reminder: Option<Duration>,
    pub overdue: Option<Decision>,
}

/// What an event tells, in a form in which the model's and the log's are compared.
#[derive(Clone, PartialEq, Debug)]
pub struct Told {
    /// The place of the verification in the order of making.
    pub verification: usize,
    pub attempt: u32,
    pub kind: EventKind,
    pub word: Option<String>,
    pub progress: Option<String>,
    pub decision: Option<Decision>,
    pub assurance: Assurance,
    pub before: Option<State>,
    pub after: State,
    pub reason: Option<Reason>,
    pub retryable: bool,
}

#[derive(Clone, Copy)]
pub struct Review {
    pub open: Timestamp,
    reminded: bool,
    pub decided: Option<Decision>,
}

#[derive(Clone)]
pub struct Attempt {
    pub of: usize,
    number: u32,
    expires: Timestamp,
    /// What was handed in for it.
    pub request: Option<usize>,
    /// What was seen last, whether or not it shows.
    pub word: Option<String>,
    pub progress: Option<String>,
    /// The links that were seen last: to the picture, and to what nobody asked for.
    links: (bool, bool),
    pub review: Option<Review>,
    pub cancelled: bool,
    /// Whether Civic has named the user, if the verification does.
    matched: bool,
    /// How many looks in a row have shown nothing new.
    pub vain: u32,
    pub approved: bool,
    complete: bool,
    incomplete: bool,
    accepted: Option<Timestamp>,
    confirmed: Option<Timestamp>,
    failed: Option<Reason>,
    rejected: Option<Reason>,
    expired: Option<Reason>,
    pub ended: Option<Timestamp>,
}

type AttemptState = (State, Option<Reason>);

impl Attempt {
    pub fn state(&self) -> AttemptState {
        let lacks = self.incomplete.then_some(Reason::RequiredItemMissing);
        let failed = self.failed.max(lacks);
        if self.cancelled {
            (State::Cancelled, Some(Reason::CancelledByCaller))
        } else if self.complete && self.approved {
            (State::Verified, None)
        } else if failed.is_some() {
            (State::Failed, failed)
        } else if self.rejected.is_some() {
            (State::Rejected, self.rejected)
        } else if self.expired.is_some() {
            (State::Expired, self.expired)
        } else if self.complete {
            (State::InReview, None)
        } else if self.accepted.is_some() {
            (State::Processing, None)
        } else {
            (State::Pending, None)
        }
    }

    fn is_over(&self) -> bool {
        self.state().0.is_end()
    }

    const fn has_data(&self) -> bool {
        self.complete || self.incomplete
    }

    /// The decision that Civic is still to be told.
    pub fn pending(&self) -> Option<Decision> {
        self.review?.decided.filter(|_| !self.is_over())
    }

    /// What a word of Civic's means.
    fn hear(&mut self, word: &str, now: Timestamp) {
        match word {
            "verification-failed" => {
                self.failed = self.failed.max(Some(Reason::IdentityNotConfirmed));
            }
            "user-cancelled" => self.rejected = self.rejected.max(Some(Reason::UserDeclined)),
            FAIL => self.rejected = self.rejected.max(Some(Reason::ReviewRejected)),
            "user-acknowledged" => self.accept(now),
            SUCCESS => self.confirm(now),
            PASS => {
                self.confirm(now);
                self.approved = true;
            }
            _ => {}
        }
    }

    fn accept(&mut self, now: Timestamp) {
        self.accepted = self.accepted.or(Some(now));
    }

    fn confirm(&mut self, now: Timestamp) {
        self.accept(now);
        self.confirmed = self.confirmed.or(Some(now));
    }

    fn is_matched(&self) -> bool {
        self.matched || self.has_data()
    }

    fn facts(&self) -> impl PartialEq + use<> {
        let reasons = (self.failed, self.rejected, self.expired);
        let known = (self.accepted.is_some(), self.confirmed.is_some());
        (reasons, known, self.approved, self.matched)
    }
}

#[derive(Clone)]
pub struct Verification {
    pub via: usize,
    pub subject: Option<usize>,
    pub expires: Timestamp,
    most: usize,
    pub lifetime: Duration,
    pub attempts: Vec<usize>,
    pub revision: u64,
    /// The attempt whose claims stand.
    pub claims: Option<usize>,
    updated: Timestamp,
}

/// What a caller asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    pub via: usize,
    pub subject: Option<usize>,
    pub lifetime: Duration,
    pub ttl: Duration,
    pub most: usize,
}

/// What happens to the service, and must show in the log if it changes anything.
#[derive(Clone, Debug)]
pub enum Cause {
    Create(Wish),
    Retry(usize, Duration),
    Cancel(usize),
    Continue {
        v: usize,
        request: usize,
    },
    Review {
        v: usize,
        decision: Decision,
    },
    /// Civic was asked something.
    Asked(Noted),
    /// What a look shows, and then what it gives: two changes.
    Shown(usize, Seen),
    Given(usize, Seen),
}

#[derive(Clone)]
pub struct Model {
    rules: Rules,
    pub verifications: Vec<Verification>,
    pub attempts: Vec<Attempt>,
    /// Whose each request is.
    pub holders: BTreeMap<usize, usize>,
}

/// What an event says beside what the row shows.
#[derive(Clone, Default)]
struct Said {
    word: Option<String>,
    progress: Option<String>,
    decision: Option<Decision>,
    pulled: bool,
}

const PULLED: Said = Said {
    word: None,
    progress: None,
    decision: None,
    pulled: true,
};

/// How a word shows: as it stands, or not at all if there can be a name in it.
fn shown(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let word = if word.chars().all(is_plain) {
        word
    } else {
        "OTHER"
    };
    word.to_owned()
}

impl Model {
    pub const fn new(rules: Rules) -> Self {
        Self {
            rules,
            verifications: Vec::new(),
            attempts: Vec::new(),
            holders: BTreeMap::new(),
        }
    }

    pub fn state(&self, v: usize) -> AttemptState {
        let states = self.verifications[v].attempts.iter();
        let mut states = states.map(|a| self.attempts[*a].state());
        states
            .clone()
            .find(|(state, _)| *state == State::Verified)
            .or_else(|| states.next_back())
            .unwrap_or((State::Pending, None))
    }

    /// The service has begun anew, and does not know how often it has looked in vain.
    pub fn count_anew(&mut self) {
        let attempts = self.attempts.iter_mut();
        attempts.for_each(|attempt| attempt.vain = 0);
    }

    /// Whether Civic is still to be told a decision.
    pub fn is_pending(&self, v: usize) -> bool {
        let mut attempts = self.verifications[v].attempts.iter();
        attempts.any(|a| self.attempts[*a].pending().is_some())
    }

    pub fn newest(&self, v: usize) -> usize {
        *self.verifications[v].attempts.last().unwrap()
    }

    pub fn not_retryable(&self, v: usize, now: Timestamp) -> Option<Reason> {
        let row = &self.verifications[v];
        match self.state(v).0 {
            State::Expired | State::Failed | State::Rejected => {
                if now >= row.expires {
                    Some(Reason::VerificationOver)
                } else if row.attempts.len() >= row.most {
                    Some(Reason::AttemptsExhausted)
                } else {
                    None
                }
            }
            _ => Some(Reason::NotRetryable),
        }
    }

    /// What an attempt waits for, and until when. What ends it for want of news is asked about before.
    pub fn due(&self, a: usize) -> Option<(EventKind, Timestamp)> {
        let attempt = &self.attempts[a];
        let row = &self.verifications[attempt.of];
        match attempt.state().0 {
            State::Pending => Some((EventKind::Expired, self.expires(a))),
            State::Processing => Some((EventKind::DeadlinePassed, {
                let stalls = attempt.accepted.unwrap() + PROCESSING;
                attempt
                    .confirmed
                    .map_or(stalls, |confirmed| confirmed + DATA)
            })),
            State::InReview => {
                let review = attempt.review.filter(|review| review.decided.is_none())?;
                let deadline = self.rules.review.map(|after| review.open + after);
                let reminder = self.rules.reminder.filter(|_| !review.reminded);
                let reminder = reminder
                    .map(|after| review.open + after)
                    .filter(|due| deadline.is_none_or(|deadline| *due < deadline));
                reminder
                    .map(|due| (EventKind::ReviewReminder, due))
                    .or(deadline.map(|due| (EventKind::ReviewOverdue, due)))
            }
            _ => {
                let waits = self.newest(attempt.of) == a
                    && self.not_retryable(attempt.of, row.updated).is_none();
                waits.then_some((EventKind::RetryClosed, row.expires))
            }
        }
    }

    fn expires(&self, a: usize) -> Timestamp {
        let attempt = &self.attempts[a];
        let row = &self.verifications[attempt.of];
        match attempt.request {
            Some(_) => row.expires,
            None => attempt.expires.min(row.expires),
        }
    }

    /// What comes of a time that has run out.
    pub fn run_out(
        &mut self,
        a: usize,
        kind: EventKind,
        due: Timestamp,
        now: Timestamp,
    ) -> Vec<Told> {
        let overdue = self.rules.overdue;
        if kind == EventKind::ReviewOverdue
            && let Some(decision) = overdue
        {
            return self.decide(a, decision, kind, now);
        }
        let row = &self.verifications[self.attempts[a].of];
        let expired = if due == row.expires {
            Reason::VerificationExpired
        } else {
            Reason::ActionExpired
        };
        vec![
            self.tell(a, kind, now, Said::default(), |attempt| match kind {
                EventKind::Expired => attempt.expired = attempt.expired.max(Some(expired)),
                EventKind::DeadlinePassed if attempt.confirmed.is_some() => {
                    attempt.failed = attempt.failed.max(Some(Reason::DataNotDelivered));
                }
                EventKind::DeadlinePassed => {
                    attempt.failed = attempt.failed.max(Some(Reason::ProviderStalled));
                }
                EventKind::ReviewOverdue => {
                    attempt.failed = attempt.failed.max(Some(Reason::ReviewOverdue));
                }
                EventKind::ReviewReminder => {
                    if let Some(review) = &mut attempt.review {
                        review.reminded = true;
                    }
                }
                _ => {}
            }),
        ]
    }

    /// The events of one change.
    pub fn apply(&mut self, cause: &Cause, now: Timestamp) -> Vec<Told> {
        match cause {
            Cause::Create(wish) => {
                self.verifications.push(Verification {
                    via: wish.via,
                    subject: wish.subject,
                    expires: now + wish.ttl,
                    most: wish.most,
                    lifetime: wish.lifetime,
                    attempts: Vec::new(),
                    revision: 0,
                    claims: None,
                    updated: now,
                });
                let v = self.verifications.len() - 1;
                self.begin(v, EventKind::Created, wish.lifetime, now)
            }
            Cause::Retry(v, lifetime) => self.begin(*v, EventKind::AttemptStarted, *lifetime, now),
            Cause::Cancel(v) => {
                let before = self.before(*v, Some(self.newest(*v)));
                for a in self.verifications[*v].attempts.clone() {
                    self.attempts[a].cancelled = true;
                    self.end(a, now);
                }
                let newest = self.newest(*v);
                vec![self.told(newest, EventKind::Cancelled, now, Said::default(), before)]
            }
            Cause::Continue { v, request } => {
                let a = self.newest(*v);
                self.holders.insert(*request, a);
                let continued = |attempt: &mut Attempt| attempt.request = Some(*request);
                vec![self.tell(a, EventKind::Continued, now, Said::default(), continued)]
            }
            Cause::Review { v, decision } => {
                self.decide(self.newest(*v), *decision, EventKind::ReviewDecided, now)
            }
            Cause::Shown(a, Seen::Nothing) => self.unknown(*a, now),
            Cause::Shown(a, Seen::Request(request)) => self.show(*a, request, now),
            Cause::Asked(_) | Cause::Given(_, Seen::Nothing) => Vec::new(),
            Cause::Given(a, Seen::Request(request)) => {
                let late = self.is_late_success(*a, request, now);
                let gives = request.informs() && request.link != Link::Dead && !request.lacks;
                let look = if late && gives {
                    self.hear(*a, request, now)
                } else {
                    Vec::new()
                };
                let given = if late && look.is_empty() {
                    Vec::new()
                } else {
                    self.given(*a, request, now)
                };
                [look, given].concat()
            }
        }
    }

    pub fn is_confirmed(&self, a: usize) -> bool {
        self.attempts[a].confirmed.is_some()
    }

    fn begin(
        &mut self,
        v: usize,
        kind: EventKind,
        lifetime: Duration,
        now: Timestamp,
    ) -> Vec<Told> {
        let row = &mut self.verifications[v];
        let lifetime = lifetime.min(row.expires.since(now)).max(SHORTEST);
        let before = (row.revision > 0).then(|| self.state(v).0);
        let row = &mut self.verifications[v];
        row.attempts.push(self.attempts.len());
        let a = self.attempts.len();
        self.attempts.push(Attempt {
            of: v,
            number: u32::try_from(row.attempts.len()).unwrap(),
            expires: Timestamp::from_secs((now + lifetime).as_secs()),
            request: None,
            word: None,
            progress: None,
            links: (false, false),
            review: None,
            cancelled: false,
            matched: false,
            vain: 0,
            approved: false,
            complete: false,
            incomplete: false,
            accepted: None,
            confirmed: None,
            failed: None,
            rejected: None,
            expired: None,
            ended: None,
        });
        let begun = self.told(a, kind, now, Said::default(), (before, None));
        let available = self.tell(a, EventKind::ActionAvailable, now, Said::default(), |_| {});
        vec![begun, available]
    }

    fn unknown(&mut self, a: usize, now: Timestamp) -> Vec<Told> {
        let attempt = &self.attempts[a];
        if attempt.word.is_some() || attempt.is_over() {
            return Vec::new();
        }
        let request = attempt.request.unwrap();
        let vain = attempt.vain;
        self.attempts[a].vain += 1;
        if vain < PATIENCE {
            return Vec::new();
        }
        self.holders.remove(&request);
        let fails = |attempt: &mut Attempt| {
            attempt.failed = attempt.failed.max(Some(Reason::ProviderFailed));
        };
        vec![self.tell(a, EventKind::FailureReported, now, PULLED, fails)]
    }

    fn whose(&self, a: usize, request: &Request) -> Whose {
        match self.verifications[self.attempts[a].of].subject {
            None => Whose::Theirs,
            Some(named) if request.names() && named == request.owner => Whose::Theirs,
            Some(_) if request.names() => Whose::Anothers,
            Some(_) if civic::is_readable(request.word) => Whose::Nameless,
            Some(_) => Whose::Unsaid,
        }
    }

    fn is_anothers(&self, a: usize, request: &Request) -> bool {
        self.whose(a, request) == Whose::Anothers
    }

    /// What a look shows, and that it was one more in vain if that is nothing new.
    fn show(&mut self, a: usize, request: &Request, now: Timestamp) -> Vec<Told> {
        let is_late = self.is_late_success(a, request, now);
        let told = match is_late {
            true => Vec::new(),
            false => self.hear(a, request, now),
        };
        let vain = self.attempts[a].vain;
        self.attempts[a].vain = if told.is_empty() { vain + 1 } else { 0 };
        let is_nameless = self.whose(a, request) == Whose::Nameless;
        let is_given_up = is_nameless && !self.attempts[a].is_matched() && vain >= PATIENCE;
        if told.is_empty() && is_given_up {
            return self.hear_as(a, request, Whose::Anothers, now);
        }
        told
    }

    fn hear(&mut self, a: usize, request: &Request, now: Timestamp) -> Vec<Told> {
        let whose = self.whose(a, request);
        self.hear_as(a, request, whose, now)
    }

    fn hear_as(&mut self, a: usize, request: &Request, whose: Whose, now: Timestamp) -> Vec<Told> {
        let links = match self.is_anothers(a, request) {
            true => (false, false),
            false => (civic::is_readable(request.word), request.links_more),
        };
        let said = Said {
            word: Some(shown(request.word)),
            progress: request.progress.map(shown),
            ..PULLED
        };
        let word = Some(request.word.to_owned());
        let progress = request.progress.map(str::to_owned);
        let mut after = self.attempts[a].clone();
        match whose {
            Whose::Anothers => {
                after.rejected = after.rejected.max(Some(Reason::SubjectMismatch));
            }
            Whose::Theirs => {
                after.matched |= !after.has_data();
                after.hear(request.word, now);
            }
            Whose::Nameless if request.word == PASS && !after.is_matched() => {
                after.hear(SUCCESS, now);
            }
            Whose::Nameless | Whose::Unsaid => after.hear(request.word, now),
        }
        let is_no = BAD_ENDS.contains(&request.word) && !after.is_matched();
        let is_free = whose == Whose::Anothers || (whose != Whose::Theirs && is_no);
        let attempt = &self.attempts[a];
        let before = attempt.state().0;
        let news = [
            (
                attempt.word != word || attempt.facts() != after.facts(),
                EventKind::ProviderStatus,
            ),
            (attempt.progress != progress, EventKind::ProviderProgress),
            (attempt.links != links, EventKind::EvidenceOffered),
        ];
        (after.word, after.progress, after.links) = (word, progress, links);
        let mut told = Vec::new();
        for (_, kind) in news.iter().filter(|(is_news, _)| *is_news) {
            let after = after.clone();
            told.push(self.tell(a, *kind, now, said.clone(), |attempt| *attempt = after));
        }
        if is_free && !told.is_empty() {
            let request = self.attempts[a].request.unwrap();
            self.holders.remove(&request);
        }
        self.withdraw_others(a, before, now, &mut told);
        told
    }

    /// Whether a look verifies an attempt whose claims another's have replaced: that happens only together
    /// with its own.
    fn is_late_success(&self, a: usize, request: &Request, now: Timestamp) -> bool {
        let mut after = self.clone();
        after.hear(a, request, now);
        let was = self.attempts[a].state().0 == State::Verified;
        !was && after.attempts[a].state().0 == State::Verified && after.wants_claims(a)
    }

    /// Whether another attempt has succeeded.
    fn is_second(&self, a: usize) -> bool {
        let row = &self.verifications[self.attempts[a].of];
        let mut others = row.attempts.iter().filter(|other| **other != a);
        others.any(|other| self.attempts[*other].state().0 == State::Verified)
    }

    /// Whether a newer attempt has brought something.
    fn is_older(&self, a: usize) -> bool {
        let row = &self.verifications[self.attempts[a].of];
        let mut newer = row.attempts.iter().filter(|other| **other > a);
        newer.any(|other| self.attempts[*other].has_data())
    }

    /// Whether an attempt has a use for claims. The first success keeps its own.
    fn wants_claims(&self, a: usize) -> bool {
        let attempt = &self.attempts[a];
        if !attempt.is_matched() {
            return false;
        }
        let approved = attempt.approved && !attempt.cancelled;
        if !attempt.has_data() {
            return approved || !attempt.is_over();
        }
        let stands = self.verifications[attempt.of].claims;
        approved && !self.is_second(a) && stands.is_some_and(|stands| stands != a)
    }

    fn given(&mut self, a: usize, request: &Request, now: Timestamp) -> Vec<Told> {
        let readable = civic::is_readable(request.word) && request.informs();
        let readable = readable && !self.is_anothers(a, request);
        if !readable || request.link == Link::Dead || !self.wants_claims(a) {
            return Vec::new();
        }
        let v = self.attempts[a].of;
        // A success stays; else what is complete comes first, then what is newer.
        let is_second = self.is_second(a);
        if !is_second && (!request.lacks || !self.is_older(a)) {
            self.verifications[v].claims = Some(a);
        }
        if request.lacks {
            let lacks = |attempt: &mut Attempt| attempt.incomplete = true;
            return vec![self.tell(a, EventKind::DataReceived, now, PULLED, lacks)];
        }
        let before = self.attempts[a].state().0;
        let mut after = self.attempts[a].clone();
        after.complete = true;
        after.confirm(now);
        after.review.get_or_insert(Review {
            open: now,
            reminded: false,
            decided: None,
        });
        let waits = after.state().0 == State::InReview;
        let kind = match (is_second, waits) {
            (true, _) => EventKind::DuplicateSuccess,
            (false, true) => EventKind::ReviewNeeded,
            (false, false) => EventKind::DataReceived,
        };
        let mut told = vec![self.tell(a, kind, now, PULLED, |attempt| *attempt = after)];
        if waits && CONNECTIONS[self.verifications[v].via] == Reviews::ByThemselves {
            told.extend(self.decide(a, Decision::Approve, EventKind::ReviewDecided, now));
        }
        self.withdraw_others(a, before, now, &mut told);
        told
    }

    fn decide(
        &mut self,
        a: usize,
        decision: Decision,
        kind: EventKind,
        now: Timestamp,
    ) -> Vec<Told> {
        let before = self.attempts[a].state().0;
        let stays_here =
            CONNECTIONS[self.verifications[self.attempts[a].of].via] == Reviews::StayHere;
        let said = Said {
            decision: Some(decision),
            ..Said::default()
        };
        let mut told = vec![self.tell(a, kind, now, said, |attempt| {
            if let Some(review) = &mut attempt.review {
                review.decided = Some(decision);
            }
            if stays_here {
                attempt.hear(civic::word_of(decision), now);
            }
        })];
        self.withdraw_others(a, before, now, &mut told);
        told
    }

    /// A success ends what is still open beside it.
    fn withdraw_others(&mut self, a: usize, before: State, now: Timestamp, told: &mut Vec<Told>) {
        if self.attempts[a].state().0 != State::Verified || before == State::Verified {
            return;
        }
        for other in self.verifications[self.attempts[a].of].attempts.clone() {
            if other != a && !self.attempts[other].is_over() {
                let kind = EventKind::ActionWithdrawn;
                told.push(self.tell(other, kind, now, Said::default(), |attempt| {
                    attempt.expired = attempt.expired.max(Some(Reason::ActionWithdrawn));
                }));
            }
        }
    }

    fn end(&mut self, a: usize, now: Timestamp) {
        if self.attempts[a].is_over() {
            self.attempts[a].ended = self.attempts[a].ended.or(Some(now));
        }
    }

    fn tell(
        &mut self,
        a: usize,
        kind: EventKind,
        now: Timestamp,
        said: Said,
        learn: impl FnOnce(&mut Attempt),
    ) -> Told {
        let before = self.before(self.attempts[a].of, Some(a));
        learn(&mut self.attempts[a]);
        self.end(a, now);
        self.told(a, kind, now, said, before)
    }

    fn before(&self, v: usize, a: Option<usize>) -> (Option<State>, Option<AttemptState>) {
        (Some(self.state(v).0), a.map(|a| self.attempts[a].state()))
    }

    fn told(
        &mut self,
        a: usize,
        kind: EventKind,
        now: Timestamp,
        said: Said,
        (before, attempt_before): (Option<State>, Option<AttemptState>),
    ) -> Told {
        let v = self.attempts[a].of;
        self.verifications[v].revision += 1;
        self.verifications[v].updated = now;
        let after = self.attempts[a].state();
        let ends = attempt_before != Some(after) && after.0.is_end();
        Told {
            verification: v,
            attempt: self.attempts[a].number,
            kind,
            word: said.word,
            progress: said.progress,
            decision: said.decision,
            assurance: if said.pulled {
                Assurance::Pulled
            } else {
                Assurance::Local
            },
            before,
            after: self.state(v).0,
            reason: after.1.filter(|_| ends),
            retryable: self.not_retryable(v, now).is_none(),
        }
    }
}
