//! Pictures come as evidence: listed with their claims, downloaded byte for byte from any offset,
//! and checked again by the provider with the text that they came in.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod harness;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::{Stage, refusal};
use sha2::Digest as _;
use tonic::Code;
use verilane_api::v1::{
    AccessContext, Capability, ClaimStatus, EventType, Evidence, EvidenceKind,
    ListConnectionsRequest, RevalidateClaimsRequest, State, Validity,
};

const FACE: &str = "SH_Passport_FaceImage";
const PAGE: &str = "SH_Passport_DocumentImage";
const EMAIL: &str = "SH_EMAIL";

fn purpose() -> Option<AccessContext> {
    Some(AccessContext {
        purpose: "black-box-test".to_owned(),
        ..AccessContext::default()
    })
}

#[tokio::test]
async fn pictures_are_downloaded_byte_for_byte_and_from_any_offset() {
    let stage = Stage::new().await;
    let mut server = stage.start();
    let user = stage.user("accepts");
    let created = server.create(&user, &[FACE, PAGE, EMAIL]).await;
    server.events_until_final(&created.id).await;
    let verified = server.get(&created.id).await;
    assert_eq!(verified.state(), State::Verified);
    assert!(verified.warnings.is_empty());

    let read = server.read_claims(&created.id).await.unwrap();
    assert_eq!(read.claims.len(), 3);
    assert_eq!(read.evidence.len(), 2);
    let without = read
        .claims
        .iter()
        .find(|c| c.evidence_id.is_empty())
        .unwrap();
    assert_eq!(without.claim.as_ref().unwrap().name, "email");
    for (field, kind) in [
        (FACE, EvidenceKind::FaceImage),
        (PAGE, EvidenceKind::DocumentImage),
    ] {
        let is_of_field = |e: &&Evidence| e.provider_field == field;
        let listed = read.evidence.iter().find(is_of_field).unwrap();
        let claim = read
            .claims
            .iter()
            .find(|c| c.evidence_id == listed.id)
            .unwrap();
        assert!(claim.value.is_none() && claim.raw_value.is_empty());
        assert_eq!(claim.claim, listed.claim);
        let picture = STANDARD.decode(user.value(field).unwrap()).unwrap();
        assert_eq!(listed.kind(), kind);
        assert_eq!(listed.media_type, "image/png");
        assert_eq!(listed.size, picture.len() as u64);
        assert_eq!(listed.sha256[..], sha2::Sha256::digest(&picture)[..]);

        let half = listed.size / 2;
        for offset in [0, 1, half, listed.size - 1, listed.size] {
            let (description, bytes) = server
                .download(&created.id, &listed.id, offset)
                .await
                .unwrap();
            assert_eq!(description, *listed);
            assert!(bytes == picture[usize::try_from(offset).unwrap()..]);
        }
        // Half before a restart, half after it.
        let whole = server.download(&created.id, &listed.id, 0).await.unwrap().1;
        let (first, _) = whole.split_at(usize::try_from(half).unwrap());
        server.terminate().await;
        server = stage.start();
        let (_, rest) = server
            .download(&created.id, &listed.id, half)
            .await
            .unwrap();
        assert!([first, &rest].concat() == picture);

        let beyond = server
            .download(&created.id, &listed.id, listed.size + 1)
            .await;
        let expected = (Code::OutOfRange, "EVIDENCE_OFFSET_OUT_OF_RANGE".to_owned());
        assert_eq!(refusal(&beyond.unwrap_err()), expected);
    }
    let nothing = server
        .download(&created.id, &created.id, 0)
        .await
        .unwrap_err();
    let expected = (Code::NotFound, "EVIDENCE_NOT_FOUND".to_owned());
    assert_eq!(refusal(&nothing), expected);
    server.terminate().await;
    stage.end().await;
}

#[tokio::test]
async fn what_the_provider_revokes_is_invalid_once_claims_are_checked_again() {
    let stage = Stage::with(|config| config.scenario.has_valid = true, "").await;
    let server = stage.start();
    let connections = server
        .connections()
        .list_connections(ListConnectionsRequest::default())
        .await;
    let connections = connections.unwrap().into_inner().connections;
    let can: Vec<_> = connections[0].capabilities().collect();
    assert!(can.contains(&Capability::Revalidate) && can.contains(&Capability::Evidence));

    let user = stage.user("accepts");
    let created = server.create(&user, &[FACE, EMAIL]).await;
    server.events_until_final(&created.id).await;
    stage.sandbox.finished(harness::LIMIT).await.unwrap();
    let check = async || {
        let request = RevalidateClaimsRequest {
            verification_id: created.id.clone(),
            access_context: purpose(),
            claims: Vec::new(),
        };
        let answer = server.claims().revalidate_claims(request).await.unwrap();
        let claims = answer.into_inner().claims.into_iter();
        let said = claims.map(|claim| (claim.provider_field.clone(), claim.validity()));
        said.collect::<Vec<_>>()
    };
    let both = |face, email| vec![(EMAIL.to_owned(), email), (FACE.to_owned(), face)];
    assert_eq!(check().await, both(Validity::Valid, Validity::Valid));
    let before = server.log_of(&created.id).await;
    assert_eq!(check().await, both(Validity::Valid, Validity::Valid));
    assert_eq!(server.log_of(&created.id).await, before);

    let mut revoked = stage.sandbox.scenario();
    revoked.revoked.push(FACE.to_owned());
    stage.sandbox.set_scenario(revoked);
    for _ in 0..2 {
        assert_eq!(check().await, both(Validity::Invalid, Validity::Valid));
    }
    let log = server.log_of(&created.id).await;
    assert_eq!(log.len(), before.len() + 1);
    assert_eq!(log.last().unwrap().r#type(), EventType::ClaimInvalidated);
    let now = server.get(&created.id).await;
    assert_eq!(now.state(), State::Verified);
    let mut status = now
        .claims
        .iter()
        .map(|c| (c.provider_field.as_str(), c.status()));
    assert!(status.any(|found| found == (FACE, ClaimStatus::Invalid)));
    server.terminate().await;
    stage.end().await;
}
