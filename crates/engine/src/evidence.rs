//! Bytes that back claims, kept in encrypted chunks that are durable before the change that shows
//! them: what a provider said, as received, and pictures.

mod media;
pub(crate) mod read;
pub(crate) mod value;
mod write;

use tracing::Instrument;
use verilane_core::{
    AttemptNumber, EvidenceId, EvidenceKind, EvidenceRecord, Timestamp, Verification,
    VerificationId, decide,
};
use verilane_telemetry::{attribute, span};
use verilane_vault::DataKey;

use crate::EngineError;
use crate::crash::CrashPoint;
use crate::engine::Engine;
use crate::sealing::Sealer;

pub(crate) use self::write::PieceWriter;

/// What a piece of evidence is, beside its bytes.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) kind: EvidenceKind,
    /// The field that it backs, if it backs one claim.
    pub(crate) field: Option<&'a str>,
    pub(crate) media_type: &'a str,
}

/// A piece that is durable and that nothing shows yet.
#[derive(Clone)]
pub(crate) struct KeptPiece {
    pub(crate) id: EvidenceId,
    kind: EvidenceKind,
    field: Option<String>,
    media_type: String,
    size: u64,
    sha256: [u8; 32],
    chunks: u32,
}

impl KeptPiece {
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
            kind: self.kind,
            field: self.field.clone(),
            size: self.size,
            chunks: self.chunks,
            description,
            revision,
            receive_time: now,
        })
    }
}

impl Engine {
    /// Removes what is durable of pieces that nothing is to show. Where that fails, they are purged later.
    pub(crate) async fn discard(&self, pieces: impl IntoIterator<Item = EvidenceId>) {
        for id in pieces {
            if let Err(error) = self.store.discard_chunks(id).await {
                tracing::warn!(%error, "evidence that was given up stays until it is purged");
            }
        }
    }

    /// Makes a provider's message durable, as received.
    pub(crate) async fn keep_message(
        &self,
        id: VerificationId,
        key: &DataKey,
        media_type: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<KeptPiece, EngineError> {
        let piece = Piece {
            kind: EvidenceKind::ProviderMessage,
            field: None,
            media_type,
        };
        self.keep_piece(id, key, piece, body, now).await
    }

    /// Makes a piece durable in encrypted chunks.
    pub(crate) async fn keep_piece(
        &self,
        id: VerificationId,
        key: &DataKey,
        piece: Piece<'_>,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<KeptPiece, EngineError> {
        let span = tracing::info_span!(
            span::EVIDENCE_WRITE,
            { attribute::EVIDENCE_KIND } = piece.kind.as_str(),
        );
        async {
            let sealer = Sealer { id, key };
            let mut writer = PieceWriter::new(self, &sealer, (piece.kind, piece.field), now);
            writer.write(bytes).await?;
            let kept = writer.finish_as(piece.media_type).await?;
            self.crash_point(CrashPoint::EvidenceWritten);
            Ok(kept)
        }
        .instrument(span)
        .await
    }
}
