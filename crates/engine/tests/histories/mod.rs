//! What tests that play random histories share: numbers drawn from a seed, the playing of many and the
//! shortening of one that fails, a service whose rest can be waited for, and a caller who watches it.
//!
//! Each says for itself what is done, and what must come of it.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "shared by several tests, each of which uses a part and may stop at the first fault, and say it"
)]

pub mod chance;
pub mod doom;
pub mod playing;
pub mod running;
pub mod watcher;
