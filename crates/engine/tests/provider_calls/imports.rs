//! A message that an operator hands in is believed for its signature, or because the provider
//! confirms every value of it, and for nothing else.

use std::sync::Arc;

use serde_json::json;
use verilane_core::{
    Assurance, AuditAction, EventKind, Principal, Reason, State, Timestamp, VerificationId,
};
use verilane_engine::{
    AccessContext, CreateVerification, EngineError, ImportMessage, ImportSource, Imported, Verdict,
};

use crate::stage::calls::{Body, call};
use crate::stage::puppet::{Answer, Puppet};
use crate::stage::{self, DAY, MINUTE, Play, SECOND, Stage, request};

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

async fn cancel(play: &Play, id: VerificationId) {
    let (operator, access) = (Principal::new("an operator"), stage::access());
    let cancelled = play.engine.cancel(id, None, &operator, &access).await;
    cancelled.unwrap();
}

/// Asked for by another caller.
fn elsewhere() -> CreateVerification {
    CreateVerification {
        principal: Principal::new("somebody else"),
        ..request("ada")
    }
}

/// What the audit chain says of imports: who and what.
async fn entered(play: &Play) -> Vec<(String, Vec<String>)> {
    let chain = play.store.audit(1, u32::MAX).await.unwrap();
    let imports = chain.into_iter().map(|(_, record)| record);
    let imports = imports.filter(|record| record.action == AuditAction::MessageImported);
    let told = |record: verilane_core::AuditRecord| {
        assert!(record.details.is_some());
        (record.principal.as_str().to_owned(), record.subject_matter)
    };
    imports.map(told).collect()
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
    assert_eq!(imported.assurance, Some(Assurance::Signed));
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
    let operator = || "an operator".to_owned();
    let expected = [
        (operator(), vec!["email".to_owned()]),
        (operator(), vec!["seen before".to_owned()]),
    ];
    assert_eq!(entered(&play).await, expected);
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
    assert_eq!(imported.assurance, Some(Assurance::Pulled));
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
    assert_eq!(again.assurance, None, "nobody was asked again");
    assert_eq!(stage.puppet.checked().len(), 1);
    // Nor does anything stand for what it is not compared with.
    let other = Body::data(&[("EMAIL", "mallory@example.org")], expiry).forged();
    let other = import(&play, id, file(&other)).await.unwrap();
    assert_eq!((other.verdict, other.assurance), (Verdict::Repeated, None));
    assert_eq!(play.log().await, log);
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

#[tokio::test]
async fn what_is_unsigned_is_refused_for_a_cancelled_attempt_and_hides_nothing_genuine() {
    let mut stage = Stage::new();
    stage.puppet = Arc::new(Puppet::new().without_revalidation());
    let play = stage.open().await;
    let (id, expiry) = asked(&stage, &play).await;
    cancel(&play, id).await;
    let log = play.log().await;
    let body = Body::data(&[("EMAIL", VALUE)], expiry);
    let refused = import(&play, id, file(&body.clone().forged())).await;
    assert_eq!(refused.unwrap_err(), Reason::AttemptCancelled);
    assert_eq!(play.log().await, log);

    let path = stage.puppet.last_start().data_path();
    let genuine = call(&play.engine, &path, &body).await.unwrap();
    assert_eq!(genuine.verdict, Verdict::NotKept);
    let event = play.log().await.pop().unwrap().body;
    assert_eq!(event.kind, EventKind::DataDiscarded);
    assert_eq!(event.assurance, Assurance::Signed);
    // Nor once the genuine one is there.
    let refused = import(&play, id, file(&body.forged())).await;
    assert_eq!(refused.unwrap_err(), Reason::AttemptCancelled);
    assert!(entered(&play).await.is_empty());
}

#[tokio::test]
async fn a_signed_message_for_a_cancelled_attempt_is_entered_though_it_is_not_kept() {
    let stage = Stage::new();
    let play = stage.open().await;
    let (id, expiry) = asked(&stage, &play).await;
    cancel(&play, id).await;
    let body = Body::data(&[("EMAIL", VALUE)], expiry);
    let imported = import(&play, id, file(&body)).await.unwrap();
    assert_eq!(imported.verdict, Verdict::NotKept);
    assert_eq!(imported.assurance, Some(Assurance::Signed));
    let matter = vec!["not kept".to_owned()];
    assert_eq!(entered(&play).await, [("an operator".to_owned(), matter)]);
}

#[tokio::test]
async fn the_message_of_another_verification_is_not_taken_for_this_one_s() {
    let stage = Stage::new();
    let play = stage.open().await;
    let (first, expiry) = asked(&stage, &play).await;
    cancel(&play, first).await;
    stage.clock.advance(DAY);
    let second = play.engine.create(elsewhere()).await.unwrap().row.id;
    stage.clock.advance(MINUTE);
    let log = play.log().await;
    // A retry of the first request, signed anew: its expiration, and a time of now.
    let body = Body::data(&[("EMAIL", VALUE)], expiry).with("time", json!(stage.now().as_secs()));
    for body in [body.clone(), body.clone().forged()] {
        let refused = import(&play, second, file(&body)).await;
        assert_eq!(refused.unwrap_err(), Reason::CallbackAttemptUnknown);
    }
    assert_eq!(play.log().await, log);
    assert!(stage.puppet.checked().is_empty());
    assert_eq!(play.view(second).await.row.state().0, State::Pending);
    let own = import(&play, first, file(&body)).await.unwrap();
    assert_eq!(own.verdict, Verdict::NotKept);
}

#[tokio::test]
async fn what_came_for_a_later_slot_is_not_taken_for_a_verification_of_an_earlier_one() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let (first, _) = asked(&stage, &play).await;
    stage.clock.set(stage::START + 91 * DAY);
    play.run_jobs();
    let path = stage.puppet.last_start().data_path();
    stage::soon(async {
        while play.engine.callback_path(&path).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    play.stop_jobs().await;
    play.engine.create(elsewhere()).await.unwrap();
    let expiry = stage.puppet.last_start().expiry;
    let body = Body::data(&[("EMAIL", VALUE)], expiry).with("time", json!(stage.now().as_secs()));
    let refused = import(&play, first, file(&body)).await;
    assert_eq!(refused.unwrap_err(), Reason::CallbackAttemptUnknown);
    play.close().await;
}

#[tokio::test]
async fn a_quarantined_message_is_whose_it_was_when_it_came() {
    let stage = Stage::new();
    let mut play = stage.open().await;
    let (first, expiry) = asked(&stage, &play).await;
    let left = stage.puppet.last_start();
    left.report(&play.engine, "INITIATED").await.unwrap();
    let body = Body::data(&[("EMAIL", VALUE)], expiry).forged();
    call(&play.engine, &left.data_path(), &body)
        .await
        .unwrap_err();
    stage.clock.advance(DAY + SECOND);
    play.run_jobs();
    play.until(|log| log.iter().any(|e| e.body.kind == EventKind::DeadlinePassed))
        .await;
    play.stop_jobs().await;
    // What comes from now on is the second's, which has taken the request over.
    stage
        .puppet
        .answers([Answer::Refuses(Reason::RequestAlreadyOpen)]);
    play.engine.create(request("ada")).await.unwrap();
    let imported = import(&play, first, ImportSource::Quarantine(None)).await;
    assert_eq!(imported.unwrap().verdict, Verdict::Accepted);
    assert_eq!(play.view(first).await.row.state().0, State::Verified);
    let refused = import(&play, first, file(&body)).await;
    assert_eq!(refused.unwrap_err(), Reason::CallbackAttemptUnknown);
    play.close().await;
}
