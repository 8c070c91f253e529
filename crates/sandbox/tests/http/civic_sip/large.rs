//! Answers that come by a link, and what can be wrong with it.

use serde_json::Value;
use verilane_sandbox::{CivicSipEndpoint, Scope};

use super::{Sip, claims};

/// A sandbox in a scenario, and the link in the answer to an exchange.
async fn linked(names: &str) -> (Sip, String) {
    let sip = Sip::set(names).await;
    let token = sip.approved(Scope::ProofOfIdentity);
    let answer = sip.exchanged(&token, 200).await;
    assert_eq!(answer["processed"], true);
    assert_eq!(answer["payloadUrl"], answer["data"]);
    let link = answer["data"].as_str().unwrap().to_owned();
    (sip, link)
}

/// What storage answers.
async fn fetch(sip: &Sip, link: &str) -> (u16, String) {
    let answer = sip.stage.client.get(link).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_link_leads_to_the_token_for_a_minute_and_wants_no_authorisation() {
    let (sip, link) = linked("large").await;
    assert!(link.starts_with(&format!("{}/civic-sip/storage/", sip.app.storage)));
    let (code, token) = fetch(&sip, &link).await;
    assert_eq!(code, 200);
    let clear = sip.clear(&token).unwrap();
    let request = sip.civic.requests().pop().unwrap();
    assert_eq!(clear, sip.civic.clear_text(&request.id).unwrap());
    assert_eq!(claims(&token)["aud"], sip.app.base_url.as_str());

    let call = sip.stage.client.get(&link);
    let shown = call
        .header("authorization", "Civic x")
        .send()
        .await
        .unwrap();
    assert_eq!(shown.status(), 400);
    assert!(
        shown
            .text()
            .await
            .unwrap()
            .contains("<Code>InvalidArgument</Code>")
    );
    let (start, _) = link.rsplit_once('=').unwrap();
    for wrong in [
        format!("{start}=00"),
        start.replace("Expires=1", "Expires=2"),
    ] {
        let (code, text) = fetch(&sip, &wrong).await;
        assert_eq!(code, 403);
        assert!(text.contains("<Code>SignatureDoesNotMatch</Code>"));
    }
    sip.wait(59);
    // The token is the one of the exchange, however late it is fetched.
    assert_eq!(fetch(&sip, &link).await, (200, token));
    sip.wait(1);
    let (code, text) = fetch(&sip, &link).await;
    assert_eq!(code, 403);
    assert!(text.contains("<Message>Request has expired</Message>"));

    let calls = sip.civic.calls(0, Some(&request.id));
    let stored = calls
        .iter()
        .filter(|call| call.endpoint == CivicSipEndpoint::Storage);
    let stored: Vec<_> = stored
        .map(|call| (call.code, call.authorization, call.effect))
        .collect();
    let of = |code, authorization| (Some(code), authorization, false);
    assert_eq!(
        stored,
        [
            of(200, false),
            of(400, true),
            of(403, false),
            of(403, false),
            of(200, false),
            of(403, false),
        ]
    );
    sip.stage.end().await;
}

#[tokio::test]
async fn who_takes_no_links_gets_none_unless_the_scenario_forces_it() {
    for (names, processed) in [("large", Value::Null), ("large-unasked", true.into())] {
        let sip = Sip::set(names).await;
        let token = sip.approved(Scope::BasicSignup);
        let body = serde_json::json!({ "authToken": token }).to_string();
        let header = Some(sip.authorization(&body));
        let answer = sip.call(&sip.url(), body, header).await.unwrap();
        let answer = super::json_of(answer, 200).await;
        assert_eq!(answer["processed"], processed, "{names}");
        sip.stage.end().await;
    }
}

#[tokio::test]
async fn links_can_be_expired_foreign_private_dead_or_lead_elsewhere() {
    let (sip, link) = linked("link-expired").await;
    assert_eq!(fetch(&sip, &link).await.0, 403);
    sip.stage.end().await;
    let (sip, link) = linked("link-foreign").await;
    assert!(link.starts_with("https://files.example/civic-sip/storage/"));
    sip.stage.end().await;
    let (sip, link) = linked("link-private").await;
    assert_eq!(link, "http://169.254.169.254/latest/meta-data/");
    sip.stage.end().await;
    let (sip, link) = linked("link-dead").await;
    assert_eq!(fetch(&sip, &link).await.0, 404);
    assert_eq!(fetch(&sip, &link).await.0, 404);
    sip.stage.end().await;
    let (sip, link) = linked("link-redirects").await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let elsewhere = client.get(&link).send().await.unwrap();
    assert_eq!(elsewhere.status(), 302);
    assert_eq!(elsewhere.headers()["location"], "http://169.254.169.254/");
    sip.stage.end().await;
}

#[tokio::test]
async fn storage_that_fails_once_or_breaks_off_has_the_token_still() {
    let (sip, link) = linked("link-fails").await;
    assert_eq!(fetch(&sip, &link).await.0, 500);
    assert_eq!(fetch(&sip, &link).await.0, 200);
    sip.stage.end().await;
    let (sip, link) = linked("link-half").await;
    let half = sip.stage.client.get(&link).send().await.unwrap();
    assert_eq!(half.status(), 200);
    assert!(half.bytes().await.is_err());
    let (code, token) = fetch(&sip, &link).await;
    assert_eq!(code, 200);
    assert!(sip.clear(&token).is_some());
    sip.stage.end().await;
}

#[tokio::test]
async fn the_apis_own_address_has_the_storage_too() {
    let (sip, link) = linked("large").await;
    let here = link.replace(&sip.app.storage, &sip.stage.base);
    assert_ne!(here, link);
    assert_eq!(fetch(&sip, &here).await, fetch(&sip, &link).await);
    sip.stage.end().await;
}
