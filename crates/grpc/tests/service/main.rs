//! The API over the real engine, store and vault, on real sockets, with a provider that does as it
//! is told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod admin;
mod asking;
mod claims;
mod connections;
mod events;
mod giving_up;
mod provider;
mod support;
mod verifications;
mod watches;
mod wrong_requests;
mod wrong_requests_about_evidence;
mod wrong_requests_about_reviews;
mod wrong_requests_to_create;
