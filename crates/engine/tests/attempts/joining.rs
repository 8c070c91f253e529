//! A request for what the same caller has open already.

use verilane_core::{AuditAction, Pii, Principal, Reason};

use crate::request;
use crate::stage::{self, Stage, field, request_as};
use verilane_engine::CreateVerification;

#[tokio::test]
async fn the_same_caller_with_the_same_purpose_and_claims_joins_and_is_told_so() {
    let stage = Stage::new();
    let play = stage.open().await;
    let first = play.engine.create(request_as("one", "ada")).await.unwrap();
    assert!(!first.joined);
    for spelling in ["ada", "ADA"] {
        let second = play.engine.create(stage::request(spelling)).await.unwrap();
        assert!(second.joined);
        assert_eq!(second.row, first.row);
        assert_eq!(second.actions.len(), 1);
    }
    // Still open when the provider works on it.
    let start = stage.puppet.last_start();
    start.report(&play.engine, "ACCEPTED").await.unwrap();
    assert!(
        play.engine
            .create(request_as("two", "ada"))
            .await
            .unwrap()
            .joined
    );
    assert_eq!(stage.puppet.starts().len(), 1);
    assert_eq!(play.log().await.len(), 3, "joining is no event");
    let audit = play.store.audit(1, 10).await.unwrap();
    let joined = audit
        .iter()
        .filter(|(_, r)| r.action == AuditAction::VerificationJoined);
    assert_eq!(joined.count(), 3);

    // The join is remembered under its own id, whatever becomes of the verification.
    start.succeed(&play.engine).await;
    play.close().await;
    let play = stage.open().await;
    let repeat = play.engine.create(request_as("two", "ada")).await.unwrap();
    assert!(repeat.joined);
    assert_eq!(repeat.row.id, first.row.id);
    let repeat = play.engine.create(request_as("one", "ada")).await.unwrap();
    assert!(!repeat.joined);
    assert_eq!(stage.puppet.starts().len(), 1);
}

#[tokio::test]
async fn nobody_else_joins_or_learns_more_than_that_something_is_open() {
    let stage = Stage::new();
    let play = stage.open().await;
    play.engine.create(request("ada", 1)).await.unwrap();
    let mut other_purpose = stage::access();
    other_purpose.purpose = Pii::from("something else");
    for other in [
        CreateVerification {
            principal: Principal::new("somebody else"),
            ..request("ada", 1)
        },
        CreateVerification {
            access: other_purpose,
            ..request("ada", 1)
        },
        CreateVerification {
            // The same items are asked for: what is not held is left out.
            claims: vec![field("EMAIL", true), field("P_NAME", false)],
            ..request("ada", 1)
        },
    ] {
        stage.puppet.holds(&["EMAIL"]);
        let error = play.engine.create(other).await.unwrap_err();
        assert_eq!(error.reason, Reason::RequestAlreadyOpen);
        assert!(error.metadata.is_empty());
    }
    assert_eq!(play.log().await.len(), 2);
    assert_eq!(play.store.audit(1, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_has_ended_is_not_joined() {
    let stage = Stage::new();
    let play = stage.open().await;
    let first = play.engine.create(request("ada", 1)).await.unwrap().row.id;
    play.cancel(first).await;
    let second = play.engine.create(request("ada", 1)).await.unwrap();
    assert!(!second.joined);
    assert_ne!(second.row.id, first);
}

#[tokio::test]
async fn a_retry_does_not_take_the_slot_from_another_verification() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let first = play.engine.create(request("ada", 2)).await.unwrap().row.id;
    play.expire(&stage).await;
    let second = play.engine.create(request("ada", 2)).await.unwrap();
    assert!(!second.joined);
    let error = play.retry(first).await.unwrap_err();
    assert_eq!(error.reason, Reason::RequestAlreadyOpen);
    assert!(error.metadata.is_empty());
    assert_eq!(play.view(first).await.row.attempts.len(), 1);
}
