//! Whether a partner JWT holds, with OpenSSL: ES256 under the partner's key, and each claim as
//! Civic's document asks for it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::bn::BigNum;
use openssl::ec::EcKey;
use openssl::ecdsa::EcdsaSig;
use openssl::pkey::Public;
use serde_json::Value;
use sha2::{Digest, Sha256};
use verilane_core::Timestamp;

/// The longest that a JWT may live, in seconds.
const LONGEST_LIFE: f64 = 60.0;
/// How far ahead of the sandbox's clock the partner's may be, in seconds.
const SKEW: f64 = 5.0;

/// Checks a JWT of `partner` for the request that was given as `subject`. Says what is wrong with
/// it.
pub fn check(
    token: &str,
    key: &EcKey<Public>,
    partner: &str,
    subject: &str,
    now: Timestamp,
) -> Result<(), &'static str> {
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("the token is not a JWT");
    };
    if json(header)?.get("alg").and_then(Value::as_str) != Some("ES256") {
        return Err("the JWT's alg is not ES256");
    }
    let signed = token.rsplit_once('.').map_or(token, |(signed, _)| signed);
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_| "the JWT's signature is not base64url")?;
    if !holds(&signature, &Sha256::digest(signed.as_bytes()), key) {
        return Err("the JWT's signature does not hold");
    }
    let claims = json(claims)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(partner) {
        return Err("the JWT's iss is not the partner id");
    }
    if text("aud") != Some("com.civic") {
        return Err("the JWT's aud is not com.civic");
    }
    if text("sub") != Some(subject) {
        return Err("the JWT's sub is not the presentation request id");
    }
    let app = claims.get("data").and_then(|data| data.get("appId"));
    if app.and_then(Value::as_str) != Some(partner) {
        return Err("the JWT's data.appId is not the partner id");
    }
    let time = |name: &str| claims.get(name).and_then(Value::as_f64);
    let (Some(issued), Some(expires)) = (time("iat"), time("exp")) else {
        return Err("the JWT lacks iat or exp");
    };
    #[allow(
        clippy::cast_precision_loss,
        reason = "milliseconds since 1970 stay exact in 53 bits for a quarter of a million years"
    )]
    let now = now.as_millis() as f64 / 1_000.0;
    if expires <= now {
        return Err("the JWT has expired");
    }
    if issued > now + SKEW {
        return Err("the JWT's iat is in the future");
    }
    if expires - issued > LONGEST_LIFE {
        return Err("the JWT lives longer than 60 seconds");
    }
    Ok(())
}

fn json(part: &str) -> Result<Value, &'static str> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok();
    let value = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    value.ok_or("the JWT can't be read")
}

fn holds(signature: &[u8], digest: &[u8], key: &EcKey<Public>) -> bool {
    let Some((r, s)) = signature
        .split_at_checked(32)
        .filter(|(_, s)| s.len() == 32)
    else {
        return false;
    };
    let verified = || {
        let (r, s) = (BigNum::from_slice(r)?, BigNum::from_slice(s)?);
        EcdsaSig::from_private_components(r, s)?.verify(digest, key)
    };
    verified().unwrap_or(false)
}
