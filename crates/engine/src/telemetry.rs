//! The engine's instruments. Names, units and buckets are said in `verilane-telemetry`.

use verilane_core::ConnectionName;
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
