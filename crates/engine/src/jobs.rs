//! Runs what is due: timers, requests to send again, and the removal of what has served its time.
//!
//! Jobs are rows. The runner holds none of them in memory but those it is running, so a restart
//! forgets nothing, and each is leased in a commit before it begins, so a crash costs a repeat. Each
//! kind is idempotent: it looks at the row as it is and does nothing if its reason is gone.

use futures_util::StreamExt;
use tokio::sync::watch;
use tracing::Instrument;
use verilane_core::{
    Change, Job, JobAbout, JobKey, JobKind, JobWrite, Purge, Reason, Timestamp, Verification,
    decide,
};
use verilane_store::{CommitError, Conflict};
use verilane_telemetry::{attribute, span, value};

use crate::EngineError;
use crate::command::start::SentAs;
use crate::engine::{Engine, RACES};

/// How many due jobs are looked at in one go.
const PAGE: u32 = 64;
/// How long a job is kept from being begun again while it runs.
const LEASE: std::time::Duration = std::time::Duration::from_secs(60);
/// How long a failed job rests.
const REST: std::time::Duration = std::time::Duration::from_secs(5);
/// How long the runner rests when the store can't be read. Real time: a fault, not a timer.
const STORE_REST: std::time::Duration = std::time::Duration::from_secs(1);
/// How many rows of each kind one purge removes.
const PURGE_ROWS: u32 = 500;
/// How long change ids and orphaned chunks are kept.
const LEFTOVERS: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

const PURGE: JobKey = JobKey {
    kind: JobKind::Purge,
    about: None,
};

impl Engine {
    /// Runs jobs as they come due, until `shutdown` turns true; then the ones begun are finished.
    pub async fn run_jobs(&self, mut shutdown: watch::Receiver<bool>) {
        let mut change = Change::new(self.now());
        change.jobs.push(JobWrite::Schedule {
            key: PURGE,
            due: self.now(),
            leased_until: None,
        });
        if let Err(error) = self.commit(change).await {
            tracing::error!(%error, "the purge could not be scheduled");
        }
        while !*shutdown.borrow() {
            let changed = self.jobs_changed.notified();
            let wait = match self.run_due(&shutdown).await {
                Ok(true) => continue,
                Ok(false) => self.store.next_due().await.map_err(EngineError::from),
                Err(error) => Err(error),
            };
            match wait {
                Ok(next) => {
                    let due = self.clock.sleep_until(next.unwrap_or(Timestamp::MAX));
                    tokio::select! {
                        () = due => {}
                        () = changed => {}
                        _ = shutdown.changed() => {}
                    }
                }
                Err(_) => {
                    tokio::select! {
                        () = tokio::time::sleep(STORE_REST) => {}
                        _ = shutdown.changed() => {}
                    }
                }
            }
        }
    }

    /// Runs what is due now; says whether there was anything.
    async fn run_due(&self, shutdown: &watch::Receiver<bool>) -> Result<bool, EngineError> {
        let jobs = self.store.due_jobs(self.now(), PAGE).await?;
        let any = !jobs.is_empty();
        futures_util::stream::iter(jobs)
            .take_while(|_| std::future::ready(!*shutdown.borrow()))
            .for_each_concurrent(self.config.max_jobs, |job| self.run(job))
            .await;
        Ok(any)
    }

    async fn run(&self, job: Job) {
        let kind = job.key.kind.as_str();
        let span = tracing::info_span!(
            span::JOB,
            { attribute::JOB_KIND } = kind,
            { attribute::JOB_TRY } = job.tries,
            { attribute::VERIFICATION_ID } = tracing::field::Empty,
        );
        if let Some(about) = job.key.about {
            span.record(
                attribute::VERIFICATION_ID,
                tracing::field::display(about.verification),
            );
        }
        self.job_metrics.began(kind, self.now().since(job.due));
        let outcome = async {
            let mut lease = Change::new(self.now());
            lease.jobs.push(JobWrite::Lease {
                key: job.key,
                until: self.now() + LEASE,
            });
            match self.store.commit(lease).await {
                Ok(_) => self.work(&job).await,
                // Somebody dropped it in between.
                Err(CommitError::Conflict(Conflict::Job)) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }
        .instrument(span)
        .await;
        match outcome {
            Ok(()) => self.job_metrics.ended(kind, value::outcome::OK),
            Err(error) => {
                self.job_metrics.ended(kind, value::outcome::RETRY);
                tracing::warn!(job = kind, reason = %error.reason, "a job failed and will be run again");
                let mut rest = Change::new(self.now());
                rest.jobs.push(JobWrite::Postpone {
                    key: job.key,
                    due: self.now() + REST,
                });
                // If this fails too, the lease runs out by itself.
                let _ = self.store.commit(rest).await;
            }
        }
    }

    async fn work(&self, job: &Job) -> Result<(), EngineError> {
        let Some(about) = job.key.about else {
            return self.purge().await;
        };
        let deadlines = &self.config.deadlines;
        match job.key.kind {
            JobKind::Start => self.start_again(job, about).await,
            JobKind::ExpireAction => {
                self.timer(job.key, about, |row, now| {
                    decide::expire_action(row, about.attempt, now, deadlines)
                })
                .await
            }
            JobKind::ProcessingDeadline => {
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
            JobKind::Purge => self.purge().await,
        }
    }

    async fn start_again(&self, job: &Job, about: JobAbout) -> Result<(), EngineError> {
        let sent_as = match job.tries {
            0 => SentAs::First,
            tries => SentAs::Again(tries),
        };
        match self
            .send_start(about.verification, about.attempt, sent_as)
            .await
        {
            Ok(view) => {
                // Only an intent that is still open needs the job; it was postponed then.
                let open = view.row.attempt(about.attempt).is_some_and(|attempt| {
                    attempt.phase == verilane_core::StartPhase::Intended
                        && attempt.state().0 == verilane_core::State::Pending
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

    async fn put_off(&self, key: JobKey, due: Timestamp) -> Result<(), EngineError> {
        let mut change = Change::new(self.now());
        change.jobs.push(JobWrite::Postpone { key, due });
        self.commit(change).await?;
        Ok(())
    }

    /// No timer of a kind is needed twice in an attempt's life, so none is lost by this.
    async fn done(&self, key: JobKey) -> Result<(), EngineError> {
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
