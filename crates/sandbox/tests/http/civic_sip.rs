//! Civic SIP as a page's server meets it: a client written from Civic's document, and one in another
//! language with the habits of those that were published.

mod answers;
mod exchange;
mod faults;
mod habits;
mod large;
mod other_clients;
mod popup;
mod steering;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private, Public};
use openssl::sign::Signer;
use openssl::symm::{Cipher, decrypt};
use reqwest::Response;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use verilane_sandbox::{
    CivicSipApplication, CivicSipHandle, CivicSipScenario, CivicSipSetup, Scope, ScopeOrder,
};

use crate::stage::Stage;

/// A sandbox, and the application whose server asks it.
pub struct Sip {
    pub stage: Stage,
    pub civic: CivicSipHandle,
    pub app: CivicSipApplication,
}

impl Sip {
    /// A sandbox whose own Civic SIP scenario has these names.
    pub async fn set(names: &str) -> Self {
        let scenario = CivicSipScenario::named(names).unwrap();
        Self::set_up(CivicSipSetup {
            scenario,
            ..CivicSipSetup::default()
        })
        .await
    }

    /// A sandbox set up otherwise.
    pub async fn set_up(setup: CivicSipSetup) -> Self {
        let stage = Stage::set_with(|config| config.civic_sip = setup).await;
        let civic = stage.sandbox.civic_sip();
        let app = civic.application();
        Self { stage, civic, app }
    }

    /// The user approves a scope request; the token that the browser gets.
    pub fn approved(&self, scope: Scope) -> String {
        let order = ScopeOrder {
            scope,
            ..ScopeOrder::default()
        };
        self.civic.approved(order).unwrap()
    }

    /// A control call.
    pub async fn control(&self, path: &str, order: &Value) -> Value {
        let path = format!("/control/civic-sip/{path}");
        self.stage.ask(&path, order).await
    }

    /// The seconds of the clock.
    pub fn now(&self) -> i64 {
        self.stage.sandbox.now().as_secs()
    }

    /// Time goes on by so many seconds.
    pub fn wait(&self, seconds: i64) {
        let later = verilane_core::Timestamp::from_secs(self.now() + seconds);
        self.stage.clock.set(later);
    }

    /// The claims of a right request token, at the clock's time.
    pub fn claims(&self) -> Value {
        let now = self.now();
        json!({
            "jti": "45a59d10-6e93-47f6-9185-adacfe28907a",
            "iat": now,
            "exp": now + 180,
            "iss": self.app.app_id,
            "aud": self.app.base_url,
            "sub": self.app.app_id,
            "data": {"method": "POST", "path": "scopeRequest/authCode"},
        })
    }

    /// A JWT under the application's private key.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let key = private_key(self.app.private_key.as_deref().unwrap());
        let signed = format!("{}.{}", part(header), part(claims));
        let digest = Sha256::digest(signed.as_bytes());
        let signature = EcdsaSig::sign(&digest, &key).unwrap();
        let mut bytes = signature.r().to_vec_padded(32).unwrap();
        bytes.extend(signature.s().to_vec_padded(32).unwrap());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// A right `Authorization` header for a body as it is canonicalised.
    pub fn authorization(&self, canonical: &str) -> String {
        let token = self.sign(&json!({"alg": "ES256", "typ": "JWT"}), &self.claims());
        let extension = extension(&self.app.app_secret, canonical);
        format!("Civic {token}.{extension}")
    }

    /// Where the exchange is.
    pub fn url(&self) -> String {
        format!("{}prod/scopeRequest/authCode", self.app.base_url)
    }

    /// A call with a body and a header as they are given.
    pub async fn call(
        &self,
        url: &str,
        body: String,
        authorization: Option<String>,
    ) -> reqwest::Result<Response> {
        let mut call = self.stage.client.post(url);
        call = call.header("content-type", "application/json").body(body);
        if let Some(authorization) = authorization {
            call = call.header("authorization", authorization);
        }
        call.send().await
    }

    /// The exchange of a token, as Civic's own client does it.
    pub async fn try_exchange(&self, token: &str) -> reqwest::Result<Response> {
        let body = format!(r#"{{"authToken":"{token}","allowS3UploadedPayload":true}}"#);
        let canonical = format!(r#"{{"allowS3UploadedPayload":true,"authToken":"{token}"}}"#);
        let authorization = self.authorization(&canonical);
        self.call(&self.url(), body, Some(authorization)).await
    }

    /// The same, where there is an answer.
    pub async fn exchange(&self, token: &str) -> Response {
        self.try_exchange(token).await.unwrap()
    }

    /// The same, where it is JSON with this status.
    pub async fn exchanged(&self, token: &str, status: u16) -> Value {
        json_of(self.exchange(token).await, status).await
    }

    /// What the clear text of an answer's token says, if it can be read.
    pub fn clear(&self, token: &str) -> Option<String> {
        let claim = claims(token)["data"].as_str()?.to_owned();
        let (vector, text) = claim.split_at_checked(32)?;
        let (vector, text) = (hex::decode(vector).ok()?, STANDARD.decode(text).ok()?);
        let secret = hex::decode(&self.app.app_secret).unwrap();
        let clear = decrypt(Cipher::aes_128_cbc(), &secret, Some(&vector), &text).ok()?;
        String::from_utf8(clear).ok()
    }

    /// The attributes in an answer's token.
    pub fn attributes(&self, token: &str) -> Vec<Value> {
        let clear = self.clear(token).unwrap();
        serde_json::from_str(&clear).unwrap()
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// The MAC behind a request token.
pub fn extension(secret: &str, body: &str) -> String {
    let key = PKey::hmac(secret.as_bytes()).unwrap();
    let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
    STANDARD.encode(signer.sign_oneshot_to_vec(body.as_bytes()).unwrap())
}

fn private_key(hex: &str) -> EcKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let mut ctx = BigNumContext::new().unwrap();
    let private = BigNum::from_hex_str(hex).unwrap();
    let mut public = EcPoint::new(&group).unwrap();
    public.mul_generator2(&group, &private, &mut ctx).unwrap();
    EcKey::from_private_components(&group, &private, &public).unwrap()
}

fn public_key(hex: &str, curve: Nid) -> EcKey<Public> {
    let group = EcGroup::from_curve_name(curve).unwrap();
    let mut ctx = BigNumContext::new().unwrap();
    let point = EcPoint::from_bytes(&group, &hex::decode(hex).unwrap(), &mut ctx).unwrap();
    EcKey::from_public_key(&group, &point).unwrap()
}

/// One of a token's first two parts.
fn decoded(token: &str, nth: usize) -> Value {
    let part = token.split('.').nth(nth).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// A token's header.
pub fn header(token: &str) -> Value {
    decoded(token, 0)
}

/// A token's claims.
pub fn claims(token: &str) -> Value {
    decoded(token, 1)
}

/// Whether a token holds under a key in hex, on the curve of its `alg`.
pub fn holds(token: &str, key: &str) -> bool {
    let curve = match header(token)["alg"].as_str() {
        Some("ES256") => Nid::X9_62_PRIME256V1,
        Some("ES256K") => Nid::SECP256K1,
        _ => return false,
    };
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let half = |from, to| BigNum::from_slice(&signature[from..to]).unwrap();
    let signature = EcdsaSig::from_private_components(half(0, 32), half(32, 64)).unwrap();
    let digest = Sha256::digest(signed.as_bytes());
    let verified = signature.verify(&digest, &public_key(key, curve));
    verified.unwrap_or(false)
}

/// The JSON of an answer with this status.
pub async fn json_of(response: Response, status: u16) -> Value {
    assert_eq!(response.status(), status);
    let kind = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(kind, "application/json");
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}
