//! Creating a verification: what is checked first, what a repeat gets, which slot is taken, and how
//! the request that starts it is sent until there is an answer.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first thing that is not as it says"
)]

#[path = "../stage/mod.rs"]
mod stage;

mod asking;
mod checks;
mod idempotency;
mod slots;
mod starting;
mod starting_again;
