//! Nothing about a person stands in clear in any file, and callback paths don't either.

use serde_json::json;
use verilane_core::{Pii, Principal};
use verilane_engine::{CreateVerification, ReadClaims};

use crate::stage::calls::{Body, call};
use crate::stage::{self, Stage, request};

fn stands_in(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn what_is_known_of_a_person_stands_on_disk_sealed_only() {
    let stage = Stage::new();
    let play = stage.open().await;
    let create = CreateVerification {
        subject_ref: Some(Pii::from("customer-reference-4711")),
        labels: vec![("branch".to_owned(), Pii::from("label-value-of-branch"))],
        request_id: Some("request-id-of-this-call".to_owned()),
        ..request("marked-subject-ada")
    };
    let created = play.engine.create(create).await.unwrap();
    let start = stage.puppet.last_start();
    let hash = "0xfeedfacefeedfacefeedface";
    let body = Body::status("ACCEPTED", start.expiry).with("tx_hash", json!(hash));
    call(&play.engine, &start.status_path(), &body)
        .await
        .unwrap();
    start
        .deliver(&play.engine, &[("EMAIL", "ada@marked.example")])
        .await
        .unwrap();
    let read = ReadClaims {
        principal: Principal::anonymous(),
        access: stage::access(),
        claims: Vec::new(),
        peppers_of: vec![stage::email()],
    };
    let claims = play
        .engine
        .read_claims(created.row.id, &read)
        .await
        .unwrap()
        .claims;
    assert_eq!(
        claims[0].raw.as_ref().unwrap().expose(),
        "ada@marked.example"
    );
    assert_eq!(
        claims[0].pepper.as_ref().unwrap().expose(),
        "pepper of ada@marked.example"
    );

    let secrets = [
        "marked-subject-ada",
        "customer-reference-4711",
        "label-value-of-branch",
        "request-id-of-this-call",
        "ada@marked.example",
        "pepper of",
        hash,
        "puppet:marked",
        stage::access().purpose.expose(),
        stage::access().actor.expose(),
        stage::access().reference.expose(),
        start.status_path().expose(),
        start.data_path().expose(),
    ]
    .map(str::to_owned);
    let is_clean = |bytes: &[u8]| {
        for secret in &secrets {
            assert!(!stands_in(bytes, secret), "{secret} stands in clear");
        }
        // What is no secret is found, so the search would find the others.
        assert!(stands_in(bytes, "ACCEPTED"));
    };
    // With the write-ahead log, and after it was copied.
    is_clean(&stage.bytes_on_disk());
    play.close().await;
    is_clean(&stage.bytes_on_disk());
}

#[tokio::test]
async fn nothing_personal_is_shown_by_debug() {
    let stage = Stage::new();
    let play = stage.open().await;
    let create = CreateVerification {
        subject_ref: Some(Pii::from("customer-reference-4711")),
        labels: vec![("branch".to_owned(), Pii::from("label-value-of-branch"))],
        ..request("marked-subject-ada")
    };
    let shown = format!("{create:?}");
    let created = play.engine.create(create).await.unwrap();
    let start = stage.puppet.last_start();
    start
        .deliver(&play.engine, &[("EMAIL", "ada@marked.example")])
        .await
        .unwrap();
    let read = ReadClaims {
        principal: Principal::anonymous(),
        access: stage::access(),
        claims: Vec::new(),
        peppers_of: vec![stage::email()],
    };
    let claims = play
        .engine
        .read_claims(created.row.id, &read)
        .await
        .unwrap();
    let place = play.engine.callback_path(&start.data_path()).await.unwrap();
    let all = format!("{shown}{created:?}{read:?}{claims:?}{place:?}");
    for secret in [
        "marked-subject",
        "4711",
        "label-value",
        "marked.example",
        "opening an account",
        "clerk 7",
    ] {
        assert!(!all.contains(secret), "{secret} is shown");
    }
}
