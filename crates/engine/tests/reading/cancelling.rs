//! Calling a verification off.

use std::sync::Arc;

use verilane_core::{AuditAction, Principal, Reason, Revision, State, VerificationId};
use verilane_engine::{EngineError, VerificationView};

use crate::stage::{self, Play, Stage, request};

async fn cancel(
    play: &Play,
    id: VerificationId,
    expected: Option<u64>,
) -> Result<VerificationView, EngineError> {
    let (principal, access) = (Principal::new("a caller"), stage::access());
    let expected = expected.map(Revision);
    play.engine.cancel(id, expected, &principal, &access).await
}

#[tokio::test]
async fn calling_off_ends_it_once_and_repeats_change_nothing() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let id = created.row.id;
    let cancelled = cancel(&play, id, Some(2)).await.unwrap();
    assert_eq!(
        cancelled.row.state(),
        (State::Cancelled, Some(Reason::CancelledByCaller))
    );
    assert!(cancelled.actions.is_empty());
    let log = play.log().await;
    for expected in [None, Some(2), Some(3), Some(99)] {
        assert_eq!(
            cancel(&play, id, expected).await.unwrap().row,
            cancelled.row
        );
    }
    assert_eq!(play.log().await, log);
    let audit = play.store.audit(1, 10).await.unwrap();
    assert_eq!(audit.len(), 2);
    assert_eq!(audit[1].1.action, AuditAction::VerificationCancelled);
    assert_eq!(audit[1].1.principal.as_str(), "a caller");
}

#[tokio::test]
async fn one_that_has_moved_on_since_the_expected_revision_is_left_alone() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    stage
        .puppet
        .last_start()
        .report(&play.engine, "ACCEPTED")
        .await
        .unwrap();
    let error = cancel(&play, created.row.id, Some(2)).await.unwrap_err();
    assert_eq!(error.reason, Reason::RevisionMismatch);
    assert!(error.metadata.contains(&("revision", "3".to_owned())));
    assert_eq!(
        play.view(created.row.id).await.row.state().0,
        State::Processing
    );
    cancel(&play, created.row.id, Some(3)).await.unwrap();
}

#[tokio::test]
async fn what_is_verified_can_t_be_called_off_and_what_does_not_exist_neither() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    stage.puppet.last_start().succeed(&play.engine).await;
    let error = cancel(&play, created.row.id, None).await.unwrap_err();
    assert_eq!(error.reason, Reason::AlreadyVerified);
    let error = cancel(&play, VerificationId::generate(), None)
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::VerificationNotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_concurrent_callers_and_callbacks_all_are_heard() {
    let stage = Stage::new();
    let play = stage.open().await;
    for round in 0..20 {
        let created = play
            .engine
            .create(request(&format!("user {round}")))
            .await
            .unwrap();
        let (id, start) = (created.row.id, stage.puppet.last_start());
        let engine = Arc::clone(&play.engine);
        let data = tokio::spawn(async move { start.deliver(&engine, &[("EMAIL", "a@b.c")]).await });
        let cancelled = cancel(&play, id, None).await;
        data.await.unwrap().unwrap();
        let state = play.view(id).await.row.state().0;
        let claims = play.store.claims(id).await.unwrap().len();
        match cancelled {
            Ok(_) => assert_eq!((state, claims), (State::Cancelled, 0)),
            Err(error) => {
                assert_eq!(error.reason, Reason::AlreadyVerified);
                assert_eq!((state, claims), (State::Verified, 1));
            }
        }
    }
}
