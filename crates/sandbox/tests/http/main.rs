//! The sandbox from outside: its four endpoints, its callbacks and its control API on real sockets,
//! with time in the test's hand.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod answers;
mod civic_pass;
mod civic_sip;
mod connector;
mod control;
mod courses;
mod faults;
mod others;
mod receiver;
mod retries;
mod stage;
mod timeline;
mod troubles;
