//! Writes a piece of evidence as its bytes come, in encrypted chunks: never more of it in memory than
//! goes to the side lane at once.

use sha2::{Digest as _, Sha256};
use verilane_core::{EvidenceId, EvidenceKind, Sealed, Timestamp};
use verilane_vault::EVIDENCE_CHUNK_BYTES;
use zeroize::Zeroizing;

use super::{KeptPiece, media};
use crate::EngineError;
use crate::engine::Engine;
use crate::sealing::Sealer;

/// How many sealed chunks go to the side lane at once.
const CHUNKS_AT_ONCE: usize = 16;
/// How many of its first bytes tell a file's kind.
const HEAD: usize = 32;

/// A piece that is being written. What is not finished shows nowhere: it is given up, or purged if whoever
/// wrote it is gone.
pub(crate) struct PieceWriter<'a> {
    engine: &'a Engine,
    sealer: &'a Sealer<'a>,
    now: Timestamp,
    kept: KeptPiece,
    hash: Sha256,
    head: Vec<u8>,
    /// What does not fill a chunk yet. A full one is held back too: it may be the last.
    rest: Zeroizing<Vec<u8>>,
    sealed: Vec<Sealed>,
    /// How many chunks are durable.
    durable: u32,
}

impl<'a> PieceWriter<'a> {
    /// A piece of a kind, and the field that it backs, if it backs one claim.
    pub(crate) fn new(
        engine: &'a Engine,
        sealer: &'a Sealer<'a>,
        (kind, field): (EvidenceKind, Option<&str>),
        now: Timestamp,
    ) -> Self {
        Self {
            engine,
            sealer,
            now,
            kept: KeptPiece {
                id: EvidenceId::generate(),
                kind,
                field: field.map(str::to_owned),
                media_type: String::new(),
                size: 0,
                sha256: [0; 32],
                chunks: 0,
            },
            hash: Sha256::new(),
            head: Vec::new(),
            rest: Zeroizing::new(Vec::with_capacity(EVIDENCE_CHUNK_BYTES)),
            sealed: Vec::new(),
            durable: 0,
        }
    }

    /// How many bytes were written.
    pub(crate) const fn size(&self) -> u64 {
        self.kept.size
    }

    /// Whether what has come so far begins as no file does that can show what this piece is of. Of a few
    /// bytes that is not known before they are all that there are.
    pub(crate) fn is_something_else(&self, is_whole: bool) -> bool {
        let is_known = is_whole || self.head.len() == HEAD;
        is_known && !media::can_show(self.kept.kind, media::media_type(&self.head))
    }

    /// Takes the next bytes.
    pub(crate) async fn write(&mut self, mut bytes: &[u8]) -> Result<(), EngineError> {
        self.hash.update(bytes);
        self.kept.size = self.kept.size.saturating_add(bytes.len() as u64);
        let wanted = HEAD.saturating_sub(self.head.len());
        self.head.extend(bytes.iter().take(wanted));
        while !bytes.is_empty() {
            if self.rest.len() == EVIDENCE_CHUNK_BYTES {
                self.seal(false)?;
                if self.sealed.len() == CHUNKS_AT_ONCE {
                    self.flush().await?;
                }
            }
            let room = EVIDENCE_CHUNK_BYTES.saturating_sub(self.rest.len());
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.rest.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Ends a file, whose kind its bytes tell.
    pub(crate) async fn finish(self) -> Result<KeptPiece, EngineError> {
        let media_type = media::media_type(&self.head);
        self.finish_as(media_type).await
    }

    /// Ends a piece of this media type. All of it is durable then.
    pub(crate) async fn finish_as(mut self, media_type: &str) -> Result<KeptPiece, EngineError> {
        self.seal(true)?;
        self.flush().await?;
        media_type.clone_into(&mut self.kept.media_type);
        self.kept.sha256 = self.hash.finalize().into();
        Ok(self.kept)
    }

    /// Removes what is durable of it.
    pub(crate) async fn give_up(self) {
        let begun = (self.durable > 0).then_some(self.kept.id);
        self.engine.discard(begun).await;
    }

    fn seal(&mut self, last: bool) -> Result<(), EngineError> {
        let place = (self.kept.chunks, last);
        let (id, key) = (self.sealer.id, self.sealer.key);
        let sealed = key.seal_evidence_chunk(id, self.kept.id, place, &self.rest)?;
        self.sealed.push(sealed);
        self.kept.chunks = self.kept.chunks.saturating_add(1);
        self.rest.clear();
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), EngineError> {
        let sealed = std::mem::take(&mut self.sealed);
        let store = &self.engine.store;
        store
            .put_chunks(self.kept.id, self.durable, sealed, self.now)
            .await?;
        self.durable = self.kept.chunks;
        Ok(())
    }
}
