//! Faults of ours that stay: what can't be read, kept or begun is tried ever more seldom, and ends with the
//! time that an attempt may be processed.

use std::time::Duration;

use verilane_core::{EventKind, Reason, State};

use crate::beside::{faulty, has};
use crate::stage::codes::Reply;
use crate::stage::faults::Fault;
use crate::stage::{DAY, HOUR, SECOND, Stage};
use crate::{claims, end_of, ends, granted, hand_in_only, messages};

/// More often than anything is tried here.
const ALWAYS: usize = 1_000;

/// Each rest is as long as has been tried already, an hour at most, and the last ends with the time.
fn are_seldom(waits: &[Duration]) {
    assert!(waits.len() < 40, "{waits:?}");
    assert_eq!(waits[..4], [SECOND, SECOND, 2 * SECOND, 4 * SECOND]);
    assert!(waits.iter().all(|wait| *wait <= HOUR), "{waits:?}");
    assert_eq!(waits.iter().sum::<Duration>(), DAY);
}

#[tokio::test]
async fn an_answer_that_its_reader_fails_at_again_and_again_ends_it() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    let faults = [Reason::Internal; ALWAYS];
    stage.codes.world.lock().unread.extend(faults);
    let id = granted(&stage, &play).await;
    hand_in_only(&stage, &play, id, "c").await;
    are_seldom(&ends(&stage, &play).await);
    let why = Some(Reason::ExchangeAnswerInvalid);
    assert_eq!(end_of(&play, id).await, (State::Failed, why));
    assert_eq!(stage.codes.sent(), 1);
    assert_eq!(messages(&stage, &play, id).await.len(), 1);
    play.close().await;
}

#[tokio::test]
async fn an_answer_whose_reader_is_mended_in_time_gives_its_data() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    let faults = [Reason::Internal; 20];
    stage.codes.world.lock().unread.extend(faults);
    let id = granted(&stage, &play).await;
    hand_in_only(&stage, &play, id, "c").await;
    ends(&stage, &play).await;
    assert_eq!(end_of(&play, id).await, (State::Verified, None));
    play.close().await;
}

#[tokio::test]
async fn claims_that_can_not_be_kept_for_good_end_it() {
    let stage = Stage::exchanging();
    let (play, store) = faulty(&stage).await;
    store.fail([Fault::Senseless; ALWAYS], |change| {
        has(change, EventKind::DataReceived)
    });
    let id = granted(&stage, &play).await;
    hand_in_only(&stage, &play, id, "c").await;
    are_seldom(&ends(&stage, &play).await);
    let why = Some(Reason::ExchangeAnswerInvalid);
    assert_eq!(end_of(&play, id).await, (State::Failed, why));
    assert!(claims(&play, id).await.is_err());
    assert_eq!(stage.codes.sent(), 1);
    play.close().await;
}

#[tokio::test]
async fn a_store_that_is_away_for_longer_ends_nothing() {
    let stage = Stage::exchanging();
    let (play, store) = faulty(&stage).await;
    store.fail([Fault::Refused; 3], |change| {
        has(change, EventKind::DataReceived)
    });
    let id = granted(&stage, &play).await;
    hand_in_only(&stage, &play, id, "c").await;
    crate::rests(&stage, &play).await.unwrap();
    stage.clock.advance(2 * DAY);
    ends(&stage, &play).await;
    assert!(store.is_spent());
    assert_eq!(end_of(&play, id).await, (State::Verified, None));
    play.close().await;
}

#[tokio::test]
async fn an_exchange_that_can_not_be_begun_ends_as_one_of_a_code_that_was_sent_so_often() {
    for (sent, reason) in [
        (0, Reason::ExchangeAbandoned),
        (1, Reason::ExchangeOutcomeUnknown),
    ] {
        let stage = Stage::exchanging();
        let (play, store) = faulty(&stage).await;
        let id = granted(&stage, &play).await;
        if sent == 0 {
            store.corrupts_lists_of_evidence();
        }
        stage.codes.replies([Reply::IsLost]);
        hand_in_only(&stage, &play, id, "c").await;
        crate::rests(&stage, &play).await.unwrap();
        store.corrupts_lists_of_evidence();
        let waits = ends(&stage, &play).await;
        assert!(waits.len() < 40, "{waits:?}");
        assert_eq!(end_of(&play, id).await, (State::Failed, Some(reason)));
        assert_eq!(stage.codes.sent(), sent);
        play.close().await;
    }
}
