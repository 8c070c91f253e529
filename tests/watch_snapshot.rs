//! A snapshot and the tail after it show every change once, whatever is written while the snapshot
//! is read.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and may say what it saw"
)]

mod harness;

use std::collections::HashMap;

use futures_util::future::join_all;
use harness::{CONNECTION, LIMIT, NOW, RUN, SNAPSHOT, Server, Stage, Watch, What, Wish, waiting};
use verilane_api::v1::{Event, EventFilter, Verification};

/// Verifications that stand before the first snapshot: enough for several pages of it.
const OLD: usize = 230;
/// Those whose users accept meanwhile, those that are cancelled, and those that are created.
const ACCEPTED: std::ops::Range<usize> = 0..30;
const CANCELLED: std::ops::Range<usize> = 180..230;
const NEW: std::ops::Range<usize> = 230..260;
/// How many events come between one wave of snapshots and the next.
const BETWEEN: usize = 40;

/// A watch that began with a snapshot.
struct Taken {
    what: What,
    watch: Watch,
    rows: Vec<Verification>,
}

async fn snapshot(server: &Server, wish: Wish) -> Taken {
    let what = wish.what.clone();
    let mut watch = server.watch(wish.heartbeat(1)).await;
    let rows = watch.snapshot().await;
    Taken { what, watch, rows }
}

/// Everything that happens while snapshots are taken.
async fn write(stage: &Stage, server: &Server, ids: &[String]) {
    let cancels = async {
        for id in &ids[CANCELLED] {
            server.cancel(id).await;
        }
    };
    let creates = server.create_for(stage, NEW);
    ACCEPTED.for_each(|user| stage.accept(user));
    tokio::join!(cancels, creates);
    stage.sandbox.finished(LIMIT).await.unwrap();
}

/// Takes a wave of snapshots each time so many events have come, until all have.
async fn take(server: &Server, ids: &[String], mut log: Watch, count: usize) -> Vec<Taken> {
    let mut taken = Vec::new();
    for wave in 0..count / BETWEEN {
        let ours = EventFilter {
            connections: vec![CONNECTION.to_owned()],
            ..EventFilter::default()
        };
        let wishes = [
            Wish::all(SNAPSHOT),
            Wish::matching(ours, SNAPSHOT),
            Wish::one(&ids[ACCEPTED.start + wave % ACCEPTED.len()], SNAPSHOT),
            Wish::one(&ids[CANCELLED.start + wave % CANCELLED.len()], SNAPSHOT),
        ];
        taken.extend(join_all(wishes.map(|wish| snapshot(server, wish))).await);
        log.take(BETWEEN).await;
    }
    taken
}

#[tokio::test]
async fn a_snapshot_and_its_tail_neither_miss_nor_repeat_what_is_written_meanwhile() {
    let stage = Stage::with(waiting(NEW.end), "").await;
    let server = stage.start();
    let created = server.create_for(&stage, 0..OLD).await;
    let ids: Vec<String> = created
        .into_iter()
        .map(|verification| verification.id)
        .collect();
    let count = ACCEPTED.len() * (RUN - 2) + CANCELLED.len() + NEW.len() * 2;
    let news = server.watch(Wish::all(NOW)).await;
    let ((), mut taken) = tokio::join!(
        write(&stage, &server, &ids),
        take(&server, &ids, news, count)
    );
    let log = server.log().await;
    assert_eq!(log.len(), OLD * 2 + count);
    let now = stage.clock.now();
    let tails = taken.iter_mut().map(|taken| taken.watch.quiet_after(now));
    let tails = join_all(tails).await;
    let mut ahead = 0;
    for (taken, tail) in taken.iter().zip(&tails) {
        ahead += check(taken, tail, &log);
    }
    println!(
        "{} snapshots; {ahead} of their rows were newer than the log was when they began",
        taken.len()
    );
    assert!(ahead > 0, "nothing was written while a snapshot was read");
    stage.end().await;
}

/// Each verification's row and its tail follow on one another, and come to the log's end. How many
/// rows showed what had happened after the snapshot's head.
fn check(taken: &Taken, tail: &[Event], log: &[Event]) -> usize {
    let shown: HashMap<&str, u64> = taken
        .rows
        .iter()
        .map(|row| (row.id.as_str(), row.revision))
        .collect();
    assert_eq!(shown.len(), taken.rows.len(), "a row came twice");
    let is_due = |event: &&Event| {
        let concerns = match &taken.what {
            What::One(id) => event.verification_id == *id,
            What::Many(_) => true,
        };
        let row = shown.get(event.verification_id.as_str());
        concerns && row.is_none_or(|revision| event.revision > *revision)
    };
    // In particular, what has no row comes from its first event on.
    let due: Vec<&Event> = log.iter().filter(is_due).collect();
    assert!(tail.iter().eq(due), "{:?}", taken.what);
    let began = tail.first().map_or(u64::MAX, |event| event.sequence);
    let is_ahead = |event: &&Event| {
        event.sequence > began && shown.get(event.verification_id.as_str()) == Some(&event.revision)
    };
    log.iter().filter(is_ahead).count()
}
