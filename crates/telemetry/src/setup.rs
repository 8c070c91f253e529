//! Sets up logs, traces and metrics for a process. For the binary alone.
//!
//! Logs go to stderr. Traces and metrics go to an OTLP endpoint if the environment names one, and
//! nowhere otherwise; trace ids are made, logged and passed on in both cases. Exporters work in
//! threads of their own behind bounded queues: whoever makes a span or a measurement never waits
//! for them, and what an absent receiver can't take is dropped.

mod log;
mod otlp;
mod quiet;

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use opentelemetry::global;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Registry, fmt::MakeWriter};

pub use self::log::LogFormat;
use self::otlp::Exporters;

/// How a process shows itself.
pub struct Config<'a> {
    /// The shape of log lines.
    pub log_format: LogFormat,
    /// Which log lines are written: a level, or levels by crate, as in
    /// `info,verilane_engine=debug`. Crates of others write nothing below `info` whatever this
    /// says, since they show headers and paths there.
    pub log_filter: &'a str,
    /// The version of the service.
    pub version: &'a str,
    /// Looks up a variable of the environment. The standard `OTEL_*` variables decide on export.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
}

/// Why nothing was set up. All but [`SetupError::Start`] need another configuration.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The log filter can't be read.
    #[error("the log filter {0:?} is not a level, nor levels by crate as in `info,h2=warn`")]
    LogFilter(String),
    /// A file that a variable names can't be read.
    #[error("{variable} names a file that can't be read: {source}")]
    File {
        /// Which variable.
        variable: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The exporter does not take the configuration.
    #[error("OTLP export can't be set up: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// A certificate can't be used, or the system offers none to trust.
    #[error("OTLP export over HTTP can't be set up: {0}")]
    Client(reqwest::Error),
    /// Threads could not be started. Retrying may help.
    #[error("no threads could be had for OTLP export: {0}")]
    Start(io::Error),
    /// Something else has set up logs in this process.
    #[error("logs are set up already")]
    Twice,
}

/// What was still to be exported when time ran out. Lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("traces or metrics could not be exported before the process ended")]
pub struct NotFlushed;

/// Sets up this process, once. Instruments made before it measure into nothing.
///
/// # Errors
/// [`SetupError`].
pub fn init(config: &Config<'_>) -> Result<Telemetry, SetupError> {
    let ansi = io::stderr().is_terminal();
    let (subscriber, telemetry) = build(config, io::stderr, ansi)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| SetupError::Twice)?;
    global::set_text_map_propagator(TraceContextPropagator::new());
    telemetry.exporters.set_global();
    for warning in telemetry.exporters.warnings() {
        tracing::warn!("{warning}");
    }
    Ok(telemetry)
}

/// All but what is global, so that tests can have several.
fn build<W>(
    config: &Config<'_>,
    writer: W,
    ansi: bool,
) -> Result<(impl Subscriber + Send + Sync + use<W>, Telemetry), SetupError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let log_filter = log::filter(config.log_filter)?;
    let exporters = Exporters::start(config)?;
    let subscriber = Registry::default().with(exporters.layer()).with(log::layer(
        config.log_format,
        log_filter,
        writer,
        ansi,
    ));
    Ok((subscriber, Telemetry { exporters }))
}

/// Keeps exporters running.
#[must_use = "traces and metrics are exported until this is dropped"]
pub struct Telemetry {
    exporters: Exporters,
}

impl Telemetry {
    /// Whether anything is exported.
    #[must_use]
    pub const fn exports(&self) -> bool {
        self.exporters.any()
    }

    /// Exports what is left and ends the exporters; returns after `limit` at the latest. Blocks
    /// its thread: not for one that runs tasks.
    ///
    /// # Errors
    /// [`NotFlushed`] if something was lost.
    pub fn shutdown(self, limit: Duration) -> Result<(), NotFlushed> {
        self.exporters.shutdown(limit)
    }
}

#[cfg(test)]
mod tests;
