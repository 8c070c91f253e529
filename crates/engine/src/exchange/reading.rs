//! Has what an answer points to made durable too, reads both as often as it takes, and commits what they
//! say.

use std::ops::ControlFlow;
use std::time::Duration;

use verilane_core::{Assurance, Fact, Reason, Verification};
use verilane_provider::{Exchanged, ProviderError, ProviderMessage, Refusal};

use super::keeping::{Kept, Part};
use super::{Exchange, FIRST_WAIT, LONGEST_WAIT, failed};
use crate::EngineError;
use crate::crash::CrashPoint;
use crate::engine::Engine;
use crate::sealing::Sealer;

/// How long what an answer points to is asked for. Such links live for about a minute.
const LINK_LIFE: Duration = Duration::from_secs(120);

/// What there is to be read beside an answer, or that it was decided what comes next.
type Rest = ControlFlow<(), Option<ProviderMessage>>;

impl Engine {
    /// Reads an answer that is durable, and commits what it says.
    pub(super) async fn read_answer(
        &self,
        row: &Verification,
        exchange: &Exchange<'_>,
        mut kept: Kept,
    ) -> Result<(), EngineError> {
        let rest = match kept.rest.take() {
            Some(rest) => Some(rest),
            None => match self.fetch_rest(row, exchange, &kept).await? {
                ControlFlow::Continue(rest) => rest,
                ControlFlow::Break(()) => return Ok(()),
            },
        };
        let key = self.keys.of(row)?;
        let subject = Sealer {
            id: row.id,
            key: &key,
        }
        .subject(row)?;
        let came = kept.time;
        let read = exchange.connection.facade.read_exchanged(Exchanged {
            subject,
            fields: row.asked_fields().map(str::to_owned).collect(),
            bind_time: exchange.bind_time,
            receive_time: came,
            answer: kept.answer,
            rest,
        });
        let granted = match read.await {
            Ok(granted) => granted,
            // No turn: it is read again, ever more seldom.
            Err(Refusal {
                reason: Reason::CallbackOverload,
            }) => {
                let now = self.now();
                let wait = now.since(came).clamp(FIRST_WAIT, LONGEST_WAIT);
                return self.put_off(exchange.key, now + wait).await;
            }
            Err(Refusal {
                reason: Reason::Internal,
            }) => return Err(EngineError::new(Reason::Internal)),
            Err(refusal) => {
                let end = failed(refusal.reason, Assurance::Pulled);
                return self.end_exchange(exchange, end, None).await.map(drop);
            }
        };
        self.crash_point(CrashPoint::ExchangeRead);
        if granted.is_anothers {
            let end = (Fact::Rejected(Reason::SubjectMismatch), Assurance::Pulled);
            return self.end_exchange(exchange, end, None).await.map(drop);
        }
        self.take_granted(exchange.about, &granted).await?;
        self.done(exchange.key).await
    }

    /// Fetches what an answer points to, and makes it durable. Nothing, if that holds everything itself.
    async fn fetch_rest(
        &self,
        row: &Verification,
        exchange: &Exchange<'_>,
        kept: &Kept,
    ) -> Result<Rest, EngineError> {
        let facade = &exchange.connection.facade;
        let end = match facade.fetch_exchanged(&kept.answer).await {
            Ok(None) => return Ok(ControlFlow::Continue(None)),
            Ok(Some(rest)) => {
                let shown = self.keep_part(row, exchange, Part::Rest, &rest).await?;
                return Ok(match shown {
                    true => ControlFlow::Continue(Some(rest)),
                    false => ControlFlow::Break(()),
                });
            }
            Err(error) if error.is_retryable() && self.now() < kept.time + LINK_LIFE => {
                let wait = error.retry_after().unwrap_or(FIRST_WAIT);
                let due = self.now() + wait.min(LONGEST_WAIT);
                self.put_off(exchange.key, due).await?;
                return Ok(ControlFlow::Break(()));
            }
            Err(ProviderError::InvalidAnswer(_)) => {
                failed(Reason::ExchangeAnswerInvalid, Assurance::Pulled)
            }
            // The code is spent, and what it gave is out of reach.
            Err(_) => failed(Reason::ExchangeOutcomeUnknown, Assurance::Local),
        };
        self.end_exchange(exchange, end, None).await?;
        Ok(ControlFlow::Break(()))
    }
}
