//! The endpoints of the connector, as HTTP.
//!
//! Bodies are JSON whatever their content type says; refusals are plain text with status 400, in
//! the documented words where there are any. A body beyond the limit is refused with 413.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Router, middleware};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::handle::SandboxHandle;
use crate::images;
use crate::request::StatusView;
use crate::troubled::troubled;
use crate::world::{Refusal, ValidQuestion};

/// The most bytes that a request's body may have.
const BODY_LIMIT: usize = 64 * 1024;

/// The connector's routes.
pub fn router(sandbox: &SandboxHandle) -> Router<SandboxHandle> {
    Router::new()
        .route("/api/v1/blockchain/verified", post(verified))
        .route("/api/v1/blockchain/valid", post(valid))
        .route("/api/v1/kyc/qrcode", post(qr_code))
        .route("/api/v1/kyc/status", post(status))
        .route("/api/v1/kyc/all-statuses", post(all_statuses))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(sandbox.clone(), troubled))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, self.0).into_response()
    }
}

#[derive(Serialize)]
struct QrCodeBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    qrcode: Option<String>,
    link: String,
    expiration: i64,
    #[serde(rename = "alreadySent", skip_serializing_if = "std::ops::Not::not")]
    already_sent: bool,
}

#[derive(Serialize)]
struct AllStatusesBody {
    #[serde(rename = "AllStatuses")]
    all_statuses: Vec<StatusView>,
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal::MALFORMED)
}

/// Written by hand instead of by axum's extractor so that nothing but these bytes is promised.
fn json(body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => ([(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn verified(State(sandbox): State<SandboxHandle>, body: Bytes) -> Result<Response, Refusal> {
    let question = parsed(&body)?;
    let answer = sandbox.0.look(|world, _| world.verified(question))?;
    Ok(json(&answer))
}

/// A connector without it does not know the path at all.
async fn valid(State(sandbox): State<SandboxHandle>, body: Bytes) -> Result<Response, Refusal> {
    let Ok(question) = parsed::<ValidQuestion>(&body) else {
        let anybody = sandbox.0.look(|world, _| world.has_valid(""));
        return match anybody {
            true => Err(Refusal::MALFORMED),
            false => Ok(StatusCode::NOT_FOUND.into_response()),
        };
    };
    if !sandbox.0.look(|world, _| world.has_valid(question.user())) {
        return Ok(StatusCode::NOT_FOUND.into_response());
    }
    let answer = sandbox.0.look(|world, _| world.valid(question))?;
    Ok(json(&answer))
}

async fn qr_code(State(sandbox): State<SandboxHandle>, body: Bytes) -> Result<Response, Refusal> {
    let question = parsed(&body)?;
    let answer = sandbox
        .0
        .change(|world, now| world.qr_code(question, now))?;
    let qrcode = if answer.with_qr_code {
        let link = answer.link.clone();
        // Drawing takes milliseconds of computing.
        let drawn = tokio::task::spawn_blocking(move || images::qr_code(&link)).await;
        let Ok(Some(file)) = drawn else {
            return Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response());
        };
        Some(STANDARD.encode(file))
    } else {
        None
    };
    Ok(json(&QrCodeBody {
        qrcode,
        link: answer.link,
        expiration: answer.expiration,
        already_sent: answer.already_sent,
    }))
}

async fn status(State(sandbox): State<SandboxHandle>, body: Bytes) -> Result<Response, Refusal> {
    let question = parsed(&body)?;
    let newest = sandbox.0.look(|world, now| world.status(question, now))?;
    Ok(json(&newest))
}

async fn all_statuses(
    State(sandbox): State<SandboxHandle>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let question = parsed(&body)?;
    let all_statuses = sandbox
        .0
        .look(|world, now| world.all_statuses(question, now))?;
    Ok(json(&AllStatusesBody { all_statuses }))
}
