//! Promise 3: heartbeats carry a fresh token, never beyond what the watch has examined.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use verilane_core::{Event, State};
use verilane_engine::{EventFilter, WatchEnd, WatchStart};
use verilane_store::CommitObserver;

use super::crowd::{after, crowd, done, one_run, says, told};
use crate::stage::Stage;
use crate::stage::frames::{NEVER, QUICK, Watch, event, place};

fn verified() -> EventFilter {
    EventFilter {
        states: vec![State::Verified],
        ..EventFilter::default()
    }
}

#[tokio::test]
async fn a_heartbeat_tells_the_time_and_its_token_moves_with_what_was_passed_over() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = one_run(&play.engine, &stage.puppet).await;
    let failed = EventFilter {
        states: vec![State::Failed],
        ..EventFilter::default()
    };
    let start = WatchStart::Now;
    let mut quiet = play.engine.watch_many(failed, &start, QUICK).await.unwrap();
    let opened = play
        .engine
        .watch_one(id, &start, WatchEnd::Never, QUICK)
        .await;
    let mut single = opened.unwrap();
    for round in 0..3 {
        let head = play.store.head().await.unwrap().last;
        // The first after an event can have been due before it.
        for watch in [true, false] {
            let beat = loop {
                let beat = if watch {
                    quiet.message().await
                } else {
                    single.message().await
                }
                .unwrap();
                assert!(beat.is("beat"));
                if place(&beat.token) == head {
                    break beat;
                }
            };
            assert_eq!(beat.says["now"], stage.now().as_secs());
        }
        stage.clock.advance(Duration::from_secs(round));
        one_run(&play.engine, &stage.puppet).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_log_of_which_nothing_matches_does_not_silence_the_heartbeats() {
    let stage = Stage::new();
    let play = stage.open().await;
    let failed = EventFilter {
        states: vec![State::Failed],
        ..EventFilter::default()
    };
    let start = WatchStart::Now;
    // Far longer than the time from event to event.
    let interval = Duration::from_millis(200);
    let mut quiet = play
        .engine
        .watch_many(failed, &start, interval)
        .await
        .unwrap();
    let (engine, puppet) = (Arc::clone(&play.engine), Arc::clone(&stage.puppet));
    let writer = tokio::spawn(async move {
        loop {
            one_run(&engine, &puppet).await;
        }
    });
    let (mut last, mut moved) = (None, 0);
    while moved < 3 {
        let beat = quiet.message().await.unwrap();
        assert!(beat.is("beat"));
        let token = Some(place(&beat.token));
        assert!(last <= token);
        moved += u32::from(last < token);
        last = token;
    }
    assert!(!writer.is_finished());
    writer.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resuming_a_watch_of_many_from_any_heartbeat_loses_nothing_while_writers_race() {
    let stage = Stage::new().with_ring(8);
    let play = stage.open().await;
    let engine = Arc::clone(&play.engine);
    let total = 4 * 12;
    let watcher = tokio::spawn(async move {
        let mut start = WatchStart::Beginning;
        let (mut got, mut resumed) = (Vec::new(), 0);
        // Two events of each run match: the one that verifies it, and the one after.
        while got.len() < 2 * total {
            let watch = engine
                .watch_many(verified(), &start, Duration::from_micros(50))
                .await;
            let mut watch = watch.unwrap();
            loop {
                let message = watch.message().await.unwrap();
                if message.is("beat") {
                    start = after(&message);
                    resumed += 1;
                    break;
                }
                got.push(message);
                if got.len() == 2 * total {
                    break;
                }
            }
        }
        (got, resumed)
    });
    done(crowd(&stage, &play, 4, 12)).await;
    let (got, resumed) = watcher.await.unwrap();
    assert!(resumed > 0);
    let matching: Vec<_> = told(&play)
        .await
        .into_iter()
        .filter(|event| event["after"] == "VERIFIED")
        .collect();
    assert_eq!(says(&got), matching);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resuming_a_watch_of_one_from_any_heartbeat_loses_nothing_while_writers_race() {
    let stage = Stage::new().with_ring(8);
    let play = stage.open().await;
    let writers = crowd(&stage, &play, 2, 20);
    for _ in 0..20 {
        let created = play
            .engine
            .create(crate::stage::request(&format!("watched {}", serial())));
        let id = created.await.unwrap().row.id;
        let starts = stage.puppet.starts();
        let start_call = starts
            .iter()
            .rev()
            .find(|s| s.subject.starts_with("watched"))
            .unwrap()
            .clone();
        let engine = Arc::clone(&play.engine);
        let writer = tokio::spawn(async move { start_call.succeed(&engine).await });
        let mut start = WatchStart::Beginning;
        let mut got = Vec::new();
        while got.len() < 7 {
            let opened =
                play.engine
                    .watch_one(id, &start, WatchEnd::Never, Duration::from_micros(50));
            let mut watch = opened.await.unwrap();
            loop {
                let message = watch.message().await.unwrap();
                start = after(&message);
                if message.is("beat") {
                    break;
                }
                got.push(message);
                if got.len() == 7 {
                    break;
                }
            }
        }
        writer.await.unwrap();
        let own: Vec<_> = play
            .events_of(id)
            .await
            .iter()
            .map(|e| event(e, None))
            .collect();
        assert_eq!(says(&got), own);
    }
    done(writers).await;
}

fn serial() -> usize {
    use std::sync::atomic::AtomicUsize;
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[tokio::test]
async fn a_heartbeat_that_is_too_far_away_to_be_told_never_comes_and_hurts_nobody() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = one_run(&play.engine, &stage.puppet).await;
    let start = WatchStart::Now;
    let mut many = play
        .engine
        .watch_many(EventFilter::default(), &start, NEVER)
        .await
        .unwrap();
    let mut one = play
        .engine
        .watch_one(id, &start, WatchEnd::Never, NEVER)
        .await
        .unwrap();
    use futures_util::FutureExt;
    assert!(many.next().now_or_never().is_none());
    assert!(one.next().now_or_never().is_none());
}

/// How many events are told.
const TOLD: u64 = 2_000;

/// Tells the relay of ever more events of one verification, from a thread of its own and without a
/// store, as fast as they are read: `read` is the newest that was.
fn tells(play: &crate::stage::Play, like: &Event, read: &Arc<AtomicU64>) -> JoinHandle<()> {
    let (relay, like, read) = (Arc::clone(&play.relay), like.clone(), Arc::clone(read));
    std::thread::spawn(move || {
        for place in like.sequence.0 + 1..=TOLD {
            // No further ahead than a topic keeps: the store could not help.
            while read.load(Ordering::Acquire) + 4 < place {
                std::hint::spin_loop();
            }
            let mut event = like.clone();
            event.sequence.0 = place;
            event.body.revision.0 = place;
            relay.committed(&[event]);
        }
    })
}

/// A watch that beats whenever there is nothing to tell never names a place beyond the last event
/// that it gave, where every event is one that it gives.
async fn beats_in_step(mut watch: impl Watch, from: u64, read: &AtomicU64) {
    let (mut last, mut beats) = (from, 0);
    while last < TOLD {
        let message = watch.message().await.unwrap();
        if message.is("beat") {
            assert_eq!(place(&message.token).0, last);
            beats += 1;
        } else {
            assert_eq!(message.sequence(), last + 1);
            last += 1;
            read.store(last, Ordering::Release);
        }
    }
    assert!(beats > 0);
}

#[tokio::test]
async fn a_heartbeat_s_token_is_never_ahead_however_fast_events_come() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(crate::stage::request("ada")).await;
    let id = created.unwrap().row.id;
    let last = play.log().await.pop().unwrap();
    let start = WatchStart::Now;

    let read = Arc::new(AtomicU64::new(2));
    let one = play
        .engine
        .watch_one(id, &start, WatchEnd::Never, Duration::ZERO)
        .await;
    let mut one = one.unwrap();
    // Once through the store; from here on it is not needed.
    assert!(one.message().await.unwrap().is("beat"));
    let teller = tells(&play, &last, &read);
    beats_in_step(one, 2, &read).await;
    teller.join().unwrap();
    play.close().await;

    let play = stage.open().await;
    let read = Arc::new(AtomicU64::new(2));
    let many = play
        .engine
        .watch_many(EventFilter::default(), &start, Duration::ZERO)
        .await;
    let teller = tells(&play, &last, &read);
    beats_in_step(many.unwrap(), 2, &read).await;
    teller.join().unwrap();
    play.close().await;
}
