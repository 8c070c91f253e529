//! The wrong requests that DownloadEvidence and RevalidateClaims can get, with what each is answered.

use verilane_api::v1;

use super::support::{because, key, told, world};
use super::wrong_requests::events;

const UNKNOWN_ID: &str = "018bcfe5-0000-7000-8000-000000000001";

#[tokio::test]
async fn wrong_requests_to_download_evidence() {
    let world = world().await;
    let made = world.create("ada").await;
    world
        .call_back("DATA F_DOB=1986-09-06 F_MAIL=a@mail.example")
        .await;
    let before = events(&world).await;
    let mut client = world.claims().await;
    type Change = fn(&mut v1::DownloadEvidenceRequest);
    let table: &[(Change, &[&str])] = &[
        (
            |r| r.verification_id = "x".to_owned(),
            &["InvalidArgument INVALID_ARGUMENT verification_id"],
        ),
        (
            |r| r.evidence_id.clear(),
            &["InvalidArgument INVALID_ARGUMENT evidence_id"],
        ),
        (
            |r| r.access_context = None,
            &["InvalidArgument PURPOSE_REQUIRED access_context.purpose"],
        ),
        (
            |r| {
                r.evidence_id = "x".to_owned();
                r.access_context = because(" ");
            },
            &[
                "InvalidArgument INVALID_ARGUMENT evidence_id",
                "InvalidArgument PURPOSE_REQUIRED access_context.purpose",
            ],
        ),
        (
            |r| r.access_context = because(&"x".repeat(201)),
            &["InvalidArgument INVALID_ARGUMENT access_context.purpose"],
        ),
        (
            |r| r.verification_id = UNKNOWN_ID.to_owned(),
            &["NotFound VERIFICATION_NOT_FOUND"],
        ),
        (|_| {}, &["NotFound EVIDENCE_NOT_FOUND"]),
        (|r| r.offset = u64::MAX, &["NotFound EVIDENCE_NOT_FOUND"]),
    ];
    for (change, expected) in table {
        let mut wrong = v1::DownloadEvidenceRequest {
            verification_id: made.id.clone(),
            evidence_id: UNKNOWN_ID.to_owned(),
            access_context: because("test"),
            offset: 0,
        };
        change(&mut wrong);
        let status = client.download_evidence(wrong).await.unwrap_err();
        assert_eq!(told(&status), *expected);
    }
    assert_eq!(events(&world).await, before);
}

#[tokio::test]
async fn wrong_requests_to_revalidate_claims() {
    let world = world().await;
    let made = world.create("ada").await;
    let mut client = world.claims().await;
    let right = || v1::RevalidateClaimsRequest {
        verification_id: made.id.clone(),
        access_context: because("test"),
        claims: Vec::new(),
    };
    let status = client.revalidate_claims(right()).await.unwrap_err();
    assert_eq!(told(&status), ["FailedPrecondition CLAIMS_NOT_AVAILABLE"]);
    world
        .call_back("DATA F_DOB=1986-09-06 F_MAIL=a@mail.example")
        .await;
    let before = events(&world).await;
    type Change = fn(&mut v1::RevalidateClaimsRequest);
    let table: &[(Change, &str)] = &[
        (
            |r| r.verification_id = "x".to_owned(),
            "InvalidArgument INVALID_ARGUMENT verification_id",
        ),
        (
            |r| r.verification_id = UNKNOWN_ID.to_owned(),
            "NotFound VERIFICATION_NOT_FOUND",
        ),
        (
            |r| r.access_context = None,
            "InvalidArgument PURPOSE_REQUIRED access_context.purpose",
        ),
        (
            |r| r.claims = vec![key("shoe_size", v1::DocumentType::Unspecified)],
            "InvalidArgument CLAIM_UNKNOWN claims[0].name",
        ),
        (
            |r| r.claims = vec![key("name", v1::DocumentType::Unspecified)],
            "InvalidArgument CLAIM_NOT_REQUESTED claims[0]",
        ),
        (
            |r| r.claims = vec![key("email", v1::DocumentType::Unspecified); 101],
            "InvalidArgument INVALID_ARGUMENT claims",
        ),
        (|_| {}, "FailedPrecondition REVALIDATION_NOT_OFFERED"),
    ];
    for (change, expected) in table {
        let mut wrong = right();
        change(&mut wrong);
        let status = client.revalidate_claims(wrong).await.unwrap_err();
        assert_eq!(told(&status), [*expected]);
    }
    assert_eq!(events(&world).await, before);
}
