//! What an operator decides about the engine, checked and with its defaults filled in by whoever
//! reads the configuration.

use std::time::Duration;

use verilane_core::decide::{Deadlines, Polls};

/// Limits and times of the engine.
#[derive(Clone, Copy, Debug)]
pub struct EngineConfig {
    /// Deadlines of attempts.
    pub deadlines: Deadlines,
    /// How soon a verification may expire at the earliest.
    pub expire_min: Duration,
    /// How late at the latest.
    pub expire_max: Duration,
    /// And if the caller says nothing.
    pub expire_default: Duration,
    /// How many attempts a verification may have at the most, whatever its caller says.
    pub attempts_max: u32,
    /// And if the caller says nothing.
    pub attempts_default: u32,
    /// How long a request id is remembered.
    pub idempotency_retention: Duration,
    /// How long events are kept; for ever if none.
    pub event_retention: Option<Duration>,
    /// How often what has served its time is removed.
    pub purge_interval: Duration,
    /// How many watches may be open at once.
    pub max_watches: usize,
    /// How many rows that changed during a snapshot one stream remembers.
    pub max_snapshot_marks: usize,
    /// How many events of the log one call that lists events looks at, at most by a page more,
    /// before it answers with what it found, a token to go on with at least.
    pub max_examined_events: u64,
    /// How many jobs run at once.
    pub max_jobs: usize,
    /// The most bytes of a picture that is shown as one.
    pub max_picture_bytes: usize,
    /// How often providers that keep a history are asked for it.
    pub polls: Polls,
    /// And how often at most.
    pub pull_limits: PullLimits,
}

/// How often a provider is asked for its history at most, and how long it is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PullLimits {
    /// At least between two pulls about one attempt, but for the one before its end.
    pub spacing: Duration,
    /// How many pulls a minute over one connection.
    pub per_minute: u32,
    /// How many pulls at once over one connection.
    pub at_once: usize,
    /// How long the end of an attempt waits for a provider that can't be reached.
    pub patience: Duration,
}

impl Default for EngineConfig {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const DAY: u64 = 24 * 60 * MINUTE;
        Self {
            deadlines: Deadlines {
                processing: Duration::from_secs(DAY),
                data: Duration::from_secs(89 * DAY),
                start_lease: Duration::from_secs(60),
                review: Some(Duration::from_secs(7 * DAY)),
                review_reminder: Some(Duration::from_secs(3 * DAY)),
                overdue: None,
            },
            expire_min: Duration::from_secs(5 * MINUTE),
            expire_max: Duration::from_secs(30 * DAY),
            expire_default: Duration::from_secs(DAY),
            attempts_max: 10,
            attempts_default: 1,
            idempotency_retention: Duration::from_secs(DAY),
            event_retention: None,
            purge_interval: Duration::from_secs(60 * MINUTE),
            max_watches: 50_000,
            max_snapshot_marks: 100_000,
            max_examined_events: 16_384,
            max_jobs: 32,
            max_picture_bytes: 20 * 1024 * 1024,
            polls: Polls {
                first: Duration::from_secs(MINUTE),
                longest: Duration::from_secs(60 * MINUTE),
                after_end: Duration::from_secs(DAY),
            },
            pull_limits: PullLimits {
                spacing: Duration::from_secs(30),
                per_minute: 300,
                at_once: 8,
                patience: Duration::from_secs(5 * MINUTE),
            },
        }
    }
}
