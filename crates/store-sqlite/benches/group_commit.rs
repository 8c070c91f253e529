//! What group commit is worth: durable changes a second from 256 producers, all that wait in one
//! transaction against one transaction each, in one run over two folders of the same disk.
//!
//! A change is what a provider's status makes of a verification that exists: one event, the row and
//! its attempt updated, one identity noted. Each producer takes one verification after the other
//! through ten of these, about as many as a real one has. Rounds alternate; medians are compared.
//! Exits with 1 if the median of the rounds' ratios is below the goal.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking, and prints its result"
)]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::task::JoinSet;
use verilane_core::{Event, Verification};
use verilane_store::conformance::sample;
use verilane_store::{CommitObserver, Store};
use verilane_store_sqlite::{SqliteConfig, SqliteStore};

const PRODUCERS: usize = 256;
const ROUNDS: usize = 15;
const STATUSES: [&str; 10] = [
    "PENDING",
    "ACCEPTED",
    "INITIATE_SUBMITTED",
    "INITIATED",
    "KYC_RECEIVED",
    "VALIDITY_CHECK",
    "VALIDITY_SUCCEED",
    "CONFIRM_SUBMITTED",
    "CONFIRMED",
    "FINISH_SUCCESS",
];
const GOAL: f64 = 12.0;

/// Sizes of the batches that were committed.
#[derive(Default)]
struct Batches(Mutex<Vec<usize>>);

impl CommitObserver for Batches {
    fn committed(&self, events: &[Event]) {
        // Each change of this benchmark brings one event.
        self.0.lock().push(events.len());
    }
}

/// A store of its own.
struct Side {
    name: &'static str,
    /// Verifications that each producer takes through their statuses in a round.
    each: usize,
    store: Arc<SqliteStore>,
    batches: Arc<Batches>,
    _folder: TempDir,
}

struct Round {
    rate: f64,
    p50: Duration,
    p99: Duration,
    batch: usize,
}

impl Side {
    fn open(name: &'static str, batch_changes: usize, each: usize) -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let batches = Arc::new(Batches::default());
        let mut config = SqliteConfig::new(folder.path());
        config.batch_changes = batch_changes;
        let store = SqliteStore::open(config, Arc::clone(&batches) as _).unwrap();
        Self {
            name,
            each,
            store: Arc::new(store),
            batches,
            _folder: folder,
        }
    }

    /// The verifications of each producer, which stand already.
    async fn rows(&self) -> Vec<Vec<Verification>> {
        let mut rows: Vec<Vec<Verification>> = (0..PRODUCERS).map(|_| Vec::new()).collect();
        for _ in 0..self.each {
            let new: Vec<_> = (0..PRODUCERS)
                .map(|_| sample::create(sample::START))
                .collect();
            for (change, rows) in new.iter().zip(&mut rows) {
                rows.push(sample::row(change));
            }
            for outcome in join_all(new.into_iter().map(|c| self.store.commit(c))).await {
                outcome.unwrap();
            }
        }
        rows
    }

    async fn round(&self) -> Round {
        let rows = self.rows().await;
        self.batches.0.lock().clear();
        let began = Instant::now();
        let mut producers = JoinSet::new();
        for rows in rows {
            let store = Arc::clone(&self.store);
            producers.spawn(async move {
                let mut waits = Vec::with_capacity(rows.len() * STATUSES.len());
                for mut row in rows {
                    for word in STATUSES {
                        let change = sample::status(&row, word);
                        row = sample::row(&change);
                        let asked = Instant::now();
                        store.commit(change).await.unwrap();
                        waits.push(asked.elapsed());
                    }
                }
                waits
            });
        }
        let mut waits: Vec<Duration> = producers.join_all().await.concat();
        let took = began.elapsed();
        waits.sort_unstable();
        let mut batches = std::mem::take(&mut *self.batches.0.lock());
        batches.sort_unstable();
        Round {
            rate: waits.len() as f64 / took.as_secs_f64(),
            p50: waits[waits.len() / 2],
            p99: waits[waits.len() * 99 / 100],
            batch: batches[batches.len() / 2],
        }
    }
}

fn median<T: Copy + PartialOrd>(values: impl Iterator<Item = T>) -> T {
    let mut values: Vec<T> = values.collect();
    values.sort_by(|a, b| a.partial_cmp(b).unwrap());
    values[values.len() / 2]
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let single = Side::open("one transaction each", 1, 1);
    let group = Side::open("group commit", 512, 8);
    // Not counted: files grow, caches fill.
    single.round().await;
    group.round().await;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push((single.round().await, group.round().await));
    }
    let show = |side: &Side, pick: fn(&(Round, Round)) -> &Round| {
        let all = || rounds.iter().map(pick);
        println!(
            "{:<22} {:>9.0} changes/s   p50 {:>8.2?}   p99 {:>8.2?}   batch {:>4}",
            side.name,
            median(all().map(|r| r.rate)),
            median(all().map(|r| r.p50)),
            median(all().map(|r| r.p99)),
            median(all().map(|r| r.batch)),
        );
    };
    println!("{PRODUCERS} producers, medians of {ROUNDS} alternating rounds");
    show(&single, |round| &round.0);
    show(&group, |round| &round.1);
    let ratio = median(
        rounds
            .iter()
            .map(|(single, group)| group.rate / single.rate),
    );
    println!("ratio {ratio:.1} (goal {GOAL})");
    if ratio < GOAL {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
