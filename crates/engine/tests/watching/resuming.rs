//! Promise 1: every event after the token, once, in order, without a gap, across reconnects and
//! restarts.

use verilane_engine::{WatchEnd, WatchStart};

use super::crowd::{after, all, crowd, done, one, one_run, says, told};
use crate::stage::Stage;
use crate::stage::frames::{NEVER, QUICK, Watch, event};

#[tokio::test]
async fn resuming_a_watch_of_all_from_every_place_gives_exactly_the_rest() {
    let stage = Stage::new();
    let play = stage.open().await;
    for _ in 0..4 {
        one_run(&play.engine, &stage.puppet).await;
    }
    let log = told(&play).await;
    let mut first = all(&play, &WatchStart::Beginning).await;
    let messages = first.some_news(log.len()).await;
    assert_eq!(says(&messages), log);
    play.close().await;
    // By an engine that made none of the events: from the store.
    let play = stage.open().await;
    for (place, message) in messages.iter().enumerate() {
        let mut watch = all(&play, &after(message)).await;
        let rest = watch.some_news(log.len() - place - 1).await;
        assert_eq!(says(&rest), log[place + 1..]);
        // And nothing more: the next thing is what happens next.
        let tokens: Vec<_> = rest.iter().map(|m| &m.token).collect();
        assert_eq!(
            tokens,
            messages[place + 1..]
                .iter()
                .map(|m| &m.token)
                .collect::<Vec<_>>()
        );
    }
    let mut last = all(&play, &after(messages.last().unwrap())).await;
    one_run(&play.engine, &stage.puppet).await;
    assert_eq!(last.news().await.unwrap().sequence(), log.len() as u64 + 1);
}

#[tokio::test]
async fn resuming_a_watch_of_one_from_every_place_gives_exactly_its_rest() {
    let stage = Stage::new();
    let play = stage.open().await;
    one_run(&play.engine, &stage.puppet).await;
    let id = one_run(&play.engine, &stage.puppet).await;
    one_run(&play.engine, &stage.puppet).await;
    let own: Vec<_> = play
        .events_of(id)
        .await
        .iter()
        .map(|e| event(e, None))
        .collect();
    let mut first = one(&play, id, &WatchStart::Beginning).await;
    let messages = first.some_news(own.len()).await;
    assert_eq!(says(&messages), own);
    play.close().await;
    let play = stage.open().await;
    for (place, message) in messages.iter().enumerate() {
        let watch = play
            .engine
            .watch_one(id, &after(message), WatchEnd::Never, QUICK)
            .await;
        let head = play.store.head().await.unwrap().last;
        let rest = watch.unwrap().news_to(head).await;
        assert_eq!(says(&rest), own[place + 1..]);
    }
}

#[tokio::test]
async fn a_watch_from_now_is_told_what_happens_and_not_what_happened() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = one_run(&play.engine, &stage.puppet).await;
    let mut everything = all(&play, &WatchStart::Now).await;
    let mut single = one(&play, id, &WatchStart::Now).await;
    stage
        .puppet
        .last_start()
        .report(&play.engine, "CALLBACK_FAILED")
        .await
        .unwrap();
    assert_eq!(everything.news().await.unwrap().sequence(), 8);
    assert_eq!(single.news().await.unwrap().sequence(), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watches_of_all_that_reconnect_all_the_time_miss_and_repeat_nothing_while_writers_race() {
    let stage = Stage::new().with_ring(16);
    let play = stage.open().await;
    let watchers: Vec<_> = (1..=6)
        .map(|per_connection| {
            let engine = std::sync::Arc::clone(&play.engine);
            tokio::spawn(async move {
                let mut start = WatchStart::Beginning;
                let mut got = Vec::new();
                while got.len() < 7 * 40 {
                    let filter = verilane_engine::EventFilter::default();
                    let mut watch = engine.watch_many(filter, &start, NEVER).await.unwrap();
                    let left = 7 * 40 - got.len();
                    let some = watch.some_news(left.min(per_connection * 3)).await;
                    start = after(some.last().unwrap());
                    got.extend(says(&some));
                }
                got
            })
        })
        .collect();
    done(crowd(&stage, &play, 4, 10)).await;
    let log = told(&play).await;
    assert_eq!(log.len(), 280);
    for watcher in watchers {
        assert_eq!(watcher.await.unwrap(), log);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watches_of_one_from_its_creation_see_each_of_its_revisions_while_writers_race() {
    let stage = Stage::new().with_ring(4);
    let play = stage.open().await;
    let mut creations = all(&play, &WatchStart::Beginning).await;
    let writers = crowd(&stage, &play, 4, 10);
    let mut watchers = Vec::new();
    while watchers.len() < 40 {
        let message = creations.news().await.unwrap();
        if message.revision() != 1 {
            continue;
        }
        let engine = std::sync::Arc::clone(&play.engine);
        let start = [WatchStart::Beginning, WatchStart::Now][watchers.len() % 2].clone();
        watchers.push(tokio::spawn(async move {
            let id = message.verification().parse().unwrap();
            let opened = engine.watch_one(id, &start, WatchEnd::Never, NEVER).await;
            let mut watch = opened.unwrap();
            let mut revisions = Vec::new();
            loop {
                // A watch from now may have begun after the last event.
                if revisions.is_empty() && start == WatchStart::Now {
                    let row = engine.get(id).await.unwrap().row;
                    if row.revision.0 == 7 {
                        return;
                    }
                }
                revisions.push(watch.news().await.unwrap().revision());
                if revisions.last() == Some(&7) {
                    break;
                }
            }
            let first = revisions[0];
            assert_eq!(revisions, (first..=7).collect::<Vec<_>>());
            assert!(first == 1 || start == WatchStart::Now);
        }));
    }
    done(writers).await;
    for watcher in watchers {
        crate::stage::soon(watcher).await.unwrap();
    }
}
