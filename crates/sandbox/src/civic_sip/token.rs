//! Civic's own tokens: the auth-code token that the browser gets, and the one around an answer's
//! data. Both have the same claims; a shape says what is odd about them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use serde::Serialize;
use serde_json::Value;
use verilane_core::Timestamp;

use super::application::{Application, Pairs};
use super::scenario::{
    SigningKey, TokenAlgorithm, TokenAudience, TokenShape, TokenSubject, TokenTimes,
};
use super::setup::CivicSipEnv;
use crate::jwt;
use crate::origins::Origins;
use crate::seed::Seed;

/// The issuer of Civic's tokens.
pub const ISSUER: &str = "civic-sip-hosted-service";

/// In the order of recorded tokens.
#[derive(Serialize)]
struct Claims {
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

/// What a token is made of.
pub struct Content<'a> {
    /// What is odd about it.
    pub shape: &'a TokenShape,
    /// Seconds that it lives if the shape does not say.
    pub lifetime: i64,
    /// The application that it is for.
    pub app_id: &'a str,
    /// The claim.
    pub data: Value,
    /// What its id and the fractions of its times are drawn from.
    pub seed: Seed,
    /// The draw's name, one for each token.
    pub label: &'a str,
    /// When it is issued.
    pub at: Timestamp,
}

fn audience(shape: &TokenShape, application: &Application, origins: &Origins) -> String {
    let base = application.audience_at(origins);
    let bare = base.trim_end_matches('/');
    let stage = application.told().env.unwrap_or(CivicSipEnv::Dev).as_str();
    match &shape.audience {
        TokenAudience::Base => base,
        TokenAudience::BaseWithoutSlash => bare.to_owned(),
        TokenAudience::Stage => format!("{bare}/{stage}"),
        TokenAudience::Path => format!("/{stage}/scopeRequest/authCode"),
        TokenAudience::Text(text) => text.clone(),
    }
}

/// `iat` and `exp`. A fraction that is made up comes before the time, so that no token is from the
/// future.
fn times(content: &Content<'_>) -> (Value, Value) {
    let Content { shape, seed, .. } = content;
    let mut draw = seed.draw(&format!("{}/fraction", content.label));
    let fraction = i64::try_from(draw.below(999)).unwrap_or(0) + 1;
    let millis = |seconds: i64| seconds.saturating_mul(1_000);
    let issued = content.at.as_millis().saturating_add(millis(shape.issued));
    let lifetime = millis(shape.lifetime.unwrap_or(content.lifetime));
    let write = |ms: i64| match shape.times {
        TokenTimes::Whole => Value::from(ms.div_euclid(1_000)),
        // A whole second would be written without its decimals.
        TokenTimes::Fractional if ms.rem_euclid(1_000) == 0 => {
            let odd = ms.saturating_sub(1_000).saturating_add(fraction);
            Value::from(jwt::seconds(Timestamp::from_millis(odd)))
        }
        TokenTimes::Fractional => Value::from(jwt::seconds(Timestamp::from_millis(ms))),
    };
    (write(issued), write(issued.saturating_add(lifetime)))
}

/// A token.
pub fn token(
    content: &Content<'_>,
    application: &Application,
    origins: &Origins,
) -> Result<String, ErrorStack> {
    let shape = content.shape;
    let issuer = shape.issuer.clone().unwrap_or_else(|| ISSUER.to_owned());
    let subject = match &shape.subject {
        TokenSubject::Application => content.app_id.to_owned(),
        TokenSubject::Issuer => issuer.clone(),
        TokenSubject::Text(text) => text.clone(),
    };
    let (iat, exp) = times(content);
    let has = |claim: &str| !shape.without.iter().any(|missing| missing == claim);
    let claims = Claims {
        jti: has("jti").then(|| content.seed.uuid(&format!("{}/jti", content.label))),
        iat: has("iat").then_some(iat),
        exp: has("exp").then_some(exp),
        iss: has("iss").then_some(issuer),
        aud: has("aud").then(|| audience(shape, application, origins)),
        sub: has("sub").then_some(subject),
        data: has("data").then(|| content.data.clone()),
    };
    let claims = serde_json::to_string(&claims).unwrap_or_default();
    sign(shape, &claims, application)
}

/// The headers are in the order of recorded tokens.
fn sign(shape: &TokenShape, claims: &str, application: &Application) -> Result<String, ErrorStack> {
    let (pairs, crossed): (&Pairs, bool) = match shape.key {
        SigningKey::Civic => (&application.civic, false),
        SigningKey::Another => (&application.forger, false),
        SigningKey::OtherCurve => (&application.civic, true),
    };
    match shape.algorithm {
        TokenAlgorithm::Es256 | TokenAlgorithm::Es256k => {
            let on_p256 = shape.algorithm == TokenAlgorithm::Es256;
            let header = match on_p256 {
                true => r#"{"alg":"ES256","typ":"JWT"}"#,
                false => r#"{"typ":"JWT","alg":"ES256K"}"#,
            };
            let pair = match on_p256 != crossed {
                true => &pairs.es256,
                false => &pairs.es256k,
            };
            jwt::signed(header, claims, pair)
        }
        TokenAlgorithm::Hs256 => {
            let to_sign = jwt::to_sign(r#"{"alg":"HS256","typ":"JWT"}"#, claims);
            let key = application.civic.es256.public_hex();
            let signature = hmac(key.as_bytes(), to_sign.as_bytes())?;
            Ok(jwt::sealed(&to_sign, &signature))
        }
        TokenAlgorithm::None => {
            let to_sign = jwt::to_sign(r#"{"alg":"none","typ":"JWT"}"#, claims);
            Ok(jwt::sealed(&to_sign, &[]))
        }
    }
}

/// HMAC-SHA256.
pub fn hmac(key: &[u8], message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let key = PKey::hmac(key)?;
    Signer::new(MessageDigest::sha256(), &key)?.sign_oneshot_to_vec(message)
}

/// HMAC-SHA256 as padded base64, as it stands behind a request token.
pub fn extension(secret: &str, body: &[u8]) -> Result<String, ErrorStack> {
    Ok(STANDARD.encode(hmac(secret.as_bytes(), body)?))
}
