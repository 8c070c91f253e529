//! Exchanges a code that a browser brought back for what the user has granted.
//!
//! Invariant: a code can be spent once. It is bound to its attempt before it is sent, each send is
//! leased and so counted before it is made, and the answer is durable before it is read. So after a
//! crash it is known whether the code may have been spent by us: it is then sent once more, which does
//! no harm, since a provider refuses a spent code; a refusal then means that our own try spent it. What
//! certainly was not sent, or was turned away unread, does not count.

mod granted;

use std::sync::Arc;
use std::time::Duration;

use verilane_core::{
    Assurance, Change, EvidenceKind, Fact, Job, JobAbout, JobKey, JobWrite, Pii, Reason, State,
    Timestamp, Verification, VerificationId, decide,
};
use verilane_provider::{
    Continuation, Exchanged, ProviderError, ProviderMessage, Refusal, deadline,
};
use verilane_store::{CommitError, Conflict};
use verilane_telemetry::attribute;

use crate::crash::CrashPoint;
use crate::engine::{Connection, Engine, RACES};
use crate::sealing::Sealer;
use crate::{EngineError, VerificationView};

/// How often a code is sent whose outcome was unclear before: once more.
const SENDS: u32 = 2;
/// How long is waited before a code is sent again: as long as has been tried already, from this on.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// How long a wait is at most. Whether the code still lives is looked at after each.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How long what an answer points to is asked for. Such links live for about a minute.
const LINK_LIFE: Duration = Duration::from_secs(120);
/// How long before a call's deadline its answer is given, so that it arrives.
const MARGIN: Duration = Duration::from_millis(200);
/// How long a call without a deadline waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why an exchange ends without data, and on whose word.
type End = (Fact, Assurance);

const fn failed(reason: Reason, assurance: Assurance) -> End {
    (Fact::Failed(reason), assurance)
}

/// An exchange under way.
struct Exchange<'a> {
    about: JobAbout,
    key: JobKey,
    connection: &'a Connection,
    code: Pii<String>,
    /// How often the code may have been sent before.
    sent: u32,
    /// When the code was bound.
    bind_time: Timestamp,
}

impl Engine {
    /// Runs the exchange of an attempt, as far as it comes now.
    pub(crate) async fn exchange(&self, job: &Job, about: JobAbout) -> Result<(), EngineError> {
        let row = self.load(about.verification).await?.verification;
        let open = row
            .attempt(about.attempt)
            .filter(|attempt| attempt.exchanges_a_code() && attempt.state().0 == State::Processing);
        let (Some(attempt), Some(code)) = (open, self.reference(&row, about)?) else {
            return self.done(job.key).await;
        };
        let exchange = Exchange {
            about,
            key: job.key,
            connection: self.connection(&attempt.connection)?,
            code,
            sent: job.tries,
            bind_time: attempt.accept_time.unwrap_or(attempt.start_time),
        };
        let answer = match self.kept_answer(&row, about).await? {
            Some(answer) => answer,
            None => match self.send_code(&row, &exchange).await? {
                Some(answer) => (answer, self.now()),
                None => return Ok(()),
            },
        };
        self.read_answer(&row, &exchange, answer).await
    }

    /// The answer that an attempt has, and when it came.
    async fn kept_answer(
        &self,
        row: &Verification,
        about: JobAbout,
    ) -> Result<Option<(ProviderMessage, Timestamp)>, EngineError> {
        let records = self.store.evidence(row.id).await?;
        let answer = records.into_iter().find(|record| {
            record.attempt == about.attempt && record.kind == EvidenceKind::ProviderMessage
        });
        let Some(record) = answer else {
            return Ok(None);
        };
        let key = self.keys.of(row)?;
        let sealer = Sealer {
            id: row.id,
            key: &key,
        };
        let (media_type, _) = sealer.open_evidence_description(&record)?;
        let body = self.whole_piece(row.id, &key, record.id).await?;
        let body = body.expose().clone().into();
        let message = ProviderMessage { media_type, body };
        Ok(Some((message, record.receive_time)))
    }

    /// Sends the code, and makes the answer durable. None if there is none: then it was decided what
    /// comes next.
    async fn send_code(
        &self,
        row: &Verification,
        exchange: &Exchange<'_>,
    ) -> Result<Option<ProviderMessage>, EngineError> {
        let may_be_spent = exchange.sent > 0;
        let unknown = failed(Reason::ExchangeOutcomeUnknown, Assurance::Local);
        if exchange.sent >= SENDS {
            return self.end_exchange(exchange, unknown, None).await;
        }
        let facade = &exchange.connection.facade;
        let again = Continuation::AuthorizationCode(exchange.code.clone());
        if facade.read_continuation(&again).is_err() {
            // Its time has passed; or its key is pinned no more.
            let abandoned = failed(Reason::ExchangeAbandoned, Assurance::Local);
            let end = if may_be_spent { unknown } else { abandoned };
            return self.end_exchange(exchange, end, None).await;
        }
        self.crash_point(CrashPoint::ExchangeAsked);
        let answer = facade.exchange(&exchange.code).await;
        self.crash_point(CrashPoint::ExchangeAnswered);
        let error = match answer {
            Ok(message) => return self.keep_answer(row, exchange, message).await,
            Err(error) => error,
        };
        tracing::warn!(
            { attribute::VERIFICATION_ID } = %row.id,
            %error,
            "a code could not be exchanged"
        );
        match error {
            ProviderError::Refused {
                reason: Reason::CodeAlreadyUsed,
                ..
            } if may_be_spent => self.end_exchange(exchange, unknown, None).await,
            ProviderError::Refused { reason, text } => {
                let end = failed(reason, Assurance::Pulled);
                self.end_exchange(exchange, end, text).await
            }
            // An answer came, so the code is spent.
            ProviderError::InvalidAnswer(_) => {
                let end = failed(Reason::ExchangeAnswerInvalid, Assurance::Pulled);
                self.end_exchange(exchange, end, None).await
            }
            ProviderError::NotSent
            | ProviderError::HeldBack { .. }
            | ProviderError::Busy { .. } => self.send_code_later(exchange, &error).await,
            // Whatever stood between may have passed the code on.
            ProviderError::Unclear | ProviderError::Overloaded { .. } => {
                if exchange.sent + 1 >= SENDS {
                    return self.end_exchange(exchange, unknown, None).await;
                }
                let wait = error.retry_after().unwrap_or(FIRST_WAIT);
                let due = self.now() + wait.min(LONGEST_WAIT);
                self.put_off(exchange.key, due).await?;
                Ok(None)
            }
        }
    }

    /// Has a code sent again that was certainly not taken. How often it may have been before is kept.
    async fn send_code_later(
        &self,
        exchange: &Exchange<'_>,
        error: &ProviderError,
    ) -> Result<Option<ProviderMessage>, EngineError> {
        let now = self.now();
        let wait = match error.retry_after() {
            Some(wait) => wait.max(FIRST_WAIT),
            None => now.since(exchange.bind_time).max(FIRST_WAIT),
        };
        let due = now + wait.min(LONGEST_WAIT);
        let mut change = Change::new(now);
        change.jobs.push(JobWrite::Schedule {
            key: exchange.key,
            due,
            // A schedule that is leased counts as a try, one that nobody leases as none.
            leased_until: (exchange.sent > 0).then_some(due),
        });
        self.commit(change).await?;
        Ok(None)
    }

    /// Makes an answer durable, and shows it. None if the attempt has ended meanwhile.
    async fn keep_answer(
        &self,
        row: &Verification,
        exchange: &Exchange<'_>,
        message: ProviderMessage,
    ) -> Result<Option<ProviderMessage>, EngineError> {
        let key = self.keys.of(row)?;
        let (media_type, now) = (&message.media_type, self.now());
        let kept = self.keep_message(row.id, &key, media_type, &message.body, now);
        let kept = kept.await?;
        let number = exchange.about.attempt;
        let shown = self.settle(exchange.about, |row, now| {
            let deadlines = &self.config.deadlines;
            let change = decide::code_exchanged(row, number, now, deadlines);
            let Some(mut change) = change else {
                return Ok(None);
            };
            let sealer = Sealer {
                id: row.id,
                key: &key,
            };
            let record = kept.record(row, number, &sealer, now)?;
            change.evidence.push(record);
            Ok(Some(change))
        });
        let shown = shown.await?;
        self.crash_point(CrashPoint::ExchangeKept);
        if !shown {
            self.done(exchange.key).await?;
        }
        Ok(shown.then_some(message))
    }

    /// Reads an answer that is durable, and commits what it says.
    async fn read_answer(
        &self,
        row: &Verification,
        exchange: &Exchange<'_>,
        (answer, came): (ProviderMessage, Timestamp),
    ) -> Result<(), EngineError> {
        let facade = &exchange.connection.facade;
        let unknown = failed(Reason::ExchangeOutcomeUnknown, Assurance::Local);
        let rest = match facade.fetch_exchanged(&answer).await {
            Ok(rest) => rest,
            Err(error) if error.is_retryable() && self.now() < came + LINK_LIFE => {
                let wait = error.retry_after().unwrap_or(FIRST_WAIT);
                let due = self.now() + wait.min(LONGEST_WAIT);
                return self.put_off(exchange.key, due).await;
            }
            Err(ProviderError::InvalidAnswer(_)) => {
                let end = failed(Reason::ExchangeAnswerInvalid, Assurance::Pulled);
                return self.end_exchange(exchange, end, None).await.map(drop);
            }
            // The code is spent, and what it gave is out of reach.
            Err(_) => return self.end_exchange(exchange, unknown, None).await.map(drop),
        };
        let key = self.keys.of(row)?;
        let kept = match &rest {
            None => None,
            Some(rest) => {
                let now = self.now();
                let kept = self.keep_message(row.id, &key, &rest.media_type, &rest.body, now);
                Some(kept.await?)
            }
        };
        let subject = Sealer {
            id: row.id,
            key: &key,
        }
        .subject(row)?;
        let read = facade.read_exchanged(Exchanged {
            subject,
            fields: row.asked_fields().map(str::to_owned).collect(),
            bind_time: exchange.bind_time,
            receive_time: came,
            answer,
            rest,
        });
        let granted = match read.await {
            Ok(granted) => granted,
            // No turn, or a fault of ours: it is read again.
            Err(Refusal {
                reason: Reason::CallbackOverload | Reason::Internal,
            }) => return self.put_off(exchange.key, self.now() + FIRST_WAIT).await,
            Err(refusal) => {
                let end = failed(refusal.reason, Assurance::Pulled);
                return self.end_exchange_with(exchange, end, kept.as_ref()).await;
            }
        };
        self.crash_point(CrashPoint::ExchangeRead);
        if granted.is_anothers {
            let end = (Fact::Rejected(Reason::SubjectMismatch), Assurance::Pulled);
            return self.end_exchange(exchange, end, None).await.map(drop);
        }
        self.take_granted(exchange.about, &granted, kept).await?;
        self.done(exchange.key).await
    }

    /// Ends the attempt without data. What the provider said about it in words of its own is kept.
    async fn end_exchange(
        &self,
        exchange: &Exchange<'_>,
        end: End,
        said: Option<Pii<String>>,
    ) -> Result<Option<ProviderMessage>, EngineError> {
        let kept = match said {
            None => None,
            Some(said) => {
                let row = self.load(exchange.about.verification).await?.verification;
                let key = self.keys.of(&row)?;
                let body = said.expose().as_bytes();
                let kept = self.keep_message(row.id, &key, "text/plain", body, self.now());
                Some(kept.await?)
            }
        };
        self.end_exchange_with(exchange, end, kept.as_ref()).await?;
        Ok(None)
    }

    async fn end_exchange_with(
        &self,
        exchange: &Exchange<'_>,
        end: End,
        kept: Option<&crate::evidence::KeptPiece>,
    ) -> Result<(), EngineError> {
        let number = exchange.about.attempt;
        self.settle(exchange.about, |row, now| {
            let deadlines = &self.config.deadlines;
            let change = decide::exchange_ended(row, number, end, now, deadlines);
            let (Some(mut change), Some(kept)) = (change.clone(), kept) else {
                return Ok(change);
            };
            let key = self.keys.of(row)?;
            let sealer = Sealer {
                id: row.id,
                key: &key,
            };
            change
                .evidence
                .push(kept.record(row, number, &sealer, now)?);
            Ok(Some(change))
        })
        .await?;
        self.done(exchange.key).await
    }

    /// Commits a decision against whatever the row has become meanwhile. Whether there was one.
    async fn settle(
        &self,
        about: JobAbout,
        decide: impl Fn(&Verification, Timestamp) -> Result<Option<Change>, EngineError>,
    ) -> Result<bool, EngineError> {
        for _ in 0..RACES {
            let row = self.load(about.verification).await?.verification;
            let Some(change) = decide(&row, self.now())? else {
                return Ok(false);
            };
            match self.commit(change).await {
                Ok(_) => return Ok(true),
                Err(CommitError::Conflict(Conflict::Revision)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::new(Reason::Contended).about(about.verification))
    }

    /// Waits until the exchange of a verification has come to an end, or until its caller will not wait
    /// any more: then it is answered as it stands, and goes on.
    pub(crate) async fn exchanged(
        &self,
        id: VerificationId,
    ) -> Result<VerificationView, EngineError> {
        let relay = Arc::clone(&self.relay);
        let topic = relay.subscribe(id);
        let longest = tokio::time::Instant::now() + PATIENCE;
        let until = deadline::current().map_or(longest, |callers| {
            callers
                .checked_sub(MARGIN)
                .map_or(callers, |early| early.min(longest))
        });
        loop {
            let woken = topic.notify().notified();
            let row = self.load(id).await?.verification;
            let is_open = row.newest_attempt().is_some_and(|attempt| {
                attempt.exchanges_a_code() && attempt.state().0 == State::Processing
            });
            if !is_open || tokio::time::timeout_at(until, woken).await.is_err() {
                return self.view(row);
            }
        }
    }
}
