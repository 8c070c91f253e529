//! The course of one call of a plug-in that asks its provider: brakes, tries, pauses, and who is
//! told what came of it.
//!
//! Two ends bound it. Its own, `call_timeout` from its begin, holds always. The caller's deadline
//! cuts a call that changes nothing at the provider; one that stands behind an intent goes on
//! without its caller, and only begins no new try after him.
//!
//! A failure that the caller's deadline brought about says nothing about the provider.

use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::Facade;
use super::observe::{self, Operation};
use super::retry::{self, Repeats};
use crate::deadline::{self, MARGIN};
use crate::{Brake, ProviderError};

/// When a call ends.
#[derive(Clone, Copy)]
struct Ends {
    /// It is cut.
    cut: Instant,
    /// No new try begins.
    tries: Instant,
    /// Whether it is cut before its own time.
    is_early: bool,
}

impl Facade {
    /// Has a plug-in ask its provider, as often as that helps and is allowed.
    pub(super) async fn asked<T, F>(
        &self,
        operation: Operation,
        call: impl Fn() -> F,
    ) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let observed = self.observer.begin(operation);
        let span = observed.span().clone();
        let outcome = self.tries(operation, call).instrument(span).await;
        observed.end(outcome.as_ref().err().map(observe::word));
        outcome
    }

    async fn tries<T, F>(
        &self,
        operation: Operation,
        call: impl Fn() -> F,
    ) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let repeats = operation.repeats();
        let ends = self.ends(repeats);
        for number in 1..self.limits.tries {
            let failure = match self.try_once(&call, ends).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let pause = retry::pause(&self.limits, number, &failure, &self.jitter);
            let again = Instant::now() + pause;
            if !repeats.after(&failure) || again >= ends.tries {
                return Err(failure);
            }
            tracing::debug!(error = %failure, ?pause, "a provider is asked again");
            self.meters.retry(operation, &failure);
            tokio::time::sleep_until(again).await;
        }
        self.try_once(&call, ends).await
    }

    fn ends(&self, repeats: Repeats) -> Ends {
        let own = Instant::now() + self.limits.call_timeout;
        let callers = deadline::current().map_or(own, |deadline| deadline.min(own));
        let cut = match repeats {
            Repeats::Freely => callers,
            Repeats::IfItNeverLeft => own,
        };
        Ends {
            cut,
            tries: callers,
            is_early: cut < own,
        }
    }

    async fn try_once<T, F>(&self, call: impl Fn() -> F, ends: Ends) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let held = |by| move |retry_after| ProviderError::HeldBack { by, retry_after };
        let now = Instant::now();
        if now >= ends.cut {
            return Err(held(Brake::Deadline)(std::time::Duration::ZERO));
        }
        // Looked at before and after the wait: whoever can't pass need not wait for it.
        self.circuit.peek().map_err(held(Brake::Circuit))?;
        let turn = self
            .budget
            .turn((now + self.limits.turn_wait).min(ends.cut));
        let turn = turn.await;
        self.meters.turn(now.elapsed(), turn.is_ok());
        let turn = turn.map_err(held(Brake::Budget))?;
        let leave = self.circuit.enter().map_err(held(Brake::Circuit))?;
        let outcome = timeout_at(ends.cut, deadline::exactly(ends.cut, call()))
            .await
            .unwrap_or(Err(ProviderError::Unclear));
        drop(turn);
        let failure = outcome.as_ref().err();
        let is_callers = ends.is_early && Instant::now() + 2 * MARGIN >= ends.cut;
        if super::circuit::answered(failure) || !is_callers {
            leave.settle(failure);
            if self.pulse.note(failure, self.clock.now()) {
                self.changes
                    .send_modify(|count| *count = count.wrapping_add(1));
            }
        }
        outcome
    }
}
