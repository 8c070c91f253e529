//! Civic Pass as a partner's back end meets it: a client written from Civic's document.

mod courses;
mod decisions;
mod evidence;
mod faults;
mod oauth;
mod partner_jwt;
mod steering;
mod wire_answer;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::ecdsa::EcdsaSig;
use openssl::pkey::PKey;
use reqwest::Response;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use verilane_sandbox::{CivicPassHandle, CivicPassPartner, CivicPassScenario};

use crate::stage::{START, Stage};

/// A sandbox, and the partner whose back end it is asked by.
pub struct Civic {
    pub stage: Stage,
    pub civic: CivicPassHandle,
    pub partner: CivicPassPartner,
}

impl Civic {
    /// A sandbox whose own Civic Pass scenario has these names.
    pub async fn set(names: &str) -> Self {
        let scenario = CivicPassScenario::named(names).unwrap();
        let stage = Stage::set_with(|config| config.civic_pass = scenario).await;
        let civic = stage.sandbox.civic_pass();
        let partner = civic.partner();
        Self {
            stage,
            civic,
            partner,
        }
    }

    /// The widget starts a request over the control API; gives its presentation request id.
    pub async fn widget(&self, order: Value) -> String {
        let view = self.control("requests", &order).await;
        view["presentation_request_id"].as_str().unwrap().to_owned()
    }

    /// A control call.
    pub async fn control(&self, path: &str, order: &Value) -> Value {
        self.stage
            .ask(&format!("/control/civic-pass/{path}"), order)
            .await
    }

    /// What a right call of the token endpoint says.
    pub fn token_order(&self) -> Value {
        json!({
            "client_id": self.partner.client_id,
            "client_secret": self.partner.client_secret,
            "audience": "https://api.civic.com/pass",
            "grant_type": "client_credentials",
        })
    }

    /// Calls the token endpoint.
    pub async fn ask_token(&self, order: &Value) -> Response {
        let call = self.stage.client.post(&self.partner.token_url);
        let call = call.header("content-type", "application/json");
        call.body(order.to_string()).send().await.unwrap()
    }

    /// A fresh access token.
    pub async fn token(&self) -> String {
        let answer = json_of(self.ask_token(&self.token_order()).await).await;
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// A GET, with a bearer if one is given.
    pub async fn get(&self, url: &str, bearer: Option<&str>) -> Response {
        self.try_get(url, bearer).await.unwrap()
    }

    /// The same, where the connection may break.
    pub async fn try_get(&self, url: &str, bearer: Option<&str>) -> reqwest::Result<Response> {
        let mut call = self.stage.client.get(url);
        if let Some(bearer) = bearer {
            call = call.header("authorization", format!("Bearer {bearer}"));
        }
        call.send().await
    }

    /// Where the OAuth client generation has a request.
    pub fn url(&self, id: &str) -> String {
        format!("{}/piirequest/{id}", self.partner.api_base)
    }

    /// A PII request as the OAuth client generation answers it.
    pub async fn pii(&self, id: &str, token: &str) -> Value {
        json_of(self.get(&self.url(id), Some(token)).await).await
    }

    /// The partner decides.
    pub async fn decide(&self, id: &str, status: &str, token: &str) -> reqwest::Result<Response> {
        let call = self.stage.client.put(format!("{}/status", self.url(id)));
        let call = call.header("authorization", format!("Bearer {token}"));
        call.body(json!({ "status": status }).to_string())
            .send()
            .await
    }

    /// The claims of a right partner JWT, at the clock's time.
    pub fn claims(&self, subject: &str) -> Value {
        let now = self.stage.sandbox.now().as_secs();
        json!({
            "data": {"appId": self.partner.partner_id},
            "iss": self.partner.partner_id,
            "aud": "com.civic",
            "sub": subject,
            "iat": now,
            "exp": now + 60,
        })
    }

    /// A JWT under the partner's private key.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        sign(
            self.partner.private_key_pem.as_deref().unwrap(),
            header,
            claims,
        )
    }

    /// A right partner JWT.
    pub fn jwt(&self, subject: &str) -> String {
        self.sign(
            &json!({"alg": "ES256", "typ": "JWT"}),
            &self.claims(subject),
        )
    }

    /// Where the partner JWT generation has a request.
    pub fn verify_url(&self, given: &str) -> String {
        format!("{}/{given}", self.partner.verify_base)
    }

    /// Time goes on by so many seconds.
    pub fn wait(&self, seconds: i64) {
        let now = self.stage.sandbox.now();
        let later = verilane_core::Timestamp::from_secs(now.as_secs() + seconds);
        assert!(later >= START);
        self.stage.clock.set(later);
    }
}

/// A JWT under a private key in PEM.
pub fn sign(pem: &str, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let key = PKey::private_key_from_pem(pem.as_bytes()).unwrap();
    let digest = Sha256::digest(signed.as_bytes());
    let signature = EcdsaSig::sign(&digest, &key.ec_key().unwrap()).unwrap();
    let mut bytes = signature.r().to_vec_padded(32).unwrap();
    bytes.extend(signature.s().to_vec_padded(32).unwrap());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// The JSON answered with 200.
pub async fn json_of(response: Response) -> Value {
    assert_eq!(response.status(), 200);
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

/// The link of a name in an answer.
pub fn link(answer: &Value, rel: &str) -> Option<String> {
    let links = answer["links"].as_array().unwrap();
    let link = links.iter().find(|link| link["rel"] == rel)?;
    Some(link["href"].as_str().unwrap().to_owned())
}
