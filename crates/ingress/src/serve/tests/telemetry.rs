//! What operators see of a callback, and what nobody may.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::trace::{SpanId, SpanKind, Status, TracerProvider as _};
use opentelemetry::{KeyValue, global};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::instrument::WithSubscriber as _;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::NoSubscriber;
use tracing_subscriber::layer::SubscriberExt as _;
use verilane_telemetry::{attribute, metric};

use super::stage::{CREATED_UNDER, Stage, roomy};
use crate::config::IngressConfig;

/// Keeps whatever is written or exported.
#[derive(Clone, Debug)]
struct Kept<T>(Arc<Mutex<Vec<T>>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Kept<T> {
    fn all(&self) -> Vec<T> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Kept<u8> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SpanExporter for Kept<SpanData> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

/// One series of a metric: its name, labels, and how often it was measured.
type Series = (String, BTreeSet<String>, u64);

impl PushMetricExporter for Kept<Series> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut all = self.0.lock().unwrap();
        all.clear();
        for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
            let name = metric.name();
            let mut keep = |labels: Vec<&KeyValue>, count| {
                all.push((name.to_owned(), shown(labels), count));
            };
            match metric.data() {
                AggregatedMetrics::U64(MetricData::Sum(sum)) => sum
                    .data_points()
                    .for_each(|point| keep(point.attributes().collect(), point.value())),
                AggregatedMetrics::F64(MetricData::Histogram(histogram)) => histogram
                    .data_points()
                    .for_each(|point| keep(point.attributes().collect(), point.count())),
                _ => {}
            }
        }
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

fn shown<'a>(labels: impl IntoIterator<Item = &'a KeyValue>) -> BTreeSet<String> {
    let labels = labels.into_iter();
    labels.map(|l| format!("{}={}", l.key, l.value)).collect()
}

/// What is seen of some callbacks on paths that nobody may see.
struct Seen {
    spans: Vec<SpanData>,
    log: String,
    verification: String,
}

const SECRET: &str = "Zm9yIHlvdXIgZXllcyBvbmx5";
const STRANGERS_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Runs some callbacks with everything recorded that can be.
async fn seen() -> Seen {
    global::set_text_map_propagator(TraceContextPropagator::new());
    let spans = Kept::<SpanData>::default();
    let log = Kept::<u8>::default();
    let tracer = SdkTracerProvider::builder()
        .with_simple_exporter(spans.clone())
        .build();
    let lines = log.clone();
    let subscriber = tracing_subscriber::registry()
        .with(LevelFilter::TRACE)
        .with(tracing_opentelemetry::layer().with_tracer(tracer.tracer("test")))
        .with(
            tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_writer(move || lines.clone()),
        );
    let verification = async {
        let stage = Stage::start(roomy()).await;
        for (path, body) in [
            (format!("status-{SECRET}"), "first"),
            (format!("data-{SECRET}"), "CALLBACK_SIGNATURE_INVALID"),
            (format!("status-{SECRET}"), "CALLBACK_STORE_UNAVAILABLE"),
            (SECRET.to_owned(), "x"),
        ] {
            let mut client = stage.connect().await;
            let headers = format!(
                "traceparent: 00-{STRANGERS_TRACE}-00f067aa0ba902b7-01\r\ncontent-length: {}\r\n",
                body.len()
            );
            client.head(&path, &headers).await;
            client.send(body).await;
            client.answer().await.unwrap();
        }
        let mut client = stage.connect().await;
        let request = format!("GET /{SECRET}?{SECRET} HTTP/1.1\r\nhost: ingress\r\n\r\n");
        client.send(request).await;
        client.answer().await.unwrap();
        drop(client);
        let verification = stage.verification.to_string();
        stage.stop().await;
        verification
    };
    // Were this the only subscriber of the process, `tracing` would ask the default one of whichever
    // test comes first whether a span is wanted, and remember its no.
    let _second = tracing::Dispatch::new(NoSubscriber::default());
    let guard = tracing::subscriber::set_default(subscriber);
    let verification = verification.with_current_subscriber().await;
    drop(guard);
    let _ = tracer.force_flush();
    Seen {
        spans: spans.all(),
        log: String::from_utf8(log.all()).unwrap(),
        verification,
    }
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let mut all = span.attributes.iter();
    all.find(|a| a.key.as_str() == key)
        .map(|a| a.value.to_string())
}

fn assert_hidden(what: &impl Debug) {
    let text = format!("{what:?}");
    assert!(!text.contains(SECRET), "{text}");
}

#[tokio::test]
async fn a_callbacks_span_is_named_by_its_route_and_linked_to_where_its_verification_began() {
    let seen = seen().await;
    let [first, forged, down, unknown, stray] = seen.spans.as_slice() else {
        panic!("{:?}", seen.spans);
    };
    for span in [first, forged, down, unknown] {
        assert_eq!(span.name, "POST /callbacks/{path}");
        assert_eq!(span.span_kind, SpanKind::Server);
        let route = attribute(span, attribute::HTTP_ROUTE);
        assert_eq!(route.as_deref(), Some("/callbacks/{path}"));
    }
    assert_eq!(stray.name, "GET");

    let fields = [
        attribute::CONNECTION,
        attribute::CALLBACK_CHANNEL,
        attribute::CALLBACK_VERDICT,
        attribute::HTTP_RESPONSE_STATUS_CODE,
        attribute::CALLBACK_BODY_SIZE,
    ];
    let said = |span| fields.map(|key| attribute(span, key).unwrap_or_default());
    assert_eq!(said(first), ["live", "status", "ACCEPTED", "200", "5"]);
    assert_eq!(
        said(forged),
        ["live", "data", "CALLBACK_SIGNATURE_INVALID", "401", "26"]
    );
    assert_eq!(said(unknown), ["", "", "CALLBACK_PATH_UNKNOWN", "404", ""]);

    assert_eq!(
        attribute(first, attribute::VERIFICATION_ID),
        Some(seen.verification)
    );
    let link = &first.links.links[0].span_context;
    let linked = format!("00-{}-{}-01", link.trace_id(), link.span_id());
    assert_eq!(linked, CREATED_UNDER);
    assert!(forged.links.links.is_empty());

    assert_eq!(first.status, Status::Unset);
    assert_eq!(forged.status, Status::Unset, "no failure of this side");
    assert!(matches!(down.status, Status::Error { .. }));
}

#[tokio::test]
async fn what_a_strangers_headers_say_about_traces_is_not_believed() {
    for span in seen().await.spans {
        assert_eq!(span.parent_span_id, SpanId::INVALID);
        assert_ne!(span.span_context.trace_id().to_string(), STRANGERS_TRACE);
    }
}

#[tokio::test]
async fn no_path_stands_in_a_span_or_at_any_level_of_the_log() {
    let seen = seen().await;
    assert!(
        seen.log.contains("CALLBACK_SIGNATURE_INVALID"),
        "{}",
        seen.log
    );
    assert_hidden(&seen.log);
    assert_hidden(&seen.spans);
}

#[tokio::test]
async fn every_callback_is_counted_by_what_became_of_it() {
    let metrics = Kept::<Series>::default();
    let provider = SdkMeterProvider::builder()
        .with_reader(PeriodicReader::builder(metrics.clone()).build())
        .build();
    global::set_meter_provider(provider.clone());
    let stage = Stage::start(IngressConfig {
        status_body_limit: 30,
        ..roomy()
    })
    .await;
    let large = "x".repeat(31);
    for (path, body) in [
        ("status-of-metered", "first"),
        ("status-of-metered", "second"),
        ("status-of-metered", "repeat"),
        ("data-of-metered", "cancelled"),
        ("data-of-metered", "CALLBACK_UNSIGNED"),
        ("status-of-metered", &large),
        (SECRET, "x"),
    ] {
        stage.post(path, body).await;
    }
    stage.stop().await;
    provider.force_flush().unwrap();
    let series = metrics.all();
    assert_hidden(&series);

    // Other tests count into the same meters, under other connections.
    let mut callbacks: Vec<_> = series
        .iter()
        .filter(|(name, labels, _)| {
            name == metric::CALLBACKS.name && labels.contains("verilane.connection=metered")
        })
        .map(|(_, labels, count)| {
            let of = |key: &str| {
                let found = labels.iter().find_map(|l| l.strip_prefix(key));
                found.unwrap_or_default().to_owned()
            };
            let channel = of("verilane.callback.channel=");
            (channel, of("verilane.callback.verdict="), *count)
        })
        .collect();
    callbacks.sort();
    let expected = [
        ("data", "CALLBACK_UNSIGNED", 1),
        ("data", "NOT_KEPT", 1),
        ("status", "ACCEPTED", 2),
        ("status", "CALLBACK_TOO_LARGE", 1),
        ("status", "REPEATED", 1),
    ];
    let expected = expected.map(|(c, v, n)| (c.to_owned(), v.to_owned(), n));
    assert_eq!(callbacks, expected);

    let of = |name: &str, label: &str| {
        series
            .iter()
            .any(|(n, labels, _)| n == name && labels.contains(label))
    };
    let unknown = "verilane.callback.verdict=CALLBACK_PATH_UNKNOWN";
    assert!(of(metric::CALLBACKS.name, unknown));
    for label in [
        "http.route=/callbacks/{path}",
        "http.request.method=POST",
        "http.response.status_code=413",
        "url.scheme=http",
    ] {
        assert!(
            of(metric::HTTP_SERVER_REQUEST_DURATION.name, label),
            "{label}"
        );
    }
}
