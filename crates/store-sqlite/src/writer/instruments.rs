//! What the writer shows of itself.

use std::time::Instant;

use tracing::Span;
use tracing::field::Empty;
use verilane_core::{Committed, Sequence};
use verilane_store::CommitError;
use verilane_telemetry::instruments::{Counter, Histogram, KeyValue};
use verilane_telemetry::value::outcome;
use verilane_telemetry::{attribute, metric, span};

/// The writer's instruments.
pub(super) struct Instruments {
    batch_size: Histogram<f64>,
    duration: Histogram<f64>,
    changes: Counter<u64>,
    ok: [KeyValue; 1],
    conflict: [KeyValue; 1],
    error: [KeyValue; 1],
}

impl Instruments {
    pub(super) fn new() -> Self {
        let outcome = |value: &'static str| [KeyValue::new(attribute::OUTCOME, value)];
        Self {
            batch_size: metric::STORE_COMMIT_BATCH_SIZE.instrument(),
            duration: metric::STORE_COMMIT_DURATION.instrument(),
            changes: metric::STORE_CHANGES.instrument(),
            ok: outcome(outcome::OK),
            conflict: outcome(outcome::CONFLICT),
            error: outcome(outcome::ERROR),
        }
    }

    /// The span of one transaction.
    pub(super) fn span(&self, changes: usize) -> Span {
        self.batch_size.record(count(changes), &[]);
        tracing::info_span!(
            parent: None,
            span::STORE_COMMIT,
            { attribute::BATCH_SIZE } = changes,
            { attribute::SEQUENCE } = Empty,
            { attribute::OUTCOME } = Empty,
        )
    }

    pub(super) fn committed(&self, span: &Span, began: Instant, last: Sequence) {
        self.duration
            .record(began.elapsed().as_secs_f64(), &self.ok);
        span.record(attribute::SEQUENCE, last.0);
        span.record(attribute::OUTCOME, outcome::OK);
    }

    pub(super) fn failed(&self, span: &Span, began: Instant) {
        self.duration
            .record(began.elapsed().as_secs_f64(), &self.error);
        span.record(attribute::OUTCOME, outcome::ERROR);
    }

    /// Counts what was decided on.
    pub(super) fn decided<'o>(
        &self,
        outcomes: impl Iterator<Item = &'o Result<Committed, CommitError>>,
    ) {
        let (mut ok, mut conflict, mut error) = (0, 0, 0);
        for outcome in outcomes {
            match outcome {
                Ok(_) => ok += 1,
                Err(CommitError::Conflict(_)) => conflict += 1,
                Err(_) => error += 1,
            }
        }
        let counts = [
            (ok, &self.ok),
            (conflict, &self.conflict),
            (error, &self.error),
        ];
        for (count, attributes) in counts {
            if count > 0 {
                self.changes.add(count, attributes);
            }
        }
    }

    /// Counts changes that a failure of the database kept from being decided on.
    pub(super) fn lost(&self, changes: usize) {
        self.changes.add(changes as u64, &self.error);
    }
}

fn count(changes: usize) -> f64 {
    u32::try_from(changes).map_or(f64::MAX, f64::from)
}
