//! Data: what makes a verification verified, and what is kept of what came.

use serde_json::json;
use verilane_core::{ClaimStatus, Principal, Reason, State};
use verilane_engine::{CreateVerification, ReadClaims, Verdict};

use crate::stage::calls::{Body, call};
use crate::stage::{self, DAY, Play, START, Stage, field, request};

async fn values(play: &Play, id: verilane_core::VerificationId) -> Vec<(String, String)> {
    let read = ReadClaims {
        principal: Principal::anonymous(),
        access: stage::access(),
        claims: Vec::new(),
        peppers_of: Vec::new(),
    };
    let view = play.engine.read_claims(id, &read).await.unwrap();
    let claims = view.claims.into_iter();
    claims
        .map(|c| (c.claim.field.clone(), c.raw.unwrap().expose().clone()))
        .collect()
}

fn two_claims() -> CreateVerification {
    CreateVerification {
        claims: vec![field("EMAIL", true), field("P_NAME", false)],
        ..request("ada")
    }
}

#[tokio::test]
async fn data_with_every_required_item_verifies() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(two_claims()).await.unwrap();
    let start = stage.puppet.last_start();
    let taken = start
        .deliver(&play.engine, &[("EMAIL", "ada@example.org")])
        .await
        .unwrap();
    assert_eq!(taken.verdict, Verdict::Accepted);
    let row = play.view(created.row.id).await.row;
    assert_eq!(row.state(), (State::Verified, None));
    let statuses: Vec<_> = row.claims.iter().map(|c| c.status).collect();
    assert_eq!(statuses, [ClaimStatus::Granted, ClaimStatus::NotHeld]);
    let stored = values(&play, row.id).await;
    assert_eq!(stored, [("EMAIL".to_owned(), "ada@example.org".to_owned())]);
    assert_eq!(play.store.evidence(row.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_provider_s_calls_are_known_by_what_was_asked_for_whatever_came_of_it() {
    for came in ["EMAIL", "P_NAME"] {
        let stage = Stage::new();
        let play = stage.open().await;
        let id = play.engine.create(two_claims()).await.unwrap().row.id;
        let start = stage.puppet.last_start();
        let part = [(came, "a value")];
        start.deliver(&play.engine, &part).await.unwrap();
        for word in ["ACCEPTED", "CONFIRMED"] {
            let taken = start.report(&play.engine, word).await.unwrap();
            assert_eq!(
                taken.verdict,
                Verdict::Accepted,
                "{word} after {came} alone"
            );
        }
        let again = start.deliver(&play.engine, &part).await.unwrap();
        assert_eq!(again.verdict, Verdict::Repeated);
        let row = play.view(id).await.row;
        assert_eq!(row.provider_status().map(AsRef::as_ref), Some("CONFIRMED"));
    }
}

#[tokio::test]
async fn data_without_a_required_item_fails_and_what_came_is_kept() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(two_claims()).await.unwrap();
    let start = stage.puppet.last_start();
    start
        .deliver(&play.engine, &[("P_NAME", "Ada")])
        .await
        .unwrap();
    let row = play.view(created.row.id).await.row;
    assert_eq!(
        row.state(),
        (State::Failed, Some(Reason::RequiredItemMissing))
    );
    let stored = values(&play, row.id).await;
    assert_eq!(stored, [("P_NAME".to_owned(), "Ada".to_owned())]);
}

#[tokio::test]
async fn an_item_that_nobody_asked_for_is_not_kept_and_leaves_a_warning() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    let items = [("EMAIL", "ada@example.org"), ("P_NAME", "Ada")];
    start.deliver(&play.engine, &items).await.unwrap();
    let row = play.view(created.row.id).await.row;
    assert_eq!(row.state().0, State::Verified);
    assert_eq!(row.warnings(), [Reason::ItemNotRequested]);
    assert_eq!(values(&play, row.id).await.len(), 1);
}

#[tokio::test]
async fn data_is_kept_once_whatever_comes_later() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    start
        .deliver(&play.engine, &[("EMAIL", "ada@example.org")])
        .await
        .unwrap();
    let log = play.log().await;
    let again = start
        .deliver(&play.engine, &[("EMAIL", "eve@example.org")])
        .await
        .unwrap();
    assert_eq!(again.verdict, Verdict::Repeated);
    assert_eq!(play.log().await, log);
    assert_eq!(values(&play, created.row.id).await[0].1, "ada@example.org");
}

#[tokio::test]
async fn data_of_a_verification_that_was_called_off_is_not_kept() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    let (principal, access) = (Principal::anonymous(), stage::access());
    play.engine
        .cancel(created.row.id, None, &principal, &access)
        .await
        .unwrap();
    let taken = start
        .deliver(&play.engine, &[("EMAIL", "ada@example.org")])
        .await
        .unwrap();
    assert_eq!(taken.verdict, Verdict::NotKept);
    let row = play.view(created.row.id).await.row;
    assert_eq!(row.state().0, State::Cancelled);
    assert_eq!(row.warnings(), [Reason::LateDataDiscarded]);
    assert!(play.store.claims(row.id).await.unwrap().is_empty());
    assert!(play.store.evidence(row.id).await.unwrap().is_empty());
    let event = play.log().await.pop().unwrap().body;
    assert_eq!(event.kind.as_str(), "DATA_DISCARDED");
    let again = start
        .deliver(&play.engine, &[("EMAIL", "ada@example.org")])
        .await
        .unwrap();
    assert_eq!(again.verdict, Verdict::Repeated);
    play.close().await;
    let bytes = stage.bytes_on_disk();
    assert!(bytes.windows(15).all(|window| window != b"ada@example.org"));
}

#[tokio::test]
async fn late_data_is_taken_once_by_an_attempt_that_still_waits_for_it() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    play.run_jobs();
    stage.clock.set(START + DAY);
    play.until(|log| log.len() == 3).await;
    assert_eq!(
        play.view(created.row.id).await.row.state().0,
        State::Expired
    );
    let body = Body::data(&[("EMAIL", "ada@example.org")], start.expiry).with("deadline", json!(1));
    let taken = call(&play.engine, &start.data_path(), &body).await.unwrap();
    assert_eq!(taken.verdict, Verdict::Accepted);
    let event = play.log().await.pop().unwrap().body;
    assert!(event.late && event.applied);
    assert_eq!(
        (event.state_before, event.state_after),
        (Some(State::Expired), State::Verified)
    );
    assert_eq!(values(&play, created.row.id).await.len(), 1);
    play.close().await;
}

#[tokio::test]
async fn a_settlement_that_fails_is_a_warning_once_data_is_here() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    start.report(&play.engine, "FINISH_FAILED").await.unwrap();
    let row = play.view(created.row.id).await.row;
    assert_eq!(row.state(), (State::Failed, Some(Reason::FinishFailed)));
    start
        .deliver(&play.engine, &[("EMAIL", "ada@example.org")])
        .await
        .unwrap();
    let row = play.view(created.row.id).await.row;
    assert_eq!(row.state(), (State::Verified, None));
    assert_eq!(row.warnings(), [Reason::SettlementFailed]);
}
