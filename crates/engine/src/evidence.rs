//! What a provider said, kept as received: in encrypted chunks that are durable before the change
//! that shows them.

use sha2::Digest;
use tracing::Instrument;
use verilane_core::{
    AttemptNumber, EvidenceId, EvidenceKind, EvidenceRecord, Timestamp, Verification,
    VerificationId, decide,
};
use verilane_telemetry::{attribute, span};
use verilane_vault::DataKey;

use crate::EngineError;
use crate::engine::Engine;
use crate::sealing::Sealer;

/// How many sealed chunks go to the side lane at once.
const CHUNKS_AT_ONCE: usize = 16;

/// A message that is durable and that nothing shows yet.
#[derive(Clone)]
pub(crate) struct KeptMessage {
    id: EvidenceId,
    media_type: String,
    size: u64,
    sha256: [u8; 32],
    chunks: u32,
}

impl KeptMessage {
    /// The record that shows it, sealed for the verification's next revision.
    pub(crate) fn record(
        &self,
        row: &Verification,
        attempt: AttemptNumber,
        sealer: &Sealer<'_>,
        now: Timestamp,
    ) -> Result<EvidenceRecord, EngineError> {
        let revision = decide::next_revision(row);
        let description =
            sealer.seal_evidence_description(revision, self.id, &self.media_type, &self.sha256)?;
        Ok(EvidenceRecord {
            id: self.id,
            verification: row.id,
            attempt,
            kind: EvidenceKind::ProviderMessage,
            size: self.size,
            chunks: self.chunks,
            description,
            revision,
            receive_time: now,
        })
    }
}

impl Engine {
    /// Makes a message durable in encrypted chunks.
    pub(crate) async fn keep_message(
        &self,
        id: VerificationId,
        key: &DataKey,
        media_type: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<KeptMessage, EngineError> {
        let mut kept = KeptMessage {
            id: EvidenceId::generate(),
            media_type: media_type.to_owned(),
            size: body.len() as u64,
            sha256: sha2::Sha256::digest(body).into(),
            chunks: 0,
        };
        let span = tracing::info_span!(
            span::EVIDENCE_WRITE,
            { attribute::EVIDENCE_KIND } = EvidenceKind::ProviderMessage.as_str(),
        );
        async {
            let mut sealed = key.seal_evidence(id, kept.id, body);
            loop {
                let batch = sealed
                    .by_ref()
                    .take(CHUNKS_AT_ONCE)
                    .collect::<Result<Vec<_>, _>>()?;
                if batch.is_empty() {
                    return Ok(kept);
                }
                let count = u32::try_from(batch.len()).unwrap_or(u32::MAX);
                self.store
                    .put_chunks(kept.id, kept.chunks, batch, now)
                    .await?;
                kept.chunks = kept.chunks.saturating_add(count);
            }
        }
        .instrument(span)
        .await
    }
}
