//! Random histories of codes that are exchanged, against a small model of the rules.
//!
//! A history is a number of steps drawn from a seed: users approve, pages tell what they see and hand
//! codes in, to the right verification or to another, once or again, the provider gives, refuses, asks
//! for time, loses its answer or is never reached, links to large answers die, callers retry and cancel,
//! time passes, the clock leaps or is put back, and the service is restarted, or dies in the middle of
//! an exchange. After each step the log must hold what the model says, event by event, each job must
//! count what was sent, and no code may be sent once its answer is durable.
//!
//! `VERILANE_HISTORIES` says how many are played, `VERILANE_HISTORIES_SEED` from which seed on. One
//! that fails is made as short as it can be, and printed with its seed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first thing that is not as it says, and say it"
)]

mod checking;
mod doing;
mod explaining;
#[path = "../histories/mod.rs"]
mod histories;
mod history;
mod model;
mod service;
#[path = "../stage/mod.rs"]
mod stage;
mod steps;

use tokio::runtime::{Builder, Runtime};
use verilane_core::{EventKind, Reason};

use crate::histories::chance::Chance;
use crate::histories::playing::{Kinds, Outcome, Place, play_all};
use crate::history::play;
use crate::steps::{CRASHES, Step, steps};

/// What some history must meet.
const EVENTS: [EventKind; 13] = [
    EventKind::Created,
    EventKind::AttemptStarted,
    EventKind::ActionAvailable,
    EventKind::RequestSeen,
    EventKind::RequestDeclined,
    EventKind::PageError,
    EventKind::Continued,
    EventKind::CodeExchanged,
    EventKind::DataReceived,
    EventKind::FailureReported,
    EventKind::Expired,
    EventKind::RetryClosed,
    EventKind::Cancelled,
];
const ENDS: [Reason; 9] = [
    Reason::CodeAlreadyUsed,
    Reason::ExchangeAbandoned,
    Reason::ExchangeRefused,
    Reason::ExchangeUnauthorized,
    Reason::ExchangeAnswerInvalid,
    Reason::ExchangeOutcomeUnknown,
    Reason::SubjectMismatch,
    Reason::ClaimNotValid,
    Reason::RequiredItemMissing,
];

/// How many histories are played where nobody says.
const HISTORIES: u64 = 150;

/// Where one thread plays.
struct Stage {
    runtime: Runtime,
}

impl Place for Stage {
    type Step = Step;
    type Kind = ();

    fn new() -> Self {
        Self {
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
        }
    }

    fn drawn(seed: u64) -> (Vec<Step>, ()) {
        (steps(&mut Chance(seed)), ())
    }

    fn play(&self, steps: &[Step], (): ()) -> Outcome<Kinds> {
        self.runtime.block_on(play(steps))
    }
}

#[test]
fn whatever_happens_in_whatever_order_no_answer_is_lost_that_was_durable_and_each_ends_as_the_rules_say()
 {
    if let Some(met) = play_all::<Stage>(HISTORIES) {
        let events = EVENTS.iter().map(|kind| kind.as_str());
        let ends = ENDS.iter().map(|reason| reason.code());
        let points = CRASHES.iter().map(|point| point.name());
        let never: Vec<_> = events
            .chain(ends)
            .chain(points)
            .filter(|what| !met.contains(what))
            .collect();
        assert!(never.is_empty(), "no history had {never:?}");
    }
}
