//! Hands out a piece of evidence: the audit record is durable before the first byte leaves.
//!
//! Only evidence that backs a claim which was asked for, as it stands now, is handed out: what a derived
//! claim is derived from is not that, nor what another delivery has replaced. The provider's messages hold all values and all
//! peppers at once, which would go round what a caller may read by claim.

use verilane_core::{AuditAction, AuditRecord, Change, Pii, Reason, Verification};
use verilane_vault::SealedWhat;

use super::granted::{came, usable};
use crate::engine::Engine;
use crate::evidence::read::Chunks;
use crate::sealing::{Sealer, write_parts};
use crate::{DownloadEvidence, EngineError, EvidenceView};

/// A download under way. Reads no further than it is asked.
pub struct Download {
    /// Whose it is.
    pub row: Verification,
    /// What is downloaded.
    pub evidence: EvidenceView,
    chunks: Chunks,
}

impl Download {
    /// The next bytes, at most 64 KiB; none at the end.
    ///
    /// # Errors
    /// `EVIDENCE_DAMAGED`, and those of the store. No byte came from what failed.
    pub async fn next(&mut self) -> Result<Option<Pii<Vec<u8>>>, EngineError> {
        self.chunks.next().await
    }
}

impl Engine {
    /// Begins to hand out a piece of evidence.
    ///
    /// # Errors
    /// `PURPOSE_REQUIRED`; `VERIFICATION_NOT_FOUND`; `EVIDENCE_NOT_FOUND` for one that is not this
    /// verification's, or backs no claim; `EVIDENCE_OFFSET_OUT_OF_RANGE`; and those of the store.
    pub async fn download_evidence(
        &self,
        download: &DownloadEvidence,
    ) -> Result<Download, EngineError> {
        download.access.check()?;
        let id = download.verification;
        let row = self.load(id).await?.verification;
        let record = self.evidence_record(id, download.evidence).await?;
        let stored = usable(self.store.claims(id).await?);
        let claims = came(&row.claims, &stored, &[]);
        let backed = record.and_then(|record| {
            let claim = claims.iter().find(|claim| claim.is_backed_by(&record))?;
            Some((claim.matter(), record))
        });
        let (claim, record) = backed.ok_or_else(|| {
            EngineError::new(Reason::EvidenceNotFound)
                .about(id)
                .with("evidence_id", download.evidence)
        })?;
        if download.offset > record.size {
            return Err(EngineError::new(Reason::EvidenceOffsetOutOfRange)
                .about(id)
                .with("size", record.size));
        }
        let key = self.keys.of(&row)?;
        let sealer = Sealer { id, key: &key };
        let evidence = EvidenceView::open(record.clone(), &sealer)?;
        let now = self.now();
        let mut change = Change::new(now);
        change.audit.push(AuditRecord {
            time: now,
            principal: download.principal.clone(),
            action: AuditAction::EvidenceRead,
            verification: Some(id),
            subject_matter: vec![
                claim,
                record.kind.as_str().to_owned(),
                record.id.to_string(),
                format!("from {}", download.offset),
            ],
            details: Some(sealer.seal(
                row.revision,
                SealedWhat::AuditDetails,
                &write_parts(download.access.parts()),
            )?),
        });
        self.commit(change).await?;
        Ok(Download {
            row,
            evidence,
            chunks: self.chunks_from(key, record, download.offset),
        })
    }
}
