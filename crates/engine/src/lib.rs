//! The use cases of Verilane: what callers ask for, what providers call us with, what comes due,
//! and the relay that makes watching fast.
//!
//! The engine reads what is, lets `verilane_core::decide` decide what becomes of it, seals what is
//! about a person, and has a store commit the change. It spawns nothing: the server owns runtimes
//! and tasks. It knows no wire format: bytes for watchers come from an encoder that is injected.

mod callback;
mod command;
mod config;
mod crash;
mod engine;
mod error;
mod evidence;
mod exchange;
mod jobs;
mod keyring_check;
mod keys;
mod look;
mod occurrence;
mod picture;
mod pull;
mod relay;
mod sealing;
mod telemetry;
mod view;
mod watch;

pub use verilane_core::decide::PageEvent;
pub use verilane_provider::{Capability, CircuitState, Continuation, HealthState, deadline};
pub use verilane_store::ListOrder;

pub use callback::{CallbackPath, ImportMessage, ImportSource, Imported, Taken, Verdict};
pub use command::Download;
pub use config::{EngineConfig, PullLimits};
pub use crash::{CrashPoint, CrashPoints};
pub use engine::{Connection, Engine, EngineParts};
pub use error::{ClaimNotHeld, EngineError};
pub use keys::KeyCache;
pub use relay::{Entry, FrameEncoder, Relay};
pub use view::{
    AccessContext, AvailabilityView, Brought, CheckAvailability, ClaimAvailability, ClaimView,
    ClaimsView, ConnectionView, ContinueVerification, CreateVerification, Derived,
    DownloadEvidence, EvidenceView, Expire, ListVerifications, ReadClaims, RetryVerification,
    Revalidate, Revalidation, RevalidationView, ReviewVerification, VerificationView,
};
pub use watch::{
    Delivery, EventFilter, EventPage, EventScope, ListEvents, WatchEnd, WatchMany, WatchOne,
    WatchStart,
};
