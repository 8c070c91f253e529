//! A new attempt of the same verification.

use verilane_core::{AuditAction, EventKind, JobKind, Reason, Revision, State};

use crate::stage::puppet::Answer;
use crate::stage::{self, DAY, HOUR, MINUTE, Stage};
use crate::{again, request};
use verilane_engine::{AccessContext, RetryVerification};

#[tokio::test]
async fn after_an_expiry_a_new_attempt_on_the_same_paths_can_succeed() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let id = play.engine.create(request("ada", 2)).await.unwrap().row.id;
    play.expire(&stage).await;
    assert!(play.view(id).await.retryable);
    let view = play.retry(id).await.unwrap();
    assert_eq!(view.row.state().0, State::Pending);
    assert_eq!(view.actions.len(), 1);
    assert_eq!(view.actions[0].0, 2);
    let starts = stage.puppet.starts();
    assert_eq!(starts[0].status_url, starts[1].status_url);
    assert_eq!(starts[0].data_url, starts[1].data_url);
    assert_eq!(starts[1].expiry, stage.now() + 10 * MINUTE);
    starts[1].succeed(&play.engine).await;
    let row = play.view(id).await.row;
    assert_eq!(row.state().0, State::Verified);
    assert_eq!(row.attempt(1).unwrap().state().0, State::Expired);
    assert_eq!(
        play.kinds().await[..5],
        [
            "CREATED",
            "ACTION_AVAILABLE",
            "EXPIRED",
            "ATTEMPT_STARTED",
            "ACTION_AVAILABLE"
        ]
    );
}

#[tokio::test]
async fn why_there_is_no_new_attempt_is_told_and_nothing_is_stored() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let id = play.engine.create(request("ada", 2)).await.unwrap().row.id;
    let error = play.retry(id).await.unwrap_err();
    assert_eq!(error.reason, Reason::NotRetryable);
    assert!(error.metadata.contains(&("state", "PENDING".to_owned())));
    play.expire(&stage).await;
    let wrong = RetryVerification {
        expected: Some(Revision(2)),
        ..again(id)
    };
    let error = play.engine.retry(wrong).await.unwrap_err();
    assert_eq!(error.reason, Reason::RevisionMismatch);
    let wrong = RetryVerification {
        action_lifetime: Some(4 * MINUTE),
        ..again(id)
    };
    let error = play.engine.retry(wrong).await.unwrap_err();
    assert_eq!(error.reason, Reason::ActionLifetimeOutOfRange);
    let wrong = RetryVerification {
        access: AccessContext::default(),
        ..again(id)
    };
    let error = play.engine.retry(wrong).await.unwrap_err();
    assert_eq!(error.reason, Reason::PurposeRequired);
    assert_eq!(play.log().await.len(), 3);
    assert_eq!(stage.puppet.starts().len(), 1);

    play.retry(id).await.unwrap();
    play.expire(&stage).await;
    let error = play.retry(id).await.unwrap_err();
    assert_eq!(error.reason, Reason::AttemptsExhausted);
    stage.clock.advance(DAY);
    let error = play.retry(id).await.unwrap_err();
    assert_eq!(error.reason, Reason::VerificationOver);
}

#[tokio::test]
async fn a_repeat_under_the_same_request_id_makes_no_further_attempt() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let id = play.engine.create(request("ada", 5)).await.unwrap().row.id;
    play.expire(&stage).await;
    let wish = RetryVerification {
        request_id: Some("r".to_owned()),
        expected: Some(Revision(3)),
        ..again(id)
    };
    let first = play.engine.retry(wish.clone()).await.unwrap();
    let repeat = play.engine.retry(wish.clone()).await.unwrap();
    assert_eq!(repeat.row, first.row);
    let other = RetryVerification {
        action_lifetime: Some(7 * MINUTE),
        ..wish.clone()
    };
    let error = play.engine.retry(other).await.unwrap_err();
    assert_eq!(error.reason, Reason::RequestIdReused);
    // An id is one request's, whichever call it was made with.
    let error = play
        .engine
        .create(stage::request_as("r", "bob"))
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::RequestIdReused);

    // Refused starts are remembered with their attempt.
    play.expire(&stage).await;
    stage.puppet.answers([Answer::Says("no")]);
    let refused = RetryVerification {
        request_id: Some("s".to_owned()),
        ..again(id)
    };
    let error = play.engine.retry(refused.clone()).await.unwrap_err();
    assert_eq!(error.reason, Reason::ProviderRefused);
    assert_eq!(play.engine.retry(refused).await.unwrap_err(), error);
    assert_eq!(play.engine.retry(wish).await.unwrap().row.attempts.len(), 3);
    assert!(
        play.retry(id).await.is_ok(),
        "a refused attempt is over too"
    );
    assert_eq!(stage.puppet.starts().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_concurrent_retries_one_is_made_and_those_under_one_id_are_all_answered() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let id = play.engine.create(request("ada", 5)).await.unwrap().row.id;
    play.expire(&stage).await;
    let calls = (0..8).map(|number| {
        let engine = std::sync::Arc::clone(&play.engine);
        let wish = RetryVerification {
            request_id: Some(if number < 4 { "same" } else { "another" }.to_owned()),
            ..again(id)
        };
        tokio::spawn(async move { engine.retry(wish).await })
    });
    let outcomes = futures_util::future::join_all(calls).await;
    let (made, refused): (Vec<_>, Vec<_>) = outcomes
        .into_iter()
        .map(Result::unwrap)
        .partition(Result::is_ok);
    assert_eq!(made.len(), 4);
    for refusal in refused {
        assert_eq!(refusal.unwrap_err().reason, Reason::NotRetryable);
    }
    assert_eq!(stage.puppet.starts().len(), 2);
    assert_eq!(play.view(id).await.row.attempts.len(), 2);
}

#[tokio::test]
async fn an_intent_whose_outcome_is_open_is_resumed_by_its_job() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let id = play.engine.create(request("ada", 2)).await.unwrap().row.id;
    play.expire(&stage).await;
    stage.puppet.answers([Answer::Hangs]);
    let mut retry = Box::pin(play.retry(id));
    tokio::select! {
        _ = &mut retry => panic!("the provider hangs"),
        _ = stage.puppet.asked_to_start(2) => {}
    }
    drop(retry);
    play.close().await;

    let mut play = stage.open().await;
    play.run_jobs();
    play.until(|log| log.len() == 5).await;
    let starts = stage.puppet.starts();
    let sent = |place: usize| (&starts[place].data_url, starts[place].expiry);
    assert_eq!(
        sent(1),
        sent(2),
        "but for the picture, which is not asked for again"
    );
    assert_eq!(play.view(id).await.actions[0].0, 2);
    play.close().await;
}

#[tokio::test]
async fn a_late_success_counts_and_withdraws_the_open_attempt() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let id = play.engine.create(request("ada", 3)).await.unwrap().row.id;
    let first = stage.puppet.last_start();
    play.expire(&stage).await;
    play.retry(id).await.unwrap();
    let second = stage.puppet.last_start();
    first
        .deliver(&play.engine, &[("EMAIL", "first@b.c")])
        .await
        .unwrap();
    let view = play.view(id).await;
    assert_eq!(view.row.state().0, State::Verified);
    assert!(view.actions.is_empty() && !view.retryable);
    let log = play.log().await;
    let [.., success, withdrawn] = &log[..] else {
        panic!("at least two events");
    };
    assert_eq!(
        (success.body.kind, success.body.attempt),
        (EventKind::DataReceived, 1)
    );
    assert!(success.body.late);
    assert_eq!(
        (withdrawn.body.kind, withdrawn.body.attempt),
        (EventKind::ActionWithdrawn, 2)
    );
    assert_eq!(withdrawn.sequence, success.sequence.next());
    assert!(!play.has_job(JobKind::ExpireAction).await);

    // The user accepts the second all the same: it is kept as evidence and mixed with nothing.
    let claims = play.store.claims(id).await.unwrap();
    let evidence = play.store.evidence(id).await.unwrap().len();
    second
        .deliver(&play.engine, &[("EMAIL", "second@b.c")])
        .await
        .unwrap();
    assert_eq!(play.store.claims(id).await.unwrap(), claims);
    assert_eq!(play.store.evidence(id).await.unwrap().len(), evidence + 1);
    let row = play.view(id).await.row;
    assert_eq!(row.warnings(), [Reason::DuplicateSuccess]);
    let last = play.log().await.pop().unwrap().body;
    assert_eq!((last.kind, last.attempt), (EventKind::DuplicateSuccess, 2));
    assert_eq!(last.warnings, [Reason::DuplicateSuccess]);
}

#[tokio::test]
async fn a_complete_delivery_takes_the_place_of_an_incomplete_one() {
    let stage = Stage::new();
    let play = stage.open().await;
    let mut wish = request("ada", 2);
    wish.claims = vec![
        stage::field("EMAIL", true),
        stage::field("P_NAME", false),
        stage::field("P_BIRTH", true),
    ];
    let id = play.engine.create(wish).await.unwrap().row.id;
    let first = stage.puppet.last_start();
    first
        .deliver(&play.engine, &[("EMAIL", "a@b.c"), ("P_NAME", "Ada")])
        .await
        .unwrap();
    assert_eq!(
        play.view(id).await.row.state().1,
        Some(Reason::RequiredItemMissing)
    );
    stage.clock.advance(MINUTE);
    play.retry(id).await.unwrap();
    let second = stage.puppet.last_start();
    assert_eq!(
        second.fields, first.fields,
        "what was missing is asked for again"
    );
    second
        .deliver(
            &play.engine,
            &[("EMAIL", "n@b.c"), ("P_BIRTH", "1815-12-10")],
        )
        .await
        .unwrap();
    let read = verilane_engine::ReadClaims {
        principal: verilane_core::Principal::anonymous(),
        access: stage::access(),
        claims: Vec::new(),
        peppers_of: Vec::new(),
    };
    let claims = play.engine.read_claims(id, &read).await.unwrap().claims;
    let got: Vec<_> = claims
        .iter()
        .map(|c| (c.claim.field.as_str(), c.claim.attempt))
        .collect();
    assert_eq!(got, [("EMAIL", 2), ("P_BIRTH", 2)]);
}

#[tokio::test]
async fn a_retry_that_the_provider_is_not_ready_for_counts_and_the_next_one_succeeds() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = play.engine.create(request("ada", 3)).await.unwrap().row.id;
    let first = stage.puppet.last_start();
    first.report(&play.engine, "INITIATED").await.unwrap();
    first.report(&play.engine, "VALIDITY_FAILED").await.unwrap();
    assert!(play.view(id).await.retryable);
    // It has failed, and goes on being worked on until the provider says that it has finished.
    stage
        .puppet
        .answers([Answer::Refuses(Reason::RequestAlreadyOpen)]);
    let error = play.retry(id).await.unwrap_err();
    assert_eq!(error.reason, Reason::RequestAlreadyOpen);
    let row = play.view(id).await.row;
    assert_eq!(row.attempts.len(), 2);
    assert_eq!(row.state().1, Some(Reason::RequestAlreadyOpen));
    first.report(&play.engine, "FINISH_FAILED").await.unwrap();
    play.retry(id).await.unwrap();
    stage.puppet.last_start().succeed(&play.engine).await;
    let row = play.view(id).await.row;
    assert_eq!((row.state().0, row.attempts.len()), (State::Verified, 3));
}

#[tokio::test]
async fn that_retrying_is_over_is_told_when_the_time_comes() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let id = play.engine.create(request("ada", 2)).await.unwrap().row.id;
    play.expire(&stage).await;
    stage.clock.advance(DAY + HOUR);
    play.run_jobs();
    let log = play.until(|log| log.len() == 4).await;
    assert_eq!(log[3].body.kind, EventKind::RetryClosed);
    assert!(log[2].body.retryable && !log[3].body.retryable);
    assert!(!play.view(id).await.retryable);
    play.close().await;
}

#[tokio::test]
async fn each_attempt_is_entered_in_the_audit_chain_with_its_purpose() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let id = play.engine.create(request("ada", 2)).await.unwrap().row.id;
    play.expire(&stage).await;
    play.retry(id).await.unwrap();
    let audit = play.store.audit(1, 10).await.unwrap();
    let last = &audit.last().unwrap().1;
    assert_eq!(last.action, AuditAction::VerificationRetried);
    assert!(last.details.is_some());
}
