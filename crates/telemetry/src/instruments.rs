//! Instruments made of the listed metrics, so that a unit or a bucket is never said twice.
//!
//! They measure into whatever was set up before they were made, and into nothing if nothing was:
//! make them once, after set-up, where a component is built. Measuring never blocks.

pub use opentelemetry::KeyValue;
use opentelemetry::global;
use opentelemetry::metrics::Meter;
pub use opentelemetry::metrics::{Counter, Histogram, UpDownCounter};

use crate::SCOPE;
use crate::metric::{self, Metric};

fn meter() -> Meter {
    global::meter(SCOPE)
}

impl Metric<metric::Counter> {
    /// A counter of this metric.
    #[must_use]
    pub fn instrument(&self) -> Counter<u64> {
        meter()
            .u64_counter(self.name)
            .with_unit(self.unit)
            .with_description(self.description)
            .build()
    }
}

impl Metric<metric::UpDownCounter> {
    /// A counter of this metric that can go down.
    #[must_use]
    pub fn instrument(&self) -> UpDownCounter<i64> {
        meter()
            .i64_up_down_counter(self.name)
            .with_unit(self.unit)
            .with_description(self.description)
            .build()
    }
}

impl Metric<metric::Histogram> {
    /// A histogram of this metric with its buckets.
    #[must_use]
    pub fn instrument(&self) -> Histogram<f64> {
        meter()
            .f64_histogram(self.name)
            .with_unit(self.unit)
            .with_description(self.description)
            .with_boundaries(self.boundaries.to_vec())
            .build()
    }
}
