//! The generation in which the partner signs a JWT for each request.

use serde_json::{Value, json};

use super::{Civic, json_of, link, sign};
use crate::stage::Stage;

#[tokio::test]
async fn a_right_jwt_opens_the_request_that_it_is_for() {
    let civic = Civic::set("ready+complete").await;
    let id = civic.widget(json!({})).await;
    let answer = json_of(
        civic
            .get(&civic.verify_url(&id), Some(&civic.jwt(&id)))
            .await,
    )
    .await;
    assert_eq!(answer["id"], id.as_str());
    assert_eq!(answer["type"], "proofOfIdentity");
    assert_eq!(answer["status"], "complete");
    assert!(answer["verifiedInformation"]["name"].is_string());
    let picture = link(&answer, "evidence-document").unwrap();
    assert!(picture.starts_with(&civic.partner.storage), "{picture}");
    civic.stage.end().await;
}

#[tokio::test]
async fn an_id_that_is_a_url_is_fetched_as_it_stands_with_itself_as_the_subject() {
    let civic = Civic::set("ready").await;
    let given = civic.widget(json!({"url-id": true})).await;
    let (start, id) = given.rsplit_once('/').unwrap();
    assert_eq!(
        start,
        format!("{}/civic-pass/sip/v3/scopeRequest", civic.stage.base)
    );
    let jwt = civic.jwt(&given);
    // At its own address, and as the document's code would have it.
    for url in [given.clone(), civic.verify_url(&given)] {
        let answer = json_of(civic.get(&url, Some(&jwt)).await).await;
        assert_eq!(answer["id"], id);
        assert_eq!(link(&answer, "self").unwrap(), given);
    }
    // The last part alone is not the id that was given.
    let bare = civic.get(&civic.verify_url(id), Some(&civic.jwt(id))).await;
    assert_eq!(bare.status(), 404);
    let subject = civic.get(&given, Some(&civic.jwt(id))).await;
    assert_eq!(subject.status(), 401);
    civic.stage.end().await;
}

#[tokio::test]
async fn each_wrong_field_of_a_jwt_is_refused_by_name() {
    let civic = Civic::set("ready").await;
    let id = civic.widget(json!({})).await;
    let now = civic.stage.sandbox.now().as_secs();
    let header = json!({"alg": "ES256"});
    let with = |member: &str, value: Value| {
        let mut claims = civic.claims(&id);
        claims[member] = value;
        civic.sign(&header, &claims)
    };
    for (jwt, word) in [
        (with("iss", json!("another")), "iss"),
        (with("aud", json!("com.example")), "aud"),
        (with("sub", json!("another")), "sub"),
        (with("data", json!({"appId": "another"})), "data.appId"),
        (with("data", json!({})), "data.appId"),
        (with("exp", json!(now + 61)), "60 seconds"),
        (with("exp", json!(now)), "expired"),
        (with("iat", json!(now + 6)), "future"),
        (with("iat", Value::Null), "iat"),
        (with("exp", json!("soon")), "exp"),
        (
            civic.sign(&json!({"alg": "none"}), &civic.claims(&id)),
            "alg",
        ),
        (
            civic.sign(&json!({"alg": "HS256"}), &civic.claims(&id)),
            "alg",
        ),
        ("a.b".to_owned(), "not a JWT"),
        ("a.b.c".to_owned(), "can't be read"),
    ] {
        let refused = civic.get(&civic.verify_url(&id), Some(&jwt)).await;
        assert_eq!(refused.status(), 401, "{word}");
        let body: Value = serde_json::from_slice(&refused.bytes().await.unwrap()).unwrap();
        let message = body["message"].as_str().unwrap();
        assert!(message.contains(word), "{message}");
    }
    civic.stage.end().await;
}

#[tokio::test]
async fn a_jwt_under_another_key_or_with_another_content_does_not_hold() {
    let civic = Civic::set("ready").await;
    let id = civic.widget(json!({})).await;
    let other = Stage::set_with(|config| config.seed = 99).await;
    let stranger = other.sandbox.civic_pass().partner();
    let header = json!({"alg": "ES256"});
    let pem = stranger.private_key_pem.unwrap();
    let forged = sign(&pem, &header, &civic.claims(&id));
    let genuine = civic.jwt(&id);
    let (signed, _) = genuine.rsplit_once('.').unwrap();
    let unsigned = format!("{signed}.");
    let (_, signature) = forged.rsplit_once('.').unwrap();
    let swapped = format!("{signed}.{signature}");
    for jwt in [forged.clone(), unsigned, swapped] {
        let refused = civic.get(&civic.verify_url(&id), Some(&jwt)).await;
        assert_eq!(refused.status(), 401);
    }
    // A sandbox that pins that key takes the same.
    let key = stranger.public_key.clone();
    let pinned = Stage::set_with(|config| config.civic_pass_public_key = Some(key)).await;
    let partner = pinned.sandbox.civic_pass().partner();
    assert_eq!(partner.public_key, stranger.public_key);
    assert_eq!(partner.private_key_pem, None);
    assert_eq!(partner.partner_id, civic.partner.partner_id);
    let view = pinned
        .ask(
            "/control/civic-pass/requests",
            &json!({"id": id, "scenario": "ready"}),
        )
        .await;
    assert_eq!(view["presentation_request_id"], id.as_str());
    let url = format!("{}/{id}", partner.verify_base);
    json_of(civic.get(&url, Some(&forged)).await).await;
    for stage in [civic.stage, other, pinned] {
        stage.end().await;
    }
}
