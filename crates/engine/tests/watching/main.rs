//! What a watch promises, each promise in a file of its own: resuming, filters, snapshots,
//! heartbeats, tokens, the ring, watches of one verification, and pages of events.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first thing that is not as it says"
)]

#[path = "../stage/mod.rs"]
mod stage;

mod crowd;
mod filters;
mod heartbeats;
mod one;
mod pages;
mod resuming;
mod ring;
mod snapshots;
mod tokens;
