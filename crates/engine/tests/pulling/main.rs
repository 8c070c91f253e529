//! What is missed is pulled: after silence, a restart, a callback that proves nothing, and before an
//! end; each once, in order, and for the attempt that it is about.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first thing that is not as it says"
)]

#[path = "../stage/mod.rs"]
mod stage;

mod callbacks;
mod ends;
mod polls;
mod whose;

use verilane_core::{Event, JobKind, Timestamp};

use crate::stage::{Play, Stage, soon};

/// The provider's words of an attempt's events, oldest first, each with its assurance.
fn words(log: &[Event]) -> Vec<(String, &'static str)> {
    let told = log.iter().filter_map(|event| {
        let word = event.body.provider_status.as_ref()?;
        Some((word.to_string(), event.body.assurance.as_str()))
    });
    told.collect()
}

fn pulled(words: &[&str]) -> Vec<(String, &'static str)> {
    words.iter().map(|w| ((*w).to_owned(), "PULLED")).collect()
}

/// Waits until the next job is due then.
async fn next_due(play: &Play, due: Timestamp) {
    soon(async {
        while play.store.next_due().await.unwrap() != Some(due) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Lets jobs run, and those end that are due by now.
async fn begin(stage: &Stage, play: &mut Play) {
    play.run_jobs();
    settled(stage, play).await;
}

/// Waits until nothing is due any more, and nothing that was due is under way.
async fn settled(stage: &Stage, play: &Play) {
    soon(async {
        loop {
            let jobs = play.store.due_jobs(Timestamp::MAX, 1_000).await.unwrap();
            let stands = jobs.iter().any(|job| job.key.kind == JobKind::Purge);
            if stands && jobs.iter().all(|job| job.due > stage.now()) {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
}
