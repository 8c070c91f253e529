//! What a store commits whole or not at all.
//!
//! A change is decided by pure code and names everything that goes with it: rows, events, sealed
//! claims, audit records, the idempotency record, jobs to schedule or drop.

use crate::{
    Assurance, AttemptNumber, AuditRecord, BlindIndex, ChangeId, Checks, ClaimName, DocumentType,
    EvidenceId, JobWrite, LogId, NewEvent, Revision, Sealed, Sequence, Slot, SlotHolder, Timestamp,
    Verification, VerificationId,
};

/// Rows that stand or fall together.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// Its name, stored with it: an unknown outcome is resolved by looking it up.
    pub id: ChangeId,
    /// When it was decided; how long its id is kept counts from here.
    pub time: Timestamp,
    /// The verification after the change, and the revision it must have had before.
    pub verification: Option<VerificationWrite>,
    /// Its events, revisions following one another.
    pub events: Vec<NewEvent>,
    /// The slot that an attempt takes.
    pub slot: Option<SlotWrite>,
    /// Keyed digests by which a new verification can be found.
    pub indexes: Vec<(LookupKind, BlindIndex)>,
    /// The keyed digests of subjects by which the verification is found from now on, instead of those by
    /// which it was; none if nothing changes about that.
    pub subjects: Option<Vec<BlindIndex>>,
    /// What was seen of the provider's events.
    pub seen: Vec<SeenWrite>,
    /// Claims that came.
    pub claims: Vec<StoredClaim>,
    /// Evidence whose chunks are already durable, and which this change shows.
    pub evidence: Vec<EvidenceRecord>,
    /// Whether what was kept for the verification before this change goes: its claims, its evidence with
    /// the chunks, and the lookups by its subject.
    pub forget: bool,
    /// What a browser brought back, which belongs to one attempt for good.
    pub binding: Option<BindingWrite>,
    /// The answer to remember for a request id.
    pub idempotency: Option<IdempotencyRecord>,
    /// Jobs to schedule or drop.
    pub jobs: Vec<JobWrite>,
    /// What goes into the audit chain.
    pub audit: Vec<AuditRecord>,
    /// What has served its time.
    pub purge: Option<Purge>,
    /// Another name for the log: what was given under the old one is refused from then on. For a
    /// restored store, before it is served.
    pub log: Option<LogId>,
}

impl Change {
    /// A change that does nothing yet, decided at `time`.
    #[must_use]
    pub fn new(time: Timestamp) -> Self {
        Self {
            id: ChangeId::generate(),
            time,
            verification: None,
            events: Vec::new(),
            slot: None,
            indexes: Vec::new(),
            subjects: None,
            seen: Vec::new(),
            claims: Vec::new(),
            evidence: Vec::new(),
            forget: false,
            binding: None,
            idempotency: None,
            jobs: Vec::new(),
            audit: Vec::new(),
            purge: None,
            log: None,
        }
    }

    /// What is decided over the row that this change leaves, in the same commit. Of what stands once in
    /// a change, this one's own stays.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        if let (Some(write), Some(next)) = (&mut self.verification, next.verification) {
            write.row = next.row;
        }
        self.events.extend(next.events);
        self.subjects = next.subjects.or(self.subjects);
        self.seen.extend(next.seen);
        self.claims.extend(next.claims);
        self.evidence.extend(next.evidence);
        self.forget |= next.forget;
        self.jobs.extend(next.jobs);
        self.audit.extend(next.audit);
        self
    }
}

/// A verification to write.
#[derive(Clone, PartialEq, Debug)]
pub struct VerificationWrite {
    /// The revision it must have now; none if it must not exist.
    pub expected: Option<Revision>,
    /// What it becomes. Its revision is that of the change's last event.
    pub row: Verification,
}

/// A slot to take.
#[derive(Clone, PartialEq, Debug)]
pub enum SlotWrite {
    /// It must not exist yet.
    Make(Slot),
    /// It must still be held by `expected`; `slot` names the new holder.
    Take {
        /// Who must hold it now.
        expected: SlotHolder,
        /// What it becomes.
        slot: Slot,
    },
}

/// What a keyed digest finds verifications by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LookupKind {
    /// The subject.
    Subject,
    /// The caller's reference to the subject.
    SubjectRef,
    /// One label, key and value.
    Label,
}

impl LookupKind {
    /// The number in the store.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Subject => 1,
            Self::SubjectRef => 2,
            Self::Label => 3,
        }
    }
}

/// A provider's event by its identity: the same one seen again only raises a counter.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SeenKey {
    /// The verification.
    pub verification: VerificationId,
    /// The attempt.
    pub attempt: AttemptNumber,
    /// What makes the event one and the same, without personal data.
    pub identity: String,
}

/// What to note of a provider's event.
#[derive(Clone, PartialEq, Debug)]
pub enum SeenWrite {
    /// Seen for the first time; it must not have been noted before.
    First(SeenKey),
    /// Seen again.
    Again(SeenKey),
}

/// A claim at rest.
#[derive(Clone, PartialEq, Debug)]
pub struct StoredClaim {
    /// The verification it belongs to.
    pub verification: VerificationId,
    /// The attempt that brought it.
    pub attempt: AttemptNumber,
    /// The provider's name for the field. Unique within a verification.
    pub field: String,
    /// The fact.
    pub name: ClaimName,
    /// The document it comes from.
    pub document: Option<DocumentType>,
    /// The value as the provider sent it, sealed at `revision`; where `evidence` holds what it says,
    /// only how that is turned back into the value.
    pub value: Sealed,
    /// The piece of evidence that the claim stands for, if it is a picture.
    pub evidence: Option<EvidenceId>,
    /// The pepper beside it, sealed at `revision`.
    pub pepper: Option<Sealed>,
    /// The kind of the document in the provider's own word, sealed at `revision`.
    pub provider_document: Option<Sealed>,
    /// The revision named in the associated data of all three.
    pub revision: Revision,
    /// The provider's time of the message that brought it.
    pub provider_time: Option<Timestamp>,
    /// When it came.
    pub receive_time: Timestamp,
    /// How far it can be trusted.
    pub assurance: Assurance,
    /// The fingerprint of the provider's key that signed it.
    pub key_fingerprint: Option<String>,
    /// Whether an operator handed it in, and not the provider.
    pub imported: bool,
    /// What the provider says of the value beside it, where it says anything.
    pub checks: Option<Checks>,
}

/// What kind of bytes back a claim.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EvidenceKind {
    /// An accepted message of the provider, as received.
    ProviderMessage,
    /// A picture of a document.
    DocumentImage,
    /// A picture of the holder's face.
    FaceImage,
    /// A claim's value, word for word: of a picture that can't be read, or that is written in a way
    /// that does not follow from its bytes.
    ClaimText,
    /// A message that is right in everything but its signature. Nobody believes it, and it backs
    /// nothing.
    QuarantinedMessage,
}

impl EvidenceKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::ProviderMessage,
        Self::DocumentImage,
        Self::FaceImage,
        Self::ClaimText,
        Self::QuarantinedMessage,
    ];

    /// The name in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProviderMessage => "PROVIDER_MESSAGE",
            Self::DocumentImage => "DOCUMENT_IMAGE",
            Self::FaceImage => "FACE_IMAGE",
            Self::ClaimText => "CLAIM_TEXT",
            Self::QuarantinedMessage => "QUARANTINED_MESSAGE",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether it backs one claim, and is handed out to whoever may read that claim. A message holds
    /// all values and peppers at once, and is not.
    #[must_use]
    pub const fn is_of_a_claim(self) -> bool {
        match self {
            Self::DocumentImage | Self::FaceImage | Self::ClaimText => true,
            Self::ProviderMessage | Self::QuarantinedMessage => false,
        }
    }
}

/// Bytes that back claims. The chunks were sealed and made durable before.
#[derive(Clone, PartialEq, Debug)]
pub struct EvidenceRecord {
    /// Its name, and that of its chunks.
    pub id: EvidenceId,
    /// The verification it belongs to.
    pub verification: VerificationId,
    /// The attempt that brought it.
    pub attempt: AttemptNumber,
    /// What it is.
    pub kind: EvidenceKind,
    /// The provider's name for the field that it backs, if it backs one claim.
    pub field: Option<String>,
    /// Clear bytes.
    pub size: u64,
    /// How many chunks hold it.
    pub chunks: u32,
    /// Media type and SHA-256 of the clear bytes, sealed at `revision`.
    pub description: Sealed,
    /// The revision named in the associated data.
    pub revision: Revision,
    /// When it came.
    pub receive_time: Timestamp,
}

/// A binding to make or to take back.
#[derive(Clone, PartialEq, Debug)]
pub enum BindingWrite {
    /// It must not exist yet.
    Make(Binding),
    /// It was made in error: what was brought back is another user's. Nothing happens if there is
    /// none of this key.
    Release(BlindIndex),
}

/// What a browser brought back, and the attempt that it belongs to: nobody else may hand it in.
/// Outlives verifications and erasure: a keyed digest tells nothing about anybody.
#[derive(Clone, PartialEq, Debug)]
pub struct Binding {
    /// Keyed digest of (connection, what was brought back). Unique.
    pub key: BlindIndex,
    /// Whose it is.
    pub holder: SlotHolder,
    /// When it was bound.
    pub create_time: Timestamp,
}

/// The answer to remember for a request id.
#[derive(Clone, PartialEq, Debug)]
pub struct IdempotencyRecord {
    /// Keyed digest of principal and request id. Unique.
    pub key: BlindIndex,
    /// Keyed digest of the request.
    pub body: BlindIndex,
    /// What the request made, or joined.
    pub verification: VerificationId,
    /// The attempt of it that the request made, or joined.
    pub attempt: AttemptNumber,
    /// Whether the verification was there already, made by another request.
    pub joined: bool,
    /// When it is forgotten.
    pub expire_time: Timestamp,
}

/// What has served its time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Purge {
    /// Events committed before this go, oldest first, so that what stays has no hole.
    pub events_before: Option<Timestamp>,
    /// Change ids older than this go.
    pub changes_before: Option<Timestamp>,
    /// Request ids whose time passed before this go.
    pub idempotency_before: Option<Timestamp>,
    /// Slots whose time passed before this go.
    pub slots_before: Option<Timestamp>,
    /// Chunks written before this that no evidence record names go.
    pub orphan_chunks_before: Option<Timestamp>,
    /// How many rows of each kind at most, so that a batch stays short.
    pub at_most: u32,
}

/// What a commit gave.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Committed {
    /// The places of the change's events, in their order.
    pub sequences: Vec<Sequence>,
    /// Whether a purge stopped at its bound and has more to do.
    pub purge_unfinished: bool,
}
