//! Promise 2: a snapshot, its end with a token, then the tail, under writers that race: nothing is
//! missed and nothing is told twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use verilane_core::{Reason, State};
use verilane_engine::{EventFilter, WatchStart};

use super::crowd::{after, all, crowd, done, many, one_run, says, told};
use crate::stage::frames::{Message, NEVER, Watch, event, place};
use crate::stage::{Stage, request};

#[tokio::test]
async fn a_snapshot_shows_what_stands_then_its_end_then_what_happens() {
    let stage = Stage::new();
    let play = stage.open().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(one_run(&play.engine, &stage.puppet).await.to_string());
        stage.clock.advance(crate::stage::SECOND);
    }
    let mut watch = all(&play, &WatchStart::Snapshot).await;
    let shown = watch.some_news(3).await;
    ids.reverse();
    assert_eq!(
        shown.iter().map(Message::verification).collect::<Vec<_>>(),
        ids
    );
    assert!(
        shown
            .iter()
            .all(|row| row.token.is_empty() && row.revision() == 7)
    );
    let end = watch.news().await.unwrap();
    assert_eq!(end.says["rows"], 3);
    one_run(&play.engine, &stage.puppet).await;
    let tail = watch.some_news(7).await;
    assert_eq!(says(&tail), told(&play).await[21..]);
    // The end's token is good for another stream.
    let mut resumed = all(&play, &after(&end)).await;
    assert_eq!(resumed.some_news(7).await, tail);
}

#[tokio::test]
async fn an_empty_snapshot_has_an_end_with_a_token_too() {
    let stage = Stage::new();
    let play = stage.open().await;
    let end = all(&play, &WatchStart::Snapshot)
        .await
        .news()
        .await
        .unwrap();
    assert_eq!(end.says["rows"], 0);
    one_run(&play.engine, &stage.puppet).await;
    let mut resumed = all(&play, &after(&end)).await;
    assert_eq!(resumed.news().await.unwrap().sequence(), 1);
}

#[tokio::test]
async fn a_snapshot_of_many_pages_shows_every_row() {
    let stage = Stage::new();
    let play = stage.open().await;
    for user in 0..250 {
        play.engine
            .create(request(&format!("user {user}")))
            .await
            .unwrap();
    }
    let mut watch = all(&play, &WatchStart::Snapshot).await;
    let mut rows: Vec<_> = watch
        .some_news(250)
        .await
        .iter()
        .map(Message::verification)
        .collect();
    rows.sort();
    rows.dedup();
    assert_eq!(rows.len(), 250);
    assert_eq!(watch.news().await.unwrap().says["rows"], 250);
}

/// What a watcher knows of each verification: its revision, as told by a row or by events that
/// follow one another.
#[derive(Default)]
struct Known(BTreeMap<String, u64>);

impl Known {
    fn row(&mut self, row: &Message) {
        let before = self.0.insert(row.verification(), row.revision());
        assert_eq!(before, None, "a row is shown twice");
    }

    fn event(&mut self, event: &Value) {
        let id = event["verification"].as_str().unwrap().to_owned();
        let revision = event["revision"].as_u64().unwrap();
        let known = self.0.entry(id).or_default();
        assert_eq!(*known + 1, revision, "an event is missing, or told twice");
        *known = revision;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshot_and_tail_under_racing_writers_neither_miss_nor_repeat() {
    let stage = Stage::new().with_ring(32);
    let play = stage.open().await;
    let (writers, runs) = (6, 12);
    // Some stand before, so that a snapshot has several pages.
    for _ in 0..60 {
        one_run(&play.engine, &stage.puppet).await;
    }
    let before = play.log().await.len();
    let total = before + writers * runs * 7;
    let mut pace = all(&play, &WatchStart::Now).await;
    let racing = crowd(&stage, &play, writers, runs);
    let mut watchers = Vec::new();
    // A snapshot begins at ever other moments of the race.
    for number in 0..40 {
        pace.some_news(1 + number % 17).await;
        let engine = Arc::clone(&play.engine);
        watchers.push(tokio::spawn(async move {
            let filter = EventFilter::default();
            let mut watch = engine
                .watch_many(filter, &WatchStart::Snapshot, NEVER)
                .await
                .unwrap();
            let mut known = Known::default();
            let end = loop {
                let message = watch.news().await.unwrap();
                if message.is("end") {
                    break message;
                }
                known.row(&message);
                // Slowly, so that much changes between its pages.
                tokio::task::yield_now().await;
            };
            assert_eq!(end.says["rows"], known.0.len());
            let mut last = place(&end.token).0;
            let mut sequences = Vec::new();
            while last < total as u64 {
                // The last event can have been shown by a row.
                let done =
                    known.0.len() == 60 + writers * runs && known.0.values().all(|r| *r == 7);
                if done {
                    break;
                }
                let message = watch.news().await.unwrap();
                known.event(&message.says);
                assert!(message.sequence() > last);
                last = message.sequence();
                sequences.push(last);
            }
            (known, end)
        }));
    }
    done(racing).await;
    let log = told(&play).await;
    assert_eq!(log.len(), total);
    for watcher in watchers {
        let (known, end) = crate::stage::soon(watcher).await.unwrap();
        assert_eq!(known.0.len(), 60 + writers * runs);
        assert!(known.0.values().all(|revision| *revision == 7));
        assert!(place(&end.token).0 as usize >= before);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filtered_snapshot_under_racing_writers_ends_where_the_log_does() {
    // Whoever keeps the rows that match, and lets events that leave the filter remove them, knows
    // exactly what a list would say.
    let stage = Stage::new().with_ring(8);
    let play = stage.open().await;
    let open = || EventFilter {
        states: vec![State::Pending, State::Processing],
        ..EventFilter::default()
    };
    let mut pace = all(&play, &WatchStart::Now).await;
    let racing = crowd(&stage, &play, 4, 12);
    let mut watchers = Vec::new();
    for number in 0..20 {
        pace.some_news(1 + number % 11).await;
        let engine = Arc::clone(&play.engine);
        watchers.push(tokio::spawn(async move {
            let start = WatchStart::Snapshot;
            let watch = engine
                .watch_many(open(), &start, crate::stage::frames::QUICK)
                .await;
            let mut watch = watch.unwrap();
            let mut held = BTreeMap::new();
            loop {
                let message = watch.message().await.unwrap();
                match message.says["is"].as_str().unwrap() {
                    "row" => {
                        held.insert(message.verification(), message.revision());
                    }
                    "event" => {
                        let known = held.get(&message.verification()).copied();
                        if let Some(known) = known {
                            assert_eq!(known + 1, message.revision());
                        }
                        if ["PENDING", "PROCESSING"]
                            .contains(&message.says["after"].as_str().unwrap())
                        {
                            held.insert(message.verification(), message.revision());
                        } else {
                            // It can have left after the head and before its page was read;
                            // then no row showed it, and this tells of it all the same.
                            held.remove(&message.verification());
                        }
                    }
                    "beat" if place(&message.token).0 == 4 * 12 * 7 => return held,
                    _ => {}
                }
            }
        }));
    }
    done(racing).await;
    for watcher in watchers {
        let held = crate::stage::soon(watcher).await.unwrap();
        assert!(held.is_empty(), "{held:?}");
    }
}

#[tokio::test]
async fn what_is_remembered_during_a_snapshot_is_bounded() {
    let stage = Stage::new().with(|config| config.max_snapshot_marks = 5);
    let play = stage.open().await;
    let few = all(&play, &WatchStart::Snapshot).await;
    let (mut few, mut too_many) = (few, all(&play, &WatchStart::Snapshot).await);
    for user in 0..5 {
        play.engine
            .create(request(&format!("user {user}")))
            .await
            .unwrap();
    }
    assert_eq!(few.some_news(6).await[5].says["rows"], 5);
    play.engine.create(request("one more")).await.unwrap();
    let error = too_many.next().await.unwrap_err();
    assert_eq!(error.reason, Reason::Contended);
}

#[tokio::test]
async fn events_of_rows_that_the_snapshot_showed_are_not_told_again() {
    let stage = Stage::new();
    let play = stage.open().await;
    one_run(&play.engine, &stage.puppet).await;
    let mut watch = many(&play, EventFilter::default(), &WatchStart::Snapshot).await;
    // After its head was read, before its rows are.
    let id = one_run(&play.engine, &stage.puppet).await;
    let shown = watch.some_news(3).await;
    assert_eq!(place(&shown[2].token).0, 7);
    let own: Vec<_> = shown[..2]
        .iter()
        .map(|row| (row.verification(), row.revision()))
        .collect();
    assert!(own.contains(&(id.to_string(), 7)));
    stage
        .puppet
        .last_start()
        .report(&play.engine, "CALLBACK_FAILED")
        .await
        .unwrap();
    assert_eq!(watch.news().await.unwrap().sequence(), 15);
    // A stream that begins at the end's token is told them: it has not seen the rows.
    let mut other = all(&play, &after(&shown[2])).await;
    let log: Vec<_> = play.log().await.iter().map(|e| event(e, None)).collect();
    assert_eq!(says(&other.some_news(8).await), log[7..]);
}
