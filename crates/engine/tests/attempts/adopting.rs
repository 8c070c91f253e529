//! The provider holds a request already: one that this service made is taken over.

use serde_json::json;
use verilane_core::{Assurance, EventKind, Pii, Principal, Reason, State};

use crate::request;
use crate::stage::calls::{Body, call};
use crate::stage::puppet::Answer;
use crate::stage::{self, DAY, MINUTE, SECOND, START, Stage};
use verilane_engine::{CreateVerification, Verdict};

#[tokio::test]
async fn what_a_cancelled_attempt_left_at_the_provider_is_taken_over_with_its_expiration() {
    let stage = Stage::new();
    let play = stage.open().await;
    let first = play.engine.create(request("ada", 1)).await.unwrap().row.id;
    let left = stage.puppet.last_start();
    play.cancel(first).await;
    stage.clock.advance(3 * MINUTE);
    stage.puppet.answers([Answer::HoldsOne(left.expiry)]);
    let second = play.engine.create(request("ada", 1)).await.unwrap();
    assert!(!second.joined);
    assert_eq!(second.row.attempts[0].expire_time, Some(left.expiry));
    assert_eq!(second.actions[0].1.expire_time(), left.expiry);
    // What the user does with it now is about the second, and about no other.
    left.succeed(&play.engine).await;
    assert_eq!(
        play.view(second.row.id).await.row.state().0,
        State::Verified
    );
    assert_eq!(play.view(first).await.row.state().0, State::Cancelled);
    assert!(play.store.claims(first).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_resumed_intent_takes_over_what_an_earlier_attempt_left() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let first = play.engine.create(request("ada", 1)).await.unwrap().row.id;
    let left = stage.puppet.last_start();
    play.cancel(first).await;
    stage.clock.advance(SECOND);
    stage
        .puppet
        .answers([Answer::Unclear, Answer::HoldsOne(left.expiry)]);
    let second = play.engine.create(request("ada", 1)).await.unwrap();
    play.run_jobs();
    stage.clock.advance(SECOND);
    play.until(|log| log.len() == 5).await;
    let view = play.view(second.row.id).await;
    assert_eq!(view.actions[0].1.expire_time(), left.expiry);
    play.close().await;
}

#[tokio::test]
async fn what_no_attempt_of_the_slot_can_have_asked_for_is_somebody_elses() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let id = play.engine.create(request("ada", 3)).await.unwrap().row.id;
    play.expire(&stage).await;
    let foreign = stage.now() + 7 * MINUTE;
    stage.puppet.answers([Answer::HoldsOne(foreign)]);
    let error = play.retry(id).await.unwrap_err();
    assert_eq!(error.reason, Reason::ProviderRequestNotOurs);
    assert!(error.metadata.iter().any(|(key, _)| *key == "lapse_time"));
    let view = play.view(id).await;
    assert_eq!(view.row.attempt(2).unwrap().expire_time, Some(foreign));
    assert!(view.retryable, "once that has lapsed");
    play.retry(id).await.unwrap();
}

#[tokio::test]
async fn a_request_that_was_accepted_and_answered_is_not_taken_over() {
    let stage = Stage::new();
    let play = stage.open().await;
    play.engine.create(request("ada", 1)).await.unwrap();
    let left = stage.puppet.last_start();
    left.succeed(&play.engine).await;
    stage.puppet.answers([Answer::HoldsOne(left.expiry)]);
    let error = play.engine.create(request("ada", 1)).await.unwrap_err();
    assert_eq!(error.reason, Reason::RequestAlreadyOpen);
    assert!(error.metadata.iter().any(|(key, _)| *key == "lapse_time"));
}

#[tokio::test]
async fn a_retry_takes_over_what_the_provider_still_works_on() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let mut wish = request("ada", 2);
    wish.expire = verilane_engine::Expire::After(10 * DAY);
    let id = play.engine.create(wish).await.unwrap().row.id;
    let first = stage.puppet.last_start();
    first.report(&play.engine, "INITIATED").await.unwrap();
    stage.clock.advance(DAY + SECOND);
    play.run_jobs();
    play.until(|log| log.len() == 4).await;
    assert_eq!(
        play.view(id).await.row.state().1,
        Some(Reason::ProviderStalled)
    );

    stage
        .puppet
        .answers([Answer::Refuses(Reason::RequestAlreadyOpen)]);
    let view = play.retry(id).await.unwrap();
    assert_eq!(view.row.state().0, State::Processing);
    assert!(
        view.actions.is_empty(),
        "there is nothing for the user to do"
    );
    assert_eq!(view.row.attempt(2).unwrap().expire_time, Some(first.expiry));
    let last = play.log().await.pop().unwrap().body;
    assert_eq!(last.kind, EventKind::RequestAdopted);
    first
        .deliver(&play.engine, &[("EMAIL", "a@b.c")])
        .await
        .unwrap();
    let row = play.view(id).await.row;
    assert_eq!(row.attempt(2).unwrap().state().0, State::Verified);
    assert_eq!(row.attempt(1).unwrap().state().0, State::Failed);
    play.close().await;
}

#[tokio::test]
async fn what_a_user_accepted_for_another_purpose_is_not_taken_over() {
    let stage = Stage::new();
    let play = stage.open().await;
    let first = play.engine.create(request("ada", 1)).await.unwrap().row.id;
    let left = stage.puppet.last_start();
    left.report(&play.engine, "INITIATED").await.unwrap();
    play.cancel(first).await;
    let mut other_purpose = stage::access();
    other_purpose.purpose = Pii::from("something else");
    let others = [
        CreateVerification {
            access: other_purpose,
            ..request("ada", 1)
        },
        CreateVerification {
            principal: Principal::new("somebody else"),
            ..request("ada", 1)
        },
    ];
    for other in others {
        // Whether the provider works on it, or shows the code that was scanned already.
        for answer in [
            Answer::Refuses(Reason::RequestAlreadyOpen),
            Answer::HoldsOne(left.expiry),
        ] {
            stage.puppet.answers([answer]);
            let error = play.engine.create(other.clone()).await.unwrap_err();
            assert_eq!(error.reason, Reason::RequestAlreadyOpen);
        }
    }
    stage
        .puppet
        .answers([Answer::Refuses(Reason::RequestAlreadyOpen)]);
    let same = play.engine.create(request("ada", 1)).await.unwrap();
    assert_eq!(same.row.state().0, State::Processing);
    left.deliver(&play.engine, &[("EMAIL", "a@b.c")])
        .await
        .unwrap();
    assert_eq!(play.view(same.row.id).await.row.state().0, State::Verified);
}

#[tokio::test]
async fn a_late_status_of_a_request_from_before_it_was_taken_over_is_taken() {
    let stage = Stage::keeping_history();
    let play = stage.open().await;
    let first = play.engine.create(request("ada", 1)).await.unwrap().row.id;
    let left = stage.puppet.last_start();
    stage.clock.advance(10 * SECOND);
    let accepted = stage.now();
    stage.puppet.notes("ACCEPTED", accepted);
    play.cancel(first).await;
    stage.clock.advance(10 * SECOND);
    stage.puppet.answers([Answer::HoldsOne(left.expiry)]);
    let second = play.engine.create(request("ada", 1)).await.unwrap().row.id;
    stage.clock.advance(4 * MINUTE);
    let body = Body::status("ACCEPTED", left.expiry)
        .with("time", json!(accepted.as_secs()))
        .with("deadline", json!(accepted.as_secs() + 180));
    let taken = call(&play.engine, &left.status_path(), &body).await;
    assert_eq!(taken.unwrap().verdict, Verdict::Repeated);
    assert_eq!(play.view(second).await.row.state().0, State::Processing);
    assert_eq!(play.view(first).await.row.state().0, State::Cancelled);
    let last = play.log().await.pop().unwrap().body;
    assert_eq!(last.verification, second);
    assert_eq!(last.assurance, Assurance::Pulled);
}

#[tokio::test]
async fn what_a_user_accepted_for_the_same_purpose_is_taken_over_with_its_code_too() {
    let stage = Stage::new();
    let play = stage.open().await;
    let first = play.engine.create(request("ada", 1)).await.unwrap().row.id;
    let left = stage.puppet.last_start();
    left.report(&play.engine, "ACCEPTED").await.unwrap();
    play.cancel(first).await;
    stage.puppet.answers([Answer::HoldsOne(left.expiry)]);
    let second = play.engine.create(request("ada", 1)).await.unwrap().row.id;
    left.deliver(&play.engine, &[("EMAIL", "a@b.c")])
        .await
        .unwrap();
    assert_eq!(play.view(second).await.row.state().0, State::Verified);
}

#[tokio::test]
async fn a_request_whose_data_was_delivered_and_not_kept_is_not_taken_over() {
    let stage = Stage::new();
    let play = stage.open().await;
    let first = play.engine.create(request("ada", 1)).await.unwrap().row.id;
    let left = stage.puppet.last_start();
    left.report(&play.engine, "CONFIRMED").await.unwrap();
    play.cancel(first).await;
    let taken = left.deliver(&play.engine, &[("EMAIL", "a@b.c")]);
    assert_eq!(taken.await.unwrap().verdict, Verdict::NotKept);
    // The provider was told that the data arrived, and sends it to nobody else.
    for answer in [
        Answer::Refuses(Reason::RequestAlreadyOpen),
        Answer::HoldsOne(left.expiry),
    ] {
        stage.puppet.answers([answer]);
        let error = play.engine.create(request("ada", 1)).await.unwrap_err();
        assert_eq!(error.reason, Reason::RequestAlreadyOpen);
    }
}

#[tokio::test]
async fn a_request_whose_data_an_earlier_attempt_has_is_not_taken_over_from_a_later_one() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let first = play.engine.create(request("ada", 1)).await.unwrap().row.id;
    let left = stage.puppet.last_start();
    left.report(&play.engine, "INITIATED").await.unwrap();
    stage.clock.advance(DAY + SECOND);
    play.run_jobs();
    play.until(|log| log.len() == 4).await;
    let ongoing = || {
        stage
            .puppet
            .answers([Answer::Refuses(Reason::RequestAlreadyOpen)])
    };
    ongoing();
    let second = play.engine.create(request("ada", 1)).await.unwrap().row.id;
    play.cancel(second).await;
    left.deliver(&play.engine, &[("EMAIL", "a@b.c")])
        .await
        .unwrap();
    assert_eq!(play.view(first).await.row.state().0, State::Verified);

    ongoing();
    let error = play.engine.create(request("ada", 1)).await.unwrap_err();
    assert_eq!(error.reason, Reason::RequestAlreadyOpen);
    play.close().await;
}

#[tokio::test]
async fn data_that_came_before_any_status_tells_that_its_request_is_the_last_accepted() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    play.engine.create(request("ada", 1)).await.unwrap();
    let stalled = stage.puppet.last_start();
    stalled.report(&play.engine, "INITIATED").await.unwrap();
    stage.clock.advance(DAY + SECOND);
    play.run_jobs();
    play.until(|log| log.len() == 4).await;
    let second = play.engine.create(request("ada", 1)).await.unwrap().row.id;
    let left = stage.puppet.last_start();
    play.cancel(second).await;
    left.deliver(&play.engine, &[("EMAIL", "a@b.c")])
        .await
        .unwrap();

    stage
        .puppet
        .answers([Answer::Refuses(Reason::RequestAlreadyOpen)]);
    let error = play.engine.create(request("ada", 1)).await.unwrap_err();
    assert_eq!(error.reason, Reason::RequestAlreadyOpen);
    play.close().await;
}

#[tokio::test]
async fn what_the_provider_works_on_for_a_slot_that_is_new_is_somebody_elses() {
    let stage = Stage::new();
    let play = stage.open().await;
    stage
        .puppet
        .answers([Answer::Refuses(Reason::RequestAlreadyOpen)]);
    let error = play.engine.create(request("ada", 1)).await.unwrap_err();
    assert_eq!(error.reason, Reason::ProviderRequestNotOurs);
    assert_eq!(stage.now(), START);
}

#[tokio::test]
async fn data_for_a_cancelled_attempt_is_answered_told_and_not_kept() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = play.engine.create(request("ada", 1)).await.unwrap().row.id;
    let start = stage.puppet.last_start();
    play.cancel(id).await;
    let taken = start
        .deliver(&play.engine, &[("EMAIL", "a@b.c")])
        .await
        .unwrap();
    assert_eq!(taken.verdict, Verdict::NotKept);
    let last = play.log().await.pop().unwrap().body;
    assert_eq!(last.kind, EventKind::DataDiscarded);
    assert_eq!(last.warnings, [Reason::LateDataDiscarded]);
    assert!(play.store.claims(id).await.unwrap().is_empty());
    assert!(play.store.evidence(id).await.unwrap().is_empty());
}
