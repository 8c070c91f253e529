//! A verified message of a provider, in the terms of decisions and of the rows that it becomes.

use bytes::Bytes;
use verilane_core::decide::{DATA_IDENTITY, StatusArrival};
use verilane_core::{
    Assurance, AttemptNumber, Fact, Pii, ProviderStatus, Revision, StoredClaim, Timestamp,
    Verification,
};
use verilane_provider::{DataItem, Reading, Report};
use verilane_vault::SealedWhat;

use crate::EngineError;
use crate::sealing::Sealer;

/// What a callback says, in the terms of decisions.
pub(super) struct Message {
    pub(super) attempt: AttemptNumber,
    pub(super) identity: String,
    pub(super) report: Report,
    pub(super) provider_time: Option<Timestamp>,
    pub(super) late: bool,
    pub(super) key_fingerprint: String,
    /// The message as received, and the piece of evidence that it becomes.
    pub(super) media_type: String,
    pub(super) body: Bytes,
}

impl Message {
    pub(super) fn new(
        attempt: AttemptNumber,
        reading: Reading,
        content_type: Option<String>,
        body: Bytes,
    ) -> Self {
        let identity = match &reading.report {
            Report::Status(report) => report.identity.clone(),
            Report::Failure(report) => report.identity.clone(),
            Report::Data(_) => DATA_IDENTITY.to_owned(),
        };
        Self {
            attempt,
            identity,
            report: reading.report,
            provider_time: reading.provider_time,
            late: reading.is_late,
            key_fingerprint: reading.key_fingerprint,
            media_type: content_type.unwrap_or_default(),
            body,
        }
    }

    pub(super) fn status(
        &self,
        status: &ProviderStatus,
        rank: u16,
        fact: Option<Fact>,
    ) -> StatusArrival {
        StatusArrival {
            status: status.clone(),
            identity: self.identity.clone(),
            rank,
            fact,
            provider_time: self.provider_time,
            assurance: Assurance::Signed,
            late: self.late,
        }
    }
}

/// A claim at rest; none for an item that was never asked for.
pub(super) fn stored(
    row: &Verification,
    item: &DataItem,
    message: &Message,
    revision: Revision,
    now: Timestamp,
    sealer: &Sealer<'_>,
) -> Option<Result<StoredClaim, EngineError>> {
    let claim = row.claims.iter().find(|c| c.field == item.field)?;
    let seal = |what, plain: &Pii<String>| sealer.seal(revision, what, plain.expose().as_bytes());
    let field = item.field.as_str();
    let sealed = seal(SealedWhat::ClaimValue { claim: field }, &item.value).and_then(|value| {
        let pepper = item
            .pepper
            .as_ref()
            .map(|pepper| seal(SealedWhat::ClaimPepper { claim: field }, pepper))
            .transpose()?;
        Ok((value, pepper))
    });
    Some(
        sealed
            .map_err(EngineError::from)
            .map(|(value, pepper)| StoredClaim {
                verification: row.id,
                attempt: message.attempt,
                field: item.field.clone(),
                name: claim.name,
                document: claim.document,
                value,
                pepper,
                revision,
                provider_time: message.provider_time,
                receive_time: now,
                assurance: Assurance::Signed,
                key_fingerprint: Some(message.key_fingerprint.clone()),
            }),
    )
}
