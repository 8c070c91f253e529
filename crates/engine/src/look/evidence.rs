//! Fetches what a look offers as evidence, into encrypted chunks: never whole in memory, and all pieces
//! side by side, since their links may live for minutes only.
//!
//! Invariant: every byte is durable before the change that shows it. What has come is kept for the
//! attempt's next look if another piece has to wait for that. What was given up, or is replaced, is removed
//! at once; what a process that died has left behind is purged.

use futures_util::future::join_all;
use verilane_core::{Reason, RequestedClaim, Verification};
use verilane_provider::{EvidenceOffer, LookAnswer, ProviderError};
use verilane_telemetry::attribute;

use super::takings::{Fetched, Origin, Taking};
use crate::EngineError;
use crate::crash::CrashPoint;
use crate::engine::{Connection, Engine};
use crate::evidence::value::kind_of;
use crate::evidence::{KeptPiece, PieceWriter};
use crate::sealing::Sealer;

/// How many pieces are fetched side by side for one look. Of each, as much is in memory as its writer
/// holds.
const AT_ONCE: usize = 4;

/// What became of all offers.
pub(super) enum Pictures {
    Fetched(Vec<Fetched>),
    /// One of them has to wait for a further look, for this failure or since it is not offered yet.
    Later(Option<ProviderError>),
}

/// Of whom, and from whom, something is fetched.
pub(super) struct Fetching<'a> {
    pub(super) sealer: &'a Sealer<'a>,
    pub(super) connection: &'a Connection,
    pub(super) taking: &'a Taking<'a>,
    /// Whether what is not there, or not rightly, may still come.
    pub(super) may_come: bool,
}

/// How fetching one offer ended.
enum Outcome {
    Kept(KeptPiece),
    Unusable,
    /// The link is dead, or the other side does not answer: a further look may bring another.
    Later(ProviderError),
}

impl Engine {
    /// Fetches the pictures that were asked for. One that is not offered yet is waited for if it
    /// may come.
    pub(super) async fn fetch_all(
        &self,
        row: &Verification,
        answer: &LookAnswer,
        fetching: &Fetching<'_>,
    ) -> Result<Pictures, EngineError> {
        let asked = row.claims.iter().filter(|claim| claim.asked);
        let asked: Vec<_> = asked.filter(|claim| claim.name.is_image()).collect();
        let offer_of = |claim: &RequestedClaim| {
            let mut offers = answer.offers.iter();
            offers.find(|offer| offer.field == claim.field)
        };
        if fetching.may_come && asked.iter().any(|claim| offer_of(claim).is_none()) {
            return Ok(Pictures::Later(None));
        }
        let offered = asked.into_iter();
        let offered = offered.filter_map(|claim| Some((claim, offer_of(claim)?)));
        let offered: Vec<_> = offered.collect();
        let mut later = Vec::new();
        for some in offered.chunks(AT_ONCE) {
            let fetched = some
                .iter()
                .map(|(claim, offer)| self.fetch_unless_kept(claim, offer, fetching));
            // All of them come to their end: what one has is not lost by another's failure.
            for outcome in join_all(fetched).await {
                later.extend(outcome?);
            }
        }
        if let Some(longest) = later.into_iter().max_by_key(ProviderError::retry_after) {
            return Ok(Pictures::Later(Some(longest)));
        }
        let fetched = offered.iter();
        let fetched = fetched.filter_map(|(claim, _)| fetching.taking.of(&claim.field));
        Ok(Pictures::Fetched(fetched.collect()))
    }

    /// Fetches what is offered, unless it was fetched for an earlier look; why it has to wait, if it has.
    async fn fetch_unless_kept(
        &self,
        claim: &RequestedClaim,
        offer: &EvidenceOffer,
        fetching: &Fetching<'_>,
    ) -> Result<Option<ProviderError>, EngineError> {
        let origin = Origin::new(offer.link.expose(), self.now());
        let kept = fetching.taking.of(&claim.field);
        if kept.is_some_and(|kept| kept.origin.stands_for(&origin)) {
            return Ok(None);
        }
        if let Some(outdated) = fetching.taking.take(&claim.field) {
            self.discard(outdated.piece.map(|piece| piece.id)).await;
        }
        let piece = match self.fetch(claim, offer, fetching).await? {
            Outcome::Kept(piece) => Some(piece),
            Outcome::Unusable => None,
            Outcome::Later(error) => return Ok(Some(error)),
        };
        fetching.taking.keep(Fetched {
            field: claim.field.clone(),
            piece,
            origin,
        });
        Ok(None)
    }

    async fn fetch(
        &self,
        claim: &RequestedClaim,
        offer: &EvidenceOffer,
        fetching: &Fetching<'_>,
    ) -> Result<Outcome, EngineError> {
        let sealer = fetching.sealer;
        let failed = |error: ProviderError| {
            tracing::warn!(
                { attribute::VERIFICATION_ID } = %sealer.id,
                %error,
                "a piece of evidence could not be fetched"
            );
            match error {
                ProviderError::InvalidAnswer(_) => Outcome::Unusable,
                error => Outcome::Later(error),
            }
        };
        let mut body = match fetching.connection.facade.fetch_evidence(offer).await {
            Ok(body) => body,
            Err(error) => return Ok(failed(error)),
        };
        let most = self.config.max_picture_bytes as u64;
        let what = (kind_of(claim.name), Some(claim.field.as_str()));
        let mut writer = PieceWriter::new(self, sealer, what, self.now());
        let given_up = loop {
            match body.next().await {
                Ok(Some(bytes)) => {
                    if writer.size().saturating_add(bytes.len() as u64) > most {
                        break Outcome::Unusable;
                    }
                    writer.write(&bytes).await?;
                    self.crash_point(CrashPoint::EvidenceChunkWritten);
                    if writer.is_something_else(false) {
                        break something_else(fetching);
                    }
                }
                Ok(None) if writer.size() == 0 => break Outcome::Unusable,
                Ok(None) if writer.is_something_else(true) => break something_else(fetching),
                Ok(None) => {
                    let kept = writer.finish().await?;
                    self.crash_point(CrashPoint::EvidenceWritten);
                    return Ok(Outcome::Kept(kept));
                }
                Err(error) => break failed(error),
            }
        };
        writer.give_up().await;
        Ok(given_up)
    }
}

/// What there is of a picture in whose place something else came, such as a page that asks to log in: as
/// long as the right one may still come, as little as behind a link that has died.
fn something_else(fetching: &Fetching<'_>) -> Outcome {
    tracing::warn!(
        { attribute::VERIFICATION_ID } = %fetching.sealer.id,
        "what came as a piece of evidence is no picture"
    );
    if fetching.may_come {
        Outcome::Later(ProviderError::Refused {
            reason: Reason::ProviderRefused,
            text: None,
        })
    } else {
        Outcome::Unusable
    }
}
