//! What an anonymous login gave is forgotten after the connection's hours; what anything else gave is
//! not.

use std::time::Duration;

use tonic::Code;
use verilane_api::v1::watch_verification_request::Start;
use verilane_api::v1::{
    Assurance, ClaimStatus, Event, EventType, ListVerificationsRequest, StartPoint, State,
    VerificationFilter, WatchEnd,
};

use crate::harness::civic::from_any_document;
use crate::harness::sip::{approve, create, hand_over_code, popup, stage, start, wish};
use crate::harness::{Server, Stage, field, refusal};
use crate::named;

const HOUR: Duration = Duration::from_hours(1);

/// A verified user: the verification's id, and his own at Civic.
async fn verified(stage: &Stage, server: &Server, scope: &str) -> (String, String) {
    let created = create(server, wish(scope, Vec::new())).await;
    let (request, code) = approve(stage, &created);
    let after = hand_over_code(server, &created.id, &code).await.unwrap();
    assert_eq!(after.state(), State::Verified);
    let user = stage.sandbox.civic_sip().request(&request).unwrap().user_id;
    (created.id, user)
}

async fn found(server: &Server, user: &str) -> Vec<String> {
    let list = ListVerificationsRequest {
        filter: Some(VerificationFilter {
            subject: Some(named(user)),
            ..VerificationFilter::default()
        }),
        ..ListVerificationsRequest::default()
    };
    let found = server.verifications().list_verifications(list).await;
    let found = found.unwrap().into_inner().verifications;
    found.into_iter().map(|one| one.id).collect()
}

async fn statuses(server: &Server, id: &str) -> Vec<ClaimStatus> {
    let claims = server.get(id).await.claims;
    claims.iter().map(|claim| claim.status()).collect()
}

#[tokio::test]
async fn an_anonymous_login_is_forgotten_after_its_hours_and_a_signup_is_kept() {
    let stage = stage("scripted").await;
    stage.reconfigure(|text| {
        let before = "request_timeout_seconds = 4";
        text.replace(
            before,
            &format!("{before}\nanonymous_login_retention_hours = 3"),
        )
    });
    let server = start(&stage);
    let (signup, signed_up) = verified(&stage, &server, "BASIC_SIGNUP").await;
    let (login, logged_in) = verified(&stage, &server, "ANONYMOUS_LOGIN").await;
    assert!(server.terminate().await.success());

    stage.clock.advance(2 * HOUR);
    let server = start(&stage);
    let read = server.read_claims(&login).await.unwrap();
    assert_eq!(read.claims[0].raw_value, logged_in);
    assert_eq!(found(&server, &logged_in).await, [&*login]);

    stage.clock.advance(HOUR);
    let beginning = Start::StartPoint(StartPoint::Beginning.into());
    let is_forgotten = |event: &Event| event.r#type() == EventType::ClaimsForgotten;
    server
        .follow(&login, beginning, WatchEnd::Never, is_forgotten)
        .await;
    let told = server.log_of(&login).await.pop().unwrap();
    assert_eq!(
        (told.r#type(), told.state_after(), told.assurance()),
        (
            EventType::ClaimsForgotten,
            State::Verified,
            Assurance::Local
        )
    );
    let refused = server.read_claims(&login).await.unwrap_err();
    let gone = (Code::FailedPrecondition, "CLAIMS_NOT_AVAILABLE".to_owned());
    assert_eq!(refusal(&refused), gone);
    assert!(found(&server, &logged_in).await.is_empty());
    assert_eq!(statuses(&server, &login).await, [ClaimStatus::Forgotten]);
    assert!(server.terminate().await.success());

    stage.clock.advance(24 * HOUR);
    let server = start(&stage);
    let read = server.read_claims(&signup).await.unwrap();
    assert_eq!(read.claims.len(), 3);
    assert_eq!(found(&server, &signed_up).await, [&*signup]);
    assert_eq!(statuses(&server, &signup).await, [ClaimStatus::Granted; 3]);
    assert!(server.read_claims(&login).await.is_err());
    stage.end().await;
}

#[tokio::test]
async fn an_age_is_kept_for_good_with_the_birthdate_that_it_follows_from() {
    let stage = stage("scripted").await;
    let server = start(&stage);
    let claims = vec![field("userId"), from_any_document("age_over_18")];
    let created = create(&server, wish("", claims)).await;
    assert_eq!(popup(&created).scope_request, "PROOF_OF_IDENTITY");
    let (_, code) = approve(&stage, &created);
    let after = hand_over_code(&server, &created.id, &code).await.unwrap();
    assert_eq!(after.state(), State::Verified);
    let (login, _) = verified(&stage, &server, "ANONYMOUS_LOGIN").await;
    assert!(server.terminate().await.success());

    stage.clock.advance(25 * HOUR);
    let server = start(&stage);
    // Whatever was to be forgotten before is forgotten when this is.
    let beginning = Start::StartPoint(StartPoint::Beginning.into());
    let is_forgotten = |event: &Event| event.r#type() == EventType::ClaimsForgotten;
    server
        .follow(&login, beginning, WatchEnd::Never, is_forgotten)
        .await;
    let read = server.read_claims(&created.id).await.unwrap();
    assert_eq!(read.claims.len(), 2);
    let kept = statuses(&server, &created.id).await;
    assert_eq!(kept, [ClaimStatus::Granted; 2]);
    stage.end().await;
}
