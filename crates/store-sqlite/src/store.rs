//! The store: the port's calls, each handed to the writer or to a reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tracing::Instrument;
use tracing::field::Empty;
use verilane_core::{
    AuditHash, AuditRecord, Binding, BlindIndex, Change, ChangeId, Committed, Event, EvidenceId,
    EvidenceRecord, IdempotencyRecord, Job, Revision, Sealed, Sequence, Slot, SlotId, StoredClaim,
    Tenancy, Timestamp, VerificationId,
};
use verilane_store::{
    CallbackTarget, CommitError, CommitObserver, Head, ListQuery, Listed, Loaded, Store, StoreError,
};
use verilane_telemetry::value::outcome;
use verilane_telemetry::{attribute, span};

use crate::config::SqliteConfig;
use crate::connection::{log_ahead, open_writer};
use crate::folder::Folder;
use crate::migrate::migrate;
use crate::pool::Pool;
use crate::writer::{Errand, Put, Task, Tools, Waiting, Work, Writer};
use crate::{OpenError, read};

/// A store in a folder of its own.
///
/// Dropping it, or [`SqliteStore::close`], lets the writer finish what was accepted.
pub struct SqliteStore {
    pub(crate) pool: Arc<Pool>,
    serving: Arc<AtomicBool>,
    queue: Mutex<Option<mpsc::Sender<Work>>>,
    lane: Arc<Semaphore>,
    lane_bytes: u32,
    writer: Mutex<Option<JoinHandle<()>>>,
    failed: watch::Receiver<bool>,
}

impl SqliteStore {
    /// Opens the folder, brings its schema up to date and starts the writer. Blocks while it does.
    pub fn open(
        config: SqliteConfig,
        observer: Arc<dyn CommitObserver>,
    ) -> Result<Self, OpenError> {
        let folder = Folder::take(&config.folder)?;
        let path = folder.database();
        let mut connection = open_writer(&path)?;
        migrate(&mut connection, &path)?;
        log_ahead(&connection)?;
        // Whoever held a lease is gone: this process owns the folder now.
        connection.execute(
            "UPDATE jobs SET leased_until = NULL WHERE leased_until IS NOT NULL",
            [],
        )?;
        let head = read::events::head(&connection)?;
        let pool = Arc::new(Pool::new(path, config.readers));
        pool.open();
        let serving = Arc::new(AtomicBool::new(true));
        let (queue, inbox) = mpsc::channel(config.queue.max(1));
        let lane_bytes = config.lane_bytes.max(1);
        let place = config.folder.clone();
        let (fail, failed) = watch::channel(false);
        let tools = Tools {
            config,
            observer,
            pool: Arc::clone(&pool),
            serving: Arc::clone(&serving),
            inbox,
            failed: fail,
            folder,
        };
        let writer = Writer::start(tools, connection, head.last)
            .map_err(|cause| OpenError::Folder { path: place, cause })?;
        Ok(Self {
            pool,
            serving,
            queue: Mutex::new(Some(queue)),
            lane: Arc::new(Semaphore::new(lane_bytes as usize)),
            lane_bytes,
            writer: Mutex::new(Some(writer)),
            failed,
        })
    }

    /// Ends once the writer has panicked, and only then: everything is refused as unavailable from
    /// there on, and nothing but another process with this folder can mend that.
    pub async fn failed(&self) {
        let mut failed = self.failed.clone();
        if failed.wait_for(|failed| *failed).await.is_err() {
            // Closed in good order.
            std::future::pending::<()>().await;
        }
    }

    /// Takes nothing more, lets the writer finish what was accepted, and lets the folder go. Calls
    /// after this are told that the store is unavailable.
    pub async fn close(&self) {
        let Some(writer) = self.stop() else {
            return;
        };
        // A writer that panicked has nothing left to finish.
        let _ = tokio::task::spawn_blocking(move || writer.join()).await;
    }

    fn stop(&self) -> Option<JoinHandle<()>> {
        drop(self.queue.lock().take());
        let writer = self.writer.lock().take()?;
        writer.thread().unpark();
        Some(writer)
    }

    fn queue(&self) -> Option<mpsc::Sender<Work>> {
        if !self.serving.load(Ordering::Acquire) {
            return None;
        }
        self.queue.lock().clone()
    }

    async fn decide(&self, change: Change) -> Result<Committed, CommitError> {
        let unavailable = || CommitError::Unavailable("the writer is not serving".to_owned());
        let id = change.id;
        let queue = self.queue().ok_or_else(unavailable)?;
        let (answer, outcome) = oneshot::channel();
        let work = Work::Change(Box::new(Waiting { change, answer }));
        queue.send(work).await.map_err(|_| unavailable())?;
        drop(queue);
        // A writer that is gone without an answer may have committed.
        outcome
            .await
            .unwrap_or(Err(CommitError::OutcomeUnknown(id)))
    }

    /// Has the side lane do something about a piece of evidence, which brings so many bytes.
    async fn by_lane(
        &self,
        evidence: EvidenceId,
        task: Task,
        bytes: usize,
    ) -> Result<(), StoreError> {
        let unavailable = || StoreError::Unavailable("the writer is not serving".to_owned());
        // Something larger than the lane takes all of it; something tiny takes a place too.
        let room = u32::try_from(bytes)
            .unwrap_or(u32::MAX)
            .clamp(self.lane_bytes.min(64 << 10), self.lane_bytes);
        let room = Arc::clone(&self.lane)
            .acquire_many_owned(room)
            .await
            .map_err(|_| unavailable())?;
        let queue = self.queue().ok_or_else(unavailable)?;
        let (answer, outcome) = oneshot::channel();
        let work = Work::Chunks(Errand {
            evidence,
            task,
            answer,
            _room: room,
        });
        queue.send(work).await.map_err(|_| unavailable())?;
        drop(queue);
        outcome.await.unwrap_or_else(|_| Err(unavailable()))
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        if let Some(writer) = self.stop() {
            let _ = writer.join();
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, change: Change) -> Result<Committed, CommitError> {
        let span = tracing::info_span!(
            span::STORE_CHANGE,
            { attribute::CHANGE_ID } = %change.id,
            { attribute::OUTCOME } = Empty,
        );
        async {
            let decided = self.decide(change).await;
            let word = match &decided {
                Ok(_) => outcome::OK,
                Err(CommitError::Conflict(_)) => outcome::CONFLICT,
                Err(_) => outcome::ERROR,
            };
            tracing::Span::current().record(attribute::OUTCOME, word);
            decided
        }
        .instrument(span)
        .await
    }

    async fn outcome(&self, change: ChangeId) -> Result<Option<Committed>, StoreError> {
        let read = move |c: &_| read::events::outcome(c, change);
        self.pool.read(read).await
    }

    async fn put_chunks(
        &self,
        evidence: EvidenceId,
        first: u32,
        chunks: Vec<Sealed>,
        written: Timestamp,
    ) -> Result<(), StoreError> {
        let bytes = chunks.iter().map(|chunk| chunk.as_bytes().len()).sum();
        let put = Task::Put(Put {
            next: first,
            chunks: chunks.into(),
            written,
        });
        self.by_lane(evidence, put, bytes)
            .instrument(tracing::info_span!(span::EVIDENCE_WRITE))
            .await
    }

    async fn discard_chunks(&self, evidence: EvidenceId) -> Result<(), StoreError> {
        self.by_lane(evidence, Task::Discard, 0).await
    }

    async fn load(&self, id: VerificationId) -> Result<Option<Loaded>, StoreError> {
        let read = move |c: &_| read::verification::loaded(c, id);
        self.pool.read(read).await
    }

    async fn callback_target(
        &self,
        path: BlindIndex,
    ) -> Result<Option<CallbackTarget>, StoreError> {
        let read = move |c: &_| read::slots::callback_target(c, path);
        self.pool.read(read).await
    }

    async fn tenancies(&self, slot: SlotId) -> Result<Vec<Tenancy>, StoreError> {
        let read = move |c: &_| read::slots::tenancies(c, slot);
        self.pool.read(read).await
    }

    async fn slot(&self, key: BlindIndex) -> Result<Option<Slot>, StoreError> {
        let read = move |c: &_| read::slots::by_key(c, key);
        self.pool.read(read).await
    }

    async fn slot_by_id(&self, id: SlotId) -> Result<Option<Slot>, StoreError> {
        let read = move |c: &_| read::slots::by_id(c, id);
        self.pool.read(read).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Vec<Listed>, StoreError> {
        let query = query.clone();
        let read = move |c: &_| read::list::list(c, &query);
        self.pool.read(read).await
    }

    async fn claims(&self, id: VerificationId) -> Result<Vec<StoredClaim>, StoreError> {
        let read = move |c: &_| read::claims::claims(c, id);
        self.pool.read(read).await
    }

    async fn evidence(&self, id: VerificationId) -> Result<Vec<EvidenceRecord>, StoreError> {
        let read = move |c: &_| read::claims::evidence(c, id);
        self.pool.read(read).await
    }

    async fn chunk(&self, evidence: EvidenceId, index: u32) -> Result<Option<Sealed>, StoreError> {
        let read = move |c: &_| read::claims::chunk(c, evidence, index);
        self.pool.read(read).await
    }

    async fn binding(&self, key: BlindIndex) -> Result<Option<Binding>, StoreError> {
        let read = move |c: &_| read::slots::binding(c, key);
        self.pool.read(read).await
    }

    async fn idempotency(&self, key: BlindIndex) -> Result<Option<IdempotencyRecord>, StoreError> {
        let read = move |c: &_| read::jobs::idempotency(c, key);
        self.pool.read(read).await
    }

    async fn head(&self) -> Result<Head, StoreError> {
        self.pool.read(read::events::head).await
    }

    async fn events(&self, after: Sequence, limit: u32) -> Result<Vec<Event>, StoreError> {
        let read = move |c: &_| read::events::after(c, after, limit);
        self.pool.read(read).await
    }

    async fn events_of(
        &self,
        id: VerificationId,
        after: Revision,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let read = move |c: &_| read::events::of(c, id, after, limit);
        self.pool.read(read).await
    }

    async fn due_jobs(&self, now: Timestamp, limit: u32) -> Result<Vec<Job>, StoreError> {
        let read = move |c: &_| read::jobs::due(c, now, limit);
        self.pool.read(read).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.pool.read(read::jobs::next_due).await
    }

    async fn audit(
        &self,
        from: u64,
        limit: u32,
    ) -> Result<Vec<(AuditHash, AuditRecord)>, StoreError> {
        let read = move |c: &_| read::events::audit(c, from, limit);
        self.pool.read(read).await
    }
}
