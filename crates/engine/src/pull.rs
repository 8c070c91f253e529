//! Fetches what a provider has noted of an attempt, and writes what was missed.
//!
//! Ordering contract: what was missed becomes events in the provider's own order, `PULLED`, in one
//! change. What a callback told of already is passed over by its identity, or as an occurrence that
//! is noted, and a callback that comes later finds it noted. A pull changes nothing at the provider, so it may be repeated at
//! any time; how often it is, is bounded by the gate.

mod gate;

use std::time::Duration;

use verilane_core::decide::{self, Noted, StatusArrival};
use verilane_core::{
    Assurance, Change, JobAbout, JobKey, JobKind, JobWrite, Reason, SlotHolder, Tenancy,
    Verification,
};
use verilane_provider::{Capability, HistoryEntry, HistoryRequest, ProviderError};
use verilane_store::{CommitError, Conflict, Loaded};
use verilane_telemetry::attribute;
use verilane_telemetry::value::{pull_cause, pull_outcome};
use verilane_vault::SealedWhat;

pub(crate) use self::gate::{Gate, Haste};
use crate::EngineError;
use crate::crash::CrashPoint;
use crate::engine::{Engine, RACES};
use crate::occurrence;
use crate::sealing::Sealer;

/// How many entries become events in one change; what is left over follows at the next poll.
const MOST_NEWS: usize = 256;

/// Why the provider is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PullCause {
    /// Its time has come: after silence, a restart, or a callback that could not be verified.
    Poll,
    /// The attempt is about to be ended for want of news.
    BeforeEnd,
    /// A genuine status proves nothing new by itself: it came past its deadline, or can be a repeat
    /// signed anew.
    LateCallback,
}

impl PullCause {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Poll => pull_cause::POLL,
            Self::BeforeEnd => pull_cause::BEFORE_END,
            Self::LateCallback => pull_cause::LATE_CALLBACK,
        }
    }

    /// An end waits for nothing but its own answer.
    pub(crate) const fn haste(self) -> Haste {
        match self {
            Self::BeforeEnd => Haste::Now,
            Self::Poll | Self::LateCallback => Haste::InTurn,
        }
    }
}

/// What came of a pull.
#[derive(Debug)]
pub(crate) enum Pulled {
    /// It told what it has noted of the attempt, and what was missed is in the log.
    Told {
        /// All that it has noted, oldest first.
        history: Vec<HistoryEntry>,
        /// What it has noted since the attempt began, and by its time is about others of its slot.
        others: Vec<HistoryEntry>,
        /// How much of it was missed.
        news: usize,
    },
    /// Nobody can be asked: no history is kept, or the connection is gone.
    Impossible,
    /// It was not asked, since it was asked often enough; that may change after so long.
    Limited(Duration),
    /// It did not answer, or not usably.
    Failed(ProviderError),
}

impl Pulled {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Told { news: 0, .. } => pull_outcome::NOTHING,
            Self::Told { .. } => pull_outcome::NEWS,
            Self::Impossible => pull_outcome::IMPOSSIBLE,
            Self::Limited(_) => pull_outcome::LIMITED,
            Self::Failed(_) => pull_outcome::FAILED,
        }
    }
}

impl Engine {
    /// Asks the provider what it has noted of an attempt, and commits what was missed.
    pub(crate) async fn pull(
        &self,
        about: JobAbout,
        cause: PullCause,
    ) -> Result<Pulled, EngineError> {
        let row = self.load(about.verification).await?.verification;
        let pulled = self.pull_for(&row, about, cause).await?;
        if let Some(attempt) = row.attempt(about.attempt) {
            let connection = attempt.connection.as_str();
            self.pull_metrics
                .pulled(connection, cause.as_str(), pulled.as_str());
        }
        if let Pulled::Failed(error) = &pulled {
            tracing::warn!(
                { attribute::VERIFICATION_ID } = %about.verification,
                %error,
                "the provider can't be asked what was missed"
            );
        }
        Ok(pulled)
    }

    async fn pull_for(
        &self,
        row: &Verification,
        about: JobAbout,
        cause: PullCause,
    ) -> Result<Pulled, EngineError> {
        let Some(attempt) = row.attempt(about.attempt) else {
            return Ok(Pulled::Impossible);
        };
        let Some(connection) = self.connections.get(&attempt.connection) else {
            return Ok(Pulled::Impossible);
        };
        if connection.facade.has(Capability::Continue) {
            return self.look(row, about, (connection, cause)).await;
        }
        if !connection.facade.has(Capability::History) {
            return Ok(Pulled::Impossible);
        }
        let asked_at = self.now();
        let limits = &self.config.pull_limits;
        let admitted =
            self.pull_gate
                .admit(&attempt.connection, about, asked_at, limits, cause.haste());
        let place = match admitted {
            Ok(place) => place,
            Err(wait) => return Ok(Pulled::Limited(wait)),
        };
        let key = self.keys.of(row)?;
        let subject = Sealer {
            id: row.id,
            key: &key,
        }
        .subject(row)?;
        let fields: Vec<&str> = row.asked_fields().collect();
        let request = HistoryRequest {
            subject: &subject,
            fields: &fields,
        };
        self.crash_point(CrashPoint::HistoryAsked);
        let answer = connection.facade.history(&request).await;
        drop(place);
        let entries = match answer {
            Ok(entries) => entries,
            Err(error) => return Ok(Pulled::Failed(error)),
        };
        self.crash_point(CrashPoint::HistoryAnswered);
        // Read after the answer, so that no attempt that the history can tell of is missing.
        let tenancies = self.held_tenancies(attempt.slot).await?;
        let noted: Vec<Noted> = entries
            .iter()
            .map(|entry| Noted {
                time: entry.provider_time,
                fact: entry.report.fact,
            })
            .collect();
        let ours = SlotHolder {
            verification: about.verification,
            attempt: about.attempt,
        };
        let whose = decide::assign(&tenancies, &noted);
        let (mut history, mut others) = (Vec::new(), Vec::new());
        for (entry, whose) in entries.into_iter().zip(whose) {
            if whose == Some(ours) {
                history.push(entry);
            } else if entry.provider_time + decide::SKEW >= attempt.start_time {
                others.push(entry);
            }
        }
        let news = self.merge(about, &history).await?;
        self.pull_gate.heard(about, asked_at);
        self.pull_metrics
            .merged(attempt.connection.as_str(), news as u64);
        Ok(Pulled::Told {
            history,
            others,
            news,
        })
    }

    /// All attempts that the provider can have taken a request of this slot from, newest first.
    async fn held_tenancies(
        &self,
        slot: verilane_core::SlotId,
    ) -> Result<Vec<Tenancy>, EngineError> {
        let mut tenancies = self.store.tenancies(slot).await?;
        tenancies.retain(Tenancy::may_be_held);
        Ok(tenancies)
    }

    /// Commits what was not seen before, against whatever the row has become meanwhile. How much
    /// that was.
    async fn merge(&self, about: JobAbout, history: &[HistoryEntry]) -> Result<usize, EngineError> {
        for _ in 0..RACES {
            let loaded = self.load(about.verification).await?;
            let missed = missed(&loaded, about, history);
            let Some(change) = self.merging(&loaded.verification, about, &missed)? else {
                return Ok(0);
            };
            match self.commit(change).await {
                Ok(_) => {
                    self.crash_point(CrashPoint::HistoryMerged);
                    return Ok(missed.len());
                }
                Err(CommitError::Conflict(Conflict::Revision | Conflict::Seen)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::new(Reason::Contended).about(about.verification))
    }

    fn merging(
        &self,
        row: &Verification,
        about: JobAbout,
        missed: &[&HistoryEntry],
    ) -> Result<Option<Change>, EngineError> {
        let arrivals = missed.iter().map(|entry| arrival(entry)).collect();
        let deadlines = &self.config.deadlines;
        let change = decide::history_pulled(row, about.attempt, arrivals, self.now(), deadlines);
        let Some(mut change) = change else {
            return Ok(None);
        };
        let key = self.keys.of(row)?;
        let sealer = Sealer {
            id: row.id,
            key: &key,
        };
        for (event, entry) in change.events.iter_mut().zip(missed) {
            if let Some(hash) = &entry.report.tx_hash {
                let plain = hash.expose().as_bytes();
                event.tx_hash = Some(sealer.seal(event.revision, SealedWhat::TxHash, plain)?);
            }
        }
        Ok(Some(change))
    }

    /// Has the attempts of a slot asked about soon, after a callback on its path that could not be
    /// verified: whoever wrote it may have kept a genuine one back. Never fails: it is a hint.
    pub(crate) async fn hint<'a>(&self, attempts: impl Iterator<Item = (u32, &'a Verification)>) {
        let now = self.now();
        let limits = &self.config.pull_limits;
        let mut change = Change::new(now);
        for (number, row) in attempts {
            let attempt = row.attempt(number).filter(|attempt| {
                self.is_polled(&attempt.connection)
                    && !attempt.facts.is_told_out()
                    && self.next_pull(row, number, 0, now).is_some()
            });
            let about = JobAbout {
                verification: row.id,
                attempt: number,
            };
            if attempt.is_some()
                && let Some(due) = self.pull_gate.hint(about, now, limits)
            {
                let key = poll_job(about);
                change.jobs.push(JobWrite::Hasten { key, due });
            }
        }
        if !change.jobs.is_empty()
            && let Err(error) = self.commit(change).await
        {
            tracing::warn!(%error, "a poll could not be brought forward");
        }
    }

    /// Whether a connection's provider is asked for its history, or looked at.
    pub(crate) fn is_polled(&self, connection: &verilane_core::ConnectionName) -> bool {
        let connection = self.connections.get(connection);
        connection.is_some_and(|connection| {
            let facade = &connection.facade;
            facade.has(Capability::History) || facade.profile().pace.is_some()
        })
    }

    /// Adds to a change when its attempts are next asked about, counted from this news, but for those of
    /// which it says so itself. News does not put off what a hint has asked for.
    pub(crate) fn schedule_polls(&self, change: &mut Change) {
        let Some(write) = &change.verification else {
            return;
        };
        let row = &write.row;
        let now = self.now();
        let touched = |number| {
            let cancelled = row.state().0 == verilane_core::State::Cancelled;
            cancelled || change.events.iter().any(|event| event.attempt == number)
        };
        let mut jobs = Vec::new();
        for attempt in &row.attempts {
            if !touched(attempt.number) || !self.is_polled(&attempt.connection) {
                continue;
            }
            let about = JobAbout {
                verification: row.id,
                attempt: attempt.number,
            };
            let key = poll_job(about);
            let is_said = |job: &JobWrite| matches!(job, JobWrite::Schedule { key: said, .. } if *said == key);
            if change.jobs.iter().any(is_said) {
                continue;
            }
            match self.next_pull(row, attempt.number, 0, now) {
                Some(due) => jobs.push(JobWrite::Schedule {
                    key,
                    due: self
                        .pull_gate
                        .hinted(about)
                        .map_or(due, |hinted| due.min(hinted)),
                    leased_until: None,
                }),
                // Its time is over, but what was scheduled in it may still wait for an answer.
                None if self.may_be_pulled(attempt) => {}
                None => jobs.push(JobWrite::Drop(key)),
            }
        }
        change.jobs.append(&mut jobs);
    }
}

/// The job that asks about an attempt.
pub(crate) const fn poll_job(about: JobAbout) -> JobKey {
    JobKey {
        kind: JobKind::Poll,
        about: Some(about),
    }
}

/// What was not seen before, each once, oldest first.
fn missed<'a>(
    loaded: &Loaded,
    about: JobAbout,
    history: &'a [HistoryEntry],
) -> Vec<&'a HistoryEntry> {
    let mut missed: Vec<&HistoryEntry> = Vec::new();
    for entry in history {
        let of = |entry: &'a HistoryEntry| (&entry.report.identity, entry.report.occurrence);
        let is_known = !entry.is_news
            || missed.iter().any(|known| of(known) == of(entry))
            || occurrence::is_noted(&loaded.seen, about.attempt, &entry.report, history);
        if !is_known && missed.len() < MOST_NEWS {
            missed.push(entry);
        }
    }
    missed
}

fn arrival(entry: &HistoryEntry) -> StatusArrival {
    StatusArrival {
        status: entry.report.status.clone(),
        identity: occurrence::key(&entry.report),
        rank: entry.report.rank,
        fact: entry.report.fact,
        provider_time: Some(entry.provider_time),
        assurance: Assurance::Pulled,
        late: false,
    }
}
