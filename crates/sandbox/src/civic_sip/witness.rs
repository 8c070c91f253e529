//! What stands before each of Civic's endpoints: it has faults befall a call, and keeps the ledger.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::exchange::code_of;
use super::scenario::CivicSipEndpoint;
use crate::handle::SandboxHandle;
use crate::scenario::AnswerTrouble;
use crate::troubled::befall;
use crate::wire::Wire;

/// The most bytes that a request's body may have.
const BODY_LIMIT: usize = 64 * 1024;

/// The place of a call in the ledger, for the endpoint that judges it.
#[derive(Clone, Debug, Default)]
pub struct Entry(u64);

impl Entry {
    /// The number.
    pub const fn number(&self) -> u64 {
        self.0
    }
}

/// The object that a path of storage names.
fn object(path: &str) -> Option<&str> {
    path.strip_prefix("/civic-sip/storage/")
}

/// What an answer that a fault makes up says, where the fault does not.
fn worded(trouble: Option<AnswerTrouble>) -> Option<AnswerTrouble> {
    let Some(AnswerTrouble::Http {
        code,
        retry_after,
        text,
        handled,
    }) = trouble
    else {
        return trouble;
    };
    let message = match code {
        401 => "Unauthorized",
        403 => "Forbidden",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        504 => "Endpoint request timed out",
        500.. => "Internal server error",
        _ => "Bad Request",
    };
    Some(AnswerTrouble::Http {
        code,
        retry_after,
        text: match text.is_empty() {
            true => json!({ "message": message }).to_string(),
            false => text,
        },
        handled,
    })
}

/// Passes a call on to its endpoint, with what goes wrong with it.
pub async fn witness(
    State(sandbox): State<SandboxHandle>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        let body = json!({ "message": "Request Too Long" });
        return (StatusCode::PAYLOAD_TOO_LARGE, Json(body)).into_response();
    };
    let (endpoint, name) = match object(parts.uri.path()) {
        Some(object) => (CivicSipEndpoint::Storage, Some(object.to_owned())),
        None => (CivicSipEndpoint::Exchange, code_of(&body)),
    };
    let authorization = parts.headers.contains_key(header::AUTHORIZATION);
    let civic_sip = &sandbox.0.civic_sip;
    let (trouble, number, is_down) = civic_sip.change(|world, now| {
        let request = name.and_then(|name| world.request_of(&name));
        let is_down = world.is_down(now);
        let trouble = match is_down {
            true => None,
            false => worded(world.trouble(endpoint, request.as_deref())),
        };
        let seen = trouble.clone();
        let number = world
            .ledger
            .open(endpoint, request, seen, authorization, now);
        (trouble, number, is_down)
    });
    parts.extensions.insert(Entry(number));
    let response = if is_down {
        wire.cut()
    } else {
        let go_down = |seconds| civic_sip.change(|world, now| world.go_down(seconds, now));
        let handled = next.run(Request::from_parts(parts, Body::from(body)));
        befall(trouble, &sandbox.0, &wire, go_down, handled).await
    };
    let code = (!wire.is_cut()).then(|| response.status().as_u16());
    civic_sip.change(|world, _| world.ledger.close(number, code));
    response
}
