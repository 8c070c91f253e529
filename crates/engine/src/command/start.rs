//! Sends the request that starts an attempt, between two commits: the intent before it, the outcome
//! after it.
//!
//! Sent by the call that made the intent, and again by a job until there is an outcome, always with
//! the same callback paths. Where the provider says that it holds such a request already, `ongoing`
//! tells whose that is.

use std::time::{Duration, UNIX_EPOCH};

use verilane_core::{
    Attempt, AttemptNumber, Change, JobAbout, JobKey, JobKind, JobWrite, Pii, Reason, ReasonKind,
    Slot, SlotId, StartPhase, State, Timestamp, Verification, VerificationId, decide,
};
use verilane_provider::{Brake, ProviderError, Start, Started};
use verilane_store::{CommitError, Conflict};
use verilane_vault::WrapPurpose;

use super::create::action_expiry;
use super::ongoing::Ongoing;
use crate::crash::CrashPoint;
use crate::engine::{Engine, RACES};
use crate::sealing::{Sealer, read_parts, text};
use crate::{EngineError, VerificationView};

/// Whether the provider can have the request already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SentAs {
    /// It was never sent.
    First,
    /// It may have been sent.
    Again,
}

/// How long is waited before sending again: as long as has been tried already, so that each wait is
/// about twice the one before, from this on.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// How long a wait is at most.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

fn start_job(id: VerificationId, attempt: AttemptNumber) -> JobKey {
    JobKey {
        kind: JobKind::Start,
        about: Some(JobAbout {
            verification: id,
            attempt,
        }),
    }
}

/// What a caller is told of a provider's failure.
pub(crate) fn provider_error(error: &ProviderError) -> EngineError {
    match error {
        ProviderError::HeldBack {
            by: Brake::Deadline,
            ..
        } => EngineError::new(Reason::DeadlineExceeded),
        ProviderError::NotSent
        | ProviderError::Unclear
        | ProviderError::Busy { .. }
        | ProviderError::Overloaded { .. }
        | ProviderError::HeldBack { .. } => EngineError::new(Reason::ProviderUnavailable)
            .retry_after(error.retry_after().unwrap_or(FIRST_WAIT)),
        ProviderError::Refused { reason, .. } => EngineError::new(*reason),
        ProviderError::InvalidAnswer(_) => EngineError::new(Reason::ProviderAnswerInvalid),
    }
}

/// The error of an attempt whose start was refused, whatever became of it since. One that was
/// given up is none: its caller was told of a verification, and finds it as it is.
pub(super) fn refused(row: &Verification, number: AttemptNumber) -> Result<(), EngineError> {
    let ended = row.attempt(number).filter(|a| a.phase == StartPhase::Ended);
    let Some(attempt) = ended else {
        return Ok(());
    };
    let (_, failed, ..) = attempt.facts.to_parts();
    let Some(reason) = failed.filter(|reason| reason.kind() == ReasonKind::Request) else {
        return Ok(());
    };
    let error = EngineError::new(reason).about(row.id);
    Err(match attempt.expire_time.and_then(rfc3339) {
        // What is in the way is gone then.
        Some(lapse) => error.with("lapse_time", lapse),
        None => error,
    })
}

fn is_ongoing(error: &ProviderError) -> bool {
    matches!(error, ProviderError::Refused { reason, .. } if *reason == Reason::RequestAlreadyOpen)
}

fn rfc3339(time: Timestamp) -> Option<humantime::Rfc3339Timestamp> {
    let secs = u64::try_from(time.as_secs()).ok()?;
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(secs))?;
    Some(humantime::format_rfc3339_seconds(time))
}

impl Engine {
    /// Sends the request of an open intent and commits the outcome. A picture is for whoever waits;
    /// where nobody does, it is drawn from the link once somebody wants one.
    pub(crate) async fn send_start(
        &self,
        id: VerificationId,
        number: AttemptNumber,
        sent_as: SentAs,
        without_picture: bool,
    ) -> Result<VerificationView, EngineError> {
        let row = self.load(id).await?.verification;
        let attempt = match row.attempt(number) {
            Some(attempt)
                if attempt.phase == StartPhase::Intended && attempt.state().0 == State::Pending =>
            {
                attempt.clone()
            }
            // Called off, or the provider has answered by calling us.
            _ => return self.view(row),
        };
        let now = self.now();
        if now >= attempt.requested_expiry.min(row.expire_time) {
            return self
                .fail_start(id, number, Reason::StartAbandoned, None, None)
                .await;
        }
        let connection = self.connection(&attempt.connection)?;
        let key = self.keys.of(&row)?;
        let subject = Sealer { id, key: &key }.subject(&row)?;
        let (status_url, data_url) = self.urls(attempt.slot, &connection.callback_base).await?;
        let fields: Vec<&str> = row.asked_fields().collect();
        let lifetime = connection.facade.profile().action_lifetime;
        let answer = connection
            .facade
            .start(&Start {
                subject: &subject,
                fields: &fields,
                status_url: &status_url,
                data_url: &data_url,
                // A resumed intent may have too little left of what was asked for at first.
                expiry: attempt
                    .requested_expiry
                    .max(action_expiry(now, Duration::ZERO, lifetime)),
                without_picture,
            })
            .await;
        match answer {
            Ok(started) => {
                self.crash_point(match number {
                    1 => CrashPoint::ProviderAnswered,
                    _ => CrashPoint::RetryAnswered,
                });
                let lapse = started.action.expire_time();
                let in_the_way = if started.already_open {
                    self.in_the_way(&row, &attempt, lapse, sent_as).await?
                } else {
                    None
                };
                match in_the_way {
                    Some(reason) => self.fail_start(id, number, reason, Some(lapse), None).await,
                    None => self.finish_start(id, number, &started).await,
                }
            }
            Err(error) if is_ongoing(&error) => {
                match self.ongoing(&row, &attempt).await? {
                    Ongoing::Ours(expire_time) => self.adopt(id, number, expire_time).await,
                    // The user was quicker than the resumed intent. Its callbacks tell whose request
                    // that is, and would be refused if the intent were given up; without them it
                    // ends in its time.
                    Ongoing::Unknown(_) if sent_as == SentAs::Again => {
                        self.send_later(&attempt, (id, row.expire_time), &error, sent_as)
                            .await?;
                        let row = self.load(id).await?.verification;
                        self.view(row)
                    }
                    Ongoing::Unknown(reason) => {
                        self.fail_start(id, number, reason, None, None).await
                    }
                }
            }
            Err(error) if error.is_retryable() => {
                self.send_later(&attempt, (id, row.expire_time), &error, sent_as)
                    .await?;
                let row = self.load(id).await?.verification;
                self.view(row)
            }
            Err(error) => {
                let reason = provider_error(&error).reason;
                let said = match error {
                    ProviderError::Refused { text, .. } => text,
                    _ => None,
                };
                self.fail_start(id, number, reason, None, said).await
            }
        }
    }

    async fn urls(
        &self,
        slot: SlotId,
        base: &str,
    ) -> Result<(Pii<String>, Pii<String>), EngineError> {
        let slot = self
            .store
            .slot_by_id(slot)
            .await?
            .ok_or_else(|| EngineError::new(Reason::Internal))?;
        let (status, data) = self.callback_paths(&slot)?;
        let url = |path: Pii<String>| Pii::new(format!("{base}/{}", path.expose()));
        Ok((url(status), url(data)))
    }

    /// A slot's paths for statuses and for data.
    pub(crate) fn callback_paths(
        &self,
        slot: &Slot,
    ) -> Result<(Pii<String>, Pii<String>), EngineError> {
        let paths = self.keys.vault().unwrap_secret(
            WrapPurpose::SlotPaths,
            &[slot.id.as_bytes()],
            &slot.paths,
        )?;
        let parts = read_parts(paths.expose())?;
        let [status, data] = parts.as_slice() else {
            return Err(EngineError::new(Reason::Internal));
        };
        Ok((Pii::new(text(status)?), Pii::new(text(data)?)))
    }

    async fn finish_start(
        &self,
        id: VerificationId,
        number: AttemptNumber,
        started: &Started,
    ) -> Result<VerificationView, EngineError> {
        self.outcome(id, |row, now| {
            let key = self.keys.of(row)?;
            let sealer = Sealer { id, key: &key };
            let revision = decide::next_revision(row);
            let action = sealer.seal_action(revision, number, &started.action)?;
            let expire = started.action.expire_time();
            let deadlines = &self.config.deadlines;
            Ok(decide::started(row, number, action, expire, now, deadlines))
        })
        .await
    }

    async fn adopt(
        &self,
        id: VerificationId,
        number: AttemptNumber,
        expire: Timestamp,
    ) -> Result<VerificationView, EngineError> {
        self.outcome(id, |row, now| {
            let deadlines = &self.config.deadlines;
            Ok(decide::adopted(row, number, expire, now, deadlines))
        })
        .await
    }

    /// Ends the attempt. What the provider said about it in words of its own is kept as evidence.
    async fn fail_start(
        &self,
        id: VerificationId,
        number: AttemptNumber,
        reason: Reason,
        lapse: Option<Timestamp>,
        said: Option<Pii<String>>,
    ) -> Result<VerificationView, EngineError> {
        let kept = match said {
            None => None,
            Some(said) => {
                let row = self.load(id).await?.verification;
                let key = self.keys.of(&row)?;
                let body = said.expose().as_bytes();
                Some(
                    self.keep_message(id, &key, "text/plain", body, self.now())
                        .await?,
                )
            }
        };
        let view = self
            .outcome(id, |row, now| {
                let deadlines = &self.config.deadlines;
                let change = decide::start_failed(row, number, reason, lapse, now, deadlines);
                let (Some(mut change), Some(kept)) = (change.clone(), &kept) else {
                    return Ok(change);
                };
                let key = self.keys.of(row)?;
                let sealer = Sealer { id, key: &key };
                change
                    .evidence
                    .push(kept.record(row, number, &sealer, now)?);
                Ok(Some(change))
            })
            .await?;
        refused(&view.row, number)?;
        Ok(view)
    }

    /// Commits an outcome against whatever the row has become meanwhile.
    async fn outcome(
        &self,
        id: VerificationId,
        decide: impl Fn(&Verification, Timestamp) -> Result<Option<Change>, EngineError>,
    ) -> Result<VerificationView, EngineError> {
        for _ in 0..RACES {
            let row = self.load(id).await?.verification;
            let Some(change) = decide(&row, self.now())? else {
                return self.view(row);
            };
            let after = change.verification.as_ref().map(|write| write.row.clone());
            match self.commit(change).await {
                Ok(_) => return self.view(after.unwrap_or(row)),
                Err(CommitError::Conflict(Conflict::Revision)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::new(Reason::Contended).about(id))
    }

    async fn send_later(
        &self,
        attempt: &Attempt,
        (id, ends): (VerificationId, Timestamp),
        error: &ProviderError,
        sent_as: SentAs,
    ) -> Result<(), EngineError> {
        let key = start_job(id, attempt.number);
        let now = self.now();
        let wait = match error.retry_after() {
            Some(wait) => wait.max(FIRST_WAIT),
            None => now
                .since(attempt.start_time)
                .clamp(FIRST_WAIT, LONGEST_WAIT),
        };
        // Whatever the provider asks for, somebody has to notice when there is no time left.
        let due = (now + wait).min(attempt.requested_expiry.min(ends));
        let mut change = Change::new(now);
        // What certainly never left can't be held by the provider under our name: a schedule that
        // nobody leases counts no try.
        change.jobs.push(match sent_as {
            SentAs::First if error.never_left() => JobWrite::Schedule {
                key,
                due,
                leased_until: None,
            },
            SentAs::First | SentAs::Again => JobWrite::Postpone { key, due },
        });
        self.commit(change).await?;
        Ok(())
    }
}
