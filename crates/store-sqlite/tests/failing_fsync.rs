//! No answer precedes the sync of the write-ahead log, and a sync that fails is not taken for one
//! that did not.
//!
//! The test runs itself again under strace, which lets the writer's fourth sync fail as a dying disk
//! would: the first is that of the log's header, and each commit has one. Without strace there is nothing to run; it says so.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it skips"
)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use verilane_core::{EventKind, Sequence};
use verilane_store::conformance::Recorder;
use verilane_store::conformance::sample::{at, create, row, step};
use verilane_store::{CommitError, Store, StoreError};
use verilane_store_sqlite::{SqliteConfig, SqliteStore};

const FOLDER: &str = "VERILANE_TEST_FOLDER";

#[test]
fn a_commit_whose_sync_failed_is_unknown_and_the_store_goes_on() {
    // Installed, and allowed to trace.
    let strace = Command::new("strace").args(["-qq", "true"]).status();
    if !strace.is_ok_and(|status| status.success()) {
        println!("SKIPPED: a sync that fails: strace can't be used here");
        return;
    }
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    // The file must exist for strace to know it by its path.
    let log = folder
        .path()
        .canonicalize()
        .unwrap()
        .join("verilane.db-wal");
    let output = Command::new("strace")
        .args(["-f", "-qq", "-P"])
        .arg(&log)
        .args(["-e", "trace=fsync,fdatasync,pwrite64"])
        .args(["-e", "inject=fsync,fdatasync:error=EIO:when=4"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "under_strace", "--nocapture"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let traced = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{traced}");
    assert!(said.contains("the third commit was unknown"), "{said}");
    assert!(traced.contains("(INJECTED)"), "{traced}");
}

/// What runs under strace; alone it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_strace() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let recorder = Arc::new(Recorder::default());
    let config = SqliteConfig::new(Path::new(&folder));
    let store = SqliteStore::open(config, Arc::clone(&recorder) as _).unwrap();
    let first = create(at(0));
    let mut now = row(&first);
    store.commit(first).await.unwrap();
    let second = step(&now, EventKind::ActionAvailable, |_| {});
    now = row(&second);
    store.commit(second).await.unwrap();

    let third = step(&now, EventKind::Cancelled, |_| {});
    let outcome = store.commit(third.clone()).await;
    assert_eq!(outcome, Err(CommitError::OutcomeUnknown(third.id)));
    println!("the third commit was unknown");

    let looked_up = async {
        loop {
            match store.outcome(third.id).await {
                Err(StoreError::Unavailable(_)) => tokio::task::yield_now().await,
                other => return other.unwrap(),
            }
        }
    };
    let stands = tokio::time::timeout(Duration::from_secs(60), looked_up)
        .await
        .unwrap()
        .is_some();
    let current = store.load(now.id).await.unwrap().unwrap().verification;
    assert_eq!(current.revision.0, if stands { 3 } else { 2 });
    for _ in 0..3 {
        let current = store.load(now.id).await.unwrap().unwrap().verification;
        let next = step(&current, EventKind::ProviderStatus, |_| {});
        store.commit(next).await.unwrap();
    }
    let log = store.events(Sequence(0), 100).await.unwrap();
    assert_eq!(log.len(), if stands { 6 } else { 5 });
    assert_eq!(recorder.heard(), log);
}
