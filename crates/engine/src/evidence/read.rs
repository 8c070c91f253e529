//! Reading evidence back, chunk by chunk: never more of it in memory than is asked for.
//!
//! Each chunk is authenticated before a byte of it is given out. One that is missing or does not
//! pass ends the reading with `EVIDENCE_DAMAGED`, and no wrong byte leaves.

use std::sync::Arc;

use verilane_core::{EvidenceId, EvidenceRecord, Pii, Reason, VerificationId};
use verilane_store::Store;
use verilane_vault::{DataKey, EVIDENCE_CHUNK_BYTES};
use zeroize::Zeroizing;

use crate::EngineError;
use crate::engine::Engine;

/// Reads the chunks of one piece, from some offset on.
pub(crate) struct Chunks {
    store: Arc<dyn Store>,
    key: Arc<DataKey>,
    verification: VerificationId,
    record: EvidenceRecord,
    next: u32,
    /// How many bytes of the next chunk come before the offset.
    skip: usize,
}

impl Chunks {
    /// The next bytes; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Pii<Vec<u8>>>, EngineError> {
        let index = self.next;
        if index >= self.record.chunks {
            return Ok(None);
        }
        let damaged = || {
            tracing::error!(
                { verilane_telemetry::attribute::VERIFICATION_ID } = %self.verification,
                { verilane_telemetry::attribute::REASON } = Reason::EvidenceDamaged.code(),
                "a chunk of evidence is missing or is not what was stored"
            );
            EngineError::new(Reason::EvidenceDamaged).about(self.verification)
        };
        let id = self.record.id;
        let sealed = self.store.chunk(id, index).await?.ok_or_else(damaged)?;
        let last = index + 1 == self.record.chunks;
        let mut plain = self
            .key
            .open_evidence_chunk(self.verification, id, index, last, &sealed)
            .map_err(|_| damaged())?;
        self.next += 1;
        let skip = std::mem::take(&mut self.skip);
        if skip > 0 {
            let rest = plain.expose().get(skip..).unwrap_or_default().to_vec();
            plain = Pii::new(rest);
        }
        Ok(Some(plain))
    }
}

impl Engine {
    /// The record of a piece of a verification.
    pub(crate) async fn evidence_record(
        &self,
        id: VerificationId,
        evidence: EvidenceId,
    ) -> Result<Option<EvidenceRecord>, EngineError> {
        let records = self.store.evidence(id).await?;
        Ok(records.into_iter().find(|record| record.id == evidence))
    }

    /// Reads a piece from `offset` on, which lies within it or at its end.
    pub(crate) fn chunks_from(
        &self,
        key: Arc<DataKey>,
        record: EvidenceRecord,
        offset: u64,
    ) -> Chunks {
        let each = EVIDENCE_CHUNK_BYTES as u64;
        let next = if offset >= record.size {
            record.chunks
        } else {
            u32::try_from(offset / each).unwrap_or(u32::MAX)
        };
        Chunks {
            store: Arc::clone(&self.store),
            key,
            verification: record.verification,
            record,
            next,
            skip: usize::try_from(offset % each).unwrap_or_default(),
        }
    }

    /// A piece, whole and in memory.
    pub(crate) async fn whole_piece(
        &self,
        id: VerificationId,
        key: &Arc<DataKey>,
        evidence: EvidenceId,
    ) -> Result<Pii<Vec<u8>>, EngineError> {
        let damaged = || EngineError::new(Reason::EvidenceDamaged).about(id);
        let record = self.evidence_record(id, evidence).await?;
        let record = record.ok_or_else(damaged)?;
        let size = usize::try_from(record.size).unwrap_or_default();
        // Never moved while it grows, so that no copy is left behind, and wiped if given up.
        let mut whole = Zeroizing::new(Vec::with_capacity(size));
        let mut chunks = self.chunks_from(Arc::clone(key), record, 0);
        while let Some(chunk) = chunks.next().await? {
            if whole.len() + chunk.expose().len() > size {
                return Err(damaged());
            }
            whole.extend_from_slice(chunk.expose());
        }
        Ok(Pii::new(std::mem::take(&mut *whole)))
    }
}
