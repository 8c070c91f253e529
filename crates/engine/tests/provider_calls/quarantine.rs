//! Data that is right in everything but its signature is refused and believed by nobody, and one
//! message of an attempt that waits for data is kept.

use serde_json::json;
use verilane_core::{EvidenceKind, EvidenceRecord, Principal, Reason, State, VerificationId};

use crate::stage::calls::{Body, call};
use crate::stage::puppet::StartCall;
use crate::stage::{self, Play, Stage, request};

const SECRET: &str = "ada@marked.example";

async fn quarantined(play: &Play, id: VerificationId) -> Vec<EvidenceRecord> {
    let mut all = play.store.evidence(id).await.unwrap();
    all.retain(|record| record.kind == EvidenceKind::QuarantinedMessage);
    all
}

fn forged(start: &StartCall, value: &str) -> Body {
    Body::data(&[("EMAIL", value)], start.expiry).forged()
}

async fn refused(play: &Play, start: &StartCall, body: &Body) -> Reason {
    let answer = call(&play.engine, &start.data_path(), body).await;
    answer.unwrap_err().reason
}

#[tokio::test]
async fn one_message_is_kept_with_an_event_and_moves_nothing() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = play.engine.create(request("ada")).await.unwrap().row.id;
    let start = stage.puppet.last_start();
    let before = play.view(id).await.row;
    let body = forged(&start, SECRET);
    let reason = refused(&play, &start, &body).await;
    assert_eq!(reason, Reason::CallbackSignatureInvalid);

    let row = play.view(id).await.row;
    let mut as_before = row.clone();
    (as_before.revision, as_before.update_time) = (before.revision, before.update_time);
    assert_eq!(as_before, before);
    let event = play.log().await.pop().unwrap().body;
    assert_eq!(event.kind.as_str(), "DATA_QUARANTINED");
    assert_eq!(event.assurance.as_str(), "LOCAL");
    assert!(!event.applied && event.provider_time.is_none());
    assert_eq!(
        (event.state_before, event.state_after),
        (Some(State::Pending), State::Pending)
    );
    assert!(play.store.claims(id).await.unwrap().is_empty());
    let kept = quarantined(&play, id).await;
    assert_eq!(kept.len(), 1);
    let mut chunks = Vec::new();
    for index in 0..kept[0].chunks {
        chunks.push(play.store.chunk(kept[0].id, index).await.unwrap().unwrap());
    }
    let key = stage.data_key(&row);
    let bytes = key.open_evidence(id, kept[0].id, &chunks).unwrap();
    assert_eq!(bytes.expose()[..], body.bytes());
    assert_eq!(kept[0].revision, row.revision);

    // A further one, the same or not, writes nothing.
    let log = play.log().await;
    for value in [SECRET, "eve@example.org"] {
        refused(&play, &start, &forged(&start, value)).await;
    }
    assert_eq!(play.log().await, log);
    assert_eq!(quarantined(&play, id).await, kept);

    // The genuine data still comes.
    start
        .deliver(&play.engine, &[("EMAIL", SECRET)])
        .await
        .unwrap();
    assert_eq!(play.view(id).await.row.state().0, State::Verified);
    play.close().await;
    let on_disk = stage.bytes_on_disk();
    assert!(
        on_disk
            .windows(SECRET.len())
            .all(|window| window != SECRET.as_bytes())
    );
}

#[tokio::test]
async fn what_is_wrong_in_more_than_its_signature_is_not_kept() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = play.engine.create(request("ada")).await.unwrap().row.id;
    let start = stage.puppet.last_start();
    let log = play.log().await;
    let other_time = start.expiry + stage::HOUR;
    for body in [
        forged(&start, "x").with("items", json!({})),
        forged(&start, "x").with("items", json!({ "P_NAME": { "value": "x" } })),
        forged(&start, "x").with("expiration", json!(other_time.as_secs())),
        Body::status("ACCEPTED", start.expiry).forged(),
        Body::failure("VALIDITY_FAILED", start.expiry).forged(),
    ] {
        refused(&play, &start, &body).await;
    }
    let status = call(&play.engine, &start.status_path(), &forged(&start, "x")).await;
    assert_eq!(status.unwrap_err().reason, Reason::CallbackSignatureInvalid);
    assert_eq!(play.log().await, log);
    assert!(quarantined(&play, id).await.is_empty());
}

#[tokio::test]
async fn nothing_is_kept_of_an_attempt_that_does_not_wait_for_data() {
    let stage = Stage::new();
    let play = stage.open().await;
    let verified = play.engine.create(request("ada")).await.unwrap().row.id;
    let first = stage.puppet.last_start();
    first
        .deliver(&play.engine, &[("EMAIL", "a@b")])
        .await
        .unwrap();
    let cancelled = play.engine.create(request("bob")).await.unwrap().row.id;
    let second = stage.puppet.last_start();
    let (principal, access) = (Principal::anonymous(), stage::access());
    let cancel = play.engine.cancel(cancelled, None, &principal, &access);
    cancel.await.unwrap();
    let log = play.log().await;
    for (id, start) in [(verified, first), (cancelled, second)] {
        refused(&play, &start, &forged(&start, "x")).await;
        assert!(quarantined(&play, id).await.is_empty());
    }
    assert_eq!(play.log().await, log);
}
