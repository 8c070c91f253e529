//! The folder: who may read it, and who owns it.
//!
//! One process owns a folder for as long as it lives, through an exclusive lock of the operating
//! system on `verilane.lock`. The lock goes with the process, so a crash leaves nothing to clean
//! up. Only the owner of the process may read the files inside.
//!
//! A folder that is made here is its owner's alone. One that exists is its owner's business, and
//! its mode is never changed: it can hold other things, or be a mounted volume that a group shares.
//! Only one in which anybody may put files is refused, since they could stand in for ours.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::OpenError;

const DATABASE: &str = "verilane.db";
const LOCK: &str = "verilane.lock";

/// A folder that is ours until this is dropped.
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if need be, and takes it.
    pub(crate) fn take(path: &Path) -> Result<Self, OpenError> {
        let fault = |path: &Path| {
            let path = path.to_owned();
            move |cause| OpenError::Folder { path, cause }
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(fault(path))?;
        judge(path, path.metadata().map_err(fault(path))?.mode())?;
        let lock_path = path.join(LOCK);
        let lock = private_file(&lock_path).map_err(fault(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse {
                    folder: path.to_owned(),
                });
            }
            Err(TryLockError::Error(cause)) => return Err(fault(&lock_path)(cause)),
        }
        // SQLite gives its other files the mode of this one.
        let database = path.join(DATABASE);
        drop(private_file(&database).map_err(fault(&database))?);
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// The database file.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }
}

/// Refuses a folder in which anybody can put files, and says who else has access.
fn judge(path: &Path, mode: u32) -> Result<(), OpenError> {
    if mode & 0o002 != 0 {
        return Err(OpenError::WritableByAnybody {
            folder: path.to_owned(),
        });
    }
    let who = match mode {
        group if group & 0o020 != 0 => "its group may write to the store's folder",
        others if others & 0o077 != 0 => "others may list the store's folder",
        _ => return Ok(()),
    };
    let mode = format!("{:04o}", mode & 0o7777);
    tracing::warn!(folder = %path.display(), mode, "{who}");
    Ok(())
}

fn private_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    shut(path)?;
    Ok(file)
}

/// Takes away what others may do. A mounted volume can belong to somebody else, who then answers
/// for its mode.
fn shut(path: &Path) -> io::Result<()> {
    if path.metadata()?.mode() & 0o077 == 0 {
        return Ok(());
    }
    match std::fs::set_permissions(path, Permissions::from_mode(0o600)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            tracing::warn!(path = %path.display(), "others may read this, and its mode can't be changed");
            Ok(())
        }
        other => other,
    }
}
