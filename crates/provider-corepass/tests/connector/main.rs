//! The plug-in over real sockets: against the sandbox, a connector that shares no code with it, and
//! against one that answers nonsense.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at the first thing that is not as it says"
)]

mod answers;
mod callbacks;
mod encodings;
mod history;
mod requests;
mod stage;
mod valid;
