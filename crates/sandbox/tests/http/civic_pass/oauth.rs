//! Access tokens.

use serde_json::{Value, json};

use super::{Civic, json_of};

#[tokio::test]
async fn a_token_is_what_civic_answers_and_opens_pii_requests_until_it_expires() {
    let civic = Civic::set("ready").await;
    let id = civic.widget(json!({})).await;
    let answer = json_of(civic.ask_token(&civic.token_order()).await).await;
    assert_eq!(answer["expires_in"], 86_400);
    assert_eq!(answer["token_type"], "Bearer");
    assert!(answer["scope"].is_string());
    let token = answer["access_token"].as_str().unwrap();
    civic.wait(86_399);
    assert_eq!(civic.pii(&id, token).await["id"], id.as_str());
    civic.wait(1);
    let refused = civic.get(&civic.url(&id), Some(token)).await;
    assert_eq!(refused.status(), 401);
    civic.stage.end().await;
}

#[tokio::test]
async fn wrong_credentials_audiences_grants_and_bodies_get_no_token() {
    let civic = Civic::set("scripted").await;
    for (member, value, code, error) in [
        ("client_secret", json!("guess"), 401, "access_denied"),
        ("client_id", json!("guess"), 401, "access_denied"),
        (
            "audience",
            json!("https://api.civic.com/"),
            403,
            "access_denied",
        ),
        (
            "grant_type",
            json!("password"),
            403,
            "unsupported_grant_type",
        ),
        ("audience", Value::Null, 400, "invalid_request"),
    ] {
        let mut order = civic.token_order();
        order[member] = value;
        let refused = civic.ask_token(&order).await;
        assert_eq!(refused.status(), code, "{member}");
        let body: Value = serde_json::from_slice(&refused.bytes().await.unwrap()).unwrap();
        assert_eq!(body["error"], error, "{member}");
    }
    let count = civic.civic.tokens();
    assert_eq!((count.asked, count.issued, count.valid), (5, 0, 0));
    civic.stage.end().await;
}

#[tokio::test]
async fn revoked_tokens_are_refused_and_every_token_is_counted() {
    let civic = Civic::set("ready").await;
    let id = civic.widget(json!({})).await;
    let (first, second) = (civic.token().await, civic.token().await);
    assert_ne!(first, second);
    civic.pii(&id, &first).await;
    let path = "/control/civic-pass/tokens";
    let count = civic.stage.get(path).await;
    assert_eq!(count, json!({"asked": 2, "issued": 2, "valid": 2}));
    let revoked = civic
        .stage
        .post(&format!("{path}/revoke"), &json!({}))
        .await;
    assert_eq!(revoked.status(), 204);
    for token in [&first, &second] {
        let refused = civic.get(&civic.url(&id), Some(token)).await;
        assert_eq!(refused.status(), 401);
    }
    let fresh = civic.token().await;
    civic.pii(&id, &fresh).await;
    assert_eq!(civic.civic.tokens().valid, 1);
    civic.stage.end().await;
}

#[tokio::test]
async fn without_a_bearer_nothing_is_told_and_another_partners_request_is_not_there() {
    let civic = Civic::set("ready").await;
    let id = civic.widget(json!({})).await;
    let theirs = civic.widget(json!({"partner-id": "another"})).await;
    let token = civic.token().await;
    assert_eq!(civic.get(&civic.url(&id), None).await.status(), 401);
    for absent in [theirs.as_str(), "made-up"] {
        let answer = civic.get(&civic.url(absent), Some(&token)).await;
        assert_eq!(answer.status(), 404, "{absent}");
    }
    civic.stage.end().await;
}
