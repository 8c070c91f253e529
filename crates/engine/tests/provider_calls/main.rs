//! What becomes of what a provider calls us with: which verification it moves, what is kept of it,
//! and that `Ok` means durable.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first thing that is not as it says"
)]

#[path = "../stage/mod.rs"]
mod stage;

mod data;
mod durability;
mod imports;
mod pictures;
mod quarantine;
mod secrecy;
mod statuses;
