//! Civic Pass as callers and users meet it: connections in both generations of its partner API to the
//! stage's Civic, the widget, what is handed in and what is decided.

use tonic::Status;
use verilane_api::v1::watch_verification_request::Start;
use verilane_api::v1::{ClaimRequest, Decision, Event, StartPoint, State, Verification, WatchEnd};
use verilane_sandbox::{CivicPassScenario, PiiOrder, PiiRequestView};

use super::civic_pass::{continue_request, review_request, wallet_request};
use super::{Launch, Server, Stage, field};

pub use super::civic_pass::{JWT, OAUTH, from_any_document, purpose};

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
    stage.start_as(Launch::default().of_civic_partner(stage))
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
    let request = wallet_request(connection, wallet, claims);
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
    let request = continue_request(id, brought);
    let answer = server.verifications().continue_verification(request).await;
    Ok(answer?.into_inner().verification.unwrap())
}

pub async fn review(server: &Server, id: &str, decision: Decision) -> Verification {
    let request = review_request(id, decision);
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
