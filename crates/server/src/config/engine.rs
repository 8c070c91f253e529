//! `[engine]`: how long is waited, how long is kept, and how much is held in memory.

use std::time::Duration;

use verilane_core::decide::{Deadlines, Polls};
use verilane_engine::{EngineConfig, PullLimits};
use verilane_provider::Limits;

use super::section::{Asked, Section};
use super::value::{OrNever, Overdue, Size};

/// The engine, its relay and its cache of data keys.
#[derive(Clone, Copy, Debug)]
pub struct Engine {
    /// Deadlines, retentions and limits. That of request ids is the API's own; `max_watches` follows from `[grpc]`.
    pub config: EngineConfig,
    /// Events in the relay's ring.
    pub ring_events: usize,
    /// Data keys that are kept open.
    pub open_keys: usize,
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// Whoever holds a lease must have its answer, and have written it, before somebody else may ask
/// the provider again.
fn shortest_lease() -> Duration {
    Limits::default().call_timeout + 5 * SECOND
}

impl Engine {
    /// Reads the section.
    pub fn read(mut section: Section<'_>) -> (Option<Self>, Asked) {
        // The API's bounds, which an operator can narrow.
        let bounds = || 5 * MINUTE..=30 * DAY;
        let shortest = section.within("shortest_lifetime", bounds());
        let longest = section.within("longest_lifetime", bounds());
        let usual = section.within("default_lifetime", bounds());
        let most_attempts = section.within("most_attempts", 1..=10);
        let attempts = section.within("default_attempts", 1..=10);
        let processing = section.within("processing_deadline", MINUTE..=365 * DAY);
        let data = section.within("data_deadline", MINUTE..=3_650 * DAY);
        let start_lease = section.within("start_lease", shortest_lease()..=60 * MINUTE);
        let review = section.get::<OrNever<Duration>>("review_deadline");
        let reminder = section.get::<OrNever<Duration>>("review_reminder");
        let overdue = section.get::<Overdue>("review_overdue");
        let event_retention = section.get::<OrNever<Duration>>("event_retention");
        let purge_interval = section.within("purge_interval", SECOND..=DAY);
        let poll_interval = section.within("poll_interval", SECOND..=DAY);
        let poll_interval_max = section.within("poll_interval_max", SECOND..=30 * DAY);
        let poll_after_end = section.within("poll_after_end", Duration::ZERO..=30 * DAY);
        let poll_spacing = section.within("poll_spacing", Duration::ZERO..=60 * MINUTE);
        let polls_per_minute = section.within("polls_per_minute", 1..=60_000);
        let polls_at_once = section.within("polls_at_once", 1..=1_000);
        let poll_patience = section.within("poll_patience", Duration::ZERO..=DAY);
        if let (Some(first), Some(longest)) = (poll_interval, poll_interval_max)
            && longest < first
        {
            section.fault("poll_interval_max", "must be poll_interval or more");
        }
        let max_jobs = section.within("max_jobs", 1..=10_000);
        let max_marks = section.within("max_snapshot_marks", 1..=10_000_000);
        let max_picture = section.within("max_picture_size", Size::kib(1)..=Size::mib(64));
        let ring_events = section.within("ring_events", 1..=10_000_000);
        let open_keys = section.within("open_keys", 1..=10_000_000);
        for (key, time) in [("review_deadline", &review), ("review_reminder", &reminder)] {
            if let Some(OrNever(Some(time))) = time
                && *time < MINUTE
            {
                section.fault(key, "must be 1m or more, or \"never\"");
            }
        }
        if let Some(OrNever(Some(kept))) = event_retention
            && kept < MINUTE
        {
            section.fault("event_retention", "must be 1m or more, or \"never\"");
        }
        if let (Some(shortest), Some(longest), Some(usual)) = (shortest, longest, usual) {
            if shortest > longest {
                section.fault(
                    "shortest_lifetime",
                    "must not be longer than longest_lifetime",
                );
            } else if !(shortest..=longest).contains(&usual) {
                let problem = "must be within shortest_lifetime and longest_lifetime";
                section.fault("default_lifetime", problem);
            }
        }
        if let (Some(most), Some(attempts)) = (most_attempts, attempts)
            && attempts > most
        {
            section.fault("default_attempts", "must not be more than most_attempts");
        }
        let asked = section.finish();
        let read = || {
            Some(Self {
                config: EngineConfig {
                    deadlines: Deadlines {
                        processing: processing?,
                        data: data?,
                        start_lease: start_lease?,
                        review: review?.0,
                        review_reminder: reminder?.0,
                        overdue: overdue?.0,
                    },
                    expire_min: shortest?,
                    expire_max: longest?,
                    expire_default: usual?,
                    attempts_max: most_attempts?,
                    attempts_default: attempts?,
                    event_retention: event_retention?.0,
                    purge_interval: purge_interval?,
                    max_jobs: max_jobs?,
                    max_picture_bytes: max_picture?.bytes(),
                    polls: Polls {
                        first: poll_interval?,
                        longest: poll_interval_max?,
                        after_end: poll_after_end?,
                    },
                    pull_limits: PullLimits {
                        spacing: poll_spacing?,
                        per_minute: polls_per_minute?,
                        at_once: polls_at_once?,
                        patience: poll_patience?,
                    },
                    max_snapshot_marks: max_marks?,
                    ..EngineConfig::default()
                },
                ring_events: ring_events?,
                open_keys: open_keys?,
            })
        };
        (read(), asked)
    }
}
