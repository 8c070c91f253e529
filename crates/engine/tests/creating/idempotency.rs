//! Repeats of a call under the same request id.

use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::Barrier;
use verilane_core::{Pii, Principal, Reason};
use verilane_engine::{CreateVerification, Expire};

use crate::stage::puppet::Answer;
use crate::stage::{self, DAY, HOUR, MINUTE, SECOND, START, Stage, field, request_as};

#[tokio::test]
async fn the_same_request_under_the_same_id_is_answered_with_the_same_verification() {
    let stage = Stage::new();
    let play = stage.open().await;
    let first = play.engine.create(request_as("r", "ada")).await.unwrap();
    let again = play.engine.create(request_as("r", "ada")).await.unwrap();
    assert_eq!(again.row, first.row);
    assert_eq!(again.actions.len(), 1);
    assert_eq!(stage.puppet.starts().len(), 1);
    assert_eq!(stage.puppet.availability_checks(), 1);
    assert_eq!(play.log().await.len(), 2);
}

#[tokio::test]
async fn a_repeat_is_answered_with_what_has_become_of_the_verification_and_after_a_restart_too() {
    let stage = Stage::new();
    let play = stage.open().await;
    let first = play.engine.create(request_as("r", "ada")).await.unwrap();
    stage.puppet.last_start().succeed(&play.engine).await;
    play.close().await;
    let play = stage.open().await;
    let again = play.engine.create(request_as("r", "ada")).await.unwrap();
    assert_eq!(again.row.id, first.row.id);
    assert_eq!(again.row.state().0, verilane_core::State::Verified);
    assert!(again.actions.is_empty());
}

#[tokio::test]
async fn another_request_under_the_same_id_is_refused_whatever_part_differs() {
    let stage = Stage::new();
    let play = stage.open().await;
    let base = || CreateVerification {
        labels: vec![("team".to_owned(), Pii::from("a"))],
        ..request_as("r", "ada")
    };
    let first = play.engine.create(base()).await.unwrap();
    let edits: [fn(&mut CreateVerification); 12] = [
        |r| r.subject = Pii::from("grace"),
        |r| r.subject_ref = Some(Pii::from("7")),
        |r| r.claims = vec![field("EMAIL", false)],
        |r| r.claims.push(field("P_NAME", true)),
        |r| r.claims[0].selector = stage::email(),
        |r| r.labels = vec![("team".to_owned(), Pii::from("b"))],
        |r| r.labels = vec![("teama".to_owned(), Pii::from(""))],
        |r| r.access.purpose = Pii::from("another"),
        |r| r.access.actor = Pii::from("another"),
        |r| r.expire = Expire::After(HOUR),
        |r| r.action_lifetime = Some(10 * MINUTE),
        |r| r.max_attempts = Some(1),
    ];
    for (place, edit) in edits.into_iter().enumerate() {
        let mut other = base();
        edit(&mut other);
        let error = play.engine.create(other).await.unwrap_err();
        assert_eq!(error.reason, Reason::RequestIdReused, "edit {place}");
        let about = ("verification_id", first.row.id.to_string());
        assert_eq!(error.metadata, [about]);
    }
    assert_eq!(stage.puppet.starts().len(), 1);
}

#[tokio::test]
async fn a_request_id_belongs_to_its_caller() {
    let stage = Stage::new();
    let play = stage.open().await;
    let first = play.engine.create(request_as("r", "ada")).await.unwrap();
    let other = CreateVerification {
        principal: Principal::new("somebody else"),
        ..request_as("r", "grace")
    };
    let other = play.engine.create(other).await.unwrap();
    assert_ne!(other.row.id, first.row.id);
}

#[tokio::test]
async fn a_request_id_is_forgotten_after_its_time() {
    let stage = Stage::new();
    let play = stage.open().await;
    let first = play.engine.create(request_as("r", "ada")).await.unwrap();
    stage.puppet.last_start().succeed(&play.engine).await;
    stage.clock.set(START + DAY - SECOND);
    let again = play.engine.create(request_as("r", "ada")).await.unwrap();
    assert_eq!(again.row.id, first.row.id);
    stage.clock.set(START + DAY);
    let anew = play.engine.create(request_as("r", "ada")).await.unwrap();
    assert_ne!(anew.row.id, first.row.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_calls_under_one_id_make_one_verification() {
    let stage = Stage::new();
    let play = stage.open().await;
    for round in 0..10 {
        let barrier = Arc::new(Barrier::new(8));
        let calls = (0..8).map(|_| {
            let (engine, barrier) = (Arc::clone(&play.engine), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                let request = request_as(&format!("r {round}"), &format!("user {round}"));
                engine.create(request).await.unwrap().row.id
            })
        });
        let ids = futures_util::future::join_all(calls).await;
        let ids: Vec<_> = ids.into_iter().map(Result::unwrap).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "round {round}");
        assert_eq!(stage.puppet.starts().len(), round + 1);
    }
}

#[tokio::test]
async fn a_repeat_that_comes_while_the_first_call_waits_for_the_provider_finds_its_verification() {
    let stage = Stage::new();
    let play = stage.open().await;
    stage.puppet.answers([Answer::Hangs]);
    let mut first = Box::pin(play.engine.create(request_as("r", "ada")));
    let asked = stage.puppet.asked_to_start(1);
    tokio::select! {
        _ = &mut first => panic!("the provider hangs"),
        _ = asked => {}
    }
    let again = play.engine.create(request_as("r", "ada")).await.unwrap();
    assert!(again.actions.is_empty());
    assert_eq!(stage.puppet.starts().len(), 1);
    assert!(first.now_or_never().is_none());
}

#[tokio::test]
async fn a_repeat_that_was_overtaken_on_its_way_finds_the_verification_and_not_an_open_slot() {
    let stage = Stage::new();
    let play = stage.open().await;
    let gate = Arc::new(tokio::sync::Notify::new());
    let opened = Arc::clone(&gate);
    stage.puppet.at_availability_check(move |number| {
        let gate = Arc::clone(&opened);
        async move {
            if number == 1 {
                gate.notified().await;
            }
        }
        .boxed()
    });
    let mut slow = Box::pin(play.engine.create(request_as("r", "ada")));
    let quick = tokio::select! {
        _ = &mut slow => panic!("it waits for the provider"),
        quick = async {
            while stage.puppet.availability_checks() == 0 {
                tokio::task::yield_now().await;
            }
            play.engine.create(request_as("r", "ada")).await.unwrap()
        } => quick,
    };
    gate.notify_one();
    assert_eq!(slow.await.unwrap().row, quick.row);
    assert_eq!(stage.puppet.starts().len(), 1);
}

#[tokio::test]
async fn a_start_that_was_refused_is_answered_the_same_again() {
    let stage = Stage::new();
    let play = stage.open().await;
    let table = [
        (
            Answer::Refuses(Reason::ProviderRefused),
            Reason::ProviderRefused,
        ),
        (
            Answer::Refuses(Reason::ClaimsNotHeld),
            Reason::ClaimsNotHeld,
        ),
        (Answer::Nonsense, Reason::ProviderAnswerInvalid),
        (
            Answer::HoldsOne(START + 9 * MINUTE),
            Reason::ProviderRequestNotOurs,
        ),
    ];
    for (place, (answer, reason)) in table.into_iter().enumerate() {
        let request = || request_as(&format!("r {place}"), &format!("user {place}"));
        stage.puppet.answers([answer]);
        let error = play.engine.create(request()).await.unwrap_err();
        assert_eq!(error.reason, reason);
        let again = play.engine.create(request()).await.unwrap_err();
        assert_eq!(again.reason, reason);
        assert_eq!(error.metadata[0], again.metadata[0]);
        // And it stays so when somebody calls the failed verification off.
        let id = again.metadata[0].1.parse().unwrap();
        let cancelled = play
            .engine
            .cancel(id, None, &Principal::anonymous(), &stage::access())
            .await;
        cancelled.unwrap();
        let again = play.engine.create(request()).await.unwrap_err();
        assert_eq!(again.reason, reason);
        assert_eq!(stage.puppet.starts().len(), place + 1);
    }
}
