//! `[store]`: the folder that holds everything durable.

use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::section::{Asked, Section};
use super::value::Size;

/// The name of the admin socket in the folder.
const ADMIN_SOCKET: &str = "admin.sock";
/// The system bounds the paths of sockets, at about a hundred bytes.
const TOO_LONG: &str = "is too long for the path of the admin socket in it; a symbolic link to it \
                        with a shorter path will do";

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
        let folder = section.get("folder").filter(|folder: &PathBuf| {
            let has_room = SocketAddr::from_pathname(admin_socket(folder)).is_ok();
            if !has_room {
                section.fault("folder", TOO_LONG);
            }
            has_room
        });
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

    /// Where operators' commands reach the process that owns the folder.
    pub fn admin_socket(&self) -> PathBuf {
        admin_socket(&self.folder)
    }
}

fn admin_socket(folder: &Path) -> PathBuf {
    folder.join(ADMIN_SOCKET)
}
