//! Sends a code, and makes what comes back durable.
//!
//! Invariant: an answer is durable before anybody reads it, and a code that may have been spent by us is
//! sent once more at most.

use std::time::Duration;

use tokio::time::Instant;
use verilane_core::{Assurance, Reason, Timestamp, Verification, decide};
use verilane_provider::{Continuation, ProviderError, ProviderMessage};
use verilane_telemetry::attribute;

use super::{End, Exchange, FIRST_WAIT, LONGEST_WAIT, failed};
use crate::EngineError;
use crate::crash::CrashPoint;
use crate::engine::Engine;
use crate::sealing::Sealer;

/// How often a code is sent whose outcome was unclear before: once more.
const SENDS: u32 = 2;
/// How long an answer is held that the store does not take, and how often that is tried. Real time: a
/// fault, not a timer. There is no other answer.
const HOLD: Duration = Duration::from_secs(15);
const HOLD_LOOK: Duration = Duration::from_millis(100);

/// How an exchange ends whose code can't be sent any more, and may have been so often before.
const fn ended_unsent(sent: u32) -> End {
    let reason = if sent > 0 {
        Reason::ExchangeOutcomeUnknown
    } else {
        Reason::ExchangeAbandoned
    };
    failed(reason, Assurance::Local)
}

impl Exchange<'_> {
    /// Whether the code can still be sent then: its time has not passed, and its key is still pinned.
    fn lives_at(&self, time: Timestamp) -> bool {
        let again = Continuation::AuthorizationCode(self.code.clone());
        let facade = &self.connection.facade;
        facade.read_continuation_at(&again, time).is_ok()
    }
}

impl Engine {
    /// Sends the code, and makes the answer durable. None if there is none: then it was decided what
    /// comes next.
    pub(super) async fn send_code(
        &self,
        row: &Verification,
        exchange: &Exchange<'_>,
    ) -> Result<Option<ProviderMessage>, EngineError> {
        let may_be_spent = exchange.sent > 0;
        let unknown = failed(Reason::ExchangeOutcomeUnknown, Assurance::Local);
        if exchange.sent >= SENDS {
            return self.end_exchange(exchange, unknown, None).await;
        }
        if !exchange.lives_at(self.now()) {
            let end = ended_unsent(exchange.sent);
            return self.end_exchange(exchange, end, None).await;
        }
        let facade = &exchange.connection.facade;
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
                self.send_code_at(exchange, self.now() + wait, exchange.sent + 1)
                    .await
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
        let tried = now.since(exchange.bind_time);
        let wait = error.retry_after().unwrap_or(tried.min(LONGEST_WAIT));
        self.send_code_at(exchange, now + wait.max(FIRST_WAIT), exchange.sent)
            .await
    }

    /// Has a code sent at a time, unless it does not live so long.
    async fn send_code_at(
        &self,
        exchange: &Exchange<'_>,
        due: Timestamp,
        sent: u32,
    ) -> Result<Option<ProviderMessage>, EngineError> {
        if exchange.lives_at(due) {
            self.exchange_again(exchange.key, due, sent).await?;
            return Ok(None);
        }
        self.end_exchange(exchange, ended_unsent(sent), None).await
    }

    /// Makes an answer durable, and shows it. None if the attempt has ended meanwhile. A store that does
    /// not serve is waited for.
    async fn keep_answer(
        &self,
        row: &Verification,
        exchange: &Exchange<'_>,
        message: ProviderMessage,
    ) -> Result<Option<ProviderMessage>, EngineError> {
        let until = Instant::now() + HOLD;
        let shown = loop {
            let failure = match self.show_answer(row, exchange, &message).await {
                Ok(shown) => break shown,
                Err(failure) => failure,
            };
            if Instant::now() >= until {
                return Err(failure);
            }
            tokio::time::sleep(HOLD_LOOK).await;
            // Of a change whose outcome is unknown, it shows here.
            if let Ok(Some(_)) = self.kept_answer(row, exchange.about).await {
                break true;
            }
        };
        self.crash_point(CrashPoint::ExchangeKept);
        if !shown {
            self.done(exchange.key).await?;
        }
        Ok(shown.then_some(message))
    }

    async fn show_answer(
        &self,
        row: &Verification,
        exchange: &Exchange<'_>,
        message: &ProviderMessage,
    ) -> Result<bool, EngineError> {
        let key = self.keys.of(row)?;
        let (media_type, now) = (&message.media_type, self.now());
        let kept = self.keep_message(row.id, &key, media_type, &message.body, now);
        let kept = kept.await?;
        let number = exchange.about.attempt;
        self.settle(exchange.about, |row, now| {
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
        })
        .await
    }
}
