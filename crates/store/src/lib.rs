//! The ports through which the engine keeps and reads everything durable.
//!
//! A store commits a [`Change`](verilane_core::Change) whole or not at all and answers only once it
//! is durable. It keeps domain columns and opaque sealed bytes; it decides nothing, encrypts
//! nothing, and knows no wire format. What every store must hold to is in the conformance suite
//! (feature `conformance`).

#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod observe;
mod query;

use async_trait::async_trait;
use verilane_core::{
    AuditHash, AuditRecord, Binding, BlindIndex, Change, ChangeId, Committed, Event, EvidenceId,
    EvidenceRecord, IdempotencyRecord, Job, Revision, Sealed, Sequence, Slot, StoredClaim, Tenancy,
    Timestamp, VerificationId,
};

pub use error::{CommitError, Conflict, StoreError};
pub use observe::CommitObserver;
pub use query::{CallbackTarget, Head, ListOrder, ListQuery, Listed, Loaded, PageMark};

/// Everything durable.
///
/// **Commits.** Changes that wait together are committed together, in the order they were given.
/// Each holds or conflicts by itself. Only those that hold get sequences, so that sequences have no
/// gap; a reader that sees sequence *n* also sees every one before it. After the commit is durable
/// the observer is told of the new events in order, and only then do the calls return.
///
/// **Cancellation.** A dropped `commit` may still be carried out; its id tells.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Commits a change durably (fsync), whole or not at all. A change whose id is already stored
    /// is not applied again: its first outcome is returned.
    async fn commit(&self, change: Change) -> Result<Committed, CommitError>;

    /// What became of the change with this id: none if it does not stand.
    async fn outcome(&self, change: ChangeId) -> Result<Option<Committed>, StoreError>;

    /// Makes chunks of evidence durable, numbered from `first` on, by the side lane: never in one
    /// transaction with changes. They show nowhere until a change names their evidence. Waits while
    /// the lane is full.
    async fn put_chunks(
        &self,
        evidence: EvidenceId,
        first: u32,
        chunks: Vec<Sealed>,
        written: Timestamp,
    ) -> Result<(), StoreError>;

    /// Removes the chunks of evidence that was given up before a change named it, at once and not only
    /// with the next purge; what is shown stays. By the side lane, after what was put there before.
    async fn discard_chunks(&self, evidence: EvidenceId) -> Result<(), StoreError>;

    /// A verification with what was seen of its provider's events.
    async fn load(&self, id: VerificationId) -> Result<Option<Loaded>, StoreError>;

    /// The slot that has this callback path, and every attempt that used it. There can be many, of
    /// somebody who asks for the same again and again: none of them is read whole.
    async fn callback_target(&self, path: BlindIndex)
    -> Result<Option<CallbackTarget>, StoreError>;

    /// Every attempt that used a slot, newest first; those of a slot that is gone too.
    async fn tenancies(&self, slot: verilane_core::SlotId) -> Result<Vec<Tenancy>, StoreError>;

    /// The slot with this key.
    async fn slot(&self, key: BlindIndex) -> Result<Option<Slot>, StoreError>;

    /// The slot of this name.
    async fn slot_by_id(&self, id: verilane_core::SlotId) -> Result<Option<Slot>, StoreError>;

    /// Verifications that match, in the query's order, one page in one short read transaction.
    async fn list(&self, query: &ListQuery) -> Result<Vec<Listed>, StoreError>;

    /// The claims that came for a verification, by field.
    async fn claims(&self, id: VerificationId) -> Result<Vec<StoredClaim>, StoreError>;

    /// The evidence of a verification, oldest first.
    async fn evidence(&self, id: VerificationId) -> Result<Vec<EvidenceRecord>, StoreError>;

    /// One chunk of evidence; none if it does not exist.
    async fn chunk(&self, evidence: EvidenceId, index: u32) -> Result<Option<Sealed>, StoreError>;

    /// Whose a browser's bringing is, by its key.
    async fn binding(&self, key: BlindIndex) -> Result<Option<Binding>, StoreError>;

    /// The answer remembered for a request id.
    async fn idempotency(&self, key: BlindIndex) -> Result<Option<IdempotencyRecord>, StoreError>;

    /// Which log this is, and where it begins and ends.
    async fn head(&self) -> Result<Head, StoreError>;

    /// Events after `after`, in sequence order, without a gap, at most `limit`.
    async fn events(&self, after: Sequence, limit: u32) -> Result<Vec<Event>, StoreError>;

    /// Events of one verification after a revision, in order, at most `limit`.
    async fn events_of(
        &self,
        id: VerificationId,
        after: Revision,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError>;

    /// Jobs that are due at `now` and not leased beyond it, the longest due first, at most `limit`.
    async fn due_jobs(&self, now: Timestamp, limit: u32) -> Result<Vec<Job>, StoreError>;

    /// When the next job is due and free of its lease.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Links of the audit chain from place `from` on (the first is 1), at most `limit`.
    async fn audit(
        &self,
        from: u64,
        limit: u32,
    ) -> Result<Vec<(AuditHash, AuditRecord)>, StoreError>;
}
