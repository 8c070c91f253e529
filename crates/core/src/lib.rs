//! The domain of Verilane, pure: what a verification is, how it moves, and what is said about it.
//!
//! Nothing here does I/O but the clock, which waits. Every other crate points here, and this one
//! points nowhere.

pub mod clock;
mod ids;
mod pii;
mod sealed;
mod timestamp;

pub use clock::{Clock, SharedClock};
pub use ids::{
    AttemptNumber, ChangeId, ConnectionName, EvidenceId, JobId, LogId, MalformedId, Principal,
    ProviderName, Revision, Sequence, SlotId, VerificationId,
};
pub use pii::Pii;
pub use sealed::{BlindIndex, Sealed, Wrapped};
pub use timestamp::Timestamp;
