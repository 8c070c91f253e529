//! What a sealed value is and where it belongs.
//!
//! The encoding is the associated data of every value under a data key, so it is part of the
//! format at rest: a tag, once given to a kind, keeps its meaning, and a kind keeps its members.

use verilane_core::{AttemptNumber, EvidenceId, Revision, VerificationId};

use crate::framing::Sink;

/// The place of a sealed value. It opens in this place only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealContext<'a> {
    /// Whose data it is.
    pub verification: VerificationId,
    /// The revision that the value came with; [`Revision::default`] for what is written before
    /// any revision shows it.
    pub revision: Revision,
    /// Which of the verification's values.
    pub what: SealedWhat<'a>,
}

/// Which value of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedWhat<'a> {
    /// Who is verified, as the provider knows them.
    Subject,
    /// Who is verified, as the caller knows them.
    SubjectRef,
    /// The caller's labels, all together.
    Labels,
    /// Why the verification was asked for.
    Purpose,
    /// What the end user has to do.
    Action {
        /// Of which attempt.
        attempt: AttemptNumber,
    },
    /// The provider's name of its request.
    Reference {
        /// Of which attempt.
        attempt: AttemptNumber,
    },
    /// A transaction on a public chain.
    TxHash,
    /// A claim's value.
    ClaimValue {
        /// Whatever tells its row from others of the verification.
        claim: &'a str,
    },
    /// What a claim's value was hashed with.
    ClaimPepper {
        /// As in [`SealedWhat::ClaimValue`].
        claim: &'a str,
    },
    /// The kind of a claim's document in the provider's own word.
    ClaimDocument {
        /// As in [`SealedWhat::ClaimValue`].
        claim: &'a str,
    },
    /// What is known of a piece of evidence beside its bytes: media type, digest.
    EvidenceName {
        /// Which piece.
        evidence: EvidenceId,
    },
    /// What an audit record says beyond ids.
    AuditDetails,
    /// A part of a piece of evidence.
    EvidenceChunk {
        /// Which piece.
        evidence: EvidenceId,
        /// The chunk's place, from 0.
        index: u32,
        /// Whether it is the last one.
        last: bool,
    },
}

impl SealContext<'_> {
    /// The associated data.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(96);
        out.raw(b"verilane seal 1");
        out.raw(self.verification.as_bytes());
        out.raw(&self.revision.0.to_be_bytes());
        match self.what {
            SealedWhat::Subject => out.push(1),
            SealedWhat::SubjectRef => out.push(2),
            SealedWhat::Labels => out.push(3),
            SealedWhat::Purpose => out.push(4),
            SealedWhat::Action { attempt } => {
                out.push(5);
                out.raw(&attempt.to_be_bytes());
            }
            SealedWhat::Reference { attempt } => {
                out.push(6);
                out.raw(&attempt.to_be_bytes());
            }
            SealedWhat::TxHash => out.push(7),
            SealedWhat::ClaimValue { claim } => {
                out.push(8);
                out.part(claim.as_bytes());
            }
            SealedWhat::ClaimPepper { claim } => {
                out.push(9);
                out.part(claim.as_bytes());
            }
            SealedWhat::EvidenceName { evidence } => {
                out.push(10);
                out.raw(evidence.as_bytes());
            }
            SealedWhat::AuditDetails => out.push(11),
            SealedWhat::EvidenceChunk {
                evidence,
                index,
                last,
            } => {
                out.push(12);
                out.raw(evidence.as_bytes());
                out.raw(&index.to_be_bytes());
                out.push(u8::from(last));
            }
            SealedWhat::ClaimDocument { claim } => {
                out.push(13);
                out.part(claim.as_bytes());
            }
        }
        out
    }
}
