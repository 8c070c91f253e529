//! Watches of one verification: woken by nothing else, ended as asked (promise 6), and safe to drop
//! at any point.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use verilane_core::{Principal, VerificationId};
use verilane_engine::{WatchEnd, WatchOne, WatchStart};

use super::crowd::{after, all, one, one_run, says, told};
use crate::stage::frames::{NEVER, QUICK, Watch, event};
use crate::stage::{self, HOUR, Play, Stage, request};

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn an_event_wakes_those_who_watch_its_verification_and_nobody_else() {
    let stage = Stage::new();
    let play = stage.open().await;
    let watched = play.engine.create(request("ada")).await.unwrap().row.id;
    let start = stage.puppet.last_start();
    let mut watch = one(&play, watched, &WatchStart::Now).await;
    // Once through, so that it waits for its topic and for nothing of the store.
    start.report(&play.engine, "PENDING").await.unwrap();
    assert_eq!(watch.news().await.unwrap().revision(), 3);

    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let mut context = Context::from_waker(&waker);
    let mut next = Box::pin(watch.next());
    // Coop budgets and the like aside, the first poll leaves it waiting.
    assert!(next.as_mut().poll(&mut context).is_pending());
    for _ in 0..20 {
        one_run(&play.engine, &stage.puppet).await;
    }
    assert_eq!(wakes.0.load(Ordering::SeqCst), 0);
    start.report(&play.engine, "ACCEPTED").await.unwrap();
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    let Poll::Ready(Ok(Some(delivery))) = next.as_mut().poll(&mut context) else {
        panic!("nothing came");
    };
    assert_eq!(stage::frames::Message::read(&delivery).revision(), 4);
}

async fn open(play: &Play, id: VerificationId, start: &WatchStart, end: WatchEnd) -> WatchOne {
    play.engine.watch_one(id, start, end, NEVER).await.unwrap()
}

#[tokio::test]
async fn a_watch_ends_with_the_event_that_ends_the_attempt_if_asked_to() {
    for end in [WatchEnd::AttemptEnd, WatchEnd::Final] {
        let stage = Stage::new();
        let play = stage.open().await;
        let id = play.engine.create(request("ada")).await.unwrap().row.id;
        let mut live = open(&play, id, &WatchStart::Snapshot, end).await;
        stage.puppet.last_start().succeed(&play.engine).await;
        let row = live.news().await.unwrap();
        assert!(row.is("row") && row.token.is_empty());
        let snapshot_end = live.news().await.unwrap();
        assert_eq!(snapshot_end.says["rows"], 1);
        let events = [
            live.news().await.unwrap(),
            live.news().await.unwrap(),
            live.news().await.unwrap(),
            live.news().await.unwrap(),
        ];
        assert_eq!(events[3].says["after"], "VERIFIED");
        assert_eq!(live.message().await, None);
        assert_eq!(live.message().await, None);

        // Reconnecting with the last token brings what followed, then the end; with that one, the
        // end at once.
        let mut again = open(&play, id, &after(&events[3]), end).await;
        let last = again.message().await.unwrap();
        assert_eq!(last.revision(), 7);
        assert_eq!(again.message().await, None);
        let mut again = open(&play, id, &after(&last), end).await;
        assert_eq!(again.message().await, None);

        // One that begins after the end shows what stands and ends, or just ends.
        let mut late = open(&play, id, &WatchStart::Snapshot, end).await;
        assert!(late.message().await.unwrap().is("row"));
        assert!(late.message().await.unwrap().is("end"));
        assert_eq!(late.message().await, None);
        assert_eq!(
            open(&play, id, &WatchStart::Now, end).await.message().await,
            None
        );
        let mut whole = open(&play, id, &WatchStart::Beginning, end).await;
        assert_eq!(whole.some_news(6).await.len(), 6);
        assert_eq!(whole.message().await, None);
    }
}

#[tokio::test]
async fn a_watch_that_shall_never_end_sees_a_late_success() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let id = play.engine.create(request("ada")).await.unwrap().row.id;
    let start = stage.puppet.last_start();
    let mut never = open(&play, id, &WatchStart::Now, WatchEnd::Never).await;
    let mut last = open(&play, id, &WatchStart::Now, WatchEnd::Final).await;
    stage.clock.advance(HOUR);
    play.run_jobs();
    assert_eq!(never.news().await.unwrap().says["after"], "EXPIRED");
    assert_eq!(last.news().await.unwrap().says["after"], "EXPIRED");
    assert_eq!(last.message().await, None);
    start
        .deliver(&play.engine, &[("EMAIL", "a@b.c")])
        .await
        .unwrap();
    let late = never.news().await.unwrap();
    assert_eq!(
        (&late.says["after"], &late.says["late"]),
        (&"VERIFIED".into(), &true.into())
    );
    drop((never, last));
    play.close().await;
}

#[tokio::test]
async fn a_snapshot_of_one_is_followed_by_what_it_does_not_show() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = play.engine.create(request("ada")).await.unwrap().row.id;
    let start = stage.puppet.last_start();
    let mut watch = open(&play, id, &WatchStart::Snapshot, WatchEnd::Never).await;
    start.report(&play.engine, "ACCEPTED").await.unwrap();
    let messages = watch.some_news(3).await;
    assert_eq!(messages[0].revision(), 2);
    assert_eq!(messages[2].revision(), 3);
    let mut resumed = open(&play, id, &after(&messages[1]), WatchEnd::Never).await;
    assert_eq!(resumed.news().await.unwrap(), messages[2]);
}

#[tokio::test]
async fn a_cancel_ends_a_watch_too() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = play.engine.create(request("ada")).await.unwrap().row.id;
    let mut watch = open(&play, id, &WatchStart::Now, WatchEnd::AttemptEnd).await;
    let (principal, access) = (Principal::anonymous(), stage::access());
    play.engine
        .cancel(id, None, &principal, &access)
        .await
        .unwrap();
    assert_eq!(watch.news().await.unwrap().says["after"], "CANCELLED");
    assert_eq!(watch.message().await, None);
}

/// Polls once and drops, again and again, until something has come.
async fn fickle<W: Watch>(watch: &mut W) -> stage::frames::Message {
    use futures_util::FutureExt;
    stage::soon(async {
        for polls in 0.. {
            let mut next = Box::pin(watch.next());
            for _ in 0..=polls % 4 {
                if let Some(delivery) = (&mut next).now_or_never() {
                    return stage::frames::Message::read(&delivery.unwrap().unwrap());
                }
                tokio::task::yield_now().await;
            }
        }
        unreachable!()
    })
    .await
}

#[tokio::test]
async fn a_dropped_call_for_the_next_message_loses_nothing() {
    let stage = Stage::new().with_ring(3);
    let play = stage.open().await;
    one_run(&play.engine, &stage.puppet).await;
    let id = one_run(&play.engine, &stage.puppet).await;
    // With a hash beside an event, whose key must be fetched anew after a restart.
    let start = stage.puppet.last_start();
    let body = stage::calls::Body::status("CALLBACK_FAILED", start.expiry)
        .with("tx_hash", serde_json::json!("0xfeed"));
    stage::calls::call(&play.engine, &start.status_path(), &body)
        .await
        .unwrap();
    play.close().await;
    let play = stage.open().await;

    let mut everything = all(&play, &WatchStart::Beginning).await;
    let mut got = Vec::new();
    for _ in 0..15 {
        got.push(fickle(&mut everything).await);
    }
    let mut log = told(&play).await;
    log[14]["tx_hash"] = "0xfeed".into();
    assert_eq!(says(&got), log);

    let mut single = one(&play, id, &WatchStart::Beginning).await;
    let mut got = Vec::new();
    for _ in 0..8 {
        got.push(fickle(&mut single).await);
    }
    let mut own: Vec<_> = play
        .events_of(id)
        .await
        .iter()
        .map(|e| event(e, None))
        .collect();
    own[7]["tx_hash"] = "0xfeed".into();
    assert_eq!(says(&got), own);

    let snapshot = WatchStart::Snapshot;
    let mut rows = all(&play, &snapshot).await;
    assert!(fickle(&mut rows).await.is("row"));
    assert!(fickle(&mut rows).await.is("row"));
    assert_eq!(fickle(&mut rows).await.says["rows"], 2);
}

#[tokio::test]
async fn a_verification_that_does_not_exist_can_t_be_watched() {
    let stage = Stage::new();
    let play = stage.open().await;
    let nobody = VerificationId::generate();
    for start in [WatchStart::Snapshot, WatchStart::Now, WatchStart::Beginning] {
        let outcome = play
            .engine
            .watch_one(nobody, &start, WatchEnd::Never, QUICK)
            .await;
        let error = outcome.err().unwrap();
        assert_eq!(error.reason, verilane_core::Reason::VerificationNotFound);
    }
}
