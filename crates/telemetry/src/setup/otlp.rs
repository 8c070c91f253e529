//! Export of traces and metrics over OTLP, as the standard variables say.
//!
//! This file decides whether and where to; the exporter reads the rest itself from the process's
//! environment: time-outs, headers, sampler, intervals, queue sizes, attributes of the resource.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig, Identity};
use opentelemetry_otlp::{
    MetricExporter, SpanExporter, WithExportConfig as _, WithTonicConfig as _,
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

use super::log::is_ours;
use super::{Config, NotFlushed, SetupError};
use crate::SCOPE;

/// The variables of one signal.
struct Signal {
    exporter: &'static str,
    endpoint: &'static str,
    protocol: &'static str,
}

const TRACES: Signal = Signal {
    exporter: "OTEL_TRACES_EXPORTER",
    endpoint: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    protocol: "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
};

const METRICS: Signal = Signal {
    exporter: "OTEL_METRICS_EXPORTER",
    endpoint: "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    protocol: "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
};

const DISABLED: &str = "OTEL_SDK_DISABLED";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
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
}

impl Exporters {
    pub fn start(config: &Config<'_>) -> Result<Self, SetupError> {
        let environment = Environment(config.environment);
        let traces = environment.endpoint(&TRACES)?;
        let metrics = environment.endpoint(&METRICS)?;
        let runtime = match (&traces, &metrics) {
            (None, None) => None,
            _ => Some(Background::start()?),
        };
        let entered = runtime.as_ref().map(Background::enter);
        let resource = environment.resource(config.version);

        let tracer = SdkTracerProvider::builder().with_resource(resource.clone());
        let tracer = match traces {
            Some(endpoint) => tracer.with_batch_exporter(
                SpanExporter::builder()
                    .with_tonic()
                    .with_tls_config(environment.tls(&endpoint)?)
                    .with_endpoint(endpoint)
                    .build()?,
            ),
            // Ids only, and the caller's decision passed on.
            None => tracer.with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff))),
        };
        let meter = match metrics {
            Some(endpoint) => {
                let exporter = MetricExporter::builder()
                    .with_tonic()
                    .with_tls_config(environment.tls(&endpoint)?)
                    .with_endpoint(endpoint)
                    .build()?;
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
        })
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
    fn endpoint(&self, signal: &Signal) -> Result<Option<String>, SetupError> {
        let disabled = self
            .get(DISABLED)
            .is_some_and(|v| v.eq_ignore_ascii_case("true"));
        let endpoint = self.get(signal.endpoint).or_else(|| self.get(ENDPOINT));
        let Some(endpoint) = endpoint.filter(|_| !disabled) else {
            return Ok(None);
        };
        match self.get(signal.exporter).as_deref() {
            None | Some("otlp") => {}
            Some("none") => return Ok(None),
            Some(other) => return Err(unsupported(signal.exporter, other, "otlp or none")),
        }
        for variable in [signal.protocol, PROTOCOL] {
            match self.get(variable).as_deref() {
                None => {}
                Some("grpc") => break,
                Some(other) => return Err(unsupported(variable, other, "grpc")),
            }
        }
        Ok(Some(endpoint))
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

fn unsupported(variable: &'static str, value: &str, supported: &'static str) -> SetupError {
    SetupError::Variable {
        variable,
        value: value.to_owned(),
        supported,
    }
}

#[cfg(test)]
mod tests;
