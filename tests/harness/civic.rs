//! Civic Pass as callers and users meet it: connections in both generations of its partner API to the
//! stage's Civic, the widget, what is handed in and what is decided.

use tonic::Status;
use verilane_api::v1::watch_verification_request::Start;
use verilane_api::v1::{
    AccessContext, ClaimFromAnyDocument, ClaimRequest, ContinueVerificationRequest,
    CreateVerificationRequest, Decision, Event, Necessity, ReviewVerificationRequest, StartPoint,
    State, Subject, Verification, WatchEnd, claim_request, continue_verification_request, subject,
};
use verilane_core::VerificationId;
use verilane_sandbox::{CivicPassScenario, PiiOrder, PiiRequestView};

use super::{Launch, Server, Stage, field};

/// The connection of the OAuth client generation, whose Civic waits for decisions.
pub const OAUTH: &str = "civic-oauth";
/// The connection of the partner JWT generation, whose decisions stay here.
pub const JWT: &str = "civic-jwt";
/// The user's.
pub const WALLET: &str = "0xAb5801a7D398351b8bE11C439e05C5B3259aeC9B";
/// What is asked for beside e-mail address and name.
pub const PICTURE: &str = "evidence-selfie";
/// So long between two looks that only those count which do not wait for their time: the first, and the
/// one after a decision.
pub const CONNECTIONS: &str = r#"
[[connections]]
name = "civic-oauth"
provider = "civic-pass"
generation = "oauth"
review = true
poll_interval_seconds = 3600
poll_interval_max_seconds = 86400
evidence_hosts = ["127.0.0.1"]
allow_http = true
allow_private_addresses = true

[[connections]]
name = "civic-jwt"
provider = "civic-pass"
generation = "partner-jwt"
poll_interval_seconds = 3600
poll_interval_max_seconds = 86400
evidence_hosts = ["127.0.0.1"]
allow_http = true
allow_private_addresses = true
"#;

/// A stage whose Civic has what a user shares as soon as he begins.
pub async fn stage(names: &str) -> Stage {
    let scenario = CivicPassScenario::named(names).unwrap();
    Stage::with(|config| config.civic_pass = scenario, CONNECTIONS).await
}

/// The binary, with what Civic gives a partner in its environment.
pub fn start(stage: &Stage) -> Server {
    stage.start_as(launched(stage, Launch::default()))
}

/// A launch with what Civic gives a partner.
pub fn launched(stage: &Stage, mut launch: Launch) -> Launch {
    let partner = stage.sandbox.civic_pass().partner();
    let key = partner.private_key_pem.as_deref().unwrap();
    for (connection, name, value) in [
        ("OAUTH", "PARTNER_ID", &*partner.partner_id),
        ("OAUTH", "GATEKEEPER_NETWORK", &partner.gatekeeper_network),
        ("OAUTH", "CLIENT_ID", &partner.client_id),
        ("OAUTH", "CLIENT_SECRET", &partner.client_secret),
        ("OAUTH", "TOKEN_URL", &partner.token_url),
        ("OAUTH", "BASE_URL", &partner.api_base),
        ("JWT", "PARTNER_ID", &partner.partner_id),
        ("JWT", "GATEKEEPER_NETWORK", &partner.gatekeeper_network),
        ("JWT", "PRIVATE_KEY", key),
        ("JWT", "BASE_URL", &partner.verify_base),
    ] {
        let variable = format!("VERILANE__CONNECTIONS__CIVIC_{connection}__{name}");
        launch = launch.with(&variable, value);
    }
    launch
}

pub fn purpose() -> Option<AccessContext> {
    Some(AccessContext {
        purpose: "black-box-test".to_owned(),
        ..AccessContext::default()
    })
}

pub fn from_any_document(name: &str) -> ClaimRequest {
    let claim = ClaimFromAnyDocument {
        name: name.to_owned(),
        ..ClaimFromAnyDocument::default()
    };
    ClaimRequest {
        selector: Some(claim_request::Selector::FromAnyDocument(claim)),
        necessity: Necessity::Required.into(),
    }
}

/// A verification that waits for what the wallet's holder brings back.
pub async fn create(server: &Server, connection: &str, wallet: &str) -> Verification {
    let claims = vec![field("email"), from_any_document("name"), field(PICTURE)];
    create_with(server, connection, wallet, claims).await
}

/// The same for other claims.
pub async fn create_with(
    server: &Server,
    connection: &str,
    wallet: &str,
    claims: Vec<ClaimRequest>,
) -> Verification {
    let request = CreateVerificationRequest {
        request_id: VerificationId::generate().to_string(),
        connection: connection.to_owned(),
        subject: Some(Subject {
            identifier: Some(subject::Identifier::WalletAddress(wallet.to_owned())),
        }),
        claims,
        access_context: purpose(),
        ..CreateVerificationRequest::default()
    };
    let answer = server.verifications().create_verification(request).await;
    answer.unwrap().into_inner().verification.unwrap()
}

/// The user goes through the widget.
pub fn widget(stage: &Stage, url_id: bool) -> PiiRequestView {
    let order = PiiOrder {
        wallet: Some(WALLET.to_owned()),
        url_id,
        ..PiiOrder::default()
    };
    stage.sandbox.civic_pass().start(order).unwrap()
}

pub async fn hand_over(server: &Server, id: &str, brought: &str) -> Result<Verification, Status> {
    let request = ContinueVerificationRequest {
        verification_id: id.to_owned(),
        continuation: Some(
            continue_verification_request::Continuation::PresentationRequestId(brought.to_owned()),
        ),
        ..ContinueVerificationRequest::default()
    };
    let answer = server.verifications().continue_verification(request).await;
    Ok(answer?.into_inner().verification.unwrap())
}

pub async fn review(server: &Server, id: &str, decision: Decision) -> Verification {
    let request = ReviewVerificationRequest {
        verification_id: id.to_owned(),
        decision: decision.into(),
        access_context: purpose(),
        ..ReviewVerificationRequest::default()
    };
    let answer = server.verifications().review_verification(request).await;
    answer.unwrap().into_inner().verification.unwrap()
}

/// All events up to one that leaves the verification in a state.
pub async fn until(server: &Server, id: &str, state: State) -> Vec<Event> {
    let start = Start::StartPoint(StartPoint::Beginning.into());
    let is_there = |event: &Event| event.state_after() == state;
    let followed = server.follow(id, start, WatchEnd::Never, is_there).await;
    assert_eq!(followed.0.last().unwrap().state_after(), state);
    followed.0
}
