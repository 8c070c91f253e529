//! Answers that only point to what was granted.

use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::Semaphore;
use verilane_core::{Clock as _, Principal, Reason, State};

use crate::stage::codes::{Grant, Link};
use crate::stage::{self, SECOND, Stage, soon};
use crate::{claims, created, end_of, ends, hand_in, hand_in_only, messages, rests, wish};

fn large() -> Grant {
    Grant {
        is_large: true,
        ..Grant::of("u-1")
    }
}

#[tokio::test]
async fn what_an_answer_points_to_is_fetched_and_both_are_kept() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    stage.codes.grants("c", large());
    let id = created(&play, wish(&["MAIL"], &[])).await;
    hand_in(&stage, &play, id, "c").await.unwrap();
    assert_eq!(end_of(&play, id).await, (State::Verified, None));
    assert_eq!(claims(&play, id).await.unwrap().len(), 2);
    let messages = messages(&stage, &play, id).await;
    assert_eq!(messages.len(), 2);
    assert!(messages[0].contains("link") && messages[1].contains("ada@"));
    assert_eq!(stage.codes.world.lock().fetches, 1);
    play.close().await;
}

#[tokio::test]
async fn a_link_that_is_dead_leaves_the_outcome_unknown() {
    for (link, reason) in [
        (Link::IsDead, Reason::ExchangeOutcomeUnknown),
        (Link::Nonsense, Reason::ExchangeAnswerInvalid),
    ] {
        let stage = Stage::exchanging();
        let mut play = stage.open().await;
        play.run_jobs();
        stage.codes.grants("c", large());
        stage.codes.links([link]);
        let id = created(&play, wish(&["MAIL"], &[])).await;
        hand_in(&stage, &play, id, "c").await.unwrap();
        assert_eq!(end_of(&play, id).await, (State::Failed, Some(reason)));
        assert_eq!(stage.codes.sent(), 1);
        play.close().await;
    }
}

#[tokio::test]
async fn a_link_that_is_slow_is_followed_again_while_it_lives() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    stage.codes.grants("c", large());
    stage.codes.links([Link::IsSlow, Link::IsSlow]);
    let id = created(&play, wish(&["MAIL"], &[])).await;
    hand_in_only(&stage, &play, id, "c").await;
    assert_eq!(ends(&stage, &play).await, [SECOND, SECOND]);
    assert_eq!(end_of(&play, id).await, (State::Verified, None));
    assert_eq!(stage.codes.sent(), 1);
    assert_eq!(stage.codes.world.lock().fetches, 3);
    play.close().await;
}

#[tokio::test]
async fn a_link_that_stays_slow_ends_it() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    stage.codes.grants("c", large());
    stage.codes.links([Link::IsSlow, Link::IsSlow]);
    let id = created(&play, wish(&["MAIL"], &[])).await;
    hand_in_only(&stage, &play, id, "c").await;
    rests(&stage, &play).await.unwrap();
    stage.clock.advance(121 * SECOND);
    assert_eq!(rests(&stage, &play).await, None);
    let why = Some(Reason::ExchangeOutcomeUnknown);
    assert_eq!(end_of(&play, id).await, (State::Failed, why));
    assert_eq!(stage.codes.sent(), 1);
    // What the answer said is kept all the same.
    assert_eq!(messages(&stage, &play, id).await.len(), 1);
    play.close().await;
}

#[tokio::test]
async fn what_was_fetched_is_not_fetched_again_to_be_read() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    stage.codes.grants("c", large());
    stage.codes.links([Link::Gives, Link::IsDead]);
    // No turn for the first reading.
    let overload = Reason::CallbackOverload;
    stage.codes.world.lock().unread.push_back(overload);
    let id = created(&play, wish(&["MAIL"], &[])).await;
    hand_in_only(&stage, &play, id, "c").await;
    assert_eq!(ends(&stage, &play).await, [SECOND]);
    assert_eq!(end_of(&play, id).await, (State::Verified, None));
    assert_eq!(stage.codes.world.lock().fetches, 1);
    let messages = messages(&stage, &play, id).await;
    assert_eq!(messages.len(), 2);
    play.close().await;
}

#[tokio::test]
async fn what_was_fetched_under_a_clock_put_back_is_told_from_the_answer() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    stage.codes.grants("c", large());
    let clock = stage.clock.clone();
    stage.codes.at_link(move || {
        clock.set(clock.now() - 10 * SECOND);
        async {}.boxed()
    });
    let overload = Reason::CallbackOverload;
    stage.codes.world.lock().unread.push_back(overload);
    let id = created(&play, wish(&["MAIL"], &[])).await;
    hand_in_only(&stage, &play, id, "c").await;
    ends(&stage, &play).await;
    assert_eq!(end_of(&play, id).await, (State::Verified, None));
    assert_eq!(stage.codes.world.lock().fetches, 1);
    play.close().await;
}

#[tokio::test]
async fn what_is_fetched_for_an_attempt_that_has_ended_meanwhile_does_not_show() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    stage.codes.grants("c", large());
    let (come, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (comes, goes) = (Arc::clone(&come), Arc::clone(&go));
    stage.codes.at_link(move || {
        let (comes, goes) = (Arc::clone(&comes), Arc::clone(&goes));
        async move {
            comes.add_permits(1);
            goes.acquire().await.unwrap().forget();
        }
        .boxed()
    });
    let id = created(&play, wish(&["MAIL"], &[])).await;
    hand_in_only(&stage, &play, id, "c").await;
    soon(come.acquire()).await.unwrap().forget();
    let (principal, access) = (Principal::new("a caller"), stage::access());
    let cancelled = play.engine.cancel(id, None, &principal, &access).await;
    assert_eq!(cancelled.unwrap().row.state().0, State::Cancelled);
    go.add_permits(1);
    play.stop_jobs().await;
    assert_eq!(crate::exchange_job(&play).await, None);
    // The answer alone, which had come before.
    assert_eq!(messages(&stage, &play, id).await.len(), 1);
    assert!(play.store.claims(id).await.unwrap().is_empty());
    play.close().await;
}
