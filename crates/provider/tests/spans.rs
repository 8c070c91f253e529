//! What a request leaves in a trace.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop at the first thing that is not as it says"
)]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use verilane_core::ConnectionName;
use verilane_provider::http::{Egress, HttpClient, HttpRequest, HttpSettings, Method, Url};

/// Keeps every span's name and fields.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<BTreeMap<u64, BTreeMap<String, String>>>>);

struct Fields<'a>(&'a mut BTreeMap<String, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl<S: tracing::Subscriber> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let mut spans = self.0.lock().unwrap();
        let fields = spans.entry(id.into_u64()).or_default();
        fields.insert("name".to_owned(), attributes.metadata().name().to_owned());
        attributes.record(&mut Fields(fields));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut spans = self.0.lock().unwrap();
        values.record(&mut Fields(spans.entry(id.into_u64()).or_default()));
    }
}

fn client() -> HttpClient {
    HttpClient::new(HttpSettings {
        connection: ConnectionName::new("corepass-test").unwrap(),
        egress: Egress {
            hosts: vec!["127.0.0.1".to_owned()],
            allow_http: true,
            allow_private_addresses: true,
        },
        connect_timeout: Duration::from_secs(30),
        total_timeout: Duration::from_secs(30),
        max_answer_bytes: 1024,
        propagates_trace: false,
    })
    .unwrap()
}

/// A server that answers one request so.
async fn serve(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    address
}

#[tokio::test]
async fn a_span_holds_the_template_and_the_outcome_and_no_path_query_or_body() {
    let address = serve("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nMARK").await;
    let client = client();
    let url = Url::parse(&format!("http://{address}/things/MARK?token=MARK")).unwrap();
    let request = HttpRequest::new(Method::POST, url, "/things/{id}")
        .json(&"MARK")
        .unwrap();

    let spans = Spans::default();
    let subscriber = tracing_subscriber::registry().with(spans.clone());
    let guard = tracing::subscriber::set_default(subscriber);
    assert!(client.send(request).await.is_err());
    drop(guard);

    let spans = spans.0.lock().unwrap();
    let ours = spans
        .values()
        .find(|fields| fields["name"] == "verilane.http.request")
        .unwrap();
    let port = address.port().to_string();
    for (field, value) in [
        ("otel.name", "POST"),
        ("otel.kind", "client"),
        ("otel.status_code", "ERROR"),
        ("http.request.method", "POST"),
        ("http.response.status_code", "404"),
        ("error.type", "404"),
        ("server.address", "127.0.0.1"),
        ("server.port", &port),
        ("url.scheme", "http"),
        ("url.template", "/things/{id}"),
        ("verilane.connection", "corepass-test"),
    ] {
        assert_eq!(ours[field], value, "{field}");
    }
    assert!(!format!("{spans:?}").contains("MARK"));
}

#[tokio::test]
async fn a_host_that_a_redirect_leads_to_is_named_only_where_it_is_allowed() {
    let elsewhere = "HTTP/1.1 302 Found\r\nLocation: https://MARK.example:4711/\r\n\r\n";
    let address = serve(elsewhere).await;
    let url = Url::parse(&format!("http://{address}/")).unwrap();
    let time = Duration::from_secs(30);

    let spans = Spans::default();
    let subscriber = tracing_subscriber::registry().with(spans.clone());
    let guard = tracing::subscriber::set_default(subscriber);
    let client = client();
    let download = client.download(url, HeaderMap::new(), "/", 10, time);
    assert!(download.await.is_err());
    drop(guard);

    let spans = spans.0.lock().unwrap();
    let named: Vec<_> = spans
        .values()
        .filter(|fields| fields["name"] == "verilane.http.request")
        .map(|fields| (fields.get("server.address"), fields.get("error.type")))
        .map(|(host, error)| (host.map(String::as_str), error.map(String::as_str)))
        .collect();
    assert_eq!(
        named,
        [(Some("127.0.0.1"), None), (None, Some("forbidden"))]
    );
    let all = format!("{spans:?}").to_lowercase();
    assert!(!all.contains("mark") && !all.contains("4711"), "{all}");
}
