//! What each kind of job does. Each is idempotent: it looks at the row as it is and does nothing if
//! its reason is gone.

use std::time::Duration;

use verilane_core::{
    Change, Job, JobAbout, JobKey, JobKind, JobWrite, Purge, Reason, StartPhase, State, Timestamp,
    Verification, decide,
};
use verilane_store::{CommitError, Conflict};

use super::PURGE;
use crate::EngineError;
use crate::command::start::SentAs;
use crate::engine::{Engine, RACES};

/// How many rows of each kind one purge removes.
const PURGE_ROWS: u32 = 500;
/// How long change ids and orphaned chunks are kept.
const LEFTOVERS: Duration = Duration::from_secs(24 * 60 * 60);

impl Engine {
    pub(super) async fn work(&self, job: &Job) -> Result<(), EngineError> {
        let Some(about) = job.key.about else {
            return match job.key.kind {
                JobKind::PollAll => self.poll_all().await,
                _ => self.purge().await,
            };
        };
        let deadlines = &self.config.deadlines;
        match job.key.kind {
            JobKind::Start => self.start_again(job, about).await,
            JobKind::ExpireAction => {
                if !self.heard_before_end(job.key, about).await? {
                    return Ok(());
                }
                self.timer(job.key, about, |row, now| {
                    decide::expire_action(row, about.attempt, now, deadlines)
                })
                .await
            }
            JobKind::ProcessingDeadline => {
                if !self.heard_before_end(job.key, about).await? {
                    return Ok(());
                }
                self.timer(job.key, about, |row, now| {
                    decide::miss_processing_deadline(row, about.attempt, now, deadlines)
                })
                .await
            }
            JobKind::DataDeadline => {
                self.timer(job.key, about, |row, now| {
                    decide::miss_data_deadline(row, about.attempt, now, deadlines)
                })
                .await
            }
            JobKind::CloseRetry => {
                self.timer(job.key, about, |row, now| {
                    decide::close_retry(row, about.attempt, now, deadlines)
                })
                .await
            }
            JobKind::Forget => {
                self.timer(job.key, about, |row, now| {
                    decide::forget(row, about.attempt, now, deadlines)
                })
                .await
            }
            JobKind::ReviewReminder => {
                self.timer(job.key, about, |row, now| {
                    decide::remind_reviewer(row, about.attempt, now, deadlines)
                })
                .await
            }
            JobKind::ReviewDeadline => {
                // Somebody else may have decided at the provider.
                if !self.heard_before_end(job.key, about).await? {
                    return Ok(());
                }
                self.timer(job.key, about, |row, now| {
                    let attempt = row.attempt(about.attempt)?;
                    let reviewer = self.reviewer(&attempt.connection);
                    decide::miss_review_deadline(row, about.attempt, reviewer, now, deadlines)
                })
                .await
            }
            JobKind::SendDecision => self.send_decision(job, about).await,
            JobKind::Exchange => self.exchange(job, about).await,
            JobKind::Poll => self.poll(job, about).await,
            JobKind::PollAll => self.poll_all().await,
            JobKind::Purge => self.purge().await,
        }
    }

    async fn start_again(&self, job: &Job, about: JobAbout) -> Result<(), EngineError> {
        let sent_as = match job.tries {
            0 => SentAs::First,
            _ => SentAs::Again,
        };
        match self
            .send_start(about.verification, about.attempt, sent_as, true)
            .await
        {
            Ok(view) => {
                // Only an intent that is still open needs the job; it was postponed then.
                let open = view.row.attempt(about.attempt).is_some_and(|attempt| {
                    attempt.phase == StartPhase::Intended && attempt.state().0 == State::Pending
                });
                if open {
                    Ok(())
                } else {
                    self.done(job.key).await
                }
            }
            // Refused for good: committed as the attempt's end, which dropped the job.
            Err(error) if is_final(error.reason) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Carries out a timer against the row as it is; drops it where its reason is gone.
    async fn timer(
        &self,
        key: JobKey,
        about: JobAbout,
        decide: impl Fn(&Verification, Timestamp) -> Option<Change>,
    ) -> Result<(), EngineError> {
        for _ in 0..RACES {
            let row = match self.load(about.verification).await {
                Ok(loaded) => loaded.verification,
                Err(error) if error.reason == Reason::VerificationNotFound => {
                    return self.done(key).await;
                }
                Err(error) => return Err(error),
            };
            let Some(change) = decide(&row, self.now()) else {
                let deadlines = &self.config.deadlines;
                return match decide::needed_timer(&row, about.attempt, deadlines) {
                    // The clock went back: its time is still to come.
                    Some((kind, due)) if kind == key.kind => self.put_off(key, due).await,
                    _ => self.done(key).await,
                };
            };
            match self.commit(change).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Conflict(Conflict::Revision)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::new(Reason::Contended).about(about.verification))
    }

    pub(crate) async fn put_off(&self, key: JobKey, due: Timestamp) -> Result<(), EngineError> {
        let mut change = Change::new(self.now());
        change.jobs.push(JobWrite::Postpone { key, due });
        self.commit(change).await?;
        Ok(())
    }

    /// No timer of a kind is needed twice in an attempt's life, so none is lost by this.
    pub(crate) async fn done(&self, key: JobKey) -> Result<(), EngineError> {
        let mut change = Change::new(self.now());
        change.jobs.push(JobWrite::Drop(key));
        self.commit(change).await?;
        Ok(())
    }

    /// Removes a bounded number of rows that have served their time, and comes back for the rest.
    async fn purge(&self) -> Result<(), EngineError> {
        loop {
            let now = self.now();
            let mut change = Change::new(now);
            change.purge = Some(Purge {
                events_before: self.config.event_retention.map(|keep| now - keep),
                changes_before: Some(now - LEFTOVERS),
                idempotency_before: Some(now),
                slots_before: Some(now),
                orphan_chunks_before: Some(now - LEFTOVERS),
                at_most: PURGE_ROWS,
            });
            change.jobs.push(JobWrite::Schedule {
                key: PURGE,
                due: now + self.config.purge_interval,
                leased_until: None,
            });
            if !self.commit(change).await?.purge_unfinished {
                return Ok(());
            }
        }
    }
}

/// Whether an error of a start is an outcome that was committed, and not a fault on the way.
fn is_final(reason: Reason) -> bool {
    !matches!(
        reason,
        Reason::StoreUnavailable
            | Reason::CommitOutcomeUnknown
            | Reason::Contended
            | Reason::ConnectionNotFound
            | Reason::Internal
    )
}
