//! How much of a provider one connection may take: calls under way at once, and calls begun a
//! second.
//!
//! Whoever finds no room waits, in order and for a bounded time, and is sent away without a
//! reservation if it would not be enough. The pace is a leaky bucket told by one time (the generic
//! cell rate algorithm): when the next call would be due if they came evenly. Real time.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until, timeout_at};

/// How long those are put off who found no place among the calls under way: it is not known when
/// one ends.
const NO_PLACE: Duration = Duration::from_secs(1);

/// The budget of one connection.
pub(super) struct Budget {
    places: Semaphore,
    pace: Pace,
}

struct Pace {
    /// How far apart calls are if they come evenly.
    spacing: Duration,
    /// How far ahead of that they may run.
    lead: Duration,
    due: Mutex<Option<Instant>>,
}

impl Budget {
    pub(super) fn new(calls: usize, per_second: u32, burst: u32) -> Self {
        let spacing = Duration::from_secs(1) / per_second.max(1);
        Self {
            places: Semaphore::new(calls.clamp(1, Semaphore::MAX_PERMITS)),
            pace: Pace {
                spacing,
                lead: spacing.saturating_mul(burst.saturating_sub(1)),
                due: Mutex::new(None),
            },
        }
    }

    /// Waits for a turn, until a time at most; else says how long to wait before trying again. A
    /// turn lasts until it is dropped.
    pub(super) async fn turn(&self, until: Instant) -> Result<SemaphorePermit<'_>, Duration> {
        let place = match timeout_at(until, self.places.acquire()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) | Err(_) => return Err(NO_PLACE),
        };
        let turn = self.pace.reserve(Instant::now(), until)?;
        sleep_until(turn).await;
        Ok(place)
    }
}

impl Pace {
    /// When the call may begin, if that is not after `until`; else how much later it would be.
    fn reserve(&self, now: Instant, until: Instant) -> Result<Instant, Duration> {
        let mut due = self.due.lock();
        let next = due.map_or(now, |due| due.max(now));
        let turn = next
            .checked_sub(self.lead)
            .map_or(now, |turn| turn.max(now));
        if turn > until {
            return Err(turn.duration_since(now));
        }
        *due = Some(next + self.spacing);
        Ok(turn)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_the_rest_evenly() {
        let budget = Budget::new(100, 10, 3);
        let begin = Instant::now();
        let mut began = Vec::new();
        for _ in 0..6 {
            let _turn = budget.turn(begin + SECOND).await.unwrap();
            began.push(begin.elapsed().as_millis());
        }
        assert_eq!(began, [0, 0, 0, 100, 200, 300]);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_would_wait_too_long_is_told_how_long_and_takes_nothing() {
        let budget = Budget::new(100, 1, 1);
        let now = Instant::now();
        drop(budget.turn(now).await.unwrap());
        for _ in 0..5 {
            assert_eq!(budget.turn(now).await.err(), Some(SECOND));
        }
        drop(budget.turn(now + SECOND).await.unwrap());
        assert_eq!(now.elapsed(), SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_calls_than_places_are_under_way() {
        let budget = Arc::new(Budget::new(2, 1_000, 1_000));
        let first = budget.turn(Instant::now()).await.unwrap();
        let _second = budget.turn(Instant::now()).await.unwrap();
        let begin = Instant::now();
        assert_eq!(budget.turn(begin + SECOND).await.err(), Some(NO_PLACE));
        assert_eq!(begin.elapsed(), SECOND);
        let waits = budget.turn(begin + 60 * SECOND);
        let (third, ()) = tokio::join!(waits, async { drop(first) });
        assert!(third.is_ok());
        assert_eq!(begin.elapsed(), SECOND);
    }
}
