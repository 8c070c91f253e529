//! What can go wrong in a store, and whether trying again can help.

use verilane_core::ChangeId;

/// A read, or a write of chunks, that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store can't serve now. Retrying helps once it is back.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What is stored can't be understood. Retrying does not help.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

/// Why a change does not hold. Nothing of it stands. Retrying helps after reading anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The verification's revision is not the expected one, or it exists already, or not at all.
    #[error("the verification has moved on")]
    Revision,
    /// The slot exists already, or is held by somebody else by now.
    #[error("the slot was taken")]
    Slot,
    /// The request id is remembered already.
    #[error("the request id is in use")]
    RequestId,
    /// What a browser brought back belongs to somebody already.
    #[error("the binding exists")]
    Binding,
    /// The provider's event was noted already.
    #[error("the provider's event was seen")]
    Seen,
    /// The job to lease does not stand any more.
    #[error("the job is gone")]
    Job,
}

/// A commit that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The change does not hold. Read anew and decide anew.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The change was not begun. Retrying helps once the store is back.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The store failed while it committed. Look the id up before trying again.
    #[error("the outcome of the commit is unknown")]
    OutcomeUnknown(ChangeId),
    /// The change contradicts itself, or names what is not there. Nothing of it stands, and
    /// retrying does not help.
    #[error("the change makes no sense: {0}")]
    Invalid(String),
}
