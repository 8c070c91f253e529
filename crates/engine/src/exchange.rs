//! Exchanges a code that a browser brought back for what the user has granted.
//!
//! Invariant: a code can be spent once. It is bound to its attempt before it is sent, each send is
//! leased and so counted before it is made, one at a time, and the answer, with what it points to, is
//! durable before it is read. So after a crash it is known whether the code may have been spent by us: it is then sent once more, which does
//! no harm, since a provider refuses a spent code; a refusal then means that our own try spent it. What
//! certainly was not sent, or was turned away unread, is taken back from the count.

mod faults;
mod granted;
mod keeping;
mod reading;
mod sending;
mod turns;
mod waiting;

use std::time::Duration;

use verilane_core::{
    Assurance, Change, Fact, Job, JobAbout, JobKey, JobWrite, Pii, Reason, State, Timestamp,
    Verification, decide,
};
use verilane_provider::ProviderMessage;
use verilane_store::{CommitError, Conflict};

use crate::EngineError;
use crate::engine::{Connection, Engine, RACES};
use crate::sealing::Sealer;

use keeping::Kept;
use sending::ended_unsent;
pub(crate) use turns::Turns;
use turns::UnderWay;

/// How long is waited before a code is sent again: as long as has been tried already, from this on.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// How long a wait is at most, unless the provider asks for more.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

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
    /// Runs the exchange of an attempt, as far as it comes now. If it is under way, its own end says what
    /// comes next: a clock that is put forward makes its lease run out before.
    pub(crate) async fn exchange(&self, job: &Job, about: JobAbout) -> Result<(), EngineError> {
        let _turn = match self.exchanges.begin(about, job.due) {
            Ok(turn) => turn,
            Err(UnderWay::ItsEndSays) => return Ok(()),
            Err(UnderWay::IsEnding) => {
                return self.exchange_again(job.key, self.now(), job.tries).await;
            }
        };
        let (row, exchange, kept) = match self.open_exchange(job, about).await {
            Ok(Some(open)) => open,
            Ok(None) => return self.done(job.key).await,
            Err(error) if error.reason == Reason::Internal => {
                let end = ended_unsent(job.tries);
                return self.bear((about, job.key), job.tries, end).await;
            }
            Err(error) => {
                // Nothing was sent this time. If that can't be noted, it counts as if it had been.
                let again = self.exchange_again(job.key, self.now() + FIRST_WAIT, job.tries);
                let _ = again.await;
                return Err(error);
            }
        };
        let kept = match kept {
            Some(kept) => kept,
            None => match self.send_code(&row, &exchange).await? {
                Some(answer) => Kept {
                    answer,
                    rest: None,
                    time: self.now(),
                },
                None => return Ok(()),
            },
        };
        match self.read_answer(&row, &exchange, kept).await {
            Err(error) if error.reason == Reason::Internal => {
                let end = failed(Reason::ExchangeAnswerInvalid, Assurance::Local);
                let sent = job.tries.saturating_add(1);
                self.bear((about, job.key), sent, end).await
            }
            read => read,
        }
    }

    /// What there is to be done for an attempt, and the answer that it has. None if it waits for no
    /// outcome.
    async fn open_exchange(
        &self,
        job: &Job,
        about: JobAbout,
    ) -> Result<Option<(Verification, Exchange<'_>, Option<Kept>)>, EngineError> {
        let row = match self.load(about.verification).await {
            Ok(loaded) => loaded.verification,
            Err(error) if error.reason == Reason::VerificationNotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let open = row
            .attempt(about.attempt)
            .filter(|attempt| attempt.exchanges_a_code() && attempt.state().0 == State::Processing);
        let (Some(attempt), Some(code)) = (open, self.reference(&row, about)?) else {
            return Ok(None);
        };
        let (bind_time, deadline) = self.exchange_times(attempt);
        let connection = match self.connection(&attempt.connection) {
            Ok(connection) => connection,
            // It was taken out of the configuration, and nobody has put it back.
            Err(_) if self.now() >= deadline => {
                let end = failed(Reason::ProviderStalled, Assurance::Local);
                self.end_exchange_with((about, job.key), end, None).await?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let exchange = Exchange {
            about,
            key: job.key,
            connection,
            code,
            sent: job.tries,
            bind_time,
        };
        let kept = match self.kept(&row, about).await {
            // The code is spent, and what it gave is out of reach for good.
            Err(error) if error.reason == Reason::EvidenceDamaged => {
                let end = failed(Reason::ExchangeOutcomeUnknown, Assurance::Local);
                self.end_exchange(&exchange, end, None).await?;
                return Ok(None);
            }
            kept => kept?,
        };
        Ok(Some((row, exchange, kept)))
    }

    /// Has the job run again, as one before which the code may have been sent so often. Leases alone would
    /// count what was not sent.
    async fn exchange_again(
        &self,
        key: JobKey,
        due: Timestamp,
        sent: u32,
    ) -> Result<(), EngineError> {
        if sent > 1 {
            return self.put_off(key, due).await;
        }
        let mut change = Change::new(self.now());
        change.jobs.push(JobWrite::Schedule {
            key,
            due,
            // A schedule that is leased counts as one try, one that nobody leases as none.
            leased_until: (sent > 0).then_some(due),
        });
        self.commit(change).await?;
        Ok(())
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
        let place = (exchange.about, exchange.key);
        self.end_exchange_with(place, end, kept.as_ref()).await?;
        Ok(None)
    }

    async fn end_exchange_with(
        &self,
        (about, key): (JobAbout, JobKey),
        end: End,
        kept: Option<&crate::evidence::KeptPiece>,
    ) -> Result<(), EngineError> {
        let number = about.attempt;
        self.settle(about, |row, now| {
            let deadlines = &self.config.deadlines;
            let change = decide::exchange_ended(row, number, end, now, deadlines);
            let (Some(mut change), Some(kept)) = (change.clone(), kept) else {
                return Ok(change);
            };
            let data_key = self.keys.of(row)?;
            let sealer = Sealer {
                id: row.id,
                key: &data_key,
            };
            change
                .evidence
                .push(kept.record(row, number, &sealer, now)?);
            Ok(Some(change))
        })
        .await?;
        self.done(key).await
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
}
