//! A CorePass connector, a Civic Pass back end and a Civic SIP to try against and to test against.
//!
//! The connector speaks CorePass Connector's API v1 over HTTP as the real one does: its endpoints, signed
//! status, data and failure callbacks, retries, and the one slot it has for each user and set of items. Its
//! users are invented, and a scenario says what they do and what goes wrong. Nothing here shares
//! parsing or cryptography with the plug-in that it tests: two implementations that agree prove
//! more than one that agrees with itself.
//!
//! # What there is
//!
//! | endpoint (`POST`, JSON) | answers |
//! | --- | --- |
//! | `/api/v1/blockchain/verified` | which of the items the user has verified |
//! | `/api/v1/kyc/qrcode` | QR code, link and expiration of a new request, or of the open one |
//! | `/api/v1/kyc/status` | the newest status of the last 30 days |
//! | `/api/v1/kyc/all-statuses` | all of them, newest first |
//! | `/api/v1/blockchain/valid` | whether values are still valid, where a scenario has it |
//! | `/civic-pass/…` (also `GET`, `PUT`) | Civic Pass, see below |
//! | `/civic-sip/…` | Civic SIP, see below |
//! | `/control/…` | see below |
//!
//! A connector's refusal is plain text with status 400, in the documentation's sentence where it
//! gives one.
//!
//! **Users.** `accepts` and `ignores` have all 46 documented fields verified, `partial` those of the
//! ID card and the e-mail address, `unverified` none; `load-4`, `load-5`, … accept and have all. Any
//! number of them can be had (`POST /control/users`). Their Core IDs have valid check digits.
//!
//! **A transfer.** PENDING stands in the history from the start. A user who accepts does so one
//! step later, and one step at a time come ACCEPTED, `INITIATE_SUBMITTED`, INITIATED,
//! `KYC_RECEIVED`, `VALIDITY_CHECK`, `VALIDITY_SUCCEED`, `CONFIRM_SUBMITTED` and CONFIRMED, each
//! with a callback to the status URL; then the data callback, and with its answer
//! `CALLBACK_SUCCEED` or `CALLBACK_FAILED`; in the end `FINISH_SUCCESS`. The callbacks of a request
//! go out one after the other, each once the one before was answered.
//!
//! It can also stall at any status, or fail at any stage, with a failure callback.
//!
//! **Signatures** are Ed448 over the SHA3-256 of the compact JSON in wire order without
//! `signature`, with the public key appended; a scenario can choose other encodings, SHA-256, and
//! recoverable secp256k1. Status callbacks have one key, data and failure callbacks another, and keys
//! can change. A callback is dated by its `deadline`, three minutes after it was signed.
//!
//! **Retries.** Whatever is not answered 200 is sent again after the configured gaps, one after the
//! other; after the last one the connector gives up and keeps the data.
//!
//! **Scenarios** ([`Scenario`], by names or in full, for all or for one user) say what the user does,
//! how the transfer goes on, how callbacks are written and signed, what others asked before, and
//! which faults there are: of callbacks ([`Faults`]), of the connector's own endpoints
//! ([`AnswerFault`]), and a connector that goes down on either side of a call. `docs/sandbox.md`
//! lists the names and what each does.
//!
//! **Civic Pass** ([`SandboxHandle::civic_pass`]) has the endpoints of both generations of its
//! partner API under `/civic-pass/`, storage for pre-signed links on a listener of its own, and
//! scenarios of its own ([`CivicPassScenario`]). `/control/civic-pass/…` plays its widget.
//! `docs/sandbox.md` lists all of it.
//!
//! **Civic SIP** ([`SandboxHandle::civic_sip`]) has the exchange of auth-code tokens under
//! `/civic-sip/`, links to large answers on the same storage, and scenarios of its own
//! ([`CivicSipScenario`]). `/control/civic-sip/…` plays its popup and its phone.
//!
//! **Control.** [`SandboxHandle`] within the process and `/control/…` from outside look at users,
//! requests and the ledger of all deliveries, accept by hand, hold callbacks back, send forgeries
//! and replays, and wait for a state of affairs, so that no test has to sleep:
//!
//! ```text
//! GET  keys             POST keys/rotate      the public keys and the Core ID; changes the keys
//! GET  scenarios                              named scenarios, a line each
//! GET  scenario         PUT scenario          the scenario: a name or an object
//! GET  users            POST users            everybody; {"count": n} makes it n in all
//! GET  users/{who}                            one, by Core ID or name, with values and peppers
//! PUT  users/{who}/scenario   DELETE …        a scenario of their own
//! GET  requests?user=&wait=                   requests; waits for the first
//! GET  requests/{id}?until=STATUS&wait=       one; waits for a status
//! POST requests                               another system makes a request
//! POST requests/{id}/accept                   the user accepts now
//! POST requests/{id}/export                   {"signed"}: data that nobody took, for an import
//! POST requests/{id}/forge                    {"forgery", "data", "status"}: sends a forgery now
//! POST requests/{id}/hold     …/release       holds its callbacks back, lets them go
//! POST hold             POST release          the same for all requests
//! POST down             POST up               {"seconds"}: takes the connector down and up
//! GET  deliveries?after=&request=&wait=       the ledger; waits for an entry
//! POST deliveries/{n}/replay                  sends one again, byte for byte, now
//! GET  idle?finished=&wait=                   whether anything goes on; waits until not
//! ```
//!
//! `wait` is in milliseconds of real time, at most a minute; 408 says that it was not enough.
//!
//! # What can be relied on
//!
//! Time comes from the configured clock, all else from the seed: keys, people, peppers, ids,
//! hashes, the order of a shuffle, which callback a fault strikes. The same seed, scenario and calls
//! at the same times make the same run of each user, byte for byte, whatever other users do. Nothing
//! is kept on disk. Everything is bounded: bodies, requests, users,
//! the ledger, callbacks on the wire.
//!
//! # What the documentation leaves open
//!
//! Decided here, not known: the wording of refusals that it does not mention; `status` without a
//! request answers 400 and `all-statuses` an empty list; an accepted request whose QR code has
//! lapsed counts as ongoing; PENDING is not called back; transaction hashes stand on the longer of
//! the two lists of statuses; the expiration is checked before the slot; `FINISH_FAILED` follows the
//! other failing statuses, since nothing else ends what the documentation calls ongoing; a failure
//! callback that is refused is tried again as the data is, and makes no `CALLBACK_FAILED`.
//!
//! ```no_run
//! # async fn example() -> Result<(), verilane_sandbox::SandboxError> {
//! use std::sync::Arc;
//! use verilane_core::clock::SystemClock;
//! use verilane_sandbox::{Sandbox, SandboxConfig};
//!
//! let sandbox = Sandbox::bind(SandboxConfig::new(Arc::new(SystemClock))).await?;
//! let handle = sandbox.handle();
//! let url = format!("http://{}", sandbox.local_addr());
//! sandbox.run(std::future::pending()).await
//! # }
//! ```

mod bodies;
mod calls;
mod civic_pass;
mod civic_sip;
mod config;
mod connector_api;
mod control;
mod downtime;
mod fields;
mod handle;
mod ican;
mod images;
mod jwt;
mod keys;
mod known;
mod ledger;
mod letter;
mod origins;
mod person;
mod request;
mod sandbox;
mod scenario;
mod seed;
mod shared;
mod status;
mod troubled;
mod users;
mod wire;
mod world;

pub use civic_pass::{
    AnsweredId, CallSide, CallStop, CivicPassCall, CivicPassEndpoint, CivicPassHandle,
    CivicPassPartner, CivicPassScenario, Evidence, EvidenceTrouble, LinkStyle, PiiOrder,
    PiiRequestView, Subject, TokenCount, Turn, TurnOrigin, TurnView,
};
pub use civic_sip::{
    Attribute, CivicSipApplication, CivicSipCall, CivicSipEndpoint, CivicSipEnv, CivicSipEvent,
    CivicSipHandle, CivicSipScenario, CivicSipSetup, DocumentShown, Image, ImageKind, Large, Link,
    Md5, Payload, PayloadForm, PopupError, Scope, ScopeOrder, ScopeRequestView, ScopeState,
    SigningKey, TokenAlgorithm, TokenAudience, TokenShape, TokenSubject, TokenTimes,
};
pub use config::{CallbackUnit, SandboxConfig, SandboxError};
pub use handle::{PublicKeys, SandboxHandle};
pub use ledger::{CallbackKind, Delivery, Failure};
pub use request::{DataDelivery, RequestView, StatusView};
pub use sandbox::Sandbox;
pub use scenario::{
    AnswerFault, AnswerTrouble, CallbackFault, CallbackTrouble, Course, DataShape, Digest,
    Encoding, Endpoint, Faults, Finish, Forgery, NamedScenario, Notice, Planted, RetrySigning,
    Scenario, Scheme, Signing, Stage, UserBehaviour,
};
pub use status::Status;
pub use users::{MOST_USERS, SandboxUser};
pub use world::{ControlError, ForgeOrder, Idleness, PlantOrder};
