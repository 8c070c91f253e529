//! What a store is opened with.

use std::path::PathBuf;
use std::sync::Arc;

/// A moment of a commit at which a process can be made to die, to show what survives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitMoment {
    /// Everything is written, nothing is durable.
    BeforeCommit,
    /// The batch is durable, and nobody knows it yet.
    AfterCommit,
}

/// Called by the writer at each [`CommitMoment`]. Only a `dev` configuration passes one.
pub type CommitHook = Arc<dyn Fn(CommitMoment) + Send + Sync>;

/// Where a store lives, and its bounds.
#[derive(Clone)]
pub struct SqliteConfig {
    /// The folder that holds everything. Made if it does not exist.
    pub folder: PathBuf,
    /// Changes taken into one transaction at most. 1 turns group commit off.
    pub batch_changes: usize,
    /// Bytes of changes taken into one transaction at most, but always one change.
    pub batch_bytes: usize,
    /// Changes that wait at most; a further `commit` waits for a place.
    pub queue: usize,
    /// Bytes of evidence chunks that wait at most; a further `put_chunks` waits for room.
    pub lane_bytes: u32,
    /// Reads that run at once; further ones wait.
    pub readers: usize,
    /// Pages of 4 KiB in the write-ahead log above which it is copied into the database.
    pub checkpoint_pages: u32,
    /// What to call at each moment of a commit.
    pub hook: Option<CommitHook>,
}

impl SqliteConfig {
    /// The usual bounds.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            batch_changes: 512,
            batch_bytes: 8 << 20,
            queue: 2_048,
            lane_bytes: 32 << 20,
            readers: 4,
            checkpoint_pages: 4_096,
            hook: None,
        }
    }
}
