//! Fetches what a look offers as evidence, piece by piece, into encrypted chunks: never whole in memory.
//!
//! Invariant: every byte is durable before the change that shows it. What was fetched and is shown by
//! nothing, since a later piece failed or the process died, is purged, and fetched anew.

use verilane_core::{ClaimName, EvidenceKind, RequestedClaim, Verification};
use verilane_provider::{EvidenceOffer, LookAnswer, ProviderError};
use verilane_telemetry::attribute;

use crate::EngineError;
use crate::crash::CrashPoint;
use crate::engine::{Connection, Engine};
use crate::evidence::{KeptPiece, PieceWriter};
use crate::sealing::Sealer;

/// What became of one offer.
pub(super) struct Fetched {
    pub(super) field: String,
    /// None if what is there can't be used.
    pub(super) piece: Option<KeptPiece>,
}

/// How fetching one offer ended.
enum Outcome {
    Kept(KeptPiece),
    Unusable,
    /// The link is dead, or the other side does not answer: a further look may bring another.
    Later,
}

impl Engine {
    /// Fetches the pictures that were asked for. None if one of them has to wait for a further look:
    /// it could not be fetched, or is not offered yet and `may_come`.
    pub(super) async fn fetch_all(
        &self,
        row: &Verification,
        sealer: &Sealer<'_>,
        connection: &Connection,
        answer: &LookAnswer,
        may_come: bool,
    ) -> Result<Option<Vec<Fetched>>, EngineError> {
        let asked = row.claims.iter().filter(|claim| claim.asked);
        let asked: Vec<_> = asked.filter(|claim| claim.name.is_image()).collect();
        let offer_of = |claim: &RequestedClaim| {
            let mut offers = answer.offers.iter();
            offers.find(|offer| offer.field == claim.field)
        };
        // Before any is fetched: all of them would be fetched anew.
        if may_come && asked.iter().any(|claim| offer_of(claim).is_none()) {
            return Ok(None);
        }
        let mut fetched = Vec::new();
        for claim in asked {
            let Some(offer) = offer_of(claim) else {
                continue;
            };
            let piece = match self.fetch(claim, sealer, connection, offer).await? {
                Outcome::Kept(piece) => Some(piece),
                Outcome::Unusable => None,
                Outcome::Later => return Ok(None),
            };
            fetched.push(Fetched {
                field: claim.field.clone(),
                piece,
            });
        }
        Ok(Some(fetched))
    }

    async fn fetch(
        &self,
        claim: &RequestedClaim,
        sealer: &Sealer<'_>,
        connection: &Connection,
        offer: &EvidenceOffer,
    ) -> Result<Outcome, EngineError> {
        let failed = |error: &ProviderError| {
            tracing::warn!(
                { attribute::VERIFICATION_ID } = %sealer.id,
                %error,
                "a piece of evidence could not be fetched"
            );
            match error {
                ProviderError::InvalidAnswer(_) => Outcome::Unusable,
                _ => Outcome::Later,
            }
        };
        let mut body = match connection.facade.fetch_evidence(offer).await {
            Ok(body) => body,
            Err(error) => return Ok(failed(&error)),
        };
        let most = self.config.max_picture_bytes as u64;
        let what = (kind_of(claim.name), Some(claim.field.as_str()));
        let mut writer = PieceWriter::new(self, sealer, what, self.now());
        loop {
            match body.next().await {
                Ok(Some(bytes)) => {
                    if writer.size().saturating_add(bytes.len() as u64) > most {
                        return Ok(Outcome::Unusable);
                    }
                    writer.write(&bytes).await?;
                    self.crash_point(CrashPoint::EvidenceChunkWritten);
                }
                Ok(None) if writer.size() == 0 => return Ok(Outcome::Unusable),
                Ok(None) => {
                    let kept = writer.finish().await?;
                    self.crash_point(CrashPoint::EvidenceWritten);
                    return Ok(Outcome::Kept(kept));
                }
                Err(error) => return Ok(failed(&error)),
            }
        }
    }
}

const fn kind_of(name: ClaimName) -> EvidenceKind {
    match name {
        ClaimName::FaceImage => EvidenceKind::FaceImage,
        _ => EvidenceKind::DocumentImage,
    }
}
