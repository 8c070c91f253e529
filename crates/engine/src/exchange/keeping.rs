//! Makes what an exchange brings durable, and has it show, before anybody reads it: the answer, and what
//! it points to.
//!
//! Invariant: each is written and shown once, in this order, and nothing shows of an attempt that has
//! ended. There is no other answer, so a store that does not serve is waited for.

use std::time::Duration;

use tokio::time::Instant;
use verilane_core::{
    Change, EvidenceKind, EvidenceRecord, JobAbout, JobWrite, Timestamp, Verification, decide,
};
use verilane_provider::ProviderMessage;
use verilane_store::{CommitError, Conflict};

use super::Exchange;
use crate::EngineError;
use crate::crash::CrashPoint;
use crate::engine::Engine;
use crate::evidence::KeptPiece;
use crate::jobs::LEASE;
use crate::sealing::Sealer;

/// How long something is held that the store does not take, and how often that is tried. Real time: a
/// fault, not a timer.
const HOLD: Duration = Duration::from_secs(15);
const HOLD_LOOK: Duration = Duration::from_millis(100);

/// What an attempt has of its answer: durable, and shown.
pub(super) struct Kept {
    pub(super) answer: ProviderMessage,
    /// What it points to.
    pub(super) rest: Option<ProviderMessage>,
    /// When the answer came.
    pub(super) time: Timestamp,
}

/// Something that an exchange brings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The answer to the code.
    Answer,
    /// What the answer points to.
    Rest,
}

impl Part {
    /// How many messages show once it does.
    const fn place(self) -> usize {
        match self {
            Self::Answer => 1,
            Self::Rest => 2,
        }
    }
}

impl Engine {
    /// What an attempt has of its answer. None if it has none.
    pub(super) async fn kept(
        &self,
        row: &Verification,
        about: JobAbout,
    ) -> Result<Option<Kept>, EngineError> {
        let mut records = self.messages_of(about).await?.into_iter();
        let Some(answer) = records.next() else {
            return Ok(None);
        };
        let rest = match records.next() {
            Some(rest) => Some(self.message(row, &rest).await?),
            None => None,
        };
        Ok(Some(Kept {
            answer: self.message(row, &answer).await?,
            rest,
            time: answer.receive_time,
        }))
    }

    /// The messages that show of an attempt, in the order in which they came: its revision only goes
    /// up, while a clock can be put back.
    async fn messages_of(&self, about: JobAbout) -> Result<Vec<EvidenceRecord>, EngineError> {
        let mut records = self.store.evidence(about.verification).await?;
        records.retain(|record| {
            record.attempt == about.attempt && record.kind == EvidenceKind::ProviderMessage
        });
        records.sort_by_key(|record| record.revision);
        Ok(records)
    }

    async fn message(
        &self,
        row: &Verification,
        record: &EvidenceRecord,
    ) -> Result<ProviderMessage, EngineError> {
        let key = self.keys.of(row)?;
        let sealer = Sealer {
            id: row.id,
            key: &key,
        };
        let (media_type, _) = sealer.open_evidence_description(record)?;
        let body = self.whole_piece(row.id, &key, record.id).await?;
        let body = body.expose().clone().into();
        Ok(ProviderMessage { media_type, body })
    }

    /// Makes a part durable, and shows it. False if the attempt has ended meanwhile.
    pub(super) async fn keep_part(
        &self,
        row: &Verification,
        exchange: &Exchange<'_>,
        part: Part,
        message: &ProviderMessage,
    ) -> Result<bool, EngineError> {
        let until = Instant::now() + HOLD;
        let mut piece = None;
        let shown = loop {
            let shown = self.show_part(row, exchange, part, message, &mut piece);
            let failure = match shown.await {
                Ok(shown) => break shown,
                Err(failure) => failure,
            };
            match self.shows_after_all(exchange.about, part, until).await {
                Some(true) => break true,
                Some(false) => {}
                None => return Err(failure),
            }
        };
        self.crash_point(CrashPoint::ExchangeKept);
        if !shown {
            self.done(exchange.key).await?;
        }
        Ok(shown)
    }

    /// Whether a part shows that could not be shown: the outcome of a change may be unknown, and what
    /// it did is shown no second time. None if that can't be told in time.
    async fn shows_after_all(&self, about: JobAbout, part: Part, until: Instant) -> Option<bool> {
        while Instant::now() < until {
            tokio::time::sleep(HOLD_LOOK).await;
            if let Ok(messages) = self.messages_of(about).await {
                return Some(messages.len() >= part.place());
            }
        }
        None
    }

    async fn show_part(
        &self,
        row: &Verification,
        exchange: &Exchange<'_>,
        part: Part,
        message: &ProviderMessage,
        piece: &mut Option<KeptPiece>,
    ) -> Result<bool, EngineError> {
        let key = self.keys.of(row)?;
        let piece = match piece {
            Some(piece) => piece,
            None => {
                let (media_type, now) = (&message.media_type, self.now());
                let kept = self.keep_message(row.id, &key, media_type, &message.body, now);
                piece.insert(kept.await?)
            }
        };
        let sealer = Sealer {
            id: row.id,
            key: &key,
        };
        match part {
            Part::Answer => self.show_answer(exchange.about, &sealer, piece).await,
            Part::Rest => self.show_rest(exchange, &sealer, piece).await,
        }
    }

    async fn show_answer(
        &self,
        about: JobAbout,
        sealer: &Sealer<'_>,
        piece: &KeptPiece,
    ) -> Result<bool, EngineError> {
        let number = about.attempt;
        self.settle(about, |row, now| {
            let deadlines = &self.config.deadlines;
            let change = decide::code_exchanged(row, number, now, deadlines);
            let Some(mut change) = change else {
                return Ok(None);
            };
            let record = piece.record(row, number, sealer, now)?;
            change.evidence.push(record);
            Ok(Some(change))
        })
        .await
    }

    /// Shows what the answer points to. Nothing has happened that a watcher could be told, so there is no
    /// event; that the attempt has not ended is certain by its job, which stands as long.
    async fn show_rest(
        &self,
        exchange: &Exchange<'_>,
        sealer: &Sealer<'_>,
        piece: &KeptPiece,
    ) -> Result<bool, EngineError> {
        let about = exchange.about;
        let row = self.load(about.verification).await?.verification;
        let now = self.now();
        let mut change = Change::new(now);
        let record = piece.record(&row, about.attempt, sealer, now)?;
        change.evidence.push(record);
        change.jobs.push(JobWrite::Lease {
            key: exchange.key,
            until: now + LEASE,
        });
        match self.commit(change).await {
            Ok(_) => Ok(true),
            Err(CommitError::Conflict(Conflict::Job)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
