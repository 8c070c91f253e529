//! The group commit: a batch of changes, durable together, each holding or refused by itself.
//!
//! Order: the transaction is durable, then the observer hears of its events, then the callers get
//! their answers. A change that breaks a rule of the schema, which the checks before it should have
//! caught, costs its batch a second run, one transaction each, so that it alone is refused.

use std::time::Instant;

use rusqlite::{Connection, Error, ErrorCode};
use tokio::sync::oneshot;
use verilane_core::{Change, Committed, Event, Sequence};
use verilane_store::CommitError;

use super::batch::{Batch, Verdict};
use super::instruments::Instruments;
use super::known::KnownRows;
use super::statements::Statements;
use super::{Tools, doubt};
use crate::config::{CommitHook, CommitMoment};

/// A change whose caller waits.
pub(crate) struct Waiting {
    pub(crate) change: Change,
    pub(crate) answer: oneshot::Sender<Result<Committed, CommitError>>,
}

impl Waiting {
    pub(super) fn refuse(self, error: CommitError) {
        let _ = self.answer.send(Err(error));
    }
}

/// Why a transaction did not come about.
enum Failure {
    /// A change broke a rule of the schema, or met a row that can't be understood.
    Change(Error),
    /// SQLite failed before the commit was asked for: nothing stands.
    Before(Error),
    /// The commit itself failed: it may stand or not.
    Commit(Error),
}

/// The database must be opened anew before anything else is committed.
pub(super) struct Broken(pub(super) Error);

/// What the commits of a connection need.
pub(super) struct Group<'g, 'c> {
    pub(super) connection: &'c Connection,
    pub(super) statements: Statements<'c>,
    pub(super) rows: &'g mut KnownRows,
    pub(super) instruments: Instruments,
}

impl Group<'_, '_> {
    /// Commits what waits, and answers everybody in it.
    pub(super) fn commit(
        &mut self,
        tools: &Tools,
        told: &mut Sequence,
        batch: Vec<Waiting>,
    ) -> Result<(), Broken> {
        match self.attempt(tools.config.hook.as_ref(), &batch) {
            Ok(verdicts) => {
                self.publish(tools, told, batch, verdicts);
                Ok(())
            }
            Err(Failure::Change(_)) if batch.len() > 1 => self.one_by_one(tools, told, batch),
            Err(failure) => self.fail(tools, batch, failure),
        }
    }

    fn one_by_one(
        &mut self,
        tools: &Tools,
        told: &mut Sequence,
        batch: Vec<Waiting>,
    ) -> Result<(), Broken> {
        let mut rest = batch.into_iter();
        while let Some(waiting) = rest.next() {
            if let Err(Broken(error)) = self.commit(tools, told, vec![waiting]) {
                for waiting in rest {
                    waiting.refuse(CommitError::Unavailable(error.to_string()));
                }
                return Err(Broken(error));
            }
        }
        Ok(())
    }

    fn attempt(
        &mut self,
        hook: Option<&CommitHook>,
        batch: &[Waiting],
    ) -> Result<Vec<Verdict>, Failure> {
        let span = self.instruments.span(batch.len());
        let _entered = span.enter();
        let began = Instant::now();
        let outcome = self.transaction(hook, batch);
        if let Err(Failure::Change(_) | Failure::Before(_)) = &outcome
            && !self.connection.is_autocommit()
            && let Err(error) = self.statements.rollback.execute([])
        {
            self.instruments.failed(&span, began);
            return Err(Failure::Commit(error));
        }
        match outcome {
            Ok((verdicts, committed)) => {
                if let Some(last) = committed {
                    self.instruments.committed(&span, began, last);
                }
                Ok(verdicts)
            }
            Err(failure) => {
                self.instruments.failed(&span, began);
                Err(failure)
            }
        }
    }

    /// The verdicts, and the head of the log if anything was committed.
    fn transaction(
        &mut self,
        hook: Option<&CommitHook>,
        batch: &[Waiting],
    ) -> Result<(Vec<Verdict>, Option<Sequence>), Failure> {
        let mut verdicts = Vec::with_capacity(batch.len());
        let mut transaction = Batch::begin(self.connection, &mut self.statements, self.rows)
            .map_err(Failure::before)?;
        for waiting in batch {
            verdicts.push(transaction.take(&waiting.change).map_err(Failure::before)?);
        }
        if !verdicts.iter().any(|v| matches!(v, Verdict::Holds(_))) {
            drop(transaction);
            let rollback = self.statements.rollback.execute([]);
            rollback.map_err(Failure::Commit)?;
            return Ok((verdicts, None));
        }
        let last = transaction.finish().map_err(Failure::before)?;
        let moment = |moment| {
            if let Some(hook) = hook {
                hook(moment);
            }
        };
        moment(CommitMoment::BeforeCommit);
        #[cfg(test)]
        super::faults::strike(self.connection).map_err(Failure::Commit)?;
        let committed = self.statements.commit.execute([]);
        committed.map_err(Failure::Commit)?;
        moment(CommitMoment::AfterCommit);
        Ok((verdicts, Some(last)))
    }

    fn publish(
        &mut self,
        tools: &Tools,
        told: &mut Sequence,
        batch: Vec<Waiting>,
        verdicts: Vec<Verdict>,
    ) {
        let mut events = Vec::with_capacity(batch.len());
        let mut answers = Vec::with_capacity(batch.len());
        for (waiting, verdict) in batch.into_iter().zip(verdicts) {
            let Waiting { change, answer } = waiting;
            let outcome = match verdict {
                Verdict::Holds(committed) => {
                    let places = committed.sequences.iter();
                    events.extend(places.zip(change.events).map(|(sequence, body)| Event {
                        sequence: *sequence,
                        body,
                    }));
                    if let Some(write) = change.verification {
                        self.rows.remember(write.row);
                    }
                    Ok(committed)
                }
                Verdict::Repeats(committed) => Ok(committed),
                Verdict::Refused(error) => Err(error),
            };
            answers.push((answer, outcome));
        }
        if let Some(last) = events.last() {
            *told = last.sequence;
            tools.observer.committed(&events);
        }
        self.instruments
            .decided(answers.iter().map(|(_, outcome)| outcome));
        for (answer, outcome) in answers {
            // A caller that has gone away can look its change up.
            let _ = answer.send(outcome);
        }
    }

    fn fail(&mut self, tools: &Tools, batch: Vec<Waiting>, failure: Failure) -> Result<(), Broken> {
        self.instruments.lost(batch.len());
        let refuse = |batch: Vec<Waiting>, error: &dyn Fn(&Waiting) -> CommitError| {
            for waiting in batch {
                let error = error(&waiting);
                waiting.refuse(error);
            }
        };
        match failure {
            Failure::Change(error) => {
                refuse(batch, &|_| CommitError::Invalid(error.to_string()));
                Ok(())
            }
            Failure::Before(error) => {
                refuse(batch, &|_| CommitError::Unavailable(error.to_string()));
                // A full disk is no reason to doubt what is open.
                match error.sqlite_error_code() {
                    Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy) => Ok(()),
                    _ => Err(Broken(error)),
                }
            }
            Failure::Commit(error) => {
                // Before anybody hears of it, so that nobody looks up what may yet change.
                doubt(tools);
                refuse(batch, &|w| CommitError::OutcomeUnknown(w.change.id));
                Err(Broken(error))
            }
        }
    }
}

impl Failure {
    fn before(error: Error) -> Self {
        let of_the_change = match &error {
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::ToSqlConversionFailure(_) => true,
            _ => matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch)
            ),
        };
        if of_the_change {
            Self::Change(error)
        } else {
            Self::Before(error)
        }
    }
}
