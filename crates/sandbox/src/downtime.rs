//! Whether an upstream is down, and until when.

use std::time::Duration;

use verilane_core::Timestamp;

/// The state of an upstream's machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Downtime {
    /// It runs.
    #[default]
    Up,
    /// It is down until a time.
    Until(Timestamp),
    /// It is down until it is told to come up.
    UntilTold,
}

impl Downtime {
    /// It goes down: for so many seconds, or until it is told to come up.
    pub fn begin(&mut self, seconds: Option<u64>, now: Timestamp) {
        *self = seconds.map_or(Self::UntilTold, |seconds| {
            Self::Until(now + Duration::from_secs(seconds))
        });
    }

    /// Whether it is down at `now`.
    pub fn is_on(self, now: Timestamp) -> bool {
        match self {
            Self::Up => false,
            Self::Until(until) => until > now,
            Self::UntilTold => true,
        }
    }
}
