//! Civic SIP's part of the control API: the popup, the phone and the ledger as JSON over HTTP, under
//! `/control/civic-sip/`.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::api::host;
use super::application::CivicSipApplication;
use super::ledger::CivicSipCall;
use super::scenario::CivicSipScenario;
use super::scope_request::{CivicSipEvent, ScopeOrder, ScopeRequestView, ScopeState};
use crate::control::query::Query;
use crate::control::{Answer, BODY_LIMIT, DownOrder, parsed};
use crate::handle::SandboxHandle;
use crate::scenario::{AnswerTrouble, NamedScenario};
use crate::world::ControlError;

type Sandbox = State<SandboxHandle>;

/// The routes.
pub fn router() -> Router<SandboxHandle> {
    let control = Router::new()
        .route("/application", get(application))
        .route("/scenarios", get(scenarios))
        .route("/scenario", get(scenario).put(set_scenario))
        .route("/requests", get(requests).post(open))
        .route("/requests/{id}", get(request))
        .route("/requests/{id}/scenario", put(set_request_scenario))
        .route("/requests/{id}/read", post(read))
        .route("/requests/{id}/approve", post(approve))
        .route("/requests/{id}/cancel", post(cancel))
        .route("/requests/{id}/error", post(fail))
        .route("/requests/{id}/data", get(clear_text))
        .route("/approvals", post(approvals))
        .route("/troubles", post(befall))
        .route("/down", post(down))
        .route("/up", post(up))
        .route("/calls", get(calls))
        .layer(DefaultBodyLimit::max(BODY_LIMIT));
    Router::new().nest("/control/civic-sip", control)
}

fn scenario_of(value: Value) -> Result<CivicSipScenario, ControlError> {
    match value {
        Value::String(names) => {
            CivicSipScenario::named(&names).ok_or(ControlError::UnknownScenario)
        }
        whole => serde_json::from_value(whole)
            .map_err(|error| ControlError::Malformed(error.to_string())),
    }
}

/// A scenario inside an order: names, an object, or none.
pub fn scenario_if_any<'de, D: Deserializer<'de>>(
    order: D,
) -> Result<Option<CivicSipScenario>, D::Error> {
    let value = Option::<Value>::deserialize(order)?;
    value
        .map(scenario_of)
        .transpose()
        .map_err(serde::de::Error::custom)
}

/// An order out of a body that may be empty.
fn order<T: Default + DeserializeOwned>(body: &[u8]) -> Result<T, ControlError> {
    match body.is_empty() {
        true => Ok(T::default()),
        false => parsed(body),
    }
}

async fn application(State(sandbox): Sandbox, headers: HeaderMap) -> Json<CivicSipApplication> {
    Json(sandbox.civic_sip().application_seen_as(host(&headers)))
}

async fn scenarios() -> Json<&'static [NamedScenario<CivicSipScenario>]> {
    Json(CivicSipScenario::names())
}

async fn scenario(State(sandbox): Sandbox) -> Json<CivicSipScenario> {
    Json(sandbox.civic_sip().scenario())
}

async fn set_scenario(State(sandbox): Sandbox, body: Bytes) -> Answer<CivicSipScenario> {
    let scenario = scenario_of(parsed(&body)?)?;
    sandbox.civic_sip().set_scenario(scenario.clone());
    Ok(Json(scenario))
}

async fn requests(State(sandbox): Sandbox) -> Json<Vec<ScopeRequestView>> {
    Json(sandbox.civic_sip().requests())
}

async fn open(State(sandbox): Sandbox, body: Bytes) -> Answer<ScopeRequestView> {
    let order: ScopeOrder = order(&body)?;
    Ok(Json(sandbox.civic_sip().open(order)))
}

async fn request(
    State(sandbox): Sandbox,
    Path(id): Path<String>,
    query: Query,
) -> Answer<ScopeRequestView> {
    match query.until {
        Some(word) => {
            let state = ScopeState::named(&word).ok_or(ControlError::UnknownStatus)?;
            sandbox.civic_sip().reached(&id, state, query.wait).await
        }
        None => sandbox.civic_sip().request(&id),
    }
    .map(Json)
}

async fn set_request_scenario(
    State(sandbox): Sandbox,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer<ScopeRequestView> {
    let scenario = scenario_of(parsed(&body)?)?;
    let set = sandbox.civic_sip().set_request_scenario(&id, scenario);
    set.map(Json)
}

async fn read(State(sandbox): Sandbox, Path(id): Path<String>) -> Answer<CivicSipEvent> {
    sandbox.civic_sip().read(&id).map(Json)
}

async fn approve(
    State(sandbox): Sandbox,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer<CivicSipEvent> {
    let approved = sandbox.civic_sip().approve_seen_as(&id, host(&headers));
    approved.map(Json)
}

async fn cancel(State(sandbox): Sandbox, Path(id): Path<String>) -> Answer<CivicSipEvent> {
    sandbox.civic_sip().cancel(&id).map(Json)
}

async fn fail(
    State(sandbox): Sandbox,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer<CivicSipEvent> {
    sandbox.civic_sip().fail(&id, &parsed(&body)?).map(Json)
}

async fn clear_text(
    State(sandbox): Sandbox,
    Path(id): Path<String>,
) -> Result<Response, ControlError> {
    let text = sandbox.civic_sip().clear_text(&id)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// The popup and the phone in one call.
async fn approvals(
    State(sandbox): Sandbox,
    headers: HeaderMap,
    body: Bytes,
) -> Answer<CivicSipEvent> {
    let civic_sip = sandbox.civic_sip();
    let opened = civic_sip.open(order(&body)?);
    let approved = civic_sip.approve_seen_as(&opened.id, host(&headers));
    approved.map(Json)
}

async fn befall(State(sandbox): Sandbox, body: Bytes) -> Result<StatusCode, ControlError> {
    let troubles: Vec<AnswerTrouble> = parsed(&body)?;
    sandbox.civic_sip().befall(troubles)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn down(State(sandbox): Sandbox, body: Bytes) -> Result<StatusCode, ControlError> {
    sandbox.civic_sip().go_down(DownOrder::read(&body)?.seconds);
    Ok(StatusCode::NO_CONTENT)
}

async fn up(State(sandbox): Sandbox) -> StatusCode {
    sandbox.civic_sip().come_up();
    StatusCode::NO_CONTENT
}

async fn calls(State(sandbox): Sandbox, query: Query) -> Json<Vec<CivicSipCall>> {
    let civic_sip = sandbox.civic_sip();
    let calls = civic_sip.next_calls(query.after, query.request.as_deref(), query.wait);
    Json(calls.await)
}
