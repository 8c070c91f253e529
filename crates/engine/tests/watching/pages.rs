//! The same promises for callers that can't hold a stream.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::Value;
use verilane_core::{Principal, Reason, State, VerificationId};
use verilane_engine::{EventFilter, EventPage, EventScope, ListEvents, WatchStart};

use super::crowd::{crowd, done, one_run, told};
use crate::stage::frames::{Watch, event, place};
use crate::stage::{Play, Stage, request, soon};

const LONG: Duration = Duration::from_secs(30);

fn list(scope: EventScope, start: WatchStart, page_size: usize, wait: Duration) -> ListEvents {
    ListEvents {
        scope,
        start,
        page_size,
        wait,
    }
}

fn everything() -> EventScope {
    EventScope::Many(EventFilter::default())
}

async fn page(play: &Play, list: ListEvents) -> (Vec<Value>, WatchStart) {
    let EventPage { events, next_token } = play.engine.list_events(list).await.unwrap();
    let events = events.iter().map(|e| serde_json::from_slice(e).unwrap());
    (events.collect(), WatchStart::After(next_token))
}

async fn pages(play: &Play, scope: &EventScope, size: usize) -> Vec<Value> {
    let mut start = WatchStart::Beginning;
    let mut all = Vec::new();
    loop {
        let (events, next) = page(play, list(scope.clone(), start, size, Duration::ZERO)).await;
        if events.is_empty() {
            return all;
        }
        assert!(events.len() <= size);
        all.extend(events);
        start = next;
    }
}

#[tokio::test]
async fn a_page_ends_within_a_bounded_part_of_the_log_and_its_token_goes_on_from_there() {
    let stage = Stage::new()
        .with_ring(5)
        .with(|config| config.max_examined_events = 10);
    let play = stage.open().await;
    for _ in 0..60 {
        one_run(&play.engine, &stage.puppet).await;
    }
    let log = play.log().await;
    assert!(log.len() > 300);
    let ada = play.engine.create(request("ada")).await.unwrap();
    let id = ada.row.id;
    play.engine
        .cancel(id, None, &Principal::anonymous(), &crate::stage::access())
        .await
        .unwrap();
    let cancelled = EventScope::Many(EventFilter {
        states: vec![State::Cancelled],
        ..EventFilter::default()
    });
    let (mut start, mut empty) = (WatchStart::Beginning, 0);
    let found = loop {
        let asked = list(cancelled.clone(), start, 100, Duration::ZERO);
        let (events, next) = page(&play, asked).await;
        if let Some(found) = events.first() {
            break found.clone();
        }
        (start, empty) = (next, empty + 1);
        assert!(empty < 10, "it gets nowhere");
    };
    assert!(empty > 0, "the whole log was looked at in one call");
    let last = play.log().await.pop().unwrap();
    assert_eq!(found, event(&last, None));
    // With time to wait, one call goes all the way.
    let asked = list(cancelled, WatchStart::Beginning, 100, LONG);
    let (events, _) = page(&play, asked).await;
    assert_eq!(events, [event(&last, None)]);
}

#[tokio::test]
async fn pages_of_any_size_give_the_whole_log_and_one_verification_s_part_of_it() {
    let stage = Stage::new().with_ring(5);
    let play = stage.open().await;
    one_run(&play.engine, &stage.puppet).await;
    let id = one_run(&play.engine, &stage.puppet).await;
    one_run(&play.engine, &stage.puppet).await;
    let log = told(&play).await;
    let own: Vec<_> = play
        .events_of(id)
        .await
        .iter()
        .map(|e| event(e, None))
        .collect();
    for size in [1, 2, 3, 6, 7, 8, 20, 21, 22, 1_000] {
        assert_eq!(
            pages(&play, &everything(), size).await,
            log,
            "pages of {size}"
        );
        assert_eq!(
            pages(&play, &EventScope::One(id), size).await,
            own,
            "pages of {size}"
        );
    }
}

#[tokio::test]
async fn pages_under_a_filter_give_what_matches_and_a_token_beyond_what_does_not() {
    let stage = Stage::new();
    let play = stage.open().await;
    for _ in 0..5 {
        one_run(&play.engine, &stage.puppet).await;
    }
    let of = |state| {
        EventScope::Many(EventFilter {
            states: vec![state],
            ..EventFilter::default()
        })
    };
    let verified = pages(&play, &of(State::Verified), 3).await;
    let expected: Vec<_> = told(&play)
        .await
        .into_iter()
        .filter(|e| e["after"] == "VERIFIED")
        .collect();
    assert_eq!(verified, expected);
    let (none, next) = page(
        &play,
        list(of(State::Failed), WatchStart::Beginning, 3, Duration::ZERO),
    )
    .await;
    assert!(none.is_empty());
    let WatchStart::After(token) = next else {
        unreachable!()
    };
    assert_eq!(place(&token).0, 35);
}

#[tokio::test]
async fn a_page_waits_for_its_first_event_and_comes_with_it() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = play.engine.create(request("ada")).await.unwrap().row.id;
    for scope in [everything(), EventScope::One(id)] {
        let (_, now) = page(
            &play,
            list(scope.clone(), WatchStart::Now, 10, Duration::ZERO),
        )
        .await;
        let before = play.log().await.len();
        let mut waiting = Box::pin(page(&play, list(scope.clone(), now.clone(), 10, LONG)));
        assert!((&mut waiting).now_or_never().is_none());
        let word = if before == 2 { "ACCEPTED" } else { "INITIATED" };
        stage
            .puppet
            .last_start()
            .report(&play.engine, word)
            .await
            .unwrap();
        let (events, next) = soon(waiting).await;
        assert_eq!(events.len(), 1);
        assert_eq!(events[0]["sequence"], before as u64 + 1);
        // What is there already is not waited for.
        let (again, _) = page(&play, list(scope.clone(), now, 10, LONG)).await;
        assert_eq!(again, events);
        // Where nothing comes, the page is empty and its token goes on from the same place.
        let (none, after) = page(
            &play,
            list(scope, next.clone(), 10, Duration::from_millis(5)),
        )
        .await;
        assert!(none.is_empty());
        assert_eq!(after, next);
    }
}

#[tokio::test]
async fn an_event_of_another_verification_does_not_end_the_wait() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = play.engine.create(request("ada")).await.unwrap().row.id;
    let start = stage.puppet.last_start();
    let scope = EventScope::One(id);
    let mut waiting = Box::pin(page(&play, list(scope, WatchStart::Now, 10, LONG)));
    assert!((&mut waiting).now_or_never().is_none());
    tokio::select! {
        _ = &mut waiting => panic!("nothing has happened to it"),
        _ = one_run(&play.engine, &stage.puppet) => {}
    }
    start.report(&play.engine, "ACCEPTED").await.unwrap();
    assert_eq!(soon(waiting).await.0.len(), 1);
}

#[tokio::test]
async fn a_page_s_token_is_good_for_a_stream_over_the_same_scope_and_the_other_way_round() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = one_run(&play.engine, &stage.puppet).await;
    let (_, next) = page(
        &play,
        list(everything(), WatchStart::Beginning, 3, Duration::ZERO),
    )
    .await;
    let mut stream = super::crowd::all(&play, &next).await;
    let fourth = stream.news().await.unwrap();
    assert_eq!(fourth.sequence(), 4);
    let after = super::crowd::after(&fourth);
    let (events, _) = page(&play, list(everything(), after.clone(), 1, Duration::ZERO)).await;
    assert_eq!(events[0]["sequence"], 5);
    let (_, next) = page(
        &play,
        list(
            EventScope::One(id),
            WatchStart::Beginning,
            3,
            Duration::ZERO,
        ),
    )
    .await;
    let mut stream = super::crowd::one(&play, id, &next).await;
    assert_eq!(stream.news().await.unwrap().revision(), 4);
    let mixed = play
        .engine
        .list_events(list(EventScope::One(id), after, 1, Duration::ZERO))
        .await;
    assert_eq!(mixed.unwrap_err().reason, Reason::ResumeTokenFilterMismatch);
}

#[tokio::test]
async fn pages_of_what_does_not_exist_are_refused() {
    let stage = Stage::new();
    let play = stage.open().await;
    let nobody = EventScope::One(VerificationId::generate());
    let outcome = play
        .engine
        .list_events(list(nobody, WatchStart::Beginning, 1, Duration::ZERO))
        .await;
    assert_eq!(outcome.unwrap_err().reason, Reason::VerificationNotFound);
    let wrong = WatchStart::After("x".to_owned());
    let outcome = play
        .engine
        .list_events(list(everything(), wrong, 1, Duration::ZERO))
        .await;
    assert_eq!(outcome.unwrap_err().reason, Reason::ResumeTokenMalformed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_polls_see_the_whole_log_while_writers_race() {
    let stage = Stage::new().with_ring(4);
    let play = stage.open().await;
    let pollers: Vec<_> = [1, 3, 10, 100]
        .into_iter()
        .map(|size| {
            let engine = Arc::clone(&play.engine);
            tokio::spawn(async move {
                let (mut start, mut all) = (WatchStart::Beginning, Vec::new());
                while all.len() < 7 * 40 {
                    let page = engine
                        .list_events(list(everything(), start, size, LONG))
                        .await
                        .unwrap();
                    assert!(!page.events.is_empty());
                    let events = page.events.iter();
                    all.extend(events.map(|e| serde_json::from_slice::<Value>(e).unwrap()));
                    start = WatchStart::After(page.next_token);
                }
                all
            })
        })
        .collect();
    done(crowd(&stage, &play, 4, 10)).await;
    let log = told(&play).await;
    for poller in pollers {
        assert_eq!(soon(poller).await.unwrap(), log);
    }
}
