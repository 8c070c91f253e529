//! A circuit breaker: a provider that does not answer is left alone for a while, so that callers
//! are told at once and it can recover.
//!
//! Closed: calls pass. After so many in a row without an answer it opens: none pass. When its time
//! is over it is half open: one call at a time passes as a trial; an answer closes it, and none
//! opens it again. What counts as an answer is [`answered`]'s to say.
//!
//! Its time is the service's clock, like that of the jobs that come back to it. A clock that was set
//! back behind the opening ends the wait: it can't be told any more how long it has lasted.

use std::time::Duration;

use parking_lot::Mutex;
use verilane_core::{SharedClock, Timestamp};

use crate::ProviderError;

/// How long a call is put off while another one is the trial.
const TRIAL: Duration = Duration::from_secs(1);

/// Whether calls pass.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CircuitState {
    /// They do.
    Closed,
    /// None do.
    Open,
    /// One at a time does, as a trial.
    HalfOpen,
}

/// Whether calls pass, and since when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CircuitHealth {
    /// Whether.
    pub state: CircuitState,
    /// Since when; none if it was never open.
    pub since: Option<Timestamp>,
}

#[derive(Clone, Copy)]
enum Phase {
    Closed { failures: u32 },
    Open,
    HalfOpen { has_trial: bool },
}

struct Inner {
    phase: Phase,
    since: Option<Timestamp>,
}

/// The breaker of one connection.
pub(super) struct Circuit {
    failures: u32,
    open: Duration,
    clock: SharedClock,
    on_change: Box<dyn Fn(CircuitState, CircuitState) + Send + Sync>,
    inner: Mutex<Inner>,
}

/// Leave to ask. Given back without a verdict, it says nothing about the provider.
pub(super) struct Leave<'a> {
    circuit: &'a Circuit,
    is_trial: bool,
}

impl Circuit {
    /// A closed one that opens after so many failures in a row (never after 0), for so long.
    /// `on_change` is told each change, from what to what, in order.
    pub(super) fn new(
        failures: u32,
        open: Duration,
        clock: SharedClock,
        on_change: impl Fn(CircuitState, CircuitState) + Send + Sync + 'static,
    ) -> Self {
        Self {
            failures,
            open,
            clock,
            on_change: Box::new(on_change),
            inner: Mutex::new(Inner {
                phase: Phase::Closed { failures: 0 },
                since: None,
            }),
        }
    }

    pub(super) fn health(&self) -> CircuitHealth {
        let mut inner = self.inner.lock();
        self.look(&mut inner, self.clock.now());
        CircuitHealth {
            state: inner.phase.state(),
            since: inner.since,
        }
    }

    /// Fails as [`Circuit::enter`] would now, and begins no trial.
    pub(super) fn peek(&self) -> Result<(), Duration> {
        let mut inner = self.inner.lock();
        let now = self.clock.now();
        self.look(&mut inner, now);
        self.refuses(&inner, now)
    }

    /// Leave to ask; else how long to wait before asking for it again.
    pub(super) fn enter(&self) -> Result<Leave<'_>, Duration> {
        let mut inner = self.inner.lock();
        let now = self.clock.now();
        self.look(&mut inner, now);
        self.refuses(&inner, now)?;
        let is_trial = matches!(inner.phase, Phase::HalfOpen { .. });
        if is_trial {
            inner.phase = Phase::HalfOpen { has_trial: true };
        }
        Ok(Leave {
            circuit: self,
            is_trial,
        })
    }

    fn refuses(&self, inner: &Inner, now: Timestamp) -> Result<(), Duration> {
        match inner.phase {
            Phase::Open => {
                let gone = inner.since.map_or(self.open, |since| now.since(since));
                Err(self.open.saturating_sub(gone))
            }
            Phase::HalfOpen { has_trial: true } => Err(TRIAL),
            Phase::Closed { .. } | Phase::HalfOpen { has_trial: false } => Ok(()),
        }
    }

    /// Half opens it once its time is over.
    fn look(&self, inner: &mut Inner, now: Timestamp) {
        let Some(since) = inner.since else {
            return;
        };
        let is_over = now < since || now.since(since) >= self.open;
        if matches!(inner.phase, Phase::Open) && is_over {
            self.go(inner, Phase::HalfOpen { has_trial: false }, now);
        }
    }

    fn settle(&self, has_answered: bool, is_trial: bool) {
        let mut inner = self.inner.lock();
        let now = self.clock.now();
        let next = match (inner.phase, has_answered) {
            (_, true) => Phase::Closed { failures: 0 },
            (Phase::Closed { failures }, false) => {
                let failures = failures.saturating_add(1);
                if self.failures != 0 && failures >= self.failures {
                    Phase::Open
                } else {
                    Phase::Closed { failures }
                }
            }
            (Phase::HalfOpen { .. }, false) if is_trial => Phase::Open,
            // Of a call that began before the circuit opened: nothing new.
            (phase, false) => phase,
        };
        self.go(&mut inner, next, now);
    }

    fn go(&self, inner: &mut Inner, next: Phase, now: Timestamp) {
        let before = inner.phase.state();
        inner.phase = next;
        if before != next.state() {
            inner.since = Some(now);
            (self.on_change)(before, next.state());
        }
    }
}

impl Phase {
    const fn state(self) -> CircuitState {
        match self {
            Self::Closed { .. } => CircuitState::Closed,
            Self::Open => CircuitState::Open,
            Self::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }
}

impl Leave<'_> {
    /// The call has ended.
    pub(super) fn settle(mut self, failure: Option<&ProviderError>) {
        let is_trial = std::mem::take(&mut self.is_trial);
        self.circuit.settle(answered(failure), is_trial);
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let mut inner = self.circuit.inner.lock();
        if self.is_trial && matches!(inner.phase, Phase::HalfOpen { .. }) {
            inner.phase = Phase::HalfOpen { has_trial: false };
        }
    }
}

/// Whether the provider is there: it has answered, if only by a refusal or by asking for time.
pub(super) const fn answered(failure: Option<&ProviderError>) -> bool {
    !matches!(
        failure,
        Some(ProviderError::NotSent | ProviderError::Unclear | ProviderError::Overloaded { .. })
    )
}

#[cfg(test)]
mod tests;
