//! `[store]`: the folder that holds everything durable.

use std::path::PathBuf;

use super::section::{Asked, Section};
use super::value::Size;

/// Where the store lives, and its bounds.
#[derive(Clone, Debug)]
pub struct Store {
    /// The folder, owned by one process at a time.
    pub folder: PathBuf,
    /// Changes committed together at most.
    pub batch_changes: usize,
    /// Changes that wait at most.
    pub queue: usize,
    /// Bytes of evidence that wait at most.
    pub evidence_queue: u32,
    /// Reads at once.
    pub readers: usize,
}

impl Store {
    /// Reads the section.
    pub fn read(mut section: Section<'_>) -> (Option<Self>, Asked) {
        let folder = section.get("folder");
        let batch_changes = section.within("batch_changes", 1..=100_000);
        let queue = section.within("queue", 1..=1_000_000);
        let evidence_queue = section.within("evidence_queue", Size::mib(1)..=Size::mib(1_024));
        let readers = section.within("readers", 1..=64);
        let asked = section.finish();
        let read = || {
            Some(Self {
                folder: folder?,
                batch_changes: batch_changes?,
                queue: queue?,
                evidence_queue: u32::try_from(evidence_queue?.0).ok()?,
                readers: readers?,
            })
        };
        (read(), asked)
    }
}
