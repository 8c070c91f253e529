//! When a watch of a verification with several attempts ends.

use verilane_core::VerificationId;
use verilane_engine::{WatchEnd, WatchOne, WatchStart};

use crate::request;
use crate::stage::frames::{NEVER, Watch};
use crate::stage::{DAY, Play, Stage};

async fn open(play: &Play, id: VerificationId, start: &WatchStart, end: WatchEnd) -> WatchOne {
    play.engine.watch_one(id, start, end, NEVER).await.unwrap()
}

async fn rest(mut watch: WatchOne) -> Vec<String> {
    let mut kinds = Vec::new();
    while let Some(message) = watch.message().await {
        kinds.push(message.says["kind"].as_str().unwrap().to_owned());
    }
    kinds
}

#[tokio::test]
async fn the_end_of_an_attempt_is_not_final_while_another_is_possible() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let id = play.engine.create(request("ada", 2)).await.unwrap().row.id;
    let attempt = open(&play, id, &WatchStart::Now, WatchEnd::AttemptEnd).await;
    let last = open(&play, id, &WatchStart::Now, WatchEnd::Final).await;
    play.expire(&stage).await;
    assert_eq!(rest(attempt).await, ["EXPIRED"]);
    play.retry(id).await.unwrap();
    play.expire(&stage).await;
    let all = ["EXPIRED", "ATTEMPT_STARTED", "ACTION_AVAILABLE", "EXPIRED"];
    assert_eq!(rest(last).await, all);
    // Whoever comes later gets the same, and no more.
    let again = open(&play, id, &WatchStart::Beginning, WatchEnd::Final).await;
    assert_eq!(rest(again).await[2..], all);
    let none = open(&play, id, &WatchStart::Now, WatchEnd::Final).await;
    assert!(rest(none).await.is_empty());
}

#[tokio::test]
async fn a_watch_to_the_last_ends_when_the_time_for_retrying_is_over() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let id = play.engine.create(request("ada", 2)).await.unwrap().row.id;
    play.expire(&stage).await;
    let last = open(&play, id, &WatchStart::Now, WatchEnd::Final).await;
    stage.clock.advance(DAY);
    play.run_jobs();
    assert_eq!(rest(last).await, ["RETRY_CLOSED"]);
    play.close().await;
}

#[tokio::test]
async fn a_late_success_ends_a_watch_after_the_withdrawal_that_follows_it() {
    for end in [WatchEnd::AttemptEnd, WatchEnd::Final] {
        let stage = Stage::new();
        let mut play = stage.open().await;
        let id = play.engine.create(request("ada", 2)).await.unwrap().row.id;
        let first = stage.puppet.last_start();
        play.expire(&stage).await;
        play.retry(id).await.unwrap();
        let live = open(&play, id, &WatchStart::Now, end).await;
        first
            .deliver(&play.engine, &[("EMAIL", "a@b.c")])
            .await
            .unwrap();
        assert_eq!(rest(live).await, ["DATA_RECEIVED", "ACTION_WITHDRAWN"]);
    }
}
