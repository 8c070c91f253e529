//! W3C trace context: in from a caller's headers, out into a request's, and kept beside a
//! verification so that spans of later days can be linked to the one that created it.
//!
//! Without set-up all of it does nothing. Only `traceparent` and `tracestate` are read and
//! written; baggage is neither, since callers put values about people there.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, global};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const TRACEPARENT: &str = "traceparent";

/// Makes `span` a part of the trace that a caller's headers name. Only for callers we trust with
/// it, and before the span is entered: later it has no effect.
pub fn set_parent(span: &Span, headers: &HeaderMap) {
    let remote = extract(&Headers(headers));
    if remote.span().span_context().is_valid() {
        // Fails if the span is filtered out or was entered; there is nothing to do about either.
        let _ = span.set_parent(remote);
    }
}

/// Writes the current span's context into the headers of a request that we send.
pub fn inject(headers: &mut HeaderMap) {
    let context = Span::current().context();
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut HeadersMut(headers));
    });
}

/// The current span's `traceparent`, to be kept. Holds two random ids and a flag.
#[must_use]
pub fn current_traceparent() -> Option<String> {
    let context = Span::current().context();
    let mut kept = Kept(None);
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut kept));
    kept.0
}

/// Links `span` to the span whose `traceparent` was kept. Malformed text is no link.
pub fn link_to(span: &Span, traceparent: &str) {
    let kept = extract(&Kept(Some(traceparent.to_owned())));
    span.add_link(kept.span().span_context().clone());
}

fn extract(from: &dyn Extractor) -> Context {
    // Not into the current context, whose span would stand in for a missing one.
    global::get_text_map_propagator(|propagator| {
        propagator.extract_with_context(&Context::new(), from)
    })
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct HeadersMut<'a>(&'a mut HeaderMap);

impl Injector for HeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        let name = HeaderName::from_bytes(key.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
            self.0.insert(name, value);
        }
    }
}

struct Kept(Option<String>);

impl Injector for Kept {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT {
            self.0 = Some(value);
        }
    }
}

impl Extractor for Kept {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.as_deref().filter(|_| key == TRACEPARENT)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}
