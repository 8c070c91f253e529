//! Promise 1, continued: what a filter lets pass, and that a token is good under its own filter only.

use verilane_core::{ConnectionName, ProviderName, Reason, State};
use verilane_engine::{EventFilter, WatchEnd, WatchStart};

use super::crowd::{after, many, one_run};
use crate::stage::frames::{NEVER, QUICK, Watch};
use crate::stage::{Play, Stage, connection};

fn states(states: &[State]) -> EventFilter {
    EventFilter {
        states: states.to_vec(),
        ..EventFilter::default()
    }
}

async fn sequences(play: &Play, filter: EventFilter) -> Vec<u64> {
    let start = WatchStart::Beginning;
    let mut watch = play.engine.watch_many(filter, &start, QUICK).await.unwrap();
    let head = play.store.head().await.unwrap().last;
    watch
        .news_to(head)
        .await
        .iter()
        .map(|m| m.sequence())
        .collect()
}

#[tokio::test]
async fn a_filter_on_state_matches_before_or_after_so_that_leaving_is_seen() {
    let stage = Stage::new();
    let play = stage.open().await;
    // CREATED, ACTION_AVAILABLE (pending); ACCEPTED, INITIATED, CONFIRMED (processing); data
    // (verified); FINISH_SUCCESS (verified still).
    one_run(&play.engine, &stage.puppet).await;
    let table = [
        (states(&[State::Pending]), vec![1, 2, 3]),
        (states(&[State::Processing]), vec![3, 4, 5, 6]),
        (states(&[State::Verified]), vec![6, 7]),
        (
            states(&[State::Pending, State::Verified]),
            vec![1, 2, 3, 6, 7],
        ),
        (states(&[State::Failed]), vec![]),
    ];
    for (filter, expected) in table {
        assert_eq!(
            sequences(&play, filter.clone()).await,
            expected,
            "{filter:?}"
        );
    }
}

#[tokio::test]
async fn the_parts_of_a_filter_must_all_match() {
    let stage = Stage::new();
    let play = stage.open().await;
    one_run(&play.engine, &stage.puppet).await;
    let elsewhere = ConnectionName::new("elsewhere").unwrap();
    let other = ProviderName::new("other").unwrap();
    let own = EventFilter {
        connections: vec![elsewhere.clone(), connection()],
        providers: vec![ProviderName::new("puppet").unwrap(), other.clone()],
        states: vec![State::Verified],
    };
    assert_eq!(sequences(&play, own.clone()).await, [6, 7]);
    let connections = vec![elsewhere];
    assert!(
        sequences(
            &play,
            EventFilter {
                connections,
                ..own.clone()
            }
        )
        .await
        .is_empty()
    );
    let providers = vec![other];
    assert!(
        sequences(&play, EventFilter { providers, ..own })
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_token_is_refused_under_another_filter_and_good_under_the_same_said_otherwise() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = one_run(&play.engine, &stage.puppet).await;
    let filter = states(&[State::Pending, State::Verified]);
    let mut watch = many(&play, filter, &WatchStart::Beginning).await;
    let first = watch.news().await.unwrap();
    let same = states(&[State::Verified, State::Pending, State::Verified]);
    let mut again = many(&play, same, &after(&first)).await;
    assert_eq!(again.news().await.unwrap().sequence(), 2);

    let others = [EventFilter::default(), states(&[State::Pending])];
    for other in others {
        let outcome = play.engine.watch_many(other, &after(&first), NEVER).await;
        let error = outcome.err().unwrap();
        assert_eq!(error.reason, Reason::ResumeTokenFilterMismatch);
    }
    let outcome = play
        .engine
        .watch_one(id, &after(&first), WatchEnd::Never, NEVER)
        .await;
    assert_eq!(
        outcome.err().unwrap().reason,
        Reason::ResumeTokenFilterMismatch
    );

    // A token of one verification is no other's, and no filter's.
    let other = one_run(&play.engine, &stage.puppet).await;
    let start = WatchStart::Beginning;
    let own = play
        .engine
        .watch_one(id, &start, WatchEnd::Never, NEVER)
        .await;
    let own = own.unwrap().news().await.unwrap();
    let outcome = play
        .engine
        .watch_one(other, &after(&own), WatchEnd::Never, NEVER)
        .await;
    assert_eq!(
        outcome.err().unwrap().reason,
        Reason::ResumeTokenFilterMismatch
    );
    let outcome = play
        .engine
        .watch_many(EventFilter::default(), &after(&own), NEVER)
        .await;
    assert_eq!(
        outcome.err().unwrap().reason,
        Reason::ResumeTokenFilterMismatch
    );
}
