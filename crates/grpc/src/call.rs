//! One call as operators see it: a span from its headers to its trailers, and one measurement when
//! it ends.
//!
//! Invariant: a call is recorded exactly once, however it ends. One that is dropped before its end
//! was cancelled by its caller, or cut with its connection.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;
use tonic::{Code, Status};
use tracing::Span;
use tracing::field::Empty;
use verilane_telemetry::instruments::{Histogram, KeyValue};
use verilane_telemetry::{attribute, metric, propagation, span, value};

use crate::code::name_of;
use crate::methods::Method;

/// What calls are measured with.
#[derive(Clone, Debug)]
pub(crate) struct CallInstruments {
    duration: Histogram<f64>,
}

impl CallInstruments {
    /// Made once, after telemetry is set up.
    pub(crate) fn new() -> Self {
        Self {
            duration: metric::RPC_SERVER_CALL_DURATION.instrument(),
        }
    }
}

/// A call under way. Recorded when it is finished, or dropped.
#[derive(Debug)]
pub(crate) struct Call {
    instruments: Arc<CallInstruments>,
    method: Arc<str>,
    begin: Instant,
    span: Span,
    is_recorded: bool,
}

impl Call {
    /// Begins a call of `method`, as part of the trace that its headers name.
    pub(crate) fn begin(
        instruments: &Arc<CallInstruments>,
        method: &Method,
        headers: &HeaderMap,
    ) -> Self {
        let span = tracing::info_span!(
            span::RPC,
            { attribute::OTEL_NAME } = &*method.name,
            { attribute::OTEL_KIND } = value::span_kind::SERVER,
            { attribute::OTEL_STATUS_CODE } = Empty,
            { attribute::RPC_SYSTEM_NAME } = value::RPC_SYSTEM_GRPC,
            { attribute::RPC_METHOD } = &*method.name,
            { attribute::RPC_RESPONSE_STATUS_CODE } = Empty,
            { attribute::ERROR_TYPE } = Empty,
            { attribute::VERIFICATION_ID } = Empty,
            { attribute::CONNECTION } = Empty,
            { attribute::REASON } = Empty,
        );
        propagation::set_parent(&span, headers);
        Self {
            instruments: Arc::clone(instruments),
            method: Arc::clone(&method.name),
            begin: Instant::now(),
            span,
            is_recorded: false,
        }
    }

    /// The call's span.
    pub(crate) const fn span(&self) -> &Span {
        &self.span
    }

    /// The call has ended with this code.
    pub(crate) fn finish(&mut self, code: Code) {
        if std::mem::replace(&mut self.is_recorded, true) {
            return;
        }
        let name = name_of(code);
        let is_our_fault = value::RPC_SERVER_ERRORS.contains(&name);
        self.span.record(attribute::RPC_RESPONSE_STATUS_CODE, name);
        let mut labels = vec![
            KeyValue::new(attribute::RPC_SYSTEM_NAME, value::RPC_SYSTEM_GRPC),
            KeyValue::new(attribute::RPC_METHOD, Arc::clone(&self.method)),
            KeyValue::new(attribute::RPC_RESPONSE_STATUS_CODE, name),
        ];
        if is_our_fault {
            self.span.record(attribute::ERROR_TYPE, name);
            self.span
                .record(attribute::OTEL_STATUS_CODE, value::STATUS_ERROR);
            labels.push(KeyValue::new(attribute::ERROR_TYPE, name));
        }
        let elapsed: Duration = self.begin.elapsed();
        self.instruments
            .duration
            .record(elapsed.as_secs_f64(), &labels);
        let _entered = self.span.enter();
        if is_our_fault {
            tracing::warn!(
                { attribute::RPC_RESPONSE_STATUS_CODE } = name,
                "call failed"
            );
        } else {
            tracing::debug!({ attribute::RPC_RESPONSE_STATUS_CODE } = name, "call ended");
        }
    }

    /// The call has ended as these trailers, or headers without a body, say.
    pub(crate) fn finish_with(&mut self, trailers: &HeaderMap) {
        self.finish(code_in(trailers).unwrap_or(Code::Unknown));
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.finish(Code::Cancelled);
    }
}

/// The code in trailers, or in the headers of an answer that is nothing but trailers.
pub(crate) fn code_in(headers: &HeaderMap) -> Option<Code> {
    headers
        .get(Status::GRPC_STATUS)
        .map(|value| Code::from_bytes(value.as_bytes()))
}
