//! Values of attributes that can be listed. Reasons, states and job kinds have their own lists in
//! core; statuses of gRPC and HTTP are theirs.

/// Value of [`crate::attribute::RPC_SYSTEM_NAME`].
pub const RPC_SYSTEM_GRPC: &str = "grpc";

/// Stands for what the other side made up, so that it can't grow a metric without bound.
pub const OTHER: &str = "_OTHER";

/// Value of [`crate::attribute::OTEL_STATUS_CODE`] after a failure.
pub const STATUS_ERROR: &str = "ERROR";

/// The gRPC statuses that are the server's fault. Only these make a server's span an error and set
/// [`crate::attribute::ERROR_TYPE`].
pub const RPC_SERVER_ERRORS: [&str; 6] = [
    "UNKNOWN",
    "DEADLINE_EXCEEDED",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
];

/// Values of [`crate::attribute::OTEL_KIND`].
pub mod span_kind {
    /// We answer a request.
    pub const SERVER: &str = "server";
    /// We send a request.
    pub const CLIENT: &str = "client";
    /// Neither.
    pub const INTERNAL: &str = "internal";
}

/// Values of [`crate::attribute::CALLBACK_VERDICT`] for a callback that was answered 200. A
/// refused one has the code of its reason.
pub mod callback_verdict {
    /// New, believed and durable.
    pub const ACCEPTED: &str = "ACCEPTED";
    /// Believed, and known already.
    pub const REPEATED: &str = "REPEATED";
    /// Believed, and not kept: its attempt was cancelled or its verification erased.
    pub const NOT_KEPT: &str = "NOT_KEPT";
}

/// Values of [`crate::attribute::CIRCUIT_STATE`].
pub mod circuit_state {
    /// Calls pass.
    pub const CLOSED: &str = "closed";
    /// No call passes.
    pub const OPEN: &str = "open";
    /// One call at a time passes, as a trial.
    pub const HALF_OPEN: &str = "half_open";
}

/// Values of [`crate::attribute::OUTCOME`].
pub mod outcome {
    /// Done.
    pub const OK: &str = "ok";
    /// Not done, since something else came first; the caller decides anew.
    pub const CONFLICT: &str = "conflict";
    /// Not done yet; comes again.
    pub const RETRY: &str = "retry";
    /// Not done, and will not be.
    pub const ERROR: &str = "error";
}

/// Values of [`crate::attribute::WATCH_KIND`].
pub mod watch_kind {
    /// Watches one verification.
    pub const SINGLE: &str = "single";
    /// Watches all verifications under a filter.
    pub const TAIL: &str = "tail";
    /// Waits in a list call for the next event.
    pub const LONG_POLL: &str = "long_poll";
}

/// Values of [`crate::attribute::WATCH_CUT_REASON`].
pub mod watch_cut {
    /// It took nothing for too long.
    pub const STALLED: &str = "stalled";
    /// The server is shutting down.
    pub const DRAINING: &str = "draining";
}

/// Values of [`crate::attribute::PULL_CAUSE`].
pub mod pull_cause {
    /// After silence, after a restart, or after a callback that could not be verified.
    pub const POLL: &str = "poll";
    /// Before an attempt is ended for want of news.
    pub const BEFORE_END: &str = "before_end";
    /// A genuine status came past its deadline.
    pub const LATE_CALLBACK: &str = "late_callback";
}

/// Values of [`crate::attribute::PULL_OUTCOME`].
pub mod pull_outcome {
    /// Something was missed, and is in the log now.
    pub const NEWS: &str = "news";
    /// Nothing was missed.
    pub const NOTHING: &str = "nothing";
    /// There is nobody to ask: the connection keeps no history, or is not configured any more.
    pub const IMPOSSIBLE: &str = "impossible";
    /// Not asked, since it was asked often enough.
    pub const LIMITED: &str = "limited";
    /// The provider did not answer, or not usably.
    pub const FAILED: &str = "failed";
}
