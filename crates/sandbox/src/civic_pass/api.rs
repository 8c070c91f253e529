//! Civic's own endpoints, as HTTP: both generations of the partner API, and storage.

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router, middleware};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Generation;
use super::asked::Refused;
use super::picture::Picture;
use super::scenario::{Evidence, EvidenceTrouble};
use super::witness::witness;
use super::world::World;
use crate::handle::SandboxHandle;

/// The most bytes that a request's body may have.
const BODY_LIMIT: usize = 64 * 1024;

type Sandbox = State<SandboxHandle>;

/// All of Civic's endpoints.
pub fn router(sandbox: &SandboxHandle) -> Router<SandboxHandle> {
    let api = Router::new()
        .route("/civic-pass/oauth/token", post(token))
        .route("/civic-pass/partner/piirequest/{id}", get(by_token))
        .route(
            "/civic-pass/partner/piirequest/{id}/evidence/{rel}",
            get(evidence),
        )
        .route("/civic-pass/partner/piirequest/{id}/status", put(decide))
        .route("/civic-pass/verify/{*id}", get(by_jwt))
        .route("/civic-pass/sip/v3/scopeRequest/{id}", get(by_url))
        .layer(DefaultBodyLimit::max(BODY_LIMIT));
    api.layer(middleware::from_fn_with_state(sandbox.clone(), witness))
        .merge(storage(sandbox))
}

/// Storage alone.
pub fn storage(sandbox: &SandboxHandle) -> Router<SandboxHandle> {
    Router::new()
        .route("/civic-pass/storage/{id}/{rel}", get(stored))
        .layer(middleware::from_fn_with_state(sandbox.clone(), witness))
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (code, message) = match self {
            Self::Unauthorized(message) => (StatusCode::UNAUTHORIZED, message),
            Self::NotFound(message) => (StatusCode::NOT_FOUND, message),
            Self::Conflict(message) => (StatusCode::CONFLICT, message),
            Self::BadRequest(message) => (StatusCode::BAD_REQUEST, message),
            Self::Forbidden(message) => (StatusCode::FORBIDDEN, message),
        };
        (code, Json(json!({ "message": message }))).into_response()
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ")
}

/// The name by which who calls knows the sandbox.
pub fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

fn change<T>(
    sandbox: &SandboxHandle,
    change: impl FnOnce(&mut World, verilane_core::Timestamp) -> T,
) -> T {
    sandbox.0.civic_pass.change(|world, now| {
        world.tick(now);
        change(world, now)
    })
}

#[derive(Deserialize)]
struct TokenOrder {
    client_id: String,
    client_secret: String,
    audience: String,
    grant_type: String,
}

/// Refusals are worded as Auth0 words them.
async fn token(State(sandbox): Sandbox, body: Bytes) -> Response {
    let refused = |code: StatusCode, error: &str, description: &str| {
        let body = json!({"error": error, "error_description": description});
        (code, Json(body)).into_response()
    };
    let Ok(order) = serde_json::from_slice::<TokenOrder>(&body) else {
        let (error, why) = ("invalid_request", "the body can't be read");
        return refused(StatusCode::BAD_REQUEST, error, why);
    };
    if order.grant_type != "client_credentials" {
        let (error, why) = ("unsupported_grant_type", "Unsupported grant type");
        return refused(StatusCode::FORBIDDEN, error, why);
    }
    change(&sandbox, |world, now| {
        let partner = world.partner();
        let known =
            order.client_id == partner.client_id && order.client_secret == partner.client_secret;
        if !known {
            return refused(StatusCode::UNAUTHORIZED, "access_denied", "Unauthorized");
        }
        if order.audience != partner.audience {
            let why = "Service not found";
            return refused(StatusCode::FORBIDDEN, "access_denied", why);
        }
        let (token, seconds) = world.issue_token(now);
        let body = json!({
            "access_token": token,
            "scope": "piirequest:read piirequest:write",
            "expires_in": seconds,
            "token_type": "Bearer",
        });
        Json(body).into_response()
    })
}

async fn by_token(
    State(sandbox): Sandbox,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refused> {
    change(&sandbox, |world, now| {
        world.check_token(&id, bearer(&headers), now)?;
        let origins = world.origins(host(&headers));
        world.pii(&id, Generation::OauthClient, &origins, now)
    })
    .map(Json)
}

fn with_jwt(
    sandbox: &SandboxHandle,
    given: &str,
    headers: &HeaderMap,
) -> Result<Json<Value>, Refused> {
    let id = given.rsplit_once('/').map_or(given, |(_, id)| id);
    change(sandbox, |world, now| {
        world.check_jwt(given, bearer(headers), now)?;
        if world.given_id(id) != Some(given) {
            return Err(Refused::NotFound("there is no such PII request"));
        }
        let origins = world.origins(host(headers));
        world.pii(id, Generation::PartnerJwt, &origins, now)
    })
    .map(Json)
}

async fn by_jwt(
    State(sandbox): Sandbox,
    Path(given): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refused> {
    with_jwt(&sandbox, &given, &headers)
}

/// The id is the URL under which the page got it, whatever name the sandbox is called by now.
async fn by_url(
    State(sandbox): Sandbox,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refused> {
    let given = change(&sandbox, |world, _| world.given_id(&id).map(str::to_owned));
    let given = given.ok_or(Refused::NotFound("there is no such PII request"))?;
    if given == id {
        return Err(Refused::NotFound("there is no such PII request"));
    }
    with_jwt(&sandbox, &given, &headers)
}

async fn evidence(
    State(sandbox): Sandbox,
    Path((id, rel)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let (piece, picture) = change(&sandbox, |world, now| {
        let shown = bearer(&headers);
        if shown.is_some_and(|token| token.contains('.')) {
            let given = world.given_id(&id).unwrap_or_default().to_owned();
            world.check_jwt(&given, shown, now)?;
        } else {
            world.check_token(&id, shown, now)?;
        }
        world.evidence(&id, &rel)
    })?;
    Ok(download(piece, picture))
}

async fn stored(
    State(sandbox): Sandbox,
    Path((id, rel)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    if headers.contains_key(header::AUTHORIZATION) {
        let why = "only one way of authorisation is allowed, and the link is signed";
        return Err(Refused::BadRequest(why));
    }
    let (piece, picture) = change(&sandbox, |world, now| {
        world.check_link(&id, &rel, query.as_deref().unwrap_or_default(), now)?;
        world.evidence(&id, &rel)
    })?;
    Ok(download(piece, picture))
}

const LOGIN_PAGE: &str = "<!doctype html><title>Log in</title><p>Please log in to go on.</p>";

fn download(piece: Evidence, picture: Picture) -> Response {
    let picture = match piece.trouble {
        Some(EvidenceTrouble::Dead) => {
            return Refused::NotFound("there is no such evidence").into_response();
        }
        Some(EvidenceTrouble::LoginPage) => return Html(LOGIN_PAGE).into_response(),
        Some(EvidenceTrouble::Redirect { to }) => {
            return match HeaderValue::try_from(to) {
                Ok(to) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            };
        }
        Some(EvidenceTrouble::Cut) => picture.cut(),
        Some(EvidenceTrouble::Short) => picture.short(),
        Some(EvidenceTrouble::Unannounced) => picture.unannounced(),
        Some(EvidenceTrouble::Href(_)) | None => picture,
    };
    let kind = piece.content_type.as_deref().unwrap_or("image/png");
    let Ok(kind) = HeaderValue::try_from(kind) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    ([(header::CONTENT_TYPE, kind)], Body::new(picture)).into_response()
}

#[derive(Deserialize)]
struct Decision {
    status: String,
}

async fn decide(
    State(sandbox): Sandbox,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Refused> {
    change(&sandbox, |world, now| {
        world.check_token(&id, bearer(&headers), now)?;
        let Decision { status } = serde_json::from_slice(&body)
            .map_err(|_| Refused::BadRequest("the body can't be read"))?;
        world.decide(&id, &status, now)?;
        Ok(Json(json!({"id": id, "status": status})))
    })
}
