//! Reading: claims with their audit, lists with their filters and pages, connections, cancelling.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first thing that is not as it says"
)]

#[path = "../stage/mod.rs"]
mod stage;

mod cancelling;
mod claims;
mod derived;
mod evidence;
mod lists;
mod revalidating;
