//! Random histories of attempts that are looked at and reviewed, against a small model of the rules.
//!
//! A history is a number of steps drawn from a seed: users begin requests at Civic, browsers bring them
//! back, to the right verification or to another, callers review, retry and cancel, with the revision
//! that they have seen or an older one, others decide at Civic, Civic says what it likes, forgets, asks
//! for time, answers nonsense or not at all, time passes, and the service is restarted, or dies in the
//! middle of a look or of telling a decision. After each step the log must hold what the model says,
//! event by event, and no request may be decided twice.
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
mod civic;
mod doing;
#[path = "../histories/mod.rs"]
mod histories;
mod history;
mod model;
mod service;
mod steps;

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use verilane_core::{Decision, EventKind};

use crate::histories::chance::Chance;
use crate::histories::playing::{Kinds, Outcome, Place, play_all};
use crate::history::{Kind, TOLD, play};
use crate::model::Rules;
use crate::service::Workshop;
use crate::steps::{CRASHES, Step, steps};

/// What no history meets: what comes of callbacks, of providers that hold one request, of codes, and of
/// operators.
const LEFT_OUT: [EventKind; 12] = [
    EventKind::StartFailed,
    EventKind::DataDiscarded,
    EventKind::RequestAdopted,
    EventKind::DuplicateSuccess,
    EventKind::DataQuarantined,
    EventKind::DataImported,
    EventKind::ClaimInvalidated,
    EventKind::RequestSeen,
    EventKind::RequestDeclined,
    EventKind::PageError,
    EventKind::CodeExchanged,
    EventKind::ClaimsForgotten,
];

/// How many histories are played where nobody says.
const HISTORIES: u64 = 150;

/// Where one thread plays.
struct Stage {
    runtime: Runtime,
    workshop: Workshop,
}

impl Place for Stage {
    type Step = Step;
    type Kind = Kind;

    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self {
            workshop: runtime.block_on(Workshop::new()),
            runtime,
        }
    }

    fn drawn(seed: u64) -> (Vec<Step>, Kind) {
        let mut chance = Chance(seed);
        let steps = steps(&mut chance);
        let hours = |hours: u64| Some(Duration::from_secs(hours * 3_600));
        let overdue = [None, Some(Decision::Approve), Some(Decision::Reject)];
        let rules = Rules {
            review: chance.one(&[hours(30), hours(30), None]),
            reminder: chance.one(&[hours(10), hours(40), None]),
            overdue: chance.one(&overdue),
        };
        let is_decided = chance.is_one_in(2);
        (steps, Kind { rules, is_decided })
    }

    fn play(&self, steps: &[Step], kind: Kind) -> Outcome<Kinds> {
        self.runtime.block_on(play(&self.workshop, steps, kind))
    }
}

#[test]
fn whatever_happens_in_whatever_order_no_request_is_decided_twice_and_each_ends_as_the_rules_say() {
    if let Some(met) = play_all::<Stage>(HISTORIES) {
        let kinds = EventKind::ALL.iter();
        let never = kinds.filter(|kind| !LEFT_OUT.contains(kind) && !met.contains(kind.as_str()));
        let never: Vec<_> = never.map(|kind| kind.as_str()).collect();
        assert!(never.is_empty(), "no history had {never:?}");
        for point in CRASHES {
            assert!(met.contains(point.name()), "nothing died at {point:?}");
        }
        assert!(met.contains(TOLD));
    }
}
