//! Plays many histories, each drawn from a seed, and makes one that fails as short as it can be.
//!
//! `VERILANE_HISTORIES` says how many are played, `VERILANE_HISTORIES_SEED` from which seed on.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

const SEED: u64 = 1;

pub type Outcome<T = ()> = Result<T, String>;

/// Which kinds of events a history had.
pub type Kinds = BTreeSet<&'static str>;

/// Where one thread plays.
pub trait Place {
    type Step: Clone + Debug + Send;
    /// What a history is beside its steps.
    type Kind: Copy + Debug + Send;

    fn new() -> Self;

    /// The history of a seed.
    fn drawn(seed: u64) -> (Vec<Self::Step>, Self::Kind);

    fn play(&self, steps: &[Self::Step], kind: Self::Kind) -> Outcome<Kinds>;
}

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

/// A panic is a failure like any other, so that its seed is printed.
fn outcome<P: Place>(place: &P, steps: &[P::Step], kind: P::Kind) -> Outcome<Kinds> {
    catch_unwind(AssertUnwindSafe(|| place.play(steps, kind)))
        .unwrap_or_else(|_| Err("a panic, see above".to_owned()))
}

/// The history without any step that it fails without.
fn shortened<P: Place>(
    mut steps: Vec<P::Step>,
    kind: P::Kind,
    mut why: String,
) -> (Vec<P::Step>, String) {
    let place = P::new();
    let mut size = steps.len() / 2;
    while size > 0 {
        let mut from = 0;
        while from < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(from..(from + size).min(steps.len()));
            match outcome(&place, &fewer, kind) {
                Err(other) => (steps, why) = (fewer, other),
                Ok(_) => from += size,
            }
        }
        size /= 2;
    }
    (steps, why)
}

/// Plays so many histories, or as many as the environment says. Which kinds of events they had; nothing
/// if they were fewer than usual. Fails with the first that fails.
pub fn play_all<P: Place>(usual: u64) -> Option<Kinds> {
    let count = number("VERILANE_HISTORIES", usual);
    let first = number("VERILANE_HISTORIES_SEED", SEED);
    let (next, failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let met = Mutex::new(BTreeSet::new());
    let play_some = || {
        let place = P::new();
        loop {
            let turn = next.fetch_add(1, Ordering::SeqCst);
            if turn >= count || failed.load(Ordering::SeqCst) {
                return None;
            }
            let seed = first.wrapping_add(turn);
            let (steps, kind) = P::drawn(seed);
            match outcome(&place, &steps, kind) {
                Ok(kinds) => met.lock().extend(kinds),
                Err(why) => {
                    failed.store(true, Ordering::SeqCst);
                    return Some((seed, steps, kind, why));
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
    let Some((seed, steps, kind, why)) = failures.into_iter().next() else {
        return (count >= usual).then(|| met.into_inner());
    };
    eprintln!("a history failed: VERILANE_HISTORIES=1 VERILANE_HISTORIES_SEED={seed}\n{why}");
    let (steps, why) = shortened::<P>(steps, kind, why);
    let steps: Vec<_> = steps.iter().map(|step| format!("  {step:?}")).collect();
    panic!(
        "seed {seed}, at its shortest, {kind:?}:\n{}\n{why}",
        steps.join("\n")
    );
}
