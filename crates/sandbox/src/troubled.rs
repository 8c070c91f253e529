//! What goes wrong with an upstream's own endpoints, done over HTTP.
//!
//! A call is counted and its fault drawn before it takes effect. A connection that "breaks" is
//! closed without another byte; one that breaks "by half" has sent the head of the answer, with the
//! length of the whole, and half of the body.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::bodies::{Dripping, Half};
use crate::handle::SandboxHandle;
use crate::ican;
use crate::scenario::{AnswerTrouble, Endpoint};
use crate::shared::Shared;
use crate::wire::Wire;

/// The most bytes that a request's body may have.
const BODY_LIMIT: usize = 64 * 1024;
/// The most bytes of an answer that drips or breaks: the largest picture.
const ANSWER_LIMIT: usize = 64 * 1024 * 1024;
/// How many pieces a dripping answer comes in.
const PIECES: usize = 10;

#[derive(Deserialize)]
struct AboutUser {
    user: String,
}

/// Whom a call is about, if that can be told: as a canonical Core ID.
fn core_id(body: &[u8]) -> String {
    serde_json::from_slice(body)
        .ok()
        .and_then(|AboutUser { user }| ican::canonical(&user))
        .unwrap_or_default()
}

/// Passes a call on to its endpoint, with what goes wrong with it.
pub async fn troubled(
    State(sandbox): State<SandboxHandle>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let Some(endpoint) = Endpoint::at(parts.uri.path()) else {
        return next.run(Request::from_parts(parts, body.into())).await;
    };
    let (trouble, is_down) = sandbox.0.change(|world, now| {
        if world.is_down(now) {
            return (None, true);
        }
        (world.answer_trouble(endpoint, &core_id(&body)), false)
    });
    if is_down {
        return wire.cut();
    }
    let go_down = |seconds| sandbox.0.change(|world, now| world.go_down(seconds, now));
    let handled = next.run(Request::from_parts(parts, Body::from(body)));
    befall(trouble, &sandbox.0, &wire, go_down, handled).await
}

/// Has a trouble befall a call: `handled` is the call's own answer, once it is waited for, and
/// `go_down` takes the upstream down for so many seconds.
pub async fn befall(
    trouble: Option<AnswerTrouble>,
    shared: &Shared,
    wire: &Wire,
    go_down: impl FnOnce(Option<u64>),
    handled: impl Future<Output = Response>,
) -> Response {
    match trouble {
        None => handled.await,
        Some(AnswerTrouble::Http {
            code,
            retry_after,
            text,
            handled: takes_effect,
        }) => {
            if takes_effect {
                handled.await;
            }
            http(code, retry_after, text)
        }
        Some(AnswerTrouble::Slow { millis }) => {
            shared.pause(Duration::from_millis(millis)).await;
            handled.await
        }
        Some(AnswerTrouble::Dripping { millis }) => {
            let (parts, body) = whole(handled.await).await;
            let pause = Duration::from_millis(millis);
            Response::from_parts(parts, Body::new(Dripping::of(body, PIECES, pause)))
        }
        Some(AnswerTrouble::Silent) => {
            handled.await;
            shared.closed().await;
            wire.cut()
        }
        Some(AnswerTrouble::Half) => {
            let (parts, body) = whole(handled.await).await;
            Response::from_parts(parts, Body::new(Half::of(&body)))
        }
        Some(AnswerTrouble::CutBefore) => wire.cut(),
        Some(AnswerTrouble::CutAfter) => {
            handled.await;
            wire.cut()
        }
        Some(AnswerTrouble::DiesBefore { seconds }) => {
            go_down(seconds);
            wire.cut()
        }
        Some(AnswerTrouble::DiesAfter { seconds }) => {
            handled.await;
            go_down(seconds);
            wire.cut()
        }
    }
}

fn http(code: u16, retry_after: Option<u64>, text: String) -> Response {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let is_json = text.starts_with('{');
    let mut response = (code, text).into_response();
    if is_json {
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
    }
    if let Some(seconds) = retry_after {
        let value = HeaderValue::from(seconds);
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

/// The answer's bytes; the length that was set by then is the whole's.
async fn whole(response: Response) -> (axum::http::response::Parts, Bytes) {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, ANSWER_LIMIT).await.unwrap_or_default();
    (parts, body)
}
