//! Export over OTLP by HTTP, against a receiver in this process. What is global can be set up once, so
//! this stands apart from the test of export by gRPC.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test fail as tests do"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use tracing::info_span;
use verilane_telemetry::setup::{Config, LogFormat, init};
use verilane_telemetry::{metric, span};

struct Received {
    path: String,
    content_type: String,
    body: Vec<u8>,
}

/// Takes in requests, one after the other on each connection, and answers each with nothing.
fn receive() -> (SocketAddr, mpsc::Receiver<Received>) {
    let (sender, received) = mpsc::channel();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, sender) = (stream.unwrap(), sender.clone());
            thread::spawn(move || serve(stream, &sender));
        }
    });
    (address, received)
}

fn serve(mut stream: TcpStream, sender: &mpsc::Sender<Received>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
        let path = line.split(' ').nth(1).unwrap().to_owned();
        let (mut content_type, mut length) = (String::new(), 0);
        loop {
            line.clear();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "content-type" => content_type = value.to_owned(),
                "content-length" => length = value.parse().unwrap(),
                _ => {}
            }
        }
        line.clear();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        sender
            .send(Received {
                path,
                content_type,
                body,
            })
            .unwrap();
        let answer =
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).unwrap();
    }
}

#[test]
fn spans_and_measurements_arrive_over_http_before_shutdown_returns() {
    let (address, received) = receive();
    let environment = |name: &str| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("http://{address}")),
        "OTEL_EXPORTER_OTLP_PROTOCOL" => Some("http/protobuf".to_owned()),
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
    metric::CALLBACKS.instrument().add(2, &[]);
    drop(info_span!(target: "verilane_engine", span::JOB).entered());
    telemetry.shutdown(Duration::from_secs(10)).unwrap();

    let (mut spans, mut metrics) = (Vec::new(), Vec::new());
    for request in received.try_iter() {
        assert_eq!(request.content_type, "application/x-protobuf");
        let body = request.body.as_slice();
        match request.path.as_str() {
            "/v1/traces" => {
                let request = ExportTraceServiceRequest::decode(body).unwrap();
                let scopes = request
                    .resource_spans
                    .into_iter()
                    .flat_map(|r| r.scope_spans);
                spans.extend(scopes.flat_map(|s| s.spans).map(|span| span.name));
            }
            "/v1/metrics" => {
                let request = ExportMetricsServiceRequest::decode(body).unwrap();
                let scopes = request
                    .resource_metrics
                    .into_iter()
                    .flat_map(|r| r.scope_metrics);
                metrics.extend(scopes.flat_map(|s| s.metrics).map(|metric| metric.name));
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(spans, [span::JOB]);
    assert_eq!(metrics, [metric::CALLBACKS.name]);
}
