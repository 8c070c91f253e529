//! The domain of Verilane, pure: what a verification is, how it moves, and what is said about it.
//!
//! Nothing here does I/O but the clock, which waits. Every other crate points here, and this one
//! points nowhere.

mod action;
mod asking;
mod audit;
mod change;
mod claims;
pub mod clock;
pub mod decide;
mod event;
mod handover;
mod ids;
mod job;
mod pii;
mod reasons;
mod sealed;
mod slot;
mod state;
mod timestamp;
mod values;
mod verification;
mod word;

pub use action::{Action, GatewayWidget, QrOrLink, ScopeRequestPopup};
pub use asking::{Answered, ClaimSource, Resolution, Wish, fields_of, resolve};
pub use audit::{AUDIT_GENESIS, AuditAction, AuditHash, AuditRecord, audit_link};
pub use change::{
    Binding, BindingWrite, Change, Committed, EvidenceKind, EvidenceRecord, IdempotencyRecord,
    LookupKind, Purge, SeenKey, SeenWrite, SlotWrite, StoredClaim, VerificationWrite,
};
pub use claims::{
    Assurance, Checks, ClaimName, ClaimRequest, ClaimSelector, ClaimStatus, DigestOf, DocumentType,
    FieldViolation, RequestedClaim,
};
pub use clock::{Clock, SharedClock};
pub use event::{Event, EventKind, NewEvent};
pub use handover::{Decision, Handover, HandoverKind, Review, Shown, Whose};
pub use ids::{
    AttemptNumber, ChangeId, ConnectionName, EvidenceId, LogId, MalformedId, Principal,
    ProviderName, Revision, Sequence, SlotId, VerificationId,
};
pub use job::{Job, JobAbout, JobKey, JobKind, JobWrite};
pub use pii::Pii;
pub use reasons::{Reason, ReasonKind};
pub use sealed::{BlindIndex, Sealed, Wrapped};
pub use slot::{CallbackChannel, Slot, SlotHolder};
pub use state::{Fact, Facts, State, state_of_verification};
pub use timestamp::Timestamp;
pub use values::{ClaimValue, Country, Date, derive, is_derivable, normalise};
pub use verification::{
    Attempt, SUBJECT_ID, SealedAction, StartPhase, Tenancy, TraceParent, Verification,
    asked_fields, subject_of_id,
};
pub use word::{Mark, Marks, OTHER_WORD, ProviderStatus, is_word, word_or_other};
