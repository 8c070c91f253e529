//! Takes in a message of the provider that an operator hands in: one that is in quarantine, or one
//! that was exported by hand.
//!
//! Invariant: nothing is believed for the operator's word. A message whose signature holds goes
//! through the ordinary checks, late as it may be. Data without one is believed only once the provider
//! has confirmed every value with its pepper: its claims are then PULLED and marked as imported. For a
//! cancelled attempt, nothing of which is kept, it is refused. What belongs to another verification is
//! not taken for this one's. Handing the same in again changes nothing but the audit chain, which says
//! of every import what became of it.

use bytes::Bytes;
use verilane_core::decide::DATA_IDENTITY;
use verilane_core::{
    Assurance, Attempt, AttemptNumber, AuditAction, AuditRecord, CallbackChannel, Change,
    ConnectionName, EvidenceKind, Principal, Reason, Verification, VerificationId,
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
    /// SIGNED if the signature holds, PULLED if the provider confirmed every value; none if neither
    /// was looked at, since data is here already.
    pub assurance: Option<Assurance>,
}

/// A message that was handed in.
struct Handed {
    /// The connection that it is said to come over.
    connection: ConnectionName,
    content_type: Option<String>,
    body: Bytes,
    /// The attempt that it came for by itself, if it did.
    came_for: Option<AttemptNumber>,
}

impl Engine {
    /// Imports a message of a provider. Idempotent. Audited.
    ///
    /// # Errors
    /// `PURPOSE_REQUIRED`; `VERIFICATION_NOT_FOUND`; `CONNECTION_NOT_FOUND`; `NOTHING_TO_IMPORT`;
    /// `EVIDENCE_DAMAGED`; the reasons of refused callbacks (`CALLBACK_MALFORMED`,
    /// `CALLBACK_SUBJECT_MISMATCH`, `CALLBACK_ITEMS_MISMATCH`, `CALLBACK_ATTEMPT_UNKNOWN`, …) for what
    /// is wrong in more than its signature, or is another verification's; `ATTEMPT_CANCELLED`,
    /// `REVALIDATION_NOT_OFFERED` and `IMPORT_NOT_CONFIRMED` for what is unsigned; those of a provider
    /// that is asked, and of the store.
    pub async fn import_provider_message(
        &self,
        import: ImportMessage,
    ) -> Result<Imported, EngineError> {
        import.access.check()?;
        let loaded = self.load(import.verification).await?;
        let row = &loaded.verification;
        let Handed {
            connection: name,
            content_type,
            body,
            came_for,
        } = self.message_to_import(row, &import.source).await?;
        let connection = self.connection(&name)?;
        let meant = self.may_be_meant(row, &name, came_for).await?;
        let asked = Asked::by(row, &self.keys)?;
        let callback = Callback {
            channel: CallbackChannel::Data,
            content_type: content_type.clone(),
            body: body.clone(),
            receive_time: self.now(),
            candidates: meant.iter().map(|one| asked.candidate(one)).collect(),
        };
        let about = |index: usize| {
            let meant = meant.get(index).map(|one| one.holder);
            let own = meant.filter(|holder| holder.verification == row.id);
            let unknown = || EngineError::new(Reason::CallbackAttemptUnknown).about(row.id);
            own.map(|holder| holder.attempt).ok_or_else(unknown)
        };
        let handed_in = HandedIn {
            principal: import.operator,
            access: import.access,
        };
        let facade = &connection.facade;
        let (message, assurance) = match facade.read_callback(callback.clone()).await {
            Ok(reading) => {
                let number = about(reading.candidate)?;
                let message = Message::new(number, reading, content_type, body);
                let message = Message {
                    handed_in: Some(handed_in),
                    ..message
                };
                (message, Some(Assurance::Signed))
            }
            Err(refusal) if quarantine::is_about_the_signature(callback.channel, refusal) => {
                let read = facade.read_unsigned(callback).await;
                let read = read.map_err(|refusal| EngineError::new(refusal.reason))?;
                let number = about(read.candidate)?;
                let confirmed = self.have_confirmed(&loaded, number, &name, &read, &handed_in);
                let assurance = confirmed.await?;
                let message = unsigned(number, read, content_type, body, handed_in);
                (message, assurance)
            }
            Err(refusal) => return Err(EngineError::new(refusal.reason)),
        };
        let attempt = message.attempt;
        let taken = self.keep(loaded, message).await;
        let taken = taken.map_err(|refusal| EngineError::new(refusal.reason))?;
        Ok(Imported {
            verification: taken.verification,
            attempt,
            verdict: taken.verdict,
            assurance,
        })
    }

    async fn message_to_import(
        &self,
        row: &Verification,
        source: &ImportSource,
    ) -> Result<Handed, EngineError> {
        let over = |attempt: Option<&Attempt>| {
            attempt.map_or_else(|| row.connection.clone(), |a| a.connection.clone())
        };
        match source {
            ImportSource::Body { content_type, body } => Ok(Handed {
                connection: over(row.newest_attempt()),
                content_type: content_type.clone(),
                body: body.clone(),
                came_for: None,
            }),
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
                Ok(Handed {
                    connection: over(row.attempt(record.attempt)),
                    content_type: Some(media_type).filter(|media_type| !media_type.is_empty()),
                    body: Bytes::copy_from_slice(body.expose()),
                    came_for: Some(record.attempt),
                })
            }
        }
    }

    /// Asks the provider whether each value of an unsigned message is its own. What leaves is audited
    /// before it does. Answers with what stands for the message then: nothing if data is here already,
    /// so that nobody need be asked.
    async fn have_confirmed(
        &self,
        loaded: &Loaded,
        number: AttemptNumber,
        connection: &ConnectionName,
        read: &UnsignedData,
        by: &HandedIn,
    ) -> Result<Option<Assurance>, EngineError> {
        let row = &loaded.verification;
        if row.attempt(number).is_some_and(|a| a.facts.is_cancelled()) {
            return Err(EngineError::new(Reason::AttemptCancelled).about(row.id));
        }
        if loaded.has_seen(number, DATA_IDENTITY) {
            return Ok(None);
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
            Ok(Some(Assurance::Pulled))
        } else {
            Err(not_confirmed().with("fields", invalid.join(",")))
        }
    }

    /// What the audit chain says of an import, with the change that it causes.
    pub(super) fn entry_of_import(
        &self,
        by: &HandedIn,
        row: &Verification,
        verdict: Verdict,
        change: &Change,
    ) -> Result<AuditRecord, EngineError> {
        let key = self.keys.of(row)?;
        let sealer = Sealer {
            id: row.id,
            key: &key,
        };
        let claims = change.claims.iter();
        let after = change.verification.as_ref().map(|write| write.row.revision);
        Ok(AuditRecord {
            time: change.time,
            principal: by.principal.clone(),
            action: AuditAction::MessageImported,
            verification: Some(row.id),
            subject_matter: match verdict {
                Verdict::Accepted => claims
                    .map(|claim| crate::view::matter(claim.name, claim.document))
                    .collect(),
                Verdict::Repeated => vec!["seen before".to_owned()],
                Verdict::NotKept => vec!["not kept".to_owned()],
            },
            details: Some(sealer.seal(
                after.unwrap_or(row.revision),
                SealedWhat::AuditDetails,
                &write_parts(by.access.parts()),
            )?),
        })
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
