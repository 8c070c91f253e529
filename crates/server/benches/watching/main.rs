//! What watching costs: who is woken by an event, what 9,999 other watchers add to its price, and
//! what an idle watch holds in memory.
//!
//! The first two are measured over the real engine in one process, where wakes can be counted
//! exactly; the last over the real binary and real connections. Exits with 1 if an event wakes
//! anybody but the one whom it concerns.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking, and prints its result"
)]

#[path = "../../../../tests/harness/mod.rs"]
mod harness;
mod resident;
mod stage;
mod wakes;

use std::process::ExitCode;

/// How many watch, each a verification of its own.
const WATCHERS: usize = 10_000;

fn main() -> ExitCode {
    let wakes = wakes::measure();
    let resident = resident::measure();
    if wakes && resident {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
