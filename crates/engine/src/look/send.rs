//! Tells a provider what the caller has decided, until it knows.
//!
//! Invariant: a decision is made once and durable before it is sent, so sending it again tells the same.
//! It is sent only while the provider has not said that it knows; what it says, looks bring.

use verilane_core::{Change, Job, JobAbout, JobWrite};
use verilane_telemetry::attribute;

use crate::EngineError;
use crate::crash::CrashPoint;
use crate::engine::Engine;
use crate::pull::{PullCause, Pulled, poll_job};

impl Engine {
    /// Sends an attempt's decision, and looks what has come of it.
    pub(crate) async fn send_decision(
        &self,
        job: &Job,
        about: JobAbout,
    ) -> Result<(), EngineError> {
        let row = self.load(about.verification).await?.verification;
        let pending = row.attempt(about.attempt).and_then(|attempt| {
            let (decision, _) = attempt.pending_decision()?;
            Some((decision, attempt.connection.clone()))
        });
        let (Some((decision, name)), Some(reference)) = (pending, self.reference(&row, about)?)
        else {
            return self.done(job.key).await;
        };
        let connection = self.connection(&name)?;
        self.crash_point(CrashPoint::DecisionAsked);
        let told = connection.facade.tell_decision(&reference, decision).await;
        self.crash_point(CrashPoint::DecisionSent);
        if let Err(error) = &told {
            tracing::warn!(
                { attribute::VERIFICATION_ID } = %about.verification,
                %error,
                "a decision could not be sent to its provider, and will be again"
            );
        }
        let asked = told.err().and_then(|error| error.retry_after());
        // Sent or not, somebody else may have decided before; only a look tells. Who asks for time is not
        // looked at either.
        if asked.is_none() {
            self.look_what_came_of_it(about).await?;
        }
        let after = self.load(about.verification).await?.verification;
        let still = after
            .attempt(about.attempt)
            .and_then(|a| a.pending_decision());
        if still.is_none() {
            // The change that brought the provider's answer dropped the job.
            return self.done(job.key).await;
        }
        let pace = self.next_pull(&after, about.attempt, job.tries, self.now());
        let now = self.now();
        let due = pace.unwrap_or(now).max(now + asked.unwrap_or_default());
        self.put_off(job.key, due).await
    }

    /// Looks at once, or as soon as that may be.
    async fn look_what_came_of_it(&self, about: JobAbout) -> Result<(), EngineError> {
        let wait = match self.pull(about, PullCause::Poll).await? {
            Pulled::Told { .. } | Pulled::Impossible => return Ok(()),
            Pulled::Limited(wait) => wait,
            Pulled::Failed(error) => error.retry_after().unwrap_or_default(),
        };
        let now = self.now();
        let mut change = Change::new(now);
        change.jobs.push(JobWrite::Hasten {
            key: poll_job(about),
            due: now + wait,
        });
        self.commit(change).await?;
        Ok(())
    }
}
