//! Sends a code, and has what comes back made durable.
//!
//! Invariant: an answer is durable before anybody reads it, and a code that may have been spent by us is
//! sent once more at most.

use verilane_core::{Assurance, Reason, Timestamp, Verification};
use verilane_provider::{Continuation, ProviderError, ProviderMessage};
use verilane_telemetry::attribute;

use super::keeping::Part;
use super::{End, Exchange, FIRST_WAIT, LONGEST_WAIT, failed};
use crate::EngineError;
use crate::crash::CrashPoint;
use crate::engine::Engine;

/// How often a code is sent whose outcome was unclear before: once more.
const SENDS: u32 = 2;

/// How an exchange ends whose code can't be sent any more, and may have been so often before.
pub(super) const fn ended_unsent(sent: u32) -> End {
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

    /// Makes an answer durable, and shows it. None if the attempt has ended meanwhile.
    async fn keep_answer(
        &self,
        row: &Verification,
        exchange: &Exchange<'_>,
        message: ProviderMessage,
    ) -> Result<Option<ProviderMessage>, EngineError> {
        let shown = self.keep_part(row, exchange, Part::Answer, &message);
        Ok(shown.await?.then_some(message))
    }
}
