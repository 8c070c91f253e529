//! Keeps data that is right in everything but its signature, since no pull brings data back.
//!
//! Nobody believes it: it moves nothing, and its sender is refused all the same. One message is kept
//! of an attempt that waits for data, encrypted and durable before the refusal is answered, with an
//! event; a further one is only counted. An operator can have it imported.

use verilane_core::{
    Attempt, CallbackChannel, EvidenceKind, Reason, SlotHolder, Tenancy,
    decide::{self, QUARANTINE_IDENTITY},
};
use verilane_provider::{Callback, Refusal};
use verilane_store::{CommitError, Conflict};
use verilane_telemetry::attribute;

use crate::EngineError;
use crate::engine::{Connection, Engine, RACES};
use crate::evidence::Piece;
use crate::sealing::Sealer;

/// Whether what is wrong with a message is its signature, as far as is known.
pub(super) fn is_about_the_signature(channel: CallbackChannel, refusal: Refusal) -> bool {
    channel == CallbackChannel::Data
        && matches!(
            refusal.reason,
            Reason::CallbackUnsigned
                | Reason::CallbackKeyNotPinned
                | Reason::CallbackSignatureInvalid
        )
}

impl Engine {
    /// Keeps a message whose signature was refused, if it is right in everything else.
    ///
    /// # Errors
    /// It should have been kept, and could not be.
    pub(super) async fn quarantine(
        &self,
        connection: &Connection,
        meant: &[Tenancy],
        callback: Callback,
    ) -> Result<(), EngineError> {
        // Reading costs more than looking whether anybody waits.
        if !meant.iter().any(|one| one.facts.waits_for_data()) {
            return Ok(());
        }
        let (content_type, body) = (callback.content_type.clone(), callback.body.clone());
        let Ok(read) = connection.facade.read_unsigned(callback).await else {
            return Ok(());
        };
        let Some(SlotHolder {
            verification: id,
            attempt: number,
        }) = meant.get(read.candidate).map(|one| one.holder)
        else {
            return Ok(());
        };
        let mut loaded = self.load(id).await?;
        let name = connection.facade.connection();
        let mut kept = None;
        for _ in 0..RACES {
            let attempt = loaded.verification.attempt(number);
            if !attempt.is_some_and(Attempt::waits_for_data) {
                return Ok(());
            }
            if loaded.has_seen(number, QUARANTINE_IDENTITY) {
                self.quarantine_metrics.passed_over(name);
                return Ok(());
            }
            let row = &loaded.verification;
            let key = self.keys.of(row)?;
            let now = self.now();
            let piece = match &kept {
                Some(piece) => piece,
                None => {
                    let piece = Piece {
                        kind: EvidenceKind::QuarantinedMessage,
                        field: None,
                        media_type: content_type.as_deref().unwrap_or_default(),
                    };
                    kept.insert(self.keep_piece(id, &key, piece, &body, now).await?)
                }
            };
            let mut change = decide::quarantined(row, number, now, &self.config.deadlines);
            let sealer = Sealer { id, key: &key };
            change
                .evidence
                .push(piece.record(row, number, &sealer, now)?);
            match self.commit(change).await {
                Ok(_) => {
                    self.quarantine_metrics.kept(name);
                    tracing::warn!(
                        { attribute::VERIFICATION_ID } = %id,
                        { attribute::CONNECTION } = name.as_str(),
                        "data came that is right in everything but its signature; it is kept apart"
                    );
                    return Ok(());
                }
                Err(CommitError::Conflict(Conflict::Revision | Conflict::Seen)) => {
                    loaded = self.load(id).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::new(Reason::Contended).about(id))
    }
}
