//! What happens when a commit fails, when the writer is held up, and when the store is closed.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex;
use tempfile::TempDir;
use verilane_core::{EventKind, EvidenceId, JobKind, JobWrite, Sealed, Sequence};
use verilane_store::conformance::sample::{at, create, job, row, step};
use verilane_store::conformance::{Nobody, Recorder};
use verilane_store::{CommitError, Store, StoreError};

use crate::connection::open_reader;
use crate::pool::Pool;
use crate::writer::faults::{self, Fault};
use crate::{CommitMoment, SqliteConfig, SqliteStore};

fn folder() -> TempDir {
    TempDir::new().unwrap()
}

/// Holds the writer up after a commit, until it is let go.
struct Gate {
    reached: Mutex<Receiver<()>>,
    go: Sender<()>,
}

impl Gate {
    /// A gate at the end of every commit of a store that is opened with this configuration.
    fn at(config: &mut SqliteConfig, moment: CommitMoment) -> Self {
        let (reach, reached) = channel();
        let (go, gone) = channel();
        let gone = Mutex::new(gone);
        config.hook = Some(Arc::new(move |now| {
            if now == moment {
                reach.send(()).ok();
                // Once the gate itself is gone it stands open.
                gone.lock().recv().ok();
            }
        }));
        Self {
            reached: Mutex::new(reached),
            go,
        }
    }

    fn wait(&self) {
        self.reached.lock().recv().unwrap();
    }

    fn open(&self) {
        self.go.send(()).unwrap();
    }
}

/// What a read gives once the store serves again.
async fn served<T>(read: impl AsyncFn() -> Result<T, StoreError>) -> T {
    let again = async {
        loop {
            match read().await {
                Ok(answer) => return answer,
                Err(StoreError::Unavailable(_)) => tokio::task::yield_now().await,
                Err(other) => panic!("{other}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), again)
        .await
        .unwrap()
}

async fn a_failed_commit(fault: Fault) {
    let folder = folder();
    let mut config = SqliteConfig::new(folder.path());
    let gate = Gate::at(&mut config, CommitMoment::AfterCommit);
    let recorder = Arc::new(Recorder::default());
    let store = Arc::new(SqliteStore::open(config, Arc::clone(&recorder) as _).unwrap());
    let first = create(at(0));
    let begun = tokio::spawn({
        let (store, first) = (Arc::clone(&store), first.clone());
        async move { store.commit(first).await }
    });
    gate.wait();
    // These two wait together now, and share the next transaction.
    let doubtful = [
        step(&row(&first), EventKind::Cancelled, |_| {}),
        create(at(1)),
    ];
    let database = folder.path().join("verilane.db");
    faults::plan(database.to_str().unwrap(), fault);
    let both = join_all(doubtful.iter().cloned().map(|c| store.commit(c)));
    let (outcomes, ()) = tokio::join!(both, async { gate.open() });
    begun.await.unwrap().unwrap();
    for (change, outcome) in doubtful.iter().zip(outcomes) {
        assert_eq!(outcome, Err(CommitError::OutcomeUnknown(change.id)));
    }
    drop(gate);

    let stands = fault == Fault::Stands;
    for change in &doubtful {
        let outcome = served(async || store.outcome(change.id).await).await;
        assert_eq!(outcome.is_some(), stands);
    }
    let head = served(async || store.head().await).await;
    assert_eq!(head.last, Sequence(if stands { 3 } else { 1 }));
    // The log goes on, and the writer knows what stands of the row.
    let current = store.load(row(&first).id).await.unwrap().unwrap();
    let next = step(&current.verification, EventKind::ProviderStatus, |_| {});
    let committed = store.commit(next).await.unwrap();
    assert_eq!(committed.sequences, [head.last.next()]);
    let log = store.events(Sequence(0), 100).await.unwrap();
    assert_eq!(recorder.heard(), log);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_failed_commit_left_behind_is_looked_up_and_heard_of() {
    a_failed_commit(Fault::Stands).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_failed_commit_lost_stays_lost() {
    a_failed_commit(Fault::Lost).await;
}

/// Looks, at the moment when an answer comes, whether anybody can read.
struct Look {
    pool: Arc<Pool>,
    can_read: Sender<bool>,
}

impl Wake for Look {
    fn wake(self: Arc<Self>) {
        self.can_read.send(self.pool.is_open()).ok();
    }
}

#[test]
fn nobody_can_read_when_the_caller_hears_that_the_outcome_is_unknown() {
    let folder = folder();
    let mut config = SqliteConfig::new(folder.path());
    let gate = Gate::at(&mut config, CommitMoment::BeforeCommit);
    let store = SqliteStore::open(config, Arc::new(Nobody)).unwrap();
    let database = folder.path().join("verilane.db");
    faults::plan(database.to_str().unwrap(), Fault::Stands);
    let (can_read, looked) = channel();
    let look = Look {
        pool: Arc::clone(&store.pool),
        can_read,
    };
    let waker = Waker::from(Arc::new(look));
    let mut context = Context::from_waker(&waker);
    let change = create(at(0));
    let id = change.id;
    let mut commit = store.commit(change);
    // Whoever wakes the caller does so on the writer's thread, just as it answers.
    assert!(commit.as_mut().poll(&mut context).is_pending());
    gate.open();
    assert_eq!(looked.recv(), Ok(false));
    let answer = commit.as_mut().poll(&mut context);
    assert_eq!(answer, Poll::Ready(Err(CommitError::OutcomeUnknown(id))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_while_a_commit_is_synced_shares_the_next_transaction() {
    let folder = folder();
    let mut config = SqliteConfig::new(folder.path());
    let gate = Gate::at(&mut config, CommitMoment::AfterCommit);
    let sizes = Arc::new(Sizes::default());
    let store = Arc::new(SqliteStore::open(config, Arc::clone(&sizes) as _).unwrap());
    let begun = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.commit(create(at(0))).await }
    });
    gate.wait();
    let waiting = join_all((0..100).map(|n| store.commit(create(at(n)))));
    let (outcomes, ()) = tokio::join!(waiting, async {
        gate.open();
        gate.open();
    });
    begun.await.unwrap().unwrap();
    let places: Vec<_> = outcomes
        .into_iter()
        .flat_map(|outcome| outcome.unwrap().sequences)
        .collect();
    // In the order in which they were given.
    assert_eq!(places, (2..=101).map(Sequence).collect::<Vec<_>>());
    assert_eq!(*sizes.0.lock(), [1, 100]);
}

/// How many events each commit had.
#[derive(Default)]
struct Sizes(Mutex<Vec<usize>>);

impl verilane_store::CommitObserver for Sizes {
    fn committed(&self, events: &[verilane_core::Event]) {
        self.0.lock().push(events.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_finishes_what_was_accepted_and_refuses_the_rest() {
    let folder = folder();
    let mut config = SqliteConfig::new(folder.path());
    let gate = Gate::at(&mut config, CommitMoment::BeforeCommit);
    let store = Arc::new(SqliteStore::open(config, Arc::new(Nobody)).unwrap());
    let change = create(at(0));
    let accepted = tokio::spawn({
        let (store, change) = (Arc::clone(&store), change.clone());
        async move { store.commit(change).await }
    });
    gate.wait();
    let evidence = EvidenceId::generate();
    let chunks = vec![Sealed::new(vec![1; 100])];
    let (written, (), ()) = tokio::join!(
        store.put_chunks(evidence, 0, chunks, at(0)),
        store.close(),
        async { drop(gate) }
    );
    written.unwrap();
    accepted.await.unwrap().unwrap();
    let late = store.commit(create(at(1))).await;
    assert!(matches!(late, Err(CommitError::Unavailable(_))), "{late:?}");
    let read = store.head().await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    // The log was copied into the database, and the folder is free.
    assert!(!folder.path().join("verilane.db-wal").exists());
    let store = SqliteStore::open(SqliteConfig::new(folder.path()), Arc::new(Nobody)).unwrap();
    assert!(store.outcome(change.id).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_opened_anew_forgets_leases() {
    let folder = folder();
    let open = || SqliteStore::open(SqliteConfig::new(folder.path()), Arc::new(Nobody)).unwrap();
    let store = open();
    let mut change = create(at(0));
    let key = job(&row(&change), JobKind::Start);
    change.jobs = vec![JobWrite::Schedule {
        key,
        due: at(1),
        leased_until: Some(at(1_000)),
    }];
    store.commit(change).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(1_000)));
    store.close().await;
    let jobs = open().due_jobs(at(1), 10).await.unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!((jobs[0].key, jobs[0].tries), (key, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_chunks_nor_changes_wait_for_all_of_the_other() {
    let folder = folder();
    let mut config = SqliteConfig::new(folder.path());
    config.batch_changes = 1;
    let gate = Gate::at(&mut config, CommitMoment::AfterCommit);
    let store = Arc::new(SqliteStore::open(config, Arc::new(Nobody)).unwrap());
    let begun = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.commit(create(at(0))).await }
    });
    gate.wait();
    // Six steps of the lane and six batches wait now, and take turns.
    let chunks = join_all((0..6).map(|_| {
        let chunks = vec![Sealed::new(vec![0; 1 << 20])];
        store.put_chunks(EvidenceId::generate(), 0, chunks, at(0))
    }));
    let changes = join_all((0..6).map(|n| store.commit(create(at(n)))));
    let database = open_reader(&folder.path().join("verilane.db")).unwrap();
    let take_turns = async {
        for turn in 0..6 {
            gate.open();
            gate.wait();
            let count = "SELECT count(*) FROM unshown_evidence";
            let written: u32 = database.query_row(count, [], |row| row.get(0)).unwrap();
            assert_eq!(written, turn, "steps before commit {turn}");
        }
        drop(gate);
    };
    let (written, committed, ()) = tokio::join!(chunks, changes, take_turns);
    assert!(written.iter().all(Result::is_ok));
    assert!(committed.iter().all(Result::is_ok));
    begun.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_are_discarded_to_the_last_a_step_at_a_time() {
    let folder = folder();
    let store = SqliteStore::open(SqliteConfig::new(folder.path()), Arc::new(Nobody)).unwrap();
    let ids = [(); 3].map(|()| EvidenceId::generate());
    // Less than a step removes, just as much, and some more.
    for (id, count) in ids.into_iter().zip([1, 16, 40]) {
        let chunks = vec![Sealed::new(vec![1; 64 << 10]); count];
        store.put_chunks(id, 0, chunks, at(0)).await.unwrap();
    }
    let database = open_reader(&folder.path().join("verilane.db")).unwrap();
    let count = |table: &str| {
        let count = format!("SELECT count(*) FROM {table}");
        database.query_row(&count, [], |row| row.get::<_, u32>(0))
    };
    assert_eq!(count("chunks").unwrap(), 57);
    for (id, chunks, pieces) in [(ids[2], 17, 2), (ids[0], 16, 1), (ids[1], 0, 0)] {
        store.discard_chunks(id).await.unwrap();
        assert_eq!(count("chunks").unwrap(), chunks);
        assert_eq!(count("unshown_evidence").unwrap(), pieces);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_panics_leaves_a_store_that_refuses_everything_and_says_so() {
    let folder = folder();
    let mut config = SqliteConfig::new(folder.path());
    config.hook = Some(Arc::new(|moment| {
        assert_ne!(moment, CommitMoment::BeforeCommit, "as the test wants it");
    }));
    let store = SqliteStore::open(config, Arc::new(Nobody)).unwrap();
    assert!(store.head().await.is_ok());
    let change = create(at(0));
    let id = change.id;
    let outcome = store.commit(change).await;
    assert_eq!(outcome, Err(CommitError::OutcomeUnknown(id)));
    tokio::time::timeout(Duration::from_secs(30), store.failed())
        .await
        .unwrap();
    let late = store.commit(create(at(1))).await;
    assert!(matches!(late, Err(CommitError::Unavailable(_))), "{late:?}");
    let chunks = vec![Sealed::new(vec![1; 100])];
    let put = store.put_chunks(EvidenceId::generate(), 0, chunks, at(0));
    let put = put.await;
    assert!(matches!(put, Err(StoreError::Unavailable(_))), "{put:?}");
    let read = store.head().await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    store.close().await;
    // What was under way is not half there, and whoever comes next can go on.
    let next = SqliteStore::open(SqliteConfig::new(folder.path()), Arc::new(Nobody)).unwrap();
    assert!(next.outcome(id).await.unwrap().is_none());
    next.commit(create(at(2))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_closed_has_not_failed() {
    let folder = folder();
    let store = SqliteStore::open(SqliteConfig::new(folder.path()), Arc::new(Nobody)).unwrap();
    store.close().await;
    let failed = std::pin::pin!(store.failed());
    let mut context = Context::from_waker(Waker::noop());
    assert!(failed.poll(&mut context).is_pending());
}
