//! What stands between the engine and the providers: the contract of a plug-in, the facade that
//! gives every plug-in the same limits and the same distrust, and the outbound HTTP client.
//!
//! The engine sees the facade alone; a plug-in sees the contract and the client, and what helps it to
//! read its settings, a refusal's words, and what providers send alike: tokens, pictures and words for
//! documents.

pub mod asking;
#[cfg(feature = "conformance")]
pub mod conformance;
mod contract;
pub mod deadline;
mod error;
pub mod facade;
pub mod http;
pub mod jwt;
pub mod picture;
pub mod settings;
mod words;

pub use contract::{
    ActionLifetime, Availability, Callback, Candidate, Capability, Continuation, DataItem,
    DataReport, EvidenceBody, EvidenceOffer, Exchanged, FailureReport, Granted, HistoryEntry,
    HistoryRequest, Image, LookAnswer, LookRequest, OfferedClaim, Pace, Prepared, Profile,
    Provider, ProviderMessage, Reading, Refusal, Report, Revalidated, Start, StartRequest, Started,
    StatusReport, Unshown, UnsignedData, ValueToCheck,
};
pub use error::{Brake, ProviderError};
pub use facade::{
    BadProfile, CircuitHealth, CircuitState, Facade, Health, HealthState, Jitter, Limits,
};
pub use words::scrubbed;
