//! The removal of what has served its time.

use verilane_core::{EvidenceId, Reason, Sealed, Sequence};
use verilane_engine::{EngineConfig, WatchStart};

use crate::stage::calls::{Body, call};
use crate::stage::{DAY, HOUR, MINUTE, Play, SECOND, START, Stage, request, request_as, soon};

/// Runs the purge that is due now, and waits until the next one is scheduled.
async fn purged(stage: &Stage, play: &mut Play) {
    play.run_jobs();
    let next = stage.now() + stage.config.purge_interval;
    soon(async {
        while play.store.next_due().await.unwrap() != Some(next) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    play.stop_jobs().await;
}

fn keeps(events: std::time::Duration) -> impl FnOnce(&mut EngineConfig) {
    move |config| config.event_retention = Some(events)
}

#[tokio::test]
async fn events_are_kept_for_ever_unless_configured_otherwise() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    stage.puppet.last_start().succeed(&play.engine).await;
    let log = play.log().await;
    stage.clock.advance(10_000 * DAY);
    purged(&stage, &mut play).await;
    assert_eq!(play.log().await, log);
    play.close().await;
}

#[tokio::test]
async fn events_older_than_configured_go_oldest_first_and_what_stays_has_no_hole() {
    let stage = Stage::new().with(keeps(HOUR));
    let mut play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    stage.puppet.last_start().succeed(&play.engine).await;
    stage.clock.advance(40 * MINUTE);
    play.engine.create(request("grace")).await.unwrap();
    stage.puppet.last_start().succeed(&play.engine).await;
    let log = play.log().await;
    assert_eq!(log.len(), 14);
    stage.clock.advance(21 * MINUTE);
    purged(&stage, &mut play).await;
    assert_eq!(play.log().await, log[7..]);
    assert_eq!(play.store.head().await.unwrap().purged_to, Sequence(7));
    // The verification itself stays.
    let id = log[0].body.verification;
    assert_eq!(play.view(id).await.row.revision.0, 7);
    play.close().await;
}

#[tokio::test]
async fn a_purge_of_more_than_one_bite_comes_back_for_the_rest() {
    let stage = Stage::new().with(keeps(HOUR));
    let mut play = stage.open().await;
    for user in 0..160 {
        play.engine
            .create(request(&format!("user {user}")))
            .await
            .unwrap();
        stage.puppet.last_start().succeed(&play.engine).await;
    }
    assert_eq!(play.log().await.len(), 1_120);
    stage.clock.advance(2 * HOUR);
    purged(&stage, &mut play).await;
    assert!(play.log().await.is_empty());
    assert_eq!(play.store.head().await.unwrap().purged_to, Sequence(1_120));
    play.close().await;
}

#[tokio::test]
async fn a_request_id_is_removed_after_its_time() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let first = play.engine.create(request_as("r", "ada")).await.unwrap();
    stage.puppet.last_start().succeed(&play.engine).await;
    stage.clock.set(START + DAY + SECOND);
    purged(&stage, &mut play).await;
    let anew = play.engine.create(request_as("r", "ada")).await.unwrap();
    assert_ne!(anew.row.id, first.row.id);
    play.close().await;
}

#[tokio::test]
async fn a_slot_s_paths_are_answered_until_its_time_and_not_after() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    start.succeed(&play.engine).await;
    stage.clock.set(START + 90 * DAY);
    purged(&stage, &mut play).await;
    start.report(&play.engine, "ACCEPTED").await.unwrap();
    stage.clock.advance(SECOND);
    purged(&stage, &mut play).await;
    let refusal = start.report(&play.engine, "ACCEPTED").await.unwrap_err();
    assert_eq!(refusal.reason, Reason::CallbackPathUnknown);
    // The next attempt has paths of its own.
    play.engine.create(request("ada")).await.unwrap();
    assert_ne!(stage.puppet.last_start().status_url, start.status_url);
    play.close().await;
}

#[tokio::test]
async fn a_slot_that_is_taken_again_keeps_its_paths_for_longer() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    let first = stage.puppet.last_start();
    first.succeed(&play.engine).await;
    stage.clock.set(START + 80 * DAY);
    play.engine.create(request("ada")).await.unwrap();
    let second = stage.puppet.last_start();
    assert_eq!(second.status_url, first.status_url);
    second.succeed(&play.engine).await;
    stage.clock.set(START + 169 * DAY);
    purged(&stage, &mut play).await;
    second.report(&play.engine, "ACCEPTED").await.unwrap();
    play.close().await;
}

#[tokio::test]
async fn chunks_that_no_evidence_names_go_and_those_that_one_names_stay() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    let body = Body::status("ACCEPTED", start.expiry);
    call(&play.engine, &start.status_path(), &body)
        .await
        .unwrap();
    let chunk = Sealed::new(b"a chunk that nobody names".to_vec());
    let put = play
        .store
        .put_chunks(EvidenceId::generate(), 0, vec![chunk], stage.now());
    put.await.unwrap();
    let left = |stage: &Stage| {
        let bytes = stage.bytes_on_disk();
        bytes.windows(25).any(|w| w == b"a chunk that nobody names")
    };
    stage.clock.advance(DAY);
    purged(&stage, &mut play).await;
    play.close().await;
    assert!(left(&stage));
    let mut play = stage.open().await;
    stage.clock.advance(SECOND);
    purged(&stage, &mut play).await;
    let evidence = play.store.evidence(created.row.id).await.unwrap();
    assert!(play.store.chunk(evidence[0].id, 0).await.unwrap().is_some());
    play.close().await;
    assert!(!left(&stage));
}

#[tokio::test]
async fn the_purge_comes_back_by_itself() {
    let stage = Stage::new().with(keeps(HOUR));
    let mut play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    stage.puppet.last_start().succeed(&play.engine).await;
    play.run_jobs();
    let all = verilane_engine::EventFilter::default();
    let watch = play
        .engine
        .watch_many(all, &WatchStart::Now, std::time::Duration::MAX);
    drop(watch.await.unwrap());
    for _ in 0..2 {
        let due = soon(async {
            loop {
                let due = play.store.next_due().await.unwrap();
                if due == Some(stage.now() + HOUR) {
                    return due.unwrap();
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        stage.clock.set(due + SECOND);
    }
    soon(async {
        while !play.log().await.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    play.close().await;
}
