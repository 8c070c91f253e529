//! How fast callbacks of one connection may come.
//!
//! A leaky bucket told by one time per connection (the generic cell rate algorithm): when the next
//! callback would be due if they came evenly. Whoever is ahead of it by less than a burst passes.
//! There are no more entries than configured connections.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use verilane_core::ConnectionName;

use crate::config::Rate;

/// Counts callbacks by connection.
pub(crate) struct Rates {
    /// How far apart they are if they come evenly.
    spacing: Duration,
    /// How far ahead of that they may run.
    lead: Duration,
    due: Mutex<BTreeMap<ConnectionName, Instant>>,
}

impl Rates {
    pub(crate) fn new(rate: Rate) -> Self {
        let spacing = Duration::from_secs(1) / rate.per_second.get();
        Self {
            spacing,
            lead: spacing.saturating_mul(rate.burst.get() - 1),
            due: Mutex::default(),
        }
    }

    /// Whether a callback that comes now may pass. One that may not is not counted.
    #[must_use]
    pub(crate) fn admits(&self, connection: &ConnectionName, now: Instant) -> bool {
        let mut due = self.due.lock();
        let next = due.get(connection).map_or(now, |next| now.max(*next));
        if next.duration_since(now) > self.lead {
            return false;
        }
        due.insert(connection.clone(), next + self.spacing);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn rates(per_second: u32, burst: u32) -> Rates {
        Rates::new(Rate {
            per_second: NonZeroU32::new(per_second).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
        })
    }

    fn name(text: &str) -> ConnectionName {
        ConnectionName::new(text).unwrap()
    }

    #[test]
    fn a_burst_passes_and_then_one_at_a_time() {
        let rates = rates(10, 3);
        let live = name("live");
        let start = Instant::now();
        let at = |millis| rates.admits(&live, start + Duration::from_millis(millis));
        assert_eq!([at(0), at(0), at(0), at(0)], [true, true, true, false]);
        assert_eq!([at(99), at(100), at(100)], [false, true, false]);
        assert_eq!([at(200), at(200)], [true, false]);
    }

    #[test]
    fn no_pause_is_long_enough_for_more_than_a_burst() {
        let rates = rates(10, 2);
        let live = name("live");
        let start = Instant::now();
        assert!(rates.admits(&live, start));
        let later = start + Duration::from_secs(3_600);
        let passed = (0..5).filter(|_| rates.admits(&live, later)).count();
        assert_eq!(passed, 2);
    }

    #[test]
    fn one_connection_does_not_use_up_anothers_rate() {
        let rates = rates(1, 1);
        let now = Instant::now();
        assert!(rates.admits(&name("live"), now));
        assert!(!rates.admits(&name("live"), now));
        assert!(rates.admits(&name("test"), now));
    }
}
