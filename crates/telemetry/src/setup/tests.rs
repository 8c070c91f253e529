//! What an absent receiver costs: nothing for callers, and a bounded wait at the end.

use std::net::TcpListener;
use std::time::Instant;

use opentelemetry::metrics::MeterProvider as _;
use tracing::info_span;

use super::*;
use crate::span;

fn telemetry(endpoint: Option<String>) -> (impl Subscriber + Send + Sync, Telemetry) {
    let environment = |name: &str| {
        endpoint
            .clone()
            .filter(|_| name == "OTEL_EXPORTER_OTLP_ENDPOINT")
    };
    let config = Config {
        log_format: LogFormat::Json,
        log_filter: "info",
        version: "0",
        environment: &environment,
    };
    build(&config, io::sink, false).unwrap()
}

/// Makes far more spans than a queue holds, and a measurement, and says how long that took.
fn work(subscriber: impl Subscriber + Send + Sync + 'static, telemetry: &Telemetry) -> Duration {
    let start = Instant::now();
    if let Some(meter) = telemetry.exporters.meter() {
        meter
            .meter("test")
            .u64_counter("verilane.test")
            .build()
            .add(1, &[]);
    }
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..20_000 {
            info_span!(span::JOB).in_scope(|| ());
        }
    });
    start.elapsed()
}

const LIMIT: Duration = Duration::from_secs(2);

/// Ample for spans that wait for nobody, and far less than one time-out of an exporter.
const AMPLE: Duration = Duration::from_secs(8);

#[test]
fn without_an_endpoint_nothing_is_exported_and_shutdown_has_nothing_to_do() {
    let (subscriber, telemetry) = telemetry(None);
    assert!(!telemetry.exports());
    work(subscriber, &telemetry);
    assert_eq!(telemetry.shutdown(Duration::ZERO), Ok(()));
}

#[test]
fn a_receiver_that_refuses_connections_delays_neither_callers_nor_shutdown() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let (subscriber, telemetry) = telemetry(Some(format!("http://127.0.0.1:{port}")));
    assert!(telemetry.exports());
    let worked = work(subscriber, &telemetry);
    assert!(worked < AMPLE, "{worked:?}");
    let start = Instant::now();
    assert_eq!(telemetry.shutdown(LIMIT), Err(NotFlushed));
    assert!(start.elapsed() < LIMIT * 2);
}

#[test]
fn a_receiver_that_never_answers_delays_neither_callers_nor_shutdown() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (subscriber, telemetry) =
        telemetry(Some(format!("http://{}", silent.local_addr().unwrap())));
    let worked = work(subscriber, &telemetry);
    assert!(worked < AMPLE, "{worked:?}");
    let start = Instant::now();
    assert_eq!(telemetry.shutdown(LIMIT), Err(NotFlushed));
    assert!(start.elapsed() < LIMIT * 2);
}

#[test]
fn an_https_endpoint_is_taken_with_the_systems_certificates() {
    let (subscriber, telemetry) = telemetry(Some("https://127.0.0.1:1".to_owned()));
    work(subscriber, &telemetry);
    assert_eq!(telemetry.shutdown(LIMIT), Err(NotFlushed));
}

#[test]
fn telemetry_can_be_dropped_and_refused_inside_a_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (_, telemetry) = telemetry(Some("http://127.0.0.1:1".to_owned()));
        drop(telemetry);
        let malformed =
            |name: &str| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| "http://a b".into());
        let config = Config {
            log_format: LogFormat::Human,
            log_filter: "info",
            version: "0",
            environment: &malformed,
        };
        let refused = build(&config, io::sink, false).map(|_| ());
        assert!(
            matches!(refused, Err(SetupError::Exporter(_))),
            "{refused:?}"
        );
    });
}

#[test]
fn a_receiver_over_http_that_never_answers_delays_neither_callers_nor_shutdown() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let environment = |name: &str| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(endpoint.clone()),
        "OTEL_EXPORTER_OTLP_PROTOCOL" => Some("http/protobuf".to_owned()),
        _ => None,
    };
    let config = Config {
        log_format: LogFormat::Json,
        log_filter: "info",
        version: "0",
        environment: &environment,
    };
    let (subscriber, telemetry) = build(&config, io::sink, false).unwrap();
    assert!(telemetry.exports());
    let worked = work(subscriber, &telemetry);
    assert!(worked < AMPLE, "{worked:?}");
    let start = Instant::now();
    assert_eq!(telemetry.shutdown(LIMIT), Err(NotFlushed));
    assert!(start.elapsed() < LIMIT * 2);
}
