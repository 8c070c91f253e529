//! What every request passes on its way to a handler, outermost first: is it a call at all (gRPC,
//! or gRPC-Web, from an origin that may), its span and measurement, its deadline, and a reason for errors that the library
//! made.

use std::convert::Infallible;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method as HttpMethod, Request, Response, StatusCode, header};
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::cors::CorsLayer;
use tracing::Instrument as _;
use verilane_core::Reason;
use verilane_engine::deadline;

use crate::body::{CallBody, ResponseBody};
use crate::call::{Call, CallInstruments, code_in};
use crate::config::GrpcConfig;
use crate::cors;
use crate::deadline::TimeLimits;
use crate::methods::Methods;
use crate::services::Answer;
use crate::status::{complete, status_of};

/// Takes requests from connections and answers them.
pub(crate) struct Stack<A> {
    services: A,
    methods: Arc<Methods>,
    instruments: Arc<CallInstruments>,
    cors: Option<CorsLayer>,
    config: GrpcConfig,
}

impl<A: Answer> Stack<A> {
    pub(crate) fn new(
        services: A,
        methods: Arc<Methods>,
        origins: &[HeaderValue],
        config: GrpcConfig,
    ) -> Self {
        Self {
            services,
            methods,
            instruments: Arc::new(CallInstruments::new()),
            cors: cors::layer(origins),
            config,
        }
    }

    /// Answers a request of any kind.
    pub(crate) async fn answer(self: Arc<Self>, request: Request<Body>) -> Response<ResponseBody> {
        match Kind::of(&request) {
            Kind::Grpc => self.call(request).await.map(ResponseBody::Grpc),
            Kind::GrpcWeb => {
                let cors = self.cors.clone();
                let calls = service_fn(move |request| {
                    let stack = Arc::clone(&self);
                    async move { Ok::<_, Infallible>(stack.call(request).await) }
                });
                let calls = GrpcWebLayer::new().layer(calls);
                let Ok(answer) = match cors {
                    Some(cors) => cors.layer(calls).oneshot(request).await,
                    None => calls.oneshot(request).await,
                };
                answer.map(ResponseBody::Other)
            }
            Kind::Preflight => {
                let refused = service_fn(async |_| {
                    Ok::<_, Infallible>(no_call(StatusCode::METHOD_NOT_ALLOWED))
                });
                let Ok(answer) = match self.cors.clone() {
                    Some(cors) => cors.layer(refused).oneshot(request).await,
                    None => refused.oneshot(request).await,
                };
                answer.map(ResponseBody::Other)
            }
            Kind::NoCall(status) => no_call(status).map(ResponseBody::Other),
        }
    }

    /// Answers a gRPC call.
    async fn call(&self, request: Request<Body>) -> Response<CallBody> {
        let method = self.methods.get_or_unknown(request.uri().path());
        let limits = TimeLimits::of(
            request.headers(),
            self.config.default_deadline,
            self.config.max_deadline,
        );
        let mut call = Call::begin(&self.instruments, method, request.headers());
        let handled = self.services.call(request).instrument(call.span().clone());
        // What is asked of a provider for this call must not take longer than it either.
        let deadline = Instant::now() + limits.to_begin;
        let handled = deadline::within(deadline, handled);
        let answer = match tokio::time::timeout_at(deadline, handled).await {
            Ok(answer) => with_reason(answer),
            Err(_elapsed) => status_of(Reason::DeadlineExceeded).into_http(),
        };
        if code_in(answer.headers()).is_some() {
            call.finish_with(answer.headers());
        }
        let to_end = limits.to_end.filter(|_| method.is_stream);
        answer.map(|body| CallBody::new(body, call, to_end))
    }
}

fn no_call(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

/// What a request is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Grpc,
    GrpcWeb,
    /// A browser's question on behalf of a page.
    Preflight,
    NoCall(StatusCode),
}

impl Kind {
    fn of<B>(request: &Request<B>) -> Self {
        let content_type = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value: &HeaderValue| value.to_str().ok())
            .unwrap_or_default();
        if cors::is_preflight(request) {
            return Self::Preflight;
        }
        if request.method() != HttpMethod::POST {
            return Self::NoCall(StatusCode::METHOD_NOT_ALLOWED);
        }
        let Some(rest) = content_type.strip_prefix("application/grpc") else {
            return Self::NoCall(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        };
        if rest.starts_with("-web") {
            // What is not one of its four types is refused by the layer, as a call over HTTP/1 is.
            Self::GrpcWeb
        } else if request.version() == http::Version::HTTP_2 {
            match rest.strip_prefix("+proto").unwrap_or(rest) {
                "" => Self::Grpc,
                parameters if parameters.starts_with(';') => Self::Grpc,
                _ => Self::NoCall(StatusCode::UNSUPPORTED_MEDIA_TYPE),
            }
        } else {
            Self::NoCall(StatusCode::HTTP_VERSION_NOT_SUPPORTED)
        }
    }
}

/// Completes an error that the library made, as it stands in an answer without a body.
fn with_reason(mut answer: Response<Body>) -> Response<Body> {
    let bare = Status::from_header_map(answer.headers());
    if let Some(whole) = bare.as_ref().and_then(complete) {
        let headers: &mut HeaderMap = answer.headers_mut();
        // Fails only if a message can't be written as a header; then the bare one stays.
        let _ = whole.add_header(headers);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(method: &str, version: http::Version, content_type: &str) -> Kind {
        let request = Request::builder()
            .method(method)
            .version(version)
            .header(header::CONTENT_TYPE, content_type)
            .body(())
            .unwrap();
        Kind::of(&request)
    }

    #[test]
    fn only_grpc_over_http2_and_grpc_web_are_calls() {
        let h2 = http::Version::HTTP_2;
        let h1 = http::Version::HTTP_11;
        assert_eq!(kind("POST", h2, "application/grpc"), Kind::Grpc);
        assert_eq!(kind("POST", h2, "application/grpc+proto"), Kind::Grpc);
        assert_eq!(kind("POST", h2, "application/grpc;x=y"), Kind::Grpc);
        assert_eq!(
            kind("POST", h1, "application/grpc-web+proto"),
            Kind::GrpcWeb
        );
        assert_eq!(kind("POST", h2, "application/grpc-web-text"), Kind::GrpcWeb);
        for refused in [
            kind("GET", h2, "application/grpc"),
            kind("POST", h1, "application/grpc"),
            kind("POST", h2, "application/grpc+json"),
            kind("POST", h2, "application/grpcx"),
            kind("POST", h2, "text/plain"),
        ] {
            assert!(matches!(refused, Kind::NoCall(_)), "{refused:?}");
        }
    }
}
