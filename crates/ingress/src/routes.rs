//! One callback, from its head to its answer, in the order of what it costs: where it leads, how
//! fast the connection's callbacks come, its body, and only then what it says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::post;
use http::header;
use tracing::Span;
use verilane_core::{CallbackChannel, Pii, Reason};
use verilane_engine::{Engine, Taken, Verdict};
use verilane_telemetry::instruments::{Counter, KeyValue};
use verilane_telemetry::value::callback_verdict;
use verilane_telemetry::{attribute, metric, propagation};

use crate::body;
use crate::budget::Budget;
use crate::config::IngressConfig;
use crate::exchange::{Exchanges, observe};
use crate::rate::Rates;
use crate::sink::{CallbackSink, Found};
use crate::status::{answer, status_of};

/// Answers `POST /callbacks/{path}`, and 404 or 405 to all else. To be made after telemetry is set
/// up.
pub fn router(engine: Arc<Engine>, config: IngressConfig) -> Router {
    router_over(engine, config)
}

/// The same over any sink.
pub(crate) fn router_over<S: CallbackSink>(sink: Arc<S>, config: IngressConfig) -> Router {
    let desk = Arc::new(Desk {
        sink,
        budget: Budget::new(config.bytes_in_flight),
        rates: Rates::new(config.rate_per_connection),
        callbacks: metric::CALLBACKS.instrument(),
        config,
    });
    Router::new()
        .route("/callbacks/{path}", post(take::<S>))
        .with_state(desk)
        .layer(from_fn_with_state(Arc::new(Exchanges::new()), observe))
}

/// Where callbacks are taken in.
struct Desk<S> {
    sink: Arc<S>,
    budget: Budget,
    rates: Rates,
    callbacks: Counter<u64>,
    config: IngressConfig,
}

async fn take<S: CallbackSink>(
    State(desk): State<Arc<Desk<S>>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let found = desk.find(path).await;
    let result = match &found {
        Ok(found) => desk.receive(found, request).await,
        Err(reason) => Err(*reason),
    };
    desk.note(found.as_ref().ok(), &result);
    answer(&result)
}

impl<S: CallbackSink> Desk<S> {
    async fn find(
        &self,
        path: Result<Path<String>, PathRejection>,
    ) -> Result<Found<S::Place>, Reason> {
        // A path that is not even text is none of ours.
        let Path(path) = path.map_err(|_| Reason::CallbackPathUnknown)?;
        let path = Pii::new(path);
        let found = in_time(self.config.engine_timeout, self.sink.find(&path)).await?;
        let span = Span::current();
        span.record(attribute::CONNECTION, found.connection.as_str());
        span.record(attribute::CALLBACK_CHANNEL, found.channel.as_str());
        Ok(found)
    }

    async fn receive(&self, found: &Found<S::Place>, request: Request) -> Result<Taken, Reason> {
        if !self.rates.admits(&found.connection, Instant::now()) {
            return Err(Reason::CallbackRateLimited);
        }
        let (head, body) = request.into_parts();
        let limit = match found.channel {
            CallbackChannel::Status => self.config.status_body_limit,
            CallbackChannel::Data => self.config.data_body_limit,
        };
        let whole = body::read(body, limit, self.config.body_timeout, &self.budget).await?;
        Span::current().record(attribute::CALLBACK_BODY_SIZE, whole.bytes.len());
        let content_type = head
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let taken = self.sink.take(&found.place, content_type, whole.bytes);
        let result = in_time(self.config.engine_timeout, taken).await;
        // The message is in memory until here.
        drop(whole.room);
        result
    }

    /// Tells operators how a callback ended.
    fn note(&self, found: Option<&Found<S::Place>>, result: &Result<Taken, Reason>) {
        let span = Span::current();
        let verdict = match result {
            Ok(taken) => {
                span.record(
                    attribute::VERIFICATION_ID,
                    tracing::field::display(taken.verification),
                );
                if let Some(parent) = &taken.trace_parent {
                    propagation::link_to(&span, &parent.0);
                }
                word(taken.verdict)
            }
            Err(reason) => {
                span.record(attribute::REASON, reason.code());
                reason.code()
            }
        };
        span.record(attribute::CALLBACK_VERDICT, verdict);
        let mut labels = vec![KeyValue::new(attribute::CALLBACK_VERDICT, verdict)];
        if let Some(found) = found {
            labels.push(KeyValue::new(
                attribute::CONNECTION,
                found.connection.to_string(),
            ));
            labels.push(KeyValue::new(
                attribute::CALLBACK_CHANNEL,
                found.channel.as_str(),
            ));
        }
        self.callbacks.add(1, &labels);
        // The span around the line says which connection and channel.
        match result {
            Ok(_) => tracing::debug!({ attribute::CALLBACK_VERDICT } = verdict, "callback taken"),
            // Strangers try paths all day.
            Err(Reason::CallbackPathUnknown) => {
                tracing::debug!({ attribute::REASON } = verdict, "callback refused");
            }
            Err(reason) if status_of(*reason).is_server_error() => {
                tracing::warn!({ attribute::REASON } = verdict, "callback not taken in");
            }
            Err(_) => tracing::info!({ attribute::REASON } = verdict, "callback refused"),
        }
    }
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted => callback_verdict::ACCEPTED,
        Verdict::Repeated => callback_verdict::REPEATED,
        Verdict::NotKept => callback_verdict::NOT_KEPT,
    }
}

/// What takes too long is not waited for: the provider comes again, and is then told how it ended.
async fn in_time<T>(
    time: Duration,
    work: impl Future<Output = Result<T, Reason>>,
) -> Result<T, Reason> {
    tokio::time::timeout(time, work)
        .await
        .unwrap_or(Err(Reason::CallbackStoreUnavailable))
}
