//! What becomes of an exchange that a fault of ours keeps from its end.
//!
//! Another try may mend it, as where the service was mended meanwhile, or none. So it is tried ever more
//! seldom, and ends with the time that an attempt may be processed: none waits for ever. A store that is
//! away is no such fault, since nothing can be ended in it either.

use std::time::Duration;

use verilane_core::{Attempt, JobAbout, JobKey, State, Timestamp};
use verilane_telemetry::attribute;

use super::{End, FIRST_WAIT};
use crate::EngineError;
use crate::engine::Engine;

/// How long a rest is at most: each try can leave chunks behind that nothing shows.
const LONGEST_REST: Duration = Duration::from_secs(60 * 60);

impl Engine {
    /// When the code of an attempt was bound, and when its exchange must be over.
    pub(super) fn exchange_times(&self, attempt: &Attempt) -> (Timestamp, Timestamp) {
        let bound = attempt.accept_time.unwrap_or(attempt.start_time);
        (bound, bound + self.config.deadlines.processing)
    }

    /// Bears with a fault of ours: has the exchange rest for as long as it has been tried, as one of a code
    /// that may have been sent so often, or end so if its time is over.
    pub(super) async fn bear(
        &self,
        (about, key): (JobAbout, JobKey),
        sent: u32,
        end: End,
    ) -> Result<(), EngineError> {
        let row = self.load(about.verification).await?.verification;
        let waits = |attempt: &&Attempt| attempt.state().0 == State::Processing;
        let Some(attempt) = row.attempt(about.attempt).filter(waits) else {
            return self.done(key).await;
        };
        tracing::error!(
            { attribute::VERIFICATION_ID } = %row.id,
            "a fault keeps an exchange from its end"
        );
        let (bound, deadline) = self.exchange_times(attempt);
        let now = self.now();
        if now >= deadline {
            return self.end_exchange_with((about, key), end, None).await;
        }
        let rest = now.since(bound).clamp(FIRST_WAIT, LONGEST_REST);
        let due = deadline.min(now + rest);
        self.exchange_again(key, due, sent).await
    }
}
