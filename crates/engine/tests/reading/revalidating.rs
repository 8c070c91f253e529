//! Claims are checked again with the value and the pepper that came, and what the provider says of
//! them is durable before the caller is told.

use verilane_core::{
    AuditAction, ClaimSelector, ClaimStatus, Principal, Reason, State, VerificationId,
};
use verilane_engine::{AccessContext, CreateVerification, Revalidate, Revalidation};

use crate::stage::calls::{Body, call};
use crate::stage::puppet::{Checked, Puppet};
use crate::stage::{self, Play, Stage, email, field, request};

const FACE: &str = "89504E470d0a1A0a";

async fn verified(stage: &Stage, play: &Play) -> VerificationId {
    let create = CreateVerification {
        claims: vec![
            field("EMAIL", true),
            field("P_NAME", false),
            field("P_FACE", true),
        ],
        ..request("ada")
    };
    let id = play.engine.create(create).await.unwrap().row.id;
    let items = [("EMAIL", "ada@example.org"), ("P_FACE", FACE)];
    let start = stage.puppet.last_start();
    start.deliver(&play.engine, &items).await.unwrap();
    id
}

fn wish(id: VerificationId) -> Revalidate {
    Revalidate {
        principal: Principal::new("a caller"),
        access: stage::access(),
        verification: id,
        claims: Vec::new(),
    }
}

#[tokio::test]
async fn values_and_peppers_go_out_as_they_came_pictures_too() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = verified(&stage, &play).await;
    let log = play.log().await;
    let view = play.engine.revalidate_claims(&wish(id)).await.unwrap();
    assert!(
        view.claims
            .iter()
            .all(|(_, said)| *said == Revalidation::Holds)
    );
    assert_eq!(view.claims.len(), 2);
    let sent = |field: &str, value: &str| Checked {
        subject: "ada".to_owned(),
        field: field.to_owned(),
        value: value.to_owned(),
        pepper: format!("pepper of {value}"),
    };
    let expected = [sent("EMAIL", "ada@example.org"), sent("P_FACE", FACE)];
    assert_eq!(stage.puppet.checked(), expected);
    assert_eq!(play.log().await, log, "nothing has turned");
    let chain = play.store.audit(1, u32::MAX).await.unwrap();
    let record = &chain.last().unwrap().1;
    assert_eq!(record.action, AuditAction::ClaimsRevalidated);
    assert_eq!(
        record.subject_matter,
        ["email", "passport/document.face_image"]
    );
}

#[tokio::test]
async fn a_claim_that_does_not_hold_any_more_is_invalid_with_one_event() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = verified(&stage, &play).await;
    stage.puppet.revokes("EMAIL");
    let only_email = Revalidate {
        claims: vec![email()],
        ..wish(id)
    };
    for _ in 0..2 {
        let view = play.engine.revalidate_claims(&only_email).await.unwrap();
        let [(claim, Revalidation::DoesNotHold)] = view.claims.as_slice() else {
            panic!("{:?}", view.claims);
        };
        assert_eq!(claim.field, "EMAIL");
        assert_eq!(view.row, play.view(id).await.row);
    }
    let row = play.view(id).await.row;
    assert_eq!(row.state(), (State::Verified, None));
    let statuses: Vec<_> = row.claims.iter().map(|c| c.status).collect();
    let expected = [
        ClaimStatus::Invalid,
        ClaimStatus::Granted,
        ClaimStatus::NotHeld,
    ];
    assert_eq!(statuses, expected);
    let events = play.events_of(id).await;
    let turned: Vec<_> = events
        .iter()
        .filter(|e| e.body.kind.as_str() == "CLAIM_INVALIDATED")
        .collect();
    assert_eq!(turned.len(), 1);
    assert_eq!(turned[0].body.assurance.as_str(), "PULLED");
    assert!(turned[0].body.applied);
}

#[tokio::test]
async fn a_claim_without_a_pepper_is_not_checked() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = play.engine.create(request("ada")).await.unwrap().row.id;
    let start = stage.puppet.last_start();
    let items = serde_json::json!({ "EMAIL": { "value": "ada@example.org" } });
    let body = Body::data(&[], start.expiry).with("items", items);
    call(&play.engine, &start.data_path(), &body).await.unwrap();
    let refused = play.engine.revalidate_claims(&wish(id)).await.unwrap_err();
    assert_eq!(refused.reason, Reason::RevalidationNotOffered);
    assert!(stage.puppet.checked().is_empty());
}

#[tokio::test]
async fn what_can_not_be_checked_is_refused_before_anything_leaves() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = verified(&stage, &play).await;
    let waiting = play.engine.create(request("bob")).await.unwrap().row.id;
    let without_purpose = Revalidate {
        access: AccessContext::default(),
        ..wish(id)
    };
    let unknown = Revalidate {
        claims: vec![ClaimSelector::ProviderField("P_BIRTH".to_owned())],
        ..wish(id)
    };
    for (wrong, reason) in [
        (without_purpose, Reason::PurposeRequired),
        (
            wish(VerificationId::generate()),
            Reason::VerificationNotFound,
        ),
        (unknown, Reason::ClaimNotRequested),
        (wish(waiting), Reason::ClaimsNotAvailable),
    ] {
        let refused = play.engine.revalidate_claims(&wrong).await.unwrap_err();
        assert_eq!(refused.reason, reason);
    }
    assert!(stage.puppet.checked().is_empty());
    play.close().await;

    let mut stage = stage;
    stage.puppet = std::sync::Arc::new(Puppet::new().without_revalidation());
    let play = stage.open().await;
    let refused = play.engine.revalidate_claims(&wish(id)).await.unwrap_err();
    assert_eq!(refused.reason, Reason::RevalidationNotOffered);
}
