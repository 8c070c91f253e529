//! Export of traces and metrics over OTLP, as the standard variables say.
//!
//! This file decides whether, where to and how; the exporter reads the rest itself from the process's
//! environment: headers, compression, sampler, intervals, queue sizes, attributes of the resource.
//!
//! What names something that is not supported is said and switches off the signal it is about: a
//! service is not kept from its work by what was meant to watch it.

mod http;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig, Identity};
use opentelemetry_otlp::{
    MetricExporter, SpanExporter, WithExportConfig as _, WithHttpConfig as _, WithTonicConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tokio::runtime::{EnterGuard, Runtime};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use self::http::Client;
use super::log::is_ours;
use super::{Config, NotFlushed, SetupError};
use crate::SCOPE;

/// The variables of one signal.
struct Signal {
    exporter: &'static str,
    endpoint: &'static str,
    protocol: &'static str,
    timeout: &'static str,
    /// Where a receiver takes it over HTTP, below the endpoint of all signals.
    path: &'static str,
}

/// How a signal is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Protocol {
    Grpc,
    HttpProtobuf,
}

/// Where a signal goes.
#[derive(PartialEq, Eq, Debug)]
struct Target {
    endpoint: String,
    protocol: Protocol,
}

const TRACES: Signal = Signal {
    exporter: "OTEL_TRACES_EXPORTER",
    endpoint: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    protocol: "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    timeout: "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    path: "/v1/traces",
};

const METRICS: Signal = Signal {
    exporter: "OTEL_METRICS_EXPORTER",
    endpoint: "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    protocol: "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
    timeout: "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
    path: "/v1/metrics",
};

const DISABLED: &str = "OTEL_SDK_DISABLED";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
const CA_CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
const CLIENT_CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE";
const CLIENT_KEY: &str = "OTEL_EXPORTER_OTLP_CLIENT_KEY";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const RESOURCE_ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// Makers of spans and measurements, and what takes them out of the process.
pub struct Exporters {
    tracer: SdkTracerProvider,
    meter: Option<SdkMeterProvider>,
    /// Carries the exporters' connections; absent if nothing is exported. Apart from the
    /// service's own, so that export goes on while that one is busy or has ended.
    runtime: Option<Background>,
    /// What was not understood, to be said once there is a log.
    warnings: Vec<String>,
}

impl Exporters {
    pub fn start(config: &Config<'_>) -> Result<Self, SetupError> {
        let environment = Environment(config.environment);
        let mut warnings = Vec::new();
        let traces = environment.target(&TRACES, &mut warnings);
        let metrics = environment.target(&METRICS, &mut warnings);
        let runtime = match (&traces, &metrics) {
            (None, None) => None,
            _ => Some(Background::start()?),
        };
        let entered = runtime.as_ref().map(Background::enter);
        let resource = environment.resource(config.version);

        let tracer = SdkTracerProvider::builder().with_resource(resource.clone());
        let tracer = match traces {
            Some(target) => tracer.with_batch_exporter(environment.spans(target)?),
            // Ids only, and the caller's decision passed on.
            None => tracer.with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff))),
        };
        let meter = match metrics {
            Some(target) => {
                let exporter = environment.measurements(target)?;
                let meter = SdkMeterProvider::builder().with_resource(resource);
                Some(meter.with_periodic_exporter(exporter).build())
            }
            None => None,
        };
        drop(entered);
        Ok(Self {
            tracer: tracer.build(),
            meter,
            runtime,
            warnings,
        })
    }

    /// What was not understood of the environment.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether anything is exported.
    pub const fn any(&self) -> bool {
        self.runtime.is_some()
    }

    /// Makes spans of our own spans. Log lines stay out of them: they have the ids.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let ours = filter_fn(|m| m.is_span() && is_ours(m) && *m.level() <= Level::INFO);
        tracing_opentelemetry::layer()
            .with_tracer(self.tracer.tracer(SCOPE))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_filter(ours.with_max_level_hint(LevelFilter::INFO))
    }

    #[cfg(test)]
    pub const fn meter(&self) -> Option<&SdkMeterProvider> {
        self.meter.as_ref()
    }

    pub fn set_global(&self) {
        global::set_tracer_provider(self.tracer.clone());
        if let Some(meter) = &self.meter {
            global::set_meter_provider(meter.clone());
        }
    }

    pub fn shutdown(self, limit: Duration) -> Result<(), NotFlushed> {
        if self.runtime.is_none() {
            return Ok(());
        }
        // In a thread, since some of the exporters' own waits know no limit.
        let (done, outcome) = mpsc::sync_channel(1);
        let (tracer, meter) = (self.tracer.clone(), self.meter.clone());
        let flush = thread::Builder::new()
            .name("verilane-flush".to_owned())
            .spawn(move || {
                let traces = tracer.shutdown_with_timeout(limit);
                let metrics = meter.map_or(Ok(()), |meter| meter.shutdown_with_timeout(limit));
                // Nobody listens any more once the limit has passed.
                let _ = done.send(traces.and(metrics));
            });
        let flushed = match flush {
            Ok(_) => outcome.recv_timeout(limit),
            Err(_) => return Err(NotFlushed),
        };
        match flushed {
            Ok(Ok(())) => Ok(()),
            _ => Err(NotFlushed),
        }
    }
}

/// A runtime that ends without waiting: to wait would panic inside another runtime.
struct Background(Option<Runtime>);

impl Background {
    fn start() -> Result<Self, SetupError> {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("verilane-otlp")
            .enable_all()
            .build()
            .map(|runtime| Self(Some(runtime)))
            .map_err(SetupError::Start)
    }

    fn enter(&self) -> Option<EnterGuard<'_>> {
        self.0.as_ref().map(Runtime::enter)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

struct Environment<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Environment<'_> {
    /// An empty variable is an absent one, by the specification.
    fn get(&self, variable: &str) -> Option<String> {
        (self.0)(variable).filter(|value| !value.is_empty())
    }

    /// Where a signal goes, if anywhere.
    fn target(&self, signal: &Signal, warnings: &mut Vec<String>) -> Option<Target> {
        let disabled = self
            .get(DISABLED)
            .is_some_and(|v| v.eq_ignore_ascii_case("true"));
        let own = self.get(signal.endpoint);
        let common = self.get(ENDPOINT);
        if disabled || own.is_none() && common.is_none() {
            return None;
        }
        let mut unsupported = |variable, value: &str, supported| {
            let path = signal.path;
            warnings.push(format!(
                "{variable} is {value:?}, and supported is {supported}: nothing is exported to {path}"
            ));
            None
        };
        match self.get(signal.exporter).as_deref() {
            None | Some("otlp") => {}
            Some("none") => return None,
            Some(other) => return unsupported(signal.exporter, other, "otlp or none"),
        }
        let mut said = [signal.protocol, PROTOCOL].into_iter();
        let said = said.find_map(|variable| Some((variable, self.get(variable)?)));
        let protocol = match &said {
            None => Protocol::Grpc,
            Some((variable, value)) => match value.as_str() {
                "grpc" => Protocol::Grpc,
                "http/protobuf" => Protocol::HttpProtobuf,
                other => return unsupported(*variable, other, "grpc or http/protobuf"),
            },
        };
        let endpoint = match (own, common, protocol) {
            (Some(own), ..) => own,
            (None, Some(common), Protocol::HttpProtobuf) => {
                format!("{}{}", common.trim_end_matches('/'), signal.path)
            }
            (None, common, _) => common?,
        };
        Some(Target { endpoint, protocol })
    }

    fn spans(&self, target: Target) -> Result<SpanExporter, SetupError> {
        let exporter = SpanExporter::builder();
        Ok(match target.protocol {
            Protocol::Grpc => exporter
                .with_tonic()
                .with_tls_config(self.tls(&target.endpoint)?)
                .with_endpoint(target.endpoint)
                .build()?,
            Protocol::HttpProtobuf => exporter
                .with_http()
                .with_http_client(self.http(&TRACES)?)
                .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
                .with_endpoint(target.endpoint)
                .build()?,
        })
    }

    fn measurements(&self, target: Target) -> Result<MetricExporter, SetupError> {
        let exporter = MetricExporter::builder();
        Ok(match target.protocol {
            Protocol::Grpc => exporter
                .with_tonic()
                .with_tls_config(self.tls(&target.endpoint)?)
                .with_endpoint(target.endpoint)
                .build()?,
            Protocol::HttpProtobuf => exporter
                .with_http()
                .with_http_client(self.http(&METRICS)?)
                .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
                .with_endpoint(target.endpoint)
                .build()?,
        })
    }

    /// Trusts and presents what [`tls`](Self::tls) does. Made within the exporters' runtime.
    fn http(&self, signal: &Signal) -> Result<Client, SetupError> {
        let mut limit = [signal.timeout, TIMEOUT].into_iter();
        let limit = limit.find_map(|variable| self.get(variable)?.trim().parse().ok());
        let own = match (self.file(CLIENT_CERTIFICATE)?, self.file(CLIENT_KEY)?) {
            (Some(certificate), Some(key)) => Some([certificate, key].concat()),
            _ => None,
        };
        let limit = limit.map_or(http::TIMEOUT, Duration::from_millis);
        Client::new(limit, self.file(CA_CERTIFICATE)?, own).map_err(SetupError::Client)
    }

    /// Used for `https` endpoints only. The system's certificates are trusted unless a file of
    /// others is named.
    fn tls(&self, endpoint: &str) -> Result<ClientTlsConfig, SetupError> {
        let mut tls = ClientTlsConfig::new();
        if endpoint.starts_with("http://") {
            return Ok(tls);
        }
        tls = match self.file(CA_CERTIFICATE)? {
            Some(pem) => tls.ca_certificate(Certificate::from_pem(pem)),
            None => tls.with_native_roots(),
        };
        let own = (self.file(CLIENT_CERTIFICATE)?, self.file(CLIENT_KEY)?);
        if let (Some(certificate), Some(key)) = own {
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        Ok(tls)
    }

    fn file(&self, variable: &'static str) -> Result<Option<Vec<u8>>, SetupError> {
        let read =
            |path| std::fs::read(path).map_err(|source| SetupError::File { variable, source });
        self.get(variable).map(read).transpose()
    }

    fn resource(&self, version: &str) -> Resource {
        let resource = Resource::builder()
            .with_attribute(KeyValue::new("service.version", version.to_owned()));
        let named_among_others = self.get(RESOURCE_ATTRIBUTES).is_some_and(|list| {
            list.split(',')
                .any(|a| a.trim().starts_with("service.name="))
        });
        match self.get(SERVICE_NAME) {
            Some(name) => resource.with_service_name(name),
            None if named_among_others => resource,
            None => resource.with_service_name("verilane"),
        }
        .build()
    }
}

#[cfg(test)]
mod tests;
