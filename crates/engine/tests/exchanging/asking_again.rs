//! What a provider does instead of giving: what is sent again and how often, and how each ends.

use std::time::Duration;

use verilane_core::{EventKind, Reason, State};
use verilane_engine::RetryVerification;

use crate::stage::codes::{Grant, Reply, WORDS};
use crate::stage::{self, SECOND, Stage, codes_connection};
use crate::{LIFE, claims, end_of, ends, granted, hand_in, hand_in_only, kinds, messages, rests};

/// An end, how often a code was sent, and how long each rest before the next was, in seconds.
type Outcome = ((State, Option<Reason>), usize, Vec<u64>);

/// What comes of a code to which the provider replies so.
async fn comes_of(replies: &[Reply]) -> Outcome {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    let id = granted(&stage, &play).await;
    stage.codes.replies(replies.iter().copied());
    let (end, rests) = if replies.len() > 1 {
        hand_in_only(&stage, &play, id, "c").await;
        let rests = ends(&stage, &play).await;
        (end_of(&play, id).await, rests)
    } else {
        // Whatever ends it at once answers the call.
        let view = hand_in(&stage, &play, id, "c").await.unwrap();
        (view.row.state(), Vec::new())
    };
    assert_eq!(end_of(&play, id).await, end);
    assert!(stage.codes.world.lock().replies.is_empty());
    let rests = rests.iter().map(Duration::as_secs).collect();
    let sent = stage.codes.sent();
    play.close().await;
    (end, sent, rests)
}

fn failed(reason: Reason) -> (State, Option<Reason>) {
    (State::Failed, Some(reason))
}

const VERIFIED: (State, Option<Reason>) = (State::Verified, None);
const BUSY: Reply = Reply::Busy(None);
const OVERLOADED: Reply = Reply::Overloaded(None);
const SPENT: Reply = Reply::Refuses(Reason::CodeAlreadyUsed);

#[tokio::test]
async fn what_was_certainly_not_taken_is_sent_again_and_does_not_count() {
    for reply in [BUSY, Reply::NotSent] {
        let sent = if reply == BUSY { 6 } else { 1 };
        let many = [reply, reply, reply, reply, reply, Reply::Gives];
        // Each rest is as long as has been tried already.
        assert_eq!(
            comes_of(&many).await,
            (VERIFIED, sent, vec![1, 1, 2, 4, 8]),
            "{reply:?}"
        );
    }
    let once = Reply::Refuses(Reason::CodeAlreadyUsed);
    let end = failed(Reason::CodeAlreadyUsed);
    assert_eq!(comes_of(&[BUSY, BUSY, once]).await, (end, 3, vec![1, 1]));
    let end = failed(Reason::CodeAlreadyUsed);
    assert_eq!(comes_of(&[Reply::NotSent, once]).await, (end, 1, vec![1]));
}

#[tokio::test]
async fn a_provider_that_asks_for_time_is_given_all_of_it() {
    let asked = |seconds| Reply::Busy(Some(Duration::from_secs(seconds)));
    let (end, _, waits) = comes_of(&[asked(7), asked(100), Reply::Gives]).await;
    assert_eq!((end, waits), (VERIFIED, vec![7, 100]));
    // Nobody waits for what a code does not live to see.
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    let id = granted(&stage, &play).await;
    stage.codes.replies([asked(181)]);
    hand_in(&stage, &play, id, "c").await.unwrap();
    assert_eq!(end_of(&play, id).await, failed(Reason::ExchangeAbandoned));
    play.close().await;
}

#[tokio::test]
async fn an_unclear_outcome_has_the_code_sent_once_more() {
    for unclear in [Reply::NeverGotIt, OVERLOADED] {
        let twice = [unclear, Reply::Gives];
        assert_eq!(comes_of(&twice).await, (VERIFIED, 2, vec![1]));
    }
    let unknown = failed(Reason::ExchangeOutcomeUnknown);
    // The first try has spent it.
    let twice = [Reply::IsLost, Reply::Gives];
    assert_eq!(comes_of(&twice).await, (unknown, 2, vec![1]));
    for unclear in [Reply::IsLost, Reply::NeverGotIt, OVERLOADED] {
        for second in [Reply::IsLost, Reply::NeverGotIt, OVERLOADED] {
            let twice = [unclear, second];
            assert_eq!(comes_of(&twice).await, (unknown, 2, vec![1]), "{twice:?}");
        }
    }
}

#[tokio::test]
async fn a_spent_code_is_told_from_one_that_we_have_spent() {
    let used = failed(Reason::CodeAlreadyUsed);
    let unknown = failed(Reason::ExchangeOutcomeUnknown);
    assert_eq!(comes_of(&[SPENT]).await, (used, 1, vec![]));
    assert_eq!(comes_of(&[BUSY, SPENT]).await, (used, 2, vec![1]));
    let three = [Reply::IsLost, BUSY, SPENT];
    assert_eq!(comes_of(&three).await, (unknown, 3, vec![1, 1]));
    let three = [BUSY, Reply::IsLost, SPENT];
    assert_eq!(comes_of(&three).await, (unknown, 3, vec![1, 1]));
    let four = [OVERLOADED, BUSY, Reply::NotSent, Reply::Gives];
    assert_eq!(comes_of(&four).await, (VERIFIED, 3, vec![1, 1, 2]));
    let many = [Reply::NeverGotIt, BUSY, BUSY, BUSY, Reply::NeverGotIt];
    assert_eq!(comes_of(&many).await, (unknown, 5, vec![1, 1, 2, 4]));
}

#[tokio::test]
async fn a_refusal_ends_it_and_its_words_are_kept_sealed() {
    for reason in [Reason::ExchangeRefused, Reason::ExchangeUnauthorized] {
        let stage = Stage::exchanging();
        let mut play = stage.open().await;
        play.run_jobs();
        let id = granted(&stage, &play).await;
        stage.codes.replies([Reply::Refuses(reason)]);
        let view = hand_in(&stage, &play, id, "c").await.unwrap();
        assert_eq!(view.row.state(), failed(reason));
        let last = *kinds(&play, id).await.last().unwrap();
        assert_eq!(last, (EventKind::FailureReported, State::Failed));
        assert_eq!(messages(&stage, &play, id).await, [WORDS]);
        assert!(claims(&play, id).await.is_err());
        play.close().await;
        let disk = stage.bytes_on_disk();
        let words = WORDS.as_bytes();
        assert!(!disk.windows(words.len()).any(|bytes| bytes == words));
    }
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_ends_it() {
    let end = failed(Reason::ExchangeAnswerInvalid);
    assert_eq!(comes_of(&[Reply::Nonsense]).await, (end, 1, vec![]));
    for reason in [Reason::ExchangeAnswerInvalid, Reason::PayloadNotEncrypted] {
        let stage = Stage::exchanging();
        let mut play = stage.open().await;
        play.run_jobs();
        let id = granted(&stage, &play).await;
        stage.codes.world.lock().unread.push_back(reason);
        hand_in(&stage, &play, id, "c").await.unwrap();
        assert_eq!(end_of(&play, id).await, failed(reason));
        // It is kept, for whoever wants to know what it was.
        assert_eq!(messages(&stage, &play, id).await.len(), 1);
        play.close().await;
    }
}

#[tokio::test]
async fn an_answer_that_gets_no_turn_is_read_again() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    let id = granted(&stage, &play).await;
    let busy = [Reason::CallbackOverload, Reason::Internal, Reason::Internal];
    stage.codes.world.lock().unread.extend(busy);
    hand_in_only(&stage, &play, id, "c").await;
    let waits = ends(&stage, &play).await;
    assert_eq!(waits, [SECOND, SECOND, 2 * SECOND]);
    assert_eq!(end_of(&play, id).await, VERIFIED);
    assert_eq!(stage.codes.sent(), 1);
    play.close().await;
}

#[tokio::test]
async fn a_code_whose_time_passes_is_abandoned_unless_it_may_have_been_sent() {
    for (first, reason) in [
        (BUSY, Reason::ExchangeAbandoned),
        (Reply::NotSent, Reason::ExchangeAbandoned),
        (Reply::NeverGotIt, Reason::ExchangeOutcomeUnknown),
    ] {
        let stage = Stage::exchanging();
        let mut play = stage.open().await;
        play.run_jobs();
        let id = granted(&stage, &play).await;
        stage.codes.replies([first]);
        hand_in_only(&stage, &play, id, "c").await;
        rests(&stage, &play).await.unwrap();
        let sent = stage.codes.sent();
        stage.clock.advance(LIFE + SECOND);
        assert_eq!(rests(&stage, &play).await, None);
        assert_eq!(end_of(&play, id).await, failed(reason));
        assert_eq!(stage.codes.sent(), sent);
        play.close().await;
    }
}

#[tokio::test]
async fn a_connection_that_never_stands_ends_it_with_the_life_of_the_code() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    let id = granted(&stage, &play).await;
    stage.codes.replies([Reply::NotSent; 20]);
    hand_in_only(&stage, &play, id, "c").await;
    let waits = ends(&stage, &play).await;
    let waits: Vec<_> = waits.iter().map(Duration::as_secs).collect();
    assert_eq!(waits, [1, 1, 2, 4, 8, 16, 32, 60]);
    let end = failed(Reason::ExchangeAbandoned);
    assert_eq!(end_of(&play, id).await, end);
    play.close().await;
}

#[tokio::test]
async fn a_new_approval_is_a_new_attempt_with_an_action_of_its_own() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    let id = granted(&stage, &play).await;
    stage
        .codes
        .replies([Reply::Refuses(Reason::ExchangeRefused)]);
    let view = hand_in(&stage, &play, id, "c").await.unwrap();
    assert!(view.retryable);
    assert!(view.actions.is_empty());
    let again = RetryVerification {
        principal: verilane_core::Principal::anonymous(),
        request_id: None,
        verification: id,
        expected: None,
        access: stage::access(),
        action_lifetime: None,
        without_picture: false,
    };
    let view = play.engine.retry(again).await.unwrap();
    assert_eq!(view.row.state(), (State::Pending, None));
    assert_eq!(view.row.attempts[1].connection, codes_connection());
    assert_eq!(view.actions.len(), 1);
    assert_eq!(view.actions[0].0, 2);
    stage.codes.grants("d", Grant::of("u-1"));
    let view = hand_in(&stage, &play, id, "d").await.unwrap();
    assert_eq!(view.row.state(), VERIFIED);
    let kept = claims(&play, id).await.unwrap();
    assert!(kept.iter().all(|one| one.claim.attempt == 2));
    play.close().await;
}
