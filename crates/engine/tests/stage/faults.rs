//! A store that fails when it is told to, in front of the real one; and an observer that goes deaf.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::time::Instant;
use verilane_core::{
    AuditHash, AuditRecord, Binding, BlindIndex, Change, ChangeId, Committed, Event, EvidenceId,
    EvidenceRecord, IdempotencyRecord, Job, Revision, Sealed, Sequence, Slot, SlotId, StoredClaim,
    Tenancy, Timestamp, VerificationId,
};
use verilane_store::{
    CallbackTarget, CommitError, CommitObserver, Head, ListQuery, Listed, Loaded, Store, StoreError,
};

/// What becomes of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not begun.
    Refused,
    /// It is refused for good.
    Senseless,
    /// It stands, and nobody knows.
    UnknownButStands,
    /// It does not stand, and nobody knows.
    UnknownAndGone,
    /// It stands, nobody knows, and it can never be looked up: whoever waits for that should do so on
    /// paused time.
    UnknownForGood,
}

type Affects = Box<dyn Fn(&Change) -> bool + Send + Sync>;
type Damage = Box<dyn Fn(u32, Sealed) -> Option<Sealed> + Send>;

/// The store that fails.
pub struct Faulty {
    inner: Arc<dyn Store>,
    faults: Mutex<VecDeque<Fault>>,
    /// Which commits the faults are for.
    affects: Mutex<Affects>,
    /// When each fault happened.
    times: Mutex<Vec<Instant>>,
    no_chunks: AtomicBool,
    /// How many more lists of evidence are refused.
    no_lists: AtomicUsize,
    /// Whether lists of evidence can't be understood.
    wrong_lists: AtomicBool,
    loads: AtomicUsize,
    damage: Mutex<Damage>,
    lost: Mutex<HashSet<ChangeId>>,
    /// Evidence of which chunks were written and not discarded.
    pieces: Mutex<HashSet<EvidenceId>>,
}

impl Faulty {
    pub fn over(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            faults: Mutex::default(),
            affects: Mutex::new(Box::new(|_| true)),
            times: Mutex::default(),
            no_chunks: AtomicBool::new(false),
            no_lists: AtomicUsize::new(0),
            wrong_lists: AtomicBool::new(false),
            loads: AtomicUsize::new(0),
            damage: Mutex::new(Box::new(|_, chunk| Some(chunk))),
            lost: Mutex::default(),
            pieces: Mutex::default(),
        })
    }

    /// The next commits that these are for end so.
    pub fn fail(
        &self,
        faults: impl IntoIterator<Item = Fault>,
        affects: impl Fn(&Change) -> bool + Send + Sync + 'static,
    ) {
        *self.affects.lock() = Box::new(affects);
        self.faults.lock().extend(faults);
    }

    /// When each fault so far happened.
    pub fn times(&self) -> Vec<Instant> {
        self.times.lock().clone()
    }

    /// How many verifications were read whole.
    pub fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    /// Whether every fault has happened.
    pub fn is_spent(&self) -> bool {
        self.faults.lock().is_empty()
    }

    /// Something that happens to each chunk on its way to a reader.
    pub fn damages_chunks(&self, damage: impl Fn(u32, Sealed) -> Option<Sealed> + Send + 'static) {
        *self.damage.lock() = Box::new(damage);
    }

    /// The next so many lists of evidence are refused.
    pub fn refuse_lists_of_evidence(&self, many: usize) {
        self.no_lists.store(many, Ordering::SeqCst);
    }

    /// The evidence of which chunks were written and not discarded.
    pub fn pieces(&self) -> HashSet<EvidenceId> {
        self.pieces.lock().clone()
    }

    /// No list of evidence can be understood from now on.
    pub fn corrupts_lists_of_evidence(&self) {
        self.wrong_lists.store(true, Ordering::SeqCst);
    }

    /// Whether chunks are refused.
    pub fn refuse_chunks(&self, refuse: bool) {
        self.no_chunks.store(refuse, Ordering::SeqCst);
    }
}

fn away() -> StoreError {
    StoreError::Unavailable("as the test says".to_owned())
}

#[async_trait]
impl Store for Faulty {
    async fn commit(&self, change: Change) -> Result<Committed, CommitError> {
        let fault = {
            let affected = (self.affects.lock())(&change);
            let mut faults = self.faults.lock();
            if affected { faults.pop_front() } else { None }
        };
        let id = change.id;
        if fault.is_some() {
            self.times.lock().push(Instant::now());
        }
        match fault {
            None => return self.inner.commit(change).await,
            Some(Fault::Refused) => return Err(CommitError::Unavailable("away".to_owned())),
            Some(Fault::Senseless) => return Err(CommitError::Invalid("wrong".to_owned())),
            Some(Fault::UnknownAndGone) => {}
            Some(Fault::UnknownButStands) => {
                self.inner.commit(change).await?;
            }
            Some(Fault::UnknownForGood) => {
                self.inner.commit(change).await?;
                self.lost.lock().insert(id);
            }
        }
        Err(CommitError::OutcomeUnknown(id))
    }

    async fn outcome(&self, change: ChangeId) -> Result<Option<Committed>, StoreError> {
        if self.lost.lock().contains(&change) {
            return Err(away());
        }
        self.inner.outcome(change).await
    }

    async fn put_chunks(
        &self,
        evidence: EvidenceId,
        first: u32,
        chunks: Vec<Sealed>,
        written: Timestamp,
    ) -> Result<(), StoreError> {
        if self.no_chunks.load(Ordering::SeqCst) {
            return Err(away());
        }
        self.pieces.lock().insert(evidence);
        self.inner
            .put_chunks(evidence, first, chunks, written)
            .await
    }

    async fn discard_chunks(&self, evidence: EvidenceId) -> Result<(), StoreError> {
        self.inner.discard_chunks(evidence).await?;
        self.pieces.lock().remove(&evidence);
        Ok(())
    }

    async fn load(&self, id: VerificationId) -> Result<Option<Loaded>, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.inner.load(id).await
    }

    async fn tenancies(&self, slot: SlotId) -> Result<Vec<Tenancy>, StoreError> {
        self.inner.tenancies(slot).await
    }

    async fn callback_target(
        &self,
        path: BlindIndex,
    ) -> Result<Option<CallbackTarget>, StoreError> {
        self.inner.callback_target(path).await
    }

    async fn slot(&self, key: BlindIndex) -> Result<Option<Slot>, StoreError> {
        self.inner.slot(key).await
    }

    async fn slot_by_id(&self, id: SlotId) -> Result<Option<Slot>, StoreError> {
        self.inner.slot_by_id(id).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Vec<Listed>, StoreError> {
        self.inner.list(query).await
    }

    async fn claims(&self, id: VerificationId) -> Result<Vec<StoredClaim>, StoreError> {
        self.inner.claims(id).await
    }

    async fn evidence(&self, id: VerificationId) -> Result<Vec<EvidenceRecord>, StoreError> {
        if self.wrong_lists.load(Ordering::SeqCst) {
            return Err(StoreError::Corrupt("as the test says".to_owned()));
        }
        let (set, get) = (Ordering::SeqCst, Ordering::SeqCst);
        let refused = self
            .no_lists
            .fetch_update(set, get, |many| many.checked_sub(1));
        if refused.is_ok() {
            return Err(away());
        }
        self.inner.evidence(id).await
    }

    async fn chunk(&self, evidence: EvidenceId, index: u32) -> Result<Option<Sealed>, StoreError> {
        let found = self.inner.chunk(evidence, index).await?;
        Ok(found.and_then(|chunk| (self.damage.lock())(index, chunk)))
    }

    async fn binding(&self, key: BlindIndex) -> Result<Option<Binding>, StoreError> {
        self.inner.binding(key).await
    }

    async fn idempotency(&self, key: BlindIndex) -> Result<Option<IdempotencyRecord>, StoreError> {
        self.inner.idempotency(key).await
    }

    async fn head(&self) -> Result<Head, StoreError> {
        self.inner.head().await
    }

    async fn events(&self, after: Sequence, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.inner.events(after, limit).await
    }

    async fn events_of(
        &self,
        id: VerificationId,
        after: Revision,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        self.inner.events_of(id, after, limit).await
    }

    async fn due_jobs(&self, now: Timestamp, limit: u32) -> Result<Vec<Job>, StoreError> {
        self.inner.due_jobs(now, limit).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.inner.next_due().await
    }

    async fn audit(
        &self,
        from: u64,
        limit: u32,
    ) -> Result<Vec<(AuditHash, AuditRecord)>, StoreError> {
        self.inner.audit(from, limit).await
    }
}

/// Passes on what it hears, unless it is deaf.
pub struct Ear {
    inner: Arc<dyn CommitObserver>,
    deaf: AtomicBool,
}

impl Ear {
    pub fn of(inner: Arc<dyn CommitObserver>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            deaf: AtomicBool::new(false),
        })
    }

    pub fn goes_deaf(&self, deaf: bool) {
        self.deaf.store(deaf, Ordering::SeqCst);
    }
}

impl CommitObserver for Ear {
    fn committed(&self, events: &[Event]) {
        if !self.deaf.load(Ordering::SeqCst) {
            self.inner.committed(events);
        }
    }
}
