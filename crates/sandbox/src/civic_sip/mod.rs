//! A Civic SIP to try against: scope requests that a phone approves, auth-code tokens, and their
//! exchange for the user's data.
//!
//! `setup` is what one is set up with, `application` who may call and who answers. `world` is what
//! Civic knows; `scope_request` one request from the popup to its exchange, `token` the JWTs of both,
//! `attributes` and `picture` what is known of the user, `payload` how it is encrypted and answered,
//! `storage` the links to large ones. `request_token` checks who calls, `exchange` spends a code.
//! `api` is Civic's own HTTP, with `witness` before it, which keeps the ledger; `control` and
//! `handle` steer. What Civic's document leaves open, `docs/sandbox.md` says how it is here.

mod api;
mod application;
mod attributes;
mod control;
mod exchange;
mod handle;
mod ledger;
mod named;
mod payload;
mod picture;
mod request_token;
mod scenario;
mod scope_request;
mod setup;
mod storage;
mod token;
mod witness;
mod world;

use axum::Router;

use crate::handle::SandboxHandle;

pub use api::storage;
pub use application::CivicSipApplication;
pub use handle::CivicSipHandle;
pub use ledger::CivicSipCall;
pub use scenario::{
    Attribute, CivicSipEndpoint, CivicSipScenario, DocumentShown, Image, ImageKind, Large, Link,
    Md5, Payload, PayloadForm, SigningKey, TokenAlgorithm, TokenAudience, TokenShape, TokenSubject,
    TokenTimes,
};
pub use scope_request::{
    CivicSipEvent, PopupError, Scope, ScopeOrder, ScopeRequestView, ScopeState,
};
pub use setup::{CivicSipEnv, CivicSipSetup};
pub use world::{Beginning, World};

/// Civic's own endpoints, and its part of the control API.
pub fn router(sandbox: &SandboxHandle) -> Router<SandboxHandle> {
    api::router(sandbox).merge(control::router())
}
