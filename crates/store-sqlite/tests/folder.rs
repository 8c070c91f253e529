//! The folder belongs to one process, and nobody else may read it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use verilane_store::Store;
use verilane_store::conformance::{Nobody, sample};
use verilane_store_sqlite::{OpenError, SqliteConfig, SqliteStore};

fn open(folder: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(SqliteConfig::new(folder), Arc::new(Nobody))
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_second_open_of_the_same_folder_is_refused_until_the_first_is_closed() {
    let folder = TempDir::new().unwrap();
    let first = open(folder.path()).unwrap();
    let refused = open(folder.path()).err().unwrap();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    assert!(refused.to_string().contains("in use by another process"));
    // The first one is none the worse for it.
    first.commit(sample::create(sample::at(0))).await.unwrap();
    first.close().await;
    let second = open(folder.path()).unwrap();
    assert_eq!(second.head().await.unwrap().last.0, 1);
}

#[tokio::test]
async fn only_the_owner_can_read_what_is_kept() {
    let above = TempDir::new().unwrap();
    let folder = above.path().join("a/b");
    let store = open(&folder).unwrap();
    store.commit(sample::create(sample::at(0))).await.unwrap();
    assert_eq!(mode(&folder), 0o700);
    let mut names = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    let expected = ["", "-shm", "-wal"].map(|end| format!("verilane.db{end}"));
    assert_eq!(names[..3], expected);
    assert_eq!(names[3..], ["verilane.lock"]);
}

#[test]
fn a_folder_that_exists_keeps_its_mode_and_what_is_put_into_it_is_private() {
    for given in [0o755, 0o775] {
        let folder = TempDir::new().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(given)).unwrap();
        drop(open(folder.path()).unwrap());
        assert_eq!(mode(folder.path()), given);
        for entry in folder.path().read_dir().unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
}

#[test]
fn a_folder_that_anybody_can_write_to_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    // As the system's folder for temporary files is.
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o1777)).unwrap();
    let refused = open(folder.path()).err().unwrap();
    let writable = matches!(refused, OpenError::WritableByAnybody { .. });
    assert!(writable, "{refused}");
    assert_eq!(mode(folder.path()), 0o777);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    drop(open(folder.path()).unwrap());
    let path = folder.path().join("verilane.db");
    // The version stands big-endian at byte 60 of the file.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.splice(60..64, 77_u32.to_be_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let refused = open(folder.path()).err().unwrap();
    let newer = matches!(refused, OpenError::NewerSchema { found: 77, .. });
    assert!(newer, "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[tokio::test]
async fn each_new_folder_is_a_log_of_its_own() {
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let mut logs = Vec::new();
    for folder in &folders {
        logs.push(open(folder.path()).unwrap().head().await.unwrap().log);
    }
    let again = open(folders.first().unwrap().path()).unwrap();
    assert_eq!(Some(&again.head().await.unwrap().log), logs.first());
    assert_ne!(logs.first(), logs.last());
}
