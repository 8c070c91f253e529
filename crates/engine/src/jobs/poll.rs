//! Asks providers for what was missed: when an attempt has been silent, for all open attempts after
//! a restart, and before one is ended for want of news.

use std::collections::HashMap;
use std::time::Duration;

use verilane_core::{
    Change, ConnectionName, Job, JobAbout, JobKey, JobWrite, Reason, State, Timestamp,
    Verification, decide,
};
use verilane_store::{ListQuery, PageMark};
use verilane_telemetry::attribute;

use super::POLL_ALL;
use crate::EngineError;
use crate::engine::Engine;
use crate::pull::{PullCause, Pulled, poll_job};

/// How many verifications are read at once after a restart.
const PAGE: u32 = 200;
/// How long is waited between two attempts to reach a provider before an end.
const ANOTHER_TRY: Duration = Duration::from_secs(15);

impl Engine {
    /// Asks about one attempt, and says when it is next asked about.
    pub(super) async fn poll(&self, job: &Job, about: JobAbout) -> Result<(), EngineError> {
        let Some(row) = self.row_if_any(about).await? else {
            return self.done(job.key).await;
        };
        let polls = &self.config.polls;
        let next = |row: &Verification, tries, now: Timestamp| {
            self.next_pull(row, about.attempt, tries, now)
        };
        let attempt = row.attempt(about.attempt);
        if !attempt.is_some_and(|attempt| self.may_be_pulled(attempt)) {
            return self.done(job.key).await;
        }
        let tries = job.tries.saturating_add(1);
        let asked_at = self.now();
        let wait = match self.pull(about, PullCause::Poll).await? {
            // The change that brought it said when it is next asked about, unless its time is over:
            // that leaves standing what still waits for an answer, and this one has its answer.
            Pulled::Told { news: 1.., .. } => {
                let after = self.load(about.verification).await?.verification;
                return match next(&after, 0, asked_at) {
                    Some(_) => Ok(()),
                    None => self.done(job.key).await,
                };
            }
            Pulled::Impossible => return self.done(job.key).await,
            Pulled::Told { news: 0, .. } => {
                let after = self.load(about.verification).await?.verification;
                // An event that came meanwhile may be another attempt's, and schedules nothing for
                // this one. If it is this one's, it has scheduled just what is said here.
                let tries = if after.revision == row.revision {
                    tries
                } else {
                    0
                };
                let hinted = self.pull_gate.hinted(about);
                return match next(&after, tries, self.now()) {
                    // What hinted while this was under way is followed by another.
                    Some(due) => {
                        let due = hinted.map_or(due, |hinted| due.min(hinted));
                        self.put_off(job.key, due).await
                    }
                    None => self.done(job.key).await,
                };
            }
            Pulled::Limited(wait) => wait,
            Pulled::Failed(error) => {
                let given_up =
                    attempt_end(&row, about).is_some_and(|end| self.now() >= end + polls.after_end);
                if given_up {
                    return self.done(job.key).await;
                }
                let asked = error.retry_after().unwrap_or_default();
                let pace = row.attempt(about.attempt).map(|a| self.pace(&a.connection));
                let silence = pace.unwrap_or(*polls).silence(tries);
                // However long it asks for: the client bounds that.
                asked.max(silence)
            }
        };
        self.put_off(job.key, self.now() + wait).await
    }

    /// Has every open attempt asked about soon, so many a minute of each connection.
    pub(super) async fn poll_all(&self) -> Result<(), EngineError> {
        let step = Duration::from_secs(60) / self.config.pull_limits.per_minute.max(1);
        let mut asked: HashMap<ConnectionName, Duration> = HashMap::new();
        let mut query = ListQuery {
            states: vec![State::Pending, State::Processing, State::InReview],
            limit: PAGE,
            ..ListQuery::default()
        };
        loop {
            let page = self.store.list(&query).await?;
            let now = self.now();
            let mut change = Change::new(now);
            for row in page.iter().map(|listed| &listed.verification) {
                for attempt in &row.attempts {
                    let open = !attempt.state().0.is_end() && self.is_polled(&attempt.connection);
                    if !open || self.next_pull(row, attempt.number, 0, now).is_none() {
                        continue;
                    }
                    let wait = asked.entry(attempt.connection.clone()).or_default();
                    let key = poll_job(JobAbout {
                        verification: row.id,
                        attempt: attempt.number,
                    });
                    let due = now + *wait;
                    *wait = wait.saturating_add(step);
                    change.jobs.push(JobWrite::Hasten { key, due });
                }
            }
            if !change.jobs.is_empty() {
                self.commit(change).await?;
            }
            let Some(last) = page.last() else {
                return self.done(POLL_ALL).await;
            };
            query.after = Some(PageMark {
                time: last.verification.create_time,
                id: last.verification.id,
            });
        }
    }

    /// Asks once more before an attempt is ended for want of news. False if the end has to wait:
    /// then the job was put off.
    pub(super) async fn heard_before_end(
        &self,
        key: JobKey,
        about: JobAbout,
    ) -> Result<bool, EngineError> {
        let Some(row) = self.row_if_any(about).await? else {
            return Ok(true);
        };
        let deadlines = &self.config.deadlines;
        let due = match decide::needed_timer(&row, about.attempt, deadlines) {
            Some((kind, due)) if kind == key.kind && self.now() >= due => due,
            _ => return Ok(true),
        };
        if self.pull_gate.has_heard_since(about, due) {
            return Ok(true);
        }
        let wait = match self.pull(about, PullCause::BeforeEnd).await? {
            Pulled::Told { .. } | Pulled::Impossible => return Ok(true),
            Pulled::Limited(wait) => wait,
            Pulled::Failed(error) if error.is_retryable() => {
                error.retry_after().unwrap_or_default().max(ANOTHER_TRY)
            }
            Pulled::Failed(_) => return Ok(true),
        };
        let patience = due + self.config.pull_limits.patience;
        let now = self.now();
        if now < patience {
            self.put_off(key, patience.min(now + wait)).await?;
            return Ok(false);
        }
        tracing::warn!(
            { attribute::VERIFICATION_ID } = %about.verification,
            "an attempt is ended although its provider could not be asked for what was missed"
        );
        Ok(true)
    }

    async fn row_if_any(&self, about: JobAbout) -> Result<Option<Verification>, EngineError> {
        match self.load(about.verification).await {
            Ok(loaded) => Ok(Some(loaded.verification)),
            Err(error) if error.reason == Reason::VerificationNotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn attempt_end(row: &Verification, about: JobAbout) -> Option<Timestamp> {
    row.attempt(about.attempt)?.end_time
}
