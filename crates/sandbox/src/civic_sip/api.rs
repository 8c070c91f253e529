//! Civic's own endpoints, as HTTP: the exchange, and storage.

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Extension, Json, Router, middleware};
use serde_json::json;

use super::exchange::{Asked, Refused, Stored};
use super::setup::CivicSipEnv;
use super::storage::Denied;
use super::witness::{Entry, witness};
use crate::handle::SandboxHandle;

/// The most bytes that a request's body may have.
const BODY_LIMIT: usize = 64 * 1024;

type Sandbox = State<SandboxHandle>;

/// All of Civic's endpoints.
pub fn router(sandbox: &SandboxHandle) -> Router<SandboxHandle> {
    Router::new()
        .route("/civic-sip/{*rest}", any(exchange))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(sandbox.clone(), witness))
        .merge(storage(sandbox))
}

/// Storage alone.
pub fn storage(sandbox: &SandboxHandle) -> Router<SandboxHandle> {
    Router::new()
        .route("/civic-sip/storage/{object}", get(stored))
        .layer(middleware::from_fn_with_state(sandbox.clone(), witness))
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let code = match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::NotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let body = Json(json!({ "message": self.message() }));
        match self {
            Self::NotAllowed => (code, [(header::ALLOW, "POST")], body).into_response(),
            _ => (code, body).into_response(),
        }
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let http = match self {
            Self::TwoMechanisms => StatusCode::BAD_REQUEST,
            Self::Signature | Self::Expired => StatusCode::FORBIDDEN,
            Self::Missing => StatusCode::NOT_FOUND,
        };
        let (code, message) = self.said();
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        );
        (http, [(header::CONTENT_TYPE, "application/xml")], xml).into_response()
    }
}

/// The name by which who calls knows the sandbox.
pub fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// The environment in a path that ends as the exchange's does. Careless clients put two slashes where
/// a base ends.
fn stage(rest: &str) -> Result<Option<CivicSipEnv>, Refused> {
    let missing = Refused::NotFound("Not Found");
    let parts: Vec<_> = rest.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["scopeRequest", "authCode"] => Ok(None),
        [env, "scopeRequest", "authCode"] => CivicSipEnv::named(env).map(Some).ok_or(missing),
        _ => Err(missing),
    }
}

async fn exchange(
    State(sandbox): Sandbox,
    Extension(entry): Extension<Entry>,
    method: Method,
    Path(rest): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = stage(&rest).and_then(|env| match method {
        Method::POST => Ok(env),
        _ => Err(Refused::NotAllowed),
    });
    let authorization = headers.get(header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok());
    let answer = sandbox.0.civic_sip.change(|world, now| {
        let answer = asked.and_then(|env| {
            let origins = world.origins(host(&headers));
            let asked = Asked {
                env,
                authorization,
                body: &body,
                origins,
            };
            world.exchange(&asked, now)
        });
        let judged = answer
            .as_ref()
            .map(|_| ())
            .map_err(|refused| refused.message());
        world.ledger.judged(entry.number(), judged);
        answer
    });
    match answer {
        Ok(answer) => Json(answer).into_response(),
        Err(refused) => refused.into_response(),
    }
}

async fn stored(
    State(sandbox): Sandbox,
    Extension(entry): Extension<Entry>,
    Path(object): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let found = sandbox.0.civic_sip.change(|world, now| {
        let found = match headers.contains_key(header::AUTHORIZATION) {
            true => Err(Denied::TwoMechanisms),
            false => world.stored(&object, query.as_deref().unwrap_or_default(), now),
        };
        let judged = found.as_ref().map(|_| ()).map_err(|denied| denied.said().1);
        world.ledger.judged(entry.number(), judged);
        found
    });
    match found {
        Ok(Stored::Here(token)) => {
            let kind = [(header::CONTENT_TYPE, "application/json")];
            (kind, Body::from(token)).into_response()
        }
        Ok(Stored::Elsewhere(to)) => match HeaderValue::try_from(to) {
            Ok(to) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        },
        Err(denied) => denied.into_response(),
    }
}
