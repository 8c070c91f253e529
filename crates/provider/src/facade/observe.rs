//! The span and the measurement of one call of a plug-in.

use std::time::Instant;

use tracing::Span;
use verilane_core::{ConnectionName, ProviderName};
use verilane_telemetry::instruments::{Histogram, KeyValue};
use verilane_telemetry::value::{outcome, span_kind};
use verilane_telemetry::{attribute, metric, span, value};

use super::retry::Repeats;
use crate::{Brake, ProviderError};

/// Which of a plug-in's methods.
#[derive(Clone, Copy)]
pub(super) enum Operation {
    CheckAvailability,
    History,
    Start,
    ReadCallback,
    ReadUnsigned,
    Revalidate,
    Look,
    FetchEvidence,
    TellDecision,
    Exchange,
    FetchExchanged,
    ReadExchanged,
}

impl Operation {
    /// What repeating it can do at the provider.
    pub(super) const fn repeats(self) -> Repeats {
        match self {
            Self::Start | Self::TellDecision | Self::Exchange => Repeats::IfItNeverLeft,
            Self::CheckAvailability
            | Self::History
            | Self::ReadCallback
            | Self::ReadUnsigned
            | Self::Revalidate
            | Self::Look
            | Self::FetchEvidence
            | Self::FetchExchanged
            | Self::ReadExchanged => Repeats::Freely,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::CheckAvailability => "check_availability",
            Self::History => "history",
            Self::Start => "start",
            Self::ReadCallback => "read_callback",
            Self::ReadUnsigned => "read_unsigned",
            Self::Revalidate => "revalidate",
            Self::Look => "look",
            Self::FetchEvidence => "fetch_evidence",
            Self::TellDecision => "tell_decision",
            Self::Exchange => "exchange",
            Self::FetchExchanged => "fetch_exchanged",
            Self::ReadExchanged => "read_exchanged",
        }
    }
}

/// Makes spans and measurements for one connection.
pub(super) struct Observer {
    connection: ConnectionName,
    provider: ProviderName,
    duration: Histogram<f64>,
}

/// A call under way.
pub(super) struct Observed<'a> {
    observer: &'a Observer,
    operation: Operation,
    span: Span,
    begun: Instant,
}

impl Observer {
    pub(super) fn new(connection: &ConnectionName, provider: &ProviderName) -> Self {
        Self {
            connection: connection.clone(),
            provider: provider.clone(),
            duration: metric::PROVIDER_CALL_DURATION.instrument(),
        }
    }

    pub(super) fn begin(&self, operation: Operation) -> Observed<'_> {
        let span = tracing::info_span!(
            span::PROVIDER_CALL,
            { attribute::OTEL_KIND } = span_kind::INTERNAL,
            { attribute::OTEL_STATUS_CODE } = tracing::field::Empty,
            { attribute::CONNECTION } = self.connection.as_str(),
            { attribute::PROVIDER } = self.provider.as_str(),
            { attribute::PROVIDER_OPERATION } = operation.as_str(),
            { attribute::ERROR_TYPE } = tracing::field::Empty,
        );
        Observed {
            observer: self,
            operation,
            span,
            begun: Instant::now(),
        }
    }
}

impl Observed<'_> {
    pub(super) const fn span(&self) -> &Span {
        &self.span
    }

    /// Ends with a word for the failure, or without one.
    pub(super) fn end(self, failure: Option<&'static str>) {
        let outcome = if let Some(failure) = failure {
            self.span
                .record(attribute::OTEL_STATUS_CODE, value::STATUS_ERROR);
            self.span.record(attribute::ERROR_TYPE, failure);
            outcome::ERROR
        } else {
            outcome::OK
        };
        self.observer.duration.record(
            self.begun.elapsed().as_secs_f64(),
            &[
                KeyValue::new(attribute::CONNECTION, self.observer.connection.to_string()),
                KeyValue::new(attribute::PROVIDER, self.observer.provider.to_string()),
                KeyValue::new(attribute::PROVIDER_OPERATION, self.operation.as_str()),
                KeyValue::new(attribute::OUTCOME, outcome),
            ],
        );
    }
}

/// A word for a failure, for spans.
pub(super) const fn word(error: &ProviderError) -> &'static str {
    match error {
        ProviderError::NotSent => "not_sent",
        ProviderError::Unclear => "unclear",
        ProviderError::Busy { .. } => "busy",
        ProviderError::Overloaded { .. } => "overloaded",
        ProviderError::HeldBack { by, .. } => match by {
            Brake::Circuit => "circuit_open",
            Brake::Budget => "budget_used_up",
            Brake::Deadline => "deadline_passed",
        },
        ProviderError::Refused { reason, .. } => reason.code(),
        ProviderError::InvalidAnswer(_) => "invalid_answer",
    }
}
