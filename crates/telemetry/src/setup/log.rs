//! Log lines: which are written, and in what shape.
//!
//! A line written inside a span ends with the ids of its trace and span, by the names that the
//! OpenTelemetry log data model gives them outside OTLP.

use std::fmt;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{self, FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::layer::{self, Filter};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, fmt as subscriber_fmt};

use super::SetupError;
use super::quiet::Gate;

/// The shape of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// For people; in colour on a terminal.
    Human,
}

/// How long the exporter is silent after a line, if its receiver is away.
const EXPORTER_PAUSE: Duration = Duration::from_secs(60);

pub fn filter(directives: &str) -> Result<LogFilter, SetupError> {
    let targets = directives
        .parse()
        .map_err(|_| SetupError::LogFilter(directives.to_owned()))?;
    Ok(LogFilter(targets))
}

pub fn layer<S, W>(
    shape: LogFormat,
    filter: LogFilter,
    writer: W,
    ansi: bool,
) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let base = subscriber_fmt::layer().with_writer(writer);
    match shape {
        LogFormat::Json => {
            let json = format::json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(true);
            base.with_ansi(false)
                .fmt_fields(format::JsonFields::new())
                .event_format(Lines::new(shape, json))
                .with_filter(filter)
                .boxed()
        }
        LogFormat::Human => base
            .with_ansi(ansi)
            .event_format(Lines::new(shape, format::format().with_ansi(ansi)))
            .with_filter(filter)
            .boxed(),
    }
}

/// Whether a span or line is one of ours.
pub fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("verilane")
}

fn is_the_exporters(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("opentelemetry")
}

/// What the configuration wants, within what is safe.
pub struct LogFilter(Targets);

impl LogFilter {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let (ours, level) = (is_ours(metadata), *metadata.level());
        let wanted = self.0.would_enable(metadata.target(), &level);
        if metadata.is_span() {
            // Whatever is logged, its line shows the spans it stands in.
            return ours && (wanted || level <= Level::INFO);
        }
        let most = if ours {
            Level::TRACE
        } else if is_the_exporters(metadata) {
            // Its good news would use up its minute.
            Level::WARN
        } else {
            // Below this the HTTP crates show headers and paths: credentials, that is.
            Level::INFO
        };
        wanted && level <= most
    }
}

impl<S> Filter<S> for LogFilter {
    fn enabled(&self, metadata: &Metadata<'_>, _: &layer::Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let wanted = Filter::<S>::max_level_hint(&self.0)?;
        Some(wanted.max(LevelFilter::INFO))
    }
}

/// A format whose lines end with the ids of the current trace and span. The exporter's own lines
/// come seldom: dropped here rather than by the filter, since one that decides by the moment
/// upsets the registry's count of who wants what.
struct Lines<F> {
    shape: LogFormat,
    inner: F,
    exporter: Gate,
}

impl<F> Lines<F> {
    fn new(shape: LogFormat, inner: F) -> Self {
        Self {
            shape,
            inner,
            exporter: Gate::new(EXPORTER_PAUSE),
        }
    }
}

impl<S, N, F> FormatEvent<S, N> for Lines<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if is_the_exporters(event.metadata()) && !self.exporter.pass() {
            return Ok(());
        }
        let current = Context::current();
        let span = current.span();
        let ids = span.span_context();
        if !ids.is_valid() {
            return self.inner.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.inner
            .format_event(context, Writer::new(&mut line), event)?;
        let (trace, span, flags) = (ids.trace_id(), ids.span_id(), ids.trace_flags());
        let line = line.trim_end_matches('\n');
        match (self.shape, line.strip_suffix('}')) {
            (LogFormat::Json, Some(open)) => writeln!(
                writer,
                r#"{open},"trace_id":"{trace}","span_id":"{span}","trace_flags":"{flags:02x}"}}"#
            ),
            _ => writeln!(writer, "{line} trace_id={trace} span_id={span}"),
        }
    }
}

#[cfg(test)]
mod tests;
