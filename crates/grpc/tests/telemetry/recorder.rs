//! Takes spans and measurements as an exporter would, and keeps them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt as _;

/// One line of `rpc.server.call.duration`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Call {
    pub method: String,
    pub code: String,
    pub error_type: Option<String>,
    pub count: u64,
}

#[derive(Clone, Debug, Default)]
struct Calls(Arc<Mutex<Vec<Call>>>);

#[derive(Clone, Debug, Default)]
struct Spans(Arc<Mutex<Vec<SpanData>>>);

impl PushMetricExporter for Calls {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut calls = self.0.lock().unwrap();
        calls.clear();
        for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
            if metric.name() != "rpc.server.call.duration" {
                continue;
            }
            assert_eq!(metric.unit(), "s");
            let AggregatedMetrics::F64(MetricData::Histogram(histogram)) = metric.data() else {
                panic!("not a histogram");
            };
            for point in histogram.data_points() {
                let attribute = |key: &str| {
                    let mut all = point.attributes();
                    let found = all.find(|attribute| attribute.key.as_str() == key);
                    found.map(|found| found.value.to_string())
                };
                assert_eq!(attribute("rpc.system.name").as_deref(), Some("grpc"));
                calls.push(Call {
                    method: attribute("rpc.method").unwrap(),
                    code: attribute("rpc.response.status_code").unwrap(),
                    error_type: attribute("error.type"),
                    count: point.count(),
                });
            }
        }
        calls.sort();
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

impl SpanExporter for Spans {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

/// Records the process's measurements, and the spans of this thread.
pub struct Recorder {
    calls: Calls,
    spans: Spans,
    meters: SdkMeterProvider,
    _tracers: SdkTracerProvider,
    _guard: DefaultGuard,
}

impl Recorder {
    pub fn install() -> Self {
        let calls = Calls::default();
        let spans = Spans::default();
        let meters = SdkMeterProvider::builder()
            .with_reader(PeriodicReader::builder(calls.clone()).build())
            .build();
        global::set_meter_provider(meters.clone());
        global::set_text_map_propagator(TraceContextPropagator::new());
        let tracers = SdkTracerProvider::builder()
            .with_simple_exporter(spans.clone())
            .build();
        let layer = tracing_opentelemetry::layer().with_tracer(tracers.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(layer);
        Self {
            calls,
            spans,
            meters,
            _tracers: tracers,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// What was measured, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.meters.force_flush().unwrap();
        self.calls.0.lock().unwrap().clone()
    }

    /// Spans that have ended.
    pub fn spans(&self) -> Vec<SpanData> {
        self.spans.0.lock().unwrap().clone()
    }
}
