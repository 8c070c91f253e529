//! The control routes, and who sees Civic under which name.

use serde_json::{Value, json};
use verilane_sandbox::{
    CivicSipScenario, CivicSipSetup, Sandbox, SandboxConfig, SandboxError, Scope,
};

use super::{Sip, claims};

#[tokio::test]
async fn a_client_is_told_all_that_it_is_set_up_with() {
    let sip = Sip::set("scripted").await;
    let told = sip.stage.get("/control/civic-sip/application").await;
    assert_eq!(told, json!(sip.app));
    assert_eq!(told["base_url"], format!("{}/civic-sip/", sip.stage.base));
    assert_eq!(told["audience"], told["base_url"]);
    for (member, digits) in [
        ("app_secret", 32),
        ("private_key", 64),
        ("public_key", 130),
        ("civic_public_key", 130),
        ("civic_secp256k1_key", 130),
    ] {
        let text = told[member].as_str().unwrap();
        assert_eq!(hex::decode(text).unwrap().len() * 2, digits, "{member}");
    }
    sip.stage.end().await;
}

#[tokio::test]
async fn addresses_and_audiences_are_by_the_name_in_the_callers_host() {
    let sip = Sip::set("large").await;
    let port = sip.stage.base.rsplit_once(':').unwrap().1;
    let named = |path: &str| format!("http://localhost:{port}{path}");
    let base = named("/civic-sip/");
    let client = &sip.stage.client;
    let read = async |call: reqwest::RequestBuilder| -> Value {
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    };
    let told = read(client.get(named("/control/civic-sip/application"))).await;
    assert_eq!(told["base_url"], base);
    let event = read(client.post(named("/control/civic-sip/approvals"))).await;
    let token = event["event"]["response"].as_str().unwrap();
    assert_eq!(claims(token)["aud"], base);
    // Request tokens for the address that the sandbox knows itself by hold under any name.
    let body = json!({"allowS3UploadedPayload": true, "authToken": token}).to_string();
    let header = Some(sip.authorization(&body));
    let url = named("/civic-sip/prod/scopeRequest/authCode");
    let answer = sip.call(&url, body, header).await.unwrap();
    let answer = super::json_of(answer, 200).await;
    let link = answer["data"].as_str().unwrap();
    assert!(link.starts_with("http://localhost:"), "{link}");
    sip.stage.end().await;
}

#[tokio::test]
async fn scenarios_are_read_and_set_by_names_and_in_full() {
    let sip = Sip::set("scripted").await;
    let path = "/control/civic-sip/scenario";
    let put = async |body: &Value| {
        let call = sip.stage.client.put(format!("{}{path}", sip.stage.base));
        call.body(body.to_string()).send().await.unwrap().status()
    };
    assert_eq!(put(&json!("not-valid+large")).await, 200);
    let set = sip.stage.get(path).await;
    let named = CivicSipScenario::named("not-valid+large").unwrap();
    assert_eq!(set, json!(named));
    assert_eq!(put(&json!({"not-owner": ["*"]})).await, 200);
    assert_eq!(sip.civic.scenario().not_owner, ["*"]);
    assert_eq!(put(&json!("nonsense")).await, 400);
    assert_eq!(put(&json!({"nonsense": 1})).await, 400);
    let names = sip.stage.get("/control/civic-sip/scenarios").await;
    assert_eq!(
        names.as_array().unwrap().len(),
        CivicSipScenario::names().len()
    );
    // A request that was opened before keeps its own.
    let opened = sip
        .control("requests", &json!({"scenario": "without-email"}))
        .await;
    let id = opened["id"].as_str().unwrap();
    let data = sip
        .stage
        .get(&format!("/control/civic-sip/requests/{id}/data"))
        .await;
    assert_eq!(data.as_array().unwrap().len(), 1);
    let url = format!(
        "{}/control/civic-sip/requests/{id}/scenario",
        sip.stage.base
    );
    let call = sip.stage.client.put(url).body("\"scripted\"");
    assert_eq!(call.send().await.unwrap().status(), 200);
    let data = sip
        .stage
        .get(&format!("/control/civic-sip/requests/{id}/data"))
        .await;
    assert_eq!(data.as_array().unwrap().len(), 2);
    for wrong in [
        json!({"scope": "EVERYTHING"}),
        json!({"scenario": "nonsense"}),
        json!({"nonsense": 1}),
    ] {
        let refused = sip.stage.post("/control/civic-sip/requests", &wrong).await;
        assert_eq!(refused.status(), 400, "{wrong}");
    }
    sip.stage.end().await;
}

#[tokio::test]
async fn requests_and_calls_are_told_over_http_by_id_by_code_and_by_state() {
    let sip = Sip::set("scripted").await;
    let token = sip.approved(Scope::BasicSignup);
    sip.exchanged(&token, 200).await;
    sip.exchanged(&token, 403).await;
    let all = sip.stage.get("/control/civic-sip/requests").await;
    let request = &all[0];
    let (id, code) = (
        request["id"].as_str().unwrap(),
        request["code"].as_str().unwrap(),
    );
    for name in [id, code] {
        let path = format!("/control/civic-sip/requests/{name}?until=exchanged&wait=60000");
        assert_eq!(&sip.stage.get(&path).await, request);
    }
    assert_eq!(
        (&request["tries"], &request["effects"]),
        (&json!(2), &json!(1))
    );
    let late = format!(
        "{}/control/civic-sip/requests/{id}?until=open&wait=1",
        sip.stage.base
    );
    assert_eq!(
        sip.stage.client.get(late).send().await.unwrap().status(),
        408
    );
    let path = format!("/control/civic-sip/calls?request={id}&after=1");
    let calls = sip.stage.get(&path).await;
    assert_eq!(
        calls,
        json!([{
            "number": 2,
            "at_ms": sip.now() * 1_000,
            "endpoint": "exchange",
            "request": id,
            "trouble": null,
            "effect": false,
            "over": true,
            "code": 403,
            "refusal": "Duplicate Request",
            "authorization": true,
        }])
    );
    sip.stage.end().await;
}

#[tokio::test]
async fn an_application_that_cannot_be_is_refused_at_the_start() {
    for setup in [
        CivicSipSetup {
            app_secret: Some("44bbae32".to_owned()),
            ..CivicSipSetup::default()
        },
        CivicSipSetup {
            app_secret: Some("x".repeat(32)),
            ..CivicSipSetup::default()
        },
        CivicSipSetup {
            app_id: Some(String::new()),
            ..CivicSipSetup::default()
        },
    ] {
        let clock = verilane_core::clock::ManualClock::new(crate::stage::START);
        let mut config = SandboxConfig::new(std::sync::Arc::new(clock));
        config.civic_sip = setup;
        let refused = Sandbox::bind(config).await;
        assert!(matches!(refused, Err(SandboxError::CivicSip(_))));
    }
}
