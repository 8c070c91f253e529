//! The audit chain: what was read and decided, by whom, when, in an order that can't be changed
//! without being seen.
//!
//! Each link is SHA3-256 over the link before it, its own number and the digest of its record. The
//! record's details (purpose, actor, reference) are sealed, and the chain holds only the digest of
//! the sealed bytes, so that erasing them leaves the chain whole. A chain alone can't show that its
//! tail was cut; that takes checkpoints kept elsewhere.

use sha3::{Digest, Sha3_256};

use crate::{Principal, Sealed, Timestamp, VerificationId};

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AuditAction {
    /// A verification was asked for.
    VerificationCreated,
    /// A verification was called off.
    VerificationCancelled,
    /// Claims were read.
    ClaimsRead,
    /// A new attempt of a verification was asked for.
    VerificationRetried,
    /// A verification was asked for that was open already, and is answered instead of a new one.
    VerificationJoined,
    /// It was asked what a user holds, and the caller was told.
    AvailabilityChecked,
    /// Evidence was handed out.
    EvidenceRead,
    /// Claims were sent to their provider, to be checked again.
    ClaimsRevalidated,
    /// An operator handed in a message of the provider.
    MessageImported,
    /// The log of a restored store was given a new id.
    LogRenamed,
    /// What a browser brought back was handed in.
    VerificationContinued,
    /// A review was decided.
    ReviewDecided,
}

impl AuditAction {
    /// Every action.
    pub const ALL: [Self; 12] = [
        Self::VerificationCreated,
        Self::VerificationCancelled,
        Self::ClaimsRead,
        Self::VerificationRetried,
        Self::VerificationJoined,
        Self::AvailabilityChecked,
        Self::EvidenceRead,
        Self::ClaimsRevalidated,
        Self::MessageImported,
        Self::LogRenamed,
        Self::VerificationContinued,
        Self::ReviewDecided,
    ];

    /// The name in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerificationCreated => "VERIFICATION_CREATED",
            Self::VerificationCancelled => "VERIFICATION_CANCELLED",
            Self::ClaimsRead => "CLAIMS_READ",
            Self::VerificationRetried => "VERIFICATION_RETRIED",
            Self::VerificationJoined => "VERIFICATION_JOINED",
            Self::AvailabilityChecked => "AVAILABILITY_CHECKED",
            Self::EvidenceRead => "EVIDENCE_READ",
            Self::ClaimsRevalidated => "CLAIMS_REVALIDATED",
            Self::MessageImported => "MESSAGE_IMPORTED",
            Self::LogRenamed => "LOG_RENAMED",
            Self::VerificationContinued => "VERIFICATION_CONTINUED",
            Self::ReviewDecided => "REVIEW_DECIDED",
        }
    }

    /// The action of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.as_str() == name)
    }
}

/// One thing that was done.
#[derive(Clone, PartialEq, Debug)]
pub struct AuditRecord {
    /// When.
    pub time: Timestamp,
    /// By whom.
    pub principal: Principal,
    /// What.
    pub action: AuditAction,
    /// To which verification, where there is one.
    pub verification: Option<VerificationId>,
    /// What exactly, by name and without values: the claims read, and whether with peppers.
    pub subject_matter: Vec<String>,
    /// Purpose, actor and reference, sealed at the verification's revision at the time; without a
    /// verification, under the keyring.
    pub details: Option<Sealed>,
}

/// A link of the chain.
pub type AuditHash = [u8; 32];

/// What the first record is linked to.
pub const AUDIT_GENESIS: AuditHash = [0; 32];

impl AuditRecord {
    /// Digest of the sealed details; zeros where there are none. Outlives them.
    #[must_use]
    pub fn details_digest(&self) -> AuditHash {
        self.details
            .as_ref()
            .map_or([0; 32], |sealed| Sha3_256::digest(sealed.as_bytes()).into())
    }

    /// Digest of everything that stays after erasure.
    #[must_use]
    pub fn digest(&self) -> AuditHash {
        let mut hash = Sha3_256::new();
        let mut part = |bytes: &[u8]| {
            // Each part with its length before it, so that none can run into the next.
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        part(b"verilane.audit.v1");
        part(&self.time.as_micros().to_be_bytes());
        part(self.principal.as_str().as_bytes());
        part(self.action.as_str().as_bytes());
        part(
            self.verification
                .as_ref()
                .map_or(&[][..], |id| id.as_bytes()),
        );
        part(&(self.subject_matter.len() as u64).to_be_bytes());
        for name in &self.subject_matter {
            part(name.as_bytes());
        }
        part(&self.details_digest());
        hash.finalize().into()
    }
}

/// The link of the record with this digest at place `number` (1, 2, …) after `previous`.
#[must_use]
pub fn audit_link(previous: &AuditHash, number: u64, digest: &AuditHash) -> AuditHash {
    let mut hash = Sha3_256::new();
    hash.update(previous);
    hash.update(number.to_be_bytes());
    hash.update(digest);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(matter: &[&str]) -> AuditRecord {
        AuditRecord {
            time: Timestamp::from_secs(7),
            principal: Principal::anonymous(),
            action: AuditAction::ClaimsRead,
            verification: Some(VerificationId::from_bytes([1; 16])),
            subject_matter: matter.iter().map(|m| (*m).to_owned()).collect(),
            details: Some(Sealed::new(vec![1, 2, 3])),
        }
    }

    #[test]
    fn every_part_of_a_record_counts() {
        let base = record(&["ab", "c"]).digest();
        assert_ne!(base, record(&["a", "bc"]).digest());
        assert_ne!(base, record(&["ab"]).digest());
        let mut later = record(&["ab", "c"]);
        later.time = Timestamp::from_secs(8);
        assert_ne!(base, later.digest());
        let mut other = record(&["ab", "c"]);
        other.details = None;
        assert_ne!(base, other.digest());
        let mut of_none = record(&["ab", "c"]);
        of_none.verification = None;
        assert_ne!(base, of_none.digest());
    }

    #[test]
    fn a_link_depends_on_place_and_predecessor() {
        let digest = record(&[]).digest();
        let first = audit_link(&AUDIT_GENESIS, 1, &digest);
        assert_ne!(first, audit_link(&AUDIT_GENESIS, 2, &digest));
        assert_ne!(first, audit_link(&first, 1, &digest));
    }
}
