//! The wrong requests that ContinueVerification and ReviewVerification can get, over a connection where
//! nothing is brought back and nobody reviews. None of them changes anything.

use verilane_api::v1;
use verilane_api::v1::continue_verification_request::Continuation;

use super::support::{because, told, world};
use super::wrong_requests::events;

const UNKNOWN_ID: &str = "018bcfe5-0000-7000-8000-000000000001";

#[tokio::test]
async fn wrong_requests_to_continue() {
    type Change = fn(&mut v1::ContinueVerificationRequest);
    let table: &[(Change, &[&str])] = &[
        (|_| {}, &["FailedPrecondition CONTINUATION_NOT_OFFERED"]),
        (
            |r| r.continuation = None,
            &["InvalidArgument CONTINUATION_MALFORMED continuation"],
        ),
        (
            |r| r.continuation = Some(Continuation::AuthorizationCode("a.b.c".to_owned())),
            &["FailedPrecondition CONTINUATION_NOT_OFFERED"],
        ),
        (
            |r| r.continuation = Some(Continuation::RequestSeen(v1::RequestSeen {})),
            &["FailedPrecondition CONTINUATION_NOT_OFFERED"],
        ),
        (
            |r| r.continuation = Some(Continuation::RequestDeclined(v1::RequestDeclined {})),
            &["FailedPrecondition CONTINUATION_NOT_OFFERED"],
        ),
        (
            |r| {
                r.continuation = Some(Continuation::PageError(v1::PageError {
                    r#type: "x".repeat(1_000),
                    message: "x".repeat(201),
                }));
            },
            &["FailedPrecondition CONTINUATION_NOT_OFFERED"],
        ),
        (
            |r| {
                r.continuation = Some(Continuation::PageError(v1::PageError {
                    r#type: "x".to_owned(),
                    message: "x".repeat(16_385),
                }));
            },
            &["InvalidArgument INVALID_ARGUMENT page_error.message"],
        ),
        (
            |r| r.verification_id = "x".to_owned(),
            &["InvalidArgument INVALID_ARGUMENT verification_id"],
        ),
        (
            |r| r.verification_id = UNKNOWN_ID.to_owned(),
            &["NotFound VERIFICATION_NOT_FOUND"],
        ),
        (
            |r| r.access_context = because(&"x".repeat(201)),
            &["InvalidArgument INVALID_ARGUMENT access_context.purpose"],
        ),
        (
            |r| {
                r.verification_id.clear();
                r.continuation = None;
            },
            &[
                "InvalidArgument INVALID_ARGUMENT verification_id",
                "InvalidArgument CONTINUATION_MALFORMED continuation",
            ],
        ),
    ];
    let world = world().await;
    let made = world.create("ada").await;
    let before = events(&world).await;
    let mut client = world.verifications().await;
    for (row, (change, expected)) in table.iter().enumerate() {
        let mut request = v1::ContinueVerificationRequest {
            verification_id: made.id.clone(),
            continuation: Some(Continuation::PresentationRequestId("abc".to_owned())),
            ..Default::default()
        };
        change(&mut request);
        let status = client.continue_verification(request).await.unwrap_err();
        assert_eq!(told(&status), *expected, "row {row}");
    }
    assert_eq!(events(&world).await, before);
}

#[tokio::test]
async fn wrong_requests_to_review() {
    type Change = fn(&mut v1::ReviewVerificationRequest);
    let table: &[(Change, &[&str])] = &[
        (|_| {}, &["FailedPrecondition REVIEW_NOT_OPEN"]),
        (
            |r| r.decision = 0,
            &["InvalidArgument INVALID_ARGUMENT decision"],
        ),
        (
            |r| r.decision = 99,
            &["InvalidArgument INVALID_ARGUMENT decision"],
        ),
        (
            |r| r.access_context = None,
            &["InvalidArgument PURPOSE_REQUIRED access_context.purpose"],
        ),
        (
            |r| r.reason = "x".repeat(201),
            &["InvalidArgument INVALID_ARGUMENT reason"],
        ),
        (
            |r| r.verification_id = "x".to_owned(),
            &["InvalidArgument INVALID_ARGUMENT verification_id"],
        ),
        (
            |r| r.verification_id = UNKNOWN_ID.to_owned(),
            &["NotFound VERIFICATION_NOT_FOUND"],
        ),
    ];
    let world = world().await;
    let made = world.create("ada").await;
    let before = events(&world).await;
    let mut client = world.verifications().await;
    for (row, (change, expected)) in table.iter().enumerate() {
        let mut request = v1::ReviewVerificationRequest {
            verification_id: made.id.clone(),
            decision: v1::Decision::Approve.into(),
            access_context: because("test"),
            ..Default::default()
        };
        change(&mut request);
        let status = client.review_verification(request).await.unwrap_err();
        assert_eq!(told(&status), *expected, "row {row}");
    }
    assert_eq!(events(&world).await, before);
}
