//! Takes in what a provider calls us with.
//!
//! Invariant: `Ok` means durable. A message that moves a verification is kept as evidence first, by
//! the side lane, and shown by the change that it causes; a message that was seen before only
//! raises a counter, durably too. What can't be verified changes nothing.

mod candidates;
mod data;
mod import;
mod message;
mod quarantine;

use std::sync::Arc;

use bytes::Bytes;
use verilane_core::decide::{self, DataKept};
use verilane_core::{
    AttemptNumber, CallbackChannel, Change, ConnectionName, JobAbout, Pii, Reason, SeenKey,
    SeenWrite, TraceParent, Verification, VerificationId,
};
use verilane_provider::{Callback, Refusal, Report};
use verilane_store::{CallbackTarget, CommitError, Conflict, Loaded};
use verilane_vault::{IndexKind, SealedWhat};

pub use self::import::{ImportMessage, ImportSource, Imported};

pub(crate) use self::data::underivable;
use self::data::{Kept, data_kept};
pub(crate) use self::message::Message;
use crate::EngineError;
use crate::crash::CrashPoint;
use crate::engine::{Engine, RACES};
use crate::pull::{PullCause, Pulled};
use crate::sealing::Sealer;

/// Where a callback path leads, for limits that come before the body is read.
#[derive(Clone, Debug)]
pub struct CallbackPath {
    /// The connection.
    pub connection: ConnectionName,
    /// Which of the slot's two paths.
    pub channel: CallbackChannel,
    target: Arc<CallbackTarget>,
}

/// What became of a callback that is answered with 200.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is in the log.
    Accepted,
    /// It was seen before; the repeat is counted.
    Repeated,
    /// It is in the log, and its data was not kept.
    NotKept,
}

/// A callback that is answered with 200: durable.
#[derive(Clone, Debug)]
pub struct Taken {
    /// What became of it.
    pub verdict: Verdict,
    /// The verification.
    pub verification: VerificationId,
    /// Where the verification's creation stands in a trace.
    pub trace_parent: Option<TraceParent>,
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        tracing::error!(reason = %error.reason, "a callback could not be stored");
        Self::from(Reason::CallbackStoreUnavailable)
    }
}

impl Engine {
    /// Where a callback path leads.
    ///
    /// # Errors
    /// `CALLBACK_PATH_UNKNOWN`, `CALLBACK_STORE_UNAVAILABLE`.
    pub async fn callback_path(&self, path: &Pii<String>) -> Result<CallbackPath, Refusal> {
        // A keyed digest is compared, never the path, so that timing tells nothing about it.
        let parts: [&[u8]; 1] = [path.expose().as_bytes()];
        let index = self.keys.vault().index(IndexKind::CallbackPath, &parts);
        let target = self
            .store
            .callback_target(index)
            .await
            .map_err(EngineError::from)?
            .ok_or(Reason::CallbackPathUnknown)?;
        Ok(CallbackPath {
            connection: target.slot.connection.clone(),
            channel: target.channel,
            target: Arc::new(target),
        })
    }

    /// Takes a callback in.
    ///
    /// # Errors
    /// Why it is not believed, or that it could not be stored. Nothing has changed then.
    pub async fn take_callback(
        &self,
        path: &CallbackPath,
        content_type: Option<String>,
        body: Bytes,
    ) -> Result<Taken, Refusal> {
        let target = &path.target;
        let connection = self.connection(&path.connection)?;
        let now = self.now();
        let meant = self.meant(target).await?;
        let callback = Callback {
            channel: path.channel,
            content_type: content_type.clone(),
            body: body.clone(),
            receive_time: now,
            candidates: meant.candidates.clone(),
        };
        let reading = match connection.facade.read_callback(callback.clone()).await {
            Ok(reading) => reading,
            Err(refusal) => {
                if is_hint(refusal.reason) {
                    self.hint_newest(target, &meant).await;
                }
                if quarantine::is_about_the_signature(path.channel, refusal) {
                    self.quarantine(connection, &meant.tenancies, callback)
                        .await?;
                }
                return Err(refusal);
            }
        };
        let about = meant.tenancies.get(reading.candidate).copied();
        let about = about.ok_or(Reason::CallbackAttemptUnknown)?;
        let message = Message::new(about.holder.attempt, reading, content_type, body);
        let loaded = self.loaded(meant, about).await?;
        self.keep(loaded, message).await
    }

    /// Commits what a verified message means, against whatever the row has become meanwhile. Whatever
    /// keeps it from that is answered as a store that does not serve, so that the provider calls again.
    pub(crate) async fn keep(&self, loaded: Loaded, message: Message) -> Result<Taken, Refusal> {
        let kept = self.keep_or_err(loaded, message).await;
        kept.map_err(|error| match error.reason {
            Reason::CallbackDeadlinePassed => error.reason.into(),
            _ => error.into(),
        })
    }

    /// The same for whoever must know a fault that stays from one that passes.
    pub(crate) async fn keep_or_err(
        &self,
        mut loaded: Loaded,
        message: Message,
    ) -> Result<Taken, EngineError> {
        let id = loaded.verification.id;
        let mut evidence = None;
        let mut asked: Option<Pulled> = None;
        for _ in 0..RACES {
            let seen = loaded.has_seen(message.attempt, &message.identity);
            let (repeated, stands) = match &asked {
                _ if seen => (Some(message.identity.clone()), false),
                Some(Pulled::Told {
                    history, others, ..
                }) => (
                    message.repeats(&loaded, history),
                    message.stands_in(history) || message.stands_in(others),
                ),
                _ => (None, false),
            };
            let taken = |verdict, row: &Verification| Taken {
                verdict,
                verification: id,
                trace_parent: row.trace_parent.clone(),
            };
            // Without a history, what can be a repeat goes by its own time; what is late can't. Whose
            // an entry is follows from times alone, and a callback says it more exactly.
            let trusted = stands || (!message.late && matches!(asked, Some(Pulled::Impossible)));
            let (mut change, verdict) = if let Some(identity) = repeated {
                let again = self.again(id, message.attempt, identity);
                (again, Verdict::Repeated)
            } else if message.needs_history(&loaded) && !trusted {
                if asked.is_some() {
                    return Err(EngineError::new(Reason::CallbackDeadlinePassed));
                }
                let pulled = self.pull_late(&loaded.verification, message.attempt);
                asked = Some(pulled.await?);
                loaded = self.load(id).await?;
                continue;
            } else {
                self.first(&loaded.verification, &message, &mut evidence)
                    .await?
            };
            if let Some(by) = &message.handed_in {
                let row = &loaded.verification;
                change
                    .audit
                    .push(self.entry_of_import(by, row, verdict, &change)?);
            }
            match self.commit(change).await {
                Ok(_) => {
                    self.crash_point(CrashPoint::CallbackCommitted);
                    return Ok(taken(verdict, &loaded.verification));
                }
                Err(CommitError::Conflict(Conflict::Revision | Conflict::Seen)) => {
                    loaded = self.load(id).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::new(Reason::Contended).about(id))
    }

    /// Has the history say whether a status stands in it that proves nothing by itself. Where that
    /// can't be asked now, it is soon, and the provider will call again.
    async fn pull_late(
        &self,
        row: &Verification,
        attempt: AttemptNumber,
    ) -> Result<Pulled, EngineError> {
        let about = JobAbout {
            verification: row.id,
            attempt,
        };
        let pulled = self.pull(about, PullCause::LateCallback).await?;
        if let Pulled::Limited(_) | Pulled::Failed(_) = pulled {
            self.hint(std::iter::once((attempt, row))).await;
        }
        Ok(pulled)
    }

    fn again(&self, id: VerificationId, attempt: AttemptNumber, identity: String) -> Change {
        let mut change = Change::new(self.now());
        change.seen.push(SeenWrite::Again(SeenKey {
            verification: id,
            attempt,
            identity,
        }));
        change
    }

    async fn first(
        &self,
        row: &Verification,
        message: &Message,
        evidence: &mut Option<Kept>,
    ) -> Result<(Change, Verdict), EngineError> {
        let key = self.keys.of(row)?;
        let sealer = Sealer {
            id: row.id,
            key: &key,
        };
        let now = self.now();
        let attempt = message.attempt;
        let deadlines = &self.config.deadlines;
        let mut change = match &message.report {
            Report::Status(report) => {
                let arrival = message.status(&report.status, report.rank, report.fact);
                let mut change = decide::status_reported(row, attempt, arrival, now, deadlines);
                if let (Some(hash), Some(event)) = (&report.tx_hash, change.events.last_mut()) {
                    let plain = hash.expose().as_bytes();
                    event.tx_hash = Some(sealer.seal(event.revision, SealedWhat::TxHash, plain)?);
                }
                change
            }
            Report::Failure(report) => {
                let arrival = message.status(&report.status, report.rank, Some(report.fact));
                decide::failure_reported(row, attempt, arrival, now, deadlines)
            }
            Report::Data(report) => {
                let change = self.data_received(row, message, report, now);
                if data_kept(row, message) == DataKept::Nothing {
                    return Ok((change, Verdict::NotKept));
                }
                change
            }
        };
        let kept = self.keep_evidence(row, message, &sealer, now, evidence);
        let kept = kept.await?;
        kept.show(row, message, &sealer, now, &mut change)?;
        Ok((change, Verdict::Accepted))
    }
}

/// Whether a refused callback can be a sign that a genuine one is kept from us.
const fn is_hint(reason: Reason) -> bool {
    !matches!(reason, Reason::CallbackOverload | Reason::Internal)
}
