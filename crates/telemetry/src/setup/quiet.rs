//! Lets one line through now and then, for whoever would repeat itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Passes once, and again when a pause has gone by since the last pass.
pub struct Gate {
    start: Instant,
    pause: Duration,
    /// Milliseconds after `start` until which it is shut.
    shut_until: AtomicU64,
}

impl Gate {
    pub fn new(pause: Duration) -> Self {
        Self {
            start: Instant::now(),
            pause,
            shut_until: AtomicU64::new(0),
        }
    }

    pub fn pass(&self) -> bool {
        self.pass_at(self.start.elapsed())
    }

    fn pass_at(&self, since_start: Duration) -> bool {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let until = self.shut_until.load(Ordering::Relaxed);
        let next = millis(since_start.saturating_add(self.pause));
        // Of several threads that come at once, one passes.
        millis(since_start) >= until
            && self
                .shut_until
                .compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_passes_in_each_pause() {
        let gate = Gate::new(Duration::from_secs(60));
        let passes =
            [0, 1, 59, 60, 61, 119, 120, 500].map(|s| gate.pass_at(Duration::from_secs(s)));
        let expected = [true, false, false, true, false, false, true, true];
        assert_eq!(passes, expected);
    }
}
