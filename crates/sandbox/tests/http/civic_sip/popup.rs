//! The popup and the phone: what the page is told, and the tokens that it gets.

use serde_json::{Value, json};
use verilane_sandbox::{CivicSipScenario, Scope, ScopeOrder, ScopeState};

use super::{Sip, claims, header, holds};
use crate::stage::LIMIT;

#[tokio::test]
async fn the_page_is_told_what_the_document_says() {
    let sip = Sip::set("scripted").await;
    let order = json!({"scope": "PROOF_OF_IDENTITY", "user-id": "c6d5795f"});
    let opened = sip.control("requests", &order).await;
    assert_eq!(
        (&opened["state"], &opened["user_id"]),
        (&json!("open"), &json!("c6d5795f"))
    );
    assert_eq!(opened["scope"], "PROOF_OF_IDENTITY");
    assert_eq!(
        (&opened["code"], &opened["token"]),
        (&Value::Null, &Value::Null)
    );
    let id = opened["id"].as_str().unwrap();

    let read = sip
        .control(&format!("requests/{id}/read"), &json!({}))
        .await;
    let told = json!({"on": "read", "event": {"event": "scoperequest:read"}});
    assert_eq!(read, told);

    let approved = sip
        .control(&format!("requests/{id}/approve"), &json!({}))
        .await;
    let token = approved["event"]["response"].as_str().unwrap();
    let event = json!({
        "event": "scoperequest:auth-code-received",
        "response": token,
        "type": "code",
    });
    assert_eq!(
        approved,
        json!({"on": "auth-code-received", "event": event})
    );

    let view = sip.civic.request(id).unwrap();
    assert_eq!(view.state, ScopeState::Approved);
    assert_eq!(view.token.as_deref(), Some(token));
    assert_eq!(claims(token)["data"], json!({"codeToken": view.code}));
    assert_eq!(json!(view.events), json!([read, approved]));
    let answer = sip.exchanged(token, 200).await;
    assert_eq!(answer["userId"], "c6d5795f");
    sip.stage.end().await;
}

#[tokio::test]
async fn a_user_who_says_no_and_a_popup_that_fails_give_no_code() {
    let sip = Sip::set("scripted").await;
    let open = || sip.civic.open(ScopeOrder::default()).id;
    let cancelled = open();
    let told = sip
        .control(&format!("requests/{cancelled}/cancel"), &json!({}))
        .await;
    let event = json!({"event": "scoperequest:user-cancelled"});
    assert_eq!(told, json!({"on": "user-cancelled", "event": event}));
    let failed = open();
    sip.civic.read(&failed).unwrap();
    let error = json!({"type": "INVALID_DOMAIN", "message": "not on the white list"});
    let told = sip
        .control(&format!("requests/{failed}/error"), &error)
        .await;
    assert_eq!(told, json!({"on": "civic-sip-error", "event": error}));
    for (id, state) in [
        (&cancelled, ScopeState::Cancelled),
        (&failed, ScopeState::Failed),
    ] {
        let view = sip.civic.reached(id, state, LIMIT).await.unwrap();
        assert_eq!((view.code, view.token), (None, None));
        // What is decided stays so.
        for turn in ["read", "approve", "cancel"] {
            let path = format!("/control/civic-sip/requests/{id}/{turn}");
            assert_eq!(
                sip.stage.post(&path, &json!({})).await.status(),
                409,
                "{turn}"
            );
        }
    }
    let path = "/control/civic-sip/requests/x/approve";
    assert_eq!(sip.stage.post(path, &json!({})).await.status(), 404);
    sip.stage.end().await;
}

#[tokio::test]
async fn a_token_has_the_claims_of_recorded_ones_in_their_order() {
    let sip = Sip::set("scripted").await;
    let token = sip.approved(Scope::BasicSignup);
    assert_eq!(header(&token), json!({"alg": "ES256", "typ": "JWT"}));
    assert!(holds(&token, &sip.app.civic_public_key));
    let part = token.split('.').nth(1).unwrap();
    let engine = &base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let text = String::from_utf8(base64::Engine::decode(engine, part).unwrap()).unwrap();
    let places = ["jti", "iat", "exp", "iss", "aud", "sub", "data"]
        .map(|claim| text.find(&format!("\"{claim}\":")).unwrap());
    assert!(places.is_sorted(), "{text}");
    let said = claims(&token);
    assert_eq!(said["iss"], "civic-sip-hosted-service");
    assert_eq!(said["aud"], sip.app.base_url.as_str());
    assert!(sip.app.base_url.ends_with("/civic-sip/"));
    assert_eq!(said["sub"], sip.app.app_id.as_str());
    let (iat, exp) = (said["iat"].as_f64().unwrap(), said["exp"].as_f64().unwrap());
    assert!(iat.fract() > 0.0 && iat <= sip.now() as f64 && iat > sip.now() as f64 - 2.0);
    assert!((exp - iat - 180.0).abs() < 0.001);
    // Where the time has a fraction of its own, that is the one.
    let later = sip.stage.sandbox.now().as_millis() + 1_361;
    let later = verilane_core::Timestamp::from_millis(later);
    sip.stage.clock.set(later);
    let next = claims(&sip.approved(Scope::BasicSignup));
    let seconds = later.as_millis() as f64 / 1_000.0;
    assert_eq!(next["iat"].as_f64().unwrap(), seconds);
    let uuid = |text: &Value| {
        text.as_str()
            .unwrap()
            .split('-')
            .map(str::len)
            .collect::<Vec<_>>()
    };
    for id in [&said["jti"], &said["data"]["codeToken"]] {
        assert_eq!(uuid(id), [8, 4, 4, 4, 12]);
    }
    sip.stage.end().await;
}

#[tokio::test]
async fn each_kind_of_token_differs_from_the_usual_in_what_it_says() {
    let sip = Sip::set("scripted").await;
    let base = sip.app.base_url.clone();
    let bare = base.trim_end_matches('/').to_owned();
    let (own, old) = (
        sip.app.civic_public_key.clone(),
        sip.app.civic_secp256k1_key.clone(),
    );
    let of = |names: &str| {
        let order = ScopeOrder {
            scenario: CivicSipScenario::named(names),
            ..ScopeOrder::default()
        };
        sip.civic.approved(order).unwrap()
    };
    let token = of("es256k");
    assert_eq!(header(&token)["alg"], "ES256K");
    assert!(holds(&token, &old));
    let token = of("old-token");
    assert!(holds(&token, &old));
    assert_eq!(claims(&token)["sub"], "civic-sip-hosted-service");
    assert_eq!(claims(&token)["aud"], format!("{bare}/dev"));
    for (names, member, value) in [
        ("issuer-subject", "sub", "civic-sip-hosted-service"),
        ("audience-without-slash", "aud", bare.as_str()),
        ("path-audience", "aud", "/dev/scopeRequest/authCode"),
        ("token-other-issuer", "iss", "another-service"),
        ("token-other-audience", "aud", "https://api.example/sip/"),
        ("token-other-subject", "sub", "another"),
    ] {
        let token = of(names);
        assert!(holds(&token, &own), "{names}");
        assert_eq!(claims(&token)[member], value, "{names}");
    }
    let times = |names: &str| {
        let said = claims(&of(names));
        (said["iat"].clone(), said["exp"].clone())
    };
    let now = sip.now();
    assert_eq!(times("whole-times"), (json!(now), json!(now + 180)));
    assert_eq!(
        times("long-token+whole-times"),
        (json!(now), json!(now + 1_800))
    );
    assert_eq!(
        times("token-expired+whole-times"),
        (json!(now - 300), json!(now - 120))
    );
    assert_eq!(
        times("token-from-the-future+whole-times").0,
        json!(now + 3_600)
    );
    assert_eq!(times("token-without-times"), (Value::Null, Value::Null));
    assert_eq!(claims(&of("token-without-code"))["data"], Value::Null);
    // Forged ones look like others and do not hold.
    assert!(!holds(&of("token-other-key"), &own));
    assert!(!holds(&of("token-other-curve"), &own));
    assert!(!holds(&of("es256k+token-other-curve"), &old));
    assert_eq!(header(&of("token-hs256"))["alg"], "HS256");
    let unsigned = of("token-unsigned");
    assert_eq!(header(&unsigned)["alg"], "none");
    assert!(unsigned.ends_with('.'));
    sip.stage.end().await;
}

#[tokio::test]
async fn the_same_seed_gives_the_same_tokens_and_answers_and_another_does_not() {
    let run = async |seed: u64| {
        let sip = Sip::set("scripted").await;
        let order = json!({"scope": "PROOF_OF_IDENTITY", "seed": seed, "person": 3});
        let event = sip.control("approvals", &order).await;
        let token = event["event"]["response"].as_str().unwrap().to_owned();
        let answer = sip.exchanged(&token, 200).await;
        let data = answer["data"].as_str().unwrap();
        // The port, and with it the audience, is the system's choice.
        let mut both = [claims(&token), claims(data)];
        for claims in &mut both {
            claims["aud"] = Value::Null;
        }
        sip.stage.end().await;
        (both, answer["userId"].clone(), sip.app.app_id)
    };
    let first = run(7).await;
    assert_eq!(first, run(7).await);
    let other = run(8).await;
    assert_ne!(first.0, other.0);
    // The person is who they are.
    assert_eq!((first.1, first.2), (other.1, other.2));
}
