//! What published clients send, byte for byte as they would: each is taken as Civic takes it.

use serde_json::{Value, json};
use verilane_sandbox::Scope;

use super::{Sip, extension, json_of};

/// The habits of one client.
struct Habits {
    name: &'static str,
    header: Value,
    /// Claims in place of those of the document.
    claims: Value,
    /// The body on the wire, and under the MAC; `@` is the auth token.
    bodies: [&'static str; 2],
    /// Whether the answer is a link.
    linked: bool,
}

fn published(now: i64, base: &str) -> Vec<Habits> {
    let bare = base.trim_end_matches('/');
    let jwt = json!({"typ": "JWT", "alg": "ES256"});
    let alone = [r#"{"authToken":"@"}"#; 2];
    let data = json!({"method": "POST", "path": "scopeRequest/authCode"});
    vec![
        Habits {
            name: "Civic's own for Node",
            header: jwt.clone(),
            claims: json!({"iat": now as f64 + 0.361, "exp": now as f64 + 180.361}),
            bodies: [
                r#"{"authToken":"@","allowS3UploadedPayload":true}"#,
                r#"{"allowS3UploadedPayload":true,"authToken":"@"}"#,
            ],
            linked: false,
        },
        Habits {
            name: "Ruby",
            header: json!({"alg": "ES256"}),
            claims: json!({"aud": bare, "jti": "0f".repeat(16), "data": [data]}),
            bodies: alone,
            linked: false,
        },
        Habits {
            name: "PHP",
            header: jwt.clone(),
            claims: json!({"aud": bare, "nbf": now + 60}),
            bodies: alone,
            linked: false,
        },
        Habits {
            name: "Python",
            header: jwt.clone(),
            claims: json!({}),
            bodies: [
                r#"{"authToken": "@", "processPayload": true}"#,
                r#"{"authToken":"@","processPayload":true}"#,
            ],
            linked: true,
        },
        Habits {
            name: ".NET",
            header: jwt,
            claims: json!({"iat": now as f64, "exp": now as f64 + 180.0}),
            bodies: [r#"{"authToken":"@","processPayload":true}"#; 2],
            linked: true,
        },
    ]
}

#[tokio::test]
async fn what_published_clients_send_is_taken() {
    let sip = Sip::set("scripted").await;
    for habits in published(sip.now(), &sip.app.base_url) {
        let token = sip.approved(Scope::BasicSignup);
        let [body, canonical] = habits.bodies.map(|body| body.replace('@', &token));
        let mut claims = sip.claims();
        for (claim, value) in habits.claims.as_object().unwrap() {
            claims[claim] = value.clone();
        }
        let request_token = sip.sign(&habits.header, &claims);
        let mac = extension(&sip.app.app_secret, &canonical);
        let authorization = Some(format!("Civic {request_token}.{mac}"));
        let answer = sip.call(&sip.url(), body, authorization).await.unwrap();
        let answer = json_of(answer, 200).await;
        let processed = answer.get("processed").is_some();
        assert_eq!(processed, habits.linked, "{}", habits.name);
    }
    sip.stage.end().await;
}

#[tokio::test]
async fn request_tokens_that_live_for_long_are_for_the_scenario_to_let_in() {
    for (names, code) in [("scripted", 401), ("long-request-tokens", 200)] {
        let sip = Sip::set(names).await;
        let token = sip.approved(Scope::BasicSignup);
        let body = json!({ "authToken": token }).to_string();
        let mut claims = sip.claims();
        claims["exp"] = json!(sip.now() + 90 * 86_400);
        let request_token = sip.sign(&json!({"alg": "ES256"}), &claims);
        let mac = extension(&sip.app.app_secret, &body);
        let authorization = Some(format!("Civic {request_token}.{mac}"));
        let answer = sip.call(&sip.url(), body, authorization).await.unwrap();
        json_of(answer, code).await;
        sip.stage.end().await;
    }
}
