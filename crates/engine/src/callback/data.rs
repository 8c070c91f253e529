//! What is kept of a message: the message itself, and of data the claims and their pictures.
//!
//! Invariant: every byte of evidence is durable before the change that shows it, and is written once
//! however often that change is decided anew. Claims and their evidence show with the same change.

use verilane_core::decide::{self, Came, DataArrival, DataKept, Document};
use verilane_core::{Change, RequestedClaim, StoredClaim, Timestamp, Verification, is_derivable};
use verilane_provider::{DataItem, DataReport, Report};
use verilane_vault::SealedWhat;

use super::message::{Message, Source};
use crate::EngineError;
use crate::engine::Engine;
use crate::evidence::KeptPiece;
use crate::evidence::value::{KeptValue, is_unusable};
use crate::sealing::Sealer;

/// What is durable of a message, and shown by nothing yet.
pub(super) struct Kept {
    message: Option<KeptPiece>,
    /// Not looked at as long as no claim is to be kept.
    values: Option<Vec<KeptValue>>,
}

/// A claim that an item was asked for by, perhaps one that is derived from it.
fn requested<'a>(row: &'a Verification, item: &DataItem) -> Option<&'a RequestedClaim> {
    row.claims.iter().find(|claim| claim.field == item.field)
}

/// The fields from whose values nothing can be derived, though it was asked for.
pub(crate) fn underivable<'a>(
    row: &Verification,
    items: impl Iterator<Item = &'a DataItem>,
) -> Vec<&'a str> {
    let lacks = |item: &&DataItem| {
        let mut claims = row.claims.iter();
        claims.any(|claim| {
            claim.field == item.field
                && claim.name.is_derived()
                && !is_derivable(claim.name, item.value.expose())
        })
    };
    items
        .filter(lacks)
        .map(|item| item.field.as_str())
        .collect()
}

/// The fields of whose values the provider itself says that they do not hold.
fn refuted(report: &DataReport) -> Vec<&str> {
    let speaks_against = |item: &&DataItem| item.checks.is_some_and(|checks| !checks.hold());
    let refuted = report.items.iter().filter(speaks_against);
    refuted.map(|item| item.field.as_str()).collect()
}

impl Engine {
    /// Decides what becomes of data.
    pub(super) fn data_received(
        &self,
        row: &Verification,
        message: &Message,
        report: &DataReport,
        now: Timestamp,
    ) -> Change {
        let most = self.config.max_picture_bytes;
        let items = || report.items.iter();
        let fields: Vec<&str> = items().map(|item| item.field.as_str()).collect();
        let unusable = items().filter(|item| is_unusable(row, item, most));
        let unusable: Vec<&str> = unusable.map(|item| item.field.as_str()).collect();
        let refuted = refuted(report);
        let data = DataArrival {
            digest_mismatch: message.digest_mismatch,
            came: Came {
                fields: &fields,
                unusable: &unusable,
                underivable: &underivable(row, items()),
                refuted: &refuted,
                document: message.document,
            },
            extra: report.unrequested > 0,
            imported: message.handed_in.is_some(),
            provider_time: message.provider_time,
            assurance: message.assurance,
            late: message.late,
        };
        let deadlines = &self.config.deadlines;
        decide::data_received(row, message.attempt, &data, now, deadlines)
    }

    /// Makes the message durable, and the pictures in it if its claims are to be kept, unless they
    /// are.
    pub(super) async fn keep_evidence<'k>(
        &self,
        row: &Verification,
        message: &Message,
        sealer: &Sealer<'_>,
        now: Timestamp,
        kept: &'k mut Option<Kept>,
    ) -> Result<&'k Kept, EngineError> {
        let kept = match kept {
            Some(kept) => kept,
            None => {
                let piece = match &message.source {
                    Source::Shown => None,
                    Source::Body { media_type, body } => {
                        let piece = self.keep_message(row.id, sealer.key, media_type, body, now);
                        Some(piece.await?)
                    }
                };
                kept.insert(Kept {
                    message: piece,
                    values: None,
                })
            }
        };
        if kept.values.is_none() {
            let mut values = Vec::new();
            for item in claims_to_keep(row, message) {
                if let Some(claim) = requested(row, item) {
                    let name = claim.name.provided_as();
                    values.extend(self.keep_value(sealer, name, item, now).await?);
                }
            }
            kept.values = (data_kept(row, message) == DataKept::Claims).then_some(values);
        }
        Ok(kept)
    }
}

/// What is kept of a message against a row.
pub(super) fn data_kept(row: &Verification, message: &Message) -> DataKept {
    let Report::Data(report) = &message.report else {
        return DataKept::Message;
    };
    let fields: Vec<&str> = report.items.iter().map(|i| i.field.as_str()).collect();
    let came = Came {
        fields: &fields,
        underivable: &underivable(row, report.items.iter()),
        refuted: &refuted(report),
        document: message.document,
        ..Came::default()
    };
    decide::data_kept(row, message.attempt, &came)
}

/// The items whose claims are to be kept.
fn claims_to_keep<'m>(row: &Verification, message: &'m Message) -> &'m [DataItem] {
    match &message.report {
        Report::Data(report) if data_kept(row, message) == DataKept::Claims => &report.items,
        _ => &[],
    }
}

impl Kept {
    /// Adds what shows it to the change that the message causes.
    pub(super) fn show(
        &self,
        row: &Verification,
        message: &Message,
        sealer: &Sealer<'_>,
        now: Timestamp,
        change: &mut Change,
    ) -> Result<(), EngineError> {
        let items = claims_to_keep(row, message);
        // What was kept for claims that another attempt's have shut out since shows nowhere.
        let values = self.values.as_deref().filter(|_| !items.is_empty());
        let values = values.unwrap_or_default();
        let pieces = values.iter().flat_map(|value| &value.pieces);
        for piece in pieces.chain(&self.message) {
            let record = piece.record(row, message.attempt, sealer, now)?;
            change.evidence.push(record);
        }
        for item in items {
            let value = values.iter().find(|value| value.field == item.field);
            let claim = stored(row, item, value, message, now, sealer)?;
            change.claims.extend(claim);
        }
        if !items.is_empty() {
            change.subjects.clone_from(&message.lookup);
        }
        Ok(())
    }
}

/// A claim at rest; none for an item that was never asked for.
fn stored(
    row: &Verification,
    item: &DataItem,
    kept: Option<&KeptValue>,
    message: &Message,
    now: Timestamp,
    sealer: &Sealer<'_>,
) -> Result<Option<StoredClaim>, EngineError> {
    let Some(claim) = requested(row, item) else {
        return Ok(None);
    };
    let revision = decide::next_revision(row);
    let field = item.field.as_str();
    let what = SealedWhat::ClaimValue { claim: field };
    let value = match kept {
        Some(kept) => sealer.seal(revision, what, &kept.reference())?,
        None => sealer.seal(revision, what, item.value.expose().as_bytes())?,
    };
    let pepper = item.pepper.as_ref().map(|pepper| {
        let what = SealedWhat::ClaimPepper { claim: field };
        sealer.seal(revision, what, pepper.expose().as_bytes())
    });
    let (assurance, key_fingerprint) = message.assurance_of(field);
    // What stands on no document is not of the one that was shown.
    let shown = message.document.filter(|_| claim.name.is_from_document());
    let word = message.document_word.as_ref();
    let word = word.filter(|_| claim.name.is_from_document());
    Ok(Some(StoredClaim {
        verification: row.id,
        attempt: message.attempt,
        field: item.field.clone(),
        name: claim.name.provided_as(),
        document: claim.document.or(shown.and_then(Document::kind)),
        value,
        evidence: kept.and_then(KeptValue::shown),
        pepper: pepper.transpose()?,
        provider_document: sealer.seal_document_word(revision, field, word)?,
        revision,
        provider_time: message.provider_time,
        receive_time: now,
        assurance,
        key_fingerprint,
        imported: message.handed_in.is_some(),
        checks: item.checks,
    }))
}
