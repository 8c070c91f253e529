//! Keys of attributes of spans, metrics and log lines.
//!
//! In `tracing` macros they stand as constants in braces:
//! `tracing::info_span!(span::JOB, { attribute::JOB_KIND } = kind)`.

macro_rules! attributes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $text;)*

        /// Every attribute key there is.
        pub const ALL: &[&str] = &[$($name,)*];
    };
}

attributes! {
    // For the bridge from `tracing` to OpenTelemetry, which takes these out of the span's fields.

    /// The span's name as shown, where it is known at run time only.
    OTEL_NAME = "otel.name";
    /// The span's kind, one of [`crate::value::span_kind`].
    OTEL_KIND = "otel.kind";
    /// `ERROR` if what the span stands for failed, by the fault of the side that records it.
    OTEL_STATUS_CODE = "otel.status_code";

    // OpenTelemetry semantic conventions.

    /// What kind of failure ended it; absent after success. A gRPC status, an HTTP status or a
    /// word of ours, never a message.
    ERROR_TYPE = "error.type";
    /// Which RPC system: [`crate::value::RPC_SYSTEM_GRPC`].
    RPC_SYSTEM_NAME = "rpc.system.name";
    /// The full method, `package.Service/Method`; [`crate::value::OTHER`] if there is none such.
    RPC_METHOD = "rpc.method";
    /// The gRPC status by name: `OK`, `NOT_FOUND`, …
    RPC_RESPONSE_STATUS_CODE = "rpc.response.status_code";
    /// The HTTP method; [`crate::value::OTHER`] if it is none of the known ones.
    HTTP_REQUEST_METHOD = "http.request.method";
    /// How many times a request was sent again, from 1; absent on the first.
    HTTP_REQUEST_RESEND_COUNT = "http.request.resend_count";
    /// The HTTP status as a number.
    HTTP_RESPONSE_STATUS_CODE = "http.response.status_code";
    /// The route that matched, never the path: callback paths are secrets.
    HTTP_ROUTE = "http.route";
    /// The host that is called.
    SERVER_ADDRESS = "server.address";
    /// The port that is called.
    SERVER_PORT = "server.port";
    /// `http` or `https`.
    URL_SCHEME = "url.scheme";
    /// The path of a request that we send, with variable parts left out.
    URL_TEMPLATE = "url.template";

    // Our own.

    /// The verification concerned. For spans and logs; too many for metrics.
    VERIFICATION_ID = "verilane.verification.id";
    /// Which attempt of the verification, from 1.
    ATTEMPT = "verilane.attempt";
    /// The state of ours that came out.
    STATE = "verilane.state";
    /// A code from the registry of reasons.
    REASON = "verilane.reason";
    /// The connection by its configured name.
    CONNECTION = "verilane.connection";
    /// The provider's kind: `corepass`, …
    PROVIDER = "verilane.provider";
    /// Which of the plug-in's methods: `start`, `handle_callback`, …
    PROVIDER_OPERATION = "verilane.provider.operation";
    /// The state of a connection's circuit breaker: one of [`crate::value::circuit_state`].
    CIRCUIT_STATE = "verilane.circuit.state";
    /// Which of the connection's callback channels, in the plug-in's words: `status`, `data`, …
    CALLBACK_CHANNEL = "verilane.callback.channel";
    /// What became of a callback: one of [`crate::value::callback_verdict`], or the code of the
    /// reason why it was refused.
    CALLBACK_VERDICT = "verilane.callback.verdict";
    /// The body's size in bytes.
    CALLBACK_BODY_SIZE = "verilane.callback.body.size";
    /// How an operation of ours ended: one of [`crate::value::outcome`].
    OUTCOME = "verilane.outcome";
    /// The change by its id. For spans and logs.
    CHANGE_ID = "verilane.change.id";
    /// The log's head after a commit.
    SEQUENCE = "verilane.sequence";
    /// How many changes stood in a batch.
    BATCH_SIZE = "verilane.batch.size";
    /// Which kind of watch: one of [`crate::value::watch_kind`].
    WATCH_KIND = "verilane.watch.kind";
    /// Why a watch was closed by us: one of [`crate::value::watch_cut`].
    WATCH_CUT_REASON = "verilane.watch.cut_reason";
    /// How many events a watch has sent. For spans.
    WATCH_EVENTS = "verilane.watch.events";
    /// The job's kind.
    JOB_KIND = "verilane.job.kind";
    /// Which run of the job this is, from 1.
    JOB_TRY = "verilane.job.try";
    /// Why a provider's history is fetched: one of [`crate::value::pull_cause`].
    PULL_CAUSE = "verilane.pull.cause";
    /// What came of a pull: one of [`crate::value::pull_outcome`].
    PULL_OUTCOME = "verilane.pull.outcome";
    /// The kind of a piece of evidence, as the API names it.
    EVIDENCE_KIND = "verilane.evidence.kind";
}
