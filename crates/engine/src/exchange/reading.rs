//! Reads an answer that is durable, as often as it takes, and commits what it says.

use std::time::Duration;

use verilane_core::{Assurance, Fact, Reason, Verification};
use verilane_provider::{Exchanged, ProviderError, Refusal};

use super::{Exchange, FIRST_WAIT, Kept, LONGEST_WAIT, failed};
use crate::EngineError;
use crate::crash::CrashPoint;
use crate::engine::Engine;
use crate::sealing::Sealer;

/// How long what an answer points to is asked for. Such links live for about a minute.
const LINK_LIFE: Duration = Duration::from_secs(120);

impl Engine {
    /// Reads an answer that is durable, and commits what it says.
    pub(super) async fn read_answer(
        &self,
        row: &Verification,
        exchange: &Exchange<'_>,
        (answer, came): Kept,
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
            // No turn, or a fault of ours: it is read again, ever more seldom.
            Err(Refusal {
                reason: Reason::CallbackOverload | Reason::Internal,
            }) => {
                let now = self.now();
                let wait = now.since(came).clamp(FIRST_WAIT, LONGEST_WAIT);
                return self.put_off(exchange.key, now + wait).await;
            }
            Err(refusal) => {
                let end = failed(refusal.reason, Assurance::Pulled);
                let place = (exchange.about, exchange.key);
                return self.end_exchange_with(place, end, kept.as_ref()).await;
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
}
