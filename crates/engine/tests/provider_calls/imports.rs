//! A message that an operator hands in is believed for its signature, or because the provider
//! confirms every value of it, and for nothing else.

use std::sync::Arc;

use serde_json::json;
use verilane_core::{Assurance, AuditAction, Principal, Reason, State, Timestamp, VerificationId};
use verilane_engine::{AccessContext, EngineError, ImportMessage, ImportSource, Imported, Verdict};

use crate::stage::calls::{Body, call};
use crate::stage::puppet::Puppet;
use crate::stage::{self, DAY, Play, Stage, request};

const VALUE: &str = "ada@example.org";

fn from(id: VerificationId, source: ImportSource) -> ImportMessage {
    ImportMessage {
        operator: Principal::new("an operator"),
        access: stage::access(),
        verification: id,
        source,
    }
}

fn file(body: &Body) -> ImportSource {
    ImportSource::Body {
        content_type: None,
        body: body.bytes(),
    }
}

async fn import(play: &Play, id: VerificationId, source: ImportSource) -> Result<Imported, Reason> {
    let imported = play.engine.import_provider_message(from(id, source)).await;
    imported.map_err(|error: EngineError| error.reason)
}

async fn asked(stage: &Stage, play: &Play) -> (VerificationId, Timestamp) {
    let id = play.engine.create(request("ada")).await.unwrap().row.id;
    (id, stage.puppet.last_start().expiry)
}

async fn actions(play: &Play) -> Vec<AuditAction> {
    let chain = play.store.audit(1, u32::MAX).await.unwrap();
    chain.into_iter().map(|(_, record)| record.action).collect()
}

#[tokio::test]
async fn a_signed_message_goes_through_the_ordinary_checks_however_late() {
    let stage = Stage::new();
    let play = stage.open().await;
    let (id, expiry) = asked(&stage, &play).await;
    let deadline = stage.now().as_secs();
    stage.clock.advance(30 * DAY);
    let body = Body::data(&[("EMAIL", VALUE)], expiry).with("deadline", json!(deadline));
    let imported = import(&play, id, file(&body)).await.unwrap();
    assert_eq!(imported.verdict, Verdict::Accepted);
    assert_eq!(imported.assurance, Assurance::Signed);
    assert!(stage.puppet.checked().is_empty());
    assert_eq!(play.view(id).await.row.state(), (State::Verified, None));
    let claim = play.store.claims(id).await.unwrap().remove(0);
    assert_eq!(claim.assurance, Assurance::Signed);
    assert!(claim.imported && claim.key_fingerprint.is_some());
    let event = play.log().await.pop().unwrap().body;
    assert_eq!(event.kind.as_str(), "DATA_IMPORTED");
    assert!(event.late);
    assert_eq!(
        actions(&play).await.last(),
        Some(&AuditAction::MessageImported)
    );

    // Once more changes nothing.
    let log = play.log().await;
    let again = import(&play, id, file(&body)).await.unwrap();
    assert_eq!(again.verdict, Verdict::Repeated);
    assert_eq!(play.log().await, log);
}

#[tokio::test]
async fn a_quarantined_message_is_believed_once_the_provider_confirms_every_value() {
    let stage = Stage::new();
    let play = stage.open().await;
    let (id, expiry) = asked(&stage, &play).await;
    let nothing = import(&play, id, ImportSource::Quarantine(None)).await;
    assert_eq!(nothing.unwrap_err(), Reason::NothingToImport);
    let body = Body::data(&[("EMAIL", VALUE)], expiry).forged();
    let start = stage.puppet.last_start();
    call(&play.engine, &start.data_path(), &body)
        .await
        .unwrap_err();
    let other = import(&play, id, ImportSource::Quarantine(Some(2))).await;
    assert_eq!(other.unwrap_err(), Reason::NothingToImport);

    let imported = import(&play, id, ImportSource::Quarantine(Some(1)))
        .await
        .unwrap();
    assert_eq!((imported.attempt, imported.verdict), (1, Verdict::Accepted));
    assert_eq!(imported.assurance, Assurance::Pulled);
    let checked = stage.puppet.checked();
    assert_eq!(checked.len(), 1);
    assert_eq!(checked[0].value, VALUE);
    assert_eq!(checked[0].pepper, format!("pepper of {VALUE}"));
    assert_eq!(play.view(id).await.row.state(), (State::Verified, None));
    let claim = play.store.claims(id).await.unwrap().remove(0);
    assert_eq!(claim.assurance, Assurance::Pulled);
    assert!(claim.imported && claim.key_fingerprint.is_none());
    let event = play.log().await.pop().unwrap().body;
    assert_eq!(event.kind.as_str(), "DATA_IMPORTED");
    assert_eq!(event.assurance, Assurance::Pulled);
    let expected = [AuditAction::ClaimsRevalidated, AuditAction::MessageImported];
    assert!(actions(&play).await.ends_with(&expected));

    let log = play.log().await;
    let again = import(&play, id, ImportSource::Quarantine(None))
        .await
        .unwrap();
    assert_eq!(again.verdict, Verdict::Repeated);
    assert_eq!(play.log().await, log);
    assert_eq!(stage.puppet.checked().len(), 1, "nobody was asked again");
}

#[tokio::test]
async fn what_nobody_confirms_is_not_imported() {
    let stage = Stage::new();
    let play = stage.open().await;
    let (id, expiry) = asked(&stage, &play).await;
    let log = play.log().await;
    let unsigned = Body::data(&[("EMAIL", VALUE)], expiry).forged();
    let bare = json!({ "EMAIL": { "value": VALUE } });
    let without_pepper = unsigned.clone().with("items", bare);
    let other = json!({ "P_NAME": { "value": "x", "pepper": "00" } });
    let of_another = unsigned.clone().with("items", other);
    let status = Body::status("ACCEPTED", expiry).forged();
    for (body, reason) in [
        (without_pepper, Reason::ImportNotConfirmed),
        (of_another, Reason::CallbackItemsMismatch),
        (status, Reason::CallbackMalformed),
    ] {
        assert_eq!(import(&play, id, file(&body)).await.unwrap_err(), reason);
    }
    stage.puppet.revokes("EMAIL");
    let revoked = import(&play, id, file(&unsigned)).await;
    assert_eq!(revoked.unwrap_err(), Reason::ImportNotConfirmed);
    let without_purpose = ImportMessage {
        access: AccessContext::default(),
        ..from(id, file(&unsigned))
    };
    let refused = play.engine.import_provider_message(without_purpose).await;
    assert_eq!(refused.unwrap_err().reason, Reason::PurposeRequired);
    assert_eq!(play.log().await, log);
    assert!(play.store.claims(id).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_unsigned_message_is_refused_where_nobody_can_confirm_it() {
    let mut stage = Stage::new();
    stage.puppet = Arc::new(Puppet::new().without_revalidation());
    let play = stage.open().await;
    let (id, expiry) = asked(&stage, &play).await;
    let log = play.log().await;
    let unsigned = Body::data(&[("EMAIL", VALUE)], expiry).forged();
    let refused = import(&play, id, file(&unsigned)).await;
    assert_eq!(refused.unwrap_err(), Reason::RevalidationNotOffered);
    assert_eq!(play.log().await, log);
}
