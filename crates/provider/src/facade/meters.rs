//! What is measured beside a call itself: pauses, turns and the circuit.

use std::time::Duration;

use verilane_core::ConnectionName;
use verilane_telemetry::instruments::{Counter, Histogram, KeyValue, UpDownCounter};
use verilane_telemetry::value::{circuit_state, outcome};
use verilane_telemetry::{attribute, metric};

use super::circuit::CircuitState;
use super::observe::{Operation, word};
use crate::ProviderError;

/// The meters of one connection.
#[derive(Clone)]
pub(super) struct Meters {
    connection: ConnectionName,
    retries: Counter<u64>,
    turns: Histogram<f64>,
    changes: Counter<u64>,
    open: UpDownCounter<i64>,
}

impl Meters {
    pub(super) fn new(connection: &ConnectionName) -> Self {
        let meters = Self {
            connection: connection.clone(),
            retries: metric::PROVIDER_RETRIES.instrument(),
            turns: metric::PROVIDER_TURN_DURATION.instrument(),
            changes: metric::PROVIDER_CIRCUIT_CHANGES.instrument(),
            open: metric::PROVIDER_CIRCUIT_OPEN.instrument(),
        };
        // So that it shows from the start, and not only after the first outage.
        meters.open.add(0, &[meters.connection()]);
        meters
    }

    fn connection(&self) -> KeyValue {
        KeyValue::new(attribute::CONNECTION, self.connection.to_string())
    }

    /// A call is tried again.
    pub(super) fn retry(&self, operation: Operation, failure: &ProviderError) {
        let attributes = [
            self.connection(),
            KeyValue::new(attribute::PROVIDER_OPERATION, operation.as_str()),
            KeyValue::new(attribute::ERROR_TYPE, word(failure)),
        ];
        self.retries.add(1, &attributes);
    }

    /// A call has waited for its turn.
    pub(super) fn turn(&self, waited: Duration, has_it: bool) {
        let outcome = if has_it { outcome::OK } else { outcome::ERROR };
        let attributes = [
            self.connection(),
            KeyValue::new(attribute::OUTCOME, outcome),
        ];
        self.turns.record(waited.as_secs_f64(), &attributes);
    }

    /// The circuit has changed.
    pub(super) fn circuit(&self, from: CircuitState, to: CircuitState) {
        let state = match to {
            CircuitState::Closed => circuit_state::CLOSED,
            CircuitState::Open => circuit_state::OPEN,
            CircuitState::HalfOpen => circuit_state::HALF_OPEN,
        };
        let attributes = [
            self.connection(),
            KeyValue::new(attribute::CIRCUIT_STATE, state),
        ];
        self.changes.add(1, &attributes);
        let counts = |state| i64::from(state != CircuitState::Closed);
        self.open
            .add(counts(to) - counts(from), &[self.connection()]);
        if to == CircuitState::Open {
            tracing::warn!(
                { attribute::CONNECTION } = self.connection.as_str(),
                "the provider does not answer; it is left alone for a while"
            );
        } else {
            tracing::info!(
                { attribute::CONNECTION } = self.connection.as_str(),
                { attribute::CIRCUIT_STATE } = state,
                "the connection's circuit has changed"
            );
        }
    }
}
