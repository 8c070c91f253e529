//! Promise 5, as far as it goes inside: a cursor holds little, falls behind the ring, reads the store
//! and comes back; and no more watches are held than configured.

use std::sync::Arc;

use verilane_core::{Reason, VerificationId};
use verilane_engine::{EventFilter, WatchEnd, WatchStart};

use super::crowd::{all, crowd, done, one, one_run, says, told};
use crate::stage::Stage;
use crate::stage::frames::{NEVER, Watch, event};

#[tokio::test]
async fn a_cursor_that_falls_behind_the_ring_reads_the_store_and_comes_back() {
    for ring in [1, 2, 3, 7, 100] {
        let stage = Stage::new().with_ring(ring);
        let play = stage.open().await;
        let mut watch = all(&play, &WatchStart::Now).await;
        let mut got = Vec::new();
        for some in [1, 3, 9, 2, 20] {
            one_run(&play.engine, &stage.puppet).await;
            one_run(&play.engine, &stage.puppet).await;
            got.extend(watch.some_news(some).await);
        }
        let log = told(&play).await;
        got.extend(watch.some_news(log.len() - got.len()).await);
        assert_eq!(says(&got), log, "a ring of {ring}");
        // It is back in the ring: the next event comes as it happens.
        one_run(&play.engine, &stage.puppet).await;
        assert_eq!(watch.news().await.unwrap().sequence(), log.len() as u64 + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tail_watches_with_a_tiny_ring_see_the_whole_log_while_writers_race() {
    let stage = Stage::new().with_ring(2);
    let play = stage.open().await;
    let watchers: Vec<_> = (0..20)
        .map(|_| {
            let engine = Arc::clone(&play.engine);
            tokio::spawn(async move {
                let start = WatchStart::Beginning;
                let watch = engine
                    .watch_many(EventFilter::default(), &start, NEVER)
                    .await;
                let mut watch = watch.unwrap();
                says(&watch.some_news(7 * 60).await)
            })
        })
        .collect();
    done(crowd(&stage, &play, 6, 10)).await;
    let log = told(&play).await;
    for watcher in watchers {
        assert_eq!(watcher.await.unwrap(), log);
    }
}

#[tokio::test]
async fn a_watch_of_one_that_fell_behind_its_topic_reads_the_store() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play
        .engine
        .create(crate::stage::request("ada"))
        .await
        .unwrap();
    let id = created.row.id;
    let mut watch = one(&play, id, &WatchStart::Beginning).await;
    assert_eq!(watch.some_news(2).await.len(), 2);
    let start = stage.puppet.last_start();
    for word in [
        "PENDING",
        "ACCEPTED",
        "INITIATED",
        "CONFIRMED",
        "CALLBACK_FAILED",
        "FINISH_SUCCESS",
        "FINISH_FAILED",
    ] {
        start.report(&play.engine, word).await.unwrap();
    }
    start
        .deliver(&play.engine, &[("EMAIL", "a@b.c")])
        .await
        .unwrap();
    start.report(&play.engine, "VALIDITY_FAILED").await.unwrap();
    let own: Vec<_> = play
        .events_of(id)
        .await
        .iter()
        .map(|e| event(e, None))
        .collect();
    assert_eq!(own.len(), 11);
    assert_eq!(says(&watch.some_news(9).await), own[2..]);
}

#[tokio::test]
async fn no_more_watches_are_held_than_configured_and_each_that_ends_makes_room() {
    let stage = Stage::new().with(|config| config.max_watches = 3);
    let play = stage.open().await;
    let id = one_run(&play.engine, &stage.puppet).await;
    let now = WatchStart::Now;
    let first = all(&play, &now).await;
    let second = one(&play, id, &now).await;
    let third = all(&play, &now).await;
    let refused = play
        .engine
        .watch_many(EventFilter::default(), &now, NEVER)
        .await;
    let error = refused.err().unwrap();
    assert_eq!(error.reason, Reason::TooManyWatches);
    assert!(error.retry_after.is_some());
    let refused = play
        .engine
        .watch_one(id, &now, WatchEnd::Never, NEVER)
        .await;
    assert_eq!(refused.err().unwrap().reason, Reason::TooManyWatches);
    drop(second);
    // One that can't be opened takes no room.
    for _ in 0..5 {
        let nobody = VerificationId::generate();
        let refused = play
            .engine
            .watch_one(nobody, &now, WatchEnd::Never, NEVER)
            .await;
        assert_eq!(refused.err().unwrap().reason, Reason::VerificationNotFound);
    }
    let again = all(&play, &now).await;
    drop((first, third, again));
}
