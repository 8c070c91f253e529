//! Civic's part of the control API: the handle's calls as JSON over HTTP, under
//! `/control/civic-pass/`.

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::api::host;
use super::partner::CivicPassPartner;
use super::request::{PiiOrder, PiiRequestView};
use super::scenario::CivicPassScenario;
use super::stop::CallStop;
use super::tokens::TokenCount;
use super::world::CivicPassCall;
use crate::control::query::Query;
use crate::control::{Answer, BODY_LIMIT, DownOrder, parsed};
use crate::handle::SandboxHandle;
use crate::scenario::NamedScenario;
use crate::world::ControlError;

type Sandbox = State<SandboxHandle>;

/// The routes.
pub fn router() -> Router<SandboxHandle> {
    let control = Router::new()
        .route("/partner", get(partner))
        .route("/scenarios", get(scenarios))
        .route("/scenario", get(scenario).put(set_scenario))
        .route("/requests", get(requests).post(start))
        .route("/requests/{id}", get(request))
        .route("/requests/{id}/scenario", put(set_request_scenario))
        .route("/requests/{id}/turn", post(turn))
        .route("/requests/{id}/evidence/{rel}", get(evidence))
        .route("/tokens", get(tokens))
        .route("/tokens/revoke", post(revoke))
        .route("/stand-still", post(stand_still))
        .route("/down", post(down))
        .route("/up", post(up))
        .route("/calls", get(calls))
        .layer(DefaultBodyLimit::max(BODY_LIMIT));
    Router::new().nest("/control/civic-pass", control)
}

fn scenario_of(value: Value) -> Result<CivicPassScenario, ControlError> {
    match value {
        Value::String(names) => {
            CivicPassScenario::named(&names).ok_or(ControlError::UnknownScenario)
        }
        whole => serde_json::from_value(whole)
            .map_err(|error| ControlError::Malformed(error.to_string())),
    }
}

/// A scenario inside an order: names, an object, or none.
pub fn scenario_if_any<'de, D: Deserializer<'de>>(
    order: D,
) -> Result<Option<CivicPassScenario>, D::Error> {
    let value = Option::<Value>::deserialize(order)?;
    value
        .map(scenario_of)
        .transpose()
        .map_err(serde::de::Error::custom)
}

async fn partner(State(sandbox): Sandbox, headers: HeaderMap) -> Json<CivicPassPartner> {
    Json(sandbox.civic_pass().partner_seen_as(host(&headers)))
}

async fn scenarios() -> Json<&'static [NamedScenario<CivicPassScenario>]> {
    Json(CivicPassScenario::names())
}

async fn scenario(State(sandbox): Sandbox) -> Json<CivicPassScenario> {
    Json(sandbox.civic_pass().scenario())
}

async fn set_scenario(State(sandbox): Sandbox, body: Bytes) -> Answer<CivicPassScenario> {
    let scenario = scenario_of(parsed(&body)?)?;
    sandbox.civic_pass().set_scenario(scenario.clone());
    Ok(Json(scenario))
}

async fn requests(State(sandbox): Sandbox) -> Json<Vec<PiiRequestView>> {
    Json(sandbox.civic_pass().requests())
}

async fn start(State(sandbox): Sandbox, headers: HeaderMap, body: Bytes) -> Answer<PiiRequestView> {
    let order: PiiOrder = match body.is_empty() {
        true => PiiOrder::default(),
        false => parsed(&body)?,
    };
    sandbox
        .civic_pass()
        .start_seen_as(order, host(&headers))
        .map(Json)
}

async fn request(
    State(sandbox): Sandbox,
    Path(id): Path<String>,
    query: Query,
) -> Answer<PiiRequestView> {
    match query.until {
        Some(word) => sandbox.civic_pass().reached(&id, &word, query.wait).await,
        None => sandbox.civic_pass().request(&id),
    }
    .map(Json)
}

async fn set_request_scenario(
    State(sandbox): Sandbox,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer<PiiRequestView> {
    let scenario = scenario_of(parsed(&body)?)?;
    let set = sandbox.civic_pass().set_request_scenario(&id, scenario);
    set.map(Json)
}

async fn turn(
    State(sandbox): Sandbox,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer<PiiRequestView> {
    sandbox.civic_pass().turn(&id, parsed(&body)?).map(Json)
}

async fn evidence(
    State(sandbox): Sandbox,
    Path((id, rel)): Path<(String, String)>,
) -> Result<Response, ControlError> {
    let picture = sandbox.civic_pass().picture(&id, &rel)?;
    Ok(Body::new(picture).into_response())
}

async fn tokens(State(sandbox): Sandbox) -> Json<TokenCount> {
    Json(sandbox.civic_pass().tokens())
}

async fn revoke(State(sandbox): Sandbox) -> StatusCode {
    sandbox.civic_pass().revoke_tokens();
    StatusCode::NO_CONTENT
}

async fn stand_still(
    State(sandbox): Sandbox,
    query: Query,
    body: Bytes,
) -> Result<StatusCode, ControlError> {
    let stop: CallStop = parsed(&body)?;
    sandbox.civic_pass().stand_still(stop, query.wait).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn down(State(sandbox): Sandbox, body: Bytes) -> Result<StatusCode, ControlError> {
    sandbox
        .civic_pass()
        .go_down(DownOrder::read(&body)?.seconds);
    Ok(StatusCode::NO_CONTENT)
}

async fn up(State(sandbox): Sandbox) -> StatusCode {
    sandbox.civic_pass().come_up();
    StatusCode::NO_CONTENT
}

async fn calls(State(sandbox): Sandbox, query: Query) -> Json<Vec<CivicPassCall>> {
    let civic_pass = sandbox.civic_pass();
    let calls = civic_pass.next_calls(query.after, query.request.as_deref(), query.wait);
    Json(calls.await)
}
