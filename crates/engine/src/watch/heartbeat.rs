//! When a watch has been silent for long enough to give a sign of life.
//!
//! Silence counts from the last message: what a watch looks at and passes over does not break it.
//! Real time, since it is about connections and not about verifications.

use std::time::Duration;

use tokio::time::Instant;

/// The silence of one watch.
pub(super) struct Heartbeat {
    interval: Duration,
    /// None while nothing has been waited for since the last message.
    due: Option<Instant>,
}

impl Heartbeat {
    pub(super) const fn every(interval: Duration) -> Self {
        Self {
            interval,
            due: None,
        }
    }

    /// A message was given: silence begins anew.
    pub(super) const fn spoke(&mut self) {
        self.due = None;
    }

    /// When the next one is due; none if that is too far away to be told.
    pub(super) fn due(&mut self) -> Option<Instant> {
        self.due = self
            .due
            .or_else(|| Instant::now().checked_add(self.interval));
        self.due
    }

    /// Whether it is due now.
    pub(super) fn is_due(&mut self) -> bool {
        self.due().is_some_and(|due| due <= Instant::now())
    }
}
