//! The six promises of a watch, as the comments of WatchVerification and WatchVerifications make
//! them: a test each, over the real binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../harness/mod.rs"]
mod harness;
mod the_end;
mod the_middle;

use std::time::Duration;

use harness::{From, Server, Wish};
use tonic::Status;
use verilane_api::v1::{Event, EventFilter, State};

/// From one status to the next, by the clock, where a test wants them one by one.
const STEP: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

fn in_states(states: &[State]) -> EventFilter {
    EventFilter {
        states: states.iter().map(|state| i32::from(*state)).collect(),
        ..EventFilter::default()
    }
}

fn after(token: &str) -> From {
    From::Token(token.to_owned())
}

fn revisions(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.revision).collect()
}

/// How a watch is refused; it must be.
async fn refused(server: &Server, wish: Wish) -> Status {
    let opened = wish.open(server.channel()).await;
    opened.err().expect("it is refused")
}
