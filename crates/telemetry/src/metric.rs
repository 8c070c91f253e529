//! Every metric, with its unit in UCUM, what exactly is measured, and what it is split by.

use crate::attribute;

use std::marker::PhantomData;
use std::ops::Deref;

/// How measurements add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instrument {
    /// Only grows.
    Counter,
    /// Grows and shrinks.
    UpDownCounter,
    /// A distribution.
    Histogram,
}

/// What is known of a metric before anything is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Description {
    /// Its name.
    pub name: &'static str,
    /// Its unit in UCUM; what is counted stands in braces.
    pub unit: &'static str,
    /// What is measured, in one sentence.
    pub description: &'static str,
    /// How measurements add up.
    pub instrument: Instrument,
    /// Upper bounds of a histogram's buckets, in the metric's unit; empty for the others.
    pub boundaries: &'static [f64],
    /// Keys of the attributes it may have.
    pub attributes: &'static [&'static str],
}

/// A metric whose kind of instrument the compiler knows: one of [`Counter`], [`UpDownCounter`],
/// [`Histogram`].
#[derive(Clone, Copy, Debug)]
pub struct Metric<I> {
    description: Description,
    instrument: PhantomData<I>,
}

impl<I> Deref for Metric<I> {
    type Target = Description;

    fn deref(&self) -> &Description {
        &self.description
    }
}

/// Marks a metric that only grows, in whole numbers.
#[derive(Clone, Copy, Debug)]
pub enum Counter {}

/// Marks a metric that grows and shrinks, in whole numbers.
#[derive(Clone, Copy, Debug)]
pub enum UpDownCounter {}

/// Marks a distribution.
#[derive(Clone, Copy, Debug)]
pub enum Histogram {}

/// Bounds for durations of calls, in seconds, as the semantic conventions advise.
pub const CALL_SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Bounds for what should take well under a millisecond, in seconds.
pub const SHORT_SECONDS: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5,
];

/// Bounds for delays that a restart can stretch to hours, in seconds.
pub const DELAY_SECONDS: &[f64] = &[
    0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0,
];

/// Bounds for how many changes share a transaction.
pub const BATCH_CHANGES: &[f64] = &[
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0,
];

/// Bounds for how far a watch is behind the log, in events.
pub const BEHIND_EVENTS: &[f64] = &[1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0];

macro_rules! metrics {
    ($($name:ident = $text:literal, $unit:literal, $instrument:ident($boundaries:expr),
        [$($attribute:ident),*], $description:literal;)*) => {
        $(#[doc = $description]
        pub const $name: Metric<$instrument> = Metric {
            description: Description {
                name: $text,
                unit: $unit,
                description: $description,
                instrument: Instrument::$instrument,
                boundaries: $boundaries,
                attributes: &[$(attribute::$attribute),*],
            },
            instrument: PhantomData,
        };)*

        /// Every metric there is.
        pub const ALL: &[Description] = &[$($name.description,)*];
    };
}

metrics! {
    RPC_SERVER_CALL_DURATION = "rpc.server.call.duration", "s", Histogram(CALL_SECONDS),
        [RPC_SYSTEM_NAME, RPC_METHOD, RPC_RESPONSE_STATUS_CODE, ERROR_TYPE],
        "Time from an RPC's headers to its trailers; for a stream, how long it was open.";
    HTTP_CLIENT_REQUEST_DURATION = "http.client.request.duration", "s", Histogram(CALL_SECONDS),
        [HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, SERVER_ADDRESS, SERVER_PORT, URL_SCHEME,
            URL_TEMPLATE, ERROR_TYPE, CONNECTION],
        "Time from the start of a request to a provider to the end of its answer's body.";
    HTTP_SERVER_REQUEST_DURATION = "http.server.request.duration", "s", Histogram(CALL_SECONDS),
        [HTTP_REQUEST_METHOD, HTTP_ROUTE, HTTP_RESPONSE_STATUS_CODE, URL_SCHEME, ERROR_TYPE],
        "Time from the headers of a request to the public side to its answer.";
    CALLBACKS = "verilane.callbacks", "{callback}", Counter(&[]),
        [CONNECTION, CALLBACK_CHANNEL, CALLBACK_VERDICT],
        "Callbacks answered, by what became of them.";
    PROVIDER_CALL_DURATION = "verilane.provider.call.duration", "s", Histogram(CALL_SECONDS),
        [CONNECTION, PROVIDER, PROVIDER_OPERATION, OUTCOME],
        "Time of a call of a plug-in through the facade, retries included.";
    PROVIDER_RETRIES = "verilane.provider.retries", "{retry}", Counter(&[]),
        [CONNECTION, PROVIDER_OPERATION, ERROR_TYPE],
        "Calls of a plug-in that the facade tried again, by what had failed.";
    PROVIDER_TURN_DURATION = "verilane.provider.turn.duration", "s", Histogram(CALL_SECONDS),
        [CONNECTION, OUTCOME],
        "Time that a call of a plug-in waited for its turn under the connection's budget; with outcome error, in vain.";
    PROVIDER_CIRCUIT_CHANGES = "verilane.provider.circuit.changes", "{change}", Counter(&[]),
        [CONNECTION, CIRCUIT_STATE],
        "Changes of a connection's circuit breaker, by the state that it went to.";
    PROVIDER_CIRCUIT_OPEN = "verilane.provider.circuit.open", "{circuit}", UpDownCounter(&[]),
        [CONNECTION],
        "1 while a connection's circuit is open or half open, so that its provider is left alone or tried out; else 0.";
    STORE_COMMIT_BATCH_SIZE = "verilane.store.commit.batch_size", "{change}",
        Histogram(BATCH_CHANGES), [],
        "Changes taken into one transaction, those that turned out to conflict included.";
    STORE_COMMIT_DURATION = "verilane.store.commit.duration", "s", Histogram(SHORT_SECONDS),
        [OUTCOME],
        "Time from the start of a transaction of the store's writer until it is durable.";
    STORE_CHANGES = "verilane.store.changes", "{change}", Counter(&[]), [OUTCOME],
        "Changes that the store has decided on: ok, conflict or error.";
    RELAY_LAG = "verilane.relay.lag", "s", Histogram(SHORT_SECONDS), [],
        "Time from when a commit's events are durable until all of them stand in the relay's ring and the waiting watches are woken; one measurement a commit.";
    RELAY_BEHIND = "verilane.relay.behind", "{event}", Histogram(BEHIND_EVENTS), [WATCH_KIND],
        "Events between a watch and the head of the log, measured each time the watch has to read a page from the store because the relay's ring no longer holds what it needs next.";
    WATCHERS = "verilane.watchers", "{watch}", UpDownCounter(&[]), [WATCH_KIND],
        "Watches open now.";
    WATCH_WAKES = "verilane.watch.wakes", "{wake}", Counter(&[]), [WATCH_KIND],
        "Times that a waiting watch was woken because of an event; heartbeats don't count.";
    WATCH_CUT = "verilane.watch.cut", "{watch}", Counter(&[]), [WATCH_KIND, WATCH_CUT_REASON],
        "Watches closed from our side before their end.";
    JOBS = "verilane.jobs", "{run}", Counter(&[]), [JOB_KIND, OUTCOME],
        "Runs of jobs: ok, retry or error.";
    JOB_DELAY = "verilane.job.delay", "s", Histogram(DELAY_SECONDS), [JOB_KIND],
        "Time from when a job was due until its run began.";
    QUARANTINED = "verilane.quarantined", "{message}", Counter(&[]), [CONNECTION, OUTCOME],
        "Messages that are right in everything but their signature: ok for one that is kept, conflict for a further one of the same attempt, which is not.";
    PULLS = "verilane.pulls", "{pull}", Counter(&[]), [CONNECTION, PULL_CAUSE, PULL_OUTCOME],
        "Times that a provider's history was to be fetched, by why and by what came of it.";
    PULLED_ENTRIES = "verilane.pulled.entries", "{entry}", Counter(&[]), [CONNECTION],
        "Transitions that no callback told of, found in a provider's history and written to the log.";
    WARNINGS = "verilane.warnings", "{warning}", Counter(&[]), [CONNECTION, REASON],
        "Warnings that began to stand on a verification, such as DATA_NOT_DELIVERED.";
    DEADLINES_MISSED = "verilane.deadlines.missed", "{attempt}", Counter(&[]), [CONNECTION, REASON],
        "Attempts ended since their provider did not finish (PROVIDER_STALLED) or did not deliver (DATA_NOT_DELIVERED) in time.";
    EVIDENCE_WRITTEN = "verilane.evidence.written", "By", Counter(&[]), [EVIDENCE_KIND],
        "Bytes of evidence made durable, counted before encryption.";
}
