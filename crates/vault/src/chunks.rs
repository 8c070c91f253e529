//! Evidence, cut into chunks that are sealed one by one.
//!
//! Each chunk's place and whether it is the last are part of what is authenticated, so chunks
//! can't be exchanged, repeated or dropped, at the tail neither. Every chunk but the last is full,
//! which gives random access by offset; a chunk's context has no revision, since chunks are
//! written before the change that shows them. Empty evidence is one empty chunk.

use verilane_core::{EvidenceId, Pii, Revision, Sealed, VerificationId};
use zeroize::Zeroize;

use crate::{DataKey, SealContext, SealedWhat, VaultError};

/// How many bytes of evidence one chunk holds in clear.
pub const EVIDENCE_CHUNK_BYTES: usize = 64 * 1024;

const fn context(
    verification: VerificationId,
    evidence: EvidenceId,
    index: u32,
    last: bool,
) -> SealContext<'static> {
    SealContext {
        verification,
        revision: Revision(0),
        what: SealedWhat::EvidenceChunk {
            evidence,
            index,
            last,
        },
    }
}

impl DataKey {
    /// Seals one chunk of a piece of evidence: a full one, or the last.
    ///
    /// # Errors
    /// [`VaultError`], if the machine has no randomness.
    pub fn seal_evidence_chunk(
        &self,
        verification: VerificationId,
        evidence: EvidenceId,
        (index, last): (u32, bool),
        plain: &[u8],
    ) -> Result<Sealed, VaultError> {
        self.seal(&context(verification, evidence, index, last), plain)
    }

    /// Opens one chunk of a piece of evidence, which is the last one or not.
    ///
    /// # Errors
    /// [`VaultError::Refused`] if it is not this chunk of this piece, or was altered.
    pub fn open_evidence_chunk(
        &self,
        verification: VerificationId,
        evidence: EvidenceId,
        index: u32,
        last: bool,
        chunk: &Sealed,
    ) -> Result<Pii<Vec<u8>>, VaultError> {
        self.open(&context(verification, evidence, index, last), chunk)
    }

    /// Opens all chunks of a piece of evidence, given in order.
    ///
    /// # Errors
    /// [`VaultError::Refused`] if one is missing, doubled, altered or out of place.
    pub fn open_evidence<'a>(
        &self,
        verification: VerificationId,
        evidence: EvidenceId,
        chunks: impl IntoIterator<Item = &'a Sealed>,
    ) -> Result<Pii<Vec<u8>>, VaultError> {
        let mut chunks = chunks.into_iter().peekable();
        let mut whole = Vec::new();
        let mut index = 0;
        loop {
            let Some(chunk) = chunks.next() else {
                whole.zeroize();
                return Err(VaultError::Refused);
            };
            let last = chunks.peek().is_none();
            match self.open(&context(verification, evidence, index, last), chunk) {
                Ok(plain) => append_wiping(&mut whole, plain.expose()),
                Err(error) => {
                    whole.zeroize();
                    return Err(error);
                }
            }
            if last {
                return Ok(Pii::new(whole));
            }
            index = index.saturating_add(1);
        }
    }
}

/// Appends without leaving a copy behind when the buffer has to move.
fn append_wiping(whole: &mut Vec<u8>, more: &[u8]) {
    if whole.capacity() - whole.len() < more.len() {
        let mut larger = Vec::with_capacity((whole.len() + more.len()) * 2);
        larger.extend_from_slice(whole);
        whole.zeroize();
        *whole = larger;
    }
    whole.extend_from_slice(more);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FULL: usize = EVIDENCE_CHUNK_BYTES;

    fn ids() -> (VerificationId, EvidenceId) {
        (
            VerificationId::from_bytes([1; 16]),
            EvidenceId::from_bytes([2; 16]),
        )
    }

    fn key() -> DataKey {
        DataKey::new(&[7; 32]).unwrap()
    }

    fn sealed(plain: &[u8]) -> Vec<Sealed> {
        let (verification, evidence) = ids();
        let key = key();
        // Nothing is one empty chunk.
        let count = plain.len().div_ceil(FULL).max(1);
        let seal = |index: usize| {
            let chunk = plain.chunks(FULL).nth(index).unwrap_or_default();
            let place = (index as u32, index + 1 == count);
            key.seal_evidence_chunk(verification, evidence, place, chunk)
        };
        (0..count).map(seal).collect::<Result<_, _>>().unwrap()
    }

    fn opened(chunks: &[Sealed]) -> Result<Vec<u8>, VaultError> {
        let (verification, evidence) = ids();
        let plain = key().open_evidence(verification, evidence, chunks)?;
        Ok(plain.expose().clone())
    }

    fn picture(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i % 251) as u8).collect()
    }

    #[test]
    fn evidence_comes_back_whatever_its_length() {
        let table = [
            (0, 1),
            (1, 1),
            (FULL - 1, 1),
            (FULL, 1),
            (FULL + 1, 2),
            (2 * FULL, 2),
            (5 * FULL + 17, 6),
        ];
        for (length, chunks) in table {
            let sealed = sealed(&picture(length));
            assert_eq!(sealed.len(), chunks, "{length} bytes");
            assert_eq!(opened(&sealed).unwrap(), picture(length));
        }
    }

    #[test]
    fn exchanged_repeated_dropped_or_added_chunks_are_refused() {
        let good = sealed(&picture(3 * FULL + 5));
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| good[i].clone());
        let all = [a, b, c, d];
        let rearranged: [&[usize]; 8] = [
            &[1, 0, 2, 3],
            &[0, 1, 3, 2],
            &[0, 1, 2, 2, 3],
            &[0, 1, 2, 3, 3],
            &[0, 1, 2],
            &[1, 2, 3],
            &[0, 3],
            &[],
        ];
        for order in rearranged {
            let chunks: Vec<_> = order.iter().map(|&i| all[i].clone()).collect();
            assert_eq!(
                opened(&chunks).unwrap_err(),
                VaultError::Refused,
                "{order:?}"
            );
        }
        assert!(opened(&all).is_ok());
    }

    #[test]
    fn chunks_of_another_piece_or_verification_are_refused() {
        let chunks = sealed(b"front of a document");
        let (verification, evidence) = ids();
        let other_piece = EvidenceId::from_bytes([3; 16]);
        let other_verification = VerificationId::from_bytes([3; 16]);
        assert!(
            key()
                .open_evidence(verification, other_piece, &chunks)
                .is_err()
        );
        assert!(
            key()
                .open_evidence(other_verification, evidence, &chunks)
                .is_err()
        );
    }

    #[test]
    fn one_chunk_opens_by_itself_for_a_download_from_an_offset() {
        let plain = picture(2 * FULL + 5);
        let chunks = sealed(&plain);
        let (verification, evidence) = ids();
        let middle = |index, last| {
            key().open_evidence_chunk(verification, evidence, index, last, &chunks[1])
        };
        assert_eq!(middle(1, false).unwrap().expose(), &plain[FULL..2 * FULL]);
        for (index, last) in [(1, true), (0, false), (2, false)] {
            assert_eq!(middle(index, last).unwrap_err(), VaultError::Refused);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_flipped_bit_in_any_chunk_is_refused(
            length in 0..3 * FULL,
            which: prop::sample::Index,
            byte: prop::sample::Index,
            bit in 0..8,
        ) {
            let mut chunks = sealed(&picture(length));
            let which = which.index(chunks.len());
            let mut bytes = chunks[which].as_bytes().to_vec();
            let byte = byte.index(bytes.len());
            bytes[byte] ^= 1u8 << bit;
            chunks[which] = Sealed::new(bytes);
            prop_assert!(opened(&chunks).is_err());
        }
    }
}
