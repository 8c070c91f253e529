//! The span and the measurement of one request, under the semantic conventions for HTTP clients.
//!
//! They name the host and the template of the path; neither path, query, header nor body. A host that the
//! connection's rules do not allow is somebody else's text, and is not named.

use std::time::Duration;

use http::Method;
use reqwest::Url;
use tracing::Span;
use verilane_core::ConnectionName;
use verilane_telemetry::instruments::{Histogram, KeyValue};
use verilane_telemetry::{attribute, metric, span, value};

use super::error::{Answer, HttpError};

/// Makes spans and measurements for one connection.
pub(super) struct Observer {
    connection: ConnectionName,
    duration: Histogram<f64>,
}

/// A request under way.
pub(super) struct Observed<'a> {
    observer: &'a Observer,
    span: Span,
    attributes: Vec<KeyValue>,
}

impl Observer {
    pub(super) fn new(connection: &ConnectionName) -> Self {
        Self {
            connection: connection.clone(),
            duration: metric::HTTP_CLIENT_REQUEST_DURATION.instrument(),
        }
    }

    /// Begins with a request. `permitted`: whether it may be sent where its URL says.
    pub(super) fn begin(
        &self,
        method: &Method,
        url: &Url,
        template: &'static str,
        permitted: bool,
    ) -> Observed<'_> {
        let method = known(method);
        let host = url.host_str().filter(|_| permitted);
        let port = url.port_or_known_default().filter(|_| permitted);
        let scheme = if url.scheme() == "http" {
            "http"
        } else {
            "https"
        };
        let span = tracing::info_span!(
            span::HTTP_REQUEST,
            { attribute::OTEL_NAME } = method,
            { attribute::OTEL_KIND } = value::span_kind::CLIENT,
            { attribute::OTEL_STATUS_CODE } = tracing::field::Empty,
            { attribute::HTTP_REQUEST_METHOD } = method,
            { attribute::SERVER_ADDRESS } = host,
            { attribute::SERVER_PORT } = port,
            { attribute::URL_SCHEME } = scheme,
            { attribute::URL_TEMPLATE } = template,
            { attribute::CONNECTION } = self.connection.as_str(),
            { attribute::HTTP_RESPONSE_STATUS_CODE } = tracing::field::Empty,
            { attribute::ERROR_TYPE } = tracing::field::Empty,
        );
        let mut attributes = vec![
            KeyValue::new(attribute::HTTP_REQUEST_METHOD, method),
            KeyValue::new(attribute::URL_SCHEME, scheme),
            KeyValue::new(attribute::URL_TEMPLATE, template),
            KeyValue::new(attribute::CONNECTION, self.connection.to_string()),
        ];
        let host = host.map(|host| KeyValue::new(attribute::SERVER_ADDRESS, host.to_owned()));
        let port = port.map(|port| KeyValue::new(attribute::SERVER_PORT, i64::from(port)));
        attributes.extend(host.into_iter().chain(port));
        Observed {
            observer: self,
            span,
            attributes,
        }
    }
}

impl Observed<'_> {
    pub(super) const fn span(&self) -> &Span {
        &self.span
    }

    pub(super) fn end(mut self, took: Duration, outcome: &Result<Answer, HttpError>) {
        let (status, failure) = match outcome {
            Ok(answer) => (Some(answer.status()), None),
            Err(HttpError::Answered(answer)) => {
                (Some(answer.status()), Some(answer.status().to_string()))
            }
            Err(other) => (None, Some(word(other).to_owned())),
        };
        if let Some(status) = status {
            self.span
                .record(attribute::HTTP_RESPONSE_STATUS_CODE, status);
            self.attributes.push(KeyValue::new(
                attribute::HTTP_RESPONSE_STATUS_CODE,
                i64::from(status),
            ));
        }
        if let Some(failure) = failure {
            self.span
                .record(attribute::OTEL_STATUS_CODE, value::STATUS_ERROR);
            self.span.record(attribute::ERROR_TYPE, failure.as_str());
            self.attributes
                .push(KeyValue::new(attribute::ERROR_TYPE, failure));
        }
        self.observer
            .duration
            .record(took.as_secs_f64(), &self.attributes);
    }
}

const fn word(error: &HttpError) -> &'static str {
    match error {
        HttpError::Forbidden(_) => "forbidden",
        HttpError::NotSent => "not_sent",
        HttpError::Unclear => "unclear",
        HttpError::Answered(_) => value::OTHER,
        HttpError::TooLarge => "too_large",
        HttpError::Unusable => "unusable",
    }
}

fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::PATCH => "PATCH",
        _ => value::OTHER,
    }
}
