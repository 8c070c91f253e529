//! What stands in a log line, and which lines are written.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde_json::Value;
use tracing::{debug, error, info, info_span, trace, warn};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::{attribute, span};

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines written while `act` runs, under a tracer that exports nothing.
fn lines(shape: LogFormat, directives: &str, act: impl FnOnce()) -> Vec<String> {
    let paper = Paper::default();
    let writer = paper.clone();
    let tracer = SdkTracerProvider::builder().build().tracer("test");
    let log = layer(
        shape,
        filter(directives).unwrap(),
        move || writer.clone(),
        false,
    );
    let subscriber = Registry::default()
        .with(tracing_opentelemetry::layer().with_tracer(tracer))
        .with(log);
    tracing::subscriber::with_default(subscriber, act);
    let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn json(directives: &str, act: impl FnOnce()) -> Vec<Value> {
    lines(LogFormat::Json, directives, act)
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn is_hex(value: &Value, digits: usize) -> bool {
    let text = value.as_str().unwrap();
    text.len() == digits
        && text.chars().all(|c| c.is_ascii_hexdigit())
        && text.contains(|c| c != '0')
}

#[test]
fn a_json_line_in_a_span_has_its_fields_its_spans_fields_and_trace_ids() {
    let lines = json("info", || {
        let _span = info_span!(span::JOB, { attribute::JOB_KIND } = "purge").entered();
        info!(
            { attribute::BATCH_SIZE } = 3,
            "removed \"old\" rows\nand }}"
        );
    });
    let [line] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["message"], "removed \"old\" rows\nand }");
    assert_eq!(line[attribute::BATCH_SIZE], 3);
    assert_eq!(line["spans"][0]["name"], span::JOB);
    assert_eq!(line["spans"][0][attribute::JOB_KIND], "purge");
    assert!(is_hex(&line["trace_id"], 32), "{line}");
    assert!(is_hex(&line["span_id"], 16), "{line}");
    assert_eq!(line["trace_flags"], "01");
}

#[test]
fn a_line_outside_any_span_has_no_trace_ids() {
    let lines = json("info", || info!("started"));
    assert_eq!(lines[0]["message"], "started");
    assert!(lines[0].get("trace_id").is_none());
}

#[test]
fn lines_of_one_trace_share_its_id_and_differ_in_their_span() {
    let lines = json("info", || {
        let _outer = info_span!("outer").entered();
        info!("one");
        let _inner = info_span!("inner").entered();
        info!("two");
    });
    assert_eq!(lines[0]["trace_id"], lines[1]["trace_id"]);
    assert_ne!(lines[0]["span_id"], lines[1]["span_id"]);
}

#[test]
fn a_human_line_ends_with_the_trace_ids_and_has_no_colour_off_a_terminal() {
    let lines = lines(LogFormat::Human, "info", || {
        let _span = info_span!(span::JOB).entered();
        info!("done");
    });
    let (line, ids) = lines[0].split_once(" trace_id=").unwrap();
    assert!(line.ends_with("done"), "{line}");
    assert!(!line.contains('\x1b'), "{line}");
    let (trace, span) = ids.split_once(" span_id=").unwrap();
    assert_eq!((trace.len(), span.len()), (32, 16));
}

#[test]
fn the_filter_goes_by_level_and_crate() {
    let written = lines(LogFormat::Human, "warn,verilane_engine=debug", || {
        info!(target: "verilane_grpc", "hidden");
        warn!(target: "verilane_grpc", "seen 1");
        debug!(target: "verilane_engine", "seen 2");
        trace!(target: "verilane_engine", "hidden");
    });
    let seen = written.iter().filter(|line| line.contains("seen")).count();
    assert_eq!((seen, written.len()), (2, 2), "{written:?}");
}

#[test]
fn a_warning_shows_the_spans_it_stands_in_though_the_filter_hides_their_level() {
    let lines = json("warn", || {
        let _span = info_span!(span::JOB, { attribute::JOB_KIND } = "purge").entered();
        warn!("late");
    });
    assert_eq!(lines[0]["spans"][0][attribute::JOB_KIND], "purge");
}

#[test]
fn other_crates_write_nothing_below_info_whatever_the_filter_says() {
    let written = lines(LogFormat::Human, "trace,h2=trace", || {
        debug!(target: "h2::codec", "authorization: secret");
        trace!(target: "hyper", "GET /c/secret");
        info!(target: "hyper", "listening");
        debug!(target: "verilane_engine", "ours");
    });
    assert_eq!(written.len(), 2, "{written:?}");
    assert!(!written.concat().contains("secret"));
}

#[test]
fn an_exporter_that_fails_again_and_again_writes_one_line() {
    let written = lines(LogFormat::Human, "info", || {
        info!(target: "opentelemetry_sdk", "started");
        for _ in 0..100 {
            error!(target: "opentelemetry_sdk", "export failed");
            error!(target: "verilane_engine", "ours");
        }
    });
    let exporter = written
        .iter()
        .filter(|l| l.contains("export failed"))
        .count();
    assert_eq!((exporter, written.len()), (1, 101));
}

#[test]
fn a_filter_that_can_t_be_read_is_refused() {
    assert!(matches!(
        filter("verilane=loud"),
        Err(SetupError::LogFilter(_))
    ));
}
