//! Pictures: what comes as text becomes evidence that shows with its claim, and nothing that was
//! paid for is lost.

use verilane_core::{ClaimStatus, EvidenceKind, EvidenceRecord, Reason, State, VerificationId};
use verilane_engine::CreateVerification;

use crate::stage::{Play, Stage, field, request};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and more";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn asked(play: &Play) -> VerificationId {
    let create = CreateVerification {
        claims: vec![field("EMAIL", true), field("P_FACE", true)],
        ..request("ada")
    };
    play.engine.create(create).await.unwrap().row.id
}

/// Its pieces of evidence, the messages aside, with their bytes.
async fn pieces(stage: &Stage, play: &Play, id: VerificationId) -> Vec<(EvidenceRecord, Vec<u8>)> {
    let key = stage.data_key(&play.view(id).await.row);
    let mut found = Vec::new();
    for record in play.store.evidence(id).await.unwrap() {
        let mut chunks = Vec::new();
        for index in 0..record.chunks {
            chunks.push(play.store.chunk(record.id, index).await.unwrap().unwrap());
        }
        let bytes = key.open_evidence(id, record.id, &chunks).unwrap();
        if record.kind != EvidenceKind::ProviderMessage {
            found.push((record, bytes.expose().clone()));
        }
    }
    found
}

#[tokio::test]
async fn a_picture_becomes_evidence_that_its_claim_refers_to() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = asked(&play).await;
    // More than one chunk.
    let picture = [PNG, &[7; 200_000]].concat();
    let items = [("EMAIL", "ada@example.org"), ("P_FACE", &hex(&picture))];
    let start = stage.puppet.last_start();
    start.deliver(&play.engine, &items).await.unwrap();

    let row = play.view(id).await.row;
    assert_eq!(row.state(), (State::Verified, None));
    assert!(row.warnings().is_empty());
    assert!(row.claims.iter().all(|c| c.status == ClaimStatus::Granted));
    let claims = play.store.claims(id).await.unwrap();
    assert_eq!(claims[0].evidence, None);
    let pieces = pieces(&stage, &play, id).await;
    // The puppet writes pictures in hexadecimal, which does not follow from the bytes: so the text is
    // kept too.
    let [(face, bytes), (text, written)] = pieces.as_slice() else {
        panic!("{} pieces", pieces.len());
    };
    assert_eq!(claims[1].evidence, Some(face.id));
    assert_eq!(face.kind, EvidenceKind::FaceImage);
    assert_eq!(text.kind, EvidenceKind::ClaimText);
    assert_eq!(face.field.as_deref(), Some("P_FACE"));
    assert!(*bytes == picture);
    assert!(*written == hex(&picture).into_bytes());
    let event = play.log().await.pop().unwrap().body;
    assert_eq!(event.kind.as_str(), "DATA_RECEIVED");
    assert_eq!(face.revision, event.revision);
    play.close().await;
    let on_disk = stage.bytes_on_disk();
    assert!(on_disk.windows(PNG.len()).all(|window| window != PNG));
}

#[tokio::test]
async fn a_picture_that_is_none_or_too_large_is_invalid_and_its_text_is_kept() {
    for value in [
        "no picture",
        &hex(&[PNG, &[1; 100]].concat()),
        &hex(b"<html>Please log in</html>"),
        // Of a face there is no scan.
        &hex(b"%PDF-1.7"),
    ] {
        let stage = Stage::new().with(|config| config.max_picture_bytes = 100);
        let play = stage.open().await;
        let id = asked(&play).await;
        let items = [("EMAIL", "ada@example.org"), ("P_FACE", value)];
        let start = stage.puppet.last_start();
        start.deliver(&play.engine, &items).await.unwrap();
        let row = play.view(id).await.row;
        // Every required item came.
        assert_eq!(row.state(), (State::Verified, None));
        assert_eq!(row.warnings(), [Reason::ImageUnusable]);
        let statuses: Vec<_> = row.claims.iter().map(|c| c.status).collect();
        assert_eq!(statuses, [ClaimStatus::Granted, ClaimStatus::Invalid]);
        let pieces = pieces(&stage, &play, id).await;
        let [(text, written)] = pieces.as_slice() else {
            panic!("{} pieces", pieces.len());
        };
        assert_eq!(text.kind, EvidenceKind::ClaimText);
        assert_eq!(written, value.as_bytes());
        let claims = play.store.claims(id).await.unwrap();
        assert_eq!(claims[1].evidence, Some(text.id));
        play.close().await;
    }
}
