//! The keyring's file: who may read it, and how a new one comes to be.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::{Keyring, KeyringError, random};

const LARGEST: usize = 64 * 1024;

impl Keyring {
    /// Reads a keyring file.
    ///
    /// # Errors
    /// [`KeyringError::ReadableByOthers`] if group or others have any permission on it, and
    /// whatever else is wrong with the file or its text.
    pub fn load(path: &Path) -> Result<Self, KeyringError> {
        let mut file = File::open(path).map_err(|e| KeyringError::File("opened", e))?;
        // Of the open file, not of the path: what was checked is what is read.
        let metadata = file.metadata().map_err(read_error)?;
        if !metadata.is_file() || metadata.len() > LARGEST as u64 {
            return Err(KeyringError::NotAKeyringFile);
        }
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyringError::ReadableByOthers(mode));
        }
        // One buffer of the full size, since a growing one would leave copies behind.
        let mut buffer = Zeroizing::new(vec![0; LARGEST]);
        let mut length = 0;
        loop {
            let Some(free) = buffer.get_mut(length..).filter(|free| !free.is_empty()) else {
                return Err(KeyringError::NotAKeyringFile);
            };
            match file.read(free) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(read_error(error)),
            }
        }
        let text = buffer.get(..length).unwrap_or_default();
        Self::parse(std::str::from_utf8(text).map_err(|_| KeyringError::NotAKeyringFile)?)
    }

    /// Makes a keyring with one key in a new file of mode 0600, and returns once both the file and
    /// its folder are on disk. An existing file is left alone and is an error. If the process is
    /// killed meanwhile, a file that does not load may stay behind: nothing was encrypted under
    /// it, and it can be deleted.
    ///
    /// # Errors
    /// [`KeyringError::File`], [`KeyringError::NoRandomness`].
    pub fn generate_at(path: &Path) -> Result<Self, KeyringError> {
        let text = generate()?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|e| KeyringError::File("created", e))?;
        let written = file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| File::open(folder_of(path))?.sync_all());
        if let Err(error) = written {
            // The first error is the one to report.
            let _ = std::fs::remove_file(path);
            return Err(KeyringError::File("written", error));
        }
        Self::parse(&text)
    }
}

fn read_error(error: io::Error) -> KeyringError {
    KeyringError::File("read", error)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn generate() -> Result<Zeroizing<String>, KeyringError> {
    let draw = || random::secret().map_err(|_| KeyringError::NoRandomness);
    let hex = |bytes: &[u8; 32]| Zeroizing::new(hex::encode(bytes));
    let (name, key, index) = (draw()?, draw()?, draw()?);
    // A name that no other keyring's key has: a value wrapped elsewhere is then reported as
    // needing a key that is not here, rather than as damaged.
    let id = hex::encode(name.first_chunk::<4>().unwrap_or(&[0; 4]));
    let (key, index) = (hex(&key), hex(&index));
    Ok(Zeroizing::new(format!(
        "{{\n  \"version\": 1,\n  \"primary\": \"k-{id}\",\n  \"keys\": [\n    \
         {{ \"id\": \"k-{id}\", \"secret\": \"{key}\" }}\n  ],\n  \"index_key\": \"{index}\"\n}}\n",
        key = key.as_str(),
        index = index.as_str(),
    )))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn in_folder(test: impl FnOnce(&Path)) {
        let folder = tempfile::tempdir().unwrap();
        test(&folder.path().join("keyring.json"));
    }

    #[test]
    fn a_generated_keyring_is_its_owners_alone_and_loads_again() {
        in_folder(|path| {
            let made = Keyring::generate_at(path).unwrap();
            assert_eq!(
                fs::metadata(path).unwrap().permissions().mode() & 0o7777,
                0o600
            );
            let loaded = Keyring::load(path).unwrap();
            assert_eq!(loaded.primary(), made.primary());
            assert_eq!(loaded.index_key(), made.index_key());
            assert!(loaded.keys().eq(made.keys()));
        });
    }

    #[test]
    fn two_generated_keyrings_have_nothing_in_common() {
        in_folder(|path| {
            let one = Keyring::generate_at(path).unwrap();
            let other = Keyring::generate_at(&path.with_extension("other")).unwrap();
            assert_ne!(one.primary(), other.primary());
            assert_ne!(one.index_key(), other.index_key());
            assert!(one.keys().zip(other.keys()).all(|(a, b)| a.1 != b.1));
        });
    }

    #[test]
    fn an_existing_file_is_never_overwritten() {
        in_folder(|path| {
            fs::write(path, "something").unwrap();
            let error = Keyring::generate_at(path).unwrap_err();
            assert!(error.to_string().contains("can't be created"), "{error}");
            assert_eq!(fs::read_to_string(path).unwrap(), "something");
        });
    }

    #[test]
    fn a_file_that_others_may_touch_is_refused() {
        in_folder(|path| {
            Keyring::generate_at(path).unwrap();
            for mode in [0o640, 0o604, 0o620, 0o610, 0o777] {
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
                let error = Keyring::load(path).unwrap_err().to_string();
                assert!(error.contains(&format!("{mode:04o}")), "{error}");
            }
            fs::set_permissions(path, fs::Permissions::from_mode(0o400)).unwrap();
            assert!(Keyring::load(path).is_ok());
        });
    }

    #[test]
    fn what_is_not_a_keyring_file_is_refused() {
        in_folder(|path| {
            let missing = Keyring::load(path).unwrap_err().to_string();
            assert!(missing.contains("can't be opened"), "{missing}");
            let folder = path.parent().unwrap();
            assert!(matches!(
                Keyring::load(folder),
                Err(KeyringError::NotAKeyringFile)
            ));
            for content in [vec![b' '; LARGEST + 1], vec![b' '; LARGEST], vec![0xff]] {
                fs::write(path, content).unwrap();
                fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
                assert!(matches!(
                    Keyring::load(path),
                    Err(KeyringError::NotAKeyringFile)
                ));
            }
        });
    }
}
