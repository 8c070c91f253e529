//! A history mixes all requests for one user and items: each entry goes to its own attempt or nowhere.

use std::sync::Arc;

use verilane_core::{Principal, Reason, State};
use verilane_engine::{CreateVerification, RetryVerification};

use crate::stage::puppet::Answer;
use crate::stage::{self, DAY, HOUR, MINUTE, SECOND, START, Stage, request};
use crate::{begin, next_due, pulled, settled, words};

#[tokio::test]
async fn an_old_end_of_the_same_user_and_items_does_not_end_a_new_attempt() {
    for end in ["FINISH_SUCCESS", "FINISH_FAILED", "VALIDITY_FAILED"] {
        for before in [20 * DAY, 90 * SECOND, 30 * SECOND] {
            let stage = Stage::keeping_history();
            let mut play = stage.open().await;
            stage.puppet.notes("ACCEPTED", START - before);
            stage.puppet.notes(end, START - before);
            stage.puppet.notes("PENDING", START + SECOND);
            let created = play.engine.create(request("ada")).await.unwrap();
            play.run_jobs();
            let log = play.until(|log| log.len() == 3).await;
            assert_eq!(words(&log), pulled(&["PENDING"]), "{end} {before:?}");
            play.stop_jobs().await;
            let row = play.view(created.row.id).await.row;
            assert_eq!(row.state().0, State::Pending);
            assert!(row.warnings().is_empty());
            play.close().await;
        }
    }
}

#[tokio::test]
async fn two_attempts_in_one_month_get_their_own_entries_whatever_verification_they_are_of() {
    let stage = Stage::keeping_history().with(|config| config.polls.first = MINUTE);
    let mut play = stage.open().await;
    let first = play.engine.create(request("ada")).await.unwrap().row.id;
    for (word, seconds) in [("ACCEPTED", 10), ("FINISH_FAILED", 20)] {
        stage.puppet.notes(word, START + seconds * SECOND);
    }
    play.run_jobs();
    play.until(|log| log.len() == 4).await;
    assert_eq!(play.view(first).await.row.state().0, State::Failed);

    stage.clock.set(START + HOUR);
    let second = play.engine.create(request("ada")).await.unwrap().row.id;
    for (word, seconds) in [("PENDING", 0), ("ACCEPTED", 10), ("FINISH_SUCCESS", 20)] {
        stage.puppet.notes(word, START + HOUR + seconds * SECOND);
    }
    stage.clock.set(START + HOUR + MINUTE);
    play.until(|log| log.len() == 9).await;
    play.stop_jobs().await;
    assert_eq!(
        words(&play.events_of(first).await),
        pulled(&["ACCEPTED", "FINISH_FAILED"])
    );
    assert_eq!(
        words(&play.events_of(second).await),
        pulled(&["PENDING", "ACCEPTED", "FINISH_SUCCESS"])
    );
    assert_eq!(play.view(first).await.row.state().0, State::Failed);
    assert_eq!(play.view(second).await.row.state().0, State::Processing);
    play.close().await;
}

#[tokio::test]
async fn a_cancelled_attempt_keeps_its_entries_from_the_one_that_follows() {
    let stage = Stage::keeping_history();
    let mut play = stage.open().await;
    let first = play.engine.create(request("ada")).await.unwrap().row.id;
    let (principal, access) = (Principal::anonymous(), stage::access());
    play.engine
        .cancel(first, None, &principal, &access)
        .await
        .unwrap();
    stage.puppet.notes("ACCEPTED", START + 5 * SECOND);
    stage.puppet.notes("FINISH_FAILED", START + 10 * SECOND);
    stage.clock.set(START + 10 * SECOND);
    let second = play.engine.create(request("ada")).await.unwrap().row.id;
    stage.puppet.notes("PENDING", START + 10 * SECOND);
    play.run_jobs();
    play.until(|log| log.len() == 6).await;
    play.stop_jobs().await;
    assert_eq!(words(&play.events_of(second).await), pulled(&["PENDING"]));
    assert_eq!(words(&play.events_of(first).await), []);
    play.close().await;
}

#[tokio::test]
async fn a_refused_start_does_not_keep_the_last_words_of_the_attempt_before_it() {
    let stage = Stage::keeping_history().with(|config| config.polls.first = MINUTE);
    let mut play = stage.open().await;
    let id = play.engine.create(request("ada")).await.unwrap().row.id;
    for (word, seconds) in [("ACCEPTED", 10), ("VALIDITY_FAILED", 20)] {
        stage.puppet.notes(word, START + seconds * SECOND);
    }
    play.run_jobs();
    play.until(|log| log.len() == 4).await;
    assert_eq!(play.view(id).await.row.state().0, State::Failed);

    stage.clock.set(START + 30 * SECOND);
    stage
        .puppet
        .answers([Answer::Refuses(Reason::ProviderRefused)]);
    play.engine.create(request("ada")).await.unwrap_err();
    stage.puppet.notes("FINISH_FAILED", START + 40 * SECOND);
    stage.clock.set(START + HOUR);
    let log = play.until(|log| log.len() == 7).await;
    play.stop_jobs().await;
    assert_eq!(log.len(), 7);
    assert_eq!(
        words(&play.events_of(id).await),
        pulled(&["ACCEPTED", "VALIDITY_FAILED", "FINISH_FAILED"])
    );
    play.close().await;
}

#[tokio::test]
async fn a_poll_that_another_attempts_event_overtook_is_put_off_as_one_that_found_nothing() {
    let stage = Stage::keeping_history().with(|config| {
        config.purge_interval = 30 * DAY;
        // The attempt that has ended is asked about no more.
        config.polls.after_end = MINUTE;
    });
    let mut play = stage.open().await;
    let create = CreateVerification {
        max_attempts: Some(2),
        ..request("ada")
    };
    let id = play.engine.create(create).await.unwrap().row.id;
    let first = stage.puppet.last_start();
    begin(&stage, &mut play).await;
    let expiry = START + 10 * MINUTE;
    stage.clock.set(expiry);
    play.until(|log| log.len() == 3).await;
    let begun = expiry + 5 * MINUTE;
    stage.clock.set(begun);
    settled(&stage, &play).await;
    let again = RetryVerification {
        principal: Principal::anonymous(),
        request_id: None,
        verification: id,
        expected: None,
        access: stage::access(),
        action_lifetime: None,
        without_picture: false,
    };
    play.engine.retry(again).await.unwrap();

    // While the second is asked about, the first is told of.
    let polled = stage.puppet.pulls() + 1;
    let engine = Arc::clone(&play.engine);
    stage.puppet.at_pull(move |number| {
        let (engine, first) = (Arc::clone(&engine), first.clone());
        Box::pin(async move {
            if number == polled {
                first.report(&engine, "INITIATED").await.unwrap();
            }
        })
    });
    next_due(&play, begun + MINUTE).await;
    stage.clock.set(begun + MINUTE);
    let log = play.until(|log| log.len() == 6).await;
    assert_eq!(log[5].body.attempt, 1);
    assert_eq!(words(&log), [("INITIATED".to_owned(), "SIGNED")]);
    // Its poll does not wait for its lease to run out, and is the next thing to do.
    settled(&stage, &play).await;
    next_due(&play, begun + 2 * MINUTE).await;
    assert_eq!(stage.puppet.pulls(), polled);
    play.close().await;
}
