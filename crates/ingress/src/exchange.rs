//! One request as operators see it: a span from its headers to its answer, and one measurement.
//!
//! Invariants: it is recorded exactly once, however it ends; it is named by its route, never by its
//! path. It begins a trace of its own: what a stranger's headers say about traces is not believed.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{Method, StatusCode};
use tracing::Span;
use tracing::field::Empty;
use verilane_telemetry::instruments::{Histogram, KeyValue};
use verilane_telemetry::{attribute, metric, span, value};

/// The scheme that is spoken here. Whoever ends TLS in front of it is not seen.
const SCHEME: &str = "http";

/// What stands for a status where the client was gone before it was answered.
const GONE: &str = "cancelled";

/// What requests are measured with.
#[derive(Debug)]
pub(crate) struct Exchanges {
    duration: Histogram<f64>,
}

impl Exchanges {
    /// Made once, after telemetry is set up.
    pub(crate) fn new() -> Self {
        Self {
            duration: metric::HTTP_SERVER_REQUEST_DURATION.instrument(),
        }
    }
}

/// Wraps every request, whether or not it has a route.
pub(crate) async fn observe(
    State(exchanges): State<Arc<Exchanges>>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let mut exchange = Exchange::begin(exchanges, request.method(), route);
    let span = exchange.span.clone();
    let answer = tracing::Instrument::instrument(next.run(request), span).await;
    exchange.finish(Some(answer.status()));
    answer
}

struct Exchange {
    exchanges: Arc<Exchanges>,
    method: &'static str,
    route: Option<String>,
    begin: Instant,
    span: Span,
    is_recorded: bool,
}

impl Exchange {
    fn begin(exchanges: Arc<Exchanges>, method: &Method, route: Option<MatchedPath>) -> Self {
        let method = known(method);
        let route = route.map(|route| route.as_str().to_owned());
        let name = match &route {
            Some(route) => format!("{method} {route}"),
            None => method.to_owned(),
        };
        let span = tracing::info_span!(
            parent: None,
            span::CALLBACK,
            { attribute::OTEL_NAME } = name,
            { attribute::OTEL_KIND } = value::span_kind::SERVER,
            { attribute::OTEL_STATUS_CODE } = Empty,
            { attribute::HTTP_REQUEST_METHOD } = method,
            { attribute::HTTP_ROUTE } = route.as_deref(),
            { attribute::URL_SCHEME } = SCHEME,
            { attribute::HTTP_RESPONSE_STATUS_CODE } = Empty,
            { attribute::ERROR_TYPE } = Empty,
            { attribute::CONNECTION } = Empty,
            { attribute::CALLBACK_CHANNEL } = Empty,
            { attribute::CALLBACK_BODY_SIZE } = Empty,
            { attribute::CALLBACK_VERDICT } = Empty,
            { attribute::REASON } = Empty,
            { attribute::VERIFICATION_ID } = Empty,
        );
        Self {
            exchanges,
            method,
            route,
            begin: Instant::now(),
            span,
            is_recorded: false,
        }
    }

    /// The request has ended with this status, or without one.
    fn finish(&mut self, status: Option<StatusCode>) {
        if std::mem::replace(&mut self.is_recorded, true) {
            return;
        }
        let mut labels = vec![
            KeyValue::new(attribute::HTTP_REQUEST_METHOD, self.method),
            KeyValue::new(attribute::URL_SCHEME, SCHEME),
        ];
        if let Some(route) = self.route.take() {
            labels.push(KeyValue::new(attribute::HTTP_ROUTE, route));
        }
        if let Some(status) = status {
            let status = status.as_u16();
            self.span
                .record(attribute::HTTP_RESPONSE_STATUS_CODE, status);
            labels.push(KeyValue::new(
                attribute::HTTP_RESPONSE_STATUS_CODE,
                i64::from(status),
            ));
        }
        // What a client does wrong is no failure of this side.
        let failure = match status {
            Some(status) if status.is_server_error() => Some(status.as_str().to_owned()),
            Some(_) => None,
            None => Some(GONE.to_owned()),
        };
        if let Some(failure) = failure {
            self.span.record(attribute::ERROR_TYPE, failure.as_str());
            if status.is_some() {
                self.span
                    .record(attribute::OTEL_STATUS_CODE, value::STATUS_ERROR);
            }
            labels.push(KeyValue::new(attribute::ERROR_TYPE, failure));
        }
        self.exchanges
            .duration
            .record(self.begin.elapsed().as_secs_f64(), &labels);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.finish(None);
    }
}

/// The method's name, so that no stranger's invention grows a metric.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::CONNECT => "CONNECT",
        Method::DELETE => "DELETE",
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::TRACE => "TRACE",
        _ => value::OTHER,
    }
}
