//! Random histories of the whole service against a small model of the rules.
//!
//! A history is a number of steps drawn from a seed: callers create, retry and cancel, a connector
//! goes on with its transfers, its callbacks come in time, late, twice, out of order, signed anew,
//! forged or not at all, time passes, the connector is down, the service is restarted or ends in the
//! middle of what it does, watchers come back. After each step the log must hold what the model says,
//! event by event, and at the end nothing that the connector did may be missing.
//!
//! `VERILANE_HISTORIES` says how many are played, `VERILANE_HISTORIES_SEED` from which seed on. One
//! that fails is made as short as it can be, and printed with its seed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may stop at the first thing that is not as it says, and say it"
)]

mod checking;
mod connector;
mod doing;
#[path = "../histories/mod.rs"]
mod histories;
mod history;
mod in_time;
mod model;
mod scripted;
mod service;
mod steps;
mod told;

use tokio::runtime::{Builder, Runtime};
use verilane_core::EventKind;

use crate::histories::chance::Chance;
use crate::histories::playing::{Kinds, Outcome, Place, play_all};
use crate::history::{Ending, play};
use crate::service::Workshop;
use crate::steps::{Step, steps};

/// What no history meets: an operator's deeds, and what comes of looks, since this provider calls.
const LEFT_OUT: [EventKind; 14] = [
    EventKind::DataImported,
    EventKind::ClaimInvalidated,
    EventKind::Continued,
    EventKind::ProviderProgress,
    EventKind::EvidenceOffered,
    EventKind::ReviewNeeded,
    EventKind::ReviewDecided,
    EventKind::ReviewReminder,
    EventKind::ReviewOverdue,
    EventKind::RequestSeen,
    EventKind::RequestDeclined,
    EventKind::PageError,
    EventKind::CodeExchanged,
    EventKind::ClaimsForgotten,
];

/// How many histories are played where nobody says.
const HISTORIES: u64 = 300;

/// Where one thread plays.
struct Stage {
    runtime: Runtime,
    workshop: Workshop,
}

impl Place for Stage {
    type Step = Step;
    type Kind = Ending;

    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self {
            workshop: runtime.block_on(Workshop::new()),
            runtime,
        }
    }

    fn drawn(seed: u64) -> (Vec<Step>, Ending) {
        let mut chance = Chance(seed);
        let steps = steps(&mut chance);
        let ending = match chance.below(2) {
            0 => Ending::Delivered,
            _ => Ending::Silent,
        };
        (steps, ending)
    }

    fn play(&self, steps: &[Step], ending: Ending) -> Outcome<Kinds> {
        self.runtime.block_on(play(&self.workshop, steps, ending))
    }
}

#[test]
fn whatever_happens_in_whatever_order_the_service_ends_as_the_rules_say() {
    if let Some(met) = play_all::<Stage>(HISTORIES) {
        let kinds = EventKind::ALL.iter();
        let never = kinds.filter(|kind| !LEFT_OUT.contains(kind) && !met.contains(kind.as_str()));
        let never: Vec<_> = never.collect();
        assert!(never.is_empty(), "no history had {never:?}");
    }
}
