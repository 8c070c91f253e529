//! Which pages may call over gRPC-Web from another origin, as browsers ask for it (CORS).
//!
//! Kept: a browser is told nothing unless the origin is one of those that were named, each by itself.
//! No cookie and no other thing that a browser would add by itself is asked for.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, Request, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// For how long a browser may remember what it was told: the most that any of them takes.
const REMEMBERED: Duration = Duration::from_secs(7_200);

/// What a page may send along.
const ASKED: [HeaderName; 9] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    HeaderName::from_static("grpc-accept-encoding"),
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-timeout"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("x-grpc-web"),
    HeaderName::from_static("x-user-agent"),
];

/// What a page may read, beside the body: how a call without one has ended.
const ANSWERED: [HeaderName; 4] = [
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-status-details-bin"),
];

/// What answers browsers, if any origin is allowed.
pub(crate) fn layer(origins: &[HeaderValue]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_methods([Method::POST])
        .allow_headers(ASKED)
        .expose_headers(ANSWERED)
        .max_age(REMEMBERED);
    Some(layer)
}

/// Whether a browser asks here what a page may do, before it lets the page do it.
pub(crate) fn is_preflight<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}
