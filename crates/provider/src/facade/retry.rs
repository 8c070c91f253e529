//! Whether a call that failed is tried again at once, and after which pause.
//!
//! Pauses double from try to try, within bounds, and each is shortened by chance, so that callers
//! who failed together do not come back together. A provider that asks for time is given it.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Limits;
use crate::ProviderError;

/// What repeating a call can do at the provider.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Repeats {
    /// Nothing: the call changes nothing there.
    Freely,
    /// It can be taken for somebody else's, unless the one before certainly never left. Whoever
    /// holds the call's intent repeats it, and remembers that it was sent before.
    IfItNeverLeft,
}

/// Where chance comes from. No secret depends on it.
#[derive(Debug)]
pub struct Jitter(AtomicU64);

impl Jitter {
    /// Another one in each process.
    #[must_use]
    pub fn random() -> Self {
        Self::seeded(RandomState::new().build_hasher().finish())
    }

    /// The same one for the same seed.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next number of the sequence, as a share of `whole`: from nothing to all of it.
    fn of(&self, whole: Duration) -> Duration {
        // SplitMix64: a counter in steps of an odd constant, its bits mixed.
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let count = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let mixed = (count ^ (count >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let share = (mixed ^ (mixed >> 31)) >> 32;
        let nanos = whole.as_nanos().saturating_mul(u128::from(share)) >> 32;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl Repeats {
    /// Whether a call that failed so may be tried again.
    pub(super) const fn after(self, failure: &ProviderError) -> bool {
        match failure {
            // What was held back has waited already.
            ProviderError::HeldBack { .. }
            | ProviderError::Refused { .. }
            | ProviderError::InvalidAnswer(_) => false,
            ProviderError::NotSent => true,
            ProviderError::Unclear
            | ProviderError::Busy { .. }
            | ProviderError::Overloaded { .. } => matches!(self, Self::Freely),
        }
    }
}

/// The pause after the try of this number, from 1.
pub(super) fn pause(
    limits: &Limits,
    number: u32,
    failure: &ProviderError,
    jitter: &Jitter,
) -> Duration {
    let doubled = 2_u32.saturating_pow(number.saturating_sub(1));
    let whole = limits
        .pause
        .saturating_mul(doubled)
        .min(limits.longest_pause);
    let half = whole / 2;
    let own = half.saturating_add(jitter.of(half));
    // Those who were asked to wait equally long are spread over a little more.
    let asked = failure
        .retry_after()
        .map(|asked| asked.saturating_add(jitter.of(limits.pause)));
    asked.map_or(own, |asked| asked.max(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLIS: Duration = Duration::from_millis(1);

    fn limits() -> Limits {
        Limits {
            pause: 100 * MILLIS,
            longest_pause: 1_000 * MILLIS,
            ..Limits::default()
        }
    }

    #[test]
    fn pauses_double_within_bounds_and_are_shortened_by_half_at_most() {
        let jitter = Jitter::seeded(7);
        for (number, most) in [
            (1, 100),
            (2, 200),
            (3, 400),
            (4, 800),
            (5, 1_000),
            (99, 1_000),
        ] {
            let most = most * MILLIS;
            let pauses: Vec<_> = (0..200)
                .map(|_| pause(&limits(), number, &ProviderError::NotSent, &jitter))
                .collect();
            assert!(pauses.iter().all(|p| (most / 2..=most).contains(p)));
            // They spread over the whole range.
            assert!(pauses.iter().any(|p| *p < most * 6 / 10));
            assert!(pauses.iter().any(|p| *p > most * 9 / 10));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_pauses() {
        let pauses = |seed| {
            let jitter = Jitter::seeded(seed);
            let pause = |number| pause(&limits(), number, &ProviderError::Unclear, &jitter);
            (1..9).map(pause).collect::<Vec<_>>()
        };
        assert_eq!(pauses(3), pauses(3));
        assert_ne!(pauses(3), pauses(4));
    }

    #[test]
    fn a_provider_that_asks_for_time_is_given_it() {
        let jitter = Jitter::seeded(1);
        for asked in [2_000 * MILLIS, 60_000 * MILLIS] {
            let busy = ProviderError::Busy {
                retry_after: Some(asked),
            };
            let pause = pause(&limits(), 1, &busy, &jitter);
            assert!((asked..=asked + 100 * MILLIS).contains(&pause), "{pause:?}");
        }
    }

    #[test]
    fn only_what_can_be_repeated_is() {
        let busy = ProviderError::Busy { retry_after: None };
        let overloaded = ProviderError::Overloaded { retry_after: None };
        for failure in [ProviderError::Unclear, busy, overloaded] {
            assert!(Repeats::Freely.after(&failure), "{failure:?}");
            assert!(!Repeats::IfItNeverLeft.after(&failure), "{failure:?}");
        }
        assert!(Repeats::IfItNeverLeft.after(&ProviderError::NotSent));
        let nonsense = ProviderError::InvalidAnswer("it is nonsense");
        assert!(!Repeats::Freely.after(&nonsense));
    }
}
