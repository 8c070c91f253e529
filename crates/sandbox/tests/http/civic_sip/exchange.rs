//! The exchange: what a right call brings, and each thing that can be wrong with one.

use serde_json::{Value, json};
use verilane_sandbox::{
    CivicSipEnv, CivicSipScenario, CivicSipSetup, Scope, ScopeOrder, ScopeState,
};

use super::{Sip, claims, extension, header, holds, json_of};

const LABELS: [&str; 2] = ["contact.personal.email", "contact.personal.phoneNumber"];

#[tokio::test]
async fn a_code_brings_the_users_data_once() {
    let sip = Sip::set("scripted").await;
    let token = sip.approved(Scope::BasicSignup);
    let answer = sip.exchanged(&token, 200).await;
    let request = sip.civic.requests().pop().unwrap();
    assert_eq!(answer["userId"], request.user_id.as_str());
    assert_eq!(
        (&answer["encrypted"], &answer["alg"]),
        (&json!(true), &json!("aes"))
    );
    assert_eq!(answer.get("processed"), None);
    let data = answer["data"].as_str().unwrap();
    assert!(holds(data, &sip.app.civic_public_key));
    assert_eq!(header(data), json!({"alg": "ES256", "typ": "JWT"}));
    let said = claims(data);
    assert_eq!(said["iss"], "civic-sip-hosted-service");
    assert_eq!(said["aud"], sip.app.base_url.as_str());
    assert_eq!(said["sub"], sip.app.app_id.as_str());
    let (iat, exp) = (said["iat"].as_f64().unwrap(), said["exp"].as_f64().unwrap());
    assert!((exp - iat - 1_800.0).abs() < 0.001 && iat.fract() > 0.0);
    let attributes = sip.attributes(data);
    let labels: Vec<_> = attributes
        .iter()
        .map(|a| a["label"].as_str().unwrap())
        .collect();
    assert_eq!(labels, LABELS);
    assert!(
        attributes
            .iter()
            .all(|a| a["isValid"] == true && a["isOwner"] == true)
    );

    let again = sip.exchanged(&token, 403).await;
    assert_eq!(again, json!({"message": "Duplicate Request"}));
    let request = sip.civic.request(&request.id).unwrap();
    assert_eq!(request.state, ScopeState::Exchanged);
    assert_eq!((request.tries, request.effects), (2, 1));
    sip.stage.end().await;
}

#[tokio::test]
async fn every_form_of_the_base_is_the_same_endpoint_and_takes_post_alone() {
    let sip = Sip::set("scripted").await;
    let bare = sip.app.base_url.trim_end_matches('/').to_owned();
    for path in [
        "/prod/scopeRequest/authCode",
        "/dev/scopeRequest/authCode",
        "/scopeRequest/authCode",
        "//prod/scopeRequest/authCode",
        "/prod//scopeRequest/authCode",
        "//scopeRequest/authCode",
        "/prod/scopeRequest/authCode/",
    ] {
        let url = format!("{bare}{path}");
        let token = sip.approved(Scope::AnonymousLogin);
        let body = json!({ "authToken": token }).to_string();
        let authorization = sip.authorization(&body);
        let answer = sip.call(&url, body, Some(authorization)).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        for method in ["GET", "PUT", "DELETE"] {
            let method = method.parse().unwrap();
            let wrong = sip.stage.client.request(method, &url).send().await.unwrap();
            assert_eq!(wrong.headers()["allow"], "POST");
            json_of(wrong, 405).await;
        }
    }
    for path in ["/test/scopeRequest/authCode", "/prod/authCode", "/"] {
        let url = format!("{bare}{path}");
        let answer = sip.call(&url, "{}".to_owned(), None).await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
    sip.stage.end().await;
}

#[tokio::test]
async fn each_wrong_claim_of_a_request_token_is_refused_and_the_code_stays_good() {
    let sip = Sip::set("scripted").await;
    let token = sip.approved(Scope::BasicSignup);
    let body = json!({ "authToken": token }).to_string();
    let es256 = json!({"alg": "ES256", "typ": "JWT"});
    let now = sip.now();
    let with = |member: &str, value: Value| {
        let mut claims = sip.claims();
        claims[member] = value;
        sip.sign(&es256, &claims)
    };
    let data = |method: &str, path: &str| json!({"method": method, "path": path});
    for (request_token, word) in [
        (with("jti", Value::Null), "jti"),
        (with("jti", json!("")), "jti"),
        (with("iss", json!("another")), "iss"),
        (with("sub", json!("another")), "sub"),
        (with("sub", Value::Null), "sub"),
        (with("aud", json!("https://api.example/sip/")), "aud"),
        (with("aud", json!(["a"])), "aud"),
        (with("data", data("GET", "scopeRequest/authCode")), "method"),
        (with("data", data("POST", "scopeRequest")), "path"),
        (with("data", Value::Null), "method"),
        (with("exp", json!(now)), "expired"),
        (with("exp", json!(now + 181)), "too long"),
        (with("iat", json!(now + 61)), "future"),
        (with("iat", Value::Null), "iat"),
        (with("exp", json!("soon")), "exp"),
        (sip.sign(&json!({"alg": "none"}), &sip.claims()), "alg"),
        (sip.sign(&json!({"alg": "ES256K"}), &sip.claims()), "alg"),
        (format!("{}A", with("jti", json!("j"))), "signature"),
        (token.clone(), "signature"),
        ("a.b".to_owned(), "JWT"),
    ] {
        let mac = extension(&sip.app.app_secret, &body);
        let authorization = format!("Civic {request_token}.{mac}");
        let header = Some(authorization);
        let answer = sip.call(&sip.url(), body.clone(), header).await.unwrap();
        let refused = json_of(answer, 401).await;
        let message = refused["message"].as_str().unwrap();
        assert!(message.contains(word), "{word}: {message}");
    }
    let right = sip.authorization(&body);
    for wrong in [
        None,
        Some(right.replace("Civic ", "Bearer ")),
        Some(format!("{right}A")),
        Some(right.rsplit_once('.').unwrap().0.to_owned()),
        // As one who thinks that the secret's bytes are the key.
        Some({
            let bytes = hex::decode(&sip.app.app_secret).unwrap();
            let key = openssl::pkey::PKey::hmac(&bytes).unwrap();
            let digest = openssl::hash::MessageDigest::sha256();
            let mut signer = openssl::sign::Signer::new(digest, &key).unwrap();
            let mac = signer.sign_oneshot_to_vec(body.as_bytes()).unwrap();
            let mac = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, mac);
            format!("{}.{mac}", right.rsplit_once('.').unwrap().0)
        }),
    ] {
        let answer = sip.call(&sip.url(), body.clone(), wrong).await.unwrap();
        json_of(answer, 401).await;
    }
    let request = sip.civic.requests().pop().unwrap();
    assert_eq!((request.tries, request.effects), (25, 0));
    sip.exchanged(&token, 200).await;
    sip.stage.end().await;
}

#[tokio::test]
async fn the_mac_is_over_the_body_in_order_and_not_over_the_body_as_it_comes() {
    let sip = Sip::set("scripted").await;
    let token = sip.approved(Scope::BasicSignup);
    let unsorted = format!(r#"{{"authToken":"{token}","allowS3UploadedPayload":true}}"#);
    let sorted = format!(r#"{{"allowS3UploadedPayload":true,"authToken":"{token}"}}"#);
    let spaced = format!("{{ \"authToken\" : \"{token}\",\n\t\"allowS3UploadedPayload\": true }}");
    for wrong in [&unsorted, &spaced] {
        let header = Some(sip.authorization(wrong));
        let answer = sip
            .call(&sip.url(), unsorted.clone(), header)
            .await
            .unwrap();
        assert_eq!(answer.status(), 401);
    }
    for (right, code) in [(&spaced, 200), (&unsorted, 403), (&sorted, 403)] {
        let header = Some(sip.authorization(&sorted));
        let answer = sip.call(&sip.url(), right.clone(), header).await.unwrap();
        assert_eq!(answer.status(), code, "{right}");
    }
    sip.stage.end().await;
}

#[tokio::test]
async fn request_tokens_name_the_api_in_either_slash_form_and_times_may_have_fractions() {
    let sip = Sip::set("scripted").await;
    let bare = sip.app.base_url.trim_end_matches('/').to_owned();
    let now = sip.now();
    for (aud, iat, exp) in [
        (format!("{bare}/"), json!(now), json!(now + 180)),
        (bare.clone(), json!(now), json!(now + 60)),
        (format!("{bare}/prod"), json!(now), json!(now + 180)),
        (format!("{bare}/dev/"), json!(now), json!(now + 180)),
        (
            bare.replace("http://", "https://"),
            json!(now as f64 + 0.361),
            json!(now as f64 + 180.361),
        ),
    ] {
        let token = sip.approved(Scope::BasicSignup);
        let body = json!({ "authToken": token }).to_string();
        let mut claims = sip.claims();
        claims["aud"] = json!(aud);
        (claims["iat"], claims["exp"]) = (iat, exp);
        let request_token = sip.sign(&json!({"alg": "ES256"}), &claims);
        let mac = extension(&sip.app.app_secret, &body);
        let authorization = format!("Civic {request_token}.{mac}");
        let answer = sip
            .call(&sip.url(), body, Some(authorization))
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{aud}");
    }
    sip.stage.end().await;
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_bad_requests_with_a_message() {
    let sip = Sip::set("scripted").await;
    let token = sip.approved(Scope::BasicSignup);
    let list = json!([token, true, true]).to_string();
    for body in [
        "",
        "{",
        "[]",
        "{}",
        &list,
        r#"{"authToken":7}"#,
        r#"{"authToken":"x"}"#,
    ] {
        let canonical = serde_json::from_str::<Value>(body).map(|body| body.to_string());
        let header = sip.authorization(&canonical.unwrap_or_default());
        let answer = sip.call(&sip.url(), body.to_owned(), Some(header)).await;
        let refused = json_of(answer.unwrap(), 400).await;
        assert!(refused["message"].is_string(), "{body}");
    }
    let long = format!(r#"{{"authToken":"{}"}}"#, "x".repeat(70_000));
    let answer = sip.call(&sip.url(), long, None).await.unwrap();
    assert_eq!(answer.status(), 413);
    sip.stage.end().await;
}

#[tokio::test]
async fn an_auth_token_must_be_civics_own_in_time_and_the_applications() {
    for (names, code, word) in [
        ("token-other-key", 400, "signature"),
        ("token-other-curve", 400, "signature"),
        ("es256k+token-other-key", 400, "signature"),
        ("token-hs256", 400, "alg"),
        ("token-unsigned", 400, "alg"),
        ("token-expired", 400, "expired"),
        ("token-other-issuer", 400, "issuer"),
        ("token-without-code", 400, "no such code"),
        ("token-without-times", 400, "expired"),
        ("token-other-subject", 401, "another application"),
    ] {
        let sip = Sip::set(names).await;
        let token = sip.approved(Scope::BasicSignup);
        let refused = sip.exchanged(&token, code).await;
        let message = refused["message"].as_str().unwrap();
        assert!(message.contains(word), "{names}: {message}");
        assert_eq!(sip.civic.requests().pop().unwrap().effects, 0);
        sip.stage.end().await;
    }
    let sip = Sip::set("scripted").await;
    let theirs = sip.civic.approved(ScopeOrder {
        app_id: Some("another".to_owned()),
        ..ScopeOrder::default()
    });
    sip.exchanged(&theirs.unwrap(), 401).await;
    let token = sip.approved(Scope::BasicSignup);
    sip.wait(180);
    let late = sip.exchanged(&token, 400).await;
    assert_eq!(late["message"], "the auth token has expired");
    sip.stage.end().await;
}

#[tokio::test]
async fn good_tokens_of_every_kind_are_exchanged() {
    for names in [
        "es256k",
        "old-token",
        "issuer-subject",
        "audience-without-slash",
        "path-audience",
        "whole-times",
        "long-token",
    ] {
        let sip = Sip::set(names).await;
        let token = sip.approved(Scope::BasicSignup);
        sip.wait(if names == "long-token" { 1_700 } else { 170 });
        sip.exchanged(&token, 200).await;
        sip.stage.end().await;
    }
}

#[tokio::test]
async fn proof_of_identity_is_for_applications_that_are_approved_for_it() {
    let sip = Sip::set("unapproved").await;
    let token = sip.approved(Scope::ProofOfIdentity);
    let refused = sip.exchanged(&token, 401).await;
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains("PROOF_OF_IDENTITY")
    );
    let token = sip.approved(Scope::BasicSignup);
    sip.exchanged(&token, 200).await;
    // Approved by now, the code is still good.
    let first = sip.civic.requests().remove(0);
    let scenario = CivicSipScenario::default();
    sip.civic.set_request_scenario(&first.id, scenario).unwrap();
    sip.exchanged(&first.token.unwrap(), 200).await;
    sip.stage.end().await;
}

#[tokio::test]
async fn an_application_set_up_by_hand_is_the_one_that_is_known() {
    let own = Sip::set("scripted").await;
    let sip = Sip::set_up(CivicSipSetup {
        app_id: Some("HyhaWO1SG".to_owned()),
        app_secret: Some("44BBAE32D1E02BF481074177002BBDEF".to_owned()),
        public_key: Some(own.app.public_key.clone()),
        env: Some(CivicSipEnv::Prod),
        audience: Some("https://api.civic.com/sip/".to_owned()),
        ..CivicSipSetup::default()
    })
    .await;
    assert_eq!(sip.app.private_key, None);
    let token = sip.approved(Scope::BasicSignup);
    assert_eq!(claims(&token)["aud"], "https://api.civic.com/sip/");
    assert_eq!(claims(&token)["sub"], "HyhaWO1SG");
    let sip = Sip {
        app: verilane_sandbox::CivicSipApplication {
            private_key: own.app.private_key.clone(),
            ..sip.app
        },
        ..sip
    };
    let dev = format!("{}dev/scopeRequest/authCode", sip.app.base_url);
    let body = json!({ "authToken": token }).to_string();
    let header = Some(sip.authorization(&body));
    let refused = sip.call(&dev, body, header).await.unwrap();
    let refused = json_of(refused, 401).await;
    assert!(refused["message"].as_str().unwrap().contains("environment"));
    let answer = sip.exchanged(&token, 200).await;
    assert_eq!(sip.attributes(answer["data"].as_str().unwrap()).len(), 2);
    sip.stage.end().await;
    own.stage.end().await;
}
