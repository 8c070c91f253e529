//! What comes due: timers, the removal of what has served its time, and the runner itself.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first thing that is not as it says"
)]

#[path = "../stage/mod.rs"]
mod stage;

mod forgetting;
mod purge;
mod runner;
mod timers;
