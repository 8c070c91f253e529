//! Takes in a message of the provider that an operator hands in: one that is in quarantine, or one
//! that was exported by hand.
//!
//! Invariant: nothing is believed for the operator's word. A message whose signature holds goes
//! through the ordinary checks, late as it may be. Data without one is believed only once the provider
//! has confirmed every value with its pepper: its claims are then PULLED and marked as imported.
//! Handing the same in again changes nothing.

use bytes::Bytes;
use verilane_core::decide::DATA_IDENTITY;
use verilane_core::{
    Assurance, Attempt, AttemptNumber, AuditAction, AuditRecord, CallbackChannel, Change,
    ConnectionName, EvidenceKind, Principal, Reason, Tenancy, Verification, VerificationId,
};
use verilane_provider::{Callback, DataItem, Report, UnsignedData};
use verilane_store::Loaded;
use verilane_vault::SealedWhat;

use super::candidates::Asked;
use super::message::{HandedIn, Message, Source};
use super::{Verdict, quarantine};
use crate::command::revalidate::Opened;
use crate::engine::Engine;
use crate::sealing::{Sealer, write_parts};
use crate::{AccessContext, EngineError};

/// A message to import.
#[derive(Clone, Debug)]
pub struct ImportMessage {
    /// Who hands it in.
    pub operator: Principal,
    /// Why. Its purpose is required.
    pub access: AccessContext,
    /// Whose message it is.
    pub verification: VerificationId,
    /// Where it comes from.
    pub source: ImportSource,
}

/// Where a message to import comes from.
#[derive(Clone)]
pub enum ImportSource {
    /// The quarantine: of this attempt, or of the newest that has one.
    Quarantine(Option<AttemptNumber>),
    /// The operator, who has exported it: as the provider would have sent it to the data path.
    Body {
        /// What it is, if it is not plain JSON.
        content_type: Option<String>,
        /// The message, byte for byte. Personal data.
        body: Bytes,
    },
}

impl std::fmt::Debug for ImportSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Quarantine(attempt) => f.debug_tuple("Quarantine").field(attempt).finish(),
            Self::Body { .. } => f.write_str("Body(..)"),
        }
    }
}

/// What became of an import.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Imported {
    /// The verification.
    pub verification: VerificationId,
    /// The attempt that the message is about.
    pub attempt: AttemptNumber,
    /// Accepted, seen before, or not kept since the attempt was called off.
    pub verdict: Verdict,
    /// SIGNED if the signature holds, PULLED if the provider confirmed every value.
    pub assurance: Assurance,
}

impl Engine {
    /// Imports a message of a provider. Idempotent. Audited.
    ///
    /// # Errors
    /// `PURPOSE_REQUIRED`; `VERIFICATION_NOT_FOUND`; `CONNECTION_NOT_FOUND`; `NOTHING_TO_IMPORT`;
    /// `EVIDENCE_DAMAGED`; the reasons of refused callbacks (`CALLBACK_MALFORMED`,
    /// `CALLBACK_SUBJECT_MISMATCH`, `CALLBACK_ITEMS_MISMATCH`, `CALLBACK_ATTEMPT_UNKNOWN`, …) for what
    /// is wrong in more than its signature; `REVALIDATION_NOT_OFFERED` and `IMPORT_NOT_CONFIRMED` for
    /// what is unsigned; those of a provider that is asked, and of the store.
    pub async fn import_provider_message(
        &self,
        import: ImportMessage,
    ) -> Result<Imported, EngineError> {
        import.access.check()?;
        let loaded = self.load(import.verification).await?;
        let row = &loaded.verification;
        let (name, content_type, body) = self.message_to_import(row, &import.source).await?;
        let connection = self.connection(&name)?;
        let over = row.attempts.iter().rev().filter(|a| a.connection == name);
        let meant: Vec<_> = over
            .map(|attempt| attempt.tenancy(row.id))
            .filter(Tenancy::may_be_held)
            .collect();
        let asked = Asked::by(row, &self.keys)?;
        let callback = Callback {
            channel: CallbackChannel::Data,
            content_type: content_type.clone(),
            body: body.clone(),
            receive_time: self.now(),
            candidates: meant.iter().map(|one| asked.candidate(one)).collect(),
        };
        let about = |index: usize| {
            let number = meant.get(index).map(|one| one.holder.attempt);
            number.ok_or_else(|| EngineError::new(Reason::CallbackAttemptUnknown))
        };
        let handed_in = HandedIn {
            principal: import.operator,
            access: import.access,
        };
        let facade = &connection.facade;
        let message = match facade.read_callback(callback.clone()).await {
            Ok(reading) => {
                let number = about(reading.candidate)?;
                let message = Message::new(number, reading, content_type, body);
                Message {
                    handed_in: Some(handed_in),
                    ..message
                }
            }
            Err(refusal) if quarantine::is_about_the_signature(callback.channel, refusal) => {
                let read = facade.read_unsigned(callback).await;
                let read = read.map_err(|refusal| EngineError::new(refusal.reason))?;
                let number = about(read.candidate)?;
                self.have_confirmed(&loaded, number, &name, &read, &handed_in)
                    .await?;
                unsigned(number, read, content_type, body, handed_in)
            }
            Err(refusal) => return Err(EngineError::new(refusal.reason)),
        };
        let (attempt, assurance) = (message.attempt, message.assurance);
        let taken = self.keep(loaded, message).await;
        let taken = taken.map_err(|refusal| EngineError::new(refusal.reason))?;
        Ok(Imported {
            verification: taken.verification,
            attempt,
            verdict: taken.verdict,
            assurance,
        })
    }

    /// The message, and the connection that it is said to come over.
    async fn message_to_import(
        &self,
        row: &Verification,
        source: &ImportSource,
    ) -> Result<(ConnectionName, Option<String>, Bytes), EngineError> {
        let over = |attempt: Option<&Attempt>| {
            attempt.map_or_else(|| row.connection.clone(), |a| a.connection.clone())
        };
        match source {
            ImportSource::Body { content_type, body } => {
                let name = over(row.newest_attempt());
                Ok((name, content_type.clone(), body.clone()))
            }
            ImportSource::Quarantine(attempt) => {
                let records = self.store.evidence(row.id).await?;
                let kept = records.into_iter().rev().find(|record| {
                    record.kind == EvidenceKind::QuarantinedMessage
                        && attempt.is_none_or(|number| number == record.attempt)
                });
                let nothing = || EngineError::new(Reason::NothingToImport).about(row.id);
                let record = kept.ok_or_else(nothing)?;
                let key = self.keys.of(row)?;
                let sealer = Sealer {
                    id: row.id,
                    key: &key,
                };
                let (media_type, _) = sealer.open_evidence_description(&record)?;
                let body = self.whole_piece(row.id, &key, record.id).await?;
                let media_type = Some(media_type).filter(|media_type| !media_type.is_empty());
                let body = Bytes::copy_from_slice(body.expose());
                Ok((over(row.attempt(record.attempt)), media_type, body))
            }
        }
    }

    /// Asks the provider whether each value of an unsigned message is its own. What leaves is audited
    /// before it does.
    async fn have_confirmed(
        &self,
        loaded: &Loaded,
        number: AttemptNumber,
        connection: &ConnectionName,
        read: &UnsignedData,
        by: &HandedIn,
    ) -> Result<(), EngineError> {
        let row = &loaded.verification;
        let is_cancelled = row.attempt(number).is_some_and(|a| a.facts.is_cancelled());
        // Nothing of it would be kept anew, so nobody need be asked.
        if is_cancelled || loaded.has_seen(number, DATA_IDENTITY) {
            return Ok(());
        }
        if !self.can_revalidate(connection)? {
            let error = EngineError::new(Reason::RevalidationNotOffered);
            return Err(error.with("connection", connection));
        }
        let not_confirmed = || EngineError::new(Reason::ImportNotConfirmed).about(row.id);
        let opened: Option<Vec<Opened>> = read.data.items.iter().map(to_check).collect();
        let opened = opened.ok_or_else(not_confirmed)?;
        let key = self.keys.of(row)?;
        let sealer = Sealer {
            id: row.id,
            key: &key,
        };
        let now = self.now();
        let mut change = Change::new(now);
        change.audit.push(AuditRecord {
            time: now,
            principal: by.principal.clone(),
            action: AuditAction::ClaimsRevalidated,
            verification: Some(row.id),
            subject_matter: opened.iter().map(|one| one.field.clone()).collect(),
            details: Some(sealer.seal(
                row.revision,
                SealedWhat::AuditDetails,
                &write_parts(by.access.parts()),
            )?),
        });
        self.commit(change).await?;
        let subject = sealer.subject(row)?;
        let invalid = self.ask_again(connection, &subject, &opened).await?;
        if invalid.is_empty() {
            Ok(())
        } else {
            Err(not_confirmed().with("fields", invalid.join(",")))
        }
    }
}

fn to_check(item: &DataItem) -> Option<Opened> {
    Some(Opened {
        field: item.field.clone(),
        value: item.value.clone(),
        pepper: item.pepper.clone()?,
    })
}

/// Data that the provider has confirmed value by value.
fn unsigned(
    attempt: AttemptNumber,
    read: UnsignedData,
    content_type: Option<String>,
    body: Bytes,
    handed_in: HandedIn,
) -> Message {
    Message {
        attempt,
        identity: DATA_IDENTITY.to_owned(),
        report: Report::Data(read.data),
        provider_time: read.provider_time,
        late: read.is_late,
        assurance: Assurance::Pulled,
        key_fingerprint: None,
        handed_in: Some(handed_in),
        source: Source::Body {
            media_type: content_type.unwrap_or_default(),
            body,
        },
        document: None,
        document_word: None,
        unsigned: None,
        digest_mismatch: false,
        lookup: None,
    }
}
