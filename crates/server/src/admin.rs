//! The admin socket: where the commands of operators reach the process that owns the folder.
//!
//! Invariants: nobody but its owner can ever connect, since it has its mode before it listens; and it
//! is there only while its process has the folder's lock. So whoever has the lock may clear away one
//! that a killed process left behind.

use std::fs::{Permissions, symlink_metadata};
use std::io;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokio::net::{UnixListener, UnixSocket};

/// How many may wait to be accepted.
const BACKLOG: u32 = 16;
/// Its owner may connect, and nobody else.
const MODE: u32 = 0o600;

/// A socket that listens.
pub struct AdminSocket {
    /// What it takes connections with.
    pub listener: UnixListener,
    /// Takes it away when dropped.
    pub place: Place,
}

/// Where a socket is, for as long as it is.
pub struct Place {
    path: PathBuf,
    /// What the file system calls the socket itself, so that another one is never taken for it.
    identity: (u64, u64),
}

impl AdminSocket {
    /// Listens at a path in the folder, whose lock must be held.
    ///
    /// # Errors
    /// If something else is there, or the system refuses.
    pub fn bind(path: &Path) -> anyhow::Result<Self> {
        clear(path)?;
        let listen = || {
            let socket = UnixSocket::new_stream()?;
            socket.bind(path)?;
            let place = Place {
                path: path.to_owned(),
                identity: identity(path)?,
            };
            std::fs::set_permissions(path, Permissions::from_mode(MODE))?;
            let listener = socket.listen(BACKLOG)?;
            io::Result::Ok(Self { listener, place })
        };
        listen().with_context(|| format!("the admin socket {} can't be made", path.display()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let remove = || {
            // Whoever was cut at a deadline may have lost the folder to the next process already.
            if identity(&self.path)? == self.identity {
                std::fs::remove_file(&self.path)?;
            }
            io::Result::Ok(())
        };
        if let Err(error) = remove() {
            tracing::warn!(path = %self.path.display(), %error, "the admin socket is not as it was left");
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

/// Takes away the socket of a process that is gone.
fn clear(path: &Path) -> anyhow::Result<()> {
    match symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path)
            .with_context(|| format!("{} can't be taken away", path.display())),
        Ok(_) => anyhow::bail!("{} is in the way of the admin socket", path.display()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixStream;

    use super::*;

    #[tokio::test]
    async fn a_socket_is_its_owners_alone_replaces_a_dead_one_and_goes_with_its_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let first = AdminSocket::bind(&path).unwrap();
        let mode = symlink_metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, MODE);
        // A process that is killed takes nothing away.
        std::mem::forget(first.place);
        drop(first.listener);
        let dead = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(dead.kind(), ErrorKind::ConnectionRefused);

        let second = AdminSocket::bind(&path).unwrap();
        UnixStream::connect(&path).await.unwrap();
        let third = AdminSocket::bind(&path).unwrap();
        drop(second);
        UnixStream::connect(&path).await.unwrap();
        drop(third);
        assert!(symlink_metadata(&path).is_err());
    }

    #[tokio::test]
    async fn what_is_no_socket_is_never_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        std::fs::write(&path, "a file").unwrap();
        let error = AdminSocket::bind(&path).err().unwrap();
        assert!(error.to_string().contains("in the way"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a file");
    }
}
