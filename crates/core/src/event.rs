//! An immutable record of one transition, without personal data.
//!
//! Events stand in commit order and carry the provider's time and rank beside ours. The one thing
//! in them that leads back to a person, `tx_hash`, is sealed beside the event.

use crate::{
    Assurance, AttemptNumber, ConnectionName, Decision, ProviderName, ProviderStatus, Reason,
    Revision, Sealed, Sequence, State, Timestamp, VerificationId,
};

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EventKind {
    /// The verification was created; its first attempt's intent is durable.
    Created,
    /// The user has something to do now.
    ActionAvailable,
    /// The provider would not start, or could not be reached in time.
    StartFailed,
    /// The provider said how far it is.
    ProviderStatus,
    /// The provider delivered data.
    DataReceived,
    /// The provider reported a failure on the data channel.
    FailureReported,
    /// Data came for a cancelled attempt, and was not kept.
    DataDiscarded,
    /// The user did not act in time.
    Expired,
    /// The provider did not finish in time.
    DeadlinePassed,
    /// A caller called it off.
    Cancelled,
    /// A new attempt's intent is durable; what the user had to do before is replaced.
    AttemptStarted,
    /// The provider works already on an earlier request of ours; the attempt takes it over.
    RequestAdopted,
    /// Another attempt succeeded, so nothing is left to do for the user of this one.
    ActionWithdrawn,
    /// Data came for an attempt after another had succeeded; its claims were not taken over.
    DuplicateSuccess,
    /// The verification's time has passed, so no new attempt may be asked for any more.
    RetryClosed,
    /// Data came that is right in everything but its signature. Nobody believes it; it is kept apart.
    DataQuarantined,
    /// An operator handed in data that the provider confirmed, value by value.
    DataImported,
    /// The provider says that a value does not hold any more.
    ClaimInvalidated,
    /// What the user's browser brought back was taken; the provider can be asked now.
    Continued,
    /// The provider said more of how far it is, beside its status.
    ProviderProgress,
    /// What the provider offers as evidence has changed.
    EvidenceOffered,
    /// Claims and evidence are durable; the caller must decide.
    ReviewNeeded,
    /// The caller has decided.
    ReviewDecided,
    /// The caller has not decided yet, and the time for it runs out.
    ReviewReminder,
    /// The caller has not decided in time.
    ReviewOverdue,
    /// The user has seen the provider's request.
    RequestSeen,
    /// The user has declined the provider's request.
    RequestDeclined,
    /// The provider's part of the page has failed; the user can try again.
    PageError,
    /// The provider has answered what a browser brought back with what the user granted; the answer
    /// is kept, and is read now.
    CodeExchanged,
    /// Claims, evidence and the subject's lookup were kept as long as they were to be, and are gone.
    ClaimsForgotten,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 30] = [
        Self::Created,
        Self::ActionAvailable,
        Self::StartFailed,
        Self::ProviderStatus,
        Self::DataReceived,
        Self::FailureReported,
        Self::DataDiscarded,
        Self::Expired,
        Self::DeadlinePassed,
        Self::Cancelled,
        Self::AttemptStarted,
        Self::RequestAdopted,
        Self::ActionWithdrawn,
        Self::DuplicateSuccess,
        Self::RetryClosed,
        Self::DataQuarantined,
        Self::DataImported,
        Self::ClaimInvalidated,
        Self::Continued,
        Self::ProviderProgress,
        Self::EvidenceOffered,
        Self::ReviewNeeded,
        Self::ReviewDecided,
        Self::ReviewReminder,
        Self::ReviewOverdue,
        Self::RequestSeen,
        Self::RequestDeclined,
        Self::PageError,
        Self::CodeExchanged,
        Self::ClaimsForgotten,
    ];

    /// The name in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::ActionAvailable => "ACTION_AVAILABLE",
            Self::StartFailed => "START_FAILED",
            Self::ProviderStatus => "PROVIDER_STATUS",
            Self::DataReceived => "DATA_RECEIVED",
            Self::FailureReported => "FAILURE_REPORTED",
            Self::DataDiscarded => "DATA_DISCARDED",
            Self::Expired => "EXPIRED",
            Self::DeadlinePassed => "DEADLINE_PASSED",
            Self::Cancelled => "CANCELLED",
            Self::AttemptStarted => "ATTEMPT_STARTED",
            Self::RequestAdopted => "REQUEST_ADOPTED",
            Self::ActionWithdrawn => "ACTION_WITHDRAWN",
            Self::DuplicateSuccess => "DUPLICATE_SUCCESS",
            Self::RetryClosed => "RETRY_CLOSED",
            Self::DataQuarantined => "DATA_QUARANTINED",
            Self::DataImported => "DATA_IMPORTED",
            Self::ClaimInvalidated => "CLAIM_INVALIDATED",
            Self::Continued => "CONTINUED",
            Self::ProviderProgress => "PROVIDER_PROGRESS",
            Self::EvidenceOffered => "EVIDENCE_OFFERED",
            Self::ReviewNeeded => "REVIEW_NEEDED",
            Self::ReviewDecided => "REVIEW_DECIDED",
            Self::ReviewReminder => "REVIEW_REMINDER",
            Self::ReviewOverdue => "REVIEW_OVERDUE",
            Self::RequestSeen => "REQUEST_SEEN",
            Self::RequestDeclined => "REQUEST_DECLINED",
            Self::PageError => "PAGE_ERROR",
            Self::CodeExchanged => "CODE_EXCHANGED",
            Self::ClaimsForgotten => "CLAIMS_FORGOTTEN",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == name)
    }
}

/// One transition, as decided. Its place in the log comes with the commit.
#[derive(Clone, PartialEq, Debug)]
pub struct NewEvent {
    /// Whose.
    pub verification: VerificationId,
    /// The verification's revision after it.
    pub revision: Revision,
    /// The attempt that it is about.
    pub attempt: AttemptNumber,
    /// What happened.
    pub kind: EventKind,
    /// The verification's state before; none for the first event.
    pub state_before: Option<State>,
    /// The verification's state after.
    pub state_after: State,
    /// The attempt's connection.
    pub connection: ConnectionName,
    /// The attempt's provider.
    pub provider: ProviderName,
    /// The provider's word, where it said one.
    pub provider_status: Option<ProviderStatus>,
    /// The place of that word in the provider's order.
    pub provider_rank: Option<u16>,
    /// The provider's second word for how far it is, beside its status, where it said one.
    pub provider_progress: Option<ProviderStatus>,
    /// What the caller decided, in an event that tells of that.
    pub decision: Option<Decision>,
    /// The provider's own time of it.
    pub provider_time: Option<Timestamp>,
    /// When we decided it; events of one verification never go back in time.
    pub commit_time: Timestamp,
    /// How far it can be trusted.
    pub assurance: Assurance,
    /// False for what came too late to move anything.
    pub applied: bool,
    /// Whether it came after its deadline, or after its attempt had ended otherwise than verified.
    pub late: bool,
    /// Why, where it ends its attempt, or changes why that had ended: of several reasons the greatest
    /// stands.
    pub reason: Option<Reason>,
    /// What a reader should know beside the state from now on.
    pub warnings: Vec<Reason>,
    /// On an event with such a reason or a success: the furthest that the provider came.
    pub furthest_status: Option<ProviderStatus>,
    /// Whether a new attempt may be asked for after it.
    pub retryable: bool,
    /// The hash of a transaction on a public chain, sealed at this revision.
    pub tx_hash: Option<Sealed>,
}

/// One transition in the log.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// Its place.
    pub sequence: Sequence,
    /// What it says.
    pub body: NewEvent,
}

impl NewEvent {
    /// Whether the verification has ended with this event. A late success may still follow.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        self.state_after.is_end()
    }
}
