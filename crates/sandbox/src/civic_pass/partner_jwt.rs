//! Whether a partner JWT holds, with OpenSSL: ES256 under the partner's key, and each claim as
//! Civic's document asks for it.

use openssl::ec::EcKey;
use openssl::pkey::Public;
use serde_json::Value;
use verilane_core::Timestamp;

use crate::jwt::{self, Jwt};

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
    let jwt = Jwt::split(token)?;
    if jwt.algorithm()?.as_deref() != Some("ES256") {
        return Err("the JWT's alg is not ES256");
    }
    jwt.holds(key)?;
    let claims = jwt.claims()?;
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
    let now = jwt::seconds(now);
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
