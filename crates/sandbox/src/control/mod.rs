//! The control API: the handle's calls as JSON over HTTP, under `/control/`.
//!
//! It is for tests and for people at a terminal, on the same port as the connector itself. It shows
//! no callback path. A call that waits takes `?wait=` in milliseconds of real time and answers 408
//! if what it waits for does not happen. The crate's own page lists the calls.

pub mod query;

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::handle::{PublicKeys, SandboxHandle};
use crate::ledger::Delivery;
use crate::request::RequestView;
use crate::scenario::{NamedScenario, Scenario};
use crate::status::Status;
use crate::users::SandboxUser;
use crate::world::{ControlError, Idleness};
use query::Query;

/// The most bytes that a body may have.
pub const BODY_LIMIT: usize = 64 * 1024;

/// What a call answers.
pub type Answer<T> = Result<Json<T>, ControlError>;
type Sandbox = State<SandboxHandle>;

/// The control API's routes.
pub fn router() -> Router<SandboxHandle> {
    let control = Router::new()
        .route("/keys", get(keys))
        .route("/keys/rotate", post(rotate))
        .route("/scenarios", get(scenarios))
        .route("/scenario", get(scenario).put(set_scenario))
        .route("/users", get(users).post(grow_users))
        .route("/users/{who}", get(user))
        .route(
            "/users/{who}/scenario",
            put(set_user_scenario).delete(drop_user_scenario),
        )
        .route("/requests", get(requests).post(plant))
        .route("/requests/{id}", get(request))
        .route("/requests/{id}/accept", post(accept))
        .route("/requests/{id}/forge", post(forge))
        .route("/requests/{id}/export", post(export))
        .route("/requests/{id}/hold", post(hold_one))
        .route("/requests/{id}/release", post(release_one))
        .route("/down", post(down))
        .route("/up", post(up))
        .route("/hold", post(hold))
        .route("/release", post(release))
        .route("/deliveries", get(deliveries))
        .route("/deliveries/{number}/replay", post(replay))
        .route("/idle", get(idle))
        .layer(DefaultBodyLimit::max(BODY_LIMIT));
    Router::new().nest("/control", control)
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let code = match self {
            Self::UnknownUser
            | Self::UnknownRequest
            | Self::UnknownDelivery
            | Self::UnknownEvidence => StatusCode::NOT_FOUND,
            Self::UnknownStatus | Self::UnknownScenario | Self::Malformed(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::NotAcceptable | Self::NoData => StatusCode::CONFLICT,
            Self::NotYet => StatusCode::REQUEST_TIMEOUT,
            Self::Sign(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let body = serde_json::json!({ "error": self.to_string() });
        (code, Json(body)).into_response()
    }
}

/// An order out of a body.
pub fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, ControlError> {
    serde_json::from_slice(body).map_err(|error| ControlError::Malformed(error.to_string()))
}

/// A scenario by name (a JSON string) or in full (an object).
fn scenario_from(body: &[u8]) -> Result<Scenario, ControlError> {
    match parsed::<Value>(body)? {
        Value::String(name) => Scenario::named(&name).ok_or(ControlError::UnknownScenario),
        whole => serde_json::from_value(whole)
            .map_err(|error| ControlError::Malformed(error.to_string())),
    }
}

async fn keys(State(sandbox): Sandbox) -> Json<PublicKeys> {
    Json(sandbox.keys())
}

async fn rotate(State(sandbox): Sandbox) -> Answer<PublicKeys> {
    sandbox.rotate_keys().map(Json)
}

async fn scenarios() -> Json<&'static [NamedScenario]> {
    Json(Scenario::names())
}

async fn scenario(State(sandbox): Sandbox) -> Json<Scenario> {
    Json(sandbox.scenario())
}

async fn set_scenario(State(sandbox): Sandbox, body: Bytes) -> Answer<Scenario> {
    let scenario = scenario_from(&body)?;
    sandbox.set_scenario(scenario.clone());
    Ok(Json(scenario))
}

#[derive(Serialize)]
struct UserInFull {
    #[serde(flatten)]
    user: SandboxUser,
    values: BTreeMap<String, FieldInFull>,
}

#[derive(Serialize)]
struct FieldInFull {
    value: Option<String>,
    pepper: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserCount {
    count: u32,
}

async fn users(State(sandbox): Sandbox) -> Json<Vec<SandboxUser>> {
    let users = sandbox.users();
    Json(users.iter().map(|user| (**user).clone()).collect())
}

async fn grow_users(State(sandbox): Sandbox, body: Bytes) -> Answer<Vec<SandboxUser>> {
    let UserCount { count } = parsed(&body)?;
    sandbox.grow_users(count);
    Ok(users(State(sandbox)).await)
}

async fn user(State(sandbox): Sandbox, Path(who): Path<String>) -> Answer<UserInFull> {
    let user = sandbox.user(&who)?;
    let in_full = |field: &String| FieldInFull {
        value: user.value(field),
        pepper: user.pepper(field),
    };
    let values = user.verified.iter();
    let values = values
        .map(|field| (field.clone(), in_full(field)))
        .collect();
    Ok(Json(UserInFull {
        user: (*user).clone(),
        values,
    }))
}

async fn set_user_scenario(
    State(sandbox): Sandbox,
    Path(who): Path<String>,
    body: Bytes,
) -> Answer<Scenario> {
    let scenario = scenario_from(&body)?;
    sandbox.set_user_scenario(&who, Some(scenario.clone()))?;
    Ok(Json(scenario))
}

async fn drop_user_scenario(
    State(sandbox): Sandbox,
    Path(who): Path<String>,
) -> Result<StatusCode, ControlError> {
    sandbox.set_user_scenario(&who, None)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn requests(State(sandbox): Sandbox, query: Query) -> Answer<Vec<RequestView>> {
    let found = sandbox.requests_within(query.user.as_deref(), query.wait);
    found.await.map(Json)
}

async fn request(
    State(sandbox): Sandbox,
    Path(id): Path<String>,
    query: Query,
) -> Answer<RequestView> {
    match query.until {
        Some(word) => {
            let status = Status::named(&word).ok_or(ControlError::UnknownStatus)?;
            sandbox.reached(&id, status, query.wait).await
        }
        None => sandbox.request(&id),
    }
    .map(Json)
}

async fn plant(State(sandbox): Sandbox, body: Bytes) -> Answer<RequestView> {
    sandbox.plant(parsed(&body)?).map(Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportOrder {
    signed: bool,
}

/// The body is the export itself, not a description of it.
async fn export(
    State(sandbox): Sandbox,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, ControlError> {
    let ExportOrder { signed } = parsed(&body)?;
    let exported = sandbox.export(&id, signed)?;
    Ok(([(CONTENT_TYPE, "application/json")], exported).into_response())
}

/// An upstream goes down.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DownOrder {
    /// For how long.
    #[serde(default)]
    pub seconds: Option<u64>,
}

impl DownOrder {
    /// Out of a body that may be empty.
    pub fn read(body: &[u8]) -> Result<Self, ControlError> {
        match body.is_empty() {
            true => Ok(Self::default()),
            false => parsed(body),
        }
    }
}

async fn down(State(sandbox): Sandbox, body: Bytes) -> Result<StatusCode, ControlError> {
    sandbox.go_down(DownOrder::read(&body)?.seconds);
    Ok(StatusCode::NO_CONTENT)
}

async fn up(State(sandbox): Sandbox) -> StatusCode {
    sandbox.come_up();
    StatusCode::NO_CONTENT
}

async fn accept(State(sandbox): Sandbox, Path(id): Path<String>) -> Answer<RequestView> {
    sandbox.accept(&id).map(Json)
}

async fn forge(State(sandbox): Sandbox, Path(id): Path<String>, body: Bytes) -> Answer<Delivery> {
    sandbox.forge(&id, parsed(&body)?).await.map(Json)
}

async fn hold_one(
    State(sandbox): Sandbox,
    Path(id): Path<String>,
) -> Result<StatusCode, ControlError> {
    sandbox.hold(Some(&id)).map(|()| StatusCode::NO_CONTENT)
}

async fn release_one(
    State(sandbox): Sandbox,
    Path(id): Path<String>,
) -> Result<StatusCode, ControlError> {
    sandbox.release(Some(&id)).map(|()| StatusCode::NO_CONTENT)
}

async fn hold(State(sandbox): Sandbox) -> Result<StatusCode, ControlError> {
    sandbox.hold(None).map(|()| StatusCode::NO_CONTENT)
}

async fn release(State(sandbox): Sandbox) -> Result<StatusCode, ControlError> {
    sandbox.release(None).map(|()| StatusCode::NO_CONTENT)
}

#[derive(Serialize)]
struct LedgerPage {
    /// How many of the oldest entries were forgotten to stay within bounds.
    forgotten: u64,
    deliveries: Vec<Delivery>,
}

async fn deliveries(State(sandbox): Sandbox, query: Query) -> Json<LedgerPage> {
    let request = query.request.as_deref();
    let deliveries = sandbox.next_deliveries(query.after, request, query.wait);
    Json(LedgerPage {
        deliveries: deliveries.await,
        forgotten: sandbox.forgotten_deliveries(),
    })
}

async fn replay(State(sandbox): Sandbox, Path(number): Path<String>) -> Answer<Delivery> {
    let number = number.parse().map_err(|_| ControlError::UnknownDelivery)?;
    sandbox.replay(number).await.map(Json)
}

async fn idle(State(sandbox): Sandbox, query: Query) -> Answer<Idleness> {
    if query.wait.is_zero() {
        return Ok(Json(sandbox.idleness()));
    }
    let waited = if query.finished {
        sandbox.finished(query.wait).await
    } else {
        sandbox.idle(query.wait).await
    };
    waited.map(Json)
}
