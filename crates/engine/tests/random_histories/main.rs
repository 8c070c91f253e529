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
mod history;
mod in_time;
mod model;
mod service;
mod steps;
mod told;
mod watcher;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};
use verilane_core::EventKind;

use crate::history::{Ending, Outcome, play};
use crate::service::Workshop;
use crate::steps::{Chance, Step, steps};

/// What no history meets: an operator's deeds, and what comes of looks, since this provider calls.
const LEFT_OUT: [EventKind; 13] = [
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
];

/// How many histories are played where nobody says.
const HISTORIES: u64 = 300;
const SEED: u64 = 1;

#[allow(
    clippy::disallowed_methods,
    reason = "a test is told by its environment how much to play, and has no configuration"
)]
fn number(name: &str, usual: u64) -> u64 {
    match std::env::var(name) {
        Err(_) => usual,
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
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

/// Where one thread plays.
struct Place {
    runtime: Runtime,
    workshop: Workshop,
}

impl Place {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self {
            workshop: runtime.block_on(Workshop::new()),
            runtime,
        }
    }

    /// A panic is a failure like any other, so that its seed is printed.
    fn outcome(&self, steps: &[Step], ending: Ending) -> Outcome<BTreeSet<&'static str>> {
        let play = || self.runtime.block_on(play(&self.workshop, steps, ending));
        catch_unwind(AssertUnwindSafe(play))
            .unwrap_or_else(|_| Err("a panic, see above".to_owned()))
    }
}

/// The history without any step that it fails without.
fn shortened(mut steps: Vec<Step>, ending: Ending, mut why: String) -> (Vec<Step>, String) {
    let place = Place::new();
    let mut size = steps.len() / 2;
    while size > 0 {
        let mut from = 0;
        while from < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(from..(from + size).min(steps.len()));
            match place.outcome(&fewer, ending) {
                Err(other) => (steps, why) = (fewer, other),
                Ok(_) => from += size,
            }
        }
        size /= 2;
    }
    (steps, why)
}

#[test]
fn whatever_happens_in_whatever_order_the_service_ends_as_the_rules_say() {
    let count = number("VERILANE_HISTORIES", HISTORIES);
    let first = number("VERILANE_HISTORIES_SEED", SEED);
    let (next, failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let met = Mutex::new(BTreeSet::new());
    let play_some = || {
        let place = Place::new();
        loop {
            let turn = next.fetch_add(1, Ordering::SeqCst);
            if turn >= count || failed.load(Ordering::SeqCst) {
                return None;
            }
            let seed = first.wrapping_add(turn);
            let (steps, ending) = drawn(seed);
            match place.outcome(&steps, ending) {
                Ok(kinds) => met.lock().extend(kinds),
                Err(why) => {
                    failed.store(true, Ordering::SeqCst);
                    return Some((seed, steps, ending, why));
                }
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let failures: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(play_some)).collect();
        let ends = threads
            .into_iter()
            .filter_map(|thread| thread.join().unwrap());
        ends.collect()
    });
    let Some((seed, steps, ending, why)) = failures.into_iter().next() else {
        let never = EventKind::ALL
            .into_iter()
            .filter(|kind| !LEFT_OUT.contains(kind) && !met.lock().contains(kind.as_str()));
        let never: Vec<_> = never.collect();
        assert!(
            count < HISTORIES || never.is_empty(),
            "no history had {never:?}"
        );
        return;
    };
    eprintln!("a history failed: VERILANE_HISTORIES=1 VERILANE_HISTORIES_SEED={seed}\n{why}");
    let (steps, why) = shortened(steps, ending, why);
    let steps: Vec<_> = steps.iter().map(|step| format!("  {step:?}")).collect();
    panic!(
        "seed {seed}, at its shortest, {ending:?}:\n{}\n{why}",
        steps.join("\n")
    );
}
