//! The domain of Verilane, pure: what a verification is, how it moves, and what is said about it.
//!
//! Nothing here does I/O but the clock, which waits. Every other crate points here, and this one
//! points nowhere.

mod claims;
pub mod clock;
mod ids;
mod pii;
mod reasons;
mod sealed;
mod state;
mod timestamp;

pub use claims::{
    Assurance, ClaimName, ClaimRequest, ClaimSelector, ClaimStatus, DocumentType, FieldViolation,
    RequestedClaim,
};

pub use clock::{Clock, SharedClock};
pub use ids::{
    AttemptNumber, ChangeId, ConnectionName, EvidenceId, JobId, LogId, MalformedId, Principal,
    ProviderName, Revision, Sequence, SlotId, VerificationId,
};
pub use pii::Pii;
pub use reasons::{Reason, ReasonKind};
pub use sealed::{BlindIndex, Sealed, Wrapped};
pub use state::{Fact, Facts, State, state_of_verification};
pub use timestamp::Timestamp;
