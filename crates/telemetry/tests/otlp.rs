//! Export over OTLP, against a receiver in this process. What is global can be set up once, so one
//! test does all that needs it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test fail as tests do"
)]

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use tracing::{info, info_span};
use verilane_telemetry::instruments::KeyValue;
use verilane_telemetry::setup::{Config, LogFormat, init};
use verilane_telemetry::{attribute, metric, propagation, span, value};

enum Received {
    Traces(ExportTraceServiceRequest),
    Metrics(ExportMetricsServiceRequest),
}

struct Receiver(mpsc::Sender<Received>);

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.send(Received::Traces(request.into_inner())).unwrap();
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.0
            .send(Received::Metrics(request.into_inner()))
            .unwrap();
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

fn receive(runtime: &Runtime) -> (SocketAddr, mpsc::Receiver<Received>) {
    let (sender, received) = mpsc::channel();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(
        Server::builder()
            .add_service(TraceServiceServer::new(Receiver(sender.clone())))
            .add_service(MetricsServiceServer::new(Receiver(sender)))
            .serve_with_incoming(TcpListenerStream::new(listener)),
    );
    (address, received)
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("no span {name} in {spans:?}"))
}

fn attributes(span: &Span) -> Vec<&str> {
    span.attributes.iter().map(|a| a.key.as_str()).collect()
}

#[test]
fn spans_and_measurements_arrive_before_shutdown_returns() {
    let runtime = Runtime::new().unwrap();
    let (address, received) = receive(&runtime);
    let environment = |name: &str| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("http://{address}")),
        "OTEL_SERVICE_NAME" => Some("verilane-test".to_owned()),
        _ => None,
    };
    let config = Config {
        log_format: LogFormat::Json,
        log_filter: "info",
        version: "1.2.3",
        environment: &environment,
    };
    let telemetry = init(&config).unwrap();
    assert!(telemetry.exports());
    assert!(init(&config).is_err(), "a second set-up is refused");

    let callbacks = metric::CALLBACKS.instrument();
    let watchers = metric::WATCHERS.instrument();
    let lag = metric::RELAY_LAG.instrument();
    callbacks.add(2, &[KeyValue::new(attribute::CALLBACK_VERDICT, "ACCEPTED")]);
    watchers.add(
        1,
        &[KeyValue::new(
            attribute::WATCH_KIND,
            value::watch_kind::TAIL,
        )],
    );
    lag.record(0.000_3, &[]);

    let mut headers = http::HeaderMap::new();
    let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    headers.insert("traceparent", caller.parse().unwrap());
    let rpc = info_span!(
        target: "verilane_grpc",
        span::RPC,
        { attribute::OTEL_NAME } = "verilane.v1.S/Create",
        { attribute::OTEL_KIND } = value::span_kind::SERVER
    );
    propagation::set_parent(&rpc, &headers);
    let kept = rpc.in_scope(|| {
        info!("a line that is no part of the span");
        propagation::inject(&mut headers);
        propagation::current_traceparent().unwrap()
    });
    drop(rpc);
    assert_eq!(headers["traceparent"], kept.as_str());
    assert!(
        kept.starts_with("00-0af7651916cd43dd8448eb211c80319c-"),
        "{kept}"
    );
    assert_ne!(kept, caller);

    let callback = info_span!(target: "verilane_ingress", span::CALLBACK, { attribute::CONNECTION } = "corepass");
    propagation::link_to(&callback, &kept);
    propagation::link_to(&callback, "not a traceparent");
    callback.in_scope(|| ());
    drop(callback);
    assert_eq!(propagation::current_traceparent(), None);
    drop(info_span!(target: "h2", "a span of another crate").entered());

    telemetry.shutdown(Duration::from_secs(10)).unwrap();

    let (mut spans, mut metrics, mut resources) = (Vec::new(), Vec::new(), Vec::new());
    for received in received.try_iter() {
        match received {
            Received::Traces(request) => {
                for of_resource in request.resource_spans {
                    resources.push(of_resource.resource.unwrap());
                    spans.extend(of_resource.scope_spans.into_iter().flat_map(|s| s.spans));
                }
            }
            Received::Metrics(request) => {
                for of_resource in request.resource_metrics {
                    resources.push(of_resource.resource.unwrap());
                    metrics.extend(
                        of_resource
                            .scope_metrics
                            .into_iter()
                            .flat_map(|s| s.metrics),
                    );
                }
            }
        }
    }

    for resource in &resources {
        let shown = format!("{:?}", resource.attributes);
        assert!(
            shown.contains("verilane-test") && shown.contains("1.2.3"),
            "{shown}"
        );
    }
    assert_eq!(spans.len(), 2, "{spans:?}");
    let rpc = named(&spans, "verilane.v1.S/Create");
    assert_eq!(
        rpc.kind(),
        opentelemetry_proto::tonic::trace::v1::span::SpanKind::Server
    );
    assert_eq!(hex(&rpc.parent_span_id), "b7ad6b7169203331");
    assert!(rpc.events.is_empty());
    assert!(attributes(rpc).is_empty(), "{rpc:?}");
    let callback = named(&spans, span::CALLBACK);
    assert_eq!(attributes(callback), [attribute::CONNECTION]);
    assert_ne!(callback.trace_id, rpc.trace_id);
    let [link] = callback.links.as_slice() else {
        panic!("{:?}", callback.links);
    };
    assert_eq!(
        (&link.trace_id, &link.span_id),
        (&rpc.trace_id, &rpc.span_id)
    );

    let metric_named = |name: &str| metrics.iter().find(|m| m.name == name).unwrap();
    for description in metric::ALL {
        if let Some(metric) = metrics.iter().find(|m| m.name == description.name) {
            assert_eq!(metric.unit, description.unit);
            assert_eq!(metric.description, description.description);
        }
    }
    let Some(Data::Sum(sum)) = &metric_named(metric::CALLBACKS.name).data else {
        panic!("not a sum");
    };
    assert!(sum.is_monotonic);
    let Some(Data::Sum(sum)) = &metric_named(metric::WATCHERS.name).data else {
        panic!("not a sum");
    };
    assert!(!sum.is_monotonic);
    let Some(Data::Histogram(histogram)) = &metric_named(metric::RELAY_LAG.name).data else {
        panic!("not a histogram");
    };
    assert_eq!(
        histogram.data_points[0].explicit_bounds,
        metric::RELAY_LAG.boundaries
    );
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
