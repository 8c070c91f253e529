//! How a connection's provider has answered lately, as this process has seen it.
//!
//! Told to callers and operators; nothing is decided by it. Kept in memory only.

use parking_lot::Mutex;
use verilane_core::Timestamp;

use crate::ProviderError;

/// So many failures in a row count as an outage.
const OUTAGE: u32 = 3;

/// How a provider answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HealthState {
    /// It was not called yet.
    Unknown,
    /// It answers.
    Healthy,
    /// It has failed to answer lately.
    Degraded,
    /// It has failed to answer several times in a row.
    Unavailable,
}

/// How a provider answers, and since when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Health {
    /// How.
    pub state: HealthState,
    /// Since when; none before the first call.
    pub since: Option<Timestamp>,
}

struct Seen {
    failures: u32,
    health: Health,
}

/// Follows the calls of one connection.
pub(super) struct Pulse(Mutex<Seen>);

impl Pulse {
    pub(super) const fn new() -> Self {
        let health = Health {
            state: HealthState::Unknown,
            since: None,
        };
        Self(Mutex::new(Seen {
            failures: 0,
            health,
        }))
    }

    pub(super) fn health(&self) -> Health {
        self.0.lock().health
    }

    /// A call has ended. A provider that says no has answered.
    /// Tells whether that changed how it stands.
    pub(super) fn note(&self, failure: Option<&ProviderError>, now: Timestamp) -> bool {
        let has_answered = matches!(failure, None | Some(ProviderError::Refused { .. }));
        let mut seen = self.0.lock();
        seen.failures = if has_answered {
            0
        } else {
            seen.failures.saturating_add(1)
        };
        let state = match seen.failures {
            0 => HealthState::Healthy,
            1..OUTAGE => HealthState::Degraded,
            _ => HealthState::Unavailable,
        };
        let is_new = seen.health.state != state;
        if is_new {
            seen.health = Health {
                state,
                since: Some(now),
            };
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use verilane_core::Reason;

    use super::*;

    #[test]
    fn failures_in_a_row_make_an_outage_and_one_answer_ends_it() {
        let pulse = Pulse::new();
        assert_eq!(pulse.health().state, HealthState::Unknown);
        let refused = ProviderError::Refused {
            reason: Reason::ProviderRefused,
            text: None,
        };
        let steps = [
            (None, HealthState::Healthy, 1),
            (Some(&refused), HealthState::Healthy, 1),
            (Some(&ProviderError::NotSent), HealthState::Degraded, 3),
            (Some(&ProviderError::Unclear), HealthState::Degraded, 3),
            (Some(&ProviderError::NotSent), HealthState::Unavailable, 5),
            (Some(&ProviderError::NotSent), HealthState::Unavailable, 5),
            (Some(&refused), HealthState::Healthy, 7),
        ];
        for ((failure, state, since), now) in steps.into_iter().zip(1..) {
            let is_new = pulse.note(failure, Timestamp::from_secs(now));
            assert_eq!(is_new, since == now, "step {now}");
            let health = pulse.health();
            assert_eq!(health.state, state, "step {now}");
            assert_eq!(health.since, Some(Timestamp::from_secs(since)));
        }
    }
}
