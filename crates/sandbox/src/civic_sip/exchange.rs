//! The exchange of a code for the user's data: who asks, whether the token is Civic's, whether the
//! code is still good; then it is spent, whatever becomes of the answer.

use openssl::error::ErrorStack;
use serde::Deserialize;
use serde_json::{Value, json};
use verilane_core::Timestamp;

use super::application::Application;
use super::attributes::attributes;
use super::payload::{Answer, Carried, answer, claim, clear_text};
use super::request_token;
use super::scenario::Large;
use super::scope_request::{Scope, ScopeRequest, ScopeState};
use super::setup::CivicSipEnv;
use super::storage;
use super::token::{Content, ISSUER, token};
use super::world::World;
use crate::jwt::{self, Jwt};
use crate::origins::Origins;

/// Seconds that the token in an answer lives, as recorded ones do.
const ANSWER_LIFETIME: i64 = 1_800;
/// Bytes of a token that no longer fits into an answer.
const LARGE: usize = 256 * 1024;

/// Why Civic refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It can't be read, or the token in it is not good (400).
    BadRequest(&'static str),
    /// It is not the application's (401).
    Unauthorized(&'static str),
    /// It was spent before (403).
    Forbidden(&'static str),
    /// There is no such stage or endpoint (404).
    NotFound(&'static str),
    /// The endpoint takes POST alone (405).
    NotAllowed,
    /// OpenSSL failed (500).
    Internal,
}

impl Refused {
    /// What the answer says.
    pub const fn message(self) -> &'static str {
        match self {
            Self::BadRequest(why)
            | Self::Unauthorized(why)
            | Self::Forbidden(why)
            | Self::NotFound(why) => why,
            Self::NotAllowed => "Method Not Allowed",
            Self::Internal => "Internal server error",
        }
    }
}

impl From<ErrorStack> for Refused {
    fn from(_: ErrorStack) -> Self {
        Self::Internal
    }
}

/// A call.
pub struct Asked<'a> {
    /// The environment in its path, if there is one.
    pub env: Option<CivicSipEnv>,
    /// Its `Authorization` header.
    pub authorization: Option<&'a str>,
    /// Its body.
    pub body: &'a [u8],
    /// Where the caller sees Civic.
    pub origins: Origins,
}

/// The members that matter. Older clients ask for links by another name, and then want nothing else.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    auth_token: String,
    #[serde(default)]
    allow_s3_uploaded_payload: Value,
    #[serde(default)]
    process_payload: Value,
}

/// The code that an auth-code token holds, believed or not.
pub fn code_in(auth_token: &str) -> Option<String> {
    let claims = Jwt::split(auth_token).ok()?.claims().ok()?;
    let code = claims.get("data")?.get("codeToken")?.as_str()?;
    Some(code.to_owned())
}

/// A list would do for a structure, but is none.
fn read(body: &Value) -> Option<Body> {
    body.is_object().then(|| Body::deserialize(body).ok())?
}

/// The code that a body is about.
pub fn code_of(body: &[u8]) -> Option<String> {
    let body = serde_json::from_slice(body).ok()?;
    code_in(&read(&body)?.auth_token)
}

/// Whether an auth-code token is Civic's own and its time not over.
fn check_auth_token(
    auth_token: &str,
    application: &Application,
    now: Timestamp,
) -> Result<Value, Refused> {
    let bad = Refused::BadRequest;
    let jwt = Jwt::split(auth_token).map_err(bad)?;
    let [p256, secp256k1] = &application.civic_public;
    let key = match jwt.algorithm().map_err(bad)?.as_deref() {
        Some("ES256") => p256,
        Some("ES256K") => secp256k1,
        _ => return Err(bad("the auth token's alg is neither ES256 nor ES256K")),
    };
    jwt.holds(key)
        .map_err(|_| bad("the auth token's signature does not hold"))?;
    let claims = jwt.claims().map_err(bad)?;
    if claims.get("iss").and_then(Value::as_str) != Some(ISSUER) {
        return Err(bad("the auth token's issuer is not Civic"));
    }
    let expires = claims.get("exp").and_then(Value::as_f64);
    if expires.is_none_or(|expires| expires <= jwt::seconds(now)) {
        return Err(bad("the auth token has expired"));
    }
    Ok(claims)
}

impl World {
    /// A code is exchanged.
    pub fn exchange(&mut self, asked: &Asked<'_>, now: Timestamp) -> Result<Answer, Refused> {
        let json: Value = serde_json::from_slice(asked.body)
            .map_err(|_| Refused::BadRequest("the body is not JSON"))?;
        let body = read(&json);
        let code = body.as_ref().and_then(|body| code_in(&body.auth_token));
        let number = code.and_then(|code| self.of_code(&code));
        let known = number.and_then(|number| self.requests.get(&number));
        let scenario = known.map_or(&self.scenario, |request| &request.scenario);
        let application = &self.application;
        request_token::check(
            asked.authorization,
            &json,
            application,
            &asked.origins,
            scenario.request_token_lifetime,
            now,
        )
        .map_err(Refused::Unauthorized)?;
        let told = application.told();
        if let (Some(own), Some(called)) = (told.env, asked.env)
            && own != called
        {
            let why = "the application belongs to the other environment";
            return Err(Refused::Unauthorized(why));
        }
        let body = body.ok_or(Refused::BadRequest("there is no authToken"))?;
        let claims = check_auth_token(&body.auth_token, application, now)?;
        let unknown = Refused::BadRequest("there is no such code");
        let request = known.ok_or(unknown)?;
        let subject = claims.get("sub").and_then(Value::as_str);
        let is_ours = subject.is_some_and(|sub| sub == told.app_id || sub == ISSUER);
        if request.app_id != told.app_id || !is_ours {
            let why = "the auth token is another application's";
            return Err(Refused::Unauthorized(why));
        }
        if request.scope == Scope::ProofOfIdentity && !request.scenario.approved_for_identity {
            let why = "the application is not approved for PROOF_OF_IDENTITY";
            return Err(Refused::Unauthorized(why));
        }
        if request.exchanged_at.is_some() || request.scenario.already_spent {
            return Err(Refused::Forbidden("Duplicate Request"));
        }
        // All that can fail is done by now, or with it the code stays good.
        let token = answer_token(request, application, &asked.origins, now)?;
        let takes_links = body.allow_s3_uploaded_payload == Value::Bool(true);
        let wants_a_link = body.process_payload == Value::Bool(true);
        let is_linked = wants_a_link
            || match request.scenario.large {
                Large::AsUsual => takes_links && token.len() > LARGE,
                Large::Always => takes_links,
                Large::Forced => true,
            };
        let carried = match is_linked {
            true => Carried::Link(storage::link(request, self.seed, &asked.origins, now)),
            false => Carried::Token(token),
        };
        let answer = answer(&request.scenario, carried, &request.user_id);
        if let Some(request) = number.and_then(|number| self.requests.get_mut(&number)) {
            request.state = ScopeState::Exchanged;
            request.effects += 1;
            request.exchanged_at = Some(now);
            request.exchanged_by = Some(asked.origins.clone());
        }
        Ok(answer)
    }

    /// The token that a link leads to, and where storage redirects instead, if it does.
    pub fn stored(
        &self,
        object: &str,
        query: &str,
        now: Timestamp,
    ) -> Result<Stored, storage::Denied> {
        storage::holds(self.seed, object, query, now)?;
        let missing = storage::Denied::Missing;
        let request = self.of_object(object).ok_or(missing)?;
        if let Some(to) = &request.scenario.link.redirects_to {
            return Ok(Stored::Elsewhere(to.clone()));
        }
        let (Some(at), Some(origins)) = (request.exchanged_at, &request.exchanged_by) else {
            return Err(missing);
        };
        let token = answer_token(request, &self.application, origins, at);
        token.map(Stored::Here).map_err(|_| missing)
    }
}

/// What storage has.
pub enum Stored {
    /// A token.
    Here(String),
    /// A redirect.
    Elsewhere(String),
}

/// The clear text of a request's data.
pub fn text_of(request: &ScopeRequest) -> Result<String, ErrorStack> {
    let ScopeRequest {
        scope,
        scenario,
        person,
        seed,
        ..
    } = request;
    let known = attributes(*scope, scenario, *person, *seed, &request.label("image"))?;
    Ok(clear_text(scenario, &known))
}

/// The same each time for the same time: what a link leads to need not be kept.
fn answer_token(
    request: &ScopeRequest,
    application: &Application,
    origins: &Origins,
    at: Timestamp,
) -> Result<String, ErrorStack> {
    let label = request.label("answer");
    let form = request.scenario.payload.form;
    let secret = &application.told().app_secret;
    let data = claim(form, &text_of(request)?, secret, request.seed, &label)?;
    let content = Content {
        shape: &request.scenario.answer,
        lifetime: ANSWER_LIFETIME,
        app_id: &request.app_id,
        data,
        seed: request.seed,
        label: &label,
        at,
    };
    token(&content, application, origins)
}

/// The token that an approval gives the browser.
pub fn auth_token(
    request: &ScopeRequest,
    application: &Application,
    origins: &Origins,
    at: Timestamp,
) -> Result<String, ErrorStack> {
    let content = Content {
        shape: &request.scenario.token,
        lifetime: 180,
        app_id: &request.app_id,
        data: json!({ "codeToken": request.code() }),
        seed: request.seed,
        label: &request.label("token"),
        at,
    };
    token(&content, application, origins)
}
