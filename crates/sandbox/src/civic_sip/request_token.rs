//! Whether a call is its application's: the request token and the body's MAC behind it.

use serde_json::Value;
use verilane_core::Timestamp;

use super::application::Application;
use super::token::extension;
use crate::jwt::{self, Jwt};
use crate::origins::Origins;

/// How far ahead of the sandbox's clock the caller's may be, in seconds.
const SKEW: f64 = 60.0;
/// What a client's arithmetic with fractions may add to a lifetime.
const ROUNDING: f64 = 0.001;
/// What a request token is for.
const PATH: &str = "scopeRequest/authCode";

/// Checks an `Authorization` header for a body. Says what is wrong with it.
pub fn check(
    header: Option<&str>,
    body: &Value,
    application: &Application,
    origins: &Origins,
    longest_life: u64,
    now: Timestamp,
) -> Result<(), &'static str> {
    let header = header.ok_or("there is no Authorization header")?;
    let shown = header.trim().strip_prefix("Civic ");
    let (token, given) = shown
        .and_then(|shown| shown.trim().rsplit_once('.'))
        .ok_or("the Authorization header is not Civic and an extended token")?;
    let jwt = Jwt::split(token)?;
    if jwt.algorithm()?.as_deref() != Some("ES256") {
        return Err("the request token's alg is not ES256");
    }
    jwt.holds(&application.key)?;
    check_claims(&jwt.claims()?, application, origins, longest_life, now)?;
    // Clients send their bodies as they come and sign them in order.
    let canonical = body.to_string();
    let right = extension(&application.told().app_secret, canonical.as_bytes());
    match right {
        Ok(right) if right == given => Ok(()),
        _ => Err("the extension is not that of the body"),
    }
}

fn check_claims(
    claims: &Value,
    application: &Application,
    origins: &Origins,
    longest_life: u64,
    now: Timestamp,
) -> Result<(), &'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let app_id = Some(application.told().app_id.as_str());
    if text("jti").is_none_or(str::is_empty) {
        return Err("the request token lacks jti");
    }
    if text("iss") != app_id {
        return Err("the request token's iss is not the application id");
    }
    if text("sub") != app_id {
        return Err("the request token's sub is not the application id");
    }
    if !text("aud").is_some_and(|audience| application.is_audience(audience, origins)) {
        return Err("the request token's aud is not this API");
    }
    // One of the ports puts it into an array.
    let data = match claims.get("data") {
        Some(Value::Array(data)) => data.first(),
        data => data,
    };
    let of_data = |name: &str| data.and_then(|data| data.get(name)).and_then(Value::as_str);
    if of_data("method") != Some("POST") {
        return Err("the request token's data.method is not POST");
    }
    if of_data("path") != Some(PATH) {
        return Err("the request token's data.path is not scopeRequest/authCode");
    }
    let time = |name: &str| claims.get(name).and_then(Value::as_f64);
    let (Some(issued), Some(expires)) = (time("iat"), time("exp")) else {
        return Err("the request token lacks iat or exp");
    };
    let now = jwt::seconds(now);
    if expires <= now {
        return Err("the request token has expired");
    }
    if issued > now + SKEW {
        return Err("the request token's iat is in the future");
    }
    #[allow(
        clippy::cast_precision_loss,
        reason = "a number of seconds that a scenario says; it may be rounded when it is enormous"
    )]
    if expires - issued > longest_life as f64 + ROUNDING {
        return Err("the request token lives too long");
    }
    Ok(())
}
