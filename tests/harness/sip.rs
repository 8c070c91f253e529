//! Civic SIP as callers and users meet it: a connection to the stage's Civic, the popup, and what a page
//! hands in.

use std::collections::BTreeMap;

use tonic::Status;
use verilane_api::v1::continue_verification_request::Continuation;
use verilane_api::v1::{
    AccessContext, ClaimRequest, ContinueVerificationRequest, CreateVerificationRequest,
    ScopeRequestPopup, Verification, action,
};
use verilane_core::VerificationId;
use verilane_sandbox::{CivicSipScenario, Scope, ScopeOrder};

use super::{Launch, Server, Stage};

/// The connection's name.
pub const SIP: &str = "civic-sip";
/// The connection, but for what Civic gives an application.
pub const CONNECTION: &str = r#"
[[connections]]
name = "civic-sip"
provider = "civic-sip"
payload_hosts = ["127.0.0.1"]
allow_http = true
allow_private_addresses = true
request_timeout_seconds = 4
"#;

/// A stage whose Civic behaves as a scenario says.
pub async fn stage(names: &str) -> Stage {
    let scenario = CivicSipScenario::named(names).unwrap();
    Stage::with(|config| config.civic_sip.scenario = scenario, CONNECTION).await
}

/// The binary, connected.
pub fn start(stage: &Stage) -> Server {
    stage.start_as(launch(stage, Launch::default()))
}

/// A start of the binary with what Civic gives an application, and with Civic's keys pinned.
pub fn launch(stage: &Stage, mut launch: Launch) -> Launch {
    let application = stage.sandbox.civic_sip().application();
    let civic = [
        (&application.civic_public_key, "p256"),
        (&application.civic_secp256k1_key, "secp256k1"),
    ];
    let keys =
        civic.map(|(key, curve)| format!("{{ public_key = \"{key}\", curve = \"{curve}\" }}"));
    let bare = "provider = \"civic-sip\"\npayload_hosts";
    let pinned = format!(
        "provider = \"civic-sip\"\nkeys = [{}]\npayload_hosts",
        keys.join(", ")
    );
    stage.reconfigure(|text| text.replace(bare, &pinned));
    let private_key = application.private_key.unwrap();
    for (name, value) in [
        ("APPLICATION_ID", &*application.app_id),
        ("APPLICATION_SECRET", &application.app_secret),
        ("PRIVATE_KEY", &private_key),
        ("BASE_URL", &application.base_url),
    ] {
        launch = launch.with(&format!("VERILANE__CONNECTIONS__CIVIC_SIP__{name}"), value);
    }
    launch
}

/// A wish for a scope request by its name, for claims of it, or for both.
pub fn wish(scope: &str, claims: Vec<ClaimRequest>) -> CreateVerificationRequest {
    CreateVerificationRequest {
        request_id: VerificationId::generate().to_string(),
        connection: SIP.to_owned(),
        scope: scope.to_owned(),
        claims,
        max_attempts: 2,
        access_context: Some(AccessContext {
            purpose: "black-box-test".to_owned(),
            ..AccessContext::default()
        }),
        ..CreateVerificationRequest::default()
    }
}

/// Creates what is wished for.
pub async fn create(server: &Server, wish: CreateVerificationRequest) -> Verification {
    let answer = server.verifications().create_verification(wish).await;
    answer.unwrap().into_inner().verification.unwrap()
}

/// What the page opens the popup with.
pub fn popup(verification: &Verification) -> ScopeRequestPopup {
    let action = verification.attempts.last().unwrap().action.clone();
    match action.unwrap().kind.unwrap() {
        action::Kind::ScopeRequestPopup(popup) => popup,
        other => panic!("{other:?}"),
    }
}

/// The user of a page approves what its popup asks for: the request's id, and the code.
pub fn approve(stage: &Stage, verification: &Verification) -> (String, String) {
    let scope = serde_json::from_value(popup(verification).scope_request.into()).unwrap();
    approve_for(stage, scope)
}

/// A user approves a scope request: its id, and the code.
pub fn approve_for(stage: &Stage, scope: Scope) -> (String, String) {
    let civic = stage.sandbox.civic_sip();
    let order = ScopeOrder {
        scope,
        ..ScopeOrder::default()
    };
    let request = civic.open(order);
    let event = civic.approve(&request.id).unwrap();
    (request.id, event.token().unwrap().to_owned())
}

/// What Civic holds of a user who has approved: values by label.
pub fn held(stage: &Stage, request: &str) -> BTreeMap<String, String> {
    let text = stage.sandbox.civic_sip().clear_text(request).unwrap();
    let list: serde_json::Value = serde_json::from_str(&text).unwrap();
    let pair = |one: &serde_json::Value| {
        let text = |name: &str| one[name].as_str().unwrap().to_owned();
        (text("label"), text("value"))
    };
    let mut held: BTreeMap<_, _> = list.as_array().unwrap().iter().map(pair).collect();
    assert!(held.remove("verifications.levels.CIVIC:IAL1").is_some() || held.len() == 2);
    let user = stage.sandbox.civic_sip().request(request).unwrap().user_id;
    held.insert("userId".to_owned(), user);
    held
}

/// The page hands something in.
pub async fn hand_over(
    server: &Server,
    id: &str,
    brought: Continuation,
) -> Result<Verification, Status> {
    let request = ContinueVerificationRequest {
        verification_id: id.to_owned(),
        continuation: Some(brought),
        ..ContinueVerificationRequest::default()
    };
    let answer = server.verifications().continue_verification(request).await;
    Ok(answer?.into_inner().verification.unwrap())
}

/// The page hands a code in.
pub async fn hand_over_code(server: &Server, id: &str, code: &str) -> Result<Verification, Status> {
    hand_over(server, id, Continuation::AuthorizationCode(code.to_owned())).await
}
