//! Runs what is due: timers, requests to send again, and the removal of what has served its time.
//!
//! Jobs are rows. The runner holds none of them in memory but those it is running, so a restart
//! forgets nothing, and each is leased in a commit before it begins, so a crash costs a repeat. A
//! slow one keeps its place and delays no other, as long as there are places.
//!
//! Now and then the runner also compares the log with what the relay was told of it. A store that
//! failed in the middle of a commit may have told of nothing; that costs watchers delay, no event.

mod poll;
mod work;

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tracing::Instrument;
use verilane_core::{Change, Job, JobKey, JobKind, JobWrite, Sequence, Timestamp};
use verilane_store::{CommitError, Conflict};
use verilane_telemetry::{attribute, span, value};

use crate::EngineError;
use crate::engine::Engine;

/// How many due jobs are looked at in one go.
const PAGE: usize = 64;
/// How long a job is kept from being begun again while it runs.
pub(crate) const LEASE: Duration = Duration::from_secs(60);
/// How long a failed job rests.
const REST: Duration = Duration::from_secs(5);
/// How long the runner rests when the store does not serve. Real time: a fault, not a timer.
const STORE_REST: Duration = Duration::from_secs(1);
/// How often the log is compared with what the relay was told. Real time: a fault, not a timer.
const LOG_LOOK: Duration = Duration::from_secs(5);

const PURGE: JobKey = JobKey {
    kind: JobKind::Purge,
    about: None,
};

const POLL_ALL: JobKey = JobKey {
    kind: JobKind::PollAll,
    about: None,
};

impl Engine {
    /// Runs jobs as they come due, until `shutdown` turns true or nobody is left who could turn it;
    /// then the ones begun are finished.
    pub async fn run_jobs(&self, mut shutdown: watch::Receiver<bool>) {
        let mut running = FuturesUnordered::new();
        let mut standing = false;
        let mut untold = Sequence::default();
        let mut look = tokio::time::interval_at(Instant::now() + LOG_LOOK, LOG_LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !is_over(&shutdown) {
            let changed = self.jobs_changed.notified();
            // What is written while it is looked may not be seen, so all of it wakes.
            self.jobs_sleep_until.store(i64::MAX, Ordering::SeqCst);
            let room = self.config.max_jobs.max(1).saturating_sub(running.len());
            let begin = async {
                if !standing {
                    self.schedule_standing().await?;
                }
                self.begin(room.min(PAGE)).await
            };
            let begun = beside(&mut running, begin).await;
            let next = match begun {
                Ok(Begun::Jobs(jobs)) => {
                    standing = true;
                    running.extend(jobs.into_iter().map(|job| self.run(job)));
                    continue;
                }
                Ok(Begun::Nothing(next)) => {
                    standing = true;
                    Ok(next)
                }
                Err(_) => Err(Instant::now() + STORE_REST),
            };
            if let Ok(next) = next {
                let next = next.as_micros();
                self.jobs_sleep_until.store(next, Ordering::SeqCst);
            }
            tokio::select! {
                () = self.rest(next) => {}
                () = changed, if next.is_ok() => {}
                Some(()) = running.next() => {}
                _ = look.tick() => beside(&mut running, self.look_at_log(&mut untold)).await,
                _ = shutdown.changed() => {}
            }
        }
        while running.next().await.is_some() {}
        self.jobs_sleep_until.store(i64::MAX, Ordering::SeqCst);
    }

    /// What is due at every start.
    async fn schedule_standing(&self) -> Result<(), EngineError> {
        let mut change = Change::new(self.now());
        let polls = self.connections.keys().any(|name| self.is_polled(name));
        let keys = [Some(PURGE), polls.then_some(POLL_ALL)];
        change
            .jobs
            .extend(keys.into_iter().flatten().map(|key| JobWrite::Schedule {
                key,
                due: self.now(),
                leased_until: None,
            }));
        self.store.commit(change).await?;
        Ok(())
    }

    async fn rest(&self, until: Result<Timestamp, Instant>) {
        match until {
            Ok(time) => self.clock.sleep_until(time).await,
            Err(real) => tokio::time::sleep_until(real).await,
        }
    }

    /// Leases what is due now, as much as there is room for.
    async fn begin(&self, room: usize) -> Result<Begun, EngineError> {
        if room == 0 {
            // Whichever ends first makes room.
            return Ok(Begun::Nothing(Timestamp::MAX));
        }
        let page = u32::try_from(room).unwrap_or(u32::MAX);
        let due = self.store.due_jobs(self.now(), page).await?;
        if due.is_empty() {
            let next = self.store.next_due().await?;
            return Ok(Begun::Nothing(next.unwrap_or(Timestamp::MAX)));
        }
        let mut jobs = Vec::with_capacity(due.len());
        let mut fault = None;
        for leased in join_all(due.into_iter().map(|job| self.lease(job))).await {
            match leased {
                Ok(job) => jobs.extend(job),
                Err(error) => fault = Some(error),
            }
        }
        match fault {
            Some(error) if jobs.is_empty() => Err(error),
            _ => Ok(Begun::Jobs(jobs)),
        }
    }

    /// Takes a job on; none if somebody dropped it in between.
    async fn lease(&self, job: Job) -> Result<Option<Job>, EngineError> {
        let mut change = Change::new(self.now());
        change.jobs.push(JobWrite::Lease {
            key: job.key,
            until: self.now() + LEASE,
        });
        match self.store.commit(change).await {
            Ok(_) => Ok(Some(job)),
            Err(CommitError::Conflict(Conflict::Job)) => Ok(None),
            Err(error) => Err(error.into()),
        }
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
        match self.work(&job).instrument(span).await {
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

    /// Has the relay pass over what it was not told of. Only what was untold at the look before,
    /// and still is: what was just committed is about to be told.
    async fn look_at_log(&self, untold: &mut Sequence) {
        self.relay.pass_over(*untold);
        if let Ok(head) = self.store.head().await {
            *untold = head.last;
        }
    }
}

/// Lets the jobs go on while the runner itself waits. A place in the store is given to whoever has
/// waited longest: to a job that nobody polls it would be given for ever, and the runner, which
/// waits for a place too, would never poll it again.
async fn beside<T>(
    running: &mut FuturesUnordered<impl Future<Output = ()>>,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            // The work first, so that what ends at once is about the jobs as they were.
            biased;
            done = &mut work => return done,
            Some(()) = running.next() => {}
        }
    }
}

/// What a look for due jobs came to.
enum Begun {
    /// These are leased and to be run.
    Jobs(Vec<Job>),
    /// There is nothing to begin before this time.
    Nothing(Timestamp),
}

fn is_over(shutdown: &watch::Receiver<bool>) -> bool {
    *shutdown.borrow() || shutdown.has_changed().is_err()
}
