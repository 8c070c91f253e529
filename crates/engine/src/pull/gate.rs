//! How often a provider is asked for its history: bounded for each attempt, and for each connection
//! by rate and by number at once.
//!
//! Kept in memory: it protects the provider from us, and a restart, which forgets it, is seldom.
//! Never waits: whoever is not admitted is told how long to.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;
use parking_lot::Mutex;
use verilane_core::{ConnectionName, JobAbout, Timestamp};

use crate::config::PullLimits;

/// How many attempts are remembered; of the others it is forgotten when they were asked about.
const ATTEMPTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(50_000 - 1);
/// How much of the rate can be used up at once.
const BURST: Duration = Duration::from_secs(10);
/// How long is waited for a place, at least, and how far those who wait are spread.
const CROWDED: Duration = Duration::from_secs(5);
const SPREAD_SECONDS: u64 = 10;

/// Whether the time between two pulls of an attempt is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Haste {
    /// It is.
    InTurn,
    /// It is not.
    Now,
}

/// Lets pulls through.
pub(crate) struct Gate {
    attempts: Mutex<LruCache<JobAbout, Past>>,
    connections: Mutex<HashMap<ConnectionName, Load>>,
}

/// What an attempt has had.
#[derive(Clone, Copy, Default)]
struct Past {
    /// When it was last asked about.
    begun: Option<Timestamp>,
    /// When the newest pull that was answered was begun.
    heard: Option<Timestamp>,
    /// When a hint that was taken is to be followed; none once it was.
    hinted: Option<Timestamp>,
    /// How many answers in a row have brought no news.
    vain: u32,
}

/// What a connection bears now.
#[derive(Clone, Copy, Default)]
struct Load {
    /// When the rate would have been used up evenly.
    even: Timestamp,
    running: usize,
}

/// A pull under way.
pub(crate) struct Place<'a> {
    gate: &'a Gate,
    connection: ConnectionName,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(load) = self.gate.connections.lock().get_mut(&self.connection) {
            load.running = load.running.saturating_sub(1);
        }
    }
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            attempts: Mutex::new(LruCache::new(ATTEMPTS)),
            connections: Mutex::default(),
        }
    }

    /// Lets a pull of an attempt through, or says how long to wait.
    pub(crate) fn admit(
        &self,
        connection: &ConnectionName,
        about: JobAbout,
        now: Timestamp,
        limits: &PullLimits,
        haste: Haste,
    ) -> Result<Place<'_>, Duration> {
        let mut attempts = self.attempts.lock();
        let past = attempts.get_or_insert_mut(about, Past::default);
        if haste == Haste::InTurn
            && let Some(wait) = remaining(past.begun, now, limits.spacing)
        {
            return Err(wait);
        }
        let mut connections = self.connections.lock();
        let load = connections.entry(connection.clone()).or_default();
        if load.running >= limits.at_once.max(1) {
            return Err(CROWDED + spread(about));
        }
        let step = Duration::from_secs(60) / limits.per_minute.max(1);
        let ahead = load.even.since(now);
        // A clock that was set back must not shut the gate until it has caught up.
        let ahead = if ahead > BURST + step {
            Duration::ZERO
        } else {
            ahead
        };
        if ahead > BURST {
            return Err(ahead.saturating_sub(BURST) + spread(about));
        }
        load.even = now + ahead + step;
        load.running = load.running.saturating_add(1);
        past.begun = Some(now);
        past.hinted = past.hinted.filter(|hinted| *hinted > now);
        Ok(Place {
            gate: self,
            connection: connection.clone(),
        })
    }

    /// Notes that a pull that was begun then has been answered.
    pub(crate) fn heard(&self, about: JobAbout, begun: Timestamp) {
        let mut attempts = self.attempts.lock();
        let past = attempts.get_or_insert_mut(about, Past::default);
        past.heard = past.heard.max(Some(begun));
    }

    /// Notes whether an answer brought news, and says how many before it in a row did not.
    pub(crate) fn answered(&self, about: JobAbout, news: bool) -> u32 {
        let mut attempts = self.attempts.lock();
        let past = attempts.get_or_insert_mut(about, Past::default);
        let before = if news { 0 } else { past.vain };
        past.vain = if news { 0 } else { before.saturating_add(1) };
        before
    }

    /// Whether a pull begun at or after `time` has been answered.
    pub(crate) fn has_heard_since(&self, about: JobAbout, time: Timestamp) -> bool {
        let mut attempts = self.attempts.lock();
        let past = attempts.get(&about);
        past.is_some_and(|past| past.heard >= Some(time))
    }

    /// Takes a hint, and says when it is to be followed; none if an earlier one still waits to be.
    pub(crate) fn hint(
        &self,
        about: JobAbout,
        now: Timestamp,
        limits: &PullLimits,
    ) -> Option<Timestamp> {
        let mut attempts = self.attempts.lock();
        let past = attempts.get_or_insert_mut(about, Past::default);
        let waits = |hinted: Timestamp| {
            // One that the clock or a failure has left behind counts no more.
            hinted.since(now) <= limits.spacing && now.since(hinted) <= limits.spacing
        };
        if past.hinted.is_some_and(waits) {
            return None;
        }
        let due = now + remaining(past.begun, now, limits.spacing).unwrap_or_default();
        past.hinted = Some(due);
        Some(due)
    }

    /// When a hint is to be followed that was taken and not followed yet.
    pub(crate) fn hinted(&self, about: JobAbout) -> Option<Timestamp> {
        self.attempts.lock().get(&about)?.hinted
    }
}

fn remaining(begun: Option<Timestamp>, now: Timestamp, spacing: Duration) -> Option<Duration> {
    let free = begun.filter(|begun| *begun <= now)? + spacing;
    (free > now).then(|| free.since(now))
}

/// A part of the spread of its own for each attempt.
fn spread(about: JobAbout) -> Duration {
    let last = about.verification.as_bytes().last().copied();
    Duration::from_secs(u64::from(last.unwrap_or_default()) % SPREAD_SECONDS)
}

#[cfg(test)]
mod tests {
    use verilane_core::VerificationId;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
    const LIMITS: PullLimits = PullLimits {
        spacing: Duration::from_secs(30),
        per_minute: 60,
        at_once: 2,
        patience: Duration::ZERO,
    };

    fn attempt(which: u8) -> JobAbout {
        JobAbout {
            verification: VerificationId::from_bytes([which; 16]),
            attempt: 1,
        }
    }

    fn connection(name: &str) -> ConnectionName {
        ConnectionName::new(name).unwrap()
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// Whether one is let through; it ends at once.
    fn passes(gate: &Gate, which: u8, now: Timestamp, haste: Haste) -> bool {
        gate.admit(&connection("a"), attempt(which), now, &LIMITS, haste)
            .is_ok()
    }

    #[test]
    fn an_attempt_is_asked_about_no_more_often_than_its_spacing() {
        let gate = Gate::new();
        assert!(passes(&gate, 1, NOW, Haste::InTurn));
        assert!(!passes(&gate, 1, NOW + seconds(29), Haste::InTurn));
        assert!(passes(&gate, 2, NOW + seconds(29), Haste::InTurn));
        assert!(passes(&gate, 1, NOW + seconds(30), Haste::InTurn));
        // Its end does not wait for that.
        assert!(passes(&gate, 1, NOW + seconds(31), Haste::Now));
    }

    #[test]
    fn a_connection_bears_so_many_at_once() {
        let gate = Gate::new();
        let admit = |name: &str, which| {
            gate.admit(&connection(name), attempt(which), NOW, &LIMITS, Haste::Now)
        };
        let (one, two) = (admit("a", 1), admit("a", 2));
        assert!(one.is_ok() && two.is_ok());
        assert!(admit("a", 3).is_err_and(|wait| wait >= CROWDED));
        assert!(admit("b", 3).is_ok());
        drop(one);
        assert!(admit("a", 3).is_ok());
    }

    #[test]
    fn a_connection_bears_so_many_a_minute() {
        let gate = Gate::new();
        let passed = (0..100).filter(|which| passes(&gate, *which, NOW, Haste::Now));
        assert_eq!(passed.count(), 11);
        let later = (100..200).filter(|which| passes(&gate, *which, NOW + seconds(5), Haste::Now));
        assert_eq!(later.count(), 5);
    }

    #[test]
    fn a_clock_that_is_set_back_shuts_nothing() {
        let gate = Gate::new();
        for which in 0..20 {
            passes(&gate, which, NOW, Haste::InTurn);
        }
        assert!(passes(&gate, 0, NOW - seconds(3_600), Haste::InTurn));
        assert_eq!(
            gate.hint(attempt(1), NOW - seconds(3_600), &LIMITS),
            Some(NOW - seconds(3_600))
        );
    }

    #[test]
    fn hints_are_taken_once_until_they_can_have_been_followed() {
        let gate = Gate::new();
        let hint = |after| gate.hint(attempt(1), NOW + seconds(after), &LIMITS);
        assert_eq!(hint(0), Some(NOW));
        assert_eq!(hint(0), None);
        assert_eq!(gate.hinted(attempt(1)), Some(NOW));
        assert!(passes(&gate, 1, NOW, Haste::InTurn));
        assert_eq!(gate.hinted(attempt(1)), None);
        // The pull under way may have been answered already.
        assert_eq!(hint(1), Some(NOW + seconds(30)));
        assert_eq!(hint(29), None);
        assert_eq!(gate.hinted(attempt(1)), Some(NOW + seconds(30)));
        assert!(passes(&gate, 1, NOW + seconds(30), Haste::InTurn));
        assert_eq!(hint(31), Some(NOW + seconds(60)));
        // One that was never followed is taken again.
        assert_eq!(hint(91), Some(NOW + seconds(91)));
    }

    #[test]
    fn answers_without_news_are_counted_for_each_attempt_until_there_is_some() {
        let gate = Gate::new();
        let answered = |news| gate.answered(attempt(1), news);
        assert_eq!([false, false, false].map(answered), [0, 1, 2]);
        assert_eq!(gate.answered(attempt(2), false), 0);
        assert_eq!([true, false, false].map(answered), [0, 0, 1]);
    }

    #[test]
    fn what_was_heard_counts_from_when_it_was_asked() {
        let gate = Gate::new();
        assert!(!gate.has_heard_since(attempt(1), NOW));
        gate.heard(attempt(1), NOW);
        assert!(gate.has_heard_since(attempt(1), NOW));
        assert!(!gate.has_heard_since(attempt(1), NOW + seconds(1)));
        assert!(!gate.has_heard_since(attempt(2), NOW));
    }
}
