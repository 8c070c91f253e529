//! Evidence is handed out for a purpose, from any offset, chunk by chunk, and never with a wrong byte.

use std::sync::Arc;

use sha2::Digest as _;
use verilane_core::{
    AuditAction, EvidenceId, EvidenceKind, Principal, Reason, Sealed, VerificationId,
};
use verilane_engine::{
    AccessContext, CreateVerification, DownloadEvidence, EvidenceView, ReadClaims,
};

use crate::stage::faults::Faulty;
use crate::stage::{self, Play, Stage, field, request};

const CHUNK: usize = 64 * 1024;

/// A verification with a picture of so many bytes.
async fn verified(stage: &Stage, play: &Play, size: usize) -> (VerificationId, Vec<u8>) {
    let create = CreateVerification {
        claims: vec![field("P_FACE", true)],
        ..request("ada")
    };
    let id = play.engine.create(create).await.unwrap().row.id;
    let mut picture = b"\xff\xd8\xff".to_vec();
    picture.extend((3..size).map(|at| (at % 251) as u8));
    let hex: String = picture.iter().map(|byte| format!("{byte:02x}")).collect();
    let start = stage.puppet.last_start();
    start
        .deliver(&play.engine, &[("P_FACE", &hex)])
        .await
        .unwrap();
    (id, picture)
}

/// The picture, as reading the claims lists it.
async fn listed(play: &Play, id: VerificationId) -> EvidenceView {
    let read = ReadClaims {
        principal: Principal::anonymous(),
        access: stage::access(),
        claims: Vec::new(),
        peppers_of: Vec::new(),
    };
    let view = play.engine.read_claims(id, &read).await.unwrap();
    let claim = &view.claims[0];
    assert!(claim.raw.is_none());
    let shown = claim.claim.evidence.unwrap();
    let kinds: Vec<_> = view.evidence.iter().map(|e| e.record.kind).collect();
    assert_eq!(kinds.len(), 2);
    assert!(!kinds.contains(&EvidenceKind::ProviderMessage));
    let mut evidence = view.evidence.into_iter();
    evidence
        .find(|evidence| evidence.record.id == shown)
        .unwrap()
}

fn wish(id: VerificationId, evidence: EvidenceId, offset: u64) -> DownloadEvidence {
    DownloadEvidence {
        principal: Principal::new("a caller"),
        access: stage::access(),
        verification: id,
        evidence,
        offset,
    }
}

async fn rest(play: &Play, wish: &DownloadEvidence) -> Result<Vec<u8>, (Vec<u8>, Reason)> {
    let mut download = play.engine.download_evidence(wish).await.unwrap();
    let mut all = Vec::new();
    loop {
        match download.next().await {
            Ok(Some(bytes)) => {
                assert!((1..=CHUNK).contains(&bytes.expose().len()));
                all.extend_from_slice(bytes.expose());
            }
            Ok(None) => return Ok(all),
            Err(error) => return Err((all, error.reason)),
        }
    }
}

#[tokio::test]
async fn evidence_comes_whole_and_from_any_offset_byte_for_byte() {
    let stage = Stage::new();
    let play = stage.open().await;
    for size in [3, CHUNK, 2 * CHUNK, 2 * CHUNK + 17] {
        let (id, picture) = verified(&stage, &play, size).await;
        let evidence = listed(&play, id).await;
        assert_eq!(evidence.media_type, "image/jpeg");
        assert_eq!(evidence.record.size, size as u64);
        let digest: [u8; 32] = sha2::Sha256::digest(&picture).into();
        assert_eq!(evidence.sha256, digest);
        for offset in [0, 1, size / 2, CHUNK - 1, CHUNK, CHUNK + 1, size - 1, size] {
            let Some(expected) = picture.get(offset..) else {
                continue;
            };
            let wish = wish(id, evidence.record.id, offset as u64);
            assert!(
                rest(&play, &wish).await.unwrap() == expected,
                "{size} {offset}"
            );
        }
    }
}

#[tokio::test]
async fn every_download_is_in_the_audit_chain_before_its_first_byte() {
    let stage = Stage::new();
    let play = stage.open().await;
    let (id, _) = verified(&stage, &play, 10).await;
    let evidence = listed(&play, id).await.record.id;
    let before = play.store.audit(1, u32::MAX).await.unwrap().len();
    let download = play.engine.download_evidence(&wish(id, evidence, 7)).await;
    drop(download.unwrap());
    let chain = play.store.audit(1, u32::MAX).await.unwrap();
    assert_eq!(chain.len(), before + 1);
    let record = &chain.last().unwrap().1;
    assert_eq!(record.action, AuditAction::EvidenceRead);
    assert_eq!(record.principal, Principal::new("a caller"));
    let matter = ["passport/document.face_image", "FACE_IMAGE"];
    assert_eq!(record.subject_matter[..2], matter);
    assert_eq!(record.subject_matter[3], "from 7");
    assert!(record.details.is_some());
}

#[tokio::test]
async fn what_is_wrong_with_a_download_is_said_before_anything_is_written() {
    let stage = Stage::new();
    let play = stage.open().await;
    let (id, _) = verified(&stage, &play, 10).await;
    let (other, _) = verified(&stage, &play, 10).await;
    let evidence = listed(&play, id).await.record.id;
    let records = play.store.evidence(id).await.unwrap();
    let is_message = |r: &&verilane_core::EvidenceRecord| r.kind == EvidenceKind::ProviderMessage;
    let message = records.iter().find(is_message).unwrap().id;
    let before = play.store.audit(1, u32::MAX).await.unwrap().len();
    let without_purpose = DownloadEvidence {
        access: AccessContext::default(),
        ..wish(id, evidence, 0)
    };
    for (wrong, reason) in [
        (without_purpose, Reason::PurposeRequired),
        (
            wish(VerificationId::generate(), evidence, 0),
            Reason::VerificationNotFound,
        ),
        (
            wish(id, EvidenceId::generate(), 0),
            Reason::EvidenceNotFound,
        ),
        (wish(other, evidence, 0), Reason::EvidenceNotFound),
        (wish(id, message, 0), Reason::EvidenceNotFound),
        (wish(id, evidence, 11), Reason::EvidenceOffsetOutOfRange),
        (
            wish(id, evidence, u64::MAX),
            Reason::EvidenceOffsetOutOfRange,
        ),
    ] {
        let refused = play.engine.download_evidence(&wrong).await;
        assert_eq!(refused.err().unwrap().reason, reason);
    }
    let after = play.store.audit(1, u32::MAX).await.unwrap().len();
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_chunk_that_is_not_what_was_stored_ends_the_download_with_right_bytes_only() {
    type Damage = fn(Sealed) -> Option<Sealed>;
    let gone: Damage = |_| None;
    let flipped: Damage = |chunk| {
        let mut bytes = chunk.as_bytes().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        Some(Sealed::new(bytes))
    };
    for damage in [gone, flipped] {
        let stage = Stage::new();
        let mut faulty = None;
        let play = stage
            .open_behind(
                |relay| relay,
                |store| {
                    let behind = Faulty::over(store);
                    faulty = Some(Arc::clone(&behind));
                    behind
                },
            )
            .await;
        let (id, picture) = verified(&stage, &play, 3 * CHUNK).await;
        let evidence = listed(&play, id).await.record.id;
        let faulty = faulty.unwrap();
        faulty.damages_chunks(move |index, chunk| {
            if index == 1 {
                damage(chunk)
            } else {
                Some(chunk)
            }
        });
        let (sent, reason) = rest(&play, &wish(id, evidence, 5)).await.unwrap_err();
        assert_eq!(reason, Reason::EvidenceDamaged);
        assert!(sent == picture[5..CHUNK]);
        // What lies behind it can still be had.
        let behind = rest(&play, &wish(id, evidence, 2 * CHUNK as u64))
            .await
            .unwrap();
        assert!(behind == picture[2 * CHUNK..]);
        play.close().await;
    }
}
