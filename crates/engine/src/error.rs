//! Why a use case refused or failed, for callers: a reason from the registry and what they need to
//! act on it. Whether retrying helps follows from the reason and is told once, where reasons become
//! status codes.

use std::time::Duration;

use verilane_core::{ClaimName, FieldViolation, Reason, VerificationId};
use verilane_store::{CommitError, Conflict, StoreError};
use verilane_vault::VaultError;

/// A use case that did not succeed. Holds no personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct EngineError {
    /// Why.
    pub reason: Reason,
    /// What is wrong with which field of the request.
    pub violations: Vec<FieldViolation>,
    /// The claims that the user does not hold.
    pub not_held: Vec<ClaimNotHeld>,
    /// What a program needs to act on the reason: ids, tokens, revisions.
    pub metadata: Vec<(&'static str, String)>,
    /// When retrying may help.
    pub retry_after: Option<Duration>,
}

/// A claim that keeps a request from being made, since the user does not hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimNotHeld {
    /// Its place among the claims of the request, from 0.
    pub place: usize,
    /// The fact.
    pub name: ClaimName,
    /// The provider's names of all fields that it could have come from.
    pub fields: Vec<String>,
}

impl EngineError {
    /// A bare reason.
    #[must_use]
    pub const fn new(reason: Reason) -> Self {
        Self {
            reason,
            violations: Vec::new(),
            not_held: Vec::new(),
            metadata: Vec::new(),
            retry_after: None,
        }
    }

    /// The same with something a program needs.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl ToString) -> Self {
        self.metadata.push((key, value.to_string()));
        self
    }

    /// The same with the verification that it is about.
    #[must_use]
    pub fn about(self, id: VerificationId) -> Self {
        self.with("verification_id", id)
    }

    /// The same with a time after which retrying may help.
    #[must_use]
    pub const fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Wrong fields; the first one's reason speaks for all.
    #[must_use]
    pub fn fields(violations: Vec<FieldViolation>) -> Self {
        let reason = violations
            .first()
            .map_or(Reason::InvalidArgument, |v| v.reason);
        Self {
            violations,
            ..Self::new(reason)
        }
    }

    /// One wrong field.
    #[must_use]
    pub fn field(reason: Reason, field: &str, description: &str) -> Self {
        Self::fields(vec![FieldViolation {
            field: field.to_owned(),
            description: description.to_owned(),
            reason,
        }])
    }
}

/// How long a caller is asked to wait for the store to come back.
const STORE_RETRY: Duration = Duration::from_secs(1);

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(why) => {
                tracing::error!(error = %why, "the store is unavailable");
                Self::new(Reason::StoreUnavailable).retry_after(STORE_RETRY)
            }
            StoreError::Corrupt(what) => {
                tracing::error!(error = %what, "the store holds something unreadable");
                Self::new(Reason::Internal)
            }
        }
    }
}

impl From<VaultError> for EngineError {
    fn from(error: VaultError) -> Self {
        tracing::error!(%error, "a sealed value does not open");
        Self::new(Reason::Internal)
    }
}

impl From<CommitError> for EngineError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict(conflict) => match conflict {
                Conflict::Revision
                | Conflict::Slot
                | Conflict::Binding
                | Conflict::Seen
                | Conflict::Job => Self::new(Reason::Contended).retry_after(Duration::ZERO),
                Conflict::RequestId => Self::new(Reason::RequestIdReused),
            },
            CommitError::Unavailable(why) => {
                tracing::error!(error = %why, "the store is unavailable");
                Self::new(Reason::StoreUnavailable).retry_after(STORE_RETRY)
            }
            CommitError::Invalid(why) => {
                tracing::error!(error = %why, "a change made no sense to the store");
                Self::new(Reason::Internal)
            }
            CommitError::OutcomeUnknown(change) => {
                tracing::error!(%change, "the outcome of a commit is unknown");
                Self::new(Reason::CommitOutcomeUnknown).retry_after(STORE_RETRY)
            }
        }
    }
}
