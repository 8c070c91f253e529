//! The resource: a verification, its attempts, and what is kept with them.
//!
//! The row of a verification is written only together with at least one event, so its revision
//! counts its events. Personal data stands here sealed; the vault opens it, nobody else.

use std::time::Duration;

use crate::{
    AttemptNumber, ConnectionName, Decision, Facts, Handover, HandoverKind, Pii, Principal,
    ProviderName, ProviderStatus, Reason, RequestedClaim, Review, Revision, Sealed, SlotHolder,
    SlotId, State, Timestamp, VerificationId, Wrapped, state_of_verification,
};

/// The trace and span under which a verification was created (W3C `traceparent`), so that later
/// work can be linked to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceParent(pub String);

/// How the text of a subject begins who is named by the provider's own name for its user. In the domain
/// a subject is one text that says of what kind it is.
pub const SUBJECT_ID: &str = "subject-id:";

/// A user as a provider's own name for him names him, in the one spelling under which he is found. A name
/// is opaque; one of hexadecimal digits alone is the same in either case.
#[must_use]
pub fn subject_of_id(id: &str) -> Pii<String> {
    let is_hexadecimal = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = if is_hexadecimal {
        id.to_ascii_lowercase()
    } else {
        id.to_owned()
    };
    Pii::new(format!("{SUBJECT_ID}{id}"))
}

/// One verification, whole.
#[derive(Clone, PartialEq, Debug)]
pub struct Verification {
    /// Its name.
    pub id: VerificationId,
    /// How many events it has had.
    pub revision: Revision,
    /// Who created it.
    pub principal: Principal,
    /// The connection of its first attempt.
    pub connection: ConnectionName,
    /// The provider of that connection.
    pub provider: ProviderName,
    /// When it was created.
    pub create_time: Timestamp,
    /// When its newest event was committed.
    pub update_time: Timestamp,
    /// When it stops waiting for the end user, and no new attempt can be made.
    pub expire_time: Timestamp,
    /// How many attempts it may have.
    pub max_attempts: u32,
    /// How long what came is kept after the end; for good if none.
    pub retention: Option<Duration>,
    /// When that was forgotten; none before.
    pub forget_time: Option<Timestamp>,
    /// Its attempts, oldest first. Never empty.
    pub attempts: Vec<Attempt>,
    /// What was asked for, and what became of it.
    pub claims: Vec<RequestedClaim>,
    /// Its data key, under the keyring.
    pub data_key: Wrapped,
    /// The subject, sealed at revision 1.
    pub subject: Sealed,
    /// The caller's opaque reference to the subject, sealed at revision 1.
    pub subject_ref: Option<Sealed>,
    /// The caller's labels, sealed at revision 1.
    pub labels: Option<Sealed>,
    /// Why it was asked for, sealed at revision 1.
    pub purpose: Sealed,
    /// Where its creation stands in a trace.
    pub trace_parent: Option<TraceParent>,
}

impl Verification {
    /// Its state, and why.
    #[must_use]
    pub fn state(&self) -> (State, Option<Reason>) {
        state_of_verification(self.attempts.iter().map(|a| a.facts))
    }

    /// What a reader should know beside the state. Sorted, each once.
    #[must_use]
    pub fn warnings(&self) -> Vec<Reason> {
        let mut warnings: Vec<_> = self
            .attempts
            .iter()
            .flat_map(|a| a.facts.warnings())
            .collect();
        let is_verified = |a: &&Attempt| a.state().0 == State::Verified;
        if self.attempts.iter().filter(is_verified).count() > 1 {
            warnings.push(Reason::DuplicateSuccess);
        }
        warnings.sort_unstable();
        warnings.dedup();
        warnings
    }

    /// The attempt of this number.
    #[must_use]
    pub fn attempt(&self, number: AttemptNumber) -> Option<&Attempt> {
        self.attempts.iter().find(|a| a.number == number)
    }

    /// The newest attempt.
    #[must_use]
    pub fn newest_attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// The provider's word of the newest attempt.
    #[must_use]
    pub fn provider_status(&self) -> Option<&ProviderStatus> {
        self.newest_attempt()?.provider_status.as_ref()
    }

    /// Whether a caller may ask for a new attempt at `now`.
    #[must_use]
    pub fn is_retryable(&self, now: Timestamp) -> bool {
        self.not_retryable(now).is_none()
    }

    /// Why a caller may not ask for a new attempt at `now`; none if he may. Time only takes this
    /// away, never gives it.
    #[must_use]
    pub fn not_retryable(&self, now: Timestamp) -> Option<Reason> {
        let attempts = u32::try_from(self.attempts.len()).unwrap_or(u32::MAX);
        match self.state().0 {
            State::Pending
            | State::Processing
            | State::InReview
            | State::Verified
            | State::Cancelled => Some(Reason::NotRetryable),
            State::Expired | State::Failed | State::Rejected => {
                if now >= self.expire_time {
                    Some(Reason::VerificationOver)
                } else if attempts >= self.max_attempts {
                    Some(Reason::AttemptsExhausted)
                } else {
                    None
                }
            }
        }
    }

    /// The claim that was asked for from a field as it is, not one that is derived from it.
    #[must_use]
    pub fn claim_of(&self, field: &str) -> Option<&RequestedClaim> {
        let mut claims = self.claims.iter();
        claims.find(|claim| claim.field == field && !claim.name.is_derived())
    }

    /// Until when a caller has time for a decision that is waited for; none where none is, or for
    /// ever.
    #[must_use]
    pub fn review_deadline(&self) -> Option<Timestamp> {
        let review = self.newest_attempt()?.open_review()?;
        review.deadline
    }

    /// What the provider is asked for, sorted, each once.
    pub fn asked_fields(&self) -> impl Iterator<Item = &str> {
        asked_fields(&self.claims)
    }
}

/// The fields of these claims that the provider is asked for, each once: claims that are derived from
/// another stand beside it.
pub fn asked_fields(claims: &[RequestedClaim]) -> impl Iterator<Item = &str> {
    let asked = claims.iter().filter(|claim| claim.asked);
    let mut before = None;
    asked
        .map(|claim| claim.field.as_str())
        .filter(move |field| before.replace(*field) != Some(*field))
}

/// How far the outbound request that starts an attempt has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartPhase {
    /// The intent is durable; whether the provider has the request is not known.
    Intended,
    /// The provider took it; the user can act.
    Started,
    /// It was given up or refused; the user never could act.
    Ended,
}

impl StartPhase {
    /// The name in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intended => "INTENDED",
            Self::Started => "STARTED",
            Self::Ended => "ENDED",
        }
    }

    /// The phase of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Intended, Self::Started, Self::Ended]
            .into_iter()
            .find(|p| p.as_str() == name)
    }
}

/// One try at a provider.
#[derive(Clone, PartialEq, Debug)]
pub struct Attempt {
    /// 1, 2, …
    pub number: AttemptNumber,
    /// The connection it belongs to.
    pub connection: ConnectionName,
    /// The provider of that connection.
    pub provider: ProviderName,
    /// The slot that holds its callback paths.
    pub slot: SlotId,
    /// Whether this attempt's intent made the slot: then a request that the provider already
    /// holds can only be this one.
    pub made_slot: bool,
    /// How far its start has come.
    pub phase: StartPhase,
    /// Everything that is known about it.
    pub facts: Facts,
    /// The provider's word that stands for the furthest it came.
    pub provider_status: Option<ProviderStatus>,
    /// The place of that word in the provider's order; 0 before any.
    pub provider_rank: u16,
    /// When its intent was committed.
    pub start_time: Timestamp,
    /// The expiry that the provider was, or will be, asked for.
    pub requested_expiry: Timestamp,
    /// Until when the user can act, as the provider answered. Where the provider holds somebody
    /// else's request instead: when that lapses.
    pub expire_time: Option<Timestamp>,
    /// What the user has to do, sealed.
    pub action: Option<SealedAction>,
    /// When it was first known that the user accepted.
    pub accept_time: Option<Timestamp>,
    /// When it was first known that the provider had completed its own part.
    pub confirm_time: Option<Timestamp>,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// What the user's browser brought back, by which the provider is asked; none before that, and
    /// where the provider calls us.
    pub handover: Option<Handover>,
}

impl Attempt {
    /// Its state, and why.
    #[must_use]
    pub fn state(&self) -> (State, Option<Reason>) {
        self.facts.state()
    }

    /// What of it decides whether something is about it.
    #[must_use]
    pub const fn tenancy(&self, verification: VerificationId) -> Tenancy {
        Tenancy {
            holder: SlotHolder {
                verification,
                attempt: self.number,
            },
            phase: self.phase,
            facts: self.facts,
            start_time: self.start_time,
            requested_expiry: self.requested_expiry,
            expire_time: self.expire_time,
        }
    }

    /// Whether data may still come for it and be kept.
    #[must_use]
    pub const fn waits_for_data(&self) -> bool {
        self.facts.waits_for_data()
    }

    /// Whether its browser brought back a code that the provider takes once.
    #[must_use]
    pub fn exchanges_a_code(&self) -> bool {
        let kind = self.handover.as_ref().map(|handover| handover.kind);
        kind == Some(HandoverKind::Code)
    }

    /// The review that waits for a decision.
    #[must_use]
    pub fn open_review(&self) -> Option<&Review> {
        let review = self.handover.as_ref()?.review.as_ref()?;
        let open = self.state().0 == State::InReview && review.decided.is_none();
        open.then_some(review)
    }

    /// What the caller has decided, while the provider has not said yet that it knows.
    #[must_use]
    pub fn pending_decision(&self) -> Option<(Decision, Timestamp)> {
        let review = self.handover.as_ref()?.review.as_ref()?;
        review.decided.filter(|_| !self.state().0.is_end())
    }
}

/// An attempt among those of a slot: what decides whether something that the provider says is about
/// it. The user and the items are the slot's, and the same for all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tenancy {
    /// Which attempt.
    pub holder: SlotHolder,
    /// How far its start has come.
    pub phase: StartPhase,
    /// Everything that is known about it.
    pub facts: Facts,
    /// When its intent was committed.
    pub start_time: Timestamp,
    /// The expiry that the provider was, or will be, asked for.
    pub requested_expiry: Timestamp,
    /// The one that it answered.
    pub expire_time: Option<Timestamp>,
}

impl Tenancy {
    /// The expiration that its request carries, as far as is known.
    #[must_use]
    pub fn expiry(&self) -> Timestamp {
        self.expire_time.unwrap_or(self.requested_expiry)
    }

    /// Whether the provider can hold a request of this attempt: it has not said that what it holds
    /// is another's.
    #[must_use]
    pub fn may_be_held(&self) -> bool {
        let (_, failed, ..) = self.facts.to_parts();
        self.phase != StartPhase::Ended
            || !matches!(
                failed,
                Some(Reason::ProviderRequestNotOurs | Reason::RequestAlreadyOpen)
            )
    }

    /// Whether its request can still bring data: none of it came, kept or not, and the provider has not
    /// said that none will.
    #[must_use]
    pub const fn still_works(&self) -> bool {
        let (_, failed, ..) = self.facts.to_parts();
        let gave_up = matches!(
            failed,
            Some(
                Reason::ProviderFailed
                    | Reason::FinishFailed
                    | Reason::ConfirmationFailed
                    | Reason::ValidityFailed
                    | Reason::InitiationFailed
            )
        );
        !self.facts.is_delivered()
            && !self.facts.is_settled()
            && !self.facts.settlement_failed()
            && !gave_up
    }

    /// Whether the provider took a request of this attempt, or works on one that it took over, as far
    /// as is known.
    #[must_use]
    pub fn was_taken(&self) -> bool {
        self.phase == StartPhase::Started || self.facts.is_accepted() || self.facts.has_data()
    }
}

/// An action, sealed at the revision that made it available.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedAction {
    /// The revision named in its associated data.
    pub revision: Revision,
    /// The action, encoded and sealed.
    pub sealed: Sealed,
}
