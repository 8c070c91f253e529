//! The engine's instruments. Names, units and buckets are said in `verilane-telemetry`.

use verilane_core::{Change, ConnectionName, EventKind, Reason, VerificationId};
use verilane_telemetry::instruments::{Counter, Histogram, KeyValue, UpDownCounter};
use verilane_telemetry::value::outcome;
use verilane_telemetry::{attribute, metric};

/// What the relay and its watches measure.
pub(crate) struct RelayMetrics {
    lag: Histogram<f64>,
    behind: Histogram<f64>,
    watchers: UpDownCounter<i64>,
    wakes: Counter<u64>,
}

impl RelayMetrics {
    pub(crate) fn new() -> Self {
        Self {
            lag: metric::RELAY_LAG.instrument(),
            behind: metric::RELAY_BEHIND.instrument(),
            watchers: metric::WATCHERS.instrument(),
            wakes: metric::WATCH_WAKES.instrument(),
        }
    }

    pub(crate) fn published(&self, seconds: f64) {
        self.lag.record(seconds, &[]);
    }

    pub(crate) fn fell_behind(&self, kind: &'static str, events: u64) {
        #[allow(
            clippy::cast_precision_loss,
            reason = "a histogram's buckets are coarser than that"
        )]
        self.behind
            .record(events as f64, &[KeyValue::new(attribute::WATCH_KIND, kind)]);
    }

    pub(crate) fn opened(&self, kind: &'static str) {
        self.watchers
            .add(1, &[KeyValue::new(attribute::WATCH_KIND, kind)]);
    }

    pub(crate) fn closed(&self, kind: &'static str) {
        self.watchers
            .add(-1, &[KeyValue::new(attribute::WATCH_KIND, kind)]);
    }

    pub(crate) fn woken(&self, kind: &'static str) {
        self.wakes
            .add(1, &[KeyValue::new(attribute::WATCH_KIND, kind)]);
    }
}

/// What becomes of messages that are right but for their signature.
pub(crate) struct QuarantineMetrics(Counter<u64>);

impl QuarantineMetrics {
    pub(crate) fn new() -> Self {
        Self(metric::QUARANTINED.instrument())
    }

    /// One is kept.
    pub(crate) fn kept(&self, connection: &ConnectionName) {
        self.count(connection, outcome::OK);
    }

    /// A further one of the same attempt is not.
    pub(crate) fn passed_over(&self, connection: &ConnectionName) {
        self.count(connection, outcome::CONFLICT);
    }

    fn count(&self, connection: &ConnectionName, outcome: &'static str) {
        let labels = [
            KeyValue::new(attribute::CONNECTION, connection.to_string()),
            KeyValue::new(attribute::OUTCOME, outcome),
        ];
        self.0.add(1, &labels);
    }
}

/// What jobs measure.
pub(crate) struct JobMetrics {
    runs: Counter<u64>,
    delay: Histogram<f64>,
}

impl JobMetrics {
    pub(crate) fn new() -> Self {
        Self {
            runs: metric::JOBS.instrument(),
            delay: metric::JOB_DELAY.instrument(),
        }
    }

    pub(crate) fn began(&self, kind: &'static str, delay: std::time::Duration) {
        self.delay.record(
            delay.as_secs_f64(),
            &[KeyValue::new(attribute::JOB_KIND, kind)],
        );
    }

    pub(crate) fn ended(&self, kind: &'static str, outcome: &'static str) {
        self.runs.add(
            1,
            &[
                KeyValue::new(attribute::JOB_KIND, kind),
                KeyValue::new(attribute::OUTCOME, outcome),
            ],
        );
    }
}

/// What pulls measure, and what operators must hear of.
pub(crate) struct PullMetrics {
    pulls: Counter<u64>,
    merged: Counter<u64>,
    warnings: Counter<u64>,
    missed: Counter<u64>,
}

impl PullMetrics {
    pub(crate) fn new() -> Self {
        Self {
            pulls: metric::PULLS.instrument(),
            merged: metric::PULLED_ENTRIES.instrument(),
            warnings: metric::WARNINGS.instrument(),
            missed: metric::DEADLINES_MISSED.instrument(),
        }
    }

    pub(crate) fn pulled(&self, connection: &str, cause: &'static str, outcome: &'static str) {
        self.pulls.add(
            1,
            &[
                KeyValue::new(attribute::CONNECTION, connection.to_owned()),
                KeyValue::new(attribute::PULL_CAUSE, cause),
                KeyValue::new(attribute::PULL_OUTCOME, outcome),
            ],
        );
    }

    pub(crate) fn merged(&self, connection: &str, entries: u64) {
        self.merged.add(
            entries,
            &[KeyValue::new(attribute::CONNECTION, connection.to_owned())],
        );
    }

    /// Says aloud what a change that is durable now has brought.
    pub(crate) fn say(&self, loud: &[Loud]) {
        for Loud {
            verification,
            connection,
            reason,
            is_missed_deadline,
        } in loud
        {
            tracing::warn!(
                { attribute::VERIFICATION_ID } = %verification,
                { attribute::CONNECTION } = %connection,
                { attribute::REASON } = reason.code(),
                "{}",
                reason.summary()
            );
            let counter = if *is_missed_deadline {
                &self.missed
            } else {
                &self.warnings
            };
            counter.add(
                1,
                &[
                    KeyValue::new(attribute::CONNECTION, connection.to_string()),
                    KeyValue::new(attribute::REASON, reason.code()),
                ],
            );
        }
    }
}

/// A warning that begins to stand, or a deadline that a provider has missed.
pub(crate) struct Loud {
    verification: VerificationId,
    connection: ConnectionName,
    reason: Reason,
    is_missed_deadline: bool,
}

impl Loud {
    pub(crate) fn of(change: &Change) -> Vec<Self> {
        let mut loud = Vec::new();
        for event in &change.events {
            let mut say = |reason: Reason, is_missed_deadline| {
                loud.push(Self {
                    verification: event.verification,
                    connection: event.connection.clone(),
                    reason,
                    is_missed_deadline,
                });
            };
            for warning in &event.warnings {
                say(*warning, false);
            }
            if let (EventKind::DeadlinePassed, Some(reason)) = (event.kind, event.reason) {
                say(reason, true);
            }
        }
        loud
    }
}
